//! Paging through the AEM log API.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{LOG, appended, entries, get, operation, paths, posted};
use crate::support::Server;

/// All pages from an address on, by their tokens.
async fn pages(server: &Server, query: &str) -> Vec<Value> {
    let mut pages = vec![get(server, &format!("{LOG}?{query}")).await.json()];
    while let Some(token) = pages.last().unwrap()["nextToken"].as_str() {
        pages.push(get(server, &format!("{LOG}?{query}&nextToken={token}")).await.json());
    }
    pages
}

fn all(pages: &[Value]) -> Vec<Value> {
    pages.iter().flat_map(|page| page["entries"].as_array().unwrap().clone()).collect()
}

fn indexes(entries: &[Value]) -> Vec<u64> {
    entries.iter().map(|entry| entry["indelible"]["index"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_client_that_stops_at_the_first_short_page_has_everything() {
    let server = Server::start().await;
    let start: Timestamp = "2026-05-04T08:00:00Z".parse().unwrap();
    // Each time twice, so that a page ends between equal times.
    let time = |n: u64| (start + std::time::Duration::from_millis(n / 2)).to_string();
    let many: Vec<Value> = (0..2500).map(|n| operation(&time(n), &format!("/{n}"))).collect();
    appended(&server, &many).await;
    let mut found: Vec<Value> = Vec::new();
    let mut query = "from=2026-05-04&limit=1000".to_owned();
    loop {
        let page = get(&server, &format!("{LOG}?{query}")).await.json();
        let entries = page["entries"].as_array().unwrap();
        found.extend(entries.iter().cloned());
        if entries.len() < 1000 {
            break;
        }
        query = format!("from=2026-05-04&limit=1000&nextToken={}", page["nextToken"].as_str().unwrap());
    }
    let expected: Vec<String> = (0..2500).map(|n| format!("/{n}")).collect();
    assert_eq!(paths(&found), expected);
    // And with the index caught up.
    let indelible = server.indelible.clone();
    let caught_up = move || indelible.search().catch_up(std::time::Duration::from_mins(1)).unwrap();
    assert!(tokio::task::spawn_blocking(caught_up).await.unwrap());
    assert_eq!(paths(&all(&pages(&server, "from=2026-05-04&limit=333").await)), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_of_the_moment_of_the_first_one() {
    let server = Server::start().await;
    let before: Vec<String> = (0..300).map(|n| format!(r#"{{"event":"before","n":{n}}}"#)).collect();
    posted(&server, &before.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let stop = AtomicBool::new(false);
    let append = async {
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            let batch: Vec<Value> = (0..100)
                .map(|_| json!({"action": "aem.custom", "entity": {"type": "site", "id": "acme/www"}}))
                .collect();
            appended(&server, &batch).await;
            count += batch.len();
        }
        count
    };
    let read = async {
        // As the log viewer does: it repeats `since` with each page.
        let pages = pages(&server, "since=1h&limit=20").await;
        stop.store(true, Ordering::Relaxed);
        pages
    };
    let (count, pages) = tokio::join!(append, read);
    assert!(count > 100, "the log grew meanwhile");
    let windows: BTreeSet<_> =
        pages.iter().map(|page| (page["from"].to_string(), page["to"].to_string())).collect();
    assert_eq!(windows.len(), 1, "the window stays");
    let found = all(&pages);
    let (first, rest) = pages.split_first().unwrap();
    assert!(
        rest.iter().rev().skip(1).chain([first]).all(|page| page["entries"].as_array().unwrap().len() == 20)
    );
    let found = indexes(&found);
    let expected: Vec<u64> = (0..u64::try_from(found.len()).unwrap()).collect();
    assert_eq!(found, expected, "no gap, nothing twice");
    assert!(found.len() >= 300);
    // What came later is not part of it.
    let now = indexes(&all(&self::pages(&server, "since=1h").await));
    assert_eq!(now.len(), 300 + count);
    assert!(found.len() < now.len());
}

#[tokio::test]
async fn late_entries_are_in_every_window_that_they_belong_to() {
    let server = Server::start().await;
    for (time, path) in [
        ("2026-05-04T08:00:00Z", "/1"),
        ("2026-05-04T10:00:00Z", "/5"),
        ("2026-05-04T08:30:00Z", "/3"),
        ("2026-05-04T08:00:00Z", "/2"),
        ("2026-05-04T09:30:00Z", "/4"),
    ] {
        appended(&server, &[operation(time, path)]).await;
    }
    for (query, expected) in [
        ("from=2026-05-04&to=2026-05-05", vec!["/1", "/2", "/3", "/4", "/5"]),
        ("from=2026-05-04T08:00&to=2026-05-04T09:00", vec!["/1", "/2", "/3"]),
        ("from=2026-05-04T08:30&to=2026-05-04T09:30", vec!["/3", "/4"]),
    ] {
        assert_eq!(paths(&entries(&server, query).await), expected, "{query}");
        assert_eq!(paths(&all(&pages(&server, &format!("{query}&limit=1")).await)), expected, "{query}");
    }
}

#[tokio::test]
async fn a_page_of_large_entries_ends_early() {
    let server = Server::start().await;
    let text = "x".repeat(900_000);
    for n in 0..7 {
        posted(&server, &[&format!(r#"{{"n":{n},"path":"/{n}","text":"{text}"}}"#)]).await;
    }
    posted(&server, &[r#"{"path":"/7"}"#]).await;
    let pages = pages(&server, "since=1h").await;
    let counts: Vec<usize> = pages.iter().map(|page| page["entries"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [3, 3, 2]);
    for page in &pages {
        assert!(page["entries"].to_string().encode_utf16().count() <= 3_000_000);
    }
    assert_eq!(paths(&all(&pages)), ["/0", "/1", "/2", "/3", "/4", "/5", "/6", "/7"]);
}

#[tokio::test]
async fn tokens_are_ours_and_of_this_log() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    posted(&server, &["{}", "{}", "{}"]).await;
    let page = get(&server, &format!("{LOG}?limit=1")).await.json();
    let token = page["nextToken"].as_str().unwrap();
    let wider = token.replacen(char::is_numeric, "0", 1);
    let cut = token.get(..token.len() - 1).unwrap();
    let aem = "eyJmaWxlSW5kZXgiOjAsImVudHJ5SW5kZXgiOjF9";
    for bad in ["boo", aem, "0.1.", "1.2.3", cut, &wider, &format!("{token}A")] {
        let answer = get(&server, &format!("{LOG}?nextToken={bad}")).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.error.unwrap().starts_with("'nextToken' is not a token of this log"), "{bad}");
    }
    let elsewhere = get(&server, &format!("/log/acme/docs/main?nextToken={token}")).await;
    assert_eq!(elsewhere.status, 400);
    // It means the same on the other form of the address, and whatever else is asked for.
    let other = get(&server, &format!("/acme/sites/www/log?since=0s&nextToken={token}")).await.json();
    assert_eq!(indexes(other["entries"].as_array().unwrap()), [1, 2]);
    assert_eq!((&other["from"], &other["to"]), (&page["from"], &page["to"]));
}

#[tokio::test]
async fn an_entry_is_there_as_soon_as_it_was_taken() {
    let server = Server::start().await;
    for n in 0..50 {
        posted(&server, &[&format!(r#"{{"nonce":"n-{n}"}}"#)]).await;
        let found = entries(&server, "since=5m").await;
        assert_eq!(found.last().unwrap()["nonce"], format!("n-{n}"));
    }
    // And the same entry is the same text every time.
    let text = || async { server.request(Method::GET, LOG).send().await.unwrap().text().await.unwrap() };
    let entries = |text: String| text.split_once(r#""entries":"#).unwrap().1.to_owned();
    assert_eq!(entries(text().await), entries(text().await));
}
