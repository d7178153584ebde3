//! The API document: a change of the API shows here, and is then made on purpose.

use crate::support::Server;

#[test]
fn the_document_is_as_it_was() {
    insta::assert_snapshot!("openapi", indelible::api::document().to_pretty_json().unwrap());
}

#[tokio::test]
async fn the_server_shows_the_same_document() {
    let server = Server::start().await;
    let text = server.client.get(server.url("/openapi.json")).send().await.unwrap().text().await.unwrap();
    let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
    let document = serde_json::to_value(indelible::api::document()).unwrap();
    assert_eq!(shown, document);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn every_operation_is_described() {
    let document = serde_json::to_value(indelible::api::document()).unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let at = format!("{method} {path}");
            assert!(
                operation["summary"].as_str().is_some_and(|text| !text.is_empty()),
                "{at} says what it does"
            );
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{at}");
            if path.starts_with("/api/") {
                for status in ["401", "403"] {
                    assert!(responses.contains_key(status), "{at} can be answered with {status}");
                }
            }
        }
    }
}
