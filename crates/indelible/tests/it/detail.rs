//! One entry by itself: its states and changes, its proof, and the history of what it was done to.

use reqwest::Method;
use serde_json::{Value, json};
use tlog::{Hash, Receipt};

use crate::support::{Server, entry, json, refused};

const ROUTE: &str = "/api/v1/sites/acme.www/entries";

async fn detail_of(server: &Server, fields: &str) -> Value {
    let receipt = server.appended(entry(fields)).await;
    server.read(&format!("{ROUTE}/{}", receipt["id"].as_str().unwrap())).await
}

#[tokio::test]
async fn a_detail_has_states_and_changes() {
    let server = Server::start().await;
    let detail = detail_of(
        &server,
        r#","before":{"title":"Old","price":9007199254740993,"gone":1,"kept":{"a":1,"b":2},"seo":{"x/y":1}},
           "after":{"kept":{"b":2,"a":1},"title":"New","price":9007199254740992,"seo":{"x/y":"1"},"added":null}"#,
    )
    .await;
    assert_eq!(detail["changed"], json!(["title", "price", "gone", "seo", "added"]));
    assert_eq!(
        detail["changes"],
        serde_json::from_str::<Value>(
            r#"[{"path":"/title","op":"change","before":"Old","after":"New"},
                {"path":"/price","op":"change","before":9007199254740993,"after":9007199254740992},
                {"path":"/gone","op":"remove","before":1},
                {"path":"/seo/x~1y","op":"type","before":1,"after":"1"},
                {"path":"/added","op":"add","after":null}]"#
        )
        .unwrap(),
        "{detail}"
    );
    assert_eq!(detail["before"]["kept"], json!({"a": 1, "b": 2}));
    let id = detail["id"].as_str().unwrap();
    assert_eq!(
        detail["proof"],
        json!({
            "state": "signed",
            "content": "present",
            "checkpoint_size": 1,
            "url": format!("{ROUTE}/{id}/proof"),
        })
    );
    assert_eq!(detail["revert"]["possible"], false);
    assert!(detail["revert"]["why"].as_str().is_some_and(|why| !why.is_empty()));
}

