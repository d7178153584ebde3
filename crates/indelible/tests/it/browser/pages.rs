//! Sites, history, search by id, integrity, failures; and what holds for every page.

use model::Role;
use serde_json::{Value, json};
use tlog::{Checkpoint, VerifierKey};

use super::{Browser, append, server_with};
use crate::support::Server;

const FIRST: &str = "0193aaaa-0000-7000-8000-000000000001";

/// Three changes of one page, one of another, not in the order in which they happened.
fn story() -> Vec<Value> {
    let entry = |id: &str, time: &str, action: &str, entity: Value| {
        json!({"id": id, "occurred_at": time, "action": action, "entity": entity,
            "actor": {"type": "user", "id": "42", "name": "Ana"},
            "before": {"title": "a"}, "after": {"title": "b"}})
    };
    let home = json!({"type": "page", "id": "home-1", "title": "Home"});
    vec![
        entry(FIRST, "2026-11-20T10:00:00Z", "wagtail.publish", home.clone()),
        entry("0193aaaa-0000-7000-8000-000000000002", "2026-11-19T10:00:00Z", "wagtail.create", home.clone()),
        entry("0193aaaa-0000-7000-8000-000000000003", "2026-11-20T09:00:00Z", "wagtail.edit", home),
        entry(
            "0193aaaa-0000-7000-8000-000000000004",
            "2026-11-20T11:00:00Z",
            "wagtail.create",
            json!({"type": "page", "id": "shared", "title": "Contact"}),
        ),
    ]
}

async fn server() -> Server {
    let server = server_with(&story()).await;
    server.create_site("acme.docs");
    let entity = json!({"type": "image", "id": "shared", "title": "Logo"});
    append(&server, "acme.docs", &[json!({"action": "wagtail.create", "entity": entity})]).await;
    server
}

#[tokio::test]
async fn sites_are_listed_with_their_last_entry() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::SuperAdmin, None).await;
    assert_eq!(browser.place().await, "/");
    let rows = browser.texts(".sites tbody tr").await;
    let row = |start: &str| rows.iter().find(|row| row.starts_with(start)).unwrap();
    assert_eq!(rows.len(), 3, "{rows:?}");
    assert!(rows[2].starts_with("System _system none"), "{rows:?}");
    let www = row("acme.www");
    assert!(www.contains(" acme 4 ") && www.contains(" Ana 4 ") && www.ends_with("Signed"), "{www}");
    assert!(row("acme.docs").contains(" acme 1 "));

    browser.press(".sites a[href='/sites/acme.docs']").await;
    assert_eq!(browser.texts(".list tbody .c-entity a").await, ["Logo"]);
    browser.go("/activity").await;
    assert_eq!(browser.text("h1").await, "Activity of all sites");
    let sites = browser.texts(".list tbody .c-site").await;
    assert!(["acme.www", "acme.docs", "System"].iter().all(|site| sites.iter().any(|shown| shown == site)));
}

#[tokio::test]
async fn a_history_begins_with_the_oldest() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go(&format!("/sites/acme.www/entries/{FIRST}")).await;
    browser.follow("History of this entity").await;
    assert_eq!(browser.text("h1").await, "History of Home");
    assert_eq!(browser.texts(".day h2").await, ["Thursday, 19 November 2026", "Friday, 20 November 2026"]);
    assert_eq!(browser.texts(".timeline time").await, ["10:00:00", "09:00:00", "10:00:00"]);
    let lines = browser.texts(".timeline .what").await;
    let deeds = ["Create", "Edit", "Publish"];
    assert!(
        lines.iter().zip(deeds).all(|(line, deed)| line.contains(deed) && line.contains("Ana")),
        "{lines:?}"
    );
    browser.follow("Show as list").await;
    assert_eq!(browser.count(".list .cover").await, 3);
}

#[tokio::test]
async fn ids_are_found_whatever_they_belong_to() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::SuperAdmin, None).await;
    let find = async |id: &str| {
        browser.fill("find", id).await;
        let field = browser.find("#find").await;
        browser.leave(async || field.send_keys("\u{e007}").await.unwrap()).await;
        browser.place().await
    };
    assert_eq!(find(FIRST).await, format!("/sites/acme.www/entries/{FIRST}"));
    assert_eq!(find("home-1").await, "/sites/acme.www/entities/page/home-1");
    assert_eq!(find(" shared ").await, "/find?id=+shared+");
    let mut hits = browser.texts(".hits a").await;
    hits.sort();
    assert_eq!(hits, ["Contact (page)", "Logo (image)"]);
    assert_eq!(find("nowhere").await, "/find?id=nowhere");
    assert_eq!(browser.text(".empty h2").await, "Nothing has this id");
}

