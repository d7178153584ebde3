//! Rows of Wagtail's log models.
//!
//! ```json
//! {"log_model":"wagtailcore.PageLogEntry","id":6,"content_type_id":51,
//!  "content_type_label":"acme.standardpage","page_id":4,"label":"First renamed",
//!  "action":"wagtail.rename","data":{"title":{"old":"First","new":"First renamed"}},
//!  "timestamp":"2026-11-21T04:17:28.271512+00:00","uuid":"139010c0-…","user_id":1,"revision_id":3,
//!  "content_changed":false,"deleted":false,"message_derived":"Renamed from 'First' to 'First renamed'",
//!  "comment_derived":"","user_display_name_derived":"Ada Root"}
//! ```
//!
//! Fields that end in `_derived` are not columns: Wagtail computes them when it reads, and an export has to
//! save them while user, type and formatter still exist.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::fields::{Object, Problem, flag, key, required_text, text, words};
use super::ids::Ids;
use super::wire::{WireActor, WireEntity, WireEntry};

/// Columns and derived fields of every log model. Whatever else a row has is a column of a custom model.
const KNOWN: &[&str] = &[
    "log_model",
    "id",
    "content_type_id",
    "content_type_label",
    "page_id",
    "object_id",
    "label",
    "action",
    "data",
    "timestamp",
    "uuid",
    "user_id",
    "revision_id",
    "content_changed",
    "deleted",
    "message_derived",
    "comment_derived",
    "user_display_name_derived",
];

/// Type of an entity whose content type was removed from the database, as Wagtail's own report calls it.
const TYPE_UNKNOWN: &str = "unknown";

pub(super) fn translate(row: &Object, ids: &mut Ids) -> Result<WireEntry, Problem> {
    let action = required_text(row, "action")?;
    let entity = WireEntity {
        kind: words(row, "content_type_label").unwrap_or(TYPE_UNKNOWN).to_owned(),
        id: entity_id(row)?,
        title: text(row, "label")?.filter(|label| !label.is_empty()).map(str::to_owned),
    };
    text(row, "content_type_label")?;
    let time = time(row)?;
    let id = match (text(row, "log_model")?, key(row, "id")?) {
        (Some(model), Some(pk)) => ids.of_key(&format!("{model}:{pk}")),
        // Without its primary key a row is known by its content only.
        _ => ids.of_content(&Value::Object(row.clone()).to_string()),
    };
    let mut entry = WireEntry::new("wagtail", id, time.to_string(), action.to_owned(), entity);
    entry.actor = actor(row)?;
    entry.correlation_id = correlation(row)?;
    entry.summary = words(row, "message_derived").map(str::to_owned);
    entry.reason = reason(row);
    entry.data = data(row);
    // Wagtail's own actions are in the registry; a custom one says here whether it removed its object.
    let removed = flag(row, "deleted")?;
    flag(row, "content_changed")?;
    entry.kind = (removed && !action.starts_with("wagtail.")).then_some("delete");
    if action == "wagtail.rename" {
        (entry.before, entry.after) = titles(row);
    }
    Ok(entry)
}

/// The primary key of the object: of a page, of any other model, or of what a custom log model points at by
/// its one further foreign key.
fn entity_id(row: &Object) -> Result<String, Problem> {
    for field in ["page_id", "object_id"] {
        if let Some(id) = key(row, field)? {
            return Ok(id);
        }
    }
    let mut foreign = row.keys().filter(|name| name.ends_with("_id") && !KNOWN.contains(&name.as_str()));
    let id = match (foreign.next(), foreign.next()) {
        (Some(only), None) => key(row, only)?,
        _ => None,
    };
    id.ok_or_else(|| {
        Problem::of("object_id", "is required: neither `page_id` nor `object_id` names the object")
    })
}

fn time(row: &Object) -> Result<Timestamp, Problem> {
    let text = required_text(row, "timestamp")?;
    text.parse().map_err(|_| {
        Problem::of("timestamp", "expected a time with zone such as 2026-11-21T04:17:28.079489+00:00")
    })
}

/// No user means the system did it. A user that is gone has left only its id: Wagtail's reader then fails,
/// and the text of its exception is not a name.
fn actor(row: &Object) -> Result<WireActor, Problem> {
    let Some(id) = key(row, "user_id")? else { return Ok(WireActor::system()) };
    let name = words(row, "user_display_name_derived").filter(|name| !name.starts_with('<'));
    Ok(WireActor { name: name.map(str::to_owned), ..WireActor::user(id) })
}

fn correlation(row: &Object) -> Result<Option<Uuid>, Problem> {
    let Some(text) = text(row, "uuid")? else { return Ok(None) };
    match Uuid::try_parse(text) {
        Ok(uuid) => Ok(Some(uuid)),
        Err(_) => Err(Problem::of("uuid", "expected a UUID or null")),
    }
}

/// The reviewer's comment, as the formatter renders it or as it is stored.
fn reason(row: &Object) -> Option<String> {
    let derived = words(row, "comment_derived");
    let stored = || row.get("data").and_then(Value::as_object).and_then(|data| words(data, "comment"));
    derived.or_else(stored).map(str::to_owned)
}

/// `data` verbatim, with the row's flags, its own identity and the columns of custom models under `wagtail`.
fn data(row: &Object) -> Value {
    let mut flags = Object::new();
    let custom = row.keys().map(String::as_str).filter(|name| !KNOWN.contains(name));
    let known = ["log_model", "id", "content_type_id", "revision_id", "content_changed", "deleted"];
    for name in known.into_iter().chain(custom) {
        if let Some(value) = row.get(name) {
            flags.insert(name.to_owned(), value.clone());
        }
    }
    let mut data = match row.get("data") {
        // Rows older than the JSON column hold an empty text or null for "nothing".
        None | Some(Value::Null) => Object::new(),
        Some(Value::String(text)) if text.is_empty() => Object::new(),
        Some(Value::Object(data)) if !data.contains_key("wagtail") => data.clone(),
        Some(other) => Object::from_iter([("data".to_owned(), other.clone())]),
    };
    data.insert("wagtail".to_owned(), Value::Object(flags));
    Value::Object(data)
}

/// The two titles of a rename. Publishing repeats them, but there they are not what changed: the rename
/// beside it has said so already.
fn titles(row: &Object) -> (Option<Object>, Option<Object>) {
    let title = row.get("data").and_then(|data| data.get("title"));
    let state = |side: &str| {
        let title = title?.get(side)?.as_str()?;
        json!({ "title": title }).as_object().cloned()
    };
    match (state("old"), state("new")) {
        (Some(old), Some(new)) => (Some(old), Some(new)),
        _ => (None, None),
    }
}
