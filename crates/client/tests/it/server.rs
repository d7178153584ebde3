//! A server on a port of its own that gives the answers it was told to, and remembers what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, Uri};
use client::{Client, Settings};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// One request as it arrived.
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The entries of an NDJSON body.
    pub(crate) fn entries(&self) -> Vec<Value> {
        let lines = self.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }
}

/// Makes an answer of a request.
type Answer = Box<dyn Fn(&Seen) -> Response<Body> + Send>;

#[derive(Default)]
struct Inner {
    script: VecDeque<Answer>,
    seen: Vec<Seen>,
}

#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

impl Server {
    /// Starts a server that gives these answers, one for each request.
    pub(crate) async fn start<const N: usize>(script: [Answer; N]) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    pub(crate) fn on<const N: usize>(listener: TcpListener, script: [Answer; N]) -> Self {
        let inner = Arc::new(Mutex::new(Inner { script: VecDeque::from(script), seen: Vec::new() }));
        let server = Self { address: listener.local_addr().unwrap(), inner: Arc::clone(&inner) };
        let limit = axum::extract::DefaultBodyLimit::disable();
        let app = Router::new().fallback(answer).layer(limit).with_state(inner);
        tokio::spawn(async move { axum::serve(listener, app).await });
        server
    }

    pub(crate) fn client(&self) -> Client {
        client_of(self.address)
    }

    /// What it was asked. The script must have come to its end.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let mut inner = self.inner.lock().unwrap();
        assert_eq!(inner.script.len(), 0, "answers that nobody asked for");
        std::mem::take(&mut inner.seen)
    }
}

/// A client that never waits between tries, of which it has three.
pub(crate) fn client_of(address: SocketAddr) -> Client {
    let settings = Settings { tries_max: 3, backoff_first: Duration::ZERO, ..Settings::default() };
    Client::with_settings(&format!("http://{address}"), "t0k3n", settings).unwrap()
}

async fn answer(
    State(inner): State<Arc<Mutex<Inner>>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let seen = Seen { path: uri.path().to_owned(), headers, body };
    let mut inner = inner.lock().unwrap();
    let answer = inner.script.pop_front().map(|answer| answer(&seen));
    inner.seen.push(seen);
    answer.unwrap_or_else(|| respond(500, "text/plain", "the script is at its end"))
}

fn respond(status: u16, content_type: &str, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).header("content-type", content_type).body(body.into()).unwrap()
}

/// Any answer.
pub(crate) fn says(status: u16, content_type: &'static str, body: impl Into<String>) -> Answer {
    let body = body.into();
    Box::new(move |_| respond(status, content_type, body.clone()))
}

/// A problem document.
pub(crate) fn problem(status: u16, code: &str, detail: &str, errors: &Value) -> Answer {
    let document = json!({"type": "about:blank", "title": "Problem", "status": status,
        "code": code, "detail": detail, "errors": errors});
    says(status, "application/problem+json", document.to_string())
}

/// 503 or 429 with the header that says when to come back.
pub(crate) fn later(status: u16, retry_after: &'static str) -> Answer {
    Box::new(move |_| {
        let mut response = respond(status, "application/problem+json", r#"{"code":"busy"}"#);
        response.headers_mut().insert("retry-after", retry_after.parse().unwrap());
        response
    })
}

pub(crate) const LEAF_HASH: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";

/// The receipt of the one entry sent.
pub(crate) fn takes_one(status: u16) -> Answer {
    Box::new(move |seen| {
        let entry: Value = serde_json::from_slice(&seen.body).unwrap();
        let receipt = json!({"id": entry["id"], "index": 7, "recorded_at": "2026-11-21T04:15:15.123Z",
            "leaf_hash": LEAF_HASH});
        respond(status, "application/json", receipt.to_string())
    })
}

/// The results of a batch: takes all but the entities whose id is `bad`, counting from `first`.
pub(crate) fn takes_all(first: usize) -> Answer {
    Box::new(move |seen| {
        let entries = seen.entries();
        let is_bad = |entry: &&Value| entry["entity"]["id"] == "bad";
        let rejected = entries.iter().filter(is_bad).count();
        let result = |(place, entry): (usize, &Value)| {
            if is_bad(&entry) {
                return json!({"error": {"code": "invalid_value", "field": "entity.id", "message": "bad"}});
            }
            json!({"id": entry["id"], "index": first + place, "leaf_hash": LEAF_HASH})
        };
        let results: Vec<_> = entries.iter().enumerate().map(result).collect();
        let answer = json!({"accepted": entries.len() - rejected, "rejected": rejected, "results": results});
        respond(if rejected == 0 { 200 } else { 207 }, "application/json", answer.to_string())
    })
}
