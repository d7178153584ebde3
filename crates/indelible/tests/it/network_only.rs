//! Sites that only super admins read.

use model::Role;
use reqwest::Method;
use serde_json::json;

use crate::support::{Server, entry, json, refused};
use crate::visitor::Visitor;

const SITE: &str = "/api/v1/sites/acme.www";

async fn set(server: &Server, token: &str, on: bool) {
    let request = server.request_as(token, Method::PUT, &format!("{SITE}/settings"));
    let (status, settings) = json(request.json(&json!({"network_only": on})).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &settings["network_only"]), (200, &json!(on)), "{settings}");
}

#[tokio::test]
async fn only_super_admins_read_a_network_only_site() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let id = server.appended(entry("")).await["id"].as_str().unwrap().to_owned();
    let owner = server.token(Role::Owner, Some("acme.www"));
    set(&server, &owner, true).await;

    for role in [Role::Owner, Role::Admin, Role::Auditor] {
        let token = server.token(role, Some("acme.www"));
        for path in [
            format!("{SITE}/entries"),
            format!("{SITE}/entries?count=exact"),
            format!("{SITE}/entries/{id}"),
            format!("{SITE}/entries/{id}/proof"),
            format!("{SITE}/entries/tail"),
            format!("{SITE}/entities/page/1/history"),
            format!("{SITE}/entities/page/1/state"),
            format!("{SITE}/facets?fields=actor"),
            format!("{SITE}/export?format=ndjson"),
            format!("{SITE}/evidence"),
            "/logs/acme.www/checkpoint".to_owned(),
        ] {
            let problem = refused(server.request_as(&token, Method::GET, &path), 403, "forbidden", "-").await;
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains("super admins only"), "{path}: {detail}");
        }
    }
    let admin = server.token(Role::Admin, Some("acme.www"));
    let preview =
        server.request_as(&admin, Method::POST, &format!("{SITE}/entries/{id}/revert?preview=true"));
    refused(preview, 403, "forbidden", "-").await;

    // Whoever reads several sites reads the others.
    let auditor = server.token(Role::Auditor, None);
    server.post("/api/v1/sites/acme.docs/entries", entry("")).await;
    for (token, expected) in [
        (auditor.as_str(), &["acme.docs"][..]),
        (&server.token(Role::SuperAdmin, None), &["acme.docs", "acme.www"]),
    ] {
        let request = server.request_as(token, Method::GET, "/api/v1/entries?action=page.update");
        let (_, page) = json(request.send().await.unwrap()).await;
        let mut sites: Vec<&str> =
            page["data"].as_array().unwrap().iter().map(|entry| entry["site"].as_str().unwrap()).collect();
        sites.sort_unstable();
        assert_eq!(sites, expected);
    }

    // Writing goes on, and so does configuring; but nobody whom it keeps out lets himself in again.
    let writer = server.token(Role::Writer, Some("acme.www"));
    let append = server.request_as(&writer, Method::POST, &format!("{SITE}/entries")).body(entry(""));
    assert_eq!(append.send().await.unwrap().status(), 201);
    assert_eq!(server.read(&format!("{SITE}/entries/{id}")).await["id"], json!(id));
    for role in [Role::Owner, Role::Admin] {
        let token = server.token(role, Some("acme.www"));
        let put = || server.request_as(&token, Method::PUT, &format!("{SITE}/settings"));
        let lifted = refused(put().json(&json!({"network_only": false})), 403, "forbidden", "-").await;
        assert!(lifted["detail"].as_str().unwrap().contains("super admins only"), "{lifted}");
        let visitor = Visitor::sign_in(&server, &token).await;
        let form = visitor.form("/sites/acme.www/settings", &[("part", "reading")]).send();
        assert_eq!(form.await.unwrap().status(), 403, "nor by the page");
        assert_eq!(put().json(&json!({"public_log": false})).send().await.unwrap().status(), 200);
    }
    set(&server, &server.token(Role::SuperAdmin, None), false).await;
    let read = server.request_as(&admin, Method::GET, &format!("{SITE}/entries/{id}")).send().await.unwrap();
    assert_eq!(read.status(), 200);
}

#[tokio::test]
async fn network_only_is_on_or_off() {
    let server = Server::start().await;
    for value in [json!("yes"), json!(1), json!([])] {
        let settings = server.request(Method::PUT, &format!("{SITE}/settings"));
        refused(settings.json(&json!({"network_only": value})), 422, "invalid_value", "network_only").await;
    }
    let settings =
        server.request(Method::PUT, &format!("{SITE}/settings")).json(&json!({"network_only": null}));
    assert_eq!(json(settings.send().await.unwrap()).await.1["network_only"], false);
}
