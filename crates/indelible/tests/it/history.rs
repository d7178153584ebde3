//! Histories across renames, and states at a time.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, refused};

async fn told(server: &Server, time: &str, entity: Value, rest: Value) -> String {
    let mut entry = json!({"action": "page.update", "occurred_at": time, "entity": entity});
    let fields = rest.as_object().unwrap().clone();
    entry.as_object_mut().unwrap().extend(fields);
    server.appended(entry.to_string()).await["id"].as_str().unwrap().to_owned()
}

async fn history(server: &Server, id: &str) -> Vec<String> {
    let page = server.read(&format!("/api/v1/sites/acme.www/entities/page/{id}/history")).await;
    let ids = page["data"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned());
    ids.collect()
}

async fn state(server: &Server, id: &str, at: &str) -> Value {
    server.read(&format!("/api/v1/sites/acme.www/entities/page/{id}/state?at={at}")).await
}

fn page(id: &str) -> Value {
    json!({"type": "page", "id": id})
}

#[tokio::test]
async fn a_renamed_entity_has_one_history_and_its_old_id_may_be_used_again() {
    let server = Server::start().await;
    let renamed = |to: &str, from: &str| json!({"type": "page", "id": to, "previous_id": from});
    let states = |n: u64| json!({"before": {"n": n}, "after": {"n": n + 1}});
    let mut ids = Vec::new();
    for (minute, (entity, rest)) in [
        (page("/a"), states(0)),
        (renamed("/b", "/a"), states(1)),
        (page("/b"), states(2)),
        // Another page takes the free id.
        (page("/a"), states(10)),
        (renamed("/c", "/b"), states(3)),
        (page("/c"), states(4)),
        (page("/other"), states(7)),
    ]
    .into_iter()
    .enumerate()
    {
        ids.push(told(&server, &format!("2026-11-21T04:{minute:02}:00Z"), entity, rest).await);
    }
    let all = |places: &[usize]| places.iter().map(|place| ids[*place].clone()).collect::<Vec<_>>();
    for name in ["%2Fc", "%2Fb"] {
        assert_eq!(history(&server, name).await, all(&[0, 1, 2, 4, 5]), "{name}");
    }
    // Under the id that is in use again there is the present page, and what became of the one before.
    assert_eq!(history(&server, "%2Fa").await, all(&[0, 1, 2, 3, 4, 5]));
    assert_eq!(history(&server, "%2Fother").await, all(&[6]));
    assert_eq!(state(&server, "%2Fc", "2026-11-21T04:02:30Z").await["state"], json!({"n": 3}));

    let append = "/api/v1/sites/acme.www/entries";
    for previous in ["", "/x"] {
        let entry = json!({"action": "page.move", "entity": renamed("/x", previous)});
        let request = server.request(Method::POST, append).json(&entry);
        refused(request, 422, "invalid_value", "entity.previous_id").await;
    }
    let found = server.read("/api/v1/sites/acme.www/entries?q=previous_id:%2Fa").await;
    assert_eq!(found["data"][0]["entity"]["previous_id"], "/a");
}

#[tokio::test]
async fn the_state_at_a_time_and_what_it_rests_on() {
    let server = Server::start().await;
    let at = |minute: u64| format!("2026-11-21T04:{minute:02}:00Z");
    let one = page("1");
    let create = json!({"action": "page.create", "after": {"title": "A", "body": "x", "n": 1.50}});
    let create = told(&server, &at(10), one.clone(), create).await;
    let title = json!({"before": {"title": "A", "body": "x", "n": 1.50}, "after": {"title": "B", "body": "x", "n": 1.50}});
    let title = told(&server, &at(20), one.clone(), title).await;
    let partial = json!({"partial": true, "before": {"body": "x"}, "after": {"body": "y"}});
    let partial = told(&server, &at(30), one.clone(), partial).await;
    told(
        &server,
        &at(35),
        one.clone(),
        json!({"outcome": "failure", "before": {"body": "y"}, "after": {"body": "!"}}),
    )
    .await;
    let gone =
        json!({"before": {"title": "B", "body": "y", "n": 1.50}, "after": {"title": "B", "body": "y"}});
    let gone = told(&server, &at(40), one.clone(), gone).await;
    told(
        &server,
        &at(50),
        one.clone(),
        json!({"action": "page.delete", "before": {"title": "B", "body": "y"}}),
    )
    .await;

    let before = state(&server, "1", &at(5)).await;
    assert_eq!((&before["exists"], &before["state"]), (&json!(false), &json!(null)), "{before}");

    let first = state(&server, "1", &at(10)).await;
    assert_eq!(first["state"], json!({"title": "A", "body": "x", "n": 1.50}));
    assert_eq!((&first["complete"], &first["exists"]), (&json!(true), &json!(true)), "{first}");
    assert_eq!(first["rests_on"][0]["id"], create.as_str());

    let third = state(&server, "1", &at(30)).await;
    assert_eq!(third["state"], json!({"body": "y", "title": "B", "n": 1.50}), "{third}");
    assert_eq!(third["rests_on"][0]["id"], partial.as_str());
    assert_eq!(third["rests_on"][0]["fields"], json!(["body"]));
    assert_eq!(third["rests_on"][1]["id"], title.as_str());
    assert_eq!(third["complete"], true, "{third}");

    let fourth = state(&server, "1", &at(45)).await;
    assert_eq!(fourth["state"], json!({"title": "B", "body": "y"}), "what was removed is gone: {fourth}");
    assert_eq!(fourth["rests_on"][0]["id"], gone.as_str());

    let deleted = state(&server, "1", &at(55)).await;
    assert_eq!((&deleted["exists"], &deleted["state"]), (&json!(false), &json!(null)), "{deleted}");

    let path = "/api/v1/sites/acme.www/entities/page";
    refused(server.request(Method::GET, &format!("{path}/1/state?at=yesterday")), 422, "invalid_value", "at")
        .await;
    refused(
        server.request(Method::GET, &format!("{path}/1/state?when=now")),
        422,
        "unknown_parameter",
        "when",
    )
    .await;
    refused(server.request(Method::GET, &format!("{path}/7/state")), 404, "not_found", "-").await;
    assert_eq!(server.read(&format!("{path}/1/state")).await["exists"], false);
}

