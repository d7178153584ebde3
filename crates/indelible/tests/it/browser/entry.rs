//! One entry: what changed, who did it, and that nothing in it runs.

use model::Role;
use serde_json::{Value, json};

use super::{Browser, server_with};

fn edit() -> Value {
    json!({
        "id": "0193aaaa-0000-7000-8000-000000000001",
        "occurred_at": "2026-11-20T04:15:15.123Z",
        "actor": {"type": "user", "id": "42", "name": "Ana", "email": "ana@example.com", "roles": ["editor"]},
        "action": "wagtail.edit",
        "entity": {"type": "page", "id": "1002", "title": "Home", "url": "https://www.example.com/"},
        "summary": "Draft saved", "reason": "ticket 91",
        "before": {"title": "Home", "body": "We sell three lamps here.", "live": true, "gone": 1,
            "menu": {"a": 1, "b": [1, 2]}, "note": null},
        "after": {"title": "Home", "body": "We sell four lamps here.", "live": true, "fresh": "",
            "menu": {"a": 1, "b": [1, 3]}, "note": null},
        "origin": {"ip": "203.0.113.9", "user_agent": "Firefox", "channel": "admin"},
    })
}

#[tokio::test]
async fn only_what_changed_is_marked_and_the_rest_is_folded() {
    let server = server_with(&[edit()]).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go("/sites/acme.www/entries/0193aaaa-0000-7000-8000-000000000001").await;

    assert_eq!(browser.text("h1").await, "Ana edited Home");
    assert_eq!(browser.text(".marks .exact").await, "2026-11-20 04:15:15.123 UTC");
    assert_eq!(browser.texts(".said dd").await, ["Draft saved", "ticket 91"]);
    assert_eq!(browser.text("#changes").await, "4 changed fields");

    let mut rows = Vec::new();
    for side in [".path", "td[data-side=Before]", "td[data-side=After]"] {
        rows.push(browser.texts(&format!("section > .diff tbody tr {side}")).await);
    }
    let find = |field: &str| {
        rows[0].iter().position(|path| path.ends_with(field)).unwrap_or_else(|| panic!("{field} in {rows:?}"))
    };
    let row = |field: &str| (rows[1][find(field)].as_str(), rows[2][find(field)].as_str());
    assert_eq!(rows[0].len(), 4, "{:?}", rows[0]);
    assert_eq!(row("body"), ("We sell three lamps here.", "We sell four lamps here."));
    assert_eq!(row("gone"), ("1", "not present"));
    assert_eq!(row("fresh"), ("not present", "empty text"));
    assert_eq!(row("menu.b[1]"), ("2", "3"));
    assert_eq!(browser.texts(".diff del").await, ["three", "1", "2"]);
    assert_eq!(browser.texts(".diff ins").await, ["four", "3"]);

    let unchanged = ".raw .diff .path";
    assert_eq!(browser.texts(".raw > summary").await, ["3 unchanged fields", "Raw JSON"]);
    assert!(!browser.find(unchanged).await.is_displayed().await.unwrap());
    browser.click(".raw > summary").await;
    assert_eq!(browser.texts(unchanged).await, ["title", "live", "note"]);

    let facts = browser.texts(".side").await.join("\n");
    for fact in ["ana@example.com", "203.0.113.9", "admin", "1002", "Signed, position 1 of 1"] {
        assert!(facts.contains(fact), "{fact} in {facts}");
    }
    browser.follow("203.0.113.9").await;
    assert_eq!(browser.place().await, "/sites/acme.www?ip=203.0.113.9");
    assert_eq!(browser.count(".list .cover").await, 1);
}

