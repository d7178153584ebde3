//! The layer around a real axum server.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use client::{Actor, AuditLayer, EntityRef, LogContext, Logger, Memory, Registry, carry, log};
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn publish() -> StatusCode {
    let page = EntityRef::new("page", "7");
    log(&page, "page.edit").record().unwrap();
    tokio::spawn(carry(async { log(&EntityRef::new("page", "7"), "page.publish").record().unwrap() }))
        .await
        .unwrap();
    StatusCode::NO_CONTENT
}

#[tokio::test]
async fn every_request_is_a_context_of_its_own() {
    let memory = Arc::new(Memory::default());
    let layer = AuditLayer::new()
        .trusted_proxies(["127.0.0.0/8".parse().unwrap()])
        .logger(Logger::new("acme.www", Registry::any(), memory.clone()))
        .channel("admin")
        .actor(|request| Some(Actor::user(request.headers.get("x-user")?.to_str().ok()?)));
    let app = Router::new().route("/pages/{id}", post(publish)).route_layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    let http = reqwest::Client::new();
    for user in ["42", "43"] {
        let request = http
            .post(format!("http://{address}/pages/7?token=s3cret"))
            .header("x-user", user)
            .header("x-forwarded-for", "203.0.113.9")
            .header("x-request-id", format!("r-{user}"))
            .header("user-agent", "curl/8");
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NO_CONTENT);
    }
    assert!(LogContext::current().is_none());
    let entries = memory.entries();
    assert_eq!(entries.len(), 4);
    let origin = |user: &str| {
        json!({"ip": "203.0.113.9", "user_agent": "curl/8", "method": "POST", "route": "/pages/{id}",
            "path": "/pages/7", "request_id": format!("r-{user}"), "channel": "admin"})
    };
    assert_eq!((&entries[0]["origin"], &entries[0]["actor"]["id"]), (&origin("42"), &json!("42")));
    assert_eq!((&entries[3]["origin"], &entries[3]["actor"]["id"]), (&origin("43"), &json!("43")));
    let ids: Vec<&Value> = entries.iter().map(|entry| &entry["correlation_id"]).collect();
    assert!(ids[0] == ids[1] && ids[2] == ids[3] && ids[0] != ids[2], "{ids:?}");
}

#[tokio::test]
async fn ids_from_strangers_are_not_believed() {
    let memory = Arc::new(Memory::default());
    let layer = AuditLayer::new()
        .logger(Logger::new("www", Registry::any(), memory.clone()))
        .actor(|_| Some(Actor::system()));
    let app = Router::new().route("/", post(publish)).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });
    let request = reqwest::Client::new()
        .post(format!("http://{address}/"))
        .header("x-forwarded-for", "203.0.113.9")
        .header("x-request-id", "forged");
    request.send().await.unwrap();
    let entry = memory.entries().remove(0);
    assert_eq!(entry["origin"]["ip"], "127.0.0.1");
    assert_eq!(entry["origin"]["request_id"], entry["correlation_id"], "one of our own");
}