#[tokio::test]
async fn the_shown_key_verifies_the_shown_checkpoint() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.follow("Integrity").await;
    assert!(browser.text(".verdict").await.starts_with("4 entries, head signed"));
    let blocks =
        browser.run("return [...document.querySelectorAll('pre')].map(pre => pre.textContent)", "").await;
    let (note, key) = (blocks[0].as_str().unwrap(), blocks[1].as_str().unwrap());
    let key: VerifierKey = key.trim().parse().unwrap();
    let checkpoint = Checkpoint::verify(note, key.name(), std::slice::from_ref(&key)).unwrap();
    assert_eq!(checkpoint.size(), 4);
    let facts = browser.text(".facts").await;
    assert!(facts.contains(&checkpoint.root().to_string()), "{facts}");
    let altered = note.replacen("\n4\n", "\n5\n", 1);
    assert!(Checkpoint::verify(&altered, key.name(), std::slice::from_ref(&key)).is_err());
}

#[tokio::test]
async fn failures_say_what_to_do() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, None).await;
    for path in [
        "/nothing/here",
        "/sites/acme.www/entries/0193aaaa-0000-7000-8000-00000000ffff",
        "/sites/acme.www/entries/not-an-id",
        "/sites/acme.www/entities/page/nobody",
    ] {
        browser.go(path).await;
        assert_eq!(browser.texts("main .status, main h1").await, ["404", "Not found"], "{path}");
        assert_eq!(browser.count("main code.pick").await, 1, "a request id at {path}");
    }
    browser.go("/sites/acme.www?cursor=broken").await;
    assert_eq!(browser.text("main h1").await, "This request cannot be answered");
    browser.follow("Go to the start").await;
    assert_eq!(browser.place().await, "/");
}

