//! No entry, however it is made, breaks a client or moves another one.

use serde_json::{Value, json};

use super::{appended, entries, post, posted};
use crate::support::Server;

/// What every entry is, whatever was stored (the guarantees that clients of this API rest on).
fn assert_harmless(entry: &Value) {
    let object = entry.as_object().expect("an object");
    assert!(object["timestamp"].is_i64(), "{entry}");
    for key in ["route", "source"] {
        let Some(value) = object.get(key) else { continue };
        let class = value.as_str().unwrap_or_else(|| panic!("{key} is a text: {entry}"));
        assert!(!class.is_empty() && !class.contains(char::is_whitespace), "{entry}");
    }
    assert!(object.get("user").is_none_or(Value::is_string), "{entry}");
    let errors = object.get("errors").and_then(Value::as_array);
    assert!(errors.is_none_or(|errors| errors.iter().all(|error| !error.is_null())), "{entry}");
    let route = object.get("route").and_then(Value::as_str).unwrap_or_default();
    if matches!(route, "job" | "config" | "status") || route.ends_with("-job") {
        assert!(entry["path"].is_string(), "{entry}");
    }
    let links = matches!(route, "live" | "preview" | "index") || entry["source"] == "sitemap";
    if let Some(path) = object.get("path").filter(|path| links && !path.is_null()) {
        assert!(path.as_str().is_some_and(|path| path.starts_with('/')), "{entry}");
    }
    let updated = object.get("updated").and_then(Value::as_array).into_iter().flatten();
    for item in updated.flat_map(|item| item.as_array().cloned().unwrap_or_else(|| vec![item.clone()])) {
        assert!(item.as_str().is_none_or(|item| item.starts_with('/')), "{entry}");
    }
}

const HOSTILE: [&str; 38] = [
    r#"{"errors":[null]}"#,
    r#"{"errors":[null,"a",null,{"message":"b"}]}"#,
    r#"{"errors":null}"#,
    r#"{"errors":{"0":null}}"#,
    r#"{"errors":"text"}"#,
    r#"{"user":5}"#,
    r#"{"user":{"name":"x"}}"#,
    r#"{"user":null}"#,
    r#"{"route":"two words"}"#,
    r#"{"route":" \t\n "}"#,
    r#"{"route":""}"#,
    r#"{"route":5,"path":7}"#,
    r#"{"route":["live"]}"#,
    r#"{"route":null,"source":null}"#,
    r#"{"route":{"a b":"c"}}"#,
    r#"{"route":"\u0000x\u001f"}"#,
    r#"{"source":"two  words"}"#,
    r#"{"source":true}"#,
    r#"{"route":"job"}"#,
    r#"{"route":"publish-job","paths":["/first","/second"]}"#,
    r#"{"route":"publish-job","paths":[5]}"#,
    r#"{"route":"config","path":null}"#,
    r#"{"route":"status","path":{"a":1}}"#,
    r#"{"route":"live","method":"POST","path":".evil.example/x"}"#,
    r#"{"route":"preview","path":"@evil.example"}"#,
    r#"{"route":"index","path":["@evil.example"]}"#,
    r#"{"route":"live","path":"\u002frooted"}"#,
    r#"{"source":"sitemap","updated":[[".evil.example","/ok",null],"@evil.example",{"a":1}]}"#,
    r#"{"source":"sitemap","path":"evil","updated":"evil"}"#,
    r#"{"source":"indexer","changes":null,"errors":[null],"unmodified":"many"}"#,
    r#"{"__proto__":{"polluted":true},"constructor":{"prototype":{}},"toString":1}"#,
    r#"{"timestamp":"yesterday","duration":"long","status":{}}"#,
    r#"{"timestamp":null}"#,
    r#"{"message":"<script>alert(1)</script>","path":"<img src=x onerror=alert(1)>"}"#,
    r#"{"half":"\\ud800","path":"\ud83d\ude00","route":"\ud83d\ude00"}"#,
    r#"{"":"","\u2028":"\u2029","\"":"\\"}"#,
    r#"{"n":1e400,"m":-0.0,"big":123456789012345678901234567890}"#,
    r#"{"entries":[],"nextToken":"x","links":{"next":"https://evil.example"}}"#,
];

