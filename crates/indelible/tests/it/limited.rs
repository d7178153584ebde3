//! Tokens with limits: what is outside of them does not exist for who reads, and is not taken from who sends.

use model::Role;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Server, json, refused};

/// What nobody may see who is limited to pages.
const HIDDEN: &str = "hushhush";

async fn limited(server: &Server, limits: Value) -> String {
    let mut body = json!({"name": "part", "role": "auditor", "site": "acme.www"});
    body.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
    let (status, made) = server.post("/api/v1/tokens", body.to_string()).await;
    assert_eq!(status, 201, "{made}");
    made["token"].as_str().unwrap().to_owned()
}

/// Entries by turns about pages, which may be seen, and rates, which may not, and the ids of one of each.
async fn filled() -> (Server, String, String) {
    let server = Server::start().await;
    let entity = |kind: &str, id: &str| json!({"type": kind, "id": id});
    let (mut seen, mut hidden) = (String::new(), String::new());
    for _ in 0..6 {
        let page = json!({"action": "page.edit", "actor": {"type": "user", "id": "ana"}, "entity": entity("page", "1")});
        seen = server.appended(page.to_string()).await["id"].as_str().unwrap().to_owned();
        let rate = json!({"action": format!("rate.{HIDDEN}"), "actor": {"type": "user", "id": HIDDEN},
            "entity": entity("rate", HIDDEN), "summary": HIDDEN});
        hidden = server.appended(rate.to_string()).await["id"].as_str().unwrap().to_owned();
    }
    (server, seen, hidden)
}

