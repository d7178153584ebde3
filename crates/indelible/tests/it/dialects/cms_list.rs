//! Lists of the site CMS' audit API.

use model::Role;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::appended;
use crate::support::{Server, json as read, token};

const AUDIT: &str = "/api/v1/sites/acme.www/audit";

async fn page(server: &Server, query: &str) -> Value {
    server.read(&format!("{AUDIT}?{query}")).await
}

fn items(page: &Value) -> &Vec<Value> {
    page["data"].as_array().unwrap()
}

fn ids(page: &Value) -> Vec<&str> {
    items(page).iter().map(|item| item["entity_id"].as_str().unwrap()).collect()
}

/// Sends what must be refused in this API's form.
async fn refused(request: RequestBuilder, status: u16, code: &str, field: Option<&str>) -> Value {
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let (found, problem) = read(response).await;
    assert_eq!((found.as_u16(), problem["code"].as_str()), (status, Some(code)), "{problem}");
    assert_eq!(problem["status"], status);
    assert_eq!(problem["type"], format!("urn:indelible:problem:{}", code.to_lowercase()));
    assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    if let Some(field) = field {
        assert_eq!(problem["errors"][0]["field"], field, "{problem}");
        assert!(problem["errors"][0]["message"].is_string(), "{problem}");
    }
    problem
}

/// Entries of all sorts, each with its place as its entity's id.
fn entries() -> Vec<Value> {
    let actions =
        ["cms.create", "cms.update", "cms.delete", "cms.submit_review", "shop.refund", "blog.publish"];
    let types = ["blog", "page", "Media", "navigation_item"];
    let users = [("91c4", "Ana Lima"), ("7b20", "Ben_100%")];
    (0..48_usize)
        .map(|n| {
            let (id, name) = users[n % 2];
            // Three at a time, so that pages end between equal times.
            let second = n / 3;
            json!({
                "occurred_at": format!("2026-05-04T09:{:02}:{:02}.454Z", second / 10, second % 10),
                "action": actions[n % 6], "kind": if n % 6 == 4 { json!("other") } else { json!("update") },
                "actor": {"type": "user", "id": id, "name": name},
                "entity": {"type": types[n % 4], "id": n.to_string(), "title": format!("/contact-{n}")},
                "origin": {"ip": format!("203.0.113.{n}"), "user_agent": "firefox"},
                "data": {"title": "Contact"},
            })
        })
        .collect()
}

#[tokio::test]
async fn items_have_the_fields_of_that_cms_and_more() {
    let server = Server::start().await;
    let bare = json!({"occurred_at": "2026-05-04T09:00:00Z", "action": "cms.login", "entity": {"type": "member", "id": "1"}});
    let full = json!({
        "occurred_at": "2026-05-04T09:30:12.454Z", "action": "cms.update",
        "actor": {"type": "user", "id": "91c4", "name": "Ana"}, "entity": {"type": "page", "id": "0b7d", "title": "/contact"},
        "origin": {"ip": "203.0.113.9", "user_agent": "firefox"}, "data": {"title": "Contact"}, "summary": "Moved",
        "before": {"route": "/kontakt"}, "after": {"route": "/contact"},
    });
    appended(&server, &[bare, full]).await;
    let page = page(&server, "").await;
    assert_eq!(page["meta"], json!({"page": 1, "page_size": 10, "total_pages": 1, "total_items": 2}));
    let [full, bare] = items(&page).as_slice() else { panic!("{page}") };
    let id = full["id"].as_str().unwrap();
    assert_eq!(
        *full,
        json!({
            "id": id, "user_id": "91c4", "action": "Update", "entity_type": "page", "entity_id": "0b7d",
            "ip_address": "203.0.113.9", "metadata": {"title": "Contact"}, "created_at": "2026-05-04T09:30:12.454Z",
            "entity_display": "/contact", "site_id": "acme.www", "user_name": "Ana", "user_agent": "firefox",
            "details": "Moved", "changed_fields": ["route"], "index": 1,
            "url": format!("/api/v1/sites/acme.www/entries/{id}"),
        })
    );
    for field in ["user_id", "ip_address", "metadata", "entity_display"] {
        assert_eq!(bare[field], Value::Null, "{field}");
    }
    assert_eq!(bare["created_at"], "2026-05-04T09:00:00.000Z");
    // The entry with its states before and after, and what changed.
    let detail = server.read(full["url"].as_str().unwrap()).await;
    assert_eq!(
        (&detail["before"]["route"], &detail["after"]["route"]),
        (&json!("/kontakt"), &json!("/contact"))
    );
}

