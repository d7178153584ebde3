//! `GET /sites/{site}/entries`, `GET /entries`: the right entries, in the right order, on all pages together.

use model::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::oracle::{COLUMNS, Dice, ask};
use crate::support::{Server, entry, json, refused};

const ROUTE: &str = "/api/v1/sites/acme.www/entries";

/// An entry with few different values in every field, so that all of them tie and all filters find some.
fn random_entry(dice: &mut Dice) -> String {
    let mut entry = json!({
        "action": dice.pick(&["page.update", "page.create", "page.delete", "user.login", "Zebra.run"]),
        "occurred_at": dice.pick(&["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", "2026-11-02T00:00:00.000000001Z",
            "2026-11-02T00:00:00.000001Z", "2026-11-20T12:00:00+01:00", "1969-12-31T23:59:59.9Z"]),
        "entity": {"type": dice.pick(&["page", "post", "Page"]), "id": dice.pick(&["1", "10", "2", "a*", "ü"])},
    });
    let mut maybe = |name: &str, values: &[&Value]| {
        if dice.below(3) > 0 {
            entry[name] = dice.pick(values).clone();
        }
    };
    maybe(
        "actor",
        &[
            &json!({"type": "user", "id": "42", "name": "Ana Lima", "email": "Ana@example.com"}),
            &json!({"type": "user", "id": "7", "email": "bob@example.com"}),
            &json!({"type": "user", "name": "ana lima"}),
            &json!({"type": "service", "id": "importer"}),
        ],
    );
    maybe("kind", &[&json!("read"), &json!("access")]);
    maybe("outcome", &[&json!("failure")]);
    maybe("summary", &[&json!("alpha"), &json!("Beta"), &json!("Ärger")]);
    maybe(
        "origin",
        &[
            &json!({"ip": "203.0.113.9"}),
            &json!({"ip": "203.0.113.10"}),
            &json!({"ip": "::1"}),
            &json!({"ip": "2001:db8::2"}),
            &json!({"ip": "2001:db8::3"}),
            &json!({"path": "/"}),
        ],
    );
    maybe("correlation_id", &[&json!("67c2b9c4-ff00-4f0e-955f-83e915f859f2")]);
    maybe("connector", &[&json!("wagtail"), &json!("aem")]);
    maybe("duration_ms", &[&json!(0), &json!(9), &json!(10), &json!(u64::MAX)]);
    if dice.below(2) > 0 {
        entry["entity"]["title"] = json!(dice.pick(&["Home", "about", "Zoo"]));
    }
    entry.to_string()
}

