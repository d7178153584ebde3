//! Who asks too often, or too slowly.

use std::time::Duration;

use indelible::access::Gate;
use indelible::api::{App, Rates};
use indelible::server;
use model::Role;
use model::filter::Network;
use reqwest::header::{AUTHORIZATION, COOKIE, RETRY_AFTER, SET_COOKIE};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Server, entry, json, refused};

async fn limited_to(rates: Rates) -> Server {
    let server = Server::start_as(tempfile::tempdir().unwrap(), |app: App| app.limited_to(rates)).await;
    server.create_site("acme.www");
    server
}

/// How often something is answered before it is turned away. A machine that is busy may take longer than a limit looks
/// back, so that it is at least so often.
async fn answered(request: impl Fn() -> RequestBuilder) -> usize {
    for count in 0..1_000 {
        if request().send().await.unwrap().status() == 429 {
            return count;
        }
    }
    panic!("nobody is turned away");
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn one_token_may_ask_so_often_and_others_do_not_wait() {
    let server = limited_to(Rates { per_credential: 1, ..Rates::NONE }).await;
    let auditor = server.token(Role::Auditor, Some("acme.www"));
    let path = "/api/v1/sites/acme.www/entries";
    assert!(answered(|| server.request_as(&auditor, Method::GET, path)).await >= 2);
    // In any header by which it can be shown, and nobody else.
    let other = server.token(Role::Auditor, Some("acme.www"));
    assert!(answered(|| server.client.get(server.url(path)).header("x-api-key", &other)).await >= 2);
    assert_eq!(status(server.request(Method::GET, path)).await, 200);
}

#[tokio::test]
async fn who_is_turned_away_is_told_how_long() {
    let server = limited_to(Rates { per_address: 1, ..Rates::NONE }).await;
    let answer = loop {
        let answer = server.client.get(server.url("/healthz")).send().await.unwrap();
        if answer.status() == 429 {
            break answer;
        }
    };
    assert_eq!(answer.headers()[RETRY_AFTER], "1");
    let (_, problem) = json(answer).await;
    assert_eq!(problem["code"], "too_many_requests");
    assert!(problem["detail"].as_str().unwrap().contains("from this address"), "{problem}");
}

#[tokio::test]
async fn one_address_may_ask_so_often() {
    let server = limited_to(Rates { per_address: 1, ..Rates::NONE }).await;
    // What somebody says of where they come from makes no difference: each time somewhere else, and it has an end.
    let number = std::cell::Cell::new(0);
    let forged = || {
        number.set(number.get() + 1);
        let from = format!("203.0.113.{}", number.get() % 250);
        let request = server.client.get(server.url("/healthz")).header("x-forwarded-for", &from);
        request.header("forwarded", format!("for={from}"))
    };
    assert!(answered(forged).await >= 2);
}

#[tokio::test]
async fn addresses_behind_a_trusted_proxy_are_told_apart() {
    let proxy: Network = "127.0.0.1/32".parse().unwrap();
    let rates = Rates { per_address: 1, ..Rates::NONE };
    let behind = |app: App| app.behind([proxy]).limited_to(rates);
    let server = Server::start_as(tempfile::tempdir().unwrap(), behind).await;
    let from = |hops: &'static str| {
        let url = server.url("/healthz");
        let client = server.client.clone();
        move || client.get(&url).header("x-forwarded-for", hops)
    };
    assert!(answered(from("203.0.113.7")).await >= 2);
    assert_eq!(status(from("203.0.113.8")()).await, 200);
    // The hops before the last one are the client's own words.
    assert!(answered(from("198.51.100.1, 203.0.113.9")).await >= 2);
    let number = std::cell::Cell::new(0);
    let forged = || {
        number.set(number.get() + 1);
        let hops = format!("198.51.100.{}, 203.0.113.9", number.get() % 250);
        server.client.get(server.url("/healthz")).header("x-forwarded-for", hops)
    };
    answered(forged).await;
}

#[tokio::test]
async fn an_address_without_a_valid_token_is_turned_away_and_one_with_it_is_not() {
    let server = limited_to(Rates { refused_per_address: 1, ..Rates::NONE }).await;
    let path = "/api/v1/sites/acme.www/entries";
    let wrong = format!("idl_{}", "A".repeat(43));
    assert_eq!(status(server.request_as(&wrong, Method::GET, path)).await, 401);
    assert!(answered(|| server.request_as(&wrong, Method::GET, path)).await >= 49);
    answered(|| server.client.get(server.url(path))).await;
    // Whoever has a token that works is behind the same address and does not notice.
    for _ in 0..3 {
        assert_eq!(status(server.request(Method::GET, path)).await, 200);
    }
}

