//! What a server tells monitoring.

use model::Role;
use reqwest::Method;

use crate::support::{Server, entry};

async fn scrape(server: &Server, token: &str) -> String {
    let response = server.request_as(token, Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let format = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(format.starts_with("application/openmetrics-text; version=1.0.0"), "{format}");
    let text = response.text().await.unwrap();
    assert!(text.ends_with("# EOF\n"), "{text}");
    text
}

/// The value of a metric with its labels.
fn value(text: &str, metric: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {metric} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn a_server_tells_what_it_took_and_how_it_answered() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let site = "/api/v1/sites/acme.www/entries";
    let known = entry(r#","id":"01935f6e-6c1d-7c9a-8f0e-9b1d2f1f6d8b""#);
    assert_eq!(server.append(known.clone()).await.0, 201);
    assert_eq!(server.append(known).await.0, 200);
    // A change of configuration is an entry in `_system`.
    let token = server.token(Role::SuperAdmin, None);
    for _ in 0..3 {
        assert_eq!(
            server.request(Method::GET, &format!("{site}/nonsense")).send().await.unwrap().status(),
            404
        );
    }
    server.request(Method::GET, "/nowhere/at/all").send().await.unwrap();

    let text = scrape(&server, &token).await;
    assert_eq!(value(&text, r#"indelible_log_entries{site="acme.www"}"#), 1);
    assert_eq!(value(&text, r#"indelible_log_entries{site="acme.docs"}"#), 0);
    assert_eq!(value(&text, "indelible_entries_known_total"), 1);
    assert!(value(&text, "indelible_entries_appended_total") >= 2);
    assert_eq!(
        value(&text, "indelible_commit_seconds_count"),
        value(&text, r#"indelible_commit_seconds_bucket{le="+Inf"}"#)
    );
    assert_eq!(value(&text, "indelible_stopped"), 0);
    assert_eq!(value(&text, "indelible_commits_waiting"), 0);
    let requests = |labels: &str| value(&text, &format!("indelible_http_requests_total{{{labels}}}"));
    let route = "/api/v1/sites/{site}/entries";
    assert_eq!(requests(&format!(r#"method="POST",route="{route}",status="201""#)), 1);
    assert_eq!(requests(&format!(r#"method="GET",route="{route}/{{id}}",status="404""#)), 3);
    assert!(!text.contains("/nowhere"), "what visitors make up is not kept");
    assert!(text.contains("indelible_build_info{version="), "{text}");
}

#[tokio::test]
async fn readers_of_one_site_learn_of_that_site_only() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    let text = scrape(&server, &server.token(Role::Auditor, Some("acme.docs"))).await;
    assert!(text.contains(r#"site="acme.docs""#), "{text}");
    for hidden in ["acme.www", "_system", "http_requests", "appended", "umbrella"] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
}
