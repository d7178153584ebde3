//! The filter language, facets and exports from outside.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, refused};

const LIST: &str = "/api/v1/sites/acme.www/entries";

async fn server() -> Server {
    let server = Server::start().await;
    let name = |number: u32| *["Ana", "Ben", "=Cleo"].iter().cycle().nth(number.try_into().unwrap()).unwrap();
    let entry = |number: u32, kind: &str, ip: &str, title: &str| {
        json!({
            "occurred_at": format!("2026-11-{:02}T10:00:00Z", number + 1), "action": format!("page.{kind}"),
            "entity": {"type": "page", "id": number.to_string(), "title": title},
            "actor": {"type": "user", "id": (number % 3).to_string(), "name": name(number)},
            "origin": {"ip": ip}, "before": {"title": "Old", "account": 1735}, "after": {"title": title, "account": 1735},
            "data": {"ingress": format!("IN-{number}-4711"), "big": 9_007_199_254_740_993_u64},
        })
    };
    for (number, kind, ip, title) in [
        (0, "create", "203.0.113.9", "Harbour"),
        (1, "update", "203.0.113.10", "Winter market"),
        (2, "update", "10.0.0.1", "Market in winter"),
        (3, "delete", "2001:db8::1", "a;b"),
    ] {
        server.appended(entry(number, kind, ip, title).to_string()).await;
    }
    server
}