/// Whether an item is among those that a parameter asks for.
type Test = fn(&Value) -> bool;

#[tokio::test]
async fn any_combination_of_filters_is_their_intersection() {
    let server = Server::start().await;
    appended(&server, &entries()).await;
    let all = page(&server, "page_size=100").await;
    let all = items(&all);
    assert_eq!(all.len(), 48);
    let groups: [&[(&str, Test)]; 4] = [
        &[
            ("", |_| true),
            ("action=update", |item| item["action"] == "Update"),
            ("action=Updated", |item| item["action"] == "Update"),
            ("action=SubmitReview", |item| item["action"] == "SubmitReview"),
            ("action=submit_review", |item| item["action"] == "SubmitReview"),
            ("action=publish", |item| item["action"] == "Publish"),
            ("action=refund", |item| item["action"] == "Refund"),
            ("action=nothing", |_| false),
        ],
        &[
            ("", |_| true),
            ("entity_type=page", |item| item["entity_type"] == "page"),
            ("entity_type=media", |_| false),
        ],
        &[
            ("", |_| true),
            ("user=91c4", |item| item["user_id"] == "91c4"),
            ("user=ana lima", |item| item["user_id"] == "91c4"),
            ("user=9*", |_| false),
        ],
        &[
            ("", |_| true),
            ("from_date=2026-05-04T09:00:05.454Z", |item| {
                item["created_at"].as_str() >= Some("2026-05-04T09:00:05.454Z")
            }),
            ("from_date=2026-05-04T09:00:05.454Z&to_date=2026-05-04T11:00:09.454%2B02:00", |item| {
                (Some("2026-05-04T09:00:05.454Z")..=Some("2026-05-04T09:00:09.454Z"))
                    .contains(&item["created_at"].as_str())
            }),
        ],
    ];
    for (action, by_action) in groups[0] {
        for (kind, by_kind) in groups[1] {
            for (user, by_user) in groups[2] {
                for (time, by_time) in groups[3] {
                    let query = format!("page_size=100&{action}&{kind}&{user}&{time}");
                    let fits =
                        |item: &&Value| by_action(item) && by_kind(item) && by_user(item) && by_time(item);
                    let expected: Vec<_> = all.iter().filter(fits).cloned().collect();
                    let found = page(&server, &query).await;
                    assert_eq!(*items(&found), expected, "{query}");
                    assert_eq!(found["meta"]["total_items"], expected.len(), "{query}");
                }
            }
        }
    }
}

#[tokio::test]
async fn pages_have_every_entry_once() {
    let server = Server::start().await;
    appended(&server, &entries()).await;
    let newest_first: Vec<String> = (0..48).rev().map(|n: u32| n.to_string()).collect();
    for (size, applied, pages) in [("7", 7, 7), ("48", 48, 1), ("200", 100, 1), ("0", 1, 48)] {
        let mut found = Vec::new();
        for number in 1..=pages {
            let page = page(&server, &format!("page={number}&page_size={size}")).await;
            let meta = json!({"page": number, "page_size": applied, "total_pages": pages, "total_items": 48});
            assert_eq!(page["meta"], meta);
            found.extend(ids(&page).into_iter().map(ToOwned::to_owned));
        }
        assert_eq!(found, newest_first, "{size}");
    }
    let beyond = page(&server, "page=99999999999999999999&page_size=10").await;
    assert_eq!((items(&beyond).len(), &beyond["meta"]["total_items"]), (0, &json!(48)));
    let oldest_first = page(&server, "sort_dir=asc&per_page=3&page=2").await;
    assert_eq!(ids(&oldest_first), ["3", "4", "5"]);
    let by_action = page(&server, "sort_by=action&sort_dir=ASC&page_size=100").await;
    let actions: Vec<_> = items(&by_action).iter().map(|item| item["action"].as_str().unwrap()).collect();
    assert!(actions.windows(2).filter(|pair| pair[0] != pair[1]).count() == 5, "{actions:?}");
    for column in ["entity_type", "user_id", "ip_address", "entity_display", "colour"] {
        assert_eq!(
            items(&page(&server, &format!("sort_by={column}&page_size=100")).await).len(),
            48,
            "{column}"
        );
    }
}

