//! What a role sees of a site, where the site says so.

use model::Role;
use reqwest::header::{ACCEPT, COOKIE, LOCATION};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::support::{Server, json, refused};
use crate::visitor::Visitor;

const SITE: &str = "/api/v1/sites/acme.www";

/// What nobody may see who sees pages only.
const HIDDEN: &str = "hushhush";

async fn set(server: &Server, token: &str, visibility: Value) -> (u16, Value) {
    let request = server.request_as(token, Method::PUT, &format!("{SITE}/settings"));
    let (status, answer) =
        json(request.json(&json!({ "visibility": visibility })).send().await.unwrap()).await;
    (status.as_u16(), answer)
}

/// Six entries about a page, six about rates, and one about a page that was a rate before: an id of one of each.
async fn filled() -> (Server, String, String) {
    let server = Server::start().await;
    let (mut seen, mut hidden) = (String::new(), String::new());
    for turn in 0..6 {
        let page = json!({"action": "page.edit", "actor": {"type": "user", "id": "ana"},
            "entity": {"type": "page", "id": "/docs/1"}, "before": {"a": turn}, "after": {"a": turn + 1}});
        seen = server.appended(page.to_string()).await["id"].as_str().unwrap().to_owned();
        let rate = json!({"action": format!("rate.{HIDDEN}"), "actor": {"type": "user", "id": HIDDEN},
            "entity": {"type": "rate", "id": HIDDEN}, "summary": HIDDEN, "before": {"a": HIDDEN}, "after": {"a": 1}});
        hidden = server.appended(rate.to_string()).await["id"].as_str().unwrap().to_owned();
    }
    let (status, answer) =
        set(&server, &server.root, json!({"auditor": "entity.type:page", "admin": "entity.type:page"})).await;
    assert_eq!((status, &answer["visibility"]["auditor"]), (200, &json!("entity.type:page")), "{answer}");
    (server, seen, hidden)
}

#[tokio::test]
async fn a_role_sees_its_part_and_nothing_else_exists_for_it() {
    let (server, seen, hidden) = filled().await;
    for token in [server.token(Role::Auditor, Some("acme.www")), server.token(Role::Admin, None)] {
        let cookie = Visitor::sign_in(&server, &token).await.cookie;
        let get = |path: &str| -> RequestBuilder {
            let url = server.url(path);
            if path.starts_with("/api/") {
                server.request_as(&token, Method::GET, path)
            } else {
                server.client.get(url).header(COOKIE, &cookie)
            }
        };
        for path in [
            format!("{SITE}/entries?count=exact"),
            "/api/v1/entries?count=exact".to_owned(),
            format!("{SITE}/entries?q=-entity.type:page"),
            format!("{SITE}/facets?fields=actor,action,entity_type,entity_id&histogram=day"),
            format!("{SITE}/completions?text=action:rate"),
            format!("{SITE}/export?format=csv"),
            "/api/v1/export".to_owned(),
            format!("{SITE}/evidence"),
            format!("{SITE}/entries/tail"),
            format!("{SITE}/entities/page/%2Fdocs%2F1/history"),
            format!("{SITE}/entities/page/%2Fdocs%2F1/state"),
            format!("{SITE}/entities/rate/{HIDDEN}/history"),
            format!("{SITE}/entries/{seen}"),
            format!("{SITE}/entries/{seen}/proof"),
            format!("{SITE}/audit"),
            "/sites/acme.www".to_owned(),
            "/activity".to_owned(),
            format!("/sites/acme.www/entries/{seen}"),
            "/sites/acme.www/entities/page/%2Fdocs%2F1".to_owned(),
            "/find?id=%2Fdocs%2F1".to_owned(),
        ] {
            let answer = get(&path).send().await.unwrap();
            let status = answer.status().as_u16();
            let led = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap().to_owned());
            assert!(status == 200 || led.is_some_and(|to| to.contains("docs")), "{path}: {status}");
            let text = answer.text().await.unwrap();
            // What was asked for is repeated; nothing that was not.
            let text = text.replace(&format!("entities/rate/{HIDDEN}"), "");
            assert!(!text.contains(HIDDEN), "{path}: {text}");
        }
        let (_, list) = json(get(&format!("{SITE}/entries?count=exact")).send().await.unwrap()).await;
        let (_, facets) = json(get(&format!("{SITE}/facets")).send().await.unwrap()).await;
        assert_eq!((&list["page"]["total"], &facets["total"]), (&json!(6), &json!(6)));
        for path in [
            format!("{SITE}/entries/{hidden}"),
            format!("{SITE}/entries/{hidden}/proof"),
            format!("{SITE}/entities/rate/{HIDDEN}/state"),
        ] {
            refused(get(&path), 404, "not_found", "-").await;
        }
        for path in
            [format!("/sites/acme.www/entries/{hidden}"), format!("/sites/acme.www/entities/rate/{HIDDEN}")]
        {
            assert_eq!(get(&path).send().await.unwrap().status(), 404, "{path}");
        }
        let find = get(&format!("/find?id={hidden}")).send().await.unwrap();
        assert_eq!(find.status(), 200, "it finds nothing to lead to");
    }
}

