//! `POST /sites/{site}/entries`: what is taken, what is refused, and that nothing is lost between the two.

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Server, entry, json, refused};

const ROUTE: &str = "/api/v1/sites/acme.www/entries";
const ID: &str = "0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c";

fn sending(server: &Server, kind: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    server.request(Method::POST, ROUTE).header(CONTENT_TYPE, kind).body(body)
}

fn with_id(id: &str, fields: &str) -> String {
    entry(&format!(r#","id":"{id}"{fields}"#))
}

#[tokio::test]
async fn an_object_is_answered_with_its_place() {
    let server = Server::start().await;
    let (status, first) = server.append(with_id(ID, r#","summary":"one""#)).await;
    assert_eq!(status, 201);
    let fields: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["id", "index", "recorded_at", "leaf_hash"]);
    assert_eq!((&first["id"], &first["index"]), (&json!(ID), &json!(0)));
    let hash = first["leaf_hash"].as_str().unwrap();
    assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{hash}");
    first["recorded_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();

    let (status, again) = server.append(with_id(ID, r#", "summary" : "one""#)).await;
    assert_eq!(status, 200, "the same entry, however it is spaced");
    assert_eq!(again, first);

    let second = server.appended(entry("")).await;
    assert_eq!(second["index"], 1, "sending again took no place");
    assert_ne!(second["id"], first["id"]);
    assert_ne!(second["leaf_hash"], first["leaf_hash"]);
}

#[tokio::test]
async fn a_taken_id_is_a_conflict_that_names_the_field() {
    let server = Server::start().await;
    server.appended(with_id(ID, r#","summary":"one""#)).await;
    let other = with_id(ID, r#","summary":"two""#);
    let problem = refused(sending(&server, "application/json", other), 409, "id_conflict", "id").await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains(ID) && detail.contains("index 0"), "{detail}");
    let kept = server.read(&format!("{ROUTE}/{ID}")).await;
    assert_eq!(kept["summary"], "one");
    assert_eq!(server.size("acme.www").await, 1);

    // Ids are unique per site, not per installation.
    server.create_site("acme.docs");
    let (status, receipt) =
        server.post("/api/v1/sites/acme.docs/entries", with_id(ID, r#","summary":"two""#)).await;
    assert_eq!((status.as_u16(), &receipt["index"]), (201, &json!(0)));
}

#[tokio::test]
async fn what_is_acknowledged_is_read_at_once() {
    let server = Server::start().await;
    for number in 0..5 {
        let receipt = server.appended(entry(&format!(r#","summary":"number {number}""#))).await;
        let id = receipt["id"].as_str().unwrap();
        let detail = server.read(&format!("{ROUTE}/{id}")).await;
        assert_eq!(detail["summary"], format!("number {number}"));
        for field in ["id", "index", "recorded_at", "leaf_hash"] {
            assert_eq!(detail[field], receipt[field]);
        }
        let page = server.read(&format!("{ROUTE}?limit=1&sort=-recorded_at")).await;
        assert_eq!(page["data"][0]["id"], id);
        let tail = server.request(Method::GET, &format!("{ROUTE}/tail?after={}", number - 1));
        let tail = if number == 0 { server.request(Method::GET, &format!("{ROUTE}/tail")) } else { tail };
        let (_, last) = json(tail.send().await.unwrap()).await;
        assert_eq!(last["id"], id, "the tail has exactly this entry, so it is one JSON document");
    }
}

#[tokio::test]
async fn defaults_are_those_of_the_contract() {
    let server = Server::start().await;
    let receipt = server.appended(r#"{"action":"wagtail.publish","entity":{"type":"page","id":"7"}}"#).await;
    let shown = server.read(&format!("{ROUTE}/{}", receipt["id"].as_str().unwrap())).await;
    assert_eq!(shown["actor"], json!({"type": "system"}));
    assert_eq!(shown["kind"], "update");
    assert_eq!(shown["outcome"], "success");
    assert_eq!(shown["site"], "acme.www");
    assert_eq!(shown["source"], "root");
    let time = |field: &str| shown[field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(time("occurred_at") <= time("recorded_at"), "nothing happens after it was recorded: {shown}");
}

#[tokio::test]
async fn every_field_comes_back_as_it_was_sent() {
    let server = Server::start().await;
    let sent = json!({
        "id": ID, "occurred_at": "2026-11-21T04:15:15.123456789Z",
        "actor": {"type": "user", "id": "42", "name": "Ana", "email": "ana@example.com", "roles": ["editor"],
            "on_behalf_of": {"type": "user", "id": "7"}},
        "action": "custom.thing", "kind": "access", "outcome": "failure",
        "entity": {"type": "page", "id": "1002", "title": "Home", "url": "https://example.com/"},
        "summary": "Tried", "reason": "ticket 91", "before": {"a": null}, "after": {},
        "origin": {"ip": "2001:db8::1", "user_agent": "x", "method": "POST", "route": "live", "path": "/home",
            "query": "a=1", "ref": "main", "request_id": "r", "session_id": "s", "channel": "portal"},
        "correlation_id": "67c2b9c4-ff00-4f0e-955f-83e915f859f2", "connector": "wagtail", "duration_ms": 12,
        "errors": ["no", "\u{1f980} \u{0}"], "data": [1, "x", {"y": [null]}]
    });
    server.appended(sent.to_string()).await;
    let shown = server.read(&format!("{ROUTE}/{ID}")).await;
    for (field, value) in sent.as_object().unwrap() {
        assert_eq!(&shown[field], value, "{field}");
    }
}

#[tokio::test]
async fn json_comes_back_byte_for_byte() {
    let server = Server::start().await;
    let data =
        r#"{"z":9007199254740993,"a":-0.10e+5,"m":123456789012345678901234567890,"é":"\u00e9","b":[1.0,1]}"#;
    let state = r#"{"zebra":18446744073709551617,"apple":1.50}"#;
    let sent = with_id(ID, &format!(r#","before":{state},"after":{{}},"data":{data}"#));
    server.appended(sent).await;
    let text = |path: String| {
        let request = server.request(Method::GET, &path);
        async move { request.send().await.unwrap().text().await.unwrap() }
    };
    let detail = text(format!("{ROUTE}/{ID}")).await;
    assert!(detail.contains(&format!(r#""data":{data}"#)), "{detail}");
    assert!(detail.contains(&format!(r#""before":{state}"#)), "{detail}");
    for path in [ROUTE.to_owned(), format!("{ROUTE}/tail")] {
        let list = text(path).await;
        assert!(list.contains(&format!(r#""data":{data}"#)), "{list}");
    }
}

/// Bad entries with code and field of what is wrong; each must be told alike alone and in a batch.
fn bad_entries() -> Vec<(String, u16, &'static str, &'static str)> {
    let deep = format!(r#","data":{}{}"#, "[".repeat(64), "]".repeat(64));
    vec![
        (entry(r#","colour":"red""#), 422, "unknown_field", "colour"),
        (entry(r#","actor":{"type":"user","id":"1","nmae":"x"}"#), 422, "unknown_field", "actor.nmae"),
        (entry(r#","action":"again""#), 422, "duplicate_key", "action"),
        (entry(r#","data":{"a":{"b":1,"b":1}}"#), 422, "duplicate_key", "data/a/b"),
        (entry(&deep), 422, "too_deep", "-"),
        (entry(&format!(r#","data":"{}""#, "x".repeat(1024 * 1024))), 413, "too_large", ""),
        (r#"{"action":1,"entity":{"type":"page","id":"1"}}"#.to_owned(), 422, "wrong_type", "action"),
        (r#"{"action":"a","entity":"page"}"#.to_owned(), 422, "wrong_type", "entity"),
        (r#"{"action":"a","entity":{"type":"page","id":1}}"#.to_owned(), 422, "wrong_type", "entity.id"),
        (entry(r#","before":[1]"#), 422, "wrong_type", "before"),
        (entry(r#","duration_ms":-1"#), 422, "wrong_type", "duration_ms"),
        (entry(r#","errors":"no""#), 422, "wrong_type", "errors"),
        (r#""an entry""#.to_owned(), 422, "wrong_type", ""),
        ("null".to_owned(), 422, "wrong_type", ""),
        (r#"{"entity":{"type":"page","id":"1"}}"#.to_owned(), 422, "missing_field", "action"),
        (r#"{"action":"a"}"#.to_owned(), 422, "missing_field", "entity"),
        (r#"{"action":"a","entity":{"type":"page"}}"#.to_owned(), 422, "missing_field", "entity.id"),
        (entry(r#","actor":{"type":"user"}"#), 422, "missing_field", "actor.id"),
        (entry(r#","occurred_at":"2026-11-21 04:15""#), 422, "invalid_value", "occurred_at"),
        (entry(r#","occurred_at":"2026-11-21T04:15:15""#), 422, "invalid_value", "occurred_at"),
        (entry(r#","occurred_at":"2026-13-01T00:00:00Z""#), 422, "invalid_value", "occurred_at"),
        (entry(r#","id":"42""#), 422, "invalid_value", "id"),
        (entry(r#","id":"00000000-0000-0000-0000-000000000000""#), 422, "invalid_value", "id"),
        (entry(r#","correlation_id":"x""#), 422, "invalid_value", "correlation_id"),
        (entry(r#","kind":"upsert""#), 422, "invalid_value", "kind"),
        (entry(r#","outcome":"maybe""#), 422, "invalid_value", "outcome"),
        (entry(r#","origin":{"ip":"1.2.3"}"#), 422, "invalid_value", "origin.ip"),
        (r#"{"action":"","entity":{"type":"page","id":"1"}}"#.to_owned(), 422, "invalid_value", "action"),
        (
            format!(r#"{{"action":"{}","entity":{{"type":"p","id":"1"}}}}"#, "a".repeat(256)),
            422,
            "too_large",
            "action",
        ),
    ]
}

#[tokio::test]
async fn bad_entries_are_told_alone_and_in_a_batch() {
    let server = Server::start().await;
    for (body, status, code, field) in bad_entries() {
        let problem = refused(sending(&server, "application/json", body.clone()), status, code, field).await;
        let message = problem["errors"][0]["message"].as_str().unwrap();
        assert!(!message.is_empty() && message.len() < 600, "{message}");
        assert!(problem["detail"].as_str().unwrap().contains(message), "the detail alone says it: {problem}");
        let (status, batch) = server.append(format!("[{body},{}]", entry(""))).await;
        assert_eq!(status, 207, "{batch}");
        assert_eq!(batch["results"][0]["error"]["code"], code, "{batch}");
        assert_eq!(batch["results"][0]["error"], problem["errors"][0]);
        assert!(batch["results"][1]["index"].is_u64(), "its neighbour is taken: {batch}");
    }
    assert_eq!(server.size("acme.www").await, u64::try_from(bad_entries().len()).unwrap());
}

#[tokio::test]
async fn all_wrong_values_are_told_at_once() {
    let server = Server::start().await;
    let body = entry(r#","id":"x","occurred_at":"now","kind":"upsert","origin":{"ip":"a"}"#);
    let problem =
        refused(sending(&server, "application/json", body.clone()), 422, "invalid_value", "id").await;
    let fields: Vec<&str> =
        problem["errors"].as_array().unwrap().iter().map(|error| error["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["id", "occurred_at", "kind", "origin.ip"]);
    let (_, batch) = server.append(format!("[{body}]")).await;
    assert_eq!(batch["results"][0]["errors"], problem["errors"]);
}

#[tokio::test]
async fn messages_say_what_is_allowed() {
    let server = Server::start().await;
    for (fields, expected) in [
        (r#","colour":"red""#, "`colour`: not a field of an entry; known here are id, occurred_at"),
        (r#","kind":"upsert""#, "use one of create, update, delete, read, access, other"),
        (r#","occurred_at":"21.11.2026""#, "`21.11.2026` is not an RFC 3339 time with zone such as 2026-"),
        (r#","id":"7""#, "`7` is not a UUID such as 0193"),
        (
            r#","duration_ms":"12""#,
            "`duration_ms`: invalid type: string \"12\", expected a whole number from 0 on",
        ),
    ] {
        let (_, problem) = server.append(entry(fields)).await;
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{detail}");
    }
    let (_, problem) = server.append("{\n  \"action\": oops\n}").await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("line 2, column 13"), "{detail}");
}

#[tokio::test]
async fn good_entries_among_bad_ones_are_in_the_log() {
    let server = Server::start().await;
    let lines: Vec<String> = (0..300)
        .map(|n| match n % 3 {
            0 => entry(&format!(r#","summary":"{n}""#)),
            1 => format!("{{\"action\":{n}"),
            _ => entry(r#","kind":"upsert""#),
        })
        .collect();
    // A blank line and a missing last line end are no entries.
    let body = lines.join("\n\n");
    let (status, answer) = json(sending(&server, "application/x-ndjson", body).send().await.unwrap()).await;
    assert_eq!(status, 207);
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(100), &json!(200)));
    let results = answer["results"].as_array().unwrap();
    assert_eq!(results.len(), 300, "one result an entry, in order");
    for (n, result) in results.iter().enumerate() {
        match n % 3 {
            0 => {
                assert_eq!(result["index"], n / 3);
                let shown = server.read(&format!("{ROUTE}/{}", result["id"].as_str().unwrap())).await;
                assert_eq!(
                    (&shown["summary"], &shown["leaf_hash"]),
                    (&json!(n.to_string()), &result["leaf_hash"])
                );
            }
            1 => assert_eq!(result["error"]["code"], "json_syntax"),
            _ => assert_eq!(result["error"]["field"], "kind"),
        }
    }
    assert_eq!(server.size("acme.www").await, 100);
}

#[tokio::test]
async fn an_array_and_ndjson_mean_the_same() {
    let server = Server::start().await;
    for kind in ["application/x-ndjson", "application/ndjson; charset=utf-8", "Application/JSONL"] {
        let body = format!("{}\n{}\n", entry(""), entry(""));
        let (status, answer) = json(sending(&server, kind, body).send().await.unwrap()).await;
        assert_eq!((status.as_u16(), &answer["accepted"]), (200, &json!(2)), "{kind}");
    }
    let (status, answer) = server.append(format!(" [ {} ,\n{}\t] ", entry(""), entry(""))).await;
    assert_eq!((status.as_u16(), &answer["accepted"]), (200, &json!(2)));
    let (status, answer) = server.append("[]").await;
    assert_eq!((status.as_u16(), answer), (200, json!({"accepted": 0, "rejected": 0, "results": []})));
    assert_eq!(server.size("acme.www").await, 8);
}

#[tokio::test]
async fn a_batch_that_cannot_be_cut_is_refused_whole() {
    let server = Server::start().await;
    let good = entry("");
    for body in
        [format!("[{good},{good}"), format!("[{good} {good}]"), format!("[{good}],"), "[{]".to_owned()]
    {
        let problem = refused(sending(&server, "application/json", body), 422, "json_syntax", "").await;
        assert!(problem["detail"].as_str().unwrap().contains("not a JSON array of entries"), "{problem}");
    }
    for body in ["", " ", "{", "}", "{} {}", "\u{feff}{}"] {
        refused(sending(&server, "application/json", body), 422, "json_syntax", "-").await;
    }
    assert_eq!(server.size("acme.www").await, 0);
}

#[tokio::test]
async fn one_id_twice_in_a_batch() {
    let server = Server::start().await;
    let one = with_id(ID, r#","summary":"one""#);
    let two = with_id(ID, r#","summary":"two""#);
    let (status, answer) = server.append(format!("[{one},{one},{two}]")).await;
    assert_eq!(status, 207);
    let results = &answer["results"];
    assert_eq!(results[0]["index"], 0);
    assert_eq!(results[1], results[0], "the same entry again");
    assert_eq!(
        (&results[2]["error"]["code"], &results[2]["error"]["field"]),
        (&json!("id_conflict"), &json!("id"))
    );
    assert_eq!(server.size("acme.www").await, 1);
    let (status, answer) = server.append(format!("[{two},{one},{}]", entry(""))).await;
    assert_eq!(status, 207);
    assert_eq!(answer["results"][0]["error"]["code"], "id_conflict");
    assert_eq!((&answer["results"][1]["index"], &answer["results"][2]["index"]), (&json!(0), &json!(1)));
}

#[tokio::test]
async fn an_atomic_batch_is_taken_whole_or_leaves_nothing() {
    let server = Server::start().await;
    let atomic = |body: String| {
        server
            .request(Method::POST, &format!("{ROUTE}?atomic=true"))
            .header(CONTENT_TYPE, "application/json")
            .body(body)
    };
    let good = entry("");
    let bad = entry(r#","kind":"upsert""#);
    let problem = refused(atomic(format!("[{good},{bad},{good}]")), 422, "batch_refused", "[1].kind").await;
    assert!(problem["detail"].as_str().unwrap().starts_with("nothing of this atomic batch was taken"));
    assert_eq!(server.size("acme.www").await, 0);

    server.appended(with_id(ID, r#","summary":"one""#)).await;
    let taken = with_id(ID, r#","summary":"two""#);
    refused(atomic(format!("[{good},{taken}]")), 409, "batch_refused", "[1].id").await;
    let other = "0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3d";
    let twins = format!("[{},{}]", with_id(other, ""), with_id(other, r#","summary":"x""#));
    refused(atomic(twins), 409, "batch_refused", "[1].id").await;
    assert_eq!(server.size("acme.www").await, 1);
    let (status, _) = server.get(&format!("{ROUTE}/{other}")).await;
    assert_eq!(status, 404, "its id is still free");

    let known = with_id(ID, r#","summary":"one""#);
    let (status, answer) = json(atomic(format!("[{known},{good}]")).send().await.unwrap()).await;
    assert_eq!(
        (status.as_u16(), &answer["accepted"]),
        (200, &json!(2)),
        "what is there already is no conflict"
    );
    assert_eq!(server.size("acme.www").await, 2);
}

#[tokio::test]
async fn an_idempotency_key_makes_sending_again_harmless() {
    let server = Server::start().await;
    let keyed =
        |key: &str, body: String| sending(&server, "application/json", body).header("Idempotency-Key", key);
    let one = entry(r#","summary":"one""#);
    let (status, first) = json(keyed("k1", one.clone()).send().await.unwrap()).await;
    assert_eq!(status, 201);
    let (status, again) = json(keyed("k1", one.clone()).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), again), (200, first.clone()));
    let (status, other) = json(keyed("k2", one.clone()).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &other["index"]), (201, &json!(1)));
    refused(keyed("k1", entry("")), 409, "id_conflict", "id").await;

    let batch = format!("[{one},{},{one}]", entry(""));
    let (_, first) = json(keyed("k3", batch.clone()).send().await.unwrap()).await;
    let (_, again) = json(keyed("k3", batch).send().await.unwrap()).await;
    assert_eq!(again, first);
    let indexes: Vec<&Value> = first["results"].as_array().unwrap().iter().map(|r| &r["index"]).collect();
    assert_eq!(indexes, [2, 3, 4], "two equal entries of one batch are two entries");
    assert_eq!(server.size("acme.www").await, 5);

    for key in ["", &"k".repeat(256)] {
        refused(keyed(key, one.clone()), 422, "invalid_value", "Idempotency-Key").await;
    }
    refused(
        keyed("k1", one.clone()).header("Idempotency-Key", "k4"),
        422,
        "invalid_value",
        "Idempotency-Key",
    )
    .await;
}

#[tokio::test]
async fn two_senders_may_choose_the_same_idempotency_key() {
    let server = Server::start().await;
    let writers = ["one", "other"]
        .map(|name| crate::support::token(&server.indelible, name, model::Role::Writer, Some("acme.www")));
    let mut indexes = Vec::new();
    for writer in &writers {
        let request = server.request_as(writer, Method::POST, ROUTE).header("Idempotency-Key", "1");
        let (status, receipt) = json(request.body(entry("")).send().await.unwrap()).await;
        assert_eq!(status, 201, "{receipt}");
        indexes.push(receipt["index"].as_u64().unwrap());
    }
    assert_eq!(indexes, [0, 1], "neither entry passes for the other");
}

#[tokio::test]
async fn parameters_and_sites_that_are_not_there() {
    let server = Server::start().await;
    let post = |path: &str| server.request(Method::POST, path).body(entry(""));
    refused(post(&format!("{ROUTE}?colour=red")), 422, "unknown_parameter", "colour").await;
    refused(post(&format!("{ROUTE}?atomic=maybe")), 422, "invalid_value", "atomic").await;
    for site in ["acme.nothing", "ACME.www", "a.b.c", "%20", &"a".repeat(5000)] {
        let problem = refused(post(&format!("/api/v1/sites/{site}/entries")), 404, "unknown_site", "-").await;
        assert!(problem["detail"].as_str().unwrap().len() < 300);
    }
    refused(post("/api/v1/sites/%ff/entries"), 404, "not_found", "-").await;
    assert_eq!(server.size("acme.www").await, 0);
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let server = Server::start().await;
    let batch = vec![entry(""); 5].join(",");
    server.append(format!("[{batch}]")).await;
    server.appended(with_id(ID, "")).await;
    let token = server.token(model::Role::Auditor, Some("acme.www"));
    let page = server.read(&format!("{ROUTE}?limit=4")).await;
    let next = format!("{ROUTE}?limit=4&cursor={}", page["page"]["next"].as_str().unwrap());
    let before = server.read(&next).await;
    let detail = server.read(&format!("{ROUTE}/{ID}")).await;

    let server = Server::start_in(server.stop().await).await;
    assert_eq!(server.read(&next).await, before, "a cursor outlives the process");
    assert_eq!(server.read(&format!("{ROUTE}/{ID}")).await, detail);
    let (status, _) = json(server.request_as(&token, Method::GET, ROUTE).send().await.unwrap()).await;
    assert_eq!(status, 200, "and so does a token");
    let (status, again) = server.append(with_id(ID, "")).await;
    assert_eq!((status.as_u16(), &again["index"]), (200, &json!(5)), "and so does what was sent");
    assert_eq!(server.appended(entry("")).await["index"], 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_get_dense_indexes() {
    let server = Server::start().await;
    let sites = ["acme.www", "acme.docs", "acme.shop"];
    server.create_site(sites[1]);
    server.create_site(sites[2]);
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..12_usize {
        let site = sites[writer % 3];
        let path = format!("/api/v1/sites/{site}/entries");
        for round in 0..8_usize {
            let single = entry(&format!(r#","summary":"{writer}/{round}""#));
            let is_batch = round % 2 == 1;
            let body = if is_batch { format!("[{single},{single},{single}]") } else { single };
            let request = server.request(Method::POST, &path).body(body);
            writers.spawn(async move {
                let (status, answer) = json(request.send().await.unwrap()).await;
                assert!(status.is_success(), "{answer}");
                let receipts =
                    if is_batch { answer["results"].as_array().unwrap().clone() } else { vec![answer] };
                let indexes: Vec<u64> = receipts.iter().map(|r| r["index"].as_u64().unwrap()).collect();
                assert!(indexes.is_sorted(), "a batch keeps its order: {indexes:?}");
                (site, indexes)
            });
        }
    }
    let mut taken = std::collections::BTreeMap::<&str, Vec<u64>>::new();
    while let Some(done) = writers.join_next().await {
        let (site, indexes) = done.unwrap();
        taken.entry(site).or_default().extend(indexes);
    }
    for (site, mut indexes) in taken {
        indexes.sort_unstable();
        assert_eq!(indexes, (0..64).collect::<Vec<u64>>(), "{site}");
        assert_eq!(server.size(site).await, 64);
    }
}
