//! The log of the log: signing in and reading become entries of `_system`.

use indelible::api::{App, READING, Reading};
use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, entry};

/// A server that records readings, as `indelible serve` does.
async fn server() -> Server {
    let server = Server::start_as(tempfile::tempdir().unwrap(), App::recording_reading).await;
    server.create_site("acme.www");
    server
}

/// What was recorded, the oldest first, without what makes tokens and sites.
async fn recorded(server: &Server) -> Vec<Value> {
    let indelible = server.indelible.clone();
    tokio::task::spawn_blocking(move || indelible.trail().flush()).await.unwrap();
    let filter = "action:indelible.search OR action:indelible.read OR action:indelible.export \
                  OR action:indelible.sign_in OR action:indelible.sign_out OR action:indelible.gap";
    let question = [("q", filter), ("limit", "1000"), ("sort", "recorded_at")];
    let question = serde_urlencoded::to_string(question).unwrap();
    let path = format!("/api/v1/sites/_system/entries?{question}");
    let request = server.request(Method::GET, &path);
    let page: Value = request.send().await.unwrap().json().await.unwrap();
    page["data"].as_array().unwrap_or_else(|| panic!("{page}")).clone()
}

async fn get(server: &Server, token: &str, path: &str) -> u16 {
    let answer = server.request_as(token, Method::GET, path).send().await.unwrap();
    let status = answer.status().as_u16();
    drop(answer.bytes().await);
    status
}

#[tokio::test]
async fn readings_are_recorded_with_who_and_what() {
    let server = server().await;
    let id = server.appended(entry("")).await["id"].as_str().unwrap().to_owned();
    let auditor = server.token(Role::Auditor, Some("acme.www"));
    let list = "/api/v1/sites/acme.www/entries";
    let detail = format!("{list}/{id}");
    for path in
        [&format!("{list}?q=kind:update&limit=7"), &detail, "/api/v1/sites/acme.www/export?q=kind:update"]
    {
        assert_eq!(get(&server, &auditor, path).await, 200, "{path}");
    }
    assert_eq!(get(&server, &auditor, "/api/v1/sites/acme.docs/entries").await, 404);
    let all = recorded(&server).await;
    let told: Vec<(&Value, &Value)> =
        all.iter().map(|entry| (&entry["action"], &entry["entity"]["id"])).collect();
    let export = "/api/v1/sites/acme.www/export";
    assert_eq!(
        told,
        [
            (&json!("indelible.search"), &json!(list)),
            (&json!("indelible.read"), &json!(detail)),
            (&json!("indelible.export"), &json!(export)),
        ],
        "what was refused shows nothing"
    );
    assert_eq!(all[0]["data"], json!({"filter": "q=kind:update", "shown": 1}));
    assert_eq!(all[0]["actor"]["roles"], json!(["auditor"]));
    assert_eq!(all[0]["source"], "auditor");
    assert_eq!(all[0]["origin"]["ip"], "127.0.0.1");
    assert_eq!(all[0]["kind"], "read");
    assert_eq!(server.size("acme.www").await, 1, "the site's own log is as it was");
}

#[tokio::test]
async fn what_is_repeated_is_folded_and_reading_the_system_does_not_feed_itself() {
    let server = server().await;
    server.appended(entry("")).await;
    let auditor = server.token(Role::Auditor, Some("acme.www"));
    for _ in 0..20 {
        assert_eq!(get(&server, &auditor, "/api/v1/sites/acme.www/entries?q=kind:update").await, 200);
    }
    let all = recorded(&server).await;
    let searches: Vec<&Value> = all.iter().map(|entry| &entry["data"]["repeated"]).collect();
    assert_eq!(searches, [&Value::Null, &json!(19)], "once, and once how often it was repeated");
    for _ in 0..20 {
        assert_eq!(get(&server, &server.root, "/api/v1/sites/_system/entries?limit=1").await, 200);
    }
    let after = recorded(&server).await;
    // The reading of the helper above, and the twenty as one and as their number.
    assert_eq!(after.len(), all.len() + 3, "{after:#?}");
}

#[tokio::test]
async fn sign_ins_and_refused_ones_are_recorded_without_secrets() {
    let server = server().await;
    let body =
        json!({"name": "ana", "password": "correct horse battery", "role": "owner", "site": "acme.www"});
    assert_eq!(server.post("/api/v1/users", body.to_string()).await.0, 201);
    let post = |name: &str, password: &str| {
        let form = [("name", name.to_owned()), ("password", password.to_owned())];
        server.client.post(server.url("/sign-in")).body(serde_urlencoded::to_string(form).unwrap()).send()
    };
    assert_eq!(post("ana", "correct horse battery").await.unwrap().status(), 303);
    assert_eq!(post("ana", "my-wrong-password").await.unwrap().status(), 401);
    assert_eq!(post("my-password-in-the-name", "x").await.unwrap().status(), 401);
    for _ in 0..3 {
        assert_eq!(get(&server, "idl_wrong-token", "/api/v1/sites").await, 401);
    }
    let all = recorded(&server).await;
    let told: Vec<Value> = all
        .iter()
        .map(|entry| {
            json!([
                entry["actor"]["name"],
                entry["outcome"],
                entry["data"]["means"],
                entry["data"]["repeated"]
            ])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["ana", "success", "password", null]),
            json!(["ana", "failure", "password", null]),
            json!(["unknown", "failure", "password", null]),
            json!(["unknown", "failure", "token", null]),
            json!(["unknown", "failure", "token", 2]),
        ]
    );
    let text = json!(all).to_string();
    for secret in ["my-wrong-password", "my-password-in-the-name", "wrong-token", "correct horse"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

/// Routes of the API document that answer GET and show nothing of what is in a log. Completions show names, and each key that
/// is pressed asks for them: what is recorded is the search to which they lead.
const NOTHING_OF_A_LOG: [&str; 13] = [
    "/api/v1/completions",
    "/api/v1/sites/{site}/completions",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/v1/sites",
    "/api/v1/sites/{site}/settings",
    "/api/v1/sites/{site}/connectors",
    "/api/v1/tokens",
    "/api/v1/users",
    "/api/v1/sessions",
    "/api/v1/searches",
    "/api/v1/searches/{id}",
];

#[test]
fn every_route_that_reads_is_in_the_table() {
    let document = serde_json::to_value(indelible::api::document()).unwrap();
    for (path, operations) in document["paths"].as_object().unwrap() {
        if operations.get("get").is_some() && !NOTHING_OF_A_LOG.contains(&path.as_str()) {
            assert!(READING.iter().any(|(known, _)| known == path), "{path} reads and is not recorded");
        }
    }
    let exports = READING.iter().filter(|(_, reading)| *reading == Reading::Export);
    assert!(exports.count() > 0);
}
