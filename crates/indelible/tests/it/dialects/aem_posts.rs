//! What clients post to the AEM log API.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, LOG, entries, post, posted};
use crate::support::{Server, token};

#[tokio::test]
async fn entries_are_stamped_and_kept_as_they_came() {
    let server = Server::start().await;
    let scheduler =
        token(&server.indelible, "ana@example.com", Role::Aem(model::AemRole::Publish), Some("acme.www"));
    let record = json!({
        "route": "schedule-page-intent", "nonce": "n-81f", "path": "/news/spring",
        "scheduledPublish": "2026-06-01T06:00:00Z", "nested": {"a": [1, null, 2.50]}, "big": 9_007_199_254_740_993_u64,
        "timestamp": 1, "user": "boss@example.com", "org": "o", "site": "s", "owner": "ow", "repo": "r", "ref": "x",
        "contentBusId": "2c1b9f0d5e", "ip": "203.0.113.7", "indelible": {"id": "mine"},
    });
    let request = server
        .request_as(&scheduler, Method::POST, "/log/acme/www/stage")
        .json(&json!({"entries": [record]}));
    let answer = Answer::of(request.header("user-agent", "scheduler/1").send().await.unwrap()).await;
    assert_eq!((answer.status, answer.body.as_str()), (201, ""));
    assert_eq!(answer.kind.as_deref(), Some("text/plain; charset=utf-8"));

    let found = entries(&server, "since=5m").await.remove(0);
    let own = server.read("/api/v1/sites/acme.www/entries").await["data"][0].clone();
    let time: jiff::Timestamp = own["occurred_at"].as_str().unwrap().parse().unwrap();
    let mut expected = record.clone();
    let stamps = json!({
        "timestamp": time.as_millisecond(), "user": "ana@example.com", "org": "acme", "site": "www", "owner": "acme",
        "repo": "www", "ref": "stage",
        "indelible": {"id": own["id"], "index": 0, "action": "aem.schedule-page-intent.custom", "origin": "client"},
    });
    for (key, value) in stamps.as_object().unwrap() {
        expected[key] = value.clone();
    }
    assert_eq!(found, expected);

    // In our own model it is what it is: something that a client wrote.
    assert_eq!(own["action"], "aem.schedule-page-intent.custom");
    assert_eq!(own["actor"]["email"], "ana@example.com");
    assert_eq!(own["entity"]["id"], "/news/spring");
    assert_eq!(own["origin"]["channel"], "client");
    assert_eq!(own["origin"]["ip"], "127.0.0.1", "the address that it came from, not the one it names");
    assert_eq!(own["origin"]["user_agent"], "scheduler/1");
    assert_eq!(own["connector"], "aem");
    assert_eq!(own["data"]["user"], "boss@example.com", "what was claimed is kept");
    let forged = server.read("/api/v1/sites/acme.www/entries?q=channel:client&count=exact").await;
    assert_eq!(forged["page"]["total"], 1);
}

