//! Reverting over the site CMS' audit API, with a real host behind the log.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::host::{Host, Mood};
use crate::support::{Server, json as read};

const REVERT: &str = "/api/v1/audit/history/revert";

/// The changes of a page, in the order of time.
async fn changes(server: &Server, page: &str) -> Vec<Value> {
    server.read(&format!("/api/v1/audit/history/page/{page}")).await.as_array().unwrap().clone()
}

/// The id of the last change of a field.
async fn last(server: &Server, page: &str, field: &str) -> String {
    let changes = changes(server, page).await;
    let change = changes.iter().rfind(|change| change["field_name"] == field).unwrap();
    change["id"].as_str().unwrap().to_owned()
}

async fn revert(server: &Server, body: Value) -> (u16, Value) {
    let (status, answer) = server.post(REVERT, body.to_string()).await;
    (status.as_u16(), answer)
}

#[tokio::test]
async fn one_field_is_put_back_and_forth() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    let states = [
        (
            r#"{"route":"/a","title":"A"}"#,
            r#"{"route":"/b","title":"B"}"#,
            "route",
            r#"{"route":"/a","title":"B"}"#,
        ),
        (r#"{"seo":null,"x":1}"#, r#"{"seo":{"t":1},"x":2}"#, "seo", r#"{"seo":null,"x":2}"#),
        (r#"{"x":1}"#, r#"{"x":2,"added":null}"#, "added", r#"{"x":2}"#),
        (r#"{"x":1,"gone":[1,{"a":2.0}]}"#, r#"{"x":2}"#, "gone", r#"{"x":2,"gone":[1,{"a":2.0}]}"#),
    ];
    for (place, (first, second, field, third)) in states.into_iter().enumerate() {
        let page = place.to_string();
        host.set(&page, first);
        host.save(&server, &page, second).await;
        let id = last(&server, &page, field).await;
        let (status, done) = revert(&server, json!({"change_ids": [id]})).await;
        assert_eq!(status, 200, "{done}");
        let entry = done["entry_id"].as_str().unwrap();
        let expected =
            json!({"entity_type": "page", "entity_id": page, "fields_reverted": [field], "entry_id": entry});
        assert_eq!(done, expected);
        assert_eq!(host.state(&page).unwrap(), third);

        // An entry of its own tells of it, with changes of its own that can be taken back.
        let items = server.read(&format!("/api/v1/audit/entity/page/{page}")).await;
        let item = items.as_array().unwrap().last().unwrap();
        assert_eq!(
            (&item["action"], &item["metadata"]["reverted_fields"]),
            (&json!("Restore"), &json!([field]))
        );
        assert_eq!(item["ip_address"], "127.0.0.1");
        let back = last(&server, &page, field).await;
        let (status, done) = revert(&server, json!({"change_ids": [back]})).await;
        assert_eq!((status, &done["fields_reverted"]), (200, &json!([field])));
        assert_eq!(host.state(&page).unwrap(), second);
    }
}

#[tokio::test]
async fn several_changes_of_a_field_go_back_to_before_the_earliest() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"route":"/a","title":"A"}"#);
    host.save(&server, "1", r#"{"route":"/b","title":"A"}"#).await;
    host.save(&server, "1", r#"{"route":"/c","title":"B"}"#).await;
    let all: Vec<Value> = changes(&server, "1").await.iter().map(|change| change["id"].clone()).collect();
    let preview =
        server.post(&format!("{REVERT}?preview=true"), json!({"change_ids": all}).to_string()).await.1;
    let expected = json!([
        {"field_name": "route", "current_value": "/c", "restored_value": "/a", "standing": "unchanged"},
        {"field_name": "title", "current_value": "B", "restored_value": "A", "standing": "unchanged"},
    ]);
    assert_eq!(preview["fields"], expected);
    assert_eq!(preview["conflicts"], json!([]));
    assert_eq!(host.orders().len(), 0, "a preview does nothing");
    // In any order, and named twice.
    let twice: Vec<&Value> = all.iter().rev().chain(&all).collect();
    let (status, done) = revert(&server, json!({"change_ids": twice})).await;
    assert_eq!((status, &done["fields_reverted"]), (200, &json!(["route", "title"])), "{done}");
    assert_eq!(host.state("1").unwrap(), r#"{"route":"/a","title":"A"}"#);
    let path = format!("/api/v1/sites/acme.www/entries/{}", done["entry_id"].as_str().unwrap());
    let own = server.read(&path).await;
    assert_eq!(own["data"]["also_reverts"].as_array().unwrap().len(), 1, "both entries are named");
}

#[tokio::test]
async fn the_id_of_an_entry_stands_for_all_that_it_changed() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"a":1,"b":1}"#);
    let entry = host.save(&server, "1", r#"{"a":2,"b":2}"#).await;
    let (status, done) = revert(&server, json!({"change_ids": [entry]})).await;
    assert_eq!((status, &done["fields_reverted"]), (200, &json!(["a", "b"])));
    assert_eq!(host.state("1").unwrap(), r#"{"a":1,"b":1}"#);
}

#[tokio::test]
async fn what_was_changed_since_is_not_lost() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"a":1}"#);
    host.save(&server, "1", r#"{"a":2}"#).await;
    let id = last(&server, "1", "a").await;
    host.save(&server, "1", r#"{"a":3}"#).await;
    let (status, problem) = revert(&server, json!({"change_ids": [id]})).await;
    assert_eq!(
        (status, &problem["code"], &problem["errors"][0]["field"]),
        (409, &json!("CONFLICT"), &json!("/a"))
    );
    assert_eq!(host.orders().len(), 0);
    let (status, done) = revert(&server, json!({"change_ids": [id], "overwrite": ["a"]})).await;
    assert_eq!((status, &done["fields_reverted"]), (200, &json!(["a"])));
    assert_eq!(host.state("1").unwrap(), r#"{"a":1}"#);
}

#[tokio::test]
async fn only_what_really_changed_is_told_as_reverted() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"a":1,"b":1}"#);
    let entry = host.save(&server, "1", r#"{"a":2,"b":2}"#).await;
    host.is(Mood::Answers(200, r#"{"before":{"a":2,"b":2},"after":{"a":1,"b":2}}"#.to_owned()));
    let (status, done) = revert(&server, json!({"change_ids": [entry]})).await;
    assert_eq!((status, &done["fields_reverted"]), (200, &json!(["a"])));
    // And where nothing came of it, nothing is.
    host.save(&server, "2", r#"{"a":1}"#).await;
    let entry = host.save(&server, "2", r#"{"a":2}"#).await;
    let size = server.size("acme.www").await;
    host.is(Mood::Answers(500, String::new()));
    let (status, problem) = revert(&server, json!({"change_ids": [entry]})).await;
    assert_eq!((status, &problem["code"]), (502, &json!("HOST_FAILED")));
    assert_eq!(server.size("acme.www").await, size);
}

#[tokio::test]
async fn what_cannot_be_reverted_is_refused_as_a_whole() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"id":"1","updated_at":"x","a":1}"#);
    let created = host.save(&server, "new", r#"{"a":1}"#).await;
    let entry = host.save(&server, "1", r#"{"id":"2","updated_at":"y","a":2}"#).await;
    host.set("2", r#"{"a":1}"#);
    let other = host.save(&server, "2", r#"{"a":2}"#).await;
    let nobodys = server
        .appended(
            r#"{"action":"cms.update","entity":{"type":"skill","id":"9"},"before":{"a":1},"after":{"a":2}}"#,
        )
        .await["id"]
        .clone();
    let unhosted = r#"{"action":"cms.update","connector":"none","entity":{"type":"skill","id":"9"},"before":{"a":1},"after":{"a":2}}"#;
    let unhosted = server.appended(unhosted).await["id"].clone();
    let (id, updated_at, a) = (
        last(&server, "1", "id").await,
        last(&server, "1", "updated_at").await,
        last(&server, "1", "a").await,
    );
    let nobody = "0b7d0000-0000-4000-8000-000000000000";
    let size = server.size("acme.www").await;
    for (body, status, code) in [
        (json!({"change_ids": []}), 422, "VALIDATION_ERROR"),
        (json!({"change_ids": vec![nobody; 1001]}), 422, "VALIDATION_ERROR"),
        (json!({"change_ids": ["boo"]}), 400, "BAD_REQUEST"),
        (json!({"change_ids": "boo"}), 400, "BAD_REQUEST"),
        (json!({"change_ids": [a], "force": true}), 400, "BAD_REQUEST"),
        (json!({}), 400, "BAD_REQUEST"),
        (json!({"change_ids": [nobody]}), 404, "RESOURCE_NOT_FOUND"),
        (json!({"change_ids": [a, nobody]}), 404, "RESOURCE_NOT_FOUND"),
        (json!({"change_ids": [a, other]}), 422, "VALIDATION_ERROR"),
        (json!({"change_ids": [id, updated_at]}), 422, "VALIDATION_ERROR"),
        (json!({"change_ids": [created]}), 422, "VALIDATION_ERROR"),
        (json!({"change_ids": [unhosted]}), 422, "VALIDATION_ERROR"),
        (json!({"change_ids": [a], "overwrite": ["b"]}), 422, "VALIDATION_ERROR"),
    ] {
        let (found, problem) = revert(&server, body.clone()).await;
        assert_eq!((found, problem["code"].as_str()), (status, Some(code)), "{body} {problem}");
    }
    let (_, problem) = revert(&server, json!({"change_ids": [a, nobody]})).await;
    assert!(problem["detail"].as_str().unwrap().contains(nobody), "{problem}");
    let (status, _) = server.post(REVERT, "{").await;
    assert_eq!(status, 400);
    assert_eq!((host.orders().len(), server.size("acme.www").await), (0, size), "nothing was done");
    // What no connector carried in goes to the site's only endpoint, which has no such entity.
    let (status, problem) = revert(&server, json!({"change_ids": [nobodys]})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("CONFLICT")), "{problem}");
    // Fields of the system are left out, the others are put back.
    let (status, done) = revert(&server, json!({"change_ids": [entry]})).await;
    assert_eq!((status, &done["fields_reverted"]), (200, &json!(["a"])), "{done}");
    assert_eq!(host.state("1").unwrap(), r#"{"id":"2","updated_at":"y","a":1}"#);
}

#[tokio::test]
async fn the_role_is_asked_for_on_the_entitys_own_site() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    server.create_site("acme.docs");
    host.set("1", r#"{"a":1}"#);
    let entry = host.save(&server, "1", r#"{"a":2}"#).await;
    let change = last(&server, "1", "a").await;
    for (role, site, expected) in [
        (Role::Admin, "acme.docs", 403),
        (Role::Owner, "acme.docs", 403),
        (Role::Auditor, "acme.www", 403),
        (Role::Writer, "acme.www", 403),
        (Role::Admin, "acme.www", 200),
    ] {
        let token = server.token(role, Some(site));
        for id in [&change, &entry] {
            let request = server.request_as(&token, Method::POST, REVERT);
            let (status, answer) =
                read(request.json(&json!({"change_ids": [id]})).send().await.unwrap()).await;
            // The second time it is already as it was.
            let expected = if expected == 200 && *id == entry { 422 } else { expected };
            assert_eq!(status, expected, "{role} of {site}: {answer}");
        }
    }
    assert_eq!(host.orders().len(), 1);
}
