//! The difference between two states of an entity.
//!
//! States are compared as they were written: numbers by their digits, so that 2^53 and 2^53 + 1 differ, and
//! objects by key at every depth, whatever the order of their keys. Beyond that
//!
//! - items of arrays are found again: by a key that names them, else as a longest common subsequence; a move
//!   is a move, and the removal of the first item is no change of all others;
//! - a text that holds a JSON object or array is compared as what it holds;
//! - a state after that holds only the submitted fields says nothing about the others ([`Extent`]);
//! - hostile or huge input costs bounded work: what is too much is told by a larger part, marked as
//!   [`coarse`](Change::coarse), and stays true.
//!
//! [`apply`] leads from the state before to the state after again.

mod array;
mod compare;
mod extent;
mod lcs;
mod noise;
mod patch;
mod tree;
mod words;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use extent::Extent;
pub use noise::{NoiseError, NoiseRules};
pub use patch::{NoPlace, Patched, apply};
pub use words::{Piece, Pieces, Unit, words};

use crate::action::Kind;
use crate::entry::Entry;
use tree::{Document, JsonType, alike};

/// What happened at one place.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Where, as a JSON pointer (RFC 6901), for example `/seo/title`: the place in the state after, and for
    /// what was removed the place in the state before. It leads into texts that hold JSON.
    pub path: String,
    /// What happened there.
    pub op: Op,
    /// For what moved: its place in the state before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The old value; absent for what was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<RawValue>>,
    /// The new value; absent for what was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<RawValue>>,
    /// Whether only parts of the value changed, which there was too much of to tell one by one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub coarse: bool,
}

/// What happened to a field or an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// It was not there before.
    Add,
    /// It is not there any more.
    Remove,
    /// It has another value of the same JSON type, or has one where it was null, or is null now.
    Change,
    /// It is an item of an array and has another place among the others. What else changed in it follows.
    Move,
    /// It has a value of another JSON type, `1` and `"1"` for example.
    Type,
}

impl Op {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Change => "change",
            Self::Move => "move",
            Self::Type => "type",
        }
    }
}

/// The changes that lead from `before` to `after`, in the order of the fields.
#[must_use]
pub fn changes(before: &RawValue, after: &RawValue, extent: Extent) -> Vec<Change> {
    let (Some(old), Some(new)) = (Document::parse(before.get()), Document::parse(after.get())) else {
        return unread(before, after);
    };
    compare::compare(old.root(), new.root(), extent.is_partial())
}

/// States nested too deeply to be compared: the whole, where its bytes differ.
fn unread(before: &RawValue, after: &RawValue) -> Vec<Change> {
    if before.get() == after.get() {
        return Vec::new();
    }
    vec![Change {
        path: String::new(),
        op: Op::Change,
        from: None,
        before: Some(before.to_owned()),
        after: Some(after.to_owned()),
        coarse: true,
    }]
}

/// Names of the top-level fields that changed, in the order of the fields. Empty when only one state is
/// known: a created entity has no changed fields.
#[must_use]
pub fn changed(before: Option<&RawValue>, after: Option<&RawValue>, extent: Extent) -> Vec<String> {
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let (Some(old), Some(new)) = (fields(before), fields(after)) else { return Vec::new() };
    names_of_changed(&old, &new, extent)
}

/// The same of an entry, whose extent takes looking at the same fields.
pub(crate) fn changed_of(entry: &Entry) -> Vec<String> {
    let (Some(before), Some(after)) = (&entry.before, &entry.after) else { return Vec::new() };
    let (Some(old), Some(new)) = (fields(before), fields(after)) else { return Vec::new() };
    let extent = match entry.partial {
        Some(true) => Extent::Partial,
        None if entry.kind == Kind::Update => {
            Extent::inferred_of(entry.entity.as_ref().map(|entity| entity.id.as_str()), &old, &new)
        }
        Some(false) | None => Extent::Full,
    };
    names_of_changed(&old, &new, extent)
}

fn names_of_changed(old: &Fields<'_>, new: &Fields<'_>, extent: Extent) -> Vec<String> {
    union(old, new)
        .filter(|(_, old, new)| match (old, new) {
            (Some(old), Some(new)) => !same_meaning(old, new),
            (Some(_), None) => !extent.is_partial(),
            _ => true,
        })
        .map(|(name, ..)| name.to_owned())
        .collect()
}

