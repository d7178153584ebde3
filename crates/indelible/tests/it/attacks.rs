//! What an attacker tries first.

use model::Role;
use reqwest::Method;
use reqwest::header::{CONTENT_SECURITY_POLICY, COOKIE, LOCATION};
use serde_json::{Value, json};

use crate::support::{Server, entry, refused};

const SCRIPT: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>";

/// Every text of an entry that its sender chooses is hostile.
fn hostile() -> Value {
    json!({
        "actor": {"type": "user", "id": SCRIPT, "name": SCRIPT, "email": SCRIPT, "roles": [SCRIPT],
                  "on_behalf_of": {"type": "user", "id": SCRIPT, "name": SCRIPT}},
        "action": SCRIPT, "kind": "update", "outcome": "failure",
        "entity": {"type": SCRIPT, "id": SCRIPT, "title": SCRIPT, "url": "javascript:alert(1)"},
        "summary": SCRIPT, "reason": SCRIPT,
        "before": {SCRIPT: SCRIPT, "text": "a"}, "after": {SCRIPT: [SCRIPT, {SCRIPT: 1}], "text": SCRIPT},
        "origin": {"user_agent": SCRIPT, "method": SCRIPT, "route": SCRIPT, "path": SCRIPT, "query": SCRIPT,
                   "ref": SCRIPT, "request_id": SCRIPT, "session_id": SCRIPT, "channel": SCRIPT},
        "connector": SCRIPT, "errors": [SCRIPT], "data": {SCRIPT: SCRIPT},
    })
}

#[tokio::test]
async fn no_text_of_an_entry_becomes_markup() {
    let server = Server::start().await;
    let (status, receipt) = server.append(hostile().to_string()).await;
    assert_eq!(status, 201, "{receipt}");
    let id = receipt["id"].as_str().unwrap();
    let sign_in = server.client.post(server.url("/sign-in")).body(format!("token={}", server.root));
    let answer = sign_in.send().await.unwrap();
    let cookie = answer.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let encoded =
        url::form_urlencoded::byte_serialize(SCRIPT.as_bytes()).collect::<String>().replace('+', "%20");
    let pages = [
        "/".to_owned(),
        "/activity".to_owned(),
        format!("/activity?q={encoded}"),
        "/sites/acme.www".to_owned(),
        format!("/sites/acme.www/entries/{id}"),
        format!("/sites/acme.www/entities/{encoded}/{encoded}"),
        format!("/find?id={encoded}"),
        "/access".to_owned(),
        "/account".to_owned(),
        format!("/sites/{encoded}"),
        format!("/{encoded}"),
    ];
    for path in pages {
        let answer = server.client.get(server.url(&path)).header(COOKIE, &cookie).send().await.unwrap();
        let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
        assert!(!policy.contains("unsafe") && policy.contains("default-src 'none'"), "{path}: {policy}");
        let text = answer.text().await.unwrap();
        assert!(!text.contains("<script>alert") && !text.contains("<img src=x"), "{path}");
        assert!(!text.contains("href=\"javascript:"), "{path}");
    }
}

#[tokio::test]
async fn tricks_with_paths_lead_nowhere() {
    let server = Server::start().await;
    server.appended(entry("")).await;
    server.create_site("acme.docs");
    let token = server.token(Role::Auditor, Some("acme.docs"));
    for path in [
        "/api/v1/sites/acme.docs%2f..%2facme.www/entries",
        "/api/v1/sites/acme.docs%00/entries",
        "/api/v1/sites/ACME.WWW/entries",
        "/api/v1/sites/acme.www%20/entries",
        "/api/v1/sites/%ff/entries",
        "/api/v1//sites/acme.www/entries",
        "/api/v1/sites/acme.www/entries/",
        "/API/v1/sites/acme.www/entries",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e%2fapp.css",
    ] {
        let answer = server.request_as(&token, Method::GET, path).send().await.unwrap();
        // A page that is nobody's leads to the sign-in; nothing answers with an entry.
        let leads_away =
            answer.headers().get(LOCATION).is_some_and(|to| to.to_str().unwrap().starts_with("/sign-in"));
        assert!(answer.status() == 404 || leads_away, "{path}: {}", answer.status());
        assert!(!answer.text().await.unwrap().contains("Home"), "{path}");
    }
}

#[tokio::test]
async fn a_next_page_elsewhere_is_not_followed() {
    let server = Server::start().await;
    for next in
        ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d%0aX: y"]
    {
        let form = [("token", server.root.as_str()), ("next", next)];
        let body = serde_urlencoded::to_string(form).unwrap();
        let answer = server.client.post(server.url("/sign-in")).body(body).send().await.unwrap();
        let to = answer.headers()[LOCATION].to_str().unwrap();
        assert!(to.starts_with('/') && !to.starts_with("//") && !to.contains('\\'), "{next} led to {to}");
        assert!(answer.headers().get("x").is_none());
    }
}

/// Whoever uses a token while it is revoked gets in before, or not at all; afterwards nothing that it opened is left.
#[tokio::test]
async fn nothing_opened_while_a_token_is_revoked_outlives_it() {
    let server = Server::start().await;
    for _ in 0..5 {
        let token = server.token(Role::Auditor, Some("acme.www"));
        let tokens = server.read("/api/v1/tokens").await;
        let id = tokens["data"][0]["id"].as_str().unwrap().to_owned();
        let sign_ins = (0..8).map(|_| {
            let request = server.client.post(server.url("/sign-in")).body(format!("token={token}"));
            tokio::spawn(async move { request.send().await.unwrap() })
        });
        let sign_ins: Vec<_> = sign_ins.collect();
        let revoke = server.request(Method::DELETE, &format!("/api/v1/tokens/{id}"));
        assert_eq!(revoke.send().await.unwrap().status(), 204);
        for sign_in in sign_ins {
            let answer = sign_in.await.unwrap();
            let Some(cookie) = answer.headers().get("set-cookie") else { continue };
            let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
            let request = server.client.get(server.url("/api/v1/sites")).header(COOKIE, cookie);
            refused(request, 401, "unauthenticated", "-").await;
        }
    }
}
