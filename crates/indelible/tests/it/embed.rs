//! Viewer tokens, and the page that shows a part of a log within another page.

use indelible::api::App;
use model::Role;
use reqwest::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Server, entry, refused};

async fn viewer(server: &Server, fields: Value) -> Value {
    let mut body = json!({"site": "acme.www", "filter": "entity.type:page"});
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let (status, made) = server.post("/api/v1/viewer-tokens", body.to_string()).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    made
}

async fn show(server: &Server, made: &Value) -> (u16, String) {
    let path = format!("/embed?token={}", made["token"].as_str().unwrap());
    let answer = server.client.get(server.url(&path)).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn filled() -> Server {
    let directory = tempfile::tempdir().unwrap();
    let framed = |app: App| app.embedded_by(vec!["https://cms.example.org".to_owned()]);
    let server = Server::start_as(directory, framed).await;
    server.create_site("acme.www");
    server.create_site("acme.docs");
    server
        .appended(entry(
            r#","actor":{"type":"user","name":"Ana<b>"},"summary":"seen","origin":{"ip":"203.0.113.9"}"#,
        ))
        .await;
    let hidden =
        r#"{"action":"user.update","entity":{"type":"user","id":"77","title":"Hidden"},"summary":"unseen"}"#;
    server.appended(hidden).await;
    server
}

#[tokio::test]
async fn a_frame_shows_what_the_filter_finds_and_nothing_else() {
    let server = filled().await;
    let made = viewer(&server, json!({})).await;
    let answer = server.client.get(made["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let headers = answer.headers();
    let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
    assert!(policy.contains("frame-ancestors https://cms.example.org") && !policy.contains("script-src"));
    assert_eq!(headers[REFERRER_POLICY], "no-referrer");
    assert!(headers.get(SET_COOKIE).is_none());
    let text = answer.text().await.unwrap();
    assert!(text.contains("Home") && text.contains("seen") && text.contains("Ana&#60;b&#62;"), "{text}");
    assert!(!text.contains("Hidden") && !text.contains("unseen") && !text.contains("203.0.113.9"));
}

#[tokio::test]
async fn fields_limit_what_is_shown_and_keep_the_token_out_of_the_api() {
    let server = filled().await;
    let made = viewer(&server, json!({"fields": ["time", "action"]})).await;
    let (status, text) = show(&server, &made).await;
    assert_eq!(status, 200);
    assert!(
        text.contains("<time") && !text.contains("Home") && !text.contains("Ana") && !text.contains("seen")
    );
    let list = "/api/v1/sites/acme.www/entries";
    let token = made["token"].as_str().unwrap();
    refused(server.request_as(token, Method::GET, list), 401, "unauthenticated", "-").await;
    // Without fields it reads what its filter finds, and only parts.
    let made = viewer(&server, json!({})).await;
    let token = made["token"].as_str().unwrap();
    let page: Value = server.request_as(token, Method::GET, list).send().await.unwrap().json().await.unwrap();
    assert_eq!(page["data"].as_array().unwrap().len(), 1);
    for (method, path, status, code) in [
        (Method::POST, list, 403, "forbidden"),
        (Method::GET, "/api/v1/sites/acme.docs/entries", 404, "unknown_site"),
        (Method::GET, "/api/v1/sites/_system/entries", 404, "unknown_site"),
        (Method::GET, "/api/v1/sites", 403, "forbidden"),
        (Method::GET, "/api/v1/sites/acme.www/entities/user/77/state", 404, "not_found"),
        (Method::POST, "/api/v1/viewer-tokens", 403, "forbidden"),
    ] {
        let request = server.request_as(token, method, path).body(entry(""));
        refused(request, status, code, "-").await;
    }
    let form = [("token", token)];
    let sign_in = server
        .client
        .post(server.url("/sign-in"))
        .body(serde_urlencoded::to_string(form).unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(sign_in.status(), 401, "a session would be wider than the token");
}

#[tokio::test]
async fn only_viewer_tokens_open_a_frame_and_only_while_they_are_valid() {
    let server = filled().await;
    let auditor = server.token(Role::Auditor, Some("acme.www"));
    for token in ["", "idl_wrong", &server.root, &auditor] {
        assert_eq!(show(&server, &json!({ "token": token })).await.0, 401, "{token}");
    }
    let made = viewer(&server, json!({})).await;
    assert_eq!(show(&server, &made).await.0, 200);
    let settings = server.request(Method::PUT, "/api/v1/sites/acme.www/settings");
    settings.body(r#"{"network_only":true}"#).send().await.unwrap();
    assert_eq!(show(&server, &made).await.0, 403, "super admins alone read the site");
    let settings = server.request(Method::PUT, "/api/v1/sites/acme.www/settings");
    settings.body(r#"{"network_only":false}"#).send().await.unwrap();
    let revoke = server.request(Method::DELETE, &format!("/api/v1/tokens/{}", made["id"].as_str().unwrap()));
    assert_eq!(revoke.send().await.unwrap().status(), 204);
    assert_eq!(show(&server, &made).await.0, 401);
}

#[tokio::test]
async fn what_a_viewer_token_cannot_be() {
    let server = filled().await;
    for (body, field) in [
        (json!({"site": "acme.www", "filter": "("}), "filter"),
        (json!({"site": "acme.www", "filter": ""}), "filter"),
        (json!({"site": "acme.www", "fields": []}), "fields"),
        (json!({"site": "acme.www", "fields": ["before"]}), "fields"),
        (json!({"site": "acme.www", "expires_in": 0}), "expires_in"),
        (json!({"site": "acme.www", "expires_in": 86_401}), "expires_in"),
    ] {
        let request = server.request(Method::POST, "/api/v1/viewer-tokens").body(body.to_string());
        refused(request, 422, "invalid_value", field).await;
    }
    let system = json!({"site": "_system"}).to_string();
    let owner = server.token(Role::Owner, Some("acme.www"));
    let request = server.request_as(&owner, Method::POST, "/api/v1/viewer-tokens").body(system);
    refused(request, 404, "unknown_site", "-").await;
}