#[tokio::test]
async fn the_search_looks_into_every_column() {
    let server = Server::start().await;
    appended(&server, &entries()).await;
    for (search, count) in [
        ("BLOG", 12 + 8), // the type, and the code of others
        ("media", 12),
        ("submit_r", 8),
        ("submitr", 8),
        ("refund", 8),
        ("_100%25", 24),
        ("%25", 24),
        ("ana l", 24),
        ("contact-47", 1),
        ("203.0.113.47", 1),
        ("*", 0),
        ("nothing", 0),
    ] {
        let found = page(&server, &format!("search={search}&page_size=100")).await;
        assert_eq!(found["meta"]["total_items"], count, "{search}");
    }
}

#[tokio::test]
async fn the_use_of_ai_has_a_list_of_its_own() {
    let server = Server::start().await;
    let entry = |time: &str, kind: &str| json!({"occurred_at": time, "action": "cms.create", "entity": {"type": kind, "id": "1"}});
    let now = indelible::clock::now();
    let ago = |days: u64| (now - std::time::Duration::from_hours(24 * days)).to_string();
    appended(
        &server,
        &[
            entry(&ago(1), "ai_generation"),
            entry(&ago(29), "ai_generation"),
            entry(&ago(31), "ai_generation"),
            entry(&ago(1), "page"),
        ],
    )
    .await;
    let usage = server.read(&format!("{AUDIT}/ai-usage")).await;
    assert_eq!(usage, json!({"total": 3, "last_30_days": 2}));
    assert_eq!(page(&server, "").await["meta"]["total_items"], 1);
    assert_eq!(page(&server, "entity_type=ai_generation").await["meta"]["total_items"], 3);
}

#[tokio::test]
async fn what_somebody_did_on_all_sites() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let entry = |user: &str, n: u32| json!({"action": "cms.update", "actor": {"type": "user", "id": user, "name": "Ana"}, "entity": {"type": "page", "id": n.to_string()}});
    for (site, user, n) in [("acme.www", "91c4", 1), ("acme.docs", "91c4", 2), ("acme.docs", "7b20", 3)] {
        let (status, _) =
            server.post(&format!("/api/v1/sites/{site}/entries"), entry(user, n).to_string()).await;
        assert_eq!(status, 201);
    }
    let found = server.read("/api/v1/audit/user/91c4?page_size=1&page=2&sort_dir=asc").await;
    assert_eq!((ids(&found), &found["meta"]["total_pages"]), (vec!["2"], &json!(2)));
    assert_eq!(server.read("/api/v1/audit/user/ana").await["meta"]["total_items"], 3, "by name");
    // Whoever administers one site sees what was done there.
    let admin = server.token(Role::Admin, Some("acme.www"));
    let (_, found) =
        read(server.request_as(&admin, Method::GET, "/api/v1/audit/user/ana").send().await.unwrap()).await;
    assert_eq!(ids(&found), ["1"]);
}

