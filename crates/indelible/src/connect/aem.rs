//! Flat records of the AEM Edge Delivery log: one admin operation each, or what a service reports.
//!
//! ```json
//! {"timestamp":1777881600123,"duration":467,"status":201,"method":"POST","route":"preview",
//!  "path":"/news/spring","user":"ana@example.com","ip":"203.0.113.7","org":"acme","site":"www","ref":"main"}
//! ```
//!
//! The record is kept whole as the entry's `data`: whoever reads it back through the AEM dialect gets every
//! key.

use jiff::Timestamp;
use model::action::aem::{from_operation, from_source};
use serde_json::Value;
use serde_json::value::RawValue;

use super::fields::{Object, Problem, key, required_text, text, words};
use super::ids::Ids;
use super::wire::{WireActor, WireEntity, WireEntry, WireOrigin};

/// The fields that an operation is read from.
const FIELDS: [&str; 14] = [
    "route",
    "method",
    "source",
    "path",
    "paths",
    "snapshotId",
    "org",
    "site",
    "status",
    "duration",
    "message",
    "search",
    "error",
    "errors",
];

/// What a record tells of its operation. What cannot be used is as if it were not there.
#[derive(Debug)]
pub(crate) struct Operation {
    /// Its code.
    pub(crate) action: String,
    /// Type and id of what it was done to.
    pub(crate) entity: (String, String),
    pub(crate) has_failed: bool,
    pub(crate) summary: Option<String>,
    pub(crate) duration_ms: Option<u64>,
    /// Problems of the whole and of its items, each as one text.
    pub(crate) errors: Vec<String>,
    pub(crate) method: Option<String>,
    pub(crate) route: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) query: Option<String>,
}

impl Operation {
    /// Reads what is needed of a record's JSON, an object.
    pub(crate) fn read(json: &RawValue) -> Self {
        let fields = model::diff::fields(json).unwrap_or_default();
        let known = fields.into_iter().filter(|(name, _)| FIELDS.contains(&name.as_ref()));
        let read = known
            .filter_map(|(name, value)| Some((name.into_owned(), serde_json::from_str(value.get()).ok()?)));
        Self::of(&read.collect())
    }

    fn of(record: &Object) -> Self {
        let route = words(record, "route").map(|route| route.trim().trim_start_matches('/').to_owned());
        let route = route.filter(|route| !route.is_empty());
        let method = words(record, "method").map(str::to_ascii_uppercase);
        let errors = errors(record);
        let refused = record.get("status").and_then(Value::as_u64).is_some_and(|status| status >= 400);
        let query = words(record, "search").map(|query| query.trim_start_matches('?').to_owned());
        Self {
            action: action(route.as_deref(), method.as_deref(), words(record, "source")),
            entity: entity(record, route.as_deref()),
            has_failed: refused || !errors.is_empty(),
            summary: words(record, "message").map(str::to_owned),
            duration_ms: record.get("duration").and_then(Value::as_u64),
            errors,
            method,
            route,
            path: words(record, "path").map(str::to_owned),
            query: query.filter(|query| !query.is_empty()),
        }
    }
}

pub(super) fn translate(record: Object, ids: &mut Ids) -> Result<WireEntry, Problem> {
    let time = time(&record)?;
    // A file is judged more strictly than a client: whoever made it can mend it.
    for field in ["route", "method", "search"] {
        text(&record, field)?;
    }
    let git_ref = key(&record, "ref")?;
    let operation = Operation::of(&record);
    let actor = actor(&record);
    // The first element of X-Forwarded-For may be any text; what is no address stays in `data` only.
    let ip = words(&record, "ip").and_then(|ip| ip.trim().parse().ok());
    let record = Value::Object(record);

    let id = ids.of_content(&record.to_string());
    let (kind, entity_id) = operation.entity;
    let entity = WireEntity { kind, id: entity_id, title: None };
    let mut entry = WireEntry::new("aem", id, time.to_string(), operation.action, entity);
    entry.outcome = operation.has_failed.then_some("failure");
    entry.actor = actor;
    entry.origin = WireOrigin {
        ip,
        method: operation.method,
        route: operation.route,
        path: operation.path,
        query: operation.query,
        git_ref,
        channel: None,
    };
    entry.summary = operation.summary;
    entry.duration_ms = operation.duration_ms;
    entry.errors = operation.errors;
    entry.data = record;
    Ok(entry)
}