#[tokio::test]
async fn operations_that_clients_write_are_known_by_their_codes() {
    let server = Server::start().await;
    let record = r#"{"route":"live","method":"DELETE","path":"/a","duration":467,"status":500,"error":"no","search":"?force=true"}"#;
    posted(&server, &[record]).await;
    let own = server.read("/api/v1/sites/acme.www/entries").await["data"][0].clone();
    assert_eq!(
        (&own["action"], &own["kind"], &own["outcome"]),
        (&json!("aem.unpublish"), &json!("update"), &json!("failure"))
    );
    assert_eq!(own["entity"], json!({"type": "page", "id": "/a"}));
    assert_eq!(own["duration_ms"], 467);
    assert_eq!(own["errors"], json!(["no"]));
    let origin = &own["origin"];
    assert_eq!(
        (&origin["route"], &origin["method"], &origin["path"]),
        (&json!("live"), &json!("DELETE"), &json!("/a"))
    );
    assert_eq!((&origin["query"], &origin["ref"]), (&json!("force=true"), &json!("main")));
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_as_a_whole() {
    let server = Server::start().await;
    let eleven = format!(r#"{{"entries":[{}]}}"#, ["{}"; 11].join(","));
    let no_array = "Adding logs requires an array in 'entries'";
    for (body, text) in [
        ("", no_array),
        ("{}", no_array),
        ("[]", no_array),
        ("5", no_array),
        ("null", no_array),
        (r#"{"entries":{}}"#, no_array),
        (r#"{"entries":null}"#, no_array),
        (r#"{"entries":"[]"}"#, no_array),
        (eleven.as_str(), "Array in 'entries' should not contain more than 10 messages"),
        ("{", "error parsing request body"),
        (r#"{"entries":[{]}"#, "error parsing request body"),
        ("entries", "error parsing request body"),
        (r#"{"entries":[{},null]}"#, "Each of 'entries' should be an object, entry 1 is not"),
        (r#"{"entries":["text"]}"#, "Each of 'entries' should be an object, entry 0 is not"),
        (
            r#"{"entries":[{},{"a":1,"a":2}]}"#,
            "Entry 1 of 'entries' is refused: `data/a`: this key is given twice in one object",
        ),
        (
            r#"{"entries":[{"$serde_json::private::Number":"1e400"}]}"#,
            "Entry 0 of 'entries' is refused: `data`: the key `$serde_json::private::Number` is reserved",
        ),
    ] {
        let answer = post(&server, body).await;
        assert_eq!((answer.status, answer.body.as_str()), (400, ""), "{body}");
        assert_eq!(answer.error.as_deref(), Some(text), "{body}");
        assert_eq!(answer.kind.as_deref(), Some("text/plain; charset=utf-8"));
    }
    let large = format!(r#"{{"entries":[{{}},{{"text":"{}"}}]}}"#, "x".repeat(3_000_000));
    assert_eq!(post(&server, &large).await.status, 413);
    assert_eq!(post(&server, &" ".repeat(12_000_000)).await.status, 413);
    let deep = format!(r#"{{"entries":[{{"a":{}{}}}]}}"#, "[".repeat(90), "]".repeat(90));
    assert_eq!(post(&server, &deep).await.status, 400);
    assert_eq!(server.size("acme.www").await, 0, "nothing of any of them is in the log");
    assert_eq!(post(&server, r#"{"entries":[]}"#).await.status, 201);
}

#[tokio::test]
async fn only_json_is_read_as_json() {
    let server = Server::start().await;
    for (kind, status) in [
        (Some("application/json"), 201),
        (Some("Application/JSON; charset=utf-8"), 201),
        (Some("text/plain"), 400),
        (Some("application/x-www-form-urlencoded"), 400),
        (None, 400),
    ] {
        let mut request = server.request(Method::POST, LOG).body(r#"{"entries":[]}"#);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = Answer::of(request.send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{kind:?}");
        let error = (status == 400).then_some("Adding logs requires an array in 'entries'");
        assert_eq!(answer.error.as_deref(), error, "{kind:?}");
    }
}

/// Method, route, and our action.
type Told = (&'static str, &'static str, &'static str);

/// The table of seed 004: what each button of the sidekick leaves in the log.
#[tokio::test]
async fn the_buttons_of_the_sidekick() {
    let buttons: [(&str, &[Told]); 5] = [
        ("Preview", &[("POST", "preview", "aem.preview")]),
        ("Reload", &[("POST", "preview", "aem.preview")]),
        ("Publish", &[("POST", "live", "aem.publish")]),
        ("Unpublish", &[("DELETE", "live", "aem.unpublish")]),
        ("Delete", &[("DELETE", "preview", "aem.unpreview"), ("DELETE", "live", "aem.unpublish")]),
    ];
    for (button, records) in buttons {
        let server = Server::start().await;
        for (method, route, _) in records {
            posted(
                &server,
                &[&format!(r#"{{"method":"{method}","route":"{route}","path":"/news/spring"}}"#)],
            )
            .await;
        }
        // The same over our own API, where the code alone says which operation it was.
        for (.., action) in records {
            let entry = json!({"action": action, "entity": {"type": "page", "id": "/news/spring"}});
            server.appended(entry.to_string()).await;
        }
        let found = entries(&server, "since=5m").await;
        let pairs: Vec<_> =
            found.iter().map(|entry| (&entry["method"], &entry["route"], &entry["path"])).collect();
        let expected: Vec<[Value; 3]> = records
            .iter()
            .chain(records)
            .map(|(method, route, _)| [json!(method), json!(route), json!("/news/spring")])
            .collect();
        let expected: Vec<_> = expected.iter().map(|[method, route, path]| (method, route, path)).collect();
        assert_eq!(pairs, expected, "{button}");
        let own = server.read("/api/v1/sites/acme.www/entries?sort=timestamp").await;
        let actions: Vec<_> =
            own["data"].as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        let expected: Vec<_> = records.iter().chain(records).map(|(.., action)| *action).collect();
        assert_eq!(actions, expected, "{button}");
    }
}
