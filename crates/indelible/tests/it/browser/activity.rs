//! The list of entries: its columns, filters, order and pages.

use std::collections::BTreeSet;

use model::Role;
use serde_json::{Value, json};

use super::{Browser, append, server_with};
use crate::support::Server;

const ENTRIES: usize = 60;
const PEOPLE: [(&str, &str); 3] = [("42", "Ana"), ("7", "Ben"), ("c-9", "Çelik Ö")];
const ACTIONS: [&str; 4] = ["wagtail.create", "wagtail.delete", "wagtail.edit", "wagtail.publish"];
const TYPES: [&str; 2] = ["page", "snippet"];

/// Whether an entry of this number fits a filter.
type Fits = fn(usize, &Value) -> bool;

/// The entry of this number; every third minute of a day has one.
fn entry(number: usize) -> Value {
    let (id, name) = PEOPLE.iter().cycle().nth(number).unwrap();
    let action = ACTIONS.iter().cycle().nth(number / 2).unwrap();
    let entity_type = TYPES.iter().cycle().nth(number / 5).unwrap();
    let entity_id = format!("e-{}", number % 7);
    json!({
        "occurred_at": format!("2026-11-20T{:02}:{:02}:00Z", number * 3 / 60, number * 3 % 60),
        "actor": {"type": "user", "id": id, "name": name},
        "action": action,
        "entity": {"type": entity_type, "id": entity_id, "title": format!("Title {}", number % 7)},
        "summary": format!("Entry {number}"),
        "before": {"a": 1}, "after": {"a": 2},
    })
}

async fn server() -> Server {
    let entries: Vec<Value> = (0..ENTRIES).map(entry).collect();
    server_with(&entries).await
}

/// The numbers of the entries shown, in order.
async fn shown(browser: &Browser) -> Vec<usize> {
    let details = browser.texts(".list tbody .c-details bdi").await;
    details.iter().map(|text| text.strip_prefix("Entry ").unwrap().parse().unwrap()).collect()
}

/// The numbers of the entries that fit, newest first.
fn newest_first(fits: impl Fn(usize, &Value) -> bool) -> Vec<usize> {
    (0..ENTRIES).rev().filter(|number| fits(*number, &entry(*number))).collect()
}

async fn set(browser: &Browser, name: &str, value: &str) {
    if ["action", "kind", "limit"].contains(&name) {
        browser.find(&format!("#f-{name}")).await.select_by_label(value).await.unwrap();
    } else if ["from", "to"].contains(&name) {
        // What keys such a field wants depends on the language of the browser.
        let script = format!("document.getElementById('f-{name}').value = arguments[0]");
        browser.run(&script, value).await;
    } else {
        browser.fill(&format!("f-{name}"), value).await;
    }
}

#[tokio::test]
async fn counts_lead_to_what_they_count() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    let kinds = browser.texts(".facets section:first-child li > a:first-child").await;
    let words = |text: &String| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(kinds.iter().map(words).collect::<Vec<_>>(), ["Update 28", "Create 16", "Delete 16"]);
    // Only one value, then without it again, then all but it.
    browser.press(".facets section:first-child li:first-child > a:first-child").await;
    assert_eq!(browser.place().await, "/sites/acme.www?kind=update");
    assert_eq!(browser.text(".head .quiet").await, "28 entries match");
    browser.press(".facets .chosen > a").await;
    assert_eq!(browser.place().await, "/sites/acme.www");
    let href = browser.attributes(".facets section:first-child .not", "href").await.remove(0);
    browser.go(&href).await;
    assert_eq!(browser.attributes("#f-q", "value").await, ["-kind:\"update\""]);
    assert_eq!(browser.text(".head .quiet").await, "32 entries match");

    // The histogram has a bar for each bucket, and a bar leads to what it counts.
    browser.go("/sites/acme.www").await;
    let script = "return [...document.querySelectorAll(arguments[0])].map(title => title.textContent)";
    let titles: Vec<String> = serde_json::from_value(browser.run(script, ".histogram title").await).unwrap();
    // Three hours of one day: 20 entries in each.
    let hours = ["00", "01", "02"].map(|hour| format!("20 Nov 2026, {hour}:00 UTC: 20 entries"));
    assert_eq!(titles, hours);
    let bars = browser.attributes(".histogram a", "href").await;
    browser.go(&bars[1]).await;
    assert_eq!(browser.text(".head .quiet").await, "20 entries match");
    assert_eq!(shown(&browser).await, newest_first(|number, _| (20..40).contains(&number)));
    assert!(browser.complaints().await.is_empty());
}