/// A JSON pointer as a filter writes it: keys with dots between them.
#[must_use]
pub fn dotted(pointer: &str) -> String {
    let keys = pointer.strip_prefix('/').unwrap_or(pointer).split('/');
    keys.map(|key| key.replace("~1", "/").replace("~0", "~")).collect::<Vec<_>>().join(".")
}

/// A key as a step of a JSON pointer, with the slash before it: `a/b` is `/a~1b` (RFC 6901 §3).
#[must_use]
pub fn pointer(key: &str) -> String {
    let mut pointer = String::with_capacity(key.len() + 1);
    push_step(&mut pointer, key);
    pointer
}

/// Whether two JSON texts say the same: numbers by their digits, objects whatever their order. A text that
/// holds JSON is a text here.
#[must_use]
pub fn same(one: &RawValue, other: &RawValue) -> bool {
    if one.get() == other.get() {
        return true;
    }
    match (json_type(one), json_type(other)) {
        (JsonType::Object, JsonType::Object) => match (fields(one), fields(other)) {
            (Some(one), Some(other)) if one.len() == other.len() => {
                union(&one, &other).all(|(_, one, other)| match (one, other) {
                    (Some(one), Some(other)) => same(one, other),
                    _ => false,
                })
            }
            _ => false,
        },
        (JsonType::Array, JsonType::Array) => match (items(one), items(other)) {
            (Some(one), Some(other)) if one.len() == other.len() => {
                one.iter().zip(&other).all(|(one, other)| same(one, other))
            }
            _ => false,
        },
        // One text can be spelt in several ways: "\u0041" is "A".
        (JsonType::Text, JsonType::Text) => {
            let decode = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
            decode(one).is_some_and(|one| Some(one) == decode(other))
        }
        _ => false,
    }
}

/// Whether two values differ in no place that [`changes`] would tell.
fn same_meaning(one: &RawValue, other: &RawValue) -> bool {
    if one.get() == other.get() {
        return true;
    }
    let is_scalar = |raw: &RawValue| match json_type(raw) {
        JsonType::Null | JsonType::Bool | JsonType::Number => true,
        JsonType::Text => !raw.get().contains(['{', '[', '\\']),
        JsonType::Array | JsonType::Object => false,
    };
    if is_scalar(one) || is_scalar(other) {
        return same(one, other);
    }
    match (Document::parse(one.get()), Document::parse(other.get())) {
        (Some(one), Some(other)) => alike(one.root(), other.root()),
        _ => false,
    }
}

/// RFC 6901 §3: `~` and `/` are escaped.
fn push_step(path: &mut String, name: &str) {
    path.push('/');
    for c in name.chars() {
        match c {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            c => path.push(c),
        }
    }
}

/// An object's fields in the order they were written.
type Fields<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// The fields of an object, values untouched.
#[must_use]
pub fn fields(raw: &RawValue) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Fields<'de>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
            let mut fields = Vec::new();
            while let Some(Key(name)) = map.next_key()? {
                fields.push((name, map.next_value()?));
            }
            Ok(fields)
        }
    }
    serde::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(raw.get()), Visitor).ok()
}

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

fn items(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

/// The fields of two objects: those of `one` in their order, then those only `other` has.
fn union<'a>(
    one: &'a Fields<'a>,
    other: &'a Fields<'a>,
) -> impl Iterator<Item = (&'a str, Option<&'a RawValue>, Option<&'a RawValue>)> {
    let in_one: HashMap<&str, &RawValue> = one.iter().map(|(name, raw)| (name.as_ref(), *raw)).collect();
    let in_other: HashMap<&str, &RawValue> = other.iter().map(|(name, raw)| (name.as_ref(), *raw)).collect();
    let shared =
        one.iter().map(move |(name, raw)| (name.as_ref(), Some(*raw), in_other.get(name.as_ref()).copied()));
    let added = other
        .iter()
        .filter(move |(name, _)| !in_one.contains_key(name.as_ref()))
        .map(|(name, raw)| (name.as_ref(), None, Some(*raw)));
    shared.chain(added)
}

fn json_type(raw: &RawValue) -> JsonType {
    match raw.get().bytes().next() {
        Some(b'n') => JsonType::Null,
        Some(b't' | b'f') => JsonType::Bool,
        Some(b'"') => JsonType::Text,
        Some(b'[') => JsonType::Array,
        Some(b'{') => JsonType::Object,
        _ => JsonType::Number,
    }
}