/// Appends random entries in batches of random sizes, and returns them as the tail shows them.
async fn fill(server: &Server, site: &str, count: u64, dice: &mut Dice) -> Vec<Value> {
    let path = format!("/api/v1/sites/{site}/entries");
    let mut left = count;
    while left > 0 {
        let size = (1 + dice.below(9)).min(left);
        left -= size;
        let batch: Vec<String> = (0..size).map(|_| random_entry(dice)).collect();
        let (status, answer) = server.post(&path, format!("[{}]", batch.join(","))).await;
        assert_eq!(status, 200, "{answer}");
    }
    let tail =
        server.request(Method::GET, &format!("{path}/tail")).send().await.unwrap().text().await.unwrap();
    tail.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn url(route: &str, parameters: &[(String, String)], more: &[(&str, &str)]) -> String {
    let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let all: Vec<(String, String)> = parameters.iter().cloned().chain(more).collect();
    format!("{route}?{}", serde_urlencoded::to_string(all).unwrap())
}

/// Reads all pages from a first one, following `next` or `prev`; returns them and the last one's whole answer.
async fn pages(server: &Server, first: Value, towards: &str, url: &str) -> (Vec<Vec<Value>>, Value) {
    let mut pages = Vec::new();
    let mut page = first;
    loop {
        pages.push(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["page"][towards].as_str() else { return (pages, page) };
        page = server.read(&format!("{url}&cursor={cursor}")).await;
        assert!(!page["data"].as_array().unwrap().is_empty(), "a page that was promised is not empty");
    }
}

/// Checks a question against the oracle: forwards, backwards and counted.
async fn check(
    server: &Server,
    route: &str,
    entries: &[Value],
    parameters: &[(String, String)],
    sort: &str,
    limit: u64,
) {
    let limit = limit.to_string();
    let url = url(route, parameters, &[("sort", sort), ("limit", &limit), ("count", "exact")]);
    let expected = ask(entries, parameters, sort);
    let first = server.read(&url).await;
    assert_eq!(first["page"]["total"], expected.len(), "{url}");
    assert_eq!(first["page"]["prev"], Value::Null, "{url}");
    assert_eq!(first["page"]["limit"].to_string(), limit);
    let (forwards, last) = pages(server, first, "next", &url).await;
    assert_eq!(forwards.concat(), expected, "{url}");
    assert!(forwards.iter().rev().skip(1).all(|page| page.len().to_string() == limit), "{url}");
    if forwards.len() > 1 {
        let (mut backwards, _) = pages(server, last, "prev", &url).await;
        backwards.reverse();
        assert_eq!(backwards, forwards, "{url}");
    }
}

#[tokio::test]
async fn sorted_by_every_column_both_ways() {
    let server = Server::start().await;
    let mut dice = Dice::new(1);
    let entries = fill(&server, "acme.www", 60, &mut dice).await;
    for column in COLUMNS {
        for sort in [column.to_owned(), format!("-{column}")] {
            check(&server, ROUTE, &entries, &[], &sort, 11 + dice.below(30)).await;
        }
    }
    check(&server, ROUTE, &entries, &[], "-timestamp", 1).await;
}

#[tokio::test]
async fn filtered_by_every_parameter_and_combinations() {
    let server = Server::start().await;
    let mut dice = Dice::new(2);
    let entries = fill(&server, "acme.www", 120, &mut dice).await;
    let choices = [
        ("from", "2026-11-02T00:00:00.000000001Z"),
        ("from", "2026-11-02T01:00:00+01:00"),
        ("to", "2026-11-02T00:00:00Z"),
        ("to", "1970-01-01T00:00:00Z"),
        ("user", "ana lima"),
        ("user", "ANA*"),
        ("actor", "42"),
        ("actor", "bob@example.com"),
        ("actor", "System"),
        ("user", "importer"),
        ("user", "nobody"),
        ("action", "page.update"),
        ("action", "page.*"),
        ("action", "zebra.run"),
        ("kind", "read"),
        ("kind", "update"),
        ("entity_type", "page"),
        ("entity_type", "p*"),
        ("entity_id", "1"),
        ("entity_id", "1*"),
        ("entity_id", "ü"),
        ("entity_id", "a*"),
        ("ip", "203.0.113.9"),
        ("ip", "203.0.113.*"),
        ("ip", "2001:db8::2"),
        ("correlation_id", "67C2B9C4-ff00-4f0e-955f-83e915f859f2"),
    ];
    for choice in choices {
        let parameters = [(choice.0.to_owned(), choice.1.to_owned())];
        check(&server, ROUTE, &entries, &parameters, "-timestamp", 1000).await;
    }
    let mut with_result = 0;
    for _ in 0..50 {
        let mut parameters: Vec<(String, String)> = Vec::new();
        for _ in 0..2 + dice.below(3) {
            let (name, value) = dice.pick(&choices.each_ref());
            // One earliest and one latest time: of several the last one counts, which is no combination.
            if !(["from", "to"].contains(name) && parameters.iter().any(|(known, _)| known == name)) {
                parameters.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let sort = *dice.pick(&["-timestamp", "timestamp", "user", "-ip"].each_ref());
        with_result += usize::from(!ask(&entries, &parameters, sort).is_empty());
        check(&server, ROUTE, &entries, &parameters, sort, 5 + dice.below(20)).await;
    }
    assert!(with_result > 12, "the combinations must find something to mean something: {with_result}");
}

#[tokio::test]
async fn spellings_of_one_address_are_one_address() {
    let server = Server::start().await;
    server.appended(entry(r#","origin":{"ip":"2001:DB8:0::1"}"#)).await;
    for spelling in ["2001:db8::1", "2001:0DB8:0:0:0:0:0:1", "2001:DB8*"] {
        let page = server.read(&url(ROUTE, &[], &[("ip", spelling)])).await;
        assert_eq!(page["data"].as_array().unwrap().len(), 1, "{spelling}");
    }
}

#[tokio::test]
async fn the_newest_come_first_and_ties_by_index() {
    let server = Server::start().await;
    for (number, time) in
        ["2026-11-02T00:00:00Z", "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"].iter().enumerate()
    {
        server.appended(entry(&format!(r#","summary":"{number}","occurred_at":"{time}""#))).await;
    }
    let page = server.read(ROUTE).await;
    let order: Vec<&str> =
        page["data"].as_array().unwrap().iter().map(|e| e["summary"].as_str().unwrap()).collect();
    assert_eq!(order, ["2", "0", "1"]);
    assert_eq!(page["page"], json!({"next": null, "prev": null, "limit": 50, "total": null}));
    for field in ["before", "after", "changes", "proof"] {
        assert!(page["data"][0].get(field).is_none(), "{field} is for the detail");
    }
}

#[tokio::test]
async fn the_ends_of_time() {
    let server = Server::start().await;
    let times = [
        "-009999-01-02T01:59:59Z",
        "0000-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999999Z",
        "1970-01-01T00:00:00Z",
        "9999-12-30T22:00:00.999999999Z",
    ];
    for time in times.iter().rev() {
        server.appended(entry(&format!(r#","occurred_at":"{time}""#))).await;
    }
    let mut dice = Dice::new(6);
    let entries = fill(&server, "acme.www", 0, &mut dice).await;
    for sort in ["timestamp", "-timestamp"] {
        check(&server, ROUTE, &entries, &[], sort, 2).await;
    }
    for time in times {
        for name in ["from", "to"] {
            let parameters = [(name.to_owned(), time.to_owned())];
            check(&server, ROUTE, &entries, &parameters, "-timestamp", 2).await;
        }
    }
}

#[tokio::test]
async fn pages_are_those_of_the_moment_however_the_log_grows() {
    let server = Server::start().await;
    let mut dice = Dice::new(3);
    let entries = fill(&server, "acme.www", 40, &mut dice).await;
    for sort in ["-timestamp", "timestamp", "user", "-recorded_at"] {
        let size = server.size("acme.www").await;
        let entries_now: Vec<Value> =
            if size == 40 { entries.clone() } else { fill(&server, "acme.www", 0, &mut dice).await };
        let expected = ask(&entries_now, &[], sort);
        let url = url(ROUTE, &[], &[("sort", sort), ("limit", "15"), ("count", "exact")]);
        let mut page = server.read(&url).await;
        let mut seen = page["data"].as_array().unwrap().clone();
        while let Some(next) = page["page"]["next"].as_str() {
            // Newer and older than all that is there, and first and last by name.
            for fields in [
                r#","occurred_at":"2030-01-01T00:00:00Z","actor":{"type":"user","id":"zz"}"#,
                r#","occurred_at":"1960-01-01T00:00:00Z","actor":{"type":"user","id":"AA"}"#,
            ] {
                server.appended(entry(fields)).await;
            }
            page = server.read(&format!("{url}&cursor={next}")).await;
            assert_eq!(page["page"]["total"], expected.len(), "the total is that of the first page");
            seen.extend(page["data"].as_array().unwrap().iter().cloned());
        }
        assert_eq!(seen, expected, "{sort}");
    }
}

#[tokio::test]
async fn all_sites_in_one_list() {
    let server = Server::start().await;
    let mut dice = Dice::new(4);
    let mut entries = Vec::new();
    for site in ["acme.www", "acme.docs", "blog"] {
        if site != "acme.www" {
            server.create_site(site);
        }
        entries.extend(fill(&server, site, 30, &mut dice).await);
    }
    let owner = server.token(Role::Owner, None);
    let system = fill(&server, "_system", 0, &mut dice).await;
    assert!(!system.is_empty(), "creating sites and tokens is logged");
    let all: Vec<Value> = entries.iter().chain(&system).cloned().collect();
    for sort in ["-timestamp", "timestamp", "-site", "site", "user", "-recorded_at", "-duration"] {
        check(&server, "/api/v1/entries", &all, &[], sort, 13).await;
    }
    let parameters = [("user".to_owned(), "ana*".to_owned()), ("entity_type".to_owned(), "page".to_owned())];
    check(&server, "/api/v1/entries", &all, &parameters, "-timestamp", 5).await;

    let (_, page) =
        json(server.request_as(&owner, Method::GET, "/api/v1/entries?limit=1000").send().await.unwrap())
            .await;
    assert_eq!(
        page["data"],
        Value::from(ask(&entries, &[], "-timestamp")),
        "without the installation's own log"
    );
    let auditor = server.token(Role::Auditor, Some("blog"));
    let request = server.request_as(&auditor, Method::GET, "/api/v1/entries?limit=1000&count=exact");
    let (_, page) = json(request.send().await.unwrap()).await;
    let own: Vec<Value> = entries.iter().filter(|entry| entry["site"] == "blog").cloned().collect();
    assert_eq!(page["data"], Value::from(ask(&own, &[], "-timestamp")));
    assert_eq!(page["page"]["total"], own.len());
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_list_only() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let mut dice = Dice::new(5);
    fill(&server, "acme.www", 10, &mut dice).await;
    fill(&server, "acme.docs", 10, &mut dice).await;
    let page = server.read(&format!("{ROUTE}?limit=2&action=page.*")).await;
    let cursor = page["page"]["next"].as_str().unwrap();
    let get = |path: String| server.request(Method::GET, &path);
    server.read(&format!("{ROUTE}?limit=5&action=page.*&cursor={cursor}")).await;
    for other in [
        format!("{ROUTE}?cursor={cursor}"),
        format!("{ROUTE}?action=page.update&cursor={cursor}"),
        format!("{ROUTE}?action=page.*&sort=timestamp&cursor={cursor}"),
        format!("/api/v1/sites/acme.docs/entries?action=page.*&cursor={cursor}"),
        format!("/api/v1/entries?action=page.*&cursor={cursor}"),
        format!("/api/v1/sites/acme.www/entities/page/1/history?action=page.*&cursor={cursor}"),
    ] {
        let problem = refused(get(other), 422, "cursor_mismatch", "cursor").await;
        assert!(problem["detail"].as_str().unwrap().contains("keep them while paging"), "{problem}");
    }
    let network = server.read("/api/v1/entries?limit=2").await;
    let network = network["page"]["next"].as_str().unwrap();
    refused(get(format!("{ROUTE}?cursor={network}")), 422, "cursor_mismatch", "cursor").await;
    // A site created between two pages of the network does not end the reading.
    server.create_site("late");
    server.read(&format!("/api/v1/entries?limit=2&cursor={network}")).await;

    let elsewhere = Server::start().await;
    fill(&elsewhere, "acme.www", 10, &mut dice).await;
    let mut forged = cursor.to_owned();
    forged.replace_range(30..31, if &forged[30..31] == "A" { "B" } else { "A" });
    refused(
        elsewhere.request(Method::GET, &format!("{ROUTE}?action=page.*&cursor={cursor}")),
        422,
        "cursor_invalid",
        "cursor",
    )
    .await;
    for text in [forged.as_str(), "x", "AAAA", "%20", &"A".repeat(5000)] {
        refused(get(format!("{ROUTE}?action=page.*&cursor={text}")), 422, "cursor_invalid", "cursor").await;
    }
}

#[tokio::test]
async fn bad_parameters_are_named() {
    let server = Server::start().await;
    for (query, code, field) in [
        ("colour=red", "unknown_parameter", "colour"),
        ("Limit=3", "unknown_parameter", "Limit"),
        ("q=acton%3Aana", "filter_syntax", "q"),
        ("q=a&q=b", "invalid_value", "q"),
        ("from=yesterday", "invalid_value", "from"),
        ("from=2026-11-21", "invalid_value", "from"),
        ("to=2026-11-21T00:00:00+01:00", "invalid_value", "to"),
        ("sort=colour", "invalid_value", "sort"),
        ("sort=--user", "invalid_value", "sort"),
        ("limit=0", "invalid_value", "limit"),
        ("limit=1001", "invalid_value", "limit"),
        ("limit=-1", "invalid_value", "limit"),
        ("limit=1e3", "invalid_value", "limit"),
        ("limit=99999999999999999999", "invalid_value", "limit"),
        ("count=maybe", "invalid_value", "count"),
        ("kind=upsert", "invalid_value", "kind"),
        ("ip=localhost", "invalid_value", "ip"),
    ] {
        for route in [ROUTE, "/api/v1/entries", "/api/v1/sites/acme.www/entities/page/1/history"] {
            let request = server.request(Method::GET, &format!("{route}?{query}"));
            let problem = refused(request, 422, code, field).await;
            assert!(problem["detail"].as_str().unwrap().starts_with(&format!("`{field}`: ")), "{problem}");
        }
    }
    let page = server.read(&format!("{ROUTE}?user=&from=&limit=1000")).await;
    assert_eq!(page["page"]["limit"], 1000, "empty fields of a form ask for nothing");
}
