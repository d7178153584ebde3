//! What sends a site its entries, and who an entry's actor is.

use model::Role;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{Browser, server_with};
use crate::support::{Server, token};

const PAGE: &str = "/sites/acme.www/connectors";

#[tokio::test]
async fn connectors_are_listed_with_what_they_sent_and_what_was_refused() {
    let server = Server::start().await;
    let shop = token(&server.indelible, "shop", Role::Writer, Some("acme.www"));
    drop(token(&server.indelible, "never-used", Role::Writer, Some("acme.www")));
    let send = async |body: serde_json::Value| {
        let request = server.request_as(&shop, Method::POST, "/api/v1/sites/acme.www/entries");
        request.header(CONTENT_TYPE, "application/json").body(body.to_string()).send().await.unwrap().status()
    };
    let page = |id: &str| json!({"action": "page.update", "entity": {"type": "page", "id": id}, "connector": "site-cms"});
    let gap = json!({"action": "indelible.gap", "entity": {"type": "site", "id": "acme.www"}, "summary": "3 entries are missing"});
    assert_eq!(
        send(json!([page("1"), page("2"), {"action": "page.update", "entity": {"type": "page"}}])).await,
        207
    );
    assert_eq!(
        send(json!({"action": "page.update", "entity": {"type": "page", "id": "1"}, "colour": "<b>red</b>"}))
            .await,
        422
    );
    assert_eq!(send(gap).await, StatusCode::CREATED);
    let set = json!({"revert_url": "https://cms.example.com/revert", "revert_secret": "never-shown-again"});
    let request = server.request(Method::PUT, "/api/v1/sites/acme.www/connectors/site-cms");
    let answer = request.header(CONTENT_TYPE, "application/json").body(set.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);

    let browser = Browser::signed_in(&server, Role::Owner, Some("acme.www")).await;
    browser.follow("Connectors").await;
    let senders = browser.texts(".senders tbody tr").await;
    let row = |name: &str| {
        senders.iter().find(|row| row.starts_with(name)).unwrap_or_else(|| panic!("{name} in {senders:?}"))
    };
    let (shop, never) = (row("shop"), row("never-used"));
    assert!(
        shop.starts_with("shop site-cms") && shop.contains(" 3 3 2 ") && shop.ends_with("Sends"),
        "{shop}"
    );
    assert!(never.contains(" 0 0 none never ") && never.ends_with("Never sent"), "{never}");
    let connectors = browser.texts("section[aria-labelledby=connectors] tbody tr").await;
    assert_eq!(connectors, ["site-cms 2 2 Endpoint set https://cms.example.com/revert"]);
    assert_eq!(browser.text("section[aria-labelledby=gaps] .related a").await, "shop: 3 entries are missing");
    let refused = browser.text("#refused tbody tr").await;
    assert!(
        refused.starts_with("shop 2 ") && refused.contains(" colour not a field of an entry"),
        "{refused}"
    );
    let since = browser.text("#refused .exact").await;
    assert!(since.ends_with(" UTC"), "{since}");
    let source = browser.run("return document.documentElement.outerHTML", "").await.to_string();
    assert!(!source.contains("never-shown-again"));
    browser.press(".senders a[href*='shop']").await;
    assert_eq!(browser.count(".list .cover").await, 3);
    assert_eq!(browser.complaints().await, Vec::<String>::new());

    // Who only reads sees what sends and what is missing, but neither addresses nor refusals.
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go(PAGE).await;
    assert_eq!(browser.count("#refused").await, 0);
    let connectors = browser.texts("section[aria-labelledby=connectors] tbody tr").await;
    assert_eq!(connectors, ["site-cms 2 2 Endpoint set not shown"]);
    assert_eq!(browser.count(".senders tbody tr").await, 1);
}

#[tokio::test]
async fn a_site_that_nothing_sends_to_says_so() {
    let server = Server::start().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go(PAGE).await;
    let boxes = browser.texts("main .box").await;
    assert_eq!(
        boxes,
        [
            "Nothing has sent an entry yet. Send the first one",
            "No entry names a connector, and none is set.",
            "No sender has told of entries that it lost."
        ]
    );
    browser.follow("Send the first one").await;
    assert_eq!(browser.text(".empty h2").await, "No entries yet");
}

#[tokio::test]
async fn an_actor_has_a_page_that_entries_and_lists_lead_to() {
    let entry = |number: usize, name: &str, id: &str| {
        json!({
            "occurred_at": format!("2026-11-{:02}T10:00:00Z", number + 1),
            "actor": {"type": "user", "id": id, "name": name, "email": "ana@example.com", "roles": ["editor"]},
            "action": if number.is_multiple_of(3) { "wagtail.publish" } else { "wagtail.edit" },
            "entity": {"type": "page", "id": "1", "title": "Home"},
            "origin": {"ip": "203.0.113.9", "channel": "admin"},
        })
    };
    let mut entries: Vec<_> = (0..25).map(|number| entry(number, "Ana", "42")).collect();
    entries.push(entry(0, "Ben", "7"));
    let server = server_with(&entries).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.press(".list tbody .cover").await;
    browser.press(".side a[href*='/actors/']").await;
    assert_eq!(browser.place().await, "/sites/acme.www/actors/user/42");
    assert_eq!(browser.text("h1").await, "Ana");
    assert!(browser.text(".marks").await.starts_with("user 25 entries"));
    let side = browser.text(".side").await;
    for fact in ["ana@example.com", "editor", "admin", "203.0.113.9", "Edit 16", "Publish 9"] {
        assert!(side.contains(fact), "{fact} in {side}");
    }
    assert_eq!(browser.count(".histogram a").await, 25);
    assert_eq!(browser.count(".list .cover").await, 20);
    browser.follow("All of their entries").await;
    assert_eq!(browser.count(".list .cover").await, 25);
    browser.follow("About Ana").await;
    assert_eq!(browser.text("h1").await, "Ana");
    // From a history, too.
    browser.go("/sites/acme.www/entities/page/1").await;
    browser.press(".timeline a[href$='/actors/user/7']").await;
    assert_eq!(browser.text("h1").await, "Ben");
    for nobody in ["/sites/acme.www/actors/user/99", "/sites/acme.www/actors/robot/42"] {
        browser.go(nobody).await;
        assert_eq!(browser.texts("main .status, main h1").await, ["404", "Not found"], "{nobody}");
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