#[tokio::test]
async fn every_page_fits_a_narrow_screen() {
    let server = server().await;
    let long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk".repeat(4);
    let entry = json!({
        "id": "0193aaaa-0000-7000-8000-00000000000a",
        "occurred_at": "2026-11-21T00:00:00Z",
        "action": format!("page.{}", "x".repeat(60)),
        "outcome": "failure",
        "actor": {"type": "user", "id": long, "name": long, "email": long, "roles": [long]},
        "entity": {"type": "x".repeat(60), "id": long, "title": long, "url": format!("https://example.com/{long}")},
        "summary": long, "reason": long, "errors": [long],
        "before": {long.clone(): long, "t": {"deep": [{"deeper": long}]}}, "after": {long.clone(): {"x": long}, "z": long},
        "origin": {"user_agent": long, "path": format!("/{long}"), "request_id": long},
        "data": {"x": long},
    });
    append(&server, "acme.www", &[entry]).await;
    let browser = Browser::open(&server).await;
    browser.resize(320, 640).await;
    let fits = async |page: &str| {
        let width = browser.run("return document.documentElement.scrollWidth", "").await;
        assert_eq!(width, 320, "{page}");
    };
    browser.go("/sign-in").await;
    fits("/sign-in").await;
    browser.sign_in(&server.token(Role::SuperAdmin, None)).await;
    browser.go("/sites/acme.www/entries/0193aaaa-0000-7000-8000-00000000000a").await;
    let history = browser.attributes(".side a[href*='/entities/']", "href").await.remove(0);
    for page in [
        "/",
        "/activity",
        "/sites/acme.www",
        "/sites/acme.www?kind=delete&user=nobody",
        "/sites/acme.www?kind=upsert#filters",
        "/sites/acme.www?entity_type=page#filters",
        "/sites/acme.www/entries/0193aaaa-0000-7000-8000-00000000000a",
        &history,
        "/sites/acme.www/integrity",
        "/find?id=shared",
        "/find?id=nowhere",
        "/nothing/here",
    ] {
        browser.go(page).await;
        // What is folded must fit as well.
        browser.run("document.querySelectorAll('main details').forEach(d => { d.open = true })", "").await;
        fits(page).await;
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn everything_works_without_scripts() {
    let server = server().await;
    let browser = Browser::open_without_scripts(&server).await;
    browser
        .client
        .goto("data:text/html,<title>no</title><script>document.title = 'yes'</script>")
        .await
        .unwrap();
    assert_eq!(browser.title().await, "no", "scripts are off");

    browser.sign_in(&server.token(Role::Auditor, Some("acme.www"))).await;
    browser.find("#f-action").await.select_by_value("wagtail.publish").await.unwrap();
    browser.press(".filters button").await;
    assert_eq!(browser.client.find_all(super::Locator::Css(".list .cover")).await.unwrap().len(), 1);
    browser.press(".list .cover").await;
    assert_eq!(browser.title().await, "Ana published Home · Indelible");
    browser.click(".raw summary").await;
    assert!(browser.find(".raw pre").await.is_displayed().await.unwrap());
    browser.click(".account summary").await;
    browser.press(".account button").await;
    assert_eq!(browser.title().await, "Sign in · Indelible");
}

#[tokio::test]
async fn the_keyboard_goes_through_a_page_in_reading_order() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    let mut visited = Vec::new();
    for _ in 0..48 {
        let focused = browser.client.active_element().await.unwrap();
        focused.send_keys("\u{e004}").await.unwrap();
        let script = "const e = document.activeElement;
            e.getAnimations().forEach(animation => animation.finish());
            const box = e.getBoundingClientRect(), style = getComputedStyle(e);

            const row = e.closest('tr'), ring = style.outlineStyle != 'none' || (row !== null && getComputedStyle(row).outlineStyle != 'none');
            return {id: e.id || e.className || e.innerText, ring, y: Math.round(box.y), shown: box.width > 0 && box.y >= 0}";
        visited.push(browser.run(script, "").await);
    }
    let unseen = visited.iter().find(|step| step["ring"] != true || step["shown"] != true);
    assert_eq!(unseen, None, "a focus that cannot be seen");
    let place = |id: &str| {
        let place = visited.iter().position(|step| step["id"].as_str().unwrap().starts_with(id));
        place.unwrap_or_else(|| panic!("{id} in {visited:?}"))
    };
    let order = ["skip", "mark", "find", "f-from", "f-user", "f-limit", "button", "cover"].map(place);
    assert!(order.is_sorted(), "{order:?}");
}

#[tokio::test]
async fn a_history_tells_the_state_at_a_point_and_between_two() {
    let entry = |time: &str, before: Value, after: Value| {
        json!({"occurred_at": time, "action": "wagtail.edit", "entity": {"type": "page", "id": "1"},
            "before": before, "after": after})
    };
    let server = server_with(&[
        entry("2026-11-20T10:00:00Z", json!({"t": "a", "n": 1}), json!({"t": "b", "n": 1})),
        entry("2026-11-20T11:00:00Z", json!({"t": "b", "n": 1}), json!({"t": "c", "n": 1})),
        entry("2026-11-20T12:00:00Z", json!({"t": "c", "n": 1}), json!({"t": "c", "n": 2})),
    ])
    .await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go("/sites/acme.www/entities/page/1").await;
    assert_eq!(browser.count(".told").await, 0);
    browser.run("document.querySelector('#point').value = 2", "").await;
    browser.press(".slider .button:not([name])").await;
    assert_eq!(browser.text(".told h2").await, "As of 2026-11-20 11:00:00.000 UTC");
    let mut rows = browser.texts(".told tbody tr").await;
    rows.sort();
    assert_eq!(rows, ["n 1", "t c"]);
    browser.click("[name=compare][value='1']").await;
    browser.click("[name=compare][value='3']").await;
    browser.press("[name=show]").await;
    let heading = browser.text(".told h2").await;
    assert_eq!(heading, "From 2026-11-20 10:00:00.000 UTC to 2026-11-20 12:00:00.000 UTC");
    let rows = browser.attributes(".told tbody td[data-side]", "data-side").await;
    assert_eq!(rows, ["Before", "After", "Before", "After"]);
    assert_eq!(browser.texts(".told del").await.len(), 2);
    browser.click("[name=compare][value='1']").await;
    browser.press("[name=show]").await;
    assert_eq!(browser.text(".told h2").await, "Nothing to compare");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