/// Epoch milliseconds as AEM writes them, or RFC 3339 as people do.
fn time(record: &Object) -> Result<Timestamp, Problem> {
    let expected = || Problem::of("timestamp", "expected milliseconds since 1970 or a time with zone");
    match record.get("timestamp") {
        Some(Value::Number(number)) => {
            let millis = number.as_i64().ok_or_else(expected)?;
            Timestamp::from_millisecond(millis).map_err(|_| expected())
        }
        Some(Value::String(_)) => required_text(record, "timestamp")?.parse().map_err(|_| expected()),
        Some(Value::Null) | None => Err(Problem::of("timestamp", "is required")),
        Some(_) => Err(expected()),
    }
}

/// The action's code: of the operation, else of the service that reports. The registry and the AEM dialect
/// use the same function, so an operation has one code whichever way it comes in.
fn action(route: Option<&str>, method: Option<&str>, source: Option<&str>) -> String {
    match (route, source) {
        (None, Some(source)) => match from_source(source) {
            Some(code) => code.to_owned(),
            None => from_operation(&slug(source), "").into_owned(),
        },
        (route, _) => {
            from_operation(&slug(route.unwrap_or_default()), method.unwrap_or_default()).into_owned()
        }
    }
}

/// A code has no white space.
fn slug(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join("-")
}

/// The path, where the record is about one. Bulk operations are about a snapshot or about the site.
fn entity(record: &Object, route: Option<&str>) -> (String, String) {
    let entity = |kind: &str, id: &str| (kind.to_owned(), id.to_owned());
    let single = match record.get("paths").and_then(Value::as_array).map(Vec::as_slice) {
        Some([Value::String(path)]) if !path.is_empty() => Some(path.as_str()),
        _ => None,
    };
    if let Some(path) = words(record, "path").or(single) {
        let file = path.rsplit('/').next().unwrap_or_default();
        let has_pages = matches!(route, Some("preview" | "live" | "index" | "schedule-page-intent"));
        let extension = file.split_once('.').map(|(_, extension)| extension);
        let is_page = has_pages && file != "*" && extension.is_none_or(|extension| extension == "html");
        return entity(if is_page { "page" } else { "resource" }, path);
    }
    if let Some(snapshot) = words(record, "snapshotId") {
        return entity("snapshot", snapshot);
    }
    match (words(record, "org"), words(record, "site")) {
        (Some(org), Some(site)) => entity("site", &format!("{org}/{site}")),
        (None, Some(name)) | (Some(name), None) => entity("site", name),
        (None, None) => entity("site", "*"),
    }
}

/// Problems of the whole operation and of its items, each as one text.
fn errors(record: &Object) -> Vec<String> {
    let whole = words(record, "error").map(str::to_owned);
    let items = record.get("errors").and_then(Value::as_array).into_iter().flatten();
    whole.into_iter().chain(items.filter_map(error_text)).collect()
}

fn error_text(item: &Value) -> Option<String> {
    match item {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Object(object) => match (words(object, "message"), words(object, "target")) {
            (Some(message), Some(target)) => Some(format!("{target}: {message}")),
            (Some(message), None) => Some(message.to_owned()),
            (None, _) => Some(item.to_string()),
        },
        Value::Bool(_) | Value::Number(_) | Value::Array(_) => Some(item.to_string()),
    }
}

/// The credential's owner. AEM records a mail address, a user id or a name in one field.
fn actor(record: &Object) -> WireActor {
    let user = match record.get("user") {
        None | Some(Value::Null) => return WireActor::system(),
        Some(Value::String(user)) if user.is_empty() => return WireActor::system(),
        Some(Value::String(user)) => user.clone(),
        Some(other) => other.to_string(),
    };
    let email = user.contains('@').then(|| user.clone());
    WireActor { email, ..WireActor::user(user) }
}
