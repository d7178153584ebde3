//! Erasure, holds and retention as clients of the API and people at the terminal see them.

use model::Role;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use serde_json::{Value, json};

use crate::program::Place;
use crate::support::{Server, entry, refused};

const ERASURES: &str = "/api/v1/sites/acme.www/erasures";

async fn erase(server: &Server, id: &str, sections: Value) -> Value {
    let body = json!({"entry_id": id, "sections": sections, "reason": "request 7"});
    let (status, told) = server.post(ERASURES, body.to_string()).await;
    assert_eq!(status, 201, "{told}");
    told
}

#[tokio::test]
async fn an_erased_section_is_gone_everywhere_and_the_proof_stays() {
    let server = Server::start().await;
    let fields = r#","actor":{"type":"user","name":"Ana"},"origin":{"ip":"203.0.113.9"},"before":{"a":1},"after":{"a":2}"#;
    let receipt = server.appended(entry(fields)).await;
    let id = receipt["id"].as_str().unwrap();
    let path = format!("/api/v1/sites/acme.www/entries/{id}");
    let before = server.read(&path).await;
    assert_eq!(before["proof"]["content"], "present");
    assert!(before.get("erased").is_none() && before.get("erasures").is_none());

    let told = erase(&server, id, json!(["origin", "change"])).await;
    assert_eq!(told["action"], "indelible.erasure");
    assert_eq!(told["reason"], "request 7");
    assert_eq!(told["data"]["erased"][0]["sections"], json!(["origin", "change"]));

    let after = server.read(&path).await;
    assert_eq!(after["erased"], json!(["origin", "change"]));
    assert_eq!(after["leaf_hash"], before["leaf_hash"]);
    assert!(after.get("origin").is_none() && after["before"].is_null() && after["changes"] == json!([]));
    assert_eq!(after["actor"]["name"], "Ana");
    assert_eq!(after["proof"]["content"], "erased");
    assert_eq!(after["erasures"][0]["section"], "origin");
    assert_eq!(after["erasures"][0]["by_index"], told["index"]);
    assert_eq!(after["erasures"][0]["reason"], "request 7");
    assert_eq!(
        server.read("/api/v1/sites/acme.www/entries?ip=203.0.113.9&count=exact").await["page"]["total"],
        0
    );
    let listed = server.read("/api/v1/sites/acme.www/entries?action=page.update").await;
    assert_eq!(listed["data"][0]["erased"], json!(["origin", "change"]));
    let export =
        server.request(Method::GET, "/api/v1/sites/acme.www/export?format=ndjson").send().await.unwrap();
    let export = export.text().await.unwrap();
    assert!(
        !export.contains("203.0.113.9") && export.contains(r#""erased":["origin","change"]"#),
        "{export}"
    );
    let state = server.read("/api/v1/sites/acme.www/entities/page/1/state").await;
    assert_eq!((&state["exists"], &state["complete"]), (&json!(true), &json!(false)), "{state}");
    assert!(state["unknown"][0]["why"].as_str().unwrap().contains("was erased"), "{state}");
    // Sent again, it is still the same entry.
    let again = entry(&format!(r#","id":"{id}"{fields}"#));
    let (status, known) = server.append(again).await;
    assert_eq!((status.as_u16(), &known["index"]), (200, &receipt["index"]));
}

#[tokio::test]
async fn wrong_requests_are_told() {
    let server = Server::start().await;
    let receipt = server.appended(entry(r#","origin":{"ip":"203.0.113.9"}"#)).await;
    let id = receipt["id"].as_str().unwrap();
    let ask = |body: Value| {
        server.request(Method::POST, ERASURES).header(CONTENT_TYPE, "application/json").body(body.to_string())
    };
    let body = |id: &str, sections: Value, reason: &str| json!({"entry_id": id, "sections": sections, "reason": reason});
    refused(ask(body(id, json!(["ip"]), "r")), 422, "invalid_value", "sections").await;
    refused(ask(body(id, json!(["source"]), "r")), 422, "invalid_value", "sections").await;
    refused(ask(body(id, json!([]), "r")), 422, "invalid_value", "sections").await;
    refused(ask(body(id, json!(["change"]), "r")), 422, "nothing_to_erase", "sections").await;
    refused(ask(body(id, json!(["origin"]), " ")), 422, "missing_field", "reason").await;
    refused(ask(body("nothing", json!(["origin"]), "r")), 404, "not_found", "-").await;
    let told = erase(&server, id, json!(["origin"])).await;
    refused(ask(body(id, json!(["origin"]), "r")), 422, "nothing_to_erase", "sections").await;
    refused(ask(body(told["id"].as_str().unwrap(), json!(["actor"]), "r")), 422, "kept", "entry_id").await;
}

#[tokio::test]
async fn a_hold_is_the_owners_and_retention_the_admins() {
    let server = Server::start().await;
    let receipt = server.appended(entry(r#","origin":{"ip":"203.0.113.9"}"#)).await;
    let id = receipt["id"].as_str().unwrap().to_owned();
    let path = "/api/v1/sites/acme.www/settings";
    let put = |token: &str, body: Value| {
        server
            .request_as(token, Method::PUT, path)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string())
    };
    let admin = server.token(Role::Admin, Some("acme.www"));
    let owner = server.token(Role::Owner, Some("acme.www"));
    refused(put(&admin, json!({"hold": true})), 403, "forbidden", "-").await;
    let (status, settings) =
        crate::support::json(put(&owner, json!({"hold": true})).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &settings["hold"]), (200, &json!(true)));
    let body = json!({"entry_id": id, "sections": ["origin"], "reason": "r"});
    let erasure = |body: &Value| {
        server
            .request_as(&owner, Method::POST, ERASURES)
            .header(CONTENT_TYPE, "application/json")
            .body(body.to_string())
    };
    refused(erasure(&body), 409, "held", "-").await;

    assert_eq!(settings["audit_log_retention_days"], Value::Null);
    assert_eq!(settings["retention"], json!({"effective": 365, "source": "system"}));
    let (_, settings) =
        crate::support::json(put(&admin, json!({"audit_log_retention_days": 30})).send().await.unwrap())
            .await;
    assert_eq!(settings["audit_log_retention_days"], 30);
    assert_eq!(settings["retention"]["effective"], 365, "lowered, so that it waits");
    assert!(settings["retention"]["lowered_until"].is_string());
    for (value, stored) in [
        (json!(0), json!(1)),
        (json!(-4), json!(1)),
        (json!("forever"), json!("forever")),
        (Value::Null, Value::Null),
    ] {
        let (status, settings) = crate::support::json(
            put(&admin, json!({"audit_log_retention_days": value})).send().await.unwrap(),
        )
        .await;
        assert_eq!((status.as_u16(), &settings["audit_log_retention_days"]), (200, &stored), "{value}");
    }
    for wrong in [json!("30"), json!(1.5), json!(40_000), json!(true), json!([])] {
        refused(
            put(&admin, json!({"audit_log_retention_days": wrong})),
            422,
            "invalid_value",
            "audit_log_retention_days",
        )
        .await;
    }
    refused(put(&owner, json!({"hold": "yes"})), 422, "invalid_value", "hold").await;
    let system = server
        .request(Method::PUT, "/api/v1/sites/_system/settings")
        .header(CONTENT_TYPE, "application/json");
    refused(
        system.body(r#"{"audit_log_retention_days":1}"#),
        422,
        "invalid_value",
        "audit_log_retention_days",
    )
    .await;
    let log: Value = server.read("/logs/acme.www/log.v1.json").await;
    assert_eq!(log["retention"], json!({"content_days": "forever", "hold": true, "leaves": "forever"}));
}

#[test]
fn the_terminal_erases_and_lets_expire() {
    let place = Place::new();
    place.write(
        "old.ndjson",
        r#"{"action":"page.update","occurred_at":"2020-01-01T00:00:00Z","entity":{"type":"page","id":"1"}}"#,
    );
    place.write("new.ndjson", r#"{"id":"0193b0c6-0000-7000-8000-000000000001","action":"page.update","entity":{"type":"page","id":"1"},"origin":{"ip":"203.0.113.9"},"summary":"s"}"#);
    place.does("import --site acme.www --format ndjson old.ndjson");
    place.does("import --site acme.www --format ndjson new.ndjson");
    let id = "0193b0c6-0000-7000-8000-000000000001";
    let ran =
        place.run(&format!("erase --site acme.www --entry {id} --section origin,context --reason ticket"));
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("erased; the entry "), "{}", ran.err);
    let again = place.run(&format!("erase --site acme.www --entry {id} --section origin --reason ticket"));
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("nothing to erase"), "{}", again.err);
    let usage = place.run(&format!("erase --site acme.www --entry {id} --section ip --reason ticket"));
    assert_eq!(usage.code, Some(2));
    assert!(usage.err.contains("use actor, origin, entity, change or context"), "{}", usage.err);
    let usage = place.run("erase --site acme.www --entry zz --section origin --reason ticket");
    assert_eq!(usage.code, Some(2));
    assert!(usage.err.contains("not the id of an entry, a UUID such as"), "{}", usage.err);

    let dry = place.run("retention run --dry-run");
    assert_eq!(dry.code, Some(0), "{}", dry.err);
    assert!(dry.out.contains("1 entries from 0 to 0 would expire"), "{}", dry.out);
    let run = place.run("retention run");
    assert!(run.out.contains("1 entries from 0 to 0 expired"), "{} {}", run.out, run.err);
    let verify = place.run("verify --site acme.www");
    assert_eq!(verify.code, Some(0), "{} {}", verify.out, verify.err);
    assert!(
        verify.out.contains("acme.www: 4 entries verify (1 with erased sections, 1 expired), root "),
        "{}",
        verify.out
    );
    // What is told is what a run with the same settings does, whatever was in force before.
    let other = Place::new();
    other.does("retention run");
    other.write(
        "old.ndjson",
        r#"{"action":"page.update","occurred_at":"2020-01-01T00:00:00Z","entity":{"type":"page","id":"1"}}"#,
    );
    other.does("import --site acme.www --format ndjson old.ndjson");
    let other = other.with("APP__AUDIT__RETENTION_DAYS", "forever");
    for line in ["retention run --dry-run", "retention run"] {
        let ran = other.run(line);
        assert!(
            ran.out.contains("forever") && ran.out.contains("nothing is old enough"),
            "{line}: {}",
            ran.out
        );
    }
    let nothing = place.run("retention run");
    assert!(nothing.out.contains("nothing is old enough"), "{}", nothing.out);
    let wrong = Place::new().with("APP__AUDIT__RETENTION_DAYS", "soon").run("retention run");
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.err.contains("audit.retention_days"), "{}", wrong.err);
    let forever = Place::new().with("APP__AUDIT__RETENTION_DAYS", "forever").run("retention run");
    assert!(forever.out.contains("forever"), "{} {}", forever.out, forever.err);
    let clamped = Place::new().with("APP__AUDIT__RETENTION_DAYS", "0").run("retention run --dry-run");
    assert!(clamped.out.contains("1 day"), "{} {}", clamped.out, clamped.err);
}

#[tokio::test]
async fn an_expired_entry_says_so_and_is_still_proven() {
    let place = Place::new();
    place.write("old.ndjson", r#"{"id":"0193b0c6-0000-7000-8000-000000000001","action":"page.update","occurred_at":"2020-01-01T00:00:00Z","entity":{"type":"page","id":"1"}}"#);
    place.does("import --site acme.www --format ndjson old.ndjson");
    place.does("retention run");
    let directory = place.into_data();
    let server = Server::start_in(directory).await;
    let path = "/api/v1/sites/acme.www/entries/0193b0c6-0000-7000-8000-000000000001";
    let problem = refused(server.request(Method::GET, path), 410, "expired", "-").await;
    assert!(
        problem["detail"].as_str().unwrap().contains("kept for 365 days, and entry 1 tells"),
        "{problem}"
    );
    let proof = server.request(Method::GET, &format!("{path}/proof")).send().await.unwrap();
    assert_eq!(proof.status(), 200);
    assert!(proof.text().await.unwrap().starts_with("c2sp.org/tlog-proof@v1"));
    assert_eq!(server.size("acme.www").await, 1, "only the entry that tells of the expiry is listed");
}

/// Signs in on the pages and returns the cookie.
pub(crate) async fn sign_in(server: &Server, token: &str) -> String {
    let form = format!("token={token}");
    let response = server.client.post(server.url("/sign-in")).body(form).send().await.unwrap();
    response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_pages_show_what_is_kept_and_what_was_erased() {
    let server = Server::start().await;
    let fields = r#","actor":{"type":"user","name":"Ana"},"origin":{"ip":"203.0.113.9"},"before":{"a":1},"after":{"a":2}"#;
    let receipt = server.appended(entry(fields)).await;
    let id = receipt["id"].as_str().unwrap();
    let told = erase(&server, id, json!(["origin", "change"])).await;
    let owner = sign_in(&server, &server.token(Role::Owner, Some("acme.www"))).await;
    let admin = sign_in(&server, &server.token(Role::Admin, Some("acme.www"))).await;
    let auditor = sign_in(&server, &server.token(Role::Auditor, Some("acme.www"))).await;
    let get = async |cookie: &str, path: &str| {
        let response = server.client.get(server.url(path)).header(COOKIE, cookie).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let post = async |cookie: &str, form: &'static str| {
        let request = server.client.post(server.url("/sites/acme.www/settings")).header(COOKIE, cookie);
        request.body(form).send().await.unwrap().status().as_u16()
    };
    let (status, page) = get(&auditor, &format!("/sites/acme.www/entries/{id}")).await;
    assert_eq!(status, 200);
    assert!(page.contains("Erased on request: origin, change."), "{page}");
    assert!(
        page.contains(told["id"].as_str().unwrap()) && page.contains("have been removed since"),
        "{page}"
    );
    assert!(!page.contains("203.0.113.9"));

    let retention = "/sites/acme.www/settings";
    assert_eq!(get(&auditor, retention).await.0, 403);
    // Where it was before: the way on is for those who may go it.
    assert_eq!(get(&auditor, "/sites/acme.www/retention").await.0, 403);
    assert_eq!(get(&admin, "/sites/acme.www/retention").await.0, 308);
    let (_, page) = get(&admin, retention).await;
    assert!(
        page.contains("365 days, the default of all sites") && page.contains("Nothing is old enough"),
        "{page}"
    );
    assert!(page.contains("Owners set and lift holds") && !page.contains("Set a hold"), "{page}");
    assert_eq!(post(&admin, "part=retention&keep=days&days=30").await, 303);
    let (_, page) = get(&admin, retention).await;
    assert!(page.contains("365 days, set for this site") && page.contains("30 days, from"), "{page}");
    assert_eq!(post(&admin, "part=retention&keep=days&days=soon").await, 422);
    assert_eq!(post(&admin, "part=hold&hold=on").await, 403);
    assert_eq!(post(&owner, "part=hold&hold=on").await, 303);
    let (_, page) = get(&owner, retention).await;
    assert!(page.contains("A hold is on: nothing expires") && page.contains("Lift the hold"), "{page}");
    assert_eq!(post(&auditor, "part=retention&keep=forever").await, 403);
}
