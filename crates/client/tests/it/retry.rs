//! When the client tries again, and when it gives up. The waits between tries are set to nothing.

use std::net::SocketAddr;

use axum::http::StatusCode;
use client::{Client, Entry, Error};
use tokio::net::TcpListener;

use crate::server::{Server, client_of, later, says, takes_one};

fn entry() -> Entry {
    Entry::new("page.edit", "page", "7")
}

#[tokio::test]
async fn a_busy_server_is_asked_again_with_the_same_entry() {
    for status in [429, 503] {
        let server =
            Server::start([later(status, "0"), says(status, "text/plain", ""), takes_one(201)]).await;
        server.client().append("www", &entry()).await.unwrap();
        let bodies: Vec<_> = server.seen().into_iter().map(|seen| seen.body).collect();
        assert_eq!(bodies.len(), 3);
        assert!(bodies.iter().all(|body| *body == bodies[0]));
    }
}

#[tokio::test]
async fn a_server_that_stays_busy_is_left_alone_in_the_end() {
    let server = Server::start([later(503, "0"), later(503, "0"), later(503, "0")]).await;
    let error = server.client().append("www", &entry()).await.unwrap_err();
    let Error::Refused(problem) = &error else { panic!("{error:?}") };
    assert_eq!((problem.status, problem.code.as_str()), (StatusCode::SERVICE_UNAVAILABLE.as_u16(), "busy"));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_server_that_asks_for_an_hour_is_not_asked_again() {
    let server = Server::start([later(503, "3600")]).await;
    let error = server.client().append("www", &entry()).await.unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_date_to_come_back_at_is_no_reason_to_give_up() {
    let server = Server::start([later(503, "Sat, 21 Nov 2026 04:15:15 GMT"), takes_one(201)]).await;
    server.client().append("www", &entry()).await.unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client_of(listener.local_addr().unwrap());
    let sending = tokio::spawn(async move { client.append("www", &entry()).await });
    drop(listener.accept().await.unwrap());
    let server = Server::on(listener, [takes_one(200)]);
    assert!(sending.await.unwrap().unwrap().known);
    assert_eq!(server.seen().len(), 1);
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let address = nobody().await;
    let error = client_of(address).append("www", &entry()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { tries: 3, .. }), "{error:?}");
    let message = error.to_string();
    assert!(message.contains(&format!("http://{address}/api/v1/sites/www/entries (3 tries)")), "{message}");
    assert!(message.to_lowercase().contains("connection refused"), "{message}");
    assert!(!format!("{error:?}").contains("t0k3n"));
}

#[tokio::test]
async fn a_server_that_never_answers_is_unreachable() {
    // Nobody accepts: the system completes the connection, and the request is never read.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = client::Settings {
        request_timeout: std::time::Duration::from_millis(1),
        tries_max: 0,
        ..client::Settings::default()
    };
    let base = format!("http://{}", silent.local_addr().unwrap());
    let client = Client::with_settings(&base, "t0k3n", settings).unwrap();
    let error = client.append("www", &entry()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { tries: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("timed out"), "{error}");
}

#[tokio::test]
async fn redirects_are_told_and_not_followed() {
    let elsewhere = Server::start([]).await;
    let place = format!("http://{}/elsewhere", elsewhere.address);
    let redirect = move |status: u16| {
        let place = place.clone();
        let answer = move |_: &_| {
            let response = axum::http::Response::builder().status(status).header("location", &place);
            response.body(axum::body::Body::empty()).unwrap()
        };
        Server::start([Box::new(answer)])
    };
    for status in [301, 307, 308] {
        let server = redirect(status).await;
        let error = server.client().append("www", &entry()).await.unwrap_err();
        assert!(matches!(error, Error::Unexpected { .. }), "{error:?}");
        assert!(error.to_string().contains("/elsewhere, and redirects are not followed"), "{error}");
    }
    assert_eq!(elsewhere.seen().len(), 0);
}