#[tokio::test]
async fn sentences_do_not_say_that_failures_were_done() {
    let ana = json!({"type": "user", "id": "42", "name": "Ana"});
    let page = json!({"type": "page", "id": "1", "title": "Home"});
    let deed = |action: &str, outcome: &str, entity: &Value| json!({"action": action, "outcome": outcome, "actor": ana, "entity": entity});
    let own = json!({"type": "user", "id": "42", "title": "Ana"});
    let cases = [
        (deed("cms.publish", "success", &page), "Ana published Home"),
        (deed("cms.publish", "failure", &page), "Ana tried “Publish” on Home"),
        (deed("cms.login", "success", &own), "Ana logged in"),
        (deed("cms.login", "failure", &own), "Ana tried “Log in”"),
        (deed("cms.permission_denied", "failure", &page), "Ana was denied access to Home"),
        (deed("shelf.moved", "success", &page), "Ana moved Home"),
        (deed("shelf.moved", "failure", &page), "Ana did shelf.moved on Home"),
        (deed("price.recalculation", "success", &page), "Ana did price.recalculation on Home"),
        (
            json!({"action": "cms.update", "actor": {"type": "user", "id": "7"}, "entity": page}),
            "User 7 updated Home",
        ),
    ];
    let entries: Vec<Value> = cases.iter().map(|(entry, _)| entry.clone()).collect();
    let server = server_with(&entries).await;
    let (_, list) = server.get("/api/v1/sites/acme.www/entries").await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    for entry in list["data"].as_array().unwrap() {
        let (_, sentence) = cases[usize::try_from(entry["index"].as_u64().unwrap()).unwrap()];
        browser.go(&format!("/sites/acme.www/entries/{}", entry["id"].as_str().unwrap())).await;
        assert_eq!(browser.text("h1").await, sentence);
        assert_eq!(browser.title().await, format!("{sentence} · Indelible"));
    }
}

/// What an attacker would like a browser to read as markup, in a text, in an attribute and in a URL.
const HOSTILE: &str = r#""'></script><script>document.title='owned'</script><img src=x onerror="document.title='owned'"><svg onload="document.title='owned'"><a href="javascript:document.title='owned'">"#;

#[tokio::test]
async fn markup_from_entries_is_text_everywhere() {
    let hostile = json!({
        "id": "0193aaaa-0000-7000-8000-000000000002",
        "actor": {"type": "user", "id": HOSTILE, "name": HOSTILE, "email": HOSTILE, "roles": [HOSTILE],
            "on_behalf_of": {"type": "user", "id": HOSTILE}},
        "action": "page.update",
        "outcome": "failure",
        "entity": {"type": HOSTILE, "id": HOSTILE, "title": HOSTILE, "url": "javascript:document.title='owned'"},
        "summary": HOSTILE, "reason": HOSTILE, "errors": [HOSTILE],
        "before": {HOSTILE: HOSTILE, "nested": {HOSTILE: [HOSTILE]}, "same": HOSTILE},
        "after": {HOSTILE: format!("{HOSTILE} {HOSTILE}"), "nested": {HOSTILE: [1]}, "same": HOSTILE},
        "origin": {"user_agent": HOSTILE, "method": HOSTILE, "route": HOSTILE, "path": HOSTILE, "query": HOSTILE,
            "ref": HOSTILE, "request_id": HOSTILE, "session_id": HOSTILE, "channel": HOSTILE},
        "data": {HOSTILE: HOSTILE},
        "connector": "test",
    });
    let server = server_with(&[hostile]).await;
    let browser = Browser::signed_in(&server, Role::SuperAdmin, None).await;
    let entry = "/sites/acme.www/entries/0193aaaa-0000-7000-8000-000000000002";
    browser.go(entry).await;
    let history = browser.attributes(".side a[href*='/entities/']", "href").await.remove(0);
    let query = encoded("user", HOSTILE);
    let pages = [
        "/",
        "/sites/acme.www",
        entry,
        &history,
        "/activity",
        &format!("/sites/acme.www?{query}"),
        "/find?id=<b>x",
    ];
    for page in pages {
        browser.go(page).await;
        let shown = browser.run("return document.body.textContent", "").await;
        let shown = shown.as_str().unwrap();
        let text = if page.starts_with("/find") { "<b>x" } else { HOSTILE };
        assert!(shown.contains(text), "{page}: {shown}");
        for made in [
            "script:not([src^='/assets/app.js?v='])",
            "img",
            "body b",
            "[onerror], [onload]",
            "a[href^='javascript']",
            "bdi > *",
            ".value > :not(ins, del)",
        ] {
            assert_eq!(browser.count(made).await, 0, "{made} in {page}");
        }
        assert!(browser.title().await.ends_with(" · Indelible"), "{page}");
    }
    // Neither did anything try to run and was only stopped by the policy.
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

fn encoded(name: &str, value: &str) -> String {
    reqwest::Url::parse_with_params("http://x/", [(name, value)]).unwrap().query().unwrap().to_owned()
}
