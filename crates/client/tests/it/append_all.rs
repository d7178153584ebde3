//! Many entries.

use client::{Entry, Error};
use serde_json::{Value, json};

use crate::server::{LEAF_HASH, Server, later, problem, says, takes_all};

fn entries(ids: impl IntoIterator<Item = impl ToString>) -> Vec<Entry> {
    ids.into_iter().map(|id| Entry::new("page.edit", "page", id.to_string())).collect()
}

fn id(entry: &Entry) -> Value {
    serde_json::to_value(entry).unwrap()["id"].clone()
}

#[tokio::test]
async fn all_entries_get_their_receipts() {
    let server = Server::start([takes_all(5)]).await;
    let entries = entries(1..=3);
    let results = server.client().append_all("acme.www", &entries).await.unwrap();
    for (index, (entry, result)) in (5..).zip(entries.iter().zip(&results)) {
        let receipt = result.as_ref().unwrap();
        assert_eq!((receipt.index, receipt.id.to_string().into()), (index, id(entry)));
        assert_eq!((receipt.leaf_hash.as_str(), receipt.recorded_at), (LEAF_HASH, None));
    }
    let [seen] = <[_; 1]>::try_from(server.seen()).ok().unwrap();
    assert_eq!(seen.path, "/api/v1/sites/acme.www/entries");
    assert_eq!(seen.header("content-type"), "application/x-ndjson");
    assert_eq!(seen.header("authorization"), "Bearer t0k3n");
    assert_eq!(seen.entries(), entries.iter().map(|e| serde_json::to_value(e).unwrap()).collect::<Vec<_>>());
}

#[tokio::test]
async fn refused_entries_keep_their_places() {
    let server = Server::start([takes_all(0)]).await;
    let results = server.client().append_all("www", &entries(["1", "bad", "3", "bad"])).await.unwrap();
    let taken: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, false, true, false]);
    let refusal = results[3].as_ref().unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.field.as_str()), ("invalid_value", "entity.id"));
    assert_eq!(refusal.to_string(), "`entity.id`: bad (invalid_value)");
}

#[tokio::test]
async fn many_entries_go_in_parts() {
    let server = Server::start([takes_all(0), takes_all(10_000), later(503, "0"), takes_all(20_000)]).await;
    let entries = entries(0..20_001);
    let results = server.client().append_all("www", &entries).await.unwrap();
    let indexes: Vec<_> = results.iter().map(|result| result.as_ref().unwrap().index).collect();
    assert_eq!(indexes, (0..20_001).collect::<Vec<_>>());
    let lengths: Vec<_> = server.seen().iter().map(|seen| seen.entries().len()).collect();
    assert_eq!(lengths, [10_000, 10_000, 1, 1]);
}

#[tokio::test]
async fn large_entries_go_in_parts_and_too_large_ones_stay() {
    let server = Server::start([takes_all(0), takes_all(31)]).await;
    let with = |bytes: usize| Entry::new("a", "t", "1").data("x".repeat(bytes));
    let mut entries: Vec<_> = (0..33).map(|_| with(1_048_000)).collect();
    entries.insert(1, with(1024 * 1024));
    let results = server.client().append_all("www", &entries).await.unwrap();

    assert_eq!(results.len(), 34);
    assert_eq!(results[1].as_ref().unwrap_err().code, "too_large");
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 33);
    let bodies: Vec<_> = server.seen().iter().map(|seen| seen.body.len()).collect();
    assert_eq!(bodies.len(), 2);
    assert!(bodies.iter().all(|bytes| *bytes <= 32 * 1024 * 1024), "{bodies:?}");
}

#[tokio::test]
async fn nothing_is_asked_for_nothing() {
    let server = Server::start([]).await;
    let long = Entry::new("a", "t", "1").data("x".repeat(1024 * 1024));
    assert_eq!(server.client().append_all("www", &[]).await.unwrap(), []);
    assert!(server.client().append_all("www", &[long]).await.unwrap()[0].is_err());
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn an_unserialisable_entry_is_found_before_anything_is_sent() {
    let server = Server::start([]).await;
    let mut entries = entries(0..10_001);
    entries.push(Entry::new("a", "t", "1").before(std::collections::HashMap::from([(vec![1], 1)])));
    let error = server.client().append_all("www", &entries).await.unwrap_err();
    assert!(matches!(error, Error::Unserialisable { field: "before", .. }), "{error:?}");
    assert_eq!(server.seen().len(), 0);
}

#[tokio::test]
async fn a_part_that_is_refused_as_a_whole_is_an_error() {
    let server = Server::start([takes_all(0), problem(507, "disk_full", "No room", &json!([]))]).await;
    let error = server.client().append_all("www", &entries(0..10_001)).await.unwrap_err();
    assert!(matches!(error, Error::Refused(ref problem) if problem.code == "disk_full"), "{error:?}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn results_that_do_not_fit_are_an_error() {
    let check = async |status: u16, results: Value, expected: &str| {
        let answer = json!({"accepted": 1, "rejected": 0, "results": results}).to_string();
        let server = Server::start([says(status, "application/json", answer)]).await;
        let error = server.client().append_all("www", &entries([1])).await.unwrap_err();
        assert!(matches!(error, Error::Unexpected { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    let stranger = json!({"id": "0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c", "index": 1, "leaf_hash": LEAF_HASH});
    check(200, json!([]), "0 results for 1 entries").await;
    check(200, json!([stranger, stranger]), "2 results for 1 entries").await;
    check(200, json!([stranger]), "a receipt for entry 0193b0c6").await;
    check(200, json!([{"index": 1}]), "missing field `id`").await;
    check(201, json!([stranger]), "expected 200 or 207").await;
}