#[tokio::test]
async fn rows_say_who_did_what_to_what_when() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;

    assert_eq!(browser.texts(".head h1, .head > p").await, ["Activity", "60 entries"]);
    let loaded =
        "return performance.getEntries().reduce((sum, entry) => sum + (entry.encodedBodySize || 0), 0)";
    let bytes = browser.run(loaded, "").await.as_u64().unwrap();
    assert!((10_000..100_000).contains(&bytes), "page, stylesheet and script travel as {bytes} bytes");
    let headings = browser.texts(".list thead th").await;
    assert_eq!(headings, ["Timestamp", "User", "Action", "Entity type", "Entity", "Details"]);
    assert_eq!(browser.texts(".list .day").await, ["Friday, 20 November 2026"]);
    assert_eq!(shown(&browser).await, newest_first(|number, _| number >= 10));
    let times = browser.attributes(".list .c-time time", "title").await;
    assert_eq!(times[0], "2026-11-20 02:57:00.000 UTC");
    let cells: Vec<String> = browser.texts(".list tbody tr:nth-child(2) td").await;
    assert!(cells[0].contains("02:57:00"), "{}", cells[0]);
    assert_eq!(cells[1..4], ["Çelik Ö", "Delete Delete", "snippet"]);
    assert_eq!(cells[4], "Title 3 e-3");
    assert!(cells[5].starts_with("Entry 59"), "{}", cells[5]);
    assert_eq!(browser.texts(".list tbody tr:nth-child(2) .tags .name").await, ["a"]);

    browser.press(".list tbody tr:nth-child(2) .cover").await;
    assert_eq!(browser.text("h1").await, "Çelik Ö deleted Title 3");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn every_control_of_the_form_filters() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    let cases: [(&str, &str, &str, Fits); 9] = [
        ("user", "42", "User: 42", |_, entry| entry["actor"]["id"] == "42"),
        ("user", "Çelik Ö", "User: Çelik Ö", |_, entry| entry["actor"]["id"] == "c-9"),
        ("action", "Delete", "Action: wagtail.delete", |_, entry| entry["action"] == "wagtail.delete"),
        ("kind", "Update", "Kind: update", |_, entry| {
            entry["action"] == "wagtail.edit" || entry["action"] == "wagtail.publish"
        }),
        ("entity_type", "snippet", "Entity type: snippet", |_, entry| entry["entity"]["type"] == "snippet"),
        ("entity_id", "e-3", "Entity id: e-3", |number, _| number % 7 == 3),
        ("from", "2026-11-20T02:00", "From: 2026-11-20 02:00 UTC", |number, _| number >= 40),
        // The minute that is chosen is part of what is shown.
        ("to", "2026-11-20T00:30", "To: 2026-11-20 00:30 UTC", |number, _| number <= 10),
        ("limit", "25", "", |number, _| number >= ENTRIES - 25),
    ];
    for (name, value, chip, fits) in cases {
        browser.go("/sites/acme.www").await;
        set(&browser, name, value).await;
        browser.press(".filters button").await;
        assert_eq!(shown(&browser).await, newest_first(fits), "{name}={value} at {}", browser.place().await);
        let expected = if chip.is_empty() { Vec::new() } else { vec![format!("Remove filter {chip}")] };
        assert_eq!(browser.texts(".chips .chip").await, expected);
        // The form still says what is asked for.
        let script = format!("return document.getElementById('f-{name}').value");
        let kept = browser.run(&script, "").await;
        let kept = kept.as_str().unwrap();
        let wanted = chip.rsplit(": ").next().filter(|_| ["action", "kind"].contains(&name)).unwrap_or(value);
        assert!(kept.starts_with(wanted), "{name}: {kept}");
    }
}

