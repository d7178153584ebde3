//! One entity in the site CMS' audit API.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::appended;
use crate::support::{Server, json as read};

const ENTITY: &str = "/api/v1/audit/entity/page/0b7d";
const HISTORY: &str = "/api/v1/audit/history/page/0b7d";

fn entry(minute: u32, action: &str, fields: &Value) -> Value {
    let mut entry = json!({
        "occurred_at": format!("2026-05-04T09:{minute:02}:12.454Z"), "action": action,
        "actor": {"type": "user", "id": "91c4"}, "entity": {"type": "page", "id": "0b7d", "title": "/contact"},
    });
    entry.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    entry
}

async fn story(server: &Server) {
    let one = json!({"route": "/kontakt", "seo": {"title": "A", "noindex": null}, "old": 1});
    let two = json!({"route": "/contact", "seo": {"title": "B", "noindex": null}, "new": null});
    let other = json!({"entity": {"type": "page", "id": "other"}});
    appended(
        server,
        &[
            entry(0, "cms.create", &json!({"after": one})),
            entry(1, "cms.update", &json!({"before": one, "after": two})),
            entry(2, "cms.update", &other),
            entry(3, "cms.delete", &json!({"before": two})),
        ],
    )
    .await;
}

fn actions(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["action"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn entries_are_told_in_the_order_of_time() {
    let server = Server::start().await;
    story(&server).await;
    assert_eq!(actions(&server.read(ENTITY).await), ["Create", "Update", "Delete"]);
    assert_eq!(actions(&server.read(&format!("{ENTITY}?order=desc")).await), ["Delete", "Update", "Create"]);
    assert_eq!(actions(&server.read(&format!("{ENTITY}?action=update")).await), ["Update"]);
    assert_eq!(server.read("/api/v1/audit/entity/page/nobody").await, json!([]));

    // In parts, each with the address of the next.
    let mut path = format!("{ENTITY}?limit=1");
    let mut found = Vec::new();
    loop {
        let response = server.request(Method::GET, &path).send().await.unwrap();
        let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        let (_, items) = read(response).await;
        found.extend(actions(&items).into_iter().map(ToOwned::to_owned));
        let Some(link) = link else { break };
        path = link.strip_prefix('<').unwrap().strip_suffix(r#">; rel="next""#).unwrap().to_owned();
    }
    assert_eq!(found, ["Create", "Update", "Delete"]);
    let bad = server.get(&format!("{ENTITY}?cursor=boo")).await;
    assert_eq!((bad.0.as_u16(), &bad.1["code"]), (400, &json!("BAD_REQUEST")));
}

#[tokio::test]
async fn changes_are_told_field_by_field() {
    let server = Server::start().await;
    story(&server).await;
    let changes = server.read(HISTORY).await;
    let rows: Vec<_> = changes
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["op"].as_str().unwrap(),
                row["field_name"].as_str().unwrap(),
                row["old_value"].clone(),
                row["new_value"].clone(),
            )
        })
        .collect();
    let seo = |title: &str| json!({"title": title, "noindex": null});
    assert_eq!(
        rows,
        [
            ("add", "route", json!(null), json!("/kontakt")),
            ("add", "seo", json!(null), seo("A")),
            ("add", "old", json!(null), json!(1)),
            ("change", "route", json!("/kontakt"), json!("/contact")),
            ("change", "seo/title", json!("A"), json!("B")),
            ("remove", "old", json!(1), json!(null)),
            ("add", "new", json!(null), json!(null)),
            ("remove", "route", json!("/contact"), json!(null)),
            ("remove", "seo", seo("B"), json!(null)),
            ("remove", "new", json!(null), json!(null)),
        ]
    );
    let row = &changes[3];
    let entries = server.read(ENTITY).await;
    assert_eq!(
        *row,
        json!({
            "id": row["id"], "entity_type": "page", "entity_id": "0b7d", "field_name": "route", "old_value": "/kontakt",
            "new_value": "/contact", "changed_by": "91c4", "changed_at": "2026-05-04T09:01:12.454Z",
            "entry_id": entries[1]["id"], "op": "change",
        })
    );
    let ids: std::collections::BTreeSet<_> =
        changes.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rows.len());
    assert_eq!(server.read(HISTORY).await, changes, "and are the same every time");
}

#[tokio::test]
async fn an_entity_is_one_under_all_its_ids_and_on_all_sites_that_one_may_read() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let renamed = json!({"entity": {"type": "page", "id": "0b7e", "previous_id": "0b7d"}});
    appended(&server, &[entry(0, "cms.create", &json!({})), entry(1, "cms.update", &renamed)]).await;
    let elsewhere = entry(2, "cms.publish", &json!({})).to_string();
    assert_eq!(server.post("/api/v1/sites/acme.docs/entries", elsewhere).await.0, 201);

    assert_eq!(actions(&server.read(ENTITY).await), ["Create", "Update", "Publish"]);
    assert_eq!(actions(&server.read("/api/v1/audit/entity/page/0b7e").await), ["Create", "Update"]);
    for (site, expected) in [("acme.www", vec!["Create", "Update"]), ("acme.docs", vec!["Publish"])] {
        let token = server.token(Role::Admin, Some(site));
        let (_, found) = read(server.request_as(&token, Method::GET, ENTITY).send().await.unwrap()).await;
        assert_eq!(actions(&found), expected, "{site}");
    }
    // What belongs to no site is for super admins.
    let (_, system) = server.get("/api/v1/audit/entity/site/acme.docs").await;
    assert_eq!(system.as_array().unwrap().len(), 1);
    let token = server.token(Role::Owner, None);
    let request = server.request_as(&token, Method::GET, "/api/v1/audit/entity/site/acme.docs");
    assert_eq!(read(request.send().await.unwrap()).await.1, json!([]));
}