#[tokio::test]
async fn what_is_wrong_is_told_in_this_apis_form() {
    let server = Server::start().await;
    for (query, field) in [
        ("from_date=yesterday", "from_date"),
        ("to_date=2026-05-04", "to_date"),
        ("page=x", "page"),
        ("page_size=1.5", "page_size"),
    ] {
        let request = server.request(Method::GET, &format!("{AUDIT}?{query}"));
        refused(request, 400, "BAD_REQUEST", Some(field)).await;
    }
    let nowhere = server.request(Method::GET, "/api/v1/sites/acme.nowhere/audit");
    refused(nowhere, 404, "RESOURCE_NOT_FOUND", None).await;
    refused(server.request(Method::DELETE, AUDIT), 405, "METHOD_NOT_ALLOWED", None).await;
    refused(server.request(Method::GET, "/api/v1/audit/history/revert"), 405, "METHOD_NOT_ALLOWED", None)
        .await;
}

/// The routes with what they take: reading or reverting.
const ROUTES: [(&str, &str, bool); 6] = [
    ("GET", AUDIT, false),
    ("GET", "/api/v1/sites/acme.www/audit/ai-usage", false),
    ("GET", "/api/v1/audit/entity/page/1", false),
    ("GET", "/api/v1/audit/history/page/1", false),
    ("GET", "/api/v1/audit/user/91c4", false),
    ("POST", "/api/v1/audit/history/revert", true),
];

#[tokio::test]
async fn every_role_has_its_cells() {
    let server = Server::start().await;
    for (method, path, reverts) in ROUTES {
        let method: Method = method.parse().unwrap();
        let body = r#"{"change_ids":["0b7d0000-0000-4000-8000-000000000000"]}"#;
        for role in Role::all() {
            let may = match role.as_str() {
                "super_admin" | "owner" | "admin" => true,
                "auditor" | "ops" | "config_admin" | "publish" | "author" | "develop" => !reverts,
                _ => false,
            };
            let key = server.token(role, Some("acme.www"));
            let request =
                server.client.request(method.clone(), server.url(path)).header("x-api-key", &key).body(body);
            if may {
                let status = request.send().await.unwrap().status();
                assert_eq!(status, if reverts { 404 } else { 200 }, "{role} {path}");
            } else {
                refused(request, 403, "FORBIDDEN", None).await;
            }
        }
        let request = || server.client.request(method.clone(), server.url(path)).body(body);
        for request in [request(), request().header("x-api-key", "wrong"), request().bearer_auth("wrong")] {
            refused(request, 401, "UNAUTHORIZED", None).await;
        }
    }
    // A site's administrator sees nothing of another site.
    server.create_site("acme.docs");
    let other = server.token(Role::Admin, Some("acme.docs"));
    refused(server.request_as(&other, Method::GET, AUDIT), 404, "RESOURCE_NOT_FOUND", None).await;
}

#[tokio::test]
async fn settings_are_set_with_this_apis_key_and_told_in_its_list() {
    let server = Server::start().await;
    let key = token(&server.indelible, "ana@example.com", Role::Admin, Some("acme.www"));
    let put = |body: &'static str| {
        let request = server.client.put(server.url("/api/v1/sites/acme.www/settings"));
        request.header("x-api-key", &key).header("user-agent", "cms/1").body(body).send()
    };
    let (status, settings) =
        read(put(r#"{"mask_fields":["iban"],"network_only":false}"#).await.unwrap()).await;
    assert_eq!((status.as_u16(), &settings["mask_fields"]), (200, &json!(["iban"])));
    let (status, problem) = read(put(r#"{"site_title":"x"}"#).await.unwrap()).await;
    assert_eq!(
        (status.as_u16(), &problem["errors"][0]["field"]),
        (422, &json!("site_title")),
        "never in silence"
    );
    let found = page(&server, "action=settings_update").await;
    let item = &items(&found)[0];
    assert_eq!((&item["action"], &item["entity_type"]), (&json!("SettingsUpdate"), &json!("site_settings")));
    assert_eq!(item["metadata"], json!({"changed_keys": ["mask_fields"]}));
    assert_eq!((&item["ip_address"], &item["user_agent"]), (&json!("127.0.0.1"), &json!("cms/1")));
    assert_eq!(item["user_name"], "ana@example.com");
}
