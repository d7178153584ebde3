//! The difference between two states of an entity.
//!
//! States are compared as they were written: numbers by their digits, so that 2^53 and 2^53 + 1 differ, and
//! equal parts by their bytes, so that what did not change costs no parsing. Objects are compared by key at
//! every depth, whatever the order of their keys; an array counts as one value.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One field's old and new value.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Where, as a JSON pointer (RFC 6901), for example `/seo/title`.
    pub path: String,
    /// What happened there.
    pub op: Op,
    /// The old value; absent for what was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<RawValue>>,
    /// The new value; absent for what was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Box<RawValue>>,
}

/// What happened to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// It was not there before.
    Add,
    /// It is not there any more.
    Remove,
    /// It has another value of the same JSON type.
    Change,
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
            Self::Type => "type",
        }
    }
}

/// The changes that lead from `before` to `after`, in the order of the fields.
#[must_use]
pub fn changes(before: &RawValue, after: &RawValue) -> Vec<Change> {
    let mut changes = Vec::new();
    compare(&mut String::new(), before, after, &mut changes);
    changes
}

/// Names of the top-level fields that changed, in the order of the fields. Empty when only one state is
/// known: a created entity has no changed fields.
#[must_use]
pub fn changed(before: Option<&RawValue>, after: Option<&RawValue>) -> Vec<String> {
    let (Some(before), Some(after)) = (before, after) else { return Vec::new() };
    let (Some(old), Some(new)) = (fields(before), fields(after)) else { return Vec::new() };
    union(&old, &new)
        .filter(|(_, old, new)| match (old, new) {
            (Some(old), Some(new)) => !same(old, new),
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

/// Whether two JSON texts say the same: numbers by their digits, objects whatever their order.
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
        (JsonType::String, JsonType::String) => {
            let decode = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
            decode(one).is_some_and(|one| Some(one) == decode(other))
        }
        _ => false,
    }
}

fn compare(path: &mut String, before: &RawValue, after: &RawValue, changes: &mut Vec<Change>) {
    if same(before, after) {
        return;
    }
    let both_objects = (json_type(before), json_type(after)) == (JsonType::Object, JsonType::Object);
    if let (true, Some(old), Some(new)) = (both_objects, fields(before), fields(after)) {
        for (name, old, new) in union(&old, &new) {
            let length = path.len();
            push_step(path, name);
            match (old, new) {
                (Some(old), Some(new)) => compare(path, old, new, changes),
                (old, new) => changes.push(Change {
                    path: path.clone(),
                    op: if old.is_none() { Op::Add } else { Op::Remove },
                    before: old.map(ToOwned::to_owned),
                    after: new.map(ToOwned::to_owned),
                }),
            }
            path.truncate(length);
        }
        return;
    }
    changes.push(Change {
        path: path.clone(),
        op: if json_type(before) == json_type(after) { Op::Change } else { Op::Type },
        before: Some(before.to_owned()),
        after: Some(after.to_owned()),
    });
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
    use std::collections::HashMap;
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

#[derive(Clone, Copy, PartialEq, Eq)]
enum JsonType {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

fn json_type(raw: &RawValue) -> JsonType {
    match raw.get().bytes().next() {
        Some(b'n') => JsonType::Null,
        Some(b't' | b'f') => JsonType::Bool,
        Some(b'"') => JsonType::String,
        Some(b'[') => JsonType::Array,
        Some(b'{') => JsonType::Object,
        _ => JsonType::Number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[track_caller]
    fn check(before: &str, after: &str, expected: &[&str]) {
        let found: Vec<String> = changes(&raw(before), &raw(after))
            .into_iter()
            .map(|c| {
                let text =
                    |value: Option<Box<RawValue>>| value.map_or("·".to_owned(), |v| v.get().to_owned());
                format!("{:?} {} {} {}", c.op, c.path, text(c.before), text(c.after))
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn fields_added_removed_changed() {
        check(
            r#"{"a":1,"b":2,"c":3}"#,
            r#"{"c":3,"b":5,"d":4}"#,
            &["Remove /a 1 ·", "Change /b 2 5", "Add /d · 4"],
        );
        check(r#"{"a":{"b":{"c":1,"d":2}}}"#, r#"{"a":{"b":{"d":3,"c":1}}}"#, &["Change /a/b/d 2 3"]);
    }

    #[test]
    fn missing_null_and_types_are_told_apart() {
        check(r#"{"a":null}"#, "{}", &["Remove /a null ·"]);
        check(r#"{"a":null}"#, r#"{"a":0}"#, &["Type /a null 0"]);
        check(r#"{"a":1}"#, r#"{"a":"1"}"#, &[r#"Type /a 1 "1""#]);
        check(r#"{"a":{}}"#, r#"{"a":[]}"#, &["Type /a {} []"]);
    }

    #[test]
    fn digits_count_order_and_spelling_do_not() {
        check(
            r#"{"n":9007199254740992}"#,
            r#"{"n":9007199254740993}"#,
            &["Change /n 9007199254740992 9007199254740993"],
        );
        check(r#"{"a":1,"b":[{"x":1,"y":2}]}"#, r#"{"b":[{"y":2,"x":1}],"a":1}"#, &[]);
        check(r#"{"s":"A"}"#, r#"{"s":"\u0041"}"#, &[]);
    }

    #[test]
    fn paths_are_json_pointers() {
        check(r#"{"a/b":1,"m~n":1}"#, r#"{"a/b":2,"m~n":2}"#, &["Change /a~1b 1 2", "Change /m~0n 1 2"]);
    }

    #[test]
    fn changed_names_the_top_level() {
        let names = changed(
            Some(&raw(r#"{"a":{"x":1},"b":1,"gone":0}"#)),
            Some(&raw(r#"{"b":1,"a":{"x":2},"new":0}"#)),
        );
        assert_eq!(names, ["a", "gone", "new"]);
        assert!(changed(None, Some(&raw("{}"))).is_empty());
    }
}