#[tokio::test]
async fn hostile_posts_break_nothing_and_move_nothing() {
    let server = Server::start().await;
    for (n, hostile) in HOSTILE.iter().enumerate() {
        let marker = format!(r#"{{"route":"preview","path":"/{n}","errors":["kept"]}}"#);
        posted(&server, &[&marker, hostile]).await;
    }
    let found = entries(&server, "since=1h").await;
    assert_eq!(found.len(), HOSTILE.len() * 2);
    for entry in &found {
        assert_harmless(entry);
    }
    for (n, pair) in found.chunks(2).enumerate() {
        assert_eq!(
            (&pair[0]["path"], &pair[0]["errors"]),
            (&json!(format!("/{n}")), &json!(["kept"])),
            "{n}"
        );
    }
    let of = |text: &str| found[HOSTILE.iter().position(|hostile| *hostile == text).unwrap() * 2 + 1].clone();
    assert_eq!(of(HOSTILE[1])["errors"], json!(["a", {"message": "b"}]));
    assert_eq!(of(HOSTILE[5])["user"], "root", "the server's word, not the client's");
    assert_eq!(of(HOSTILE[8])["route"], "two-words");
    assert!(of(HOSTILE[9]).get("route").is_none());
    assert_eq!(of(HOSTILE[11])["route"], "5");
    assert_eq!(of(HOSTILE[11])["path"], 7, "what breaks nothing stays");
    assert_eq!(of(HOSTILE[18])["path"], "/");
    assert_eq!(of(HOSTILE[19])["path"], "/first");
    assert_eq!(of(HOSTILE[23])["path"], "/.evil.example/x");
    assert_eq!(of(HOSTILE[24])["path"], "/@evil.example");
    assert_eq!(of(HOSTILE[26])["path"], "/rooted");
    assert_eq!(
        of(HOSTILE[27])["updated"],
        json!([["/.evil.example", "/ok", null], "/@evil.example", {"a": 1}])
    );
    assert_eq!(of(HOSTILE[30])["__proto__"], json!({"polluted": true}));
    assert_eq!(of(HOSTILE[33])["message"], "<script>alert(1)</script>", "markup is data");
    // What is no text and what is too large are refused, and leave no trace.
    let half = r#"{"entries":[{"route":"preview","path":"/"},{"route":"preview","path":"\ud800"}]}"#;
    assert_eq!(post(&server, half).await.status, 400);
    let huge = format!(r#"{{"entries":[{{"route":"{}"}}]}}"#, "x".repeat(3_000_000));
    assert_eq!(post(&server, &huge).await.status, 413);
    let long = format!(r#"{{"entries":[{{"route":"{0}","path":"/{0}"}}]}}"#, "x".repeat(100_000));
    assert_eq!(post(&server, &long).await.status, 201);
    let after = entries(&server, "since=1h").await;
    assert_eq!(after[..found.len()], found[..]);
    assert_eq!(after.len(), found.len() + 1);
}

#[tokio::test]
async fn neither_does_what_came_another_way() {
    let server = Server::start().await;
    let entry = |fields: Value| {
        let mut entry =
            json!({"action": "aem.custom", "entity": {"type": "site", "id": "x"}, "connector": "aem"});
        entry.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        entry
    };
    let all: Vec<Value> = HOSTILE
        .iter()
        .map(|hostile| entry(json!({"data": serde_json::from_str::<Value>(hostile).unwrap_or(json!({}))})))
        .chain([
            entry(json!({"data": null})),
            entry(json!({"data": [1, 2]})),
            entry(json!({"data": "text"})),
            entry(json!({"action": "two words"})),
            entry(json!({"action": "aem.two words.put"})),
            entry(json!({"origin": {"route": " ", "path": "", "method": "x y"}})),
            entry(json!({"action": "aem.publish", "origin": {"path": "@evil.example"}})),
        ])
        .collect();
    appended(&server, &all).await;
    let found = entries(&server, "since=1h").await;
    assert_eq!(found.len(), all.len());
    for entry in &found {
        assert_harmless(entry);
    }
    assert_eq!(found[6]["user"], r#"{"name":"x"}"#);
    assert_eq!(found[HOSTILE.len() + 1]["data"], json!([1, 2]));
    assert_eq!(found.last().unwrap()["path"], "/@evil.example");
}
