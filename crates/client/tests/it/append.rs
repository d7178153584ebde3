//! One entry.

use client::{Entry, Error};
use serde_json::json;

use crate::server::{LEAF_HASH, Server, problem, says, takes_one};

fn entry() -> Entry {
    Entry::new("page.publish", "page", "1002").title("Home")
}

#[tokio::test]
async fn a_new_entry_gets_its_receipt() {
    let server = Server::start([takes_one(201)]).await;
    let entry = entry();
    let receipt = server.client().append("acme.www", &entry).await.unwrap();

    let sent = serde_json::to_value(&entry).unwrap();
    assert_eq!(receipt.id.to_string(), sent["id"]);
    assert_eq!((receipt.index, receipt.leaf_hash.as_str(), receipt.known), (7, LEAF_HASH, false));
    assert_eq!(receipt.recorded_at.unwrap().to_string(), "2026-11-21T04:15:15.123Z");

    let [seen] = <[_; 1]>::try_from(server.seen()).ok().unwrap();
    assert_eq!(seen.path, "/api/v1/sites/acme.www/entries");
    assert_eq!(seen.header("authorization"), "Bearer t0k3n");
    assert_eq!(seen.header("content-type"), "application/json");
    assert_eq!(seen.body, serde_json::to_vec(&entry).unwrap());
}

#[tokio::test]
async fn an_entry_that_was_there_is_known() {
    let server = Server::start([takes_one(200)]).await;
    assert!(server.client().append("www", &entry()).await.unwrap().known);
}

#[tokio::test]
async fn an_invalid_entry_is_refused_by_field_and_not_sent_again() {
    let errors = json!([{"field": "entity.id", "code": "invalid_value", "message": "must not be empty"}]);
    let server = Server::start([problem(422, "invalid_entry", "The entry is invalid", &errors)]).await;
    let error = server.client().append("www", &entry()).await.unwrap_err();

    let Error::Refused(problem) = &error else { panic!("{error:?}") };
    assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_entry"));
    assert_eq!(problem.errors[0].field, "entity.id");
    assert!(error.to_string().contains("`entity.id`: must not be empty"), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn refusals_of_the_sender_are_final() {
    for status in [400, 401, 403, 404, 409, 413, 500, 507] {
        let server = Server::start([problem(status, "some_code", "Some detail", &json!([]))]).await;
        let error = server.client().append("www", &entry()).await.unwrap_err();
        let Error::Refused(problem) = &error else { panic!("{error:?}") };
        assert_eq!(problem.status, status);
        assert!(error.to_string().contains(&format!("status {status} some_code, Some detail. What to do: ")));
        assert!(!error.to_string().contains("t0k3n"));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_missing_token_is_told_with_the_way_forward() {
    let server = Server::start([says(401, "text/plain", "who are you?")]).await;
    let message = server.client().append("www", &entry()).await.unwrap_err().to_string();
    assert!(message.contains("who are you?") && message.contains("`indelible token list`"), "{message}");
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_an_error() {
    let other = json!({"id": "0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c", "index": 1, "leaf_hash": LEAF_HASH});
    let answers = [
        (says(201, "text/html", "<html>Welcome</html>"), "<html>Welcome</html>"),
        (says(201, "application/json", "{}"), "missing field `id`"),
        (says(201, "application/json", other.to_string()), "a receipt for entry 0193b0c6"),
        (says(204, "application/json", ""), "expected 200 or 201"),
        (says(304, "application/json", ""), "neither done nor refused"),
    ];
    for (answer, expected) in answers {
        let server = Server::start([answer]).await;
        let error = server.client().append("www", &entry()).await.unwrap_err();
        assert!(matches!(error, Error::Unexpected { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.to_string().contains(&server.address.to_string()), "{error}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_sent() {
    let server = Server::start([]).await;
    let bad = entry().after(std::collections::HashMap::from([(vec![1], 1)]));
    let error = server.client().append("www", &bad).await.unwrap_err();
    assert!(matches!(error, Error::Unserialisable { field: "after", .. }), "{error:?}");

    let long = entry().data("x".repeat(1024 * 1024));
    let error = server.client().append("www", &long).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { bytes, .. } if bytes > 1024 * 1024), "{error:?}");
    assert_eq!(server.seen().len(), 0);
}