#[tokio::test]
async fn an_address_is_not_what_a_stranger_says_it_is() {
    let server = Server::start().await;
    let body = json!({"name": "ana", "password": "correct horse battery", "role": "auditor"});
    assert_eq!(server.post("/api/v1/users", body.to_string()).await.0, 201);
    let answer = server
        .client
        .post(server.url("/sign-in"))
        .body("name=ana&password=correct+horse+battery")
        .header("x-forwarded-for", "203.0.113.66")
        .header("x-forwarded-proto", "https")
        .header("x-forwarded-host", "evil.example")
        .send()
        .await
        .unwrap();
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("indelible_session=") && !cookie.contains("Secure"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let sessions = server.client.get(server.url("/api/v1/sessions")).header(COOKIE, cookie);
    let (_, sessions) = json(sessions.send().await.unwrap()).await;
    assert_eq!(sessions["data"][0]["opened_from"], "127.0.0.1");
}

/// Sends bytes as they are, and reads until the server closes. That it does is what is tested.
async fn cut_off(bytes: &[u8]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let indelible = indelible::Indelible::open(directory.path(), &indelible::OpenOptions::default()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = App::new(indelible.clone(), Gate::new(indelible.store().clone()), None);
    let patience = Duration::from_millis(200);
    let serving = tokio::spawn(server::serve_with_patience(listener, app, patience, std::future::pending()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may have closed before all of it was sent.
    stream.write_all(bytes).await.unwrap_or_default();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap_or_default();
    serving.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn who_does_not_say_what_they_want_is_cut_off() {
    for head in
        ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: a"]
    {
        let answer = cut_off(head.as_bytes()).await;
        assert!(!answer.contains(" 200 "), "{head}: {answer}");
    }
    let answer = cut_off(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /hea").await;
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 1, "the first was whole: {answer}");
}

#[tokio::test]
async fn headers_without_end_are_refused() {
    let many = format!("GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-A: b\r\n".repeat(500));
    let long = format!("GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n", "b".repeat(2_000_000));
    for head in [many, long] {
        let answer = cut_off(head.as_bytes()).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    // What one could read in two ways: a proxy would see other requests than we do.
    for smuggled in [
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        "Content-Length: +2\r\n\r\n{}",
        "X-A : b\r\n\r\n",
        "X-A: b\0c\r\n\r\n",
    ] {
        let head = format!("POST /api/v1/sites HTTP/1.1\r\nHost: x\r\n{smuggled}");
        let answer = cut_off(head.as_bytes()).await;
        assert!(!answer.contains(" 200 ") && !answer.contains(" 201 "), "{smuggled}: {answer}");
    }
}

#[tokio::test]
async fn no_cursor_but_our_own_is_taken() {
    let server = Server::start().await;
    let batch: Vec<String> = (0..6).map(|_| entry("")).collect();
    assert_eq!(server.append(format!("[{}]", batch.join(","))).await.0, 200);
    let page = |cursor: &str, more: &str| {
        let cursor = url::form_urlencoded::byte_serialize(cursor.as_bytes()).collect::<String>();
        server.request(Method::GET, &format!("/api/v1/sites/acme.www/entries?limit=2&cursor={cursor}{more}"))
    };
    let first = server.read("/api/v1/sites/acme.www/entries?limit=2").await;
    let good = first["page"]["next"].as_str().unwrap();
    assert_eq!(page(good, "").send().await.unwrap().status(), 200);
    for place in 0..good.len() {
        let mut bytes = good.as_bytes().to_vec();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        let status = page(std::str::from_utf8(&bytes).unwrap(), "").send().await.unwrap().status();
        assert!(status.is_client_error(), "changed at {place}: {status}");
    }
    let twice = good.repeat(2);
    for cursor in [
        &good[1..],
        &good[..good.len() - 1],
        twice.as_str(),
        "../../etc/passwd",
        "\u{0}",
        "'; DROP TABLE block; --",
    ] {
        assert!(page(cursor, "").send().await.unwrap().status().is_client_error(), "{cursor}");
    }
    // Nor for another question.
    for more in ["&q=kind:update", "&sort=user", "&user=ana"] {
        assert!(page(good, more).send().await.unwrap().status().is_client_error(), "{more}");
    }
}

#[tokio::test]
async fn what_is_sent_back_in_a_header_stays_one_header() {
    let server = Server::start().await;
    for (name, value) in [("x-request-id", "a\tb"), ("x-request-id", "<script>"), ("host", "evil.example\"x")]
    {
        let request =
            server.request(Method::GET, "/api/v1/sites/acme.www/export?format=csv").header(name, value);
        let answer = request.send().await.unwrap();
        let disposition = answer.headers().get("content-disposition").map(|value| value.to_str().unwrap());
        assert!(
            disposition.is_none_or(|value| value.starts_with("attachment; filename=\"acme.www-")),
            "{value}"
        );
    }
    for site in ["acme.www%0d%0aX-Evil:%201", "acme.www%22%3b%20filename=%22x"] {
        let answer =
            server.request(Method::GET, &format!("/api/v1/sites/{site}/export")).send().await.unwrap();
        assert_eq!(answer.status(), 404);
        assert!(
            answer.headers().get("x-evil").is_none() && answer.headers().get("content-disposition").is_none()
        );
    }
    let in_address = server.client.get(server.url(&format!("/api/v1/sites?access_token={}", server.root)));
    refused(in_address, 401, "unauthenticated", "-").await;
    let twice = server
        .client
        .get(server.url("/api/v1/sites"))
        .header(AUTHORIZATION, "Bearer idl_wrong")
        .header(AUTHORIZATION, format!("Bearer {}", server.root));
    assert_eq!(
        twice.send().await.unwrap().status(),
        401,
        "the first one counts, as for every proxy before us"
    );
}
