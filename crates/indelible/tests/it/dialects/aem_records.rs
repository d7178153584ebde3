//! What records look like that came in by a file, or over our own API.

use indelible::connect::{self, Format, Namespace};
use serde_json::{Value, json};

use super::{appended, entries};
use crate::support::Server;

/// Records of every sort, as AEM writes them.
const RECORDS: [&str; 7] = [
    r#"{"timestamp":1777881600123,"duration":467,"status":201,"method":"POST","route":"preview","path":"/news/spring","user":"ana@example.com","ip":"203.0.113.7","contentBusId":"2c1b9f0d5e","org":"acme","site":"www","owner":"acme","repo":"www","ref":"main"}"#,
    r#"{"timestamp":1777881661000,"duration":1005,"status":202,"method":"POST","route":"live","paths":["/","/news/spring"],"snapshotId":"default","org":"acme","site":"www"}"#,
    r#"{"timestamp":1777881700000,"source":"indexer","changes":["default: updated /news/spring in 120ms"],"errors":[],"unmodified":3,"org":"acme","site":"www"}"#,
    r#"{"timestamp":1777881720000,"source":"sitemap","updated":[["/sitemap-en.xml","/sitemap-de.xml"]],"org":"acme","site":"www"}"#,
    r#"{"timestamp":1777881730000,"route":"schedule-page-intent","nonce":"n-81f","path":"/news/spring","scheduledPublish":"2026-06-01T06:00:00Z","user":"ana@example.com","org":"acme","site":"www"}"#,
    r#"{"timestamp":1777881740000,"duration":12,"status":502,"method":"DELETE","route":"live","path":"/a","error":"no","errors":[{"message":"m","target":"/a"},"text"],"details":["d"],"search":"?force=true","org":"acme","site":"www"}"#,
    r#"{"timestamp":1777881750000,"event":"hello","level":"info","message":"words","unknown":{"a":[1.50,null]},"org":"acme","site":"www"}"#,
];

#[tokio::test]
async fn records_of_a_file_go_out_with_every_key_they_had() {
    let server = Server::start().await;
    let file = RECORDS.join("\n");
    let read = connect::read(Format::Aem, Namespace::of_site(Format::Aem, "acme.www"), file.as_bytes());
    let read: Vec<Value> = read.map(|entry| serde_json::from_str(&entry.unwrap().json).unwrap()).collect();
    appended(&server, &read).await;
    let found = entries(&server, "from=2026-05-04&to=2026-05-05").await;
    assert_eq!(found.len(), RECORDS.len());
    for (record, found) in RECORDS.iter().zip(&found) {
        let record: Value = serde_json::from_str(record).unwrap();
        let mut found = found.clone();
        let keys = found.as_object_mut().unwrap();
        assert!(keys.remove("indelible").unwrap().get("origin").is_none(), "a file is no client");
        for (key, value) in [("owner", "acme"), ("repo", "www")] {
            // Coordinates that a record lacks are the site's.
            assert_eq!(keys[key], value);
            if record.get(key).is_none() {
                keys.remove(key);
            }
        }
        assert_eq!(found, record);
    }
}

#[tokio::test]
async fn entries_of_our_own_api_are_records_as_well() {
    let server = Server::start().await;
    let at = |second: u32| format!("2026-05-04T08:00:{second:02}Z");
    let page = json!({"type": "page", "id": "/news/spring", "title": "Spring"});
    appended(
        &server,
        &[
            json!({
                "occurred_at": at(0), "action": "aem.publish", "entity": page, "duration_ms": 467,
                "actor": {"type": "user", "id": "42", "name": "Ana", "email": "ana@example.com"},
                "origin": {"ip": "203.0.113.7", "query": "force=true", "ref": "main"},
                "data": {"contentBusId": "2c1b9f0d5e", "odd key": [1]},
            }),
            json!({
                "occurred_at": at(1), "action": "aem.indexer", "entity": {"type": "site", "id": "acme/www"},
                "data": {"changes": ["default: updated /a in 1ms"], "errors": [], "unmodified": 3},
            }),
            json!({
                "occurred_at": at(2), "action": "wagtail.publish", "entity": {"type": "page", "id": "7"},
                "actor": {"type": "user", "name": "Ana"}, "summary": "Published Spring", "errors": ["slow"],
            }),
            json!({"occurred_at": at(3), "action": "aem.custom", "entity": {"type": "site", "id": "acme/www"}}),
        ],
    )
    .await;
    let found = entries(&server, "from=2026-05-04&to=2026-05-05").await;
    let without_own = |entry: &Value| {
        let mut entry = entry.clone();
        let own = entry.as_object_mut().unwrap().remove("indelible").unwrap();
        assert_eq!(own["action"].as_str().unwrap().split('.').count(), 2);
        entry
    };
    let place = json!({"org": "acme", "site": "www", "owner": "acme", "repo": "www"});
    let with_place = |mut entry: Value| {
        entry.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        entry
    };
    assert_eq!(
        without_own(&found[0]),
        with_place(json!({
            "timestamp": 1_777_881_600_000_i64, "contentBusId": "2c1b9f0d5e", "odd key": [1], "route": "live",
            "method": "POST", "path": "/news/spring", "search": "?force=true", "user": "ana@example.com",
            "ip": "203.0.113.7", "duration": 467, "ref": "main",
        }))
    );
    assert_eq!(
        without_own(&found[1]),
        with_place(json!({
            "timestamp": 1_777_881_601_000_i64, "source": "indexer", "changes": ["default: updated /a in 1ms"],
            "errors": [], "unmodified": 3,
        }))
    );
    assert_eq!(
        without_own(&found[2]),
        with_place(json!({
            "timestamp": 1_777_881_602_000_i64, "route": "wagtail.publish", "path": "/page/7", "user": "Ana",
            "message": "Published Spring", "errors": ["slow"],
        }))
    );
    assert_eq!(without_own(&found[3]), with_place(json!({"timestamp": 1_777_881_603_000_i64})));
}

/// Every operation that AEM's page lists, with the methods that it has.
#[tokio::test]
async fn every_operation_of_the_page_has_its_route_and_method() {
    let server = Server::start().await;
    let operations = [
        ("preview", "POST"),
        ("preview", "DELETE"),
        ("live", "POST"),
        ("live", "DELETE"),
        ("index", "POST"),
        ("index", "DELETE"),
        ("cache", "POST"),
        ("code", "POST"),
        ("code", "DELETE"),
        ("config", "POST"),
        ("config", "PUT"),
        ("config", "DELETE"),
        ("sitemap", "POST"),
        ("job", "POST"),
        ("job", "DELETE"),
        ("form", "POST"),
    ];
    let code = |(route, method)| model::action::aem::from_operation(route, method).into_owned();
    let all: Vec<Value> = operations
        .iter()
        .map(|operation| json!({"action": code(*operation), "entity": {"type": "resource", "id": "/a"}}))
        .collect();
    appended(&server, &all).await;
    let found = entries(&server, "since=5m").await;
    let pairs: Vec<_> = found
        .iter()
        .map(|entry| (entry["route"].as_str().unwrap(), entry["method"].as_str().unwrap()))
        .collect();
    assert_eq!(pairs, operations);
}
