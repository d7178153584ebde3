//! Reading is itself recorded: which routes read what, and who did.
//!
//! Every handler that takes a caller puts it down here; when the answer is a success, it is noted. So a handler
//! neither has to think of it nor can forget it. [`READING`] is the table; a test holds every route of the API document
//! against it.

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use super::{App, query};
use crate::access::Caller;
use crate::trail::Note;

/// Bytes of a question that are recorded.
const QUESTION_BYTES_MAX: usize = 4_000;

/// Parameters that do not change what is looked for, or must not be told.
const NO_QUESTION: [&str; 4] = ["cursor", "limit", "count", "token"];

/// What a route reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// What a filter finds.
    Search,
    /// One thing: an entry, a history, a state, a receipt.
    Thing,
    /// Takes entries away as a file.
    Export,
}

/// Routes that read entries, each with what it reads.
pub const READING: [(&str, Reading); 27] = [
    ("/api/v1/entries", Reading::Search),
    ("/api/v1/sites/{site}/entries", Reading::Search),
    ("/api/v1/sites/{site}/entries/tail", Reading::Search),
    ("/api/v1/facets", Reading::Search),
    ("/api/v1/sites/{site}/facets", Reading::Search),
    ("/api/v1/export", Reading::Export),
    ("/api/v1/sites/{site}/export", Reading::Export),
    ("/api/v1/sites/{site}/evidence", Reading::Export),
    ("/api/v1/sites/{site}/entries/{id}", Reading::Thing),
    ("/api/v1/sites/{site}/entries/{id}/proof", Reading::Thing),
    ("/api/v1/sites/{site}/entities/{type}/{id}/history", Reading::Thing),
    ("/api/v1/sites/{site}/entities/{type}/{id}/state", Reading::Thing),
    ("/api/v1/sites/{site}/audit", Reading::Search),
    ("/api/v1/sites/{site}/audit/ai-usage", Reading::Search),
    ("/api/v1/audit/entity/{type}/{id}", Reading::Thing),
    ("/api/v1/audit/history/{type}/{id}", Reading::Thing),
    ("/api/v1/audit/user/{user}", Reading::Search),
    ("/log/{*rest}", Reading::Search),
    ("/{org}/sites/{site}/log", Reading::Search),
    ("/{org}/sites/{site}/log/", Reading::Search),
    ("/activity", Reading::Search),
    ("/embed", Reading::Search),
    ("/find", Reading::Search),
    ("/sites/{site}", Reading::Search),
    ("/sites/{site}/entries/{id}", Reading::Thing),
    ("/sites/{site}/entries/{id}/revert", Reading::Thing),
    ("/sites/{site}/entities/{type}/{id}", Reading::Thing),
];

/// Where handlers of a request put down what is to be noted of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted(Arc<Slots>);

#[derive(Debug, Default)]
struct Slots {
    caller: OnceLock<Caller>,
    found: OnceLock<u64>,
}

impl Noted {
    /// Puts down who asks.
    pub(crate) fn caller(parts: &Parts, caller: &Caller) {
        if let Some(noted) = parts.extensions.get::<Self>() {
            noted.0.caller.get_or_init(|| caller.clone());
        }
    }

    /// Puts down how many entries an answer shows.
    pub(crate) fn found(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.0.found.get_or_init(|| count);
    }
}

/// Notes what was read, once it was.
pub(crate) async fn note_reading(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let reading = READING.iter().find(|(known, _)| *known == path).map(|(_, reading)| *reading);
    let Some(reading) = reading.filter(|_| request.method() == Method::GET) else {
        return next.run(request).await;
    };
    let noted = Noted::default();
    request.extensions_mut().insert(noted.clone());
    let uri = request.uri().clone();
    let response = next.run(request).await;
    if let Some(caller) = noted.0.caller.get().filter(|_| response.status().is_success()) {
        let found = noted.0.found.get().copied();
        app.note(note(caller, reading, uri.path(), uri.query(), found));
    }
    response
}

fn note(caller: &Caller, reading: Reading, path: &str, query: Option<&str>, found: Option<u64>) -> Note {
    let pairs = query::pairs(query).unwrap_or_default();
    let asked: Vec<String> = pairs
        .into_iter()
        .filter(|(name, value)| !NO_QUESTION.contains(&name.as_str()) && !value.is_empty())
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let mut question = asked.join("&");
    question.truncate(question.floor_char_boundary(QUESTION_BYTES_MAX));
    let mut path = path.to_owned();
    path.truncate(path.floor_char_boundary(model::limits::CODE_BYTES_MAX));
    match reading {
        Reading::Thing => Note::of(caller, "indelible.read", "route", &path).folded_by(""),
        Reading::Search => Note::of(caller, "indelible.search", "route", &path)
            .folded_by(&question)
            .with(json!({"filter": question, "shown": found})),
        // Each export takes the entries away anew.
        Reading::Export => {
            Note::of(caller, "indelible.export", "route", &path).with(json!({ "filter": question }))
        }
    }
}
