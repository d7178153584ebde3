//! `GET /sites/{site}/entries/tail`: everything, in the order of the log, once and live.

use model::Role;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{Server, entry, refused};

const ROUTE: &str = "/api/v1/sites/acme.www/entries/tail";

async fn lines(server: &Server, query: &str) -> Vec<Value> {
    let response = server.request(Method::GET, &format!("{ROUTE}{query}")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/x-ndjson");
    response.text().await.unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn indexes(entries: &[Value]) -> Vec<u64> {
    entries.iter().map(|entry| entry["index"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn ndjson_is_complete_and_in_the_order_of_the_log() {
    let server = Server::start().await;
    assert_eq!(lines(&server, "").await, Vec::<Value>::new());
    // Times run backwards, and the log is wider than what is read at once.
    for batch in 0..3_u32 {
        let entries: Vec<String> = (0..200)
            .map(|n| {
                let (hour, kind) = (23 - batch, if n % 10 == 0 { "read" } else { "update" });
                entry(&format!(r#","occurred_at":"2026-11-01T{hour}:00:00Z","kind":"{kind}""#))
            })
            .collect();
        server.append(format!("[{}]", entries.join(","))).await;
    }
    let all = lines(&server, "").await;
    assert_eq!(indexes(&all), (0..600).collect::<Vec<u64>>());
    for after in [0, 254, 255, 256, 598] {
        assert_eq!(
            indexes(&lines(&server, &format!("?after={after}")).await),
            (after + 1..600).collect::<Vec<u64>>()
        );
    }
    for after in [599, 600, 1_000_000, u64::MAX] {
        assert_eq!(lines(&server, &format!("?after={after}")).await, Vec::<Value>::new());
    }
    let reads = lines(&server, "?after=300&kind=read&to=2026-11-01T22:00:00Z").await;
    assert_eq!(indexes(&reads), (301..600).filter(|index| index % 10 == 0).collect::<Vec<u64>>());
    let in_list = server.read("/api/v1/sites/acme.www/entries?limit=1&sort=recorded_at").await;
    assert_eq!(all[0], in_list["data"][0], "an entry looks the same in tail and list");
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let server = Server::start().await;
    let get = |query: &str| server.request(Method::GET, &format!("{ROUTE}?{query}"));
    for after in ["-1", "x", "1.5", "18446744073709551616", ""] {
        refused(get(&format!("after={after}")), 422, "invalid_value", "after").await;
    }
    for name in ["sort", "limit", "cursor", "count", "colour"] {
        refused(get(&format!("{name}=1")), 422, "unknown_parameter", name).await;
    }
    refused(get("q=(a"), 422, "filter_syntax", "q").await;
    refused(get("").header("Last-Event-ID", "x"), 422, "invalid_value", "Last-Event-ID").await;
}

/// Server-sent events, one after another.
struct Events {
    response: Response,
    text: String,
}

impl Events {
    async fn open(server: &Server, query: &str, last: Option<u64>) -> Self {
        let mut request =
            server.request(Method::GET, &format!("{ROUTE}{query}")).header(ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
        Self { response, text: String::new() }
    }

    /// The next event's id and entry, however long it takes to come.
    async fn next(&mut self) -> (u64, Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
                let found = field("id").zip(field("data"));
                let found =
                    found.map(|(id, data)| (id.parse().unwrap(), serde_json::from_str(data).unwrap()));
                self.text = rest.to_owned();
                // A comment only keeps the connection alive.
                if let Some(event) = found {
                    return event;
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap().expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn events_come_live_and_resume() {
    let server = Server::start().await;
    server.append(format!("[{},{}]", entry(r#","summary":"line\nbreak""#), entry(""))).await;
    let mut events = Events::open(&server, "", None).await;
    let (id, first) = events.next().await;
    assert_eq!((id, &first["summary"]), (0, &Value::from("line\nbreak")));
    assert_eq!(events.next().await.0, 1);
    for index in 2..6 {
        let receipt = server.appended(entry("")).await;
        let (id, entry) = events.next().await;
        assert_eq!((id, &entry["index"], &entry["id"]), (index, &receipt["index"], &receipt["id"]));
    }
    drop(events);

    server.appended(entry("")).await;
    let mut resumed = Events::open(&server, "?after=0", Some(4)).await;
    assert_eq!(resumed.next().await.0, 5, "a browser's place goes before the address's");
    assert_eq!(resumed.next().await.0, 6);
    let mut resumed = Events::open(&server, "?after=5", None).await;
    assert_eq!(resumed.next().await.0, 6);
}

#[tokio::test]
async fn live_events_are_filtered_and_of_one_site() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let mut events = Events::open(&server, "?kind=read", None).await;
    server.appended(entry("")).await;
    server.post("/api/v1/sites/acme.docs/entries", entry(r#","kind":"read""#)).await;
    server.appended(entry(r#","kind":"read","summary":"mine""#)).await;
    let (id, entry) = events.next().await;
    assert_eq!((id, &entry["summary"]), (1, &Value::from("mine")));
}

#[tokio::test]
async fn a_live_tail_ends_with_its_token() {
    let server = Server::start().await;
    server.appended(entry("")).await;
    let token = server.token(Role::Auditor, Some("acme.www"));
    let request = server.request_as(&token, Method::GET, ROUTE).header(ACCEPT, "text/event-stream");
    let mut events = Events { response: request.send().await.unwrap(), text: String::new() };
    assert_eq!(events.next().await.0, 0);

    let tokens = server.read("/api/v1/tokens").await;
    let id = tokens["data"][0]["id"].as_str().unwrap();
    let revoke = server.request(Method::DELETE, &format!("/api/v1/tokens/{id}"));
    assert_eq!(revoke.send().await.unwrap().status(), 204);
    server.appended(entry("")).await;
    // The stream is broken off rather than ended, so that nobody takes it for complete.
    loop {
        match events.response.chunk().await {
            Ok(Some(chunk)) => assert!(!chunk.starts_with(b"id"), "an entry after the revocation"),
            Ok(None) => panic!("the stream ended as if it were complete"),
            Err(_) => break,
        }
    }
}
