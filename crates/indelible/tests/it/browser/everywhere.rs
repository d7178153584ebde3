//! What holds for every page: an accessibility engine finds nothing in either theme, and it is small.

use std::path::{Path, PathBuf};

use model::Role;
use serde_json::{Value, json};

use super::{Browser, append, server_with};
use crate::support::Server;

/// Where `scripts/test` puts the engine, below the target directory.
const ENGINE: &str = "axe-core-4.14.1/axe.min.js";

/// Bytes of a page with all that it loads, as they travel.
const PAGE_BYTES_MAX: u64 = 100_000;

const FIRST: &str = "0193aaaa-0000-7000-8000-000000000001";

/// Every page, in every state that has a look of its own.
const PAGES: [&str; 27] = [
    "/",
    "/activity",
    "/sites/acme.www",
    "/sites/acme.www?user=42",
    "/sites/acme.www?columns=user.action.entity.ip.connector.source.channel.method.path",
    "/sites/acme.www?user=nobody",
    "/sites/acme.www?q=kind%3A(",
    "/sites/acme.empty",
    "/sites/acme.www/entries/0193aaaa-0000-7000-8000-000000000001",
    "/sites/acme.www/entries/0193aaaa-0000-7000-8000-000000000001?diff=unified",
    "/sites/acme.www/entries/0193aaaa-0000-7000-8000-000000000002",
    "/sites/acme.www/entries/0193aaaa-0000-7000-8000-000000000001/revert",
    "/sites/acme.www/entities/page/1",
    "/sites/acme.www/entities/page/1?point=2",
    "/sites/acme.www/entities/page/1?compare=1&compare=3&show=compare",
    "/sites/acme.www/actors/user/42",
    "/sites/acme.www/integrity",
    "/sites/acme.www/connectors",
    "/sites/acme.www/settings",
    "/sites/acme.www/settings?keep=days&days=x&preview=yes",
    "/sites/acme.empty/integrity",
    "/sites/acme.empty/connectors",
    "/find?id=1",
    "/find?id=nowhere",
    "/account",
    "/access",
    "/nothing/here",
];

async fn server() -> Server {
    let actions = ["wagtail.publish", "wagtail.edit", "wagtail.delete", "auth.login"];
    let entry = |number: u32, before: Value, after: Value| {
        let action = actions[usize::try_from(number).unwrap() % actions.len()];
        json!({
            "id": format!("0193aaaa-0000-7000-8000-{number:012}"),
            "occurred_at": format!("2026-11-20T{:02}:00:00Z", number % 24),
            "actor": {"type": "user", "id": (40 + number % 3).to_string(), "name": "Ana", "email": "ana@example.com"},
            "action": action,
            "outcome": if number.is_multiple_of(5) { "failure" } else { "success" },
            "entity": {"type": "page", "id": (number / 40 + 1).to_string(), "title": "Home"},
            "summary": "Saved", "reason": "ticket 91", "before": before, "after": after,
            "origin": {"ip": "203.0.113.9", "user_agent": "Firefox", "channel": "admin", "method": "POST", "path": "/home"},
            "correlation_id": format!("0193bbbb-0000-7000-8000-{:012}", number / 4),
            "connector": "wagtail", "data": {"a": 1},
        })
    };
    let state = |number: u32| json!({"title": format!("T{number}"), "cards": [{"n": number}, 2], "body": "x", "updated_at": number});
    let mut entries: Vec<Value> =
        (1..=60).map(|number| entry(number, state(number), state(number + 1))).collect();
    entries[0]["actor"]["id"] = json!("42");
    entries[1].as_object_mut().unwrap().remove("before");
    let server = server_with(&entries).await;
    server.create_site("acme.empty");
    append(&server, "acme.www", &[json!({"action": "indelible.gap", "entity": {"type": "site", "id": "1"}})])
        .await;
    server
}

/// The engine's source.
fn engine() -> String {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
    let path = target.join(ENGINE);
    std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}: run scripts/test, which fetches it", path.display()))
}

