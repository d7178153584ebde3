//! Taking changes back, with a real host behind the log.

use model::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::host::{Host, Mood};
use crate::support::{Server, json as read, refused};

fn path(id: &str) -> String {
    format!("/api/v1/sites/acme.www/entries/{id}/revert")
}

async fn revert(server: &Server, id: &str, body: Value) -> (StatusCode, Value) {
    server.post(&path(id), body.to_string()).await
}

async fn reverted(server: &Server, id: &str) -> Value {
    let (status, entry) = revert(server, id, json!({"reason": "wrong"})).await;
    assert_eq!(status, StatusCode::CREATED, "{entry}");
    entry
}

/// Each step's first state is what the page was, the second what it became; the revert must lead back to the first,
/// and its revert to the second, byte for byte.
#[tokio::test]
async fn every_kind_of_change_is_taken_back_and_forth() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    let cases = [
        ("value to value", r#"{"title":"Hom","n":1.50}"#, r#"{"title":"Home","n":1.50}"#, vec!["/title"]),
        ("value to null", r#"{"title":"Home"}"#, r#"{"title":null}"#, vec!["/title"]),
        ("null to value", r#"{"title":null}"#, r#"{"title":"Home"}"#, vec!["/title"]),
        ("nested", r#"{"seo":{"t":"a","d":"x"}}"#, r#"{"seo":{"t":"b","d":"x"}}"#, vec!["/seo/t"]),
        ("array", r#"{"cards":[{"id":1},{"id":2}]}"#, r#"{"cards":[{"id":2}]}"#, vec!["/cards"]),
        ("removed key", r#"{"title":"Home","old":{"a":[1,2.0]}}"#, r#"{"title":"Home"}"#, vec!["/old"]),
        (
            "added key",
            r#"{"title":"Home"}"#,
            r#"{"title":"Home","a/b~c":9007199254740993}"#,
            vec!["/a~1b~0c"],
        ),
        ("text with JSON", r#"{"c":"[ 1,2 ]"}"#, r#"{"c":"[1]"}"#, vec!["/c"]),
        ("type", r#"{"n":1}"#, r#"{"n":"1"}"#, vec!["/n"]),
    ];
    for (place, (what, first, second, fields)) in cases.into_iter().enumerate() {
        let page = place.to_string();
        host.set(&page, first);
        let change = host.save(&server, &page, second).await;

        let detail = server.read(&format!("/api/v1/sites/acme.www/entries/{change}")).await;
        assert_eq!(detail["revert"], json!({"possible": true}), "{what}");

        let taken_back = reverted(&server, &change).await;
        assert_eq!(host.state(&page).unwrap(), first, "{what}");
        assert_eq!(taken_back["action"], "indelible.revert");
        assert_eq!(taken_back["reverts"], change.as_str());
        assert_eq!(taken_back["data"]["reverted_fields"], json!(fields), "{what}");
        assert_eq!(taken_back["reason"], "wrong");
        assert_eq!(taken_back["connector"], "cms");
        assert_eq!(taken_back["entity"]["id"], page.as_str());

        let back = taken_back["id"].as_str().unwrap();
        let forth = reverted(&server, back).await;
        assert_eq!(host.state(&page).unwrap(), second, "{what}, and forth");
        assert_eq!(forth["reverts"], back);
        // The first one can be taken back again: another order, as it is another time.
        reverted(&server, &change).await;
        assert_eq!(host.state(&page).unwrap(), first, "{what}, and back again");
    }
}

#[tokio::test]
async fn a_preview_shows_the_plan_and_does_nothing() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A","body":"x","tag":"t"}"#);
    let change = host.save(&server, "1", r#"{"title":"B","body":"y"}"#).await;
    host.save(&server, "1", r#"{"title":"C","body":"y"}"#).await;
    let size = server.size("acme.www").await;

    let (status, plan) = revert_preview(&server, &change).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(plan["conflicts"], json!(["/title"]));
    assert_eq!(plan["reason_required"], false);
    assert_eq!(plan["set"], json!({"/body": "x", "/tag": "t"}));
    let field = |path: &str| {
        let fields = plan["fields"].as_array().unwrap();
        fields.iter().find(|field| field["path"] == path).unwrap().clone()
    };
    assert_eq!(
        field("/title"),
        json!({"path": "/title", "left": "B", "to": "A", "from": "C", "standing": "conflict"})
    );
    assert_eq!(field("/tag"), json!({"path": "/tag", "to": "t", "standing": "unchanged"}));
    assert_eq!(host.orders().len(), 0);
    assert_eq!(server.size("acme.www").await, size);
}

async fn revert_preview(server: &Server, id: &str) -> (StatusCode, Value) {
    server.post(&format!("{}?preview=true", path(id)), "").await
}

#[tokio::test]
async fn what_was_changed_since_is_not_lost() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A","body":"x"}"#);
    let change = host.save(&server, "1", r#"{"title":"B","body":"y"}"#).await;
    // Another field was changed since: it stays.
    host.save(&server, "1", r#"{"title":"B","body":"y","footer":"z"}"#).await;
    // And the title.
    let later = host.save(&server, "1", r#"{"title":"C","body":"y","footer":"z"}"#).await;
    let problem = refused(server.request(Method::POST, &path(&change)), 409, "conflict", "/title").await;
    assert_eq!(problem["errors"].as_array().unwrap().len(), 1);
    assert_eq!(host.state("1").unwrap(), r#"{"title":"C","body":"y","footer":"z"}"#);
    assert_eq!(host.orders().len(), 0);

    let (status, entry) = revert(&server, &change, json!({"overwrite": ["/title"]})).await;
    assert_eq!(status, StatusCode::CREATED, "{entry}");
    assert_eq!(host.state("1").unwrap(), r#"{"title":"A","body":"x","footer":"z"}"#);
    assert_eq!(host.orders()[0]["expected"], json!({"/title": "C", "/body": "y"}));

    // The later change is undone with it, so that there is nothing left of it to take back but the conflict.
    refused(server.request(Method::POST, &path(&later)), 409, "conflict", "/title").await;
    let body = json!({"overwrite": ["/body"]});
    refused(server.request(Method::POST, &path(&later)).json(&body), 422, "invalid_value", "overwrite").await;
}

#[tokio::test]
async fn the_host_sees_what_the_log_does_not() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A","body":"x"}"#);
    let change = host.save(&server, "1", r#"{"title":"B","body":"x"}"#).await;
    host.set("1", r#"{"title":"unlogged","body":"x"}"#);
    let size = server.size("acme.www").await;
    refused(server.request(Method::POST, &path(&change)), 409, "conflict", "/title").await;
    assert_eq!(host.state("1").unwrap(), r#"{"title":"unlogged","body":"x"}"#);
    assert_eq!(server.size("acme.www").await, size, "nothing is logged as reverted");
}

#[tokio::test]
async fn only_what_really_changed_is_listed() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A","body":"x"}"#);
    let change = host.save(&server, "1", r#"{"title":"B","body":"y"}"#).await;
    // Somebody put the title back by hand.
    host.save(&server, "1", r#"{"title":"A","body":"y"}"#).await;
    let entry = reverted(&server, &change).await;
    assert_eq!(entry["data"]["reverted_fields"], json!(["/body"]));
    assert_eq!(entry["changed"], json!(["body"]));
    assert_eq!(host.orders()[0]["set"], json!({"/body": "x"}));
    refused(server.request(Method::POST, &path(&change)), 422, "not_revertible", "-").await;
}

#[tokio::test]
async fn a_host_that_fails_leaves_nothing_half_done() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A"}"#);
    let change = host.save(&server, "1", r#"{"title":"B"}"#).await;
    let size = server.size("acme.www").await;
    for (status, text) in [
        (500, ""),
        (200, ""),
        (200, "[]"),
        (200, r#"{"before":{"title":"B"}}"#),
        (200, r#"{"before":{"title":"B"},"after":"A"}"#),
        (200, r#"{"before":{"title":"B"},"after":{"title":"A","title":"A"}}"#),
        (200, r#"{"before":{"title":"B"},"after":{"title":"B"}}"#),
        (302, ""),
        (404, "{}"),
    ] {
        host.is(Mood::Answers(status, text.to_owned()));
        refused(server.request(Method::POST, &path(&change)), 502, "host_failed", "-").await;
    }
    host.is(Mood::Answers(422, r#"{"why":"the page is locked"}"#.to_owned()));
    let problem = refused(server.request(Method::POST, &path(&change)), 422, "not_revertible", "-").await;
    assert!(problem["detail"].as_str().unwrap().contains("the page is locked"), "{problem}");
    assert_eq!(server.size("acme.www").await, size);
    assert_eq!(host.state("1").unwrap(), r#"{"title":"B"}"#);

    // The same order again: the same key.
    host.is(Mood::Well);
    reverted(&server, &change).await;
    let orders = host.orders();
    assert!(orders.iter().all(|order| order["idempotency_key"] == orders[0]["idempotency_key"]));
}

#[tokio::test]
async fn a_host_that_did_it_and_did_not_answer_is_asked_again_once() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A"}"#);
    let change = host.save(&server, "1", r#"{"title":"B"}"#).await;
    host.is(Mood::DoesAndIsSilent);
    let size = server.size("acme.www").await;
    refused(server.request(Method::POST, &path(&change)), 504, "host_slow", "-").await;
    assert_eq!(server.size("acme.www").await, size, "nothing is logged as reverted");
    assert_eq!(host.state("1").unwrap(), r#"{"title":"A"}"#);

    host.is(Mood::Well);
    let entry = reverted(&server, &change).await;
    assert_eq!(host.state("1").unwrap(), r#"{"title":"A"}"#);
    assert_eq!(entry["changes"], json!([{"path": "/title", "op": "change", "before": "B", "after": "A"}]));
    assert_eq!(server.size("acme.www").await, size + 1);
}

#[tokio::test]
async fn a_host_that_is_down_is_named() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A"}"#);
    let change = host.save(&server, "1", r#"{"title":"B"}"#).await;
    // A port that nobody listens at any more.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}/revert?key=private", listener.local_addr().unwrap());
    drop(listener);
    let connector = json!({"revert_url": gone});
    let request = server.request(Method::PUT, "/api/v1/sites/acme.www/connectors/cms").json(&connector);
    let (status, shown) = read(request.send().await.unwrap()).await;
    assert_eq!((status, &shown["has_secret"]), (StatusCode::OK, &json!(true)), "the secret stays");
    let problem = refused(server.request(Method::POST, &path(&change)), 502, "host_failed", "-").await;
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("cannot be reached at http://127.0.0.1:") && !detail.contains("private"),
        "{detail}"
    );
}

#[tokio::test]
async fn what_cannot_be_taken_back_says_why() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    let entry = |fields: &str| format!(r#"{{"connector":"cms",{fields}}}"#);
    let page = r#""entity":{"type":"page","id":"1"}"#;
    let states = r#""before":{"a":1},"after":{"a":2}"#;
    let cascade = "0193b0c6-0000-7000-8000-000000000001";
    server
        .appended(entry(&format!(
            r#""action":"cms.delete","correlation_id":"{cascade}","entity":{{"type":"page","id":"9"}},"before":{{"a":1}}"#
        )))
        .await;
    for (fields, why) in [
        (format!(r#""action":"cms.create",{page},"after":{{"a":1}}"#), "created the entity"),
        (format!(r#""action":"cms.update",{page},"after":{{"a":1}}"#), "no state before"),
        (format!(r#""action":"cms.update",{page},"before":{{"a":1}}"#), "no state after"),
        (format!(r#""action":"cms.update",{page},"before":{{"a":1}},"after":{{"a":1}}"#), "changed no field"),
        (format!(r#""action":"cms.update","outcome":"failure",{page},{states}"#), "it failed"),
        (format!(r#""action":"cms.login","kind":"access",{page},{states}"#), "change no state"),
        (
            format!(
                r#""action":"cms.settings_update","entity":{{"type":"site_settings","id":"1"}},{states}"#
            ),
            "settings of the system",
        ),
        (
            format!(r#""action":"cms.delete",{page},"before":{{"a":1}},"data":{{"cascade":["2"]}}"#),
            "other entities",
        ),
        (
            format!(r#""action":"cms.delete",{page},"before":{{"a":1}},"correlation_id":"{cascade}""#),
            "other entities",
        ),
        (
            format!(
                r#""action":"cms.update",{page},"before":{{"password":"one"}},"after":{{"password":"two"}}"#
            ),
            "masked",
        ),
        (format!(r#""action":"cms.update","entity":{{"type":"gone","id":"1"}},{states}"#), "deleted since"),
    ] {
        let id = server.appended(entry(&fields)).await["id"].as_str().unwrap().to_owned();
        if why == "deleted since" {
            let delete = r#""action":"cms.delete","entity":{"type":"gone","id":"1"},"before":{"a":2}"#;
            server.appended(entry(delete)).await;
        }
        let problem = refused(server.request(Method::POST, &path(&id)), 422, "not_revertible", "-").await;
        assert!(problem["detail"].as_str().unwrap().contains(why), "{why}: {problem}");
        if why != "deleted since" {
            let detail = server.read(&format!("/api/v1/sites/acme.www/entries/{id}")).await;
            assert_eq!(detail["revert"]["possible"], false, "{why}");
            assert!(detail["revert"]["why"].as_str().unwrap().contains(why), "{why}: {detail}");
        }
    }
    assert_eq!(host.orders().len(), 0);

    let id =
        server.appended(format!(r#"{{"action":"cms.update","connector":"other",{page},{states}}}"#)).await;
    let other = path(id["id"].as_str().unwrap());
    let problem = refused(server.request(Method::POST, &other), 422, "not_revertible", "-").await;
    assert!(problem["detail"].as_str().unwrap().contains("`other`"), "{problem}");
}

#[tokio::test]
async fn a_deletion_is_taken_back_as_a_whole() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    let delete = server
        .appended(
            r#"{"action":"cms.delete","connector":"cms","entity":{"type":"page","id":"1","title":"Home"},
               "before":{"title":"Home","n":1.0}}"#,
        )
        .await;
    let entry = reverted(&server, delete["id"].as_str().unwrap()).await;
    let state: Value = serde_json::from_str(&host.state("1").unwrap()).unwrap();
    assert_eq!(state, json!({"title": "Home", "n": 1.0}));
    assert_eq!((&entry["kind"], &entry["before"]), (&json!("create"), &json!(null)));
    let problem = refused(
        server.request(Method::POST, &path(delete["id"].as_str().unwrap())),
        422,
        "not_revertible",
        "-",
    )
    .await;
    assert!(problem["detail"].as_str().unwrap().contains("there again"), "{problem}");
}

#[tokio::test]
async fn what_went_to_a_trash_comes_back_from_there() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"Home","status":"trash"}"#);
    let trash = server
        .appended(
            r#"{"action":"wp.posts.trashed","connector":"cms","entity":{"type":"page","id":"1","title":"Home"},
               "before":{"title":"Home","status":"publish"},"after":{"title":"Home","status":"trash"}}"#,
        )
        .await;
    let entry = reverted(&server, trash["id"].as_str().unwrap()).await;
    let state: Value = serde_json::from_str(&host.state("1").unwrap()).unwrap();
    assert_eq!(state, json!({"title": "Home", "status": "publish"}));
    assert_eq!((&entry["kind"], &entry["data"]["reverted_fields"]), (&json!("update"), &json!(["/status"])));
}

#[tokio::test]
async fn only_those_may_who_may_and_only_on_their_site() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A"}"#);
    let change = host.save(&server, "1", r#"{"title":"B"}"#).await;
    for role in [Role::Auditor, Role::Writer] {
        let token = server.token(role, Some("acme.www"));
        refused(server.request_as(&token, Method::POST, &path(&change)), 403, "forbidden", "-").await;
    }
    let foreign = server.token(Role::Owner, Some("acme.docs"));
    refused(server.request_as(&foreign, Method::POST, &path(&change)), 404, "unknown_site", "-").await;
    let elsewhere = path(&change).replace("acme.www", "acme.docs");
    refused(server.request(Method::POST, &elsewhere), 404, "not_found", "-").await;
    let nobody = server.client.post(server.url(&path(&change)));
    refused(nobody, 401, "unauthenticated", "-").await;
    assert_eq!(host.orders().len(), 0);
    let admin = server.token(Role::Admin, Some("acme.www"));
    let (status, entry) =
        read(server.request_as(&admin, Method::POST, &path(&change)).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::CREATED, "{entry}");
    assert_eq!(entry["actor"], json!({"type": "user", "name": "admin", "roles": ["admin"]}));
    let change = server.read(&format!("/api/v1/sites/acme.www/entries/{change}")).await;
    assert_eq!(change["reverted_by"], entry["id"]);
    // What is back already is not offered again, until it is changed again.
    let offered = |entry: &Value| entry["revert"].clone();
    let why = "everything that it changed is already as it was before";
    assert_eq!(offered(&change), json!({"possible": false, "why": why}));
    host.save(&server, "1", r#"{"title":"B"}"#).await;
    let change =
        server.read(&format!("/api/v1/sites/acme.www/entries/{}", change["id"].as_str().unwrap())).await;
    assert_eq!(offered(&change)["possible"], true, "{change}");
}

#[tokio::test]
async fn a_site_can_ask_for_reasons() {
    let server = Server::start().await;
    let host = Host::start(&server).await;
    host.set("1", r#"{"title":"A"}"#);
    let change = host.save(&server, "1", r#"{"title":"B"}"#).await;
    let settings = |body: Value| server.request(Method::PUT, "/api/v1/sites/acme.www/settings").json(&body);
    let set = settings(json!({"require_reason": true})).send().await.unwrap();
    assert_eq!(set.status(), StatusCode::OK);
    refused(server.request(Method::POST, &path(&change)), 422, "missing_field", "reason").await;
    let blank = json!({"reason": "  "});
    refused(server.request(Method::POST, &path(&change)).json(&blank), 422, "missing_field", "reason").await;
    let (_, plan) = revert_preview(&server, &change).await;
    assert_eq!(plan["reason_required"], true);
    reverted(&server, &change).await;

    // Entries of people too, and the sender is told by field.
    let person =
        r#"{"action":"page.update","actor":{"type":"user","id":"1"},"entity":{"type":"page","id":"1"}"#;
    let append = "/api/v1/sites/acme.www/entries";
    refused(server.request(Method::POST, append).body(format!("{person}}}")), 422, "missing_field", "reason")
        .await;
    server.appended(format!(r#"{person},"reason":"ticket 91"}}"#)).await;
    server.appended(r#"{"action":"page.update","entity":{"type":"page","id":"1"}}"#).await;

    // Or only some.
    settings(json!({"require_reason": "entity.type:ratecard kind:update"})).send().await.unwrap();
    let of = |kind: &str| format!(r#"{{"action":"x.update","entity":{{"type":"{kind}","id":"1"}}}}"#);
    refused(server.request(Method::POST, append).body(of("ratecard")), 422, "missing_field", "reason").await;
    server.appended(of("page")).await;

    for (body, field) in [
        (json!({"require_reason": "kind:("}), "require_reason"),
        (json!({"require_reason": 1}), "require_reason"),
        (json!({"mask_fields": "iban"}), "mask_fields"),
        (json!({"mask_fields": [""]}), "mask_fields"),
        (json!({"colour": 1}), "colour"),
    ] {
        refused(settings(body), 422, "invalid_value", field).await;
    }
    let now = server.read("/api/v1/sites/acme.www/settings").await;
    assert_eq!(
        now,
        json!({"require_reason": "entity.type:ratecard kind:update", "mask_fields": [], "noise_fields": model::diff::NoiseRules::DEFAULT, "public_log": false, "visibility": {},
            "network_only": false, "audit_log_retention_days": null,
            "retention": {"effective": 365, "source": "system"}, "hold": false})
    );
    let log = server.read("/api/v1/sites/acme.www/entries?action=indelible.site.settings").await;
    assert_eq!(log["data"].as_array().unwrap().len(), 2);
    let auditor = server.token(Role::Auditor, Some("acme.www"));
    let read_settings = server.request_as(&auditor, Method::GET, "/api/v1/sites/acme.www/settings");
    refused(read_settings, 403, "forbidden", "-").await;
}

#[tokio::test]
async fn what_is_masked_is_never_stored() {
    let server = Server::start().await;
    let request = server.request(Method::PUT, "/api/v1/sites/acme.www/settings");
    let set = request.json(&json!({"mask_fields": ["iban", "card.number"]})).send().await.unwrap();
    assert_eq!(set.status(), StatusCode::OK);
    let entry = r#"{"action":"user.update","entity":{"type":"user","id":"1"},
        "before":{"name":"Ana","password":"hush-1","IBAN":"DE00-secret","card":{"number":4111,"type":"x"}},
        "after":{"name":"Ana","password":"hush-2","IBAN":"DE00-secret","card":{"number":4111,"type":"y"}},
        "data":{"sent":"{\"totp_seed\":\"hush-3\"}","token_count":5},
        "origin":{"query":"q=1&token=hush-4"}}"#;
    let receipt = server.appended(entry).await;
    let shown =
        server.read(&format!("/api/v1/sites/acme.www/entries/{}", receipt["id"].as_str().unwrap())).await;
    let changed: Vec<&str> = shown["changed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(changed, ["password", "card"]);
    assert_ne!(shown["before"]["password"], shown["after"]["password"]);
    assert_eq!(shown["before"]["IBAN"], shown["after"]["IBAN"]);
    assert_eq!(shown["data"]["token_count"], 5);
    let text = shown.to_string();
    for secret in ["hush", "DE00", "4111"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    // Not in the files either.
    let directory = server.stop().await;
    for file in std::fs::read_dir(directory.path())
        .unwrap()
        .filter_map(|file| std::fs::read(file.unwrap().path()).ok())
    {
        let text = String::from_utf8_lossy(&file);
        assert!(!text.contains("hush-") && !text.contains("DE00-secret"));
    }
}
