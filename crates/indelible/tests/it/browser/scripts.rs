//! What scripts add: keys, live entries, local times, copying.

use std::time::Duration;

use model::Role;
use serde_json::{Value, json};

use super::{Browser, PATIENCE, append, server_with};
use crate::support::Server;

fn entry(number: usize) -> Value {
    json!({
        "occurred_at": format!("2026-11-20T23:{number:02}:00Z"),
        "actor": {"type": "user", "id": "42", "name": "Ana"},
        "action": if number.is_multiple_of(2) { "wagtail.edit" } else { "wagtail.create" },
        "entity": {"type": "page", "id": "1", "title": "Home"},
        "summary": format!("Entry {number}"),
    })
}

async fn server(entries: usize) -> Server {
    server_with(&(0..entries).map(entry).collect::<Vec<_>>()).await
}

impl Browser {
    /// Presses a key on the page, wherever its focus is.
    async fn key(&self, key: &str) {
        self.client.active_element().await.unwrap().send_keys(key).await.unwrap();
    }

    /// Waits until a script's answer is this.
    async fn until(&self, script: &str, argument: &str, wanted: &Value) {
        let mut last = Value::Null;
        let comes = async {
            loop {
                last = self.run(script, argument).await;
                if last == *wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, comes).await;
        assert!(came.is_ok(), "{last}, not {wanted}");
    }

    /// Presses a button of the page's tools.
    async fn tool(&self, label: &str) {
        let script =
            "[...document.querySelectorAll('.tool')].find(e => e.textContent === arguments[0]).click()";
        self.run(script, label).await;
    }
}

const SUMMARIES: &str =
    "return [...document.querySelectorAll('.list tbody .c-details bdi')].map(e => e.textContent)";
const FOCUSED: &str = "return document.activeElement.closest('tr')?.querySelector('.c-details bdi')?.textContent ?? document.activeElement.id";

#[tokio::test]
async fn keys_go_through_a_list_and_into_it() {
    let server = server(3).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    for (key, at) in
        [("j", "Entry 2"), ("j", "Entry 1"), ("j", "Entry 0"), ("j", "Entry 0"), ("k", "Entry 1")]
    {
        browser.key(key).await;
        assert_eq!(browser.run(FOCUSED, "").await, at, "{key}");
    }
    browser.leave(async || browser.key("\u{e007}").await).await;
    assert_eq!(browser.text(".said dd").await, "Entry 1");

    // The entry before and after of the same entity, and the raw JSON.
    browser.leave(async || browser.key("[").await).await;
    assert_eq!(browser.text(".said dd").await, "Entry 0");
    browser.leave(async || browser.key("]").await).await;
    assert_eq!(browser.text(".said dd").await, "Entry 1");
    browser.key("r").await;
    assert!(browser.find("#raw pre").await.is_displayed().await.unwrap());

    browser.go("/sites/acme.www").await;
    browser.key("/").await;
    assert_eq!(browser.run(FOCUSED, "").await, "f-q");
    // What is typed is text.
    browser.key("j?l").await;
    assert_eq!(browser.run("return document.getElementById('f-q').value", "").await, "j?l");
    assert_eq!(browser.count("dialog").await, 0);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn keys_are_listed_and_can_be_switched_off() {
    let server = server(2).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.key("?").await;
    let keys = browser.texts("dialog[open] dt").await;
    assert_eq!(keys, ["/", "j", "k", "Enter", "[", "]", "r", "l", "t", "?"]);
    browser.click("dialog input").await;
    browser.click("dialog .button").await;
    assert_eq!(browser.count("dialog[open]").await, 0);
    // Not only here: for this browser.
    browser.go("/sites/acme.www").await;
    browser.key("j").await;
    assert_eq!(browser.run(FOCUSED, "").await, "");
    browser.tool("Keys").await;
    browser.click("dialog input").await;
    browser.click("dialog .button").await;
    browser.key("j").await;
    assert_eq!(browser.run(FOCUSED, "").await, "Entry 1");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn live_entries_come_on_top_and_keep_filter_and_place() {
    let server = server(2).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go("/sites/acme.www?kind=update").await;
    browser.key("j").await;
    browser.key("l").await;
    assert_eq!(browser.texts(".tool[aria-pressed=true]").await, ["Stop live"]);
    append(&server, "acme.www", &[entry(3), entry(4)]).await;
    browser.until(SUMMARIES, "", &json!(["Entry 4", "Entry 0"])).await;
    // Who was at a row is still there, and what came is told apart.
    assert_eq!(browser.run(FOCUSED, "").await, "Entry 0");
    assert_eq!(browser.texts(".list .new .c-details bdi").await, ["Entry 4"]);
    assert_eq!(browser.text(".head p.quiet").await, "2 entries match");

    // Whoever reads further down is told, and goes up when they like.
    browser.run("document.body.style.paddingBottom = '3000px'; scrollTo(0, 1000)", "").await;
    append(&server, "acme.www", &[entry(6)]).await;
    browser.until("return document.querySelector('.arrivals').innerText", "", &json!("1 new entry")).await;
    assert_eq!(browser.run(SUMMARIES, "").await, json!(["Entry 4", "Entry 0"]));
    browser.click(".arrivals").await;
    browser.until(SUMMARIES, "", &json!(["Entry 6", "Entry 4", "Entry 0"])).await;
    assert_eq!(browser.run("return scrollY", "").await, 0);

    // Stopped, nothing comes by itself; Refresh fetches it.
    browser.tool("Stop live").await;
    append(&server, "acme.www", &[entry(8)]).await;
    assert_eq!(browser.texts(".tool[aria-pressed=false]").await, ["Live"]);
    browser.tool("Refresh").await;
    browser.until(SUMMARIES, "", &json!(["Entry 8", "Entry 6", "Entry 4", "Entry 0"])).await;
    assert_eq!(browser.place().await, "/sites/acme.www?kind=update");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn times_are_shown_where_the_reader_is() {
    let server = server(1).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.cdp("Emulation.setTimezoneOverride", &json!({"timezoneId": "Asia/Kolkata"})).await;
    browser.go("/sites/acme.www").await;
    assert_eq!(browser.texts(".list .clock").await, ["23:00:00"]);
    browser.key("t").await;
    assert_eq!(browser.texts(".list .clock").await, ["04:30:00"]);
    assert_eq!(browser.attributes(".list time", "title").await, ["2026-11-21 04:30:00.000 GMT+5:30"]);
    assert_eq!(browser.texts(".list .day:not(.elsewhere)").await, ["Saturday, 21 November 2026"]);
    browser.press(".list .cover").await;
    assert_eq!(browser.texts(".marks > .exact").await, ["2026-11-21 04:30:00.000 GMT+5:30"]);
    browser.tool("UTC").await;
    assert_eq!(browser.texts(".marks > .exact").await, ["2026-11-20 23:00:00.000 UTC"]);
    browser.go("/sites/acme.www").await;
    assert_eq!(browser.texts(".list .day").await, ["Friday, 20 November 2026"]);
    browser.cdp("Emulation.setTimezoneOverride", &json!({"timezoneId": ""})).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn text_of_entries_cannot_run() {
    let hostile = "<script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">";
    let plain = json!({"action": "page.edit", "entity": {"type": "page", "id": "1"}, "summary": "x"});
    let server = server_with(&[plain]).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.key("l").await;
    let entry = json!({"action": "page.edit", "summary": hostile,
        "actor": {"type": "user", "id": hostile, "name": hostile},
        "entity": {"type": "page", "id": "1", "title": hostile}, "before": {"a": hostile}, "after": {"a": 1}});
    append(&server, "acme.www", &[entry]).await;
    browser.until("return document.querySelectorAll('.list .cover').length", "", &json!(2)).await;
    assert_eq!(browser.title().await, "Activity of acme.www · Indelible");
    assert!(browser.texts(".list .c-details bdi").await.contains(&hostile.to_owned()));
    assert_eq!(browser.count("main script, main img").await, 0);
    // And would not, if it got into a page: the policy runs only this server's own files.
    let inject = "const s = document.createElement('script'); s.textContent = \"document.title = 'run'\"; document.body.append(s); return document.title";
    assert_eq!(browser.run(inject, "").await, "Activity of acme.www · Indelible");
}

#[tokio::test]
async fn the_search_box_says_how_a_filter_may_go_on() {
    let server = server(3).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    let offered = "return [...document.querySelectorAll('.completions:not([hidden]) li')].map(e => e.firstChild.textContent)";
    browser.find("#f-q").await.send_keys("kind:update entity.t").await.unwrap();
    browser.until(offered, "", &json!(["entity.type", "entity.title"])).await;
    // Down and Enter take the first field, then its only value.
    browser.find("#f-q").await.send_keys("\u{e015}\u{e007}").await.unwrap();
    browser.until(offered, "", &json!(["page"])).await;
    browser.find("#f-q").await.send_keys("\u{e015}\u{e007}").await.unwrap();
    browser
        .until("return document.querySelector('#f-q').value", "", &json!("kind:update entity.type:page "))
        .await;
    let field = browser.find("#f-q").await;
    browser.leave(async || field.send_keys("\u{e007}").await.unwrap()).await;
    assert_eq!(browser.text(".head p.quiet").await, "2 entries match");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// Without scripts there is no button that would do nothing.
#[tokio::test]
async fn what_scripts_add_is_absent_without_them() {
    let server = server(2).await;
    let browser = Browser::open_without_scripts(&server).await;
    browser.sign_in(&server.token(Role::Auditor, Some("acme.www"))).await;
    let buttons = browser.client.find_all(super::Locator::Css(".tool, .copy, dialog")).await.unwrap();
    assert_eq!(buttons.len(), 0);
    assert_eq!(browser.client.find_all(super::Locator::Css(".list .cover")).await.unwrap().len(), 2);
}
