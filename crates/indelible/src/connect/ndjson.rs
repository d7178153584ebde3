//! Our own form: passed on byte for byte, completed by an id.
//!
//! A line of an export is our own form with what its log added to it. That is taken off again, because the log
//! that reads the line adds its own; everything else stays as it is, byte for byte.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::fields::Problem;
use super::ids::Ids;

/// The fields looked at here. Everything else is the door's business and reaches it untouched.
#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(borrow, default, deserialize_with = "even_null")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    entity: Option<&'a RawValue>,
}

/// Keeps an explicit `null` apart from a missing key.
fn even_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// The line itself, with an id if it had none.
pub(super) fn complete(line: &str, ids: &mut Ids) -> Result<String, Problem> {
    let line = without_log_fields(line.trim())?;
    let line = line.as_ref();
    let Some(rest) = line.strip_prefix('{') else {
        return Err(Problem::whole("expected a JSON object, one entry a line"));
    };
    let probe: Probe<'_> =
        serde_json::from_str(line).map_err(|error| Problem::whole(format!("not JSON: {error}")))?;
    expect(probe.action, '"', "action", "a string such as \"page.publish\"")?;
    expect(probe.entity, '{', "entity", "an object with `type` and `id`")?;
    if probe.id.is_some() {
        // A null would get a fresh id at every reading.
        expect(probe.id, '"', "id", "a UUID, or no `id` at all")?;
        return Ok(line.to_owned());
    }
    // An object with an action is not empty, so a comma follows.
    Ok(format!("{{\"id\":\"{}\",{rest}", ids.of_content(line)))
}

/// What a log adds to an entry, as exports show it.
const LOG_FIELDS: [&str; 6] = ["site", "index", "recorded_at", "changed", "source", "leaf_hash"];

/// What a log adds to some entries.
const SOME_LOG_FIELDS: [&str; 2] = ["reverted_by", "erased"];

/// An exported line as its sender could have written it; any other line as it is. Only a line with *all* of
/// the log's fields, each once, is an exported one: a sender that made up a `source` is told so at the door.
fn without_log_fields(line: &str) -> Result<Cow<'_, str>, Problem> {
    // Most lines are not exported ones and need not be taken apart.
    if !line.contains("\"leaf_hash\"") {
        return Ok(Cow::Borrowed(line));
    }
    let Some(fields) = serde_json::from_str::<&RawValue>(line).ok().and_then(model::diff::fields) else {
        return Ok(Cow::Borrowed(line));
    };
    let count = |name: &str| fields.iter().filter(|(key, _)| key == name).count();
    if LOG_FIELDS.iter().any(|name| count(name) != 1) {
        return Ok(Cow::Borrowed(line));
    }
    let mut kept = "{".to_owned();
    for (name, value) in &fields {
        if name == "actor" && value.get() == "null" {
            // At the door no actor means the system, and the system did not do it.
            return Err(Problem::of("actor", "was erased, and an entry cannot be taken without it"));
        }
        if !LOG_FIELDS.contains(&name.as_ref()) && !SOME_LOG_FIELDS.contains(&name.as_ref()) {
            if kept.len() > 1 {
                kept.push(',');
            }
            kept.push_str(&serde_json::Value::from(name.as_ref()).to_string());
            kept.push(':');
            kept.push_str(value.get());
        }
    }
    kept.push('}');
    Ok(Cow::Owned(kept))
}

fn expect(value: Option<&RawValue>, first: char, field: &str, expected: &str) -> Result<(), Problem> {
    match value {
        None => Err(Problem::of(field, "is required")),
        Some(raw) if raw.get().starts_with(first) => Ok(()),
        Some(_) => Err(Problem::of(field, format!("expected {expected}"))),
    }
}