#[tokio::test]
async fn a_state_that_is_missing_is_not_an_empty_one() {
    let server = Server::start().await;
    let missing = detail_of(&server, "").await;
    let null = detail_of(&server, r#","before":null,"after":null,"data":null"#).await;
    let created = detail_of(&server, r#","after":{"title":"Home"}"#).await;
    let emptied = detail_of(&server, r#","before":{"title":"Home"},"after":{}"#).await;
    for unknown in [&missing, &null] {
        assert_eq!((&unknown["before"], &unknown["after"]), (&Value::Null, &Value::Null));
        assert_eq!((&unknown["changed"], &unknown["changes"]), (&json!([]), &json!([])));
    }
    assert_eq!((&created["before"], &created["after"]), (&Value::Null, &json!({"title": "Home"})));
    assert_eq!(created["changed"], json!([]), "a created entity has no changed fields");
    assert_eq!(created["revert"]["why"], "no state before was recorded");
    assert_eq!(emptied["after"], json!({}));
    assert_eq!(emptied["changes"], json!([{"path": "/title", "op": "remove", "before": "Home"}]));
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let id = server.appended(entry("")).await["id"].as_str().unwrap().to_owned();
    let get = |path: String| server.request(Method::GET, &path);
    server.read(&format!("{ROUTE}/{}", id.to_uppercase())).await;
    for id in ["0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c", "garbage", "%F0%9F", &"x".repeat(3000)] {
        for tail in ["", "/proof"] {
            let problem = refused(get(format!("{ROUTE}/{id}{tail}")), 404, "not_found", "-").await;
            assert!(problem["detail"].as_str().unwrap().len() < 300, "an address is not repeated at length");
        }
    }
    for tail in ["", "/proof"] {
        refused(get(format!("/api/v1/sites/acme.docs/entries/{id}{tail}")), 404, "not_found", "-").await;
        refused(get(format!("/api/v1/sites/acme.nothing/entries/{id}{tail}")), 404, "unknown_site", "-")
            .await;
    }
    refused(get("/api/v1/nothing".to_owned()), 404, "not_found", "-").await;
}

/// The leaf hash and receipt of an entry.
async fn receipt_of(server: &Server, entry: &Value) -> (Hash, Receipt) {
    let path = format!("{ROUTE}/{}/proof", entry["id"].as_str().unwrap());
    let response = server.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    let receipt = Receipt::parse(response.text().await.unwrap()).unwrap();
    let hex = entry["leaf_hash"].as_str().unwrap();
    let bytes: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
    (Hash::try_from(bytes.as_slice()).unwrap(), receipt)
}

#[tokio::test]
async fn receipts_verify_at_every_size() {
    let server = Server::start().await;
    let site = "acme.www".parse().unwrap();
    let origin = server.indelible.keys().origin(&site);
    let key = server.indelible.keys().verifier_key(&site).unwrap();
    let other_key = server.indelible.keys().verifier_key(&model::SiteId::system()).unwrap();
    let mut entries: Vec<Value> = Vec::new();
    // Around the width of a tile, and where the tree's edge is short and long.
    for size in [1_usize, 2, 3, 7, 8, 255, 256, 257, 600] {
        let batch = vec![entry(""); size - entries.len()].join(",");
        let (_, answer) = server.append(format!("[{batch}]")).await;
        entries.extend(answer["results"].as_array().unwrap().iter().cloned());
        for index in [0, size / 2, size - 1] {
            let (leaf, receipt) = receipt_of(&server, &entries[index]).await;
            assert_eq!(receipt.index(), u64::try_from(index).unwrap());
            let checkpoint = receipt.verify(&leaf, &origin, std::slice::from_ref(&key)).unwrap();
            assert_eq!(checkpoint.size(), u64::try_from(size).unwrap());
            assert!(receipt.verify(&leaf, &origin, std::slice::from_ref(&other_key)).is_err());
            if size > 1 {
                let (wrong, _) = receipt_of(&server, &entries[(index + 1) % size]).await;
                assert!(receipt.verify(&wrong, &origin, std::slice::from_ref(&key)).is_err());
            }
        }
    }
}

#[tokio::test]
async fn a_history_is_oldest_first_and_one_entitys_only() {
    let server = Server::start().await;
    let done = |kind: &str, id: &str, time: &str| json!({"action": "a", "entity": {"type": kind, "id": id}, "occurred_at": time, "summary": format!("{kind} {id} {time}")});
    let entries = [
        done("page", "1", "2026-11-03T00:00:00Z"),
        done("page", "1", "2026-11-01T00:00:00Z"),
        done("page", "10", "2026-11-01T00:00:00Z"),
        done("post", "1", "2026-11-01T00:00:00Z"),
        done("page", "1", "2026-11-02T00:00:00Z"),
        done("page", "*", "2026-11-01T00:00:00Z"),
        done("page", "1*", "2026-11-01T00:00:00Z"),
        done("page", "/a b/ü?x=1&y#z%", "2026-11-01T00:00:00Z"),
        done("*", "1", "2026-11-01T00:00:00Z"),
    ];
    server.append(Value::from(entries.to_vec()).to_string()).await;
    let history = async |address: &str| {
        let page = server.read(&format!("/api/v1/sites/acme.www/entities/{address}")).await;
        let found = page["data"].as_array().unwrap().iter();
        found.map(|entry| entry["summary"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        history("page/1/history").await,
        ["page 1 2026-11-01T00:00:00Z", "page 1 2026-11-02T00:00:00Z", "page 1 2026-11-03T00:00:00Z"]
    );
    assert_eq!(history("page/*/history").await, ["page * 2026-11-01T00:00:00Z"]);
    assert_eq!(history("page/1%2A/history").await, ["page 1* 2026-11-01T00:00:00Z"]);
    assert_eq!(history("*/1/history").await, ["* 1 2026-11-01T00:00:00Z"]);
    assert_eq!(
        history("page/%2Fa%20b%2F%C3%BC%3Fx%3D1%26y%23z%25/history").await,
        ["page /a b/ü?x=1&y#z% 2026-11-01T00:00:00Z"]
    );
    assert_eq!(history("page/2/history").await, Vec::<String>::new());
    assert_eq!(
        history("page/1/history?sort=-timestamp&from=2026-11-02T00:00:00Z").await,
        ["page 1 2026-11-03T00:00:00Z", "page 1 2026-11-02T00:00:00Z"]
    );
    assert_eq!(history("page/1/history?entity_id=10").await, Vec::<String>::new(), "filters only narrow");
}

#[tokio::test]
async fn a_wrong_method_is_told_in_the_same_form() {
    let server = Server::start().await;
    let id = server.appended(entry("")).await["id"].as_str().unwrap().to_owned();
    // There is no way to change or remove an entry.
    for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::POST] {
        let request = server.request(method.clone(), &format!("{ROUTE}/{id}")).body("{}");
        refused(request, 405, "method_not_allowed", "-").await;
        if method != Method::POST {
            refused(server.request(method, ROUTE).body("{}"), 405, "method_not_allowed", "-").await;
        }
    }
    let (_, kept) = json(server.request(Method::GET, &format!("{ROUTE}/{id}")).send().await.unwrap()).await;
    assert_eq!(kept["index"], 0);
}