#[tokio::test]
async fn of_the_whole_log_who_sees_a_part_learns_nothing() {
    let (server, _, hidden) = filled().await;
    for token in [server.token(Role::Auditor, Some("acme.www")), server.token(Role::Admin, None)] {
        let cookie = Visitor::sign_in(&server, &token).await.cookie;
        let (_, sites) =
            json(server.request_as(&token, Method::GET, "/api/v1/sites").send().await.unwrap()).await;
        assert_eq!(
            (&sites["data"][0]["id"], &sites["data"][0]["entries"]),
            (&json!("acme.www"), &json!(null))
        );
        refused(server.request_as(&token, Method::GET, "/logs/acme.www/checkpoint"), 403, "forbidden", "-")
            .await;
        assert_eq!(
            server
                .client
                .get(server.url("/sites/acme.www/integrity"))
                .header(COOKIE, &cookie)
                .send()
                .await
                .unwrap()
                .status(),
            403
        );
        let metrics =
            server.request_as(&token, Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
        assert!(!metrics.contains("acme.www"), "{metrics}");
    }
    // Everybody else sees all.
    for token in [server.token(Role::Owner, Some("acme.www")), server.root.clone()] {
        let path = format!("{SITE}/entries/{hidden}");
        assert_eq!(server.request_as(&token, Method::GET, &path).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_rule_holds_for_its_site_alone() {
    let (server, ..) = filled().await;
    server.create_site("acme.docs");
    let rate = json!({"action": "rate.edit", "entity": {"type": "rate", "id": "9"}});
    assert_eq!(server.post("/api/v1/sites/acme.docs/entries", rate.to_string()).await.0, 201);
    let token = server.token(Role::Auditor, None);
    let get = |path: &str| server.request_as(&token, Method::GET, path).send();
    let (_, list) = json(get("/api/v1/entries?count=exact").await.unwrap()).await;
    assert_eq!(list["page"]["total"], 7, "{list}");
    assert!(!list.to_string().contains(HIDDEN));
    let export = get("/api/v1/export").await.unwrap().text().await.unwrap();
    assert_eq!((export.lines().count(), export.contains(HIDDEN)), (7, false));
    let (_, sites) = json(get("/api/v1/sites").await.unwrap()).await;
    let entries: Vec<(&Value, &Value)> =
        sites["data"].as_array().unwrap().iter().map(|site| (&site["id"], &site["entries"])).collect();
    assert_eq!(entries, [(&json!("acme.www"), &json!(null)), (&json!("acme.docs"), &json!(1))]);
    // A token's own filter and the rule of the site hold together.
    let body = json!({"name": "t", "role": "auditor", "filter": "entity.type:rate"});
    let (_, made) = server.post("/api/v1/tokens", body.to_string()).await;
    let narrow = made["token"].as_str().unwrap();
    let request = server.request_as(narrow, Method::GET, "/api/v1/entries?count=exact").send();
    let (_, list) = json(request.await.unwrap()).await;
    assert_eq!((&list["page"]["total"], &list["data"][0]["site"]), (&json!(1), &json!("acme.docs")));
}

#[tokio::test]
async fn only_who_governs_a_site_sets_its_rules() {
    let server = Server::start().await;
    let (owner, admin) =
        (server.token(Role::Owner, Some("acme.www")), server.token(Role::Admin, Some("acme.www")));
    assert_eq!(set(&server, &owner, json!({"admin": "entity.type:page"})).await.0, 200);
    assert_eq!(set(&server, &admin, json!({})).await.0, 403, "nobody lifts a rule that limits them");
    let visitor = Visitor::sign_in(&server, &admin).await;
    assert!(visitor.page("/sites/acme.www/settings").await.contains("Owners set these rules"));
    for form in [[("part", "visibility"), ("visibility", "")], [("part", "hold"), ("hold", "on")]] {
        let sent = visitor.form("/sites/acme.www/settings", &form).send().await.unwrap();
        assert_eq!(sent.status(), 403, "{form:?}: nor by the page");
    }
    let (_, settings) =
        json(server.request_as(&admin, Method::GET, &format!("{SITE}/settings")).send().await.unwrap()).await;
    assert_eq!(settings["visibility"], json!({"admin": "entity.type:page"}));
    for wrong in [
        json!("entity.type:page"),
        json!(["auditor"]),
        json!({"auditor": 5}),
        json!({"auditor": ""}),
        json!({"auditor": "knid:update"}),
        json!({"owner": "kind:update"}),
        json!({"super_admin": "kind:update"}),
        json!({"writer": "kind:update"}),
        json!({"everybody": "kind:update"}),
        json!({"auditor": "a".repeat(2_001)}),
    ] {
        let (status, answer) = set(&server, &owner, wrong.clone()).await;
        assert_eq!((status, &answer["errors"][0]["field"]), (422, &json!("visibility")), "{wrong}: {answer}");
    }
    let log = server.read(&format!("{SITE}/entries?q=after.visibility.admin:*")).await;
    assert_eq!(log["data"].as_array().unwrap().len(), 1, "the change is an entry of the site: {log}");
    assert_eq!(set(&server, &owner, json!(null)).await.1["visibility"], json!({}));
}

#[tokio::test]
async fn what_goes_on_for_long_ends_when_the_rule_changes() {
    let (server, ..) = filled().await;
    let token = server.token(Role::Auditor, Some("acme.www"));
    let tail = server
        .request_as(&token, Method::GET, &format!("{SITE}/entries/tail"))
        .header(ACCEPT, "text/event-stream");
    let mut tail = tail.send().await.unwrap();
    let mut text = String::new();
    while text.matches("id:").count() < 6 {
        text.push_str(std::str::from_utf8(&tail.chunk().await.unwrap().unwrap()).unwrap());
    }
    assert_eq!(set(&server, &server.root, json!({"auditor": "entity.type:post"})).await.0, 200);
    server
        .appended(json!({"action": "page.edit", "entity": {"type": "page", "id": HIDDEN}}).to_string())
        .await;
    // It breaks off rather than going on by the old rule.
    while let Ok(Some(chunk)) = tail.chunk().await {
        assert!(!String::from_utf8_lossy(&chunk).contains(HIDDEN));
    }
}

#[tokio::test]
async fn who_sees_a_part_reverts_what_it_sees_whole() {
    let (server, seen, hidden) = filled().await;
    let admin = server.token(Role::Admin, Some("acme.www"));
    let preview = |id: &str| {
        server.request_as(&admin, Method::POST, &format!("{SITE}/entries/{id}/revert?preview=true"))
    };
    // It gets as far as for everybody: no connector is known that could put it back.
    let problem = refused(preview(&seen), 422, "not_revertible", "-").await;
    assert!(problem["detail"].as_str().unwrap().contains("no connector"), "{problem}");
    refused(preview(&hidden), 404, "not_found", "-").await;
    let by_cms = |id: &str| {
        let body = json!({"change_ids": [id]}).to_string();
        server.request_as(&admin, Method::POST, "/api/v1/audit/history/revert?preview=true").body(body)
    };
    assert_eq!(by_cms(&hidden).send().await.unwrap().status(), 404);
    assert_ne!(by_cms(&seen).send().await.unwrap().status(), 404);
    assert_eq!(set(&server, &server.root, json!({"admin": "entity.type:page -index<2"})).await.0, 200);
    refused(preview(&seen), 403, "forbidden", "-").await;
    assert_eq!(by_cms(&seen).send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn a_token_shows_when_it_was_last_used() {
    let server = Server::start().await;
    let token = server.token(Role::Auditor, Some("acme.www"));
    let used = || async {
        let tokens = server.read("/api/v1/tokens").await;
        tokens["data"].as_array().unwrap().iter().find(|token| token["role"] == "auditor").unwrap()["last_used_at"].clone()
    };
    assert_eq!(used().await, json!(null));
    for _ in 0..3 {
        let read = server.request_as(&token, Method::GET, &format!("{SITE}/entries"));
        assert_eq!(read.send().await.unwrap().status(), 200);
    }
    // Nobody waits for it to be kept.
    let mut seen = used().await;
    while seen.is_null() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        seen = used().await;
    }
    assert!(seen.as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{seen}");
}
