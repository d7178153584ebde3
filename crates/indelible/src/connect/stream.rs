//! Records of Stream, the activity log of `WordPress` and Altis.
//!
//! ```json
//! {"ID":12,"site_id":"1","blog_id":"1","object_id":"7","user_id":"1","user_role":"administrator",
//!  "created":"2026-11-21 04:56:31","summary":"Editor One's role was changed from Author to Editor",
//!  "connector":"users","context":"profiles","action":"updated","ip":"192.0.2.10",
//!  "meta":{"display_name":"Editor One","old_role":"Author","new_role":"Editor",
//!          "user_meta":{"user_email":"admin@example.com","display_name":"admin","user_login":"admin",
//!                       "user_role_label":"Administrator","agent":""}}}
//! ```
//!
//! Stream's driver hands over every column as a string and `meta` with its types, so both are accepted for
//! numbers. Which entity a record is about depends on its connector: see [`super::stream_subject`].

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::fields::{Object, Problem, key, nested, required_text, text, words};
use super::ids::Ids;
use super::stream_subject::subject;
use super::wire::{WireActor, WireEntry, WireOrigin};

/// Columns that the entry holds in fields of its own.
const TOLD_ELSEWHERE: &[&str] = &["summary", "created", "action", "user_id", "user_role", "ip"];

pub(super) fn translate(record: Object, ids: &mut Ids) -> Result<WireEntry, Problem> {
    // The capture file wraps each record in a note on how it came about.
    let record = match record.get("record") {
        Some(Value::Object(inner)) if !record.contains_key("connector") => inner.clone(),
        _ => record,
    };
    let connector = required_text(&record, "connector")?;
    let word = required_text(&record, "action")?;
    text(&record, "context")?;
    let time = time(&record)?;
    let nothing = Object::new();
    let meta = nested(&record, "meta")?.unwrap_or(&nothing);
    let entity = subject(connector, &record, meta)?;
    let id = match key(&record, "ID")? {
        Some(id) => ids.of_key(&id),
        None => ids.of_content(&Value::Object(record.clone()).to_string()),
    };
    let mut entry = WireEntry::new("stream", id, time.to_string(), format!("wp.{connector}.{word}"), entity);
    entry.actor = actor(&record, meta)?;
    entry.origin = origin(&record, meta)?;
    entry.summary = text(&record, "summary")?.filter(|text| !text.is_empty()).map(str::to_owned);
    (entry.before, entry.after) = states(connector, word, meta);
    entry.data = data(&record, entry.origin.ip.is_some());
    Ok(entry)
}

/// `created` is UTC and says so nowhere.
fn time(record: &Object) -> Result<Timestamp, Problem> {
    let text = required_text(record, "created")?;
    let expected = || Problem::of("created", "expected a UTC time such as 2026-11-21 04:56:31");
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let time: DateTime = text.parse().map_err(|_| expected())?;
    time.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| expected())
}

/// User 0 is the system, cron, WP-CLI and also every visitor. A visitor's self-chosen name must not pass
/// for an actor's, so it stays in `data`.
fn actor(record: &Object, meta: &Object) -> Result<WireActor, Problem> {
    let role = text(record, "user_role")?.filter(|role| !role.is_empty());
    let id = key(record, "user_id")?.filter(|id| id != "0");
    let Some(id) = id else { return Ok(WireActor::system()) };
    let user = nested(meta, "user_meta").map_err(|problem| Problem::of("meta.user_meta", problem.message))?;
    let word = |field| user.and_then(|user| words(user, field)).map(str::to_owned);
    Ok(WireActor {
        name: word("display_name").or_else(|| word("user_login")),
        email: word("user_email"),
        roles: role.map(str::to_owned).into_iter().collect(),
        ..WireActor::user(id)
    })
}

fn origin(record: &Object, meta: &Object) -> Result<WireOrigin, Problem> {
    let agent = meta.get("user_meta").and_then(Value::as_object).and_then(|user| words(user, "agent"));
    Ok(WireOrigin {
        ip: text(record, "ip")?.and_then(|ip| ip.trim().parse().ok()),
        channel: agent.map(str::to_owned),
        ..WireOrigin::default()
    })
}

/// All of `meta` verbatim beside the columns that have no field in an entry. An address that is none is
/// kept here.
fn data(record: &Object, ip_told: bool) -> Value {
    let told = |name: &str| TOLD_ELSEWHERE.contains(&name) && (name != "ip" || ip_told);
    Value::Object(
        record.iter().filter(|(name, _)| !told(name)).map(|(k, v)| (k.clone(), v.clone())).collect(),
    )
}

/// The states that the record's pairs of old and new values amount to.
///
/// Stream writes `old_value`/`value` for settings, `old_x`/`new_x` for status and role, `old_x`/`x` for
/// versions, domains and sidebars. A pair of equal values says nothing: either nothing changed, or Stream
/// flattened two different lists to the same empty text.
fn states(connector: &str, word: &str, meta: &Object) -> (Option<Object>, Option<Object>) {
    let mut before = Object::new();
    let mut after = Object::new();
    for (old_name, old) in meta {
        let Some(name) = old_name.strip_prefix("old_") else { continue };
        let new = meta.get(&format!("new_{name}")).or_else(|| meta.get(name));
        let Some(new) = new.filter(|new| *new != old) else { continue };
        // `new` is the status of what did not exist before.
        if !(name == "status" && *old == json!("new")) {
            before.insert(name.to_owned(), old.clone());
        }
        after.insert(name.to_owned(), new.clone());
    }
    // Stream leaves out nulls, so that of a setting's first or last value only one side is there.
    let missing_old = connector == "settings" && !meta.contains_key("old_value");
    if let (true, Some(new)) = (missing_old, meta.get("value")) {
        before.insert("value".to_owned(), Value::Null);
        after.insert("value".to_owned(), new.clone());
    }
    let missing_new = connector == "settings" && !meta.contains_key("value");
    if let (true, Some(old)) = (missing_new, meta.get("old_value")) {
        before.insert("value".to_owned(), old.clone());
        after.insert("value".to_owned(), Value::Null);
    }
    // Only a creation may have an after without a before.
    if after.is_empty() || (before.is_empty() && word != "created") {
        return (None, None);
    }
    ((!before.is_empty()).then_some(before), Some(after))
}
