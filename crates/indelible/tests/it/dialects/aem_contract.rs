//! Parameters, errors, headers and addresses of the AEM log API.

use indelible::api::TrustedOrigins;
use model::Role;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::{Answer, LOG, appended, entries, get, operation, paths};
use crate::support::Server;

#[tokio::test]
async fn windows_include_both_ends_and_ascend() {
    let server = Server::start().await;
    let times = [
        ("2026-05-04T08:00:00.123Z", "/second"),
        ("2026-05-04T08:00:00.123999Z", "/third"),
        ("2026-05-04T08:00:00.122Z", "/first"),
        ("2026-05-04T08:00:00.124Z", "/fourth"),
    ];
    let all: Vec<Value> = times.iter().map(|(time, path)| operation(time, path)).collect();
    appended(&server, &all).await;
    for (query, expected) in [
        (
            "from=2026-05-04T08:00:00.122Z&to=2026-05-04T08:00:00.124Z",
            vec!["/first", "/second", "/third", "/fourth"],
        ),
        ("from=2026-05-04T08:00:00.123Z&to=2026-05-04T08:00:00.124Z", vec!["/second", "/third", "/fourth"]),
        // The third is told as .123, so it is within.
        ("from=2026-05-04T08:00:00.122Z&to=2026-05-04T08:00:00.123Z", vec!["/first", "/second", "/third"]),
        ("from=2026-05-04&to=2026-05-04T08:00:00.122Z", vec!["/first"]),
        ("from=4 May 2026&to=Tue, 05 May 2026 00:00:00 GMT", vec!["/first", "/second", "/third", "/fourth"]),
        ("from=2026-05-04T10:00:00.124%2B02:00&to=2099-01", vec!["/fourth"]),
        ("from=2026-05-05&to=2026-05-06", vec![]),
        ("from=2026-05&unknown=1&since=&nextToken=&limit=", vec!["/first", "/second", "/third", "/fourth"]),
    ] {
        assert_eq!(paths(&entries(&server, query).await), expected, "{query}");
    }
    let page = get(&server, &format!("{LOG}?from=2026-05-04&to=2026-05-04T08:00")).await.json();
    assert_eq!(
        page,
        json!({"from": "2026-05-04T00:00:00.000Z", "to": "2026-05-04T08:00:00.000Z", "entries": []})
    );
    let timestamps: Vec<i64> = entries(&server, "from=2026-05-04")
        .await
        .iter()
        .map(|entry| entry["timestamp"].as_i64().unwrap())
        .collect();
    assert_eq!(timestamps, [1_777_881_600_122, 1_777_881_600_123, 1_777_881_600_123, 1_777_881_600_124]);
}

