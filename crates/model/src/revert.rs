//! Taking back a change: what would be put back where, and what stands against it.
//!
//! Fields of objects are put back one by one at any depth; arrays, and texts that hold JSON, as a whole: an item's
//! place is not certain any more when others came and went, and a text is put back with its spelling.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::action::{self, Kind};
use crate::diff::{self, Patched};
use crate::entry::{Entry, Outcome};
use crate::mask;
use crate::section::SectionName;

/// One field that is to be put back.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// Where, as a JSON pointer.
    pub path: String,
    /// What the entry left there; absent where it left nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<Box<RawValue>>,
    /// What is put back; absent where there was nothing, so that the field goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Box<RawValue>>,
    /// What is there now, as far as the log knows; absent where there is nothing, or nothing is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Box<RawValue>>,
    /// Whether it can be put back as things are.
    pub standing: Standing,
}

/// How a field that is to be put back stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It still is as the entry left it.
    Unchanged,
    /// It is already as it was before the entry.
    AlreadyBack,
    /// It was changed since: putting it back would lose that.
    Conflict,
    /// The log does not know how it is now; its host does.
    Unknown,
}

/// Why an entry cannot be taken back, whatever its host says.
///
/// # Errors
/// The reason, to complete "this entry cannot be reverted: …".
pub fn check(entry: &Entry) -> Result<(), &'static str> {
    if entry.site.is_system() {
        return Err("it belongs to the system, not to a site");
    }
    if entry.outcome == Outcome::Failure {
        return Err("it failed, so it changed nothing");
    }
    let Some(entity) = &entry.entity else {
        return Err("the part of it that says what was changed was erased");
    };
    match entry.kind {
        Kind::Create => {
            return Err("it created the entity; to take that back, delete the entity in its host");
        }
        Kind::Read | Kind::Access => return Err("actions of this kind change no state"),
        Kind::Update | Kind::Delete | Kind::Other => {}
    }
    action::revert_refusal(&entry.action, &entity.kind).map_or(Ok(()), Err)?;
    if entry.erased.contains(&SectionName::Change) {
        return Err("its states before and after were erased");
    }
    let Some(before) = &entry.before else { return Err("no state before was recorded") };
    if entry.after.is_none() && entry.kind != Kind::Delete {
        return Err("no state after was recorded, so what it changed is not known");
    }
    if entry.data.as_deref().is_some_and(|data| is_cascade(entry, data)) {
        return Err("other entities were deleted with this one, and would not come back with it");
    }
    let restored = restored(entry);
    if restored.is_empty() && entry.after.is_some() {
        return Err("it changed no field");
    }
    let is_masked = |value: &Option<Box<RawValue>>| value.as_deref().is_some_and(holds_marker);
    if restored.iter().any(|field| is_masked(&field.to)) || (entry.after.is_none() && holds_marker(before)) {
        return Err("a value that would be put back was masked, and the log does not have it");
    }
    Ok(())
}

/// Whether the entry's data say that its deletion took others along (`cascade`: true, a number above 0, a list).
fn is_cascade(entry: &Entry, data: &RawValue) -> bool {
    let cascade = diff::fields(data)
        .into_iter()
        .flatten()
        .find(|(name, _)| name == "cascade" || name == "cascades")
        .map(|(_, value)| value.get().to_owned());
    let says_so =
        cascade.is_some_and(|value| !matches!(value.as_str(), "false" | "null" | "0" | "[]" | "{}" | "\"\""));
    entry.kind == Kind::Delete && says_so
}

fn holds_marker(value: &RawValue) -> bool {
    let mut found = false;
    crate::inside::walk(value, |_, scalar| {
        found = matches!(&scalar, crate::inside::Scalar::Text(text) if mask::is_marker(text));
        !found
    });
    found
}

/// What the entry changed, turned around; nothing is known yet of how things are now.
#[must_use]
pub fn restored(entry: &Entry) -> Vec<Restored> {
    let mut restored = Vec::new();
    let Some(before) = &entry.before else { return restored };
    let nothing = Patched::empty().to_raw();
    let after = entry.after.as_deref().unwrap_or(&nothing);
    let is_partial = entry.after.is_some() && entry.extent().is_partial();
    turn_around("", before, after, is_partial, &mut restored);
    restored
}

fn turn_around(
    at: &str,
    before: &RawValue,
    after: &RawValue,
    is_partial: bool,
    restored: &mut Vec<Restored>,
) {
    let (Some(old), Some(new)) = (diff::fields(before), diff::fields(after)) else { return };
    let place = |name: &str| format!("{at}{}", diff::pointer(name));
    for (name, value) in &old {
        match new.iter().find(|(other, _)| other == name).map(|(_, value)| *value) {
            Some(new) if is_object(value) && is_object(new) => {
                turn_around(&place(name), value, new, false, restored);
            }
            Some(new) if is_the_same_json(value, new) => {}
            Some(new) => restored.push(Restored::of(place(name), Some(new), Some(value))),
            None if is_partial => {}
            None => restored.push(Restored::of(place(name), None, Some(value))),
        }
    }
    for (name, value) in new.iter().filter(|(name, _)| old.iter().all(|(other, _)| other != name)) {
        restored.push(Restored::of(place(name), Some(value), None));
    }
}

/// Whether two values are told as no change, as one is a text that holds the other.
fn is_the_same_json(one: &RawValue, other: &RawValue) -> bool {
    diff::changes(one, other, diff::Extent::Full).is_empty()
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

impl Restored {
    fn of(path: String, left: Option<&RawValue>, to: Option<&RawValue>) -> Self {
        let (left, to) = (left.map(ToOwned::to_owned), to.map(ToOwned::to_owned));
        Self { path, left, to, from: None, standing: Standing::Unknown }
    }

    /// Compares with how things are now. `is_complete` says whether what the state lacks is not there.
    pub fn compare(&mut self, now: &mut Patched, is_complete: bool) {
        let found = now.get(&self.path).and_then(|text| RawValue::from_string(text).ok());
        // What is sent as a text one time and as it is another is the same all the same.
        let is = |value: &Option<Box<RawValue>>| match (&found, value) {
            (Some(found), Some(value)) => is_the_same_json(found, value),
            (found, value) => found.is_none() && value.is_none(),
        };
        self.standing = if found.is_none() && !is_complete {
            Standing::Unknown
        } else if is(&self.to) {
            Standing::AlreadyBack
        } else if is(&self.left) {
            Standing::Unchanged
        } else {
            Standing::Conflict
        };
        self.from = found;
    }
}