impl Browser {
    async fn theme(&self, theme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": theme}]});
        self.cdp("Emulation.setEmulatedMedia", &features).await;
    }

    /// What the engine finds on the page, with all that is folded open; and how many of its rules it could apply.
    async fn inspected(&self, engine: &str) -> (Vec<String>, u64) {
        const RUN: &str = "document.querySelectorAll('main details').forEach(d => { d.open = true });
            return axe.run(document, {resultTypes: ['violations']}).then(result => ({
                applied: result.passes.length,
                found: result.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target.join(' ')).slice(0, 3).join(', ')}`),
            }))";
        self.run(engine, "").await;
        let result = self.run(RUN, "").await;
        let found = result["found"].as_array().unwrap().iter();
        (found.map(|found| found.as_str().unwrap().to_owned()).collect(), result["applied"].as_u64().unwrap())
    }
}

#[tokio::test]
async fn an_accessibility_engine_finds_nothing_in_either_theme() {
    let (server, engine) = (server().await, engine());
    let browser = Browser::open(&server).await;
    let mut found = Vec::new();
    for theme in ["light", "dark"] {
        browser.cdp("Network.clearBrowserCookies", &json!({})).await;
        browser.theme(theme).await;
        browser.go("/sign-in").await;
        let dark = browser.run("return matchMedia('(prefers-color-scheme: dark)').matches", "").await;
        assert_eq!(dark, theme == "dark");
        found.extend(
            browser.inspected(&engine).await.0.iter().map(|found| format!("{theme} /sign-in {found}")),
        );
        browser.sign_in(&server.token(Role::SuperAdmin, None)).await;
        for page in PAGES {
            browser.go(page).await;
            let (violations, applied) = browser.inspected(&engine).await;
            assert!(applied > 10, "{page}: only {applied} rules applied");
            found.extend(violations.iter().map(|found| format!("{theme} {page} {found}")));
        }
    }
    assert_eq!(found, Vec::<String>::new());
    // It would find something.
    browser.run("document.querySelector('h1').style.color = '#888'; document.querySelector('h1').style.background = '#999'", "").await;
    assert_ne!(browser.inspected(&engine).await.0, Vec::<String>::new());
    browser.theme("").await;
}

#[tokio::test]
async fn every_page_is_small() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::SuperAdmin, None).await;
    browser.cdp("Network.setCacheDisabled", &json!({"cacheDisabled": true})).await;
    let loaded =
        "return performance.getEntries().reduce((sum, entry) => sum + (entry.encodedBodySize || 0), 0)";
    for page in PAGES {
        browser.go(page).await;
        let bytes = browser.run(loaded, "").await.as_u64().unwrap();
        assert!((10_000..PAGE_BYTES_MAX).contains(&bytes), "{page} travels as {bytes} bytes");
    }
    browser.cdp("Network.setCacheDisabled", &json!({"cacheDisabled": false})).await;
}

#[tokio::test]
async fn every_page_fits_a_narrow_screen_and_needs_no_scripts() {
    let server = server().await;
    let browser = Browser::open_without_scripts(&server).await;
    browser.sign_in(&server.token(Role::SuperAdmin, None)).await;
    let plain = Browser::signed_in(&server, Role::SuperAdmin, None).await;
    plain.resize(320, 640).await;
    for page in PAGES {
        // The driver cannot ask a page without scripts how wide it is; what it says is asked of its source.
        browser.go(page).await;
        let source = browser.client.source().await.unwrap();
        assert!(source.contains("<h1") && source.contains("</html>"), "{page}");
        plain.go(page).await;
        plain.run("document.querySelectorAll('main details').forEach(d => { d.open = true })", "").await;
        assert_eq!(plain.run("return document.documentElement.scrollWidth", "").await, 320, "{page}");
    }
    assert_eq!(plain.complaints().await, Vec::<String>::new());
    assert!(PAGES.iter().any(|page| page.contains(FIRST)));
}
