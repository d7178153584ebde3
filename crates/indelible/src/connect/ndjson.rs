//! Our own form: passed on byte for byte, completed by an id.

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
    let line = line.trim();
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

fn expect(value: Option<&RawValue>, first: char, field: &str, expected: &str) -> Result<(), Problem> {
    match value {
        None => Err(Problem::of(field, "is required")),
        Some(raw) if raw.get().starts_with(first) => Ok(()),
        Some(_) => Err(Problem::of(field, format!("expected {expected}"))),
    }
}
