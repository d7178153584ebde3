//! Reading a foreign record's fields with errors that name them.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// A JSON object, its keys in the order received.
pub(super) type Object = Map<String, Value>;

/// What is wrong with one record; its place is added by the reader.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) field: String,
    pub(super) message: String,
}

impl Problem {
    pub(super) fn of(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }

    pub(super) fn whole(message: impl Into<String>) -> Self {
        Self::of("", message)
    }

    fn wrong_type(field: &str, expected: &str, found: &Value) -> Self {
        Self::of(field, format!("expected {expected}, found {}", type_name(found)))
    }
}

/// The record as an object. Duplicate keys are refused, as at the door: of two values one would vanish
/// silently.
pub(super) fn object(text: &str) -> Result<Object, Problem> {
    let unreadable = |error: serde_json::Error| Problem::whole(format!("not JSON: {error}"));
    let value: Value = serde_json::from_str(text).map_err(unreadable)?;
    serde_json::from_str::<UniqueKeys>(text).map_err(|error| Problem::whole(error.to_string()))?;
    match value {
        Value::Object(object) => Ok(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Problem::wrong_type("", "a JSON object", &value))
        }
    }
}

/// The text of a field, if it is there and not null.
pub(super) fn text<'a>(object: &'a Object, field: &str) -> Result<Option<&'a str>, Problem> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Problem::wrong_type(field, "a string", other)),
    }
}

/// The text of a field that must be there and say something.
pub(super) fn required_text<'a>(object: &'a Object, field: &str) -> Result<&'a str, Problem> {
    match text(object, field)? {
        Some("") => Err(Problem::of(field, "must not be empty")),
        Some(text) => Ok(text),
        None => Err(Problem::of(field, "is required")),
    }
}

/// A key as text: hosts write the same id as a number here and as a string there.
pub(super) fn key(object: &Object, field: &str) -> Result<Option<String>, Problem> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(other) => Err(Problem::wrong_type(field, "a number or a string", other)),
    }
}

/// A flag; missing and null mean no.
pub(super) fn flag(object: &Object, field: &str) -> Result<bool, Problem> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(Problem::wrong_type(field, "true or false", other)),
    }
}

/// An object within a record. An empty list is an empty object: PHP knows no difference and writes `[]` for
/// both.
pub(super) fn nested<'a>(object: &'a Object, field: &str) -> Result<Option<&'a Object>, Problem> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(nested)) => Ok(Some(nested)),
        Some(Value::Array(list)) if list.is_empty() => Ok(None),
        Some(other) => Err(Problem::wrong_type(field, "an object", other)),
    }
}

/// The non-empty text of a field, where any other form of it is no mistake but merely of no use.
pub(super) fn words<'a>(object: &'a Object, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Any JSON in which no object has a key twice.
struct UniqueKeys;

impl<'de> Deserialize<'de> for UniqueKeys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for UniqueKeys {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = object.next_key::<String>()? {
            object.next_value::<Self>()?;
            if let Some(twice) = keys.replace(key) {
                return Err(A::Error::custom(format!("the key `{twice}` stands twice in one object")));
            }
        }
        Ok(self)
    }
}