#[tokio::test]
async fn filters_add_up_and_are_taken_away_one_by_one() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    set(&browser, "user", "42").await;
    set(&browser, "entity_type", "page").await;
    set(&browser, "kind", "Create").await;
    browser.press(".filters button").await;
    let by_ana = |entry: &Value| entry["actor"]["id"] == "42";
    let page = |entry: &Value| entry["entity"]["type"] == "page";
    let created = |entry: &Value| entry["action"] == "wagtail.create";
    let expected = newest_first(|_, entry| by_ana(entry) && page(entry) && created(entry));
    assert_eq!(shown(&browser).await, expected);

    browser.press(".chip[title^='Kind']").await;
    assert_eq!(shown(&browser).await, newest_first(|_, entry| by_ana(entry) && page(entry)));
    browser.press(".chip[title^='User']").await;
    assert_eq!(shown(&browser).await, newest_first(|_, entry| page(entry)));
    browser.follow("Clear all filters").await;
    assert_eq!(browser.place().await.trim_end_matches("?limit=50"), "/sites/acme.www");

    // Somebody's name is a filter too.
    browser.follow("Ana").await;
    assert_eq!(shown(&browser).await, newest_first(|_, entry| by_ana(entry)));

    browser.go("/sites/acme.www?user=nobody&kind=delete").await;
    assert_eq!(browser.text(".empty h2").await, "No entry matches");
    assert_eq!(browser.count(".empty .chip").await, 2);
    browser.press(".empty .chip[title^='User']").await;
    assert_eq!(shown(&browser).await, newest_first(|_, entry| entry["action"] == "wagtail.delete"));

    for (query, message) in [
        ("kind=upsert", "must be one of create, update"),
        ("colour=red", "Not a parameter of a list"),
        ("sort=size", "size"),
        ("from=yesterday", "`yesterday` is not an RFC 3339 time"),
    ] {
        browser.go(&format!("/sites/acme.www?{query}")).await;
        let text = browser.text(".empty").await;
        assert!(text.to_lowercase().contains(&message.to_lowercase()), "{query}: {text}");
        browser.follow("Clear all filters").await;
        assert_eq!(shown(&browser).await.len(), 50, "{query}");
    }
}

#[tokio::test]
async fn every_column_sorts_both_ways() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go("/sites/acme.www?limit=100").await;
    let key = |class: &str, number: usize| {
        let entry = entry(number);
        let of = |pointer: &str| entry.pointer(pointer).unwrap().as_str().unwrap().to_owned();
        match class {
            "time" => of("/occurred_at"),
            "user" => of("/actor/name"),
            "action" => of("/action"),
            "type" => of("/entity/type"),
            _ => of("/entity/title"),
        }
    };
    for class in ["user", "action", "type", "entity", "time"] {
        // The time begins with the newest, everything else with the first letter.
        let orders = if class == "time" { ["descending", "ascending"] } else { ["ascending", "descending"] };
        for order in orders {
            browser.press(&format!(".list thead .c-{class} a")).await;
            assert_eq!(browser.attributes(&format!(".list thead .c-{class}"), "aria-sort").await, [order]);
            let numbers = shown(&browser).await;
            assert_eq!(numbers.iter().collect::<BTreeSet<_>>().len(), ENTRIES, "{class} {order}");
            let mut keys: Vec<_> = numbers.iter().map(|number| key(class, *number)).collect();
            if order == "descending" {
                keys.reverse();
            }
            assert!(keys.is_sorted(), "{class} {order}: {keys:?}");
        }
    }
}

#[tokio::test]
async fn pages_lead_to_older_entries_and_back() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go("/sites/acme.www?limit=25").await;
    let all = newest_first(|_, _| true);
    assert_eq!(shown(&browser).await, all[..25]);
    assert_eq!(browser.texts(".pager a").await, ["Older →"]);
    browser.press(".pager [rel=next]").await;
    assert_eq!(shown(&browser).await, all[25..50]);
    // What arrives meanwhile does not move the pages.
    append(
        &server,
        "acme.www",
        &[json!({"action": "wagtail.lock", "entity": {"type": "page", "id": "x"}, "summary": "Entry 99"})],
    )
    .await;
    browser.press(".pager [rel=next]").await;
    assert_eq!(shown(&browser).await, all[50..]);
    assert_eq!(browser.text(".pager p").await, "This is the oldest entry.");
    browser.press(".pager [rel=prev]").await;
    assert_eq!(shown(&browser).await, all[25..50]);
    browser.follow("Newest").await;
    assert_eq!(shown(&browser).await[..2], [99, 59]);
    assert_eq!(shown(&browser).await.len(), 25);
}

