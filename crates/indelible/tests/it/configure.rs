//! `/sites` and `/tokens`: making what entries and callers need, each change itself logged.

use std::collections::BTreeSet;

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, entry, json, refused};

fn ids(list: &Value) -> Vec<&str> {
    list["data"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

/// The newest entry of the installation's own log.
async fn logged(server: &Server) -> Value {
    let page = server.read("/api/v1/sites/_system/entries?limit=1&sort=-recorded_at").await;
    let id = page["data"][0]["id"].as_str().unwrap();
    server.read(&format!("/api/v1/sites/_system/entries/{id}")).await
}

#[tokio::test]
async fn a_new_site_is_there_at_once_and_logged() {
    let server = Server::start().await;
    let (status, site) = server.post("/api/v1/sites", r#"{"id":"acme.docs","name":"Acme Manual"}"#).await;
    assert_eq!(status, 201, "{site}");
    site["created_at"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    for (field, value) in [
        ("id", json!("acme.docs")),
        ("org", json!("acme")),
        ("name", json!("Acme Manual")),
        ("entries", json!(0)),
    ] {
        assert_eq!(site[field], value);
    }
    let told = logged(&server).await;
    assert_eq!(
        (&told["action"], &told["entity"]["id"]),
        (&json!("indelible.site.create"), &json!("acme.docs"))
    );
    assert_eq!(told["actor"], json!({"type": "user", "name": "root", "roles": ["super_admin"]}));
    assert_eq!(told["after"], json!({"id": "acme.docs", "name": "Acme Manual"}));

    server.post("/api/v1/sites/acme.docs/entries", entry("")).await;
    let (_, nameless) = server.post("/api/v1/sites", r#"{"id":"default.blog"}"#).await;
    assert_eq!(
        (&nameless["id"], &nameless["org"], &nameless["name"]),
        (&json!("blog"), &json!("default"), &json!("blog"))
    );
    let list = server.read("/api/v1/sites").await;
    assert_eq!(ids(&list), ["_system", "acme.www", "acme.docs", "blog"], "in the order of their creation");
    assert_eq!(list["data"][2]["entries"], 1);
}

#[tokio::test]
async fn sites_that_cannot_be() {
    let server = Server::start().await;
    let post = |body: &str| server.request(Method::POST, "/api/v1/sites").body(body.to_owned());
    server.create_site("blog");
    for id in ["acme.www", "blog", "default.blog", "_system"] {
        let problem = refused(post(&json!({"id": id}).to_string()), 409, "exists", "-").await;
        assert!(problem["detail"].as_str().unwrap().contains("already"), "{problem}");
    }
    for id in ["", "Acme", "a.b.c", "-a", "a b", "_other", &"a".repeat(64), "../x"] {
        let problem = refused(post(&json!({"id": id}).to_string()), 422, "invalid_value", "id").await;
        assert!(problem["detail"].as_str().unwrap().contains("is not a site id: use `name` or `org.name`"));
    }
    for (body, code, field, expected) in [
        ("", "json_syntax", "-", "the body does not fit"),
        ("{", "json_syntax", "-", "the body does not fit"),
        (r#"{"id":"new"}x"#, "json_syntax", "-", "trailing"),
        ("{}", "missing_field", "id", "`id`: is required"),
        (r#"{"id":7}"#, "invalid_value", "-", "expected a string"),
        (
            r#"{"id":"new","colour":"red"}"#,
            "unknown_field",
            "colour",
            "is no field of this; known here are `id` or `name`",
        ),
        (r#"{"id":"new","id":"newer"}"#, "invalid_value", "-", "duplicate field `id`"),
    ] {
        let problem = refused(post(body), 422, code, field).await;
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{problem}");
    }
    refused(post(&" ".repeat(64 * 1024 + 1)), 413, "too_large", "-").await;
    assert_eq!(ids(&server.read("/api/v1/sites").await), ["_system", "acme.www", "blog"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sites_created_at_the_same_time() {
    let server = Server::start().await;
    let mut creations = tokio::task::JoinSet::new();
    for number in 0..24 {
        // Eight different sites, each asked for three times.
        let body = json!({"id": format!("site{}", number % 8)}).to_string();
        let request = server.request(Method::POST, "/api/v1/sites").body(body);
        creations.spawn(async move { request.send().await.unwrap().status().as_u16() });
    }
    let mut statuses = creations.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [[201; 8].as_slice(), &[409; 16]].concat());
    let list = server.read("/api/v1/sites").await;
    let sites: BTreeSet<&str> = ids(&list).into_iter().collect();
    assert_eq!((sites.len(), list["data"].as_array().unwrap().len()), (10, 10));
    for number in 0..8 {
        let (status, receipt) = server.post(&format!("/api/v1/sites/site{number}/entries"), entry("")).await;
        assert_eq!((status.as_u16(), &receipt["index"]), (201, &json!(0)), "each has a log of its own");
    }
    let told = server.read("/api/v1/sites/_system/entries?action=indelible.site.create&count=exact").await;
    assert_eq!(told["page"]["total"], 9, "what was not created is not told of");
}

#[tokio::test]
async fn a_token_works_at_once_and_is_shown_once() {
    let server = Server::start().await;
    let body = r#"{"name":"deploy hook","role":"writer","site":"acme.www"}"#;
    let (status, made) = server.post("/api/v1/tokens", body).await;
    assert_eq!(status, 201, "{made}");
    let secret = made["token"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("idl_") && secret.len() >= 40);
    let told = logged(&server).await;
    assert_eq!((&told["action"], &told["entity"]["id"]), (&json!("indelible.token.create"), &made["id"]));
    assert!(!told.to_string().contains(&secret[4..]));

    let append =
        || server.request_as(&secret, Method::POST, "/api/v1/sites/acme.www/entries").body(entry(""));
    let (status, receipt) = json(append().send().await.unwrap()).await;
    assert_eq!(status, 201);
    let shown =
        server.read(&format!("/api/v1/sites/acme.www/entries/{}", receipt["id"].as_str().unwrap())).await;
    assert_eq!(shown["source"], "deploy hook");

    let list = server.read("/api/v1/tokens").await;
    let listed = &list["data"][0];
    assert_eq!(listed["id"], made["id"], "the newest first");
    assert_eq!(
        (&listed["name"], &listed["role"], &listed["site"]),
        (&json!("deploy hook"), &json!("writer"), &json!("acme.www"))
    );
    assert_eq!((&listed["revoked_at"], listed.get("token")), (&Value::Null, None));

    let path = format!("/api/v1/tokens/{}", made["id"].as_str().unwrap());
    let revoke = || server.request(Method::DELETE, &path);
    assert_eq!(revoke().send().await.unwrap().status(), 204);
    refused(append(), 401, "unauthenticated", "-").await;
    assert_eq!(logged(&server).await["action"], "indelible.token.revoke");
    let size = server.size("_system").await;
    assert_eq!(revoke().send().await.unwrap().status(), 204, "revoking again is harmless");
    assert_eq!(server.size("_system").await, size, "and nothing to tell of");
    let list = server.read("/api/v1/tokens").await;
    assert!(list["data"][0]["revoked_at"].is_string(), "it stays in the list");
}

#[tokio::test]
async fn tokens_that_cannot_be() {
    let server = Server::start().await;
    let post = |body: Value| server.request(Method::POST, "/api/v1/tokens").body(body.to_string());
    for name in ["", "  ", &"n".repeat(256)] {
        refused(post(json!({"name": name, "role": "writer"})), 422, "invalid_value", "name").await;
    }
    for (body, expected) in [
        (
            json!({"name": "t", "role": "root"}),
            "`root` is not a role: use super_admin, owner, admin, auditor or writer",
        ),
        (json!({"name": "t", "role": "writer", "site": "A B"}), "is not a site id"),
    ] {
        let problem = refused(post(body), 422, "invalid_value", "-").await;
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{problem}");
    }
    refused(post(json!({"name": "t"})), 422, "missing_field", "role").await;
    let unknown = json!({"name": "t", "role": "writer", "expires": 1});
    refused(post(unknown), 422, "unknown_field", "expires").await;
    refused(post(json!({"name": "t", "role": "writer", "site": "acme.nothing"})), 404, "unknown_site", "-")
        .await;
    for id in ["0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c", "garbage", "%ff"] {
        refused(server.request(Method::DELETE, &format!("/api/v1/tokens/{id}")), 404, "not_found", "-").await;
    }
}

#[tokio::test]
async fn nobody_makes_a_token_mightier_or_wider_than_itself() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let owner = server.token(Role::Owner, Some("acme.www"));
    let post = |token: &str, body: Value| {
        server.request_as(token, Method::POST, "/api/v1/tokens").body(body.to_string())
    };
    for role in ["owner", "admin", "auditor", "writer"] {
        let (status, made) =
            json(post(&owner, json!({"name": "t", "role": role, "site": "acme.www"})).send().await.unwrap())
                .await;
        assert_eq!(status, 201, "{made}");
    }
    for (body, expected) in [
        (
            json!({"name": "t", "role": "super_admin", "site": "acme.www"}),
            "the role owner may not make or end tokens of the role super_admin",
        ),
        (json!({"name": "t", "role": "writer"}), "this credential is for the site `acme.www` only"),
    ] {
        let problem = refused(post(&owner, body), 403, "forbidden", "-").await;
        assert!(problem["detail"].as_str().unwrap().contains(expected), "{problem}");
    }
    // A super admin's credential for one site is not one for the installation.
    let bound = server.token(Role::SuperAdmin, Some("acme.www"));
    let request = server.request_as(&bound, Method::POST, "/api/v1/sites").body(r#"{"id":"new"}"#);
    refused(request, 403, "forbidden", "-").await;
    refused(post(&bound, json!({"name": "t", "role": "super_admin"})), 403, "forbidden", "-").await;
    refused(
        server.request_as(&bound, Method::GET, "/api/v1/sites/_system/entries"),
        404,
        "unknown_site",
        "-",
    )
    .await;

    // An owner of all sites manages the tokens of all sites.
    let owner = server.token(Role::Owner, None);
    for site in ["acme.www", "acme.docs"] {
        let (status, made) =
            json(post(&owner, json!({"name": "t", "role": "writer", "site": site})).send().await.unwrap())
                .await;
        assert_eq!(status, 201, "{made}");
    }
    let (_, list) =
        json(server.request_as(&owner, Method::GET, "/api/v1/tokens").send().await.unwrap()).await;
    assert!(!list.to_string().contains("super_admin"), "nobody sees tokens mightier than itself: {list}");
}