#[tokio::test]
async fn a_limited_reader_sees_its_part_and_nothing_else() {
    let (server, seen, hidden) = filled().await;
    let token = limited(&server, json!({"filter": "entity.type:page"})).await;
    let get = |path: &str| -> RequestBuilder { server.request_as(&token, Method::GET, path) };
    let site = "/api/v1/sites/acme.www";
    for query in ["", "&q=-entity.type:page", "&q=entity.type:rate%20OR%20action:*", "&sort=user"] {
        for path in [
            format!("{site}/entries?limit=2&count=exact{query}"),
            format!("/api/v1/entries?limit=100{query}"),
            format!("{site}/entities/page/1/history?limit=100{query}"),
            format!("{site}/entities/rate/{HIDDEN}/history?limit=100{query}"),
        ] {
            let (status, page) = json(get(&path).send().await.unwrap()).await;
            assert_eq!(status, 200, "{path}: {page}");
            assert!(!page.to_string().contains(HIDDEN), "{path}: {page}");
            let total = page["page"]["total"].as_u64();
            assert!(total.is_none_or(|total| total == 6 || total == 0), "{path}: {page}");
        }
    }
    for path in [
        format!("{site}/facets?fields=actor,action,entity_type,entity_id&histogram=day"),
        "/api/v1/facets?fields=actor,action".to_owned(),
        format!("{site}/export?format=csv"),
        format!("{site}/export"),
        "/api/v1/export".to_owned(),
        format!("{site}/entries/tail"),
        format!("{site}/entries/{seen}"),
        format!("{site}/entries/{seen}/proof"),
    ] {
        let response = get(&path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        let text = response.text().await.unwrap();
        assert!(!text.is_empty() && !text.contains(HIDDEN), "{path}: {text}");
    }
    let (_, facets) = json(get(&format!("{site}/facets")).send().await.unwrap()).await;
    assert_eq!(facets["total"], 6);
    for path in [format!("{site}/entries/{hidden}"), format!("{site}/entries/{hidden}/proof")] {
        refused(get(&path), 404, "not_found", "-").await;
    }
}

#[tokio::test]
async fn pages_of_a_part_are_all_of_it_and_their_cursors_are_good_for_nothing_else() {
    let (server, ..) = filled().await;
    let token = limited(&server, json!({"filter": "entity.type:page"})).await;
    let (mut cursor, mut found) = (String::new(), 0);
    loop {
        let path = format!("/api/v1/sites/acme.www/entries?limit=2&cursor={cursor}");
        let (status, page) = json(server.request_as(&token, Method::GET, &path).send().await.unwrap()).await;
        assert_eq!(status, 200, "{page}");
        assert!(!page.to_string().contains(HIDDEN), "{page}");
        found += page["data"].as_array().unwrap().len();
        let Some(next) = page["page"]["next"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(found, 6);
    // The cursor of somebody who sees everything is of another list.
    let whole = server.read("/api/v1/sites/acme.www/entries?limit=2").await;
    let path =
        format!("/api/v1/sites/acme.www/entries?limit=2&cursor={}", whole["page"]["next"].as_str().unwrap());
    let answer = server.request_as(&token, Method::GET, &path).send().await.unwrap();
    assert!(answer.status().is_client_error());
}

#[tokio::test]
async fn what_cannot_be_answered_from_a_part_is_refused() {
    let (server, seen, _) = filled().await;
    let token = limited(&server, json!({"filter": "entity.type:page"})).await;
    for path in ["/api/v1/sites".to_owned(), "/api/v1/searches".to_owned()] {
        refused(server.request_as(&token, Method::GET, &path), 403, "forbidden", "-").await;
    }
    // A state rests on all entries of its entity: it is told to who may see all of them, and only to them.
    let state = |token: &str, entity: &str| {
        let path = format!("/api/v1/sites/acme.www/entities/{entity}/state");
        server.request_as(token, Method::GET, &path)
    };
    assert_eq!(state(&token, "page/1").send().await.unwrap().status(), 200);
    refused(state(&token, &format!("rate/{HIDDEN}")), 404, "not_found", "-").await;
    let some = limited(&server, json!({"filter": "entity.type:page index<4"})).await;
    refused(state(&some, "page/1"), 403, "forbidden", "-").await;
    let path = format!("/api/v1/sites/acme.www/entries/{seen}/revert");
    refused(server.request_as(&token, Method::POST, &path), 403, "forbidden", "-").await;
    // A session would be wider than its token.
    let form = format!("token={token}");
    let answer = server.client.post(server.url("/sign-in")).body(form).send().await.unwrap();
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn a_limited_writer_sends_its_own_entities_only() {
    let server = Server::start().await;
    let token = limited(&server, json!({"role": "writer", "entity_types": ["page", "post"]})).await;
    let send = |body: Value| {
        server.request_as(&token, Method::POST, "/api/v1/sites/acme.www/entries").body(body.to_string())
    };
    let about = |kind: &str| json!({"action": "a.b", "entity": {"type": kind, "id": "1"}});
    assert_eq!(send(about("page")).send().await.unwrap().status(), 201);
    refused(send(about("rate")), 422, "invalid_value", "entity.type").await;
    let (status, batch) = json(send(json!([about("post"), about("rate")])).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &batch["rejected"]), (207, &json!(1)));
    assert_eq!(server.size("acme.www").await, 2);
}

#[tokio::test]
async fn a_token_ends_by_itself() {
    let server = Server::start().await;
    let read = |token: &str| server.request_as(token, Method::GET, "/api/v1/sites/acme.www/entries");
    let ended = limited(&server, json!({"expires_in": 0})).await;
    refused(read(&ended), 401, "unauthenticated", "-").await;
    let valid = limited(&server, json!({"expires_in": 3600})).await;
    assert_eq!(read(&valid).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn limits_that_a_role_cannot_have_are_refused() {
    let server = Server::start().await;
    for (role, limits, field) in [
        (Role::Owner, json!({"filter": "kind:delete"}), "filter"),
        (Role::Writer, json!({"filter": "kind:delete"}), "filter"),
        (Role::Auditor, json!({"filter": "knid:delete"}), "filter"),
        (Role::Auditor, json!({"filter": " "}), "filter"),
        (Role::Auditor, json!({"entity_types": ["page"]}), "entity_types"),
        (Role::Writer, json!({"entity_types": []}), "entity_types"),
    ] {
        let mut body = json!({"name": "t", "role": role, "site": "acme.www"});
        body.as_object_mut().unwrap().extend(limits.as_object().unwrap().clone());
        let (status, problem) = server.post("/api/v1/tokens", body.to_string()).await;
        assert_eq!((status.as_u16(), &problem["errors"][0]["field"]), (422, &json!(field)), "{problem}");
    }
}