#[tokio::test]
async fn a_site_without_entries_says_how_to_send_one() {
    let server = Server::start().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    assert_eq!(browser.text(".empty h2").await, "No entries yet");
    let commands = browser.texts(".empty pre").await;
    assert!(commands[0].contains("indelible token create") && commands[0].contains("--site acme.www"));
    let curl = format!("curl {}", server.url("/api/v1/sites/acme.www/entries"));
    assert!(commands[1].starts_with(&curl), "{}", commands[1]);
    assert_eq!(browser.count(".filters").await, 0);
}

#[tokio::test]
async fn columns_are_chosen_moved_and_remembered() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go("/sites/acme.www?kind=create").await;
    let headings = async || browser.texts(".list thead th").await;
    browser.click(".columns-form summary").await;
    browser.click("#column-details input").await;
    browser.click("#column-connector input").await;
    browser.press(".columns-form .strong").await;
    assert_eq!(headings().await, ["Timestamp", "User", "Action", "Entity type", "Entity", "Connector"]);
    assert_eq!(
        browser.place().await,
        "/sites/acme.www?kind=create&columns=user.action.entity_type.entity.connector"
    );
    browser.click(".columns-form summary").await;
    browser.press("[value='connector:before']").await;
    assert_eq!(headings().await, ["Timestamp", "User", "Action", "Entity type", "Connector", "Entity"]);
    // Another list of this browser has them too; a column that is added can be sorted by.
    browser.go("/sites/acme.www").await;
    assert_eq!(headings().await, ["Timestamp", "User", "Action", "Entity type", "Connector", "Entity"]);
    browser.press(".list thead th:nth-child(5) a").await;
    assert_eq!(browser.place().await, "/sites/acme.www?sort=connector");
    // An address says more than what is remembered.
    browser.go("/sites/acme.www?columns=ip.nonsense.ip").await;
    assert_eq!(headings().await, ["Timestamp", "IP address"]);
    browser.click(".columns-form summary").await;
    browser.press("[name='reset']").await;
    assert_eq!(headings().await, ["Timestamp", "User", "Action", "Entity type", "Entity", "Details"]);
    assert_eq!(browser.place().await, "/sites/acme.www");
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[tokio::test]
async fn entries_of_one_user_action_are_one_row_until_it_is_opened() {
    let save = "0193aaaa-0000-4000-8000-000000000009";
    let entry = |number: usize, correlation: Option<&str>| {
        json!({"occurred_at": format!("2026-11-20T10:00:0{number}Z"), "action": "wagtail.edit",
            "entity": {"type": "page", "id": "1"}, "summary": format!("Entry {number}"), "correlation_id": correlation})
    };
    let entries =
        [entry(0, None), entry(1, Some(save)), entry(2, Some(save)), entry(3, Some(save)), entry(4, None)];
    let server = server_with(&entries).await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    let seen = async || {
        let script = "return [...document.querySelectorAll('.list .c-details bdi')].filter(e => e.offsetParent).map(e => e.textContent)";
        browser.run(script, "").await
    };
    assert_eq!(seen().await, json!(["Entry 4", "Entry 3", "Entry 0"]));
    assert_eq!(browser.texts(".same summary").await, ["3 changes"]);
    browser.click(".same summary").await;
    assert_eq!(seen().await, json!(["Entry 4", "Entry 3", "Entry 2", "Entry 1", "Entry 0"]));
    browser.click(".same summary").await;
    assert_eq!(seen().await, json!(["Entry 4", "Entry 3", "Entry 0"]));
}

#[tokio::test]
async fn each_part_of_a_filter_is_taken_away_alone() {
    let server = server().await;
    let browser = Browser::signed_in(&server, Role::Auditor, Some("acme.www")).await;
    browser.go("/sites/acme.www?q=kind:update+-action:wagtail.publish").await;
    let chips = browser.texts(".chips .chip").await;
    assert_eq!(chips, ["Remove filter Search: kind:update", "Remove filter Search: -action:wagtail.publish"]);
    browser.press(".chip[title$='kind:update']").await;
    assert_eq!(browser.attributes("#f-q", "value").await, ["-action:wagtail.publish"]);
    browser.go("/sites/acme.www?q=kind:update+OR+kind:create").await;
    assert_eq!(browser.count(".chips .chip").await, 1);
}
