//! What nobody expects in an entry: ten thousand lines, ten thousand fields, other scripts. And no mouse.

use std::fmt::Write as _;

use model::Role;
use serde_json::{Map, Value, json};

use super::{Browser, append, server_with};
use crate::support::Server;

const ENTRY: &str = "/sites/acme.www/entries/0193aaaa-0000-7000-8000-000000000001";

async fn server_with_change(before: Value, after: Value) -> Server {
    let server = Server::start().await;
    let mut entry = json!({"id": "0193aaaa-0000-7000-8000-000000000001", "action": "wagtail.edit",
        "entity": {"type": "page", "id": "1", "title": "Home"}, "after": after});
    if !before.is_null() {
        entry["before"] = before;
    }
    append(&server, "acme.www", &[entry]).await;
    server
}

/// Bytes of the page as it travels, and the characters of what it shows.
async fn weight(browser: &Browser) -> (u64, u64) {
    let bytes = browser.run("return performance.getEntriesByType('navigation')[0].encodedBodySize", "").await;
    let chars = browser.run("return document.body.textContent.length", "").await;
    (bytes.as_u64().unwrap(), chars.as_u64().unwrap())
}

#[tokio::test]
async fn ten_thousand_lines_fold_around_what_changed() {
    let mut lines = String::new();
    for number in 0..10_000 {
        writeln!(lines, "Line {number} of a page that says {}.", number * 7919 % 1000).unwrap();
    }
    let changed = lines.replacen("Line 5000 of", "Line FIVE THOUSAND of", 1);
    let server = server_with_change(json!({"body": lines}), json!({"body": changed})).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go(ENTRY).await;
    assert_eq!(browser.text("#changes").await, "1 changed field");
    assert!(browser.text(".diff ins").await.contains("FIVE THOUSAND"));
    let gaps = browser.texts(".diff .gap").await;
    assert!(gaps.len() == 4 && gaps.iter().all(|gap| gap.contains("characters unchanged")), "{gaps:?}");
    let (bytes, chars) = weight(&browser).await;
    assert!(bytes < 30_000 && chars < 30_000, "{bytes} bytes, {chars} characters");
    browser.click("#raw summary").await;
    let json = browser.attributes("#raw a", "href").await;
    let whole = server.read(&json[0]).await;
    assert!(whole["after"]["body"].as_str().unwrap().contains("FIVE THOUSAND"));
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_new_from_end_to_end_is_drawn_in_bounds() {
    let text =
        |word: &str| (0..10_000).fold(String::new(), |text, number| format!("{text}{word} {number}\n"));
    let fields =
        |value: u32| (0..10_000).map(|number| (format!("f{number}"), json!(value))).collect::<Map<_, _>>();
    for (before, after, heading) in [
        (json!({"body": text("old")}), json!({"body": text("new")}), "1 changed field"),
        (Value::Object(fields(1)), Value::Object(fields(2)), "10,000 changed fields"),
        (Value::Null, json!({"body": text("new"), "more": text("more")}), "State after"),
    ] {
        let server = server_with_change(before, after).await;
        let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
        browser.go(ENTRY).await;
        assert_eq!(browser.text("#changes").await, heading);
        let (bytes, chars) = weight(&browser).await;
        assert!(bytes < 100_000 && chars < 200_000, "{heading}: {bytes} bytes, {chars} characters");
        let said = browser.text("main").await + &browser.text(".body").await;
        let source = browser.run("return document.querySelector('.body').textContent", "").await.to_string();
        assert!(source.contains("not drawn"), "{heading}: {said}");
        assert!(browser.count(".diff tr").await < 1_000);
    }
}

#[tokio::test]
async fn other_scripts_keep_their_direction_and_their_place() {
    let (title, name) = ("مرحبا بالعالم \u{202e}(x)", "👩‍👩‍👧‍👦 Zoë עברית");
    let entry = json!({"id": "0193aaaa-0000-7000-8000-000000000001", "action": "wagtail.edit", "summary": "تم نشر الصفحة",
        "actor": {"type": "user", "id": "ع-1", "name": name}, "entity": {"type": "page", "id": "صفحة/1", "title": title},
        "before": {"t": "كان النص قديم جدا هنا"}, "after": {"t": "كان النص جديد جدا هنا 🎉"}});
    let server = server_with(&[entry]).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    assert_eq!(browser.texts(".list tbody .c-user bdi, .list tbody .c-entity bdi").await, [name, title]);
    // A name that turns the direction round ends with its own box: what follows stands where it stood.
    let order = "const [user, entity] = ['.c-user', '.c-entity'].map(css => document.querySelector(`.list tbody ${css}`).getBoundingClientRect().x);
        return user < entity";
    assert_eq!(browser.run(order, "").await, true);
    for width in [1440, 320] {
        browser.resize(width, 800).await;
        browser.go(ENTRY).await;
        let direction = "return getComputedStyle(document.querySelector(arguments[0])).direction";
        assert_eq!(browser.run(direction, ".said dd").await, "rtl");
        assert_eq!(browser.run(direction, ".diff .value").await, "rtl");
        assert_eq!(browser.texts("h1 bdi").await, [name, title]);
        assert_eq!(browser.texts(".diff ins").await.join(" "), "جديد 🎉");
        assert_eq!(browser.run("return document.documentElement.scrollWidth", "").await, width);
    }
    browser.press(".side a[href*='/actors/']").await;
    assert_eq!(browser.text("h1").await, name);
    browser.go(ENTRY).await;
    browser.follow("History of this entity").await;
    assert_eq!(browser.texts("h1 bdi").await, [title]);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

/// From the sign-in to a saved setting, without touching a mouse.
#[tokio::test]
async fn the_keyboard_alone_does_everything() {
    const TAB: &str = "\u{e004}";
    const ENTER: &str = "\u{e007}";
    const DOWN: &str = "\u{e015}";
    let entry = |number: u32| {
        json!({"action": if number == 2 { "wagtail.publish" } else { "wagtail.edit" },
            "entity": {"type": "page", "id": number.to_string(), "title": format!("Page {number}")}})
    };
    let server = server_with(&[entry(1), entry(2), entry(3)]).await;
    let browser = Browser::open(&server).await;
    let keys =
        async |keys: &str| browser.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    let tab_to = async |css: &str| {
        for _ in 0..80 {
            if browser.run("return document.activeElement.matches(arguments[0])", css).await == true {
                return;
            }
            keys(TAB).await;
        }
        panic!("the keyboard does not get to {css}");
    };
    browser.go("/sign-in").await;
    tab_to("#token").await;
    keys(&server.token(Role::Admin, Some("acme.www"))).await;
    browser.leave(async || keys(ENTER).await).await;
    assert_eq!(browser.place().await, "/sites/acme.www");

    keys("/").await;
    tab_to("#f-q").await;
    keys("action:wagtail.publish ").await;
    browser.leave(async || keys(ENTER).await).await;
    assert_eq!(browser.count(".list .cover").await, 1);
    keys("j").await;
    browser.leave(async || keys(ENTER).await).await;
    assert_eq!(browser.texts("h1 em").await, ["Page 2"]);

    tab_to(".tabs a[href$='/settings']").await;
    browser.leave(async || keys(ENTER).await).await;
    tab_to("[name=keep]").await;
    keys(DOWN).await;
    tab_to("[name=days]").await;
    // All of a field is chosen when the keyboard comes to it.
    keys("400").await;
    browser.leave(async || keys(ENTER).await).await;
    assert_eq!(browser.text("#retention [role=status]").await, "Saved.");
    assert_eq!(server.read("/api/v1/sites/acme.www/settings").await["audit_log_retention_days"], 400);
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}
