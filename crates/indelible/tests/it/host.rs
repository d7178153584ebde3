//! A host as a content system would be one: it holds entities, logs what is done to them, and takes reverts over HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use indelible::hosts::is_signed;
use model::diff::{self, Patched};
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::Server;

pub(crate) const SECRET: &str = "a secret of host and log";

/// How the host behaves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mood {
    Well,
    /// Answers with this, and does nothing.
    Answers(u16, String),
    /// Does it, and does not answer.
    DoesAndIsSilent,
}

pub(crate) struct Host {
    pub(crate) url: String,
    inner: Arc<Inner>,
    serving: JoinHandle<()>,
}

struct Inner {
    mood: Mutex<Mood>,
    entities: Mutex<HashMap<String, Box<RawValue>>>,
    answered: Mutex<HashMap<String, String>>,
    orders: Mutex<Vec<Value>>,
}

#[derive(Deserialize)]
struct Order {
    idempotency_key: String,
    entity: Target,
    set: HashMap<String, Box<RawValue>>,
    remove: Vec<String>,
    expected: HashMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
struct Target {
    id: String,
}

impl Drop for Host {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Host {
    /// A host that the site `acme.www` knows as the connector `cms`.
    pub(crate) async fn start(server: &Server) -> Self {
        let inner = Arc::new(Inner {
            mood: Mutex::new(Mood::Well),
            entities: Mutex::default(),
            answered: Mutex::default(),
            orders: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/revert", listener.local_addr().unwrap());
        let router = Router::new().route("/revert", post(revert)).with_state(inner.clone());
        let serving = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        let host = Self { url, inner, serving };
        let connector = json!({"revert_url": host.url, "revert_secret": SECRET});
        let request = server.request(Method::PUT, "/api/v1/sites/acme.www/connectors/cms").json(&connector);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
        host
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.inner.mood.lock().unwrap() = mood;
    }

    /// The orders that came, those that were answered from memory too.
    pub(crate) fn orders(&self) -> Vec<Value> {
        self.inner.orders.lock().unwrap().clone()
    }

    /// An entity's present state, byte for byte.
    pub(crate) fn state(&self, id: &str) -> Option<String> {
        self.inner.entities.lock().unwrap().get(id).map(|state| state.get().to_owned())
    }

    /// Has the page become this, without telling anybody.
    pub(crate) fn set(&self, id: &str, state: &str) {
        let state = serde_json::from_str(state).unwrap();
        self.inner.entities.lock().unwrap().insert(id.to_owned(), state);
    }

    /// Saves the page and logs it; the entry's id.
    pub(crate) async fn save(&self, server: &Server, id: &str, after: &str) -> String {
        let before = self.state(id);
        self.set(id, after);
        let action = if before.is_some() { "cms.update" } else { "cms.create" };
        let before = before.unwrap_or_else(|| "null".to_owned());
        let entry = format!(
            r#"{{"action":"{action}","connector":"cms","entity":{{"type":"page","id":"{id}","title":"Home"}},
                "before":{before},"after":{after}}}"#
        );
        server.appended(entry).await["id"].as_str().unwrap().to_owned()
    }
}

async fn revert(State(host): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let signature = headers["indelible-signature"].to_str().unwrap();
    let now = indelible::clock::now().as_second();
    if !is_signed(SECRET, signature, &body, now) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    host.orders.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    let mood = host.mood.lock().unwrap().clone();
    if let Mood::Answers(status, text) = &mood {
        return (StatusCode::from_u16(*status).unwrap(), text.clone()).into_response();
    }
    let order: Order = serde_json::from_slice(&body).unwrap();
    let known = host.answered.lock().unwrap().get(&order.idempotency_key).cloned();
    let answer = match known {
        Some(answer) => answer,
        None => match apply(&host, &order) {
            Ok(answer) => answer,
            Err(response) => return response,
        },
    };
    if mood == Mood::DoesAndIsSilent {
        // Longer than anybody waits; the test does not.
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
    answer.into_response()
}

fn apply(host: &Inner, order: &Order) -> Result<String, Response> {
    let mut entities = host.entities.lock().unwrap();
    let before = entities.get(&order.entity.id).cloned();
    let mut state = before.as_deref().map_or_else(Patched::empty, Patched::new);
    for path in order.set.keys().chain(&order.remove) {
        let found = state.get(path).map(|text| RawValue::from_string(text).unwrap());
        let fits = match (&found, order.expected.get(path)) {
            (Some(found), Some(expected)) => diff::same(found, expected),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        if !fits {
            let current =
                before.as_deref().map_or(json!(null), |state| serde_json::from_str(state.get()).unwrap());
            return Err((StatusCode::CONFLICT, Json(json!({"current": current}))).into_response());
        }
    }
    for (path, value) in &order.set {
        state.set(path, value).unwrap();
    }
    for path in &order.remove {
        state.remove(path).unwrap();
    }
    let after = state.to_raw();
    let before = before.map_or("null".to_owned(), |state| state.get().to_owned());
    let answer = format!(r#"{{"before":{before},"after":{after}}}"#);
    entities.insert(order.entity.id.clone(), after);
    host.answered.lock().unwrap().insert(order.idempotency_key.clone(), answer.clone());
    Ok(answer)
}