#[tokio::test]
async fn what_is_not_known_of_a_state_is_said() {
    let server = Server::start().await;
    let at = |minute: u64| format!("2026-11-21T04:{minute:02}:00Z");
    // The first entry is an update: before it, there is what it found.
    told(&server, &at(10), page("1"), json!({"before": {"t": "A"}, "after": {"t": "B"}})).await;
    // Somebody changed it past the log.
    told(&server, &at(20), page("1"), json!({"before": {"t": "C"}, "after": {"t": "D"}})).await;

    let earlier = state(&server, "1", &at(5)).await;
    assert_eq!((&earlier["state"], &earlier["complete"]), (&json!({"t": "A"}), &json!(false)), "{earlier}");
    assert!(earlier["unknown"][0]["why"].as_str().unwrap().contains("the next entry found"), "{earlier}");

    let between = state(&server, "1", &at(15)).await;
    assert_eq!((&between["state"], &between["complete"]), (&json!({"t": "B"}), &json!(false)));
    assert_eq!(between["unknown"][0]["path"], "/t");
    assert!(between["unknown"][0]["why"].as_str().unwrap().contains("not in this log"), "{between}");

    // Only one field was ever told of.
    told(&server, &at(10), page("2"), json!({"partial": true, "after": {"t": "B"}})).await;
    let part = state(&server, "2", &at(30)).await;
    assert_eq!((&part["state"], &part["complete"]), (&json!({"t": "B"}), &json!(false)));
    assert!(part["unknown"][0]["why"].as_str().unwrap().contains("no entry holds the whole state"), "{part}");

    // A submitted body beside a whole record.
    let submitted = json!({"before": {"id": "3", "t": "A", "u": 1}, "after": {"t": "B"}});
    let id = told(&server, &at(10), page("3"), submitted).await;
    let inferred = state(&server, "3", &at(30)).await;
    assert_eq!(inferred["state"], json!({"t": "B", "id": "3", "u": 1}), "{inferred}");
    let detail = server.read(&format!("/api/v1/sites/acme.www/entries/{id}")).await;
    assert_eq!(detail["after_is"], "partial_inferred");
    assert_eq!(detail["changes"], json!([{"path": "/t", "op": "change", "before": "A", "after": "B"}]));
}

#[tokio::test]
async fn an_imported_revert_still_says_what_it_takes_back() {
    let server = Server::start().await;
    let change =
        told(&server, "2026-11-21T04:00:00Z", page("1"), json!({"before": {"t": 1}, "after": {"t": 2}}))
            .await;
    let revert = json!({"before": {"t": 2}, "after": {"t": 1}, "reverts": change});
    let revert = told(&server, "2026-11-21T05:00:00Z", page("1"), revert).await;
    let shown = server.read(&format!("/api/v1/sites/acme.www/entries/{change}")).await;
    assert_eq!(shown["reverted_by"], revert.as_str());
    let list = server.read("/api/v1/sites/acme.www/entries").await;
    assert_eq!(
        (&list["data"][0]["reverts"], &list["data"][1]["reverted_by"]),
        (&json!(change), &json!(revert))
    );
    let found = server.read(&format!("/api/v1/sites/acme.www/entries?q=reverts:{change}")).await;
    assert_eq!(found["data"][0]["id"], revert.as_str());
    let bad = json!({"action": "a.b", "entity": page("1"), "reverts": "x"});
    let request = server.request(Method::POST, "/api/v1/sites/acme.www/entries").json(&bad);
    refused(request, 422, "invalid_value", "reverts").await;
}