async fn found(server: &Server, q: &str) -> Vec<String> {
    let query = serde_urlencoded::to_string([("q", q), ("sort", "timestamp")]).unwrap();
    let answer = server.read(&format!("{LIST}?{query}")).await;
    let titles = answer["data"].as_array().unwrap().iter();
    titles.map(|entry| entry["entity"]["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn one_language_finds_anything() {
    let server = server().await;
    for (q, expected) in [
        ("harbour", &["0"][..]),
        ("market winter", &["1", "2"]),
        ("\"winter market\"", &["1"]),
        ("4711", &["0", "1", "2", "3"]),
        ("in-2-47*", &["2"]),
        ("*711", &["0", "1", "2", "3"]),
        ("1735 -kind:delete", &["0", "1", "2"]),
        ("data.ingress:in-2-*", &["2"]),
        ("ip:203.0.113.0/24", &["0", "1"]),
        ("ip:2001:db8::/32", &["3"]),
        ("action:(page.create OR page.delete)", &["0", "3"]),
        ("created>=2026-11-02 created<2026-11-04", &["1", "2"]),
        ("data.big:9007199254740993", &["0", "1", "2", "3"]),
        ("data.big>9007199254740992 kind:delete", &["3"]),
        ("changed:title actor:ana", &["0", "3"]),
        ("changed:account", &[]),
        ("(kind:create OR kind:delete) NOT actor:ben", &["0", "3"]),
    ] {
        assert_eq!(found(&server, q).await, expected, "{q}");
    }
    let both = server.read(&format!("{LIST}?user=Ana&q=kind:delete&count=exact")).await;
    assert_eq!(both["page"]["total"], 1, "the language and the parameters must both hold");
}

#[tokio::test]
async fn mistakes_say_where_they_are() {
    let server = server().await;
    for route in [
        LIST.to_owned(),
        format!("{LIST}/tail"),
        "/api/v1/entries".to_owned(),
        "/api/v1/sites/acme.www/facets".to_owned(),
        "/api/v1/sites/acme.www/export".to_owned(),
    ] {
        let problem = refused(
            server.request(Method::GET, &format!("{route}?q=home+acton:login")),
            422,
            "filter_syntax",
            "q",
        )
        .await;
        let error = &problem["errors"][0];
        assert_eq!((&error["position"], &error["length"]), (&json!(5), &json!(5)), "{route}: {error}");
        assert_eq!(error["hint"], "Did you mean `action`?");
    }
    for (q, expected) in [
        ("(a", json!(["`)`"])),
        (
            "created>=yesterday",
            json!([
                "a day such as `2026-11-21`",
                "a time such as `2026-11-21T04:15:15Z`",
                "a range `FROM..TO`"
            ]),
        ),
        ("ip:203.0.113.0/99", json!([])),
        ("*a*", json!([])),
    ] {
        let query = serde_urlencoded::to_string([("q", q)]).unwrap();
        let problem =
            refused(server.request(Method::GET, &format!("{LIST}?{query}")), 422, "filter_syntax", "q").await;
        assert_eq!(problem["errors"][0]["expected"], expected, "{q}");
    }
    let huge = "a+".repeat(2500);
    refused(server.request(Method::GET, &format!("{LIST}?q={huge}")), 422, "filter_syntax", "q").await;
}

#[tokio::test]
async fn values_and_days_are_counted() {
    let server = server().await;
    let route = "/api/v1/sites/acme.www/facets";
    let counted = server.read(&format!("{route}?fields=actor,kind,ip&histogram=week")).await;
    assert_eq!(counted["total"], 4);
    assert_eq!(
        counted["facets"]["actor"],
        json!([{"value": "Ana", "count": 2}, {"value": "=Cleo", "count": 1}, {"value": "Ben", "count": 1}])
    );
    assert_eq!(counted["facets"]["kind"][0], json!({"value": "update", "count": 2}));
    assert_eq!(counted["facets"]["ip"].as_array().unwrap().len(), 4);
    assert_eq!(
        counted["histogram"],
        json!([
            {"start": "2026-10-26T00:00:00Z", "count": 1, "kinds": {"create": 1}},
            {"start": "2026-11-02T00:00:00Z", "count": 3, "kinds": {"update": 2, "delete": 1}},
        ])
    );
    let some = server.read(&format!("{route}?fields=entity_id&values=1&q=kind:update")).await;
    assert_eq!(some["facets"]["entity_id"], json!([{"value": "1", "count": 1}]));
    assert_eq!(some["other"], json!({"entity_id": 1}));
    assert_eq!(some["histogram"], Value::Null);
    let everywhere = server.read("/api/v1/facets?fields=site&q=kind:update").await;
    assert_eq!(everywhere["facets"]["site"], json!([{"value": "acme.www", "count": 2}]));
    for (query, field) in [
        ("fields=colour", "fields"),
        ("fields=timestamp", "fields"),
        ("histogram=decade", "histogram"),
        ("values=0", "values"),
        ("limit=3", "limit"),
        ("colour=red", "colour"),
    ] {
        let problem = server.request(Method::GET, &format!("{route}?{query}")).send().await.unwrap();
        assert_eq!(problem.status(), 422, "{query}");
        let problem: Value = problem.json().await.unwrap();
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
    let old =
        json!({"action": "a", "entity": {"type": "t", "id": "1"}, "occurred_at": "1990-01-01T00:00:00Z"});
    for year in 0..3 {
        let mut entry = old.clone();
        entry["occurred_at"] = json!(format!("19{year}0-01-01T00:00:00Z"));
        server.appended(entry.to_string()).await;
    }
    assert_eq!(
        server.read(&format!("{route}?histogram=minute&q=action:a")).await["histogram"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn exports_have_what_is_filtered() {
    let server = server().await;
    let export = async |query: &str| {
        let answer = server
            .request(Method::GET, &format!("/api/v1/sites/acme.www/export?{query}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{query}");
        let name = answer.headers()["content-disposition"].to_str().unwrap().to_owned();
        (name, answer.text().await.unwrap())
    };
    let (name, text) = export("q=kind:update").await;
    assert!(name.starts_with("attachment; filename=\"acme.www-20") && name.ends_with(".ndjson\""), "{name}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<_> = lines.iter().map(|line| line["entity"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["1", "2"], "oldest first");
    assert_eq!(lines[0]["before"]["account"], 1735);
    assert!(text.contains("\"big\":9007199254740993"), "numbers stay as they were");

    let (name, csv) = export("format=csv").await;
    assert!(name.ends_with(".csv\""), "{name}");
    assert_eq!(csv.lines().count(), 5, "{csv}");
    assert!(csv.contains("'=Cleo") && !csv.contains(",=Cleo"), "a formula stays a text: {csv}");
    let (_, ocsf) = export("format=ocsf&q=kind:delete").await;
    let event: Value = serde_json::from_str(ocsf.trim_end()).unwrap();
    assert_eq!((&event["class_uid"], &event["activity_id"]), (&json!(3004), &json!(4)));
    let (_, cef) = export("format=cef").await;
    assert!(
        cef.lines().count() == 4 && cef.lines().all(|line| line.starts_with("CEF:0|Indelible|")),
        "{cef}"
    );
    assert_eq!(export("q=nothere").await.1, "");

    refused(
        server.request(Method::GET, "/api/v1/sites/acme.www/export?format=xml"),
        422,
        "invalid_value",
        "format",
    )
    .await;
    refused(
        server.request(Method::GET, "/api/v1/sites/acme.www/export?limit=3"),
        422,
        "unknown_parameter",
        "limit",
    )
    .await;
    let everywhere = server.request(Method::GET, "/api/v1/export?q=kind:delete").send().await.unwrap();
    assert_eq!(everywhere.text().await.unwrap().lines().count(), 1);
    let auditor = server.token(Role::Auditor, Some("acme.www"));
    let own = server
        .request_as(&auditor, Method::GET, "/api/v1/export")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(own.lines().count(), 4, "only of its own site");
}
