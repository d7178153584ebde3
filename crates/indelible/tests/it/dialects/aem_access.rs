//! Who may what on the AEM log API, and how a token is shown.

use model::Role;
use reqwest::{Method, RequestBuilder};

use super::{Answer, LOG};
use crate::support::Server;

/// The rows of the contract's table, and Indelible's own roles.
const CELLS: [(&str, u16, u16); 16] = [
    ("super_admin", 200, 201),
    ("owner", 200, 201),
    ("admin", 200, 201),
    ("auditor", 200, 403),
    ("writer", 403, 403),
    ("ops", 200, 201),
    ("config_admin", 200, 201),
    ("publish", 200, 201),
    ("author", 200, 403),
    ("develop", 200, 403),
    ("basic_author", 403, 403),
    ("basic_publish", 403, 403),
    ("index", 403, 403),
    ("code", 403, 403),
    ("config", 403, 403),
    ("media_author", 403, 403),
];

fn write(server: &Server, token: &str) -> RequestBuilder {
    let request = server.request_as(token, Method::POST, LOG).header("content-type", "application/json");
    request.body(r#"{"entries":[{"event":"test"}]}"#)
}

#[tokio::test]
async fn every_role_has_its_cells() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    assert_eq!(CELLS.len(), Role::all().count());
    for (name, read, written) in CELLS {
        let role: Role = name.parse().unwrap();
        let token = server.token(role, Some("acme.www"));
        for path in [LOG, "/acme/sites/www/log", "/status/acme/www/main"] {
            let answer = Answer::of(server.request_as(&token, Method::GET, path).send().await.unwrap()).await;
            let error = (read == 403).then_some("not authorized");
            assert_eq!((answer.status, answer.error.as_deref()), (read, error), "{name} {path}");
        }
        let answer = Answer::of(write(&server, &token).send().await.unwrap()).await;
        let error = (written == 403).then_some("not authorized");
        assert_eq!((answer.status, answer.error.as_deref()), (written, error), "{name}");

        // Its key for another site counts as none.
        for path in ["/log/acme/docs/main", "/log/other/www/main", "/status/acme/docs/main"] {
            let answer = Answer::of(server.request_as(&token, Method::GET, path).send().await.unwrap()).await;
            assert_eq!(
                (answer.status, answer.error.as_deref()),
                (401, Some("not authenticated")),
                "{name} {path}"
            );
        }
    }
}

#[tokio::test]
async fn a_token_is_shown_in_four_ways_of_which_the_first_decides() {
    let server = Server::start().await;
    let token = server.token(Role::Admin, Some("acme.www"));
    let ask = async |headers: &[(&str, String)]| {
        let mut request = server.client.get(server.url(LOG));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = Answer::of(request.send().await.unwrap()).await;
        (answer.status, answer.error)
    };
    let cookie = |token: &str| ("cookie", format!("x=1; auth_token={token}"));
    let header = |token: &str| ("x-auth-token", token.to_owned());
    let key = |token: &str| ("authorization", format!("ToKeN {token}"));
    let bearer = |token: &str| ("authorization", format!("bearer {token}"));
    for shown in [cookie(&token), header(&token), key(&token), bearer(&token)] {
        let name = shown.0;
        assert_eq!(ask(&[shown]).await, (200, None), "{name}");
    }
    for (headers, status) in [
        (vec![cookie(&token), header("wrong"), key("wrong")], 200),
        (vec![cookie("wrong"), header(&token), key(&token)], 401),
        (vec![header(&token), key("wrong")], 200),
        (vec![header("wrong"), key(&token)], 401),
        (vec![key("wrong")], 401),
        (vec![("authorization", format!("Basic {token}"))], 401),
        (vec![], 401),
    ] {
        assert_eq!(ask(&headers).await, (status, None), "{headers:?}");
    }
}

#[tokio::test]
async fn a_project_that_nobody_knows_has_no_entries_and_takes_none() {
    let server = Server::start().await;
    for path in ["/log/acme/nowhere/main", "/log/acme/*/main", "/nobody/sites/www/log", "/log/a_b/www"] {
        let answer = Answer::of(server.request(Method::GET, path).send().await.unwrap()).await.json();
        assert_eq!(answer["entries"].as_array().unwrap().len(), 0, "{path}");
        let request = server.request(Method::POST, path).header("content-type", "application/json");
        let answer = Answer::of(request.body(r#"{"entries":[{}]}"#).send().await.unwrap()).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.error.unwrap().starts_with("there is no site `"), "{path}");
    }
    let writer = server.token(Role::Writer, None);
    let answer = server.request_as(&writer, Method::GET, "/log/acme/nowhere/main").send().await.unwrap();
    assert_eq!(answer.status(), 403);
}

#[tokio::test]
async fn a_reader_of_a_part_reads_that_part() {
    let server = Server::start().await;
    super::posted(&server, &[r#"{"route":"live","path":"/a"}"#, r#"{"route":"preview","path":"/b"}"#]).await;
    let token = serde_json::json!({
        "name": "part", "role": "auditor", "site": "acme.www", "filter": "action:aem.live.custom",
    });
    let (status, made) = server.post("/api/v1/tokens", token.to_string()).await;
    assert_eq!(status, 201, "{made}");
    let secret = made["token"].as_str().unwrap();
    let page = Answer::of(server.request_as(secret, Method::GET, LOG).send().await.unwrap()).await.json();
    assert_eq!(super::paths(page["entries"].as_array().unwrap()), ["/a"]);
}

#[tokio::test]
async fn a_site_of_the_network_alone_is_shut_to_others() {
    let server = Server::start().await;
    let settings = server.request(Method::PUT, "/api/v1/sites/acme.www/settings");
    assert_eq!(settings.body(r#"{"network_only":true}"#).send().await.unwrap().status(), 200);
    let admin = server.token(Role::Admin, Some("acme.www"));
    let answer = Answer::of(server.request_as(&admin, Method::GET, LOG).send().await.unwrap()).await;
    assert_eq!((answer.status, answer.error.as_deref()), (403, Some("not authorized")));
}