#[tokio::test]
async fn the_window_reaches_from_a_quarter_of_an_hour_ago_to_now() {
    let server = Server::start().await;
    let span = |page: &Value| {
        let time = |name: &str| page[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        time("to").as_millisecond() - time("from").as_millisecond()
    };
    for (query, seconds) in
        [("", 900), ("?since=0s", 0), ("?since=05m", 300), ("?since=6h", 21_600), ("?since=2d", 172_800)]
    {
        let page = get(&server, &format!("{LOG}{query}")).await.json();
        assert_eq!(span(&page), seconds * 1000, "{query}");
        assert!(page.get("nextToken").is_none() && page.get("links").is_none());
    }
    // Earlier than any calendar of this API's clients.
    let page = get(&server, &format!("{LOG}?since=99999999999999999999d")).await.json();
    assert!(page["from"].as_str().unwrap().starts_with("0001-01-01T00:00:00."), "{page}");
}

#[tokio::test]
async fn what_is_wrong_is_told_in_a_header() {
    let server = Server::start().await;
    let since = "'since' should match a number followed by 's(econds)', 'm(inutes)', 'h(ours)' or 'd(ays)': ";
    for (query, text) in [
        ("from=boo", "'from' is not a valid date: boo".to_owned()),
        ("to=boo", "'to' is not a valid date: boo".to_owned()),
        ("from=boo&to=baa", "'from' is not a valid date: boo".to_owned()),
        ("from=1695376800000", "'from' is not a valid date: 1695376800000".to_owned()),
        ("from=2023-13-01", "'from' is not a valid date: 2023-13-01".to_owned()),
        ("from=20230922", "'from' is not a valid date: 20230922".to_owned()),
        ("from=1970-01-01T00:00:00Z", "'from' is not a valid date: 1970-01-01T00:00:00Z".to_owned()),
        ("from=2023-09-22&from=2023-09-23", "'from' is not a valid date: 2023-09-22,2023-09-23".to_owned()),
        // A plus that is not escaped is a space.
        (
            "from=2023-09-22T10:00:00+02:00",
            "'from' is not a valid date: 2023-09-22T10:00:00 02:00".to_owned(),
        ),
        ("since=5 decades", format!("{since}5 decades")),
        ("since=1w", format!("{since}1w")),
        ("since=-5m", format!("{since}-5m")),
        ("since=5m&since=6m", format!("{since}5m,6m")),
        ("since=5m&from=2023-09-22", "'since' should not be used with either 'from' or 'to'".to_owned()),
        ("since=boo&to=2023-09-22", "'since' should not be used with either 'from' or 'to'".to_owned()),
        (
            "from=2023-09-22&to=2023-09-21",
            "'from' (2023-09-22) should be smaller than 'to' (2023-09-21)".to_owned(),
        ),
        (
            "from=2023-09-22&to=2023-09-22",
            "'from' (2023-09-22) should be smaller than 'to' (2023-09-22)".to_owned(),
        ),
        // Only what a header can hold is echoed, and no more than it should.
        ("from=b%0D%0Ax-evil:%201%E2%82%AC%C3%A9", "'from' is not a valid date: bx-evil: 1é".to_owned()),
    ] {
        let answer = get(&server, &format!("{LOG}?{query}")).await;
        assert_eq!((answer.status, answer.error.as_deref()), (400, Some(text.as_str())), "{query}");
        assert_eq!(answer.kind.as_deref(), Some("text/plain; charset=utf-8"), "{query}");
        assert_eq!(answer.body, "", "{query}");
    }
    let answer = get(&server, &format!("{LOG}?from=2099-01-01")).await;
    let text = answer.error.unwrap();
    assert!(text.starts_with("'from' (2099-01-01) should be smaller than 'to' (2"), "{text}");
    assert!(text.ends_with("Z)"), "the time that stands for now is written out: {text}");
    let long = get(&server, &format!("{LOG}?from={}", "b".repeat(3000))).await;
    assert_eq!(long.error.unwrap().len(), 1024);
}

#[tokio::test]
async fn any_limit_that_is_none_means_a_thousand() {
    let server = Server::start().await;
    let all: Vec<Value> = (0..1200).map(|n| operation("2026-05-04T08:00:00Z", &format!("/{n}"))).collect();
    appended(&server, &all).await;
    for (limit, count) in
        [("1", 1), ("10abc", 10), ("1000", 1000), ("1001", 1000), ("0", 1000), ("-1", 1000), ("abc", 1000)]
    {
        assert_eq!(entries(&server, &format!("from=2026-05-04&limit={limit}")).await.len(), count, "{limit}");
    }
    assert_eq!(entries(&server, "from=2026-05-04").await.len(), 1000);
}

#[tokio::test]
async fn answers_are_json_that_nobody_keeps() {
    let server = Server::start().await;
    let response = server.request(Method::GET, LOG).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(response.headers()["cache-control"], "no-store, private, must-revalidate");
}

#[tokio::test]
async fn names_are_written_in_lower_case() {
    let server = Server::start().await;
    for (path, text) in [
        ("/log/Acme/www/main", "org must be lowercase"),
        ("/log/acme/Www", "site must be lowercase"),
        ("/Acme/sites/www/log", "org must be lowercase"),
        ("/acme/sites/wwW/log", "site must be lowercase"),
        ("/status/Acme/www/main", "org must be lowercase"),
        ("/profile/acme/Www", "site must be lowercase"),
        ("/profile?org=Acme&site=www", "org must be lowercase"),
    ] {
        // Before anybody is asked who they are.
        let answer = Answer::of(server.client.get(server.url(path)).send().await.unwrap()).await;
        assert_eq!((answer.status, answer.error.as_deref()), (400, Some(text)), "{path}");
    }
    // A ref may be written as it likes.
    assert_eq!(get(&server, "/log/acme/www/Main").await.status, 200);
}

#[tokio::test]
async fn every_form_of_the_address_leads_to_the_log() {
    let server = Server::start().await;
    let all: Vec<Value> = (0..3).map(|n| operation("2026-05-04T08:00:00Z", &format!("/{n}"))).collect();
    appended(&server, &all).await;
    for path in [
        "/log/acme/www/main",
        "/log/acme/www/main/",
        "/log/acme/www/stage",
        "/log/acme/www",
        "/log/acme/www/",
        "/acme/sites/www/log",
        "/acme/sites/www/log/",
    ] {
        let first = get(&server, &format!("{path}?from=2026-05-04&limit=2")).await.json();
        assert_eq!(paths(first["entries"].as_array().unwrap()), ["/0", "/1"], "{path}");
        let link = first["links"]["next"].as_str().unwrap();
        let (from, to) = (first["from"].as_str().unwrap(), first["to"].as_str().unwrap());
        let escaped = |text: &str| text.replace(':', "%3A");
        let expected = format!(
            "{}?from={}&to={}&limit=2&nextToken={}",
            server.url(path),
            escaped(from),
            escaped(to),
            first["nextToken"].as_str().unwrap()
        );
        assert_eq!(link, expected);
        let second = get(&server, link.strip_prefix(&server.url("")).unwrap()).await.json();
        assert_eq!(paths(second["entries"].as_array().unwrap()), ["/2"], "{path}");
        assert_eq!((&second["from"], &second["to"]), (&first["from"], &first["to"]));
        assert!(second.get("nextToken").is_none() && second.get("links").is_none());
    }
    for path in [
        "/log/acme",
        "/log/acme/www/main/x",
        "/log/acme//main",
        "/config/acme/sites/www.json",
        "/index/acme/www/main/",
        "/job/acme/www/main/x/1/details",
    ] {
        let answer = get(&server, path).await;
        assert_eq!((answer.status, answer.error, answer.body.as_str()), (404, None, ""), "{path}");
    }
}

#[tokio::test]
async fn links_lead_back_through_a_trusted_proxy() {
    let directory = Server::start().await.stop().await;
    let server = Server::start_as(directory, |app| app.behind(["127.0.0.0/8".parse().unwrap()])).await;
    let link = async |server: &Server| {
        let request = server.request(Method::GET, &format!("{LOG}?from=2026-05-04&limit=1"));
        let request = request
            .header("x-forwarded-host", "audit.example.org, inner")
            .header("x-forwarded-proto", "https");
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        page["links"]["next"].as_str().unwrap().to_owned()
    };
    let all: Vec<Value> = (0..2).map(|n| operation("2026-05-04T08:00:00Z", &format!("/{n}"))).collect();
    appended(&server, &all).await;
    assert!(link(&server).await.starts_with("https://audit.example.org/log/acme/www/main?from="));
    let from = async |server: &Server| {
        let request = server.request(Method::POST, LOG).header("content-type", "application/json");
        let request = request.header("x-forwarded-for", "198.51.100.1, 203.0.113.9:4711, 127.0.0.2");
        assert_eq!(request.body(r#"{"entries":[{}]}"#).send().await.unwrap().status(), 201);
        server.read("/api/v1/sites/acme.www/entries?limit=1").await["data"][0]["origin"]["ip"].clone()
    };
    assert_eq!(from(&server).await, "203.0.113.9", "the first that is no proxy of ours");
    // A stranger's word is not believed.
    let server = Server::start_in(server.stop().await).await;
    assert!(link(&server).await.starts_with(&format!("{}?", server.url(LOG))));
    assert_eq!(from(&server).await, "127.0.0.1");
}

#[tokio::test]
async fn other_methods_are_refused_once_the_caller_is_known() {
    let server = Server::start().await;
    for method in [Method::PUT, Method::DELETE, Method::PATCH, Method::HEAD] {
        for path in [LOG, "/acme/sites/www/log"] {
            let answer = Answer::of(server.request(method.clone(), path).send().await.unwrap()).await;
            let body = if method == Method::HEAD { "" } else { "method not allowed" };
            assert_eq!(
                (answer.status, answer.error, answer.body.as_str()),
                (405, None, body),
                "{method} {path}"
            );
            let nobody = server.client.request(method.clone(), server.url(path)).send().await.unwrap();
            assert_eq!(nobody.status(), 401, "{method} {path}");
        }
    }
}

/// What a page of another site learns.
fn allows(response: &Response, origin: &str) {
    let headers = response.headers();
    let at = format!("{} {:?}", response.status(), response.url());
    assert_eq!(headers["access-control-allow-origin"], origin, "{at}");
    assert_eq!(headers["access-control-allow-credentials"], "true", "{at}");
    assert_eq!(headers["access-control-expose-headers"], "x-error, x-error-code", "{at}");
    assert!(headers.get_all("vary").iter().any(|vary| vary == "Origin"), "{at}");
}

#[tokio::test]
async fn pages_of_other_sites_may_ask() {
    let server = Server::start().await;
    let origin = "https://tools.example.org";
    for (method, path, status) in [
        (Method::GET, LOG, 200),
        (Method::GET, "/acme/sites/www/log", 200),
        (Method::GET, "/log/acme/www/main?from=boo", 400),
        (Method::PUT, LOG, 405),
        (Method::GET, "/log/acme", 404),
        (Method::GET, "/status/acme/www/main", 200),
        (Method::GET, "/acme/sites/www/status", 200),
        (Method::GET, "/profile/acme/www", 200),
        (Method::GET, "/profile", 200),
        (Method::GET, "/config/acme.json", 404),
        (Method::POST, "/index/acme/www/main/x", 404),
        (Method::GET, "/job/acme/www/main/x/1/details", 404),
    ] {
        let response = server.request(method, path).header("origin", origin).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        allows(&response, origin);

        let preflight = server.client.request(Method::OPTIONS, server.url(path)).header("origin", origin);
        let preflight = preflight.header("access-control-request-method", "POST").send().await.unwrap();
        assert_eq!(preflight.status(), 204, "{path}");
        allows(&preflight, origin);
        let headers = preflight.headers();
        assert_eq!(headers["access-control-allow-methods"], "GET, HEAD, POST, PUT, OPTIONS, DELETE");
        let allowed = "Authorization, x-auth-token, x-content-source-authorization, content-type";
        assert_eq!(headers["access-control-allow-headers"], allowed);
        assert_eq!(headers["access-control-max-age"], "86400");
    }
    let nobody = server.client.get(server.url(LOG)).header("origin", origin).send().await.unwrap();
    assert_eq!(nobody.status(), 401);
    allows(&nobody, origin);
    let same = server.request(Method::GET, LOG).send().await.unwrap();
    assert!(same.headers().get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn cookies_count_only_from_pages_that_are_trusted() {
    let directory = Server::start().await.stop().await;
    let trusted = TrustedOrigins::new(["https://tools.example.org".to_owned()]);
    let server = Server::start_as(directory, |app| app.trusting(trusted)).await;
    let token = server.token(Role::Admin, Some("acme.www"));
    let own = server.url("");
    let ask = async |method: Method, cookie: String, origin: Option<&str>| {
        let mut request = server.client.request(method, server.url(LOG)).header("cookie", cookie);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let request = request.header("content-type", "application/json").body(r#"{"entries":[]}"#);
        request.send().await.unwrap().status().as_u16()
    };
    let form = format!("token={token}");
    let signed_in = server.client.post(server.url("/sign-in")).body(form).send().await.unwrap();
    let session = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    for cookie in [format!("a=b; auth_token={token}"), session] {
        for (method, well) in [(Method::GET, 200), (Method::POST, 201)] {
            for (origin, status) in [
                (None, well),
                (Some("https://tools.example.org"), well),
                (Some(own.as_str()), well),
                (Some("https://evil.example"), 401),
                (Some("null"), 401),
            ] {
                let found = ask(method.clone(), cookie.clone(), origin).await;
                assert_eq!(found, status, "{method} from {origin:?}");
            }
        }
    }
    // A page that has the token itself needs nobody's trust.
    let posted = server.client.post(server.url(LOG)).header("x-auth-token", &token);
    let posted = posted.header("origin", "https://evil.example").header("sec-fetch-site", "cross-site");
    let posted =
        posted.header("content-type", "application/json").body(r#"{"entries":[]}"#).send().await.unwrap();
    assert_eq!(posted.status(), 201);
}

#[tokio::test]
async fn the_viewer_learns_where_the_project_is_and_who_is_asking() {
    let server = Server::start().await;
    for path in
        ["/status/acme/www/main", "/status/acme/www", "/acme/sites/www/status", "/acme/sites/www/status/"]
    {
        let status = get(&server, path).await.json();
        assert_eq!(status["live"]["url"], "https://main--www--acme.aem.live/", "{path}");
        assert_eq!(status["preview"]["url"], "https://main--www--acme.aem.page/", "{path}");
    }
    let token = crate::support::token(&server.indelible, "ana@example.com", Role::Admin, Some("acme.www"));
    for path in ["/profile/acme/www", "/profile?org=acme&site=www", "/profile"] {
        let profile = server.client.get(server.url(path)).header("authorization", format!("token {token}"));
        let profile: Value = profile.send().await.unwrap().json().await.unwrap();
        let expected = json!({
            "status": 200, "profile": {"email": "ana@example.com"}, "links": {"logout": server.url("/sign-out")},
        });
        assert_eq!(profile, expected, "{path}");

        let nobody = Answer::of(server.client.get(server.url(path)).send().await.unwrap()).await;
        assert_eq!((nobody.status, nobody.error.as_deref()), (401, Some("not authenticated.")), "{path}");
        let body: Value = serde_json::from_str(&nobody.body).unwrap();
        let expected =
            json!({"status": 401, "error": "unauthorized", "links": {"login": server.url("/sign-in")}});
        assert_eq!(body, expected);
    }
}
