//! Changing single places of a JSON text and keeping the bytes of all others, and applying a difference.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;

use serde_json::value::RawValue;

use super::{Change, Op, fields, items};
use crate::json;

/// A JSON value whose places can be read, set and removed by JSON pointers (RFC 6901). What is not touched
/// keeps its bytes: the digits of numbers, the spelling of texts, the order of keys.
///
/// A pointer leads into a text that holds an object or an array as if it were one; the text stays a text.
#[derive(Clone, Debug)]
pub struct Patched(Json);

#[derive(Clone, Debug)]
enum Json {
    /// As it is written; not opened yet.
    Raw(Box<str>),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
    /// A text that holds this.
    Text(Box<Self>),
}

/// A pointer led to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` leads to no place in this state")]
pub struct NoPlace(pub String);

impl Patched {
    /// A value to be changed.
    #[must_use]
    pub fn new(json: &RawValue) -> Self {
        Self(Json::Raw(json.get().into()))
    }

    /// An object without fields.
    #[must_use]
    pub fn empty() -> Self {
        Self(Json::Object(Vec::new()))
    }

    /// The value at a place, as it is written.
    #[must_use]
    pub fn get(&mut self, pointer: &str) -> Option<String> {
        let mut place = &mut self.0;
        for step in steps(pointer) {
            place = place.child(&step)?;
        }
        Some(place.written())
    }

    /// Puts a value at a place: a field of an object, there or not, or an item of an array that is there.
    ///
    /// # Errors
    /// When what should hold the place is not there, or is neither object nor array.
    pub fn set(&mut self, pointer: &str, value: &RawValue) -> Result<(), NoPlace> {
        let value = Json::Raw(value.get().into());
        let Some((holder, last)) = self.holder(pointer)? else {
            self.0 = value;
            return Ok(());
        };
        match holder {
            Json::Object(fields) => match fields.iter_mut().find(|(name, _)| *name == last) {
                Some((_, old)) => *old = value,
                None => fields.push((last, value)),
            },
            Json::Array(items) => {
                let item = place(&last).and_then(|place| items.get_mut(place));
                *item.ok_or_else(|| NoPlace(pointer.to_owned()))? = value;
            }
            Json::Raw(_) | Json::Text(_) => return Err(NoPlace(pointer.to_owned())),
        }
        Ok(())
    }

    /// Removes a place; the items after an item move up.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove(&mut self, pointer: &str) -> Result<(), NoPlace> {
        self.take(pointer).map(|_| ())
    }

    fn take(&mut self, pointer: &str) -> Result<Json, NoPlace> {
        let nothing = || NoPlace(pointer.to_owned());
        let (holder, last) = self.holder(pointer)?.ok_or_else(nothing)?;
        match holder {
            Json::Object(fields) => {
                let at = fields.iter().position(|(name, _)| *name == last).ok_or_else(nothing)?;
                Ok(fields.remove(at).1)
            }
            Json::Array(items) => {
                let at = place(&last).filter(|place| *place < items.len()).ok_or_else(nothing)?;
                Ok(items.remove(at))
            }
            Json::Raw(_) | Json::Text(_) => Err(nothing()),
        }
    }

    /// Puts a value where it was not: a field, or an item before the one that is there now.
    fn insert(&mut self, pointer: &str, value: Json) -> Result<(), NoPlace> {
        let nothing = || NoPlace(pointer.to_owned());
        match self.holder(pointer)?.ok_or_else(nothing)? {
            (Json::Object(fields), name) => fields.push((name, value)),
            (Json::Array(items), at) => {
                let at = place(&at).filter(|at| *at <= items.len()).ok_or_else(nothing)?;
                items.insert(at, value);
            }
            (Json::Raw(_) | Json::Text(_), _) => return Err(nothing()),
        }
        Ok(())
    }

    /// What holds a place, opened, and the last step to it; `None` for the whole.
    fn holder(&mut self, pointer: &str) -> Result<Option<(&mut Json, String)>, NoPlace> {
        let nothing = || NoPlace(pointer.to_owned());
        let mut steps: Vec<Cow<'_, str>> = steps(pointer).collect();
        let Some(last) = steps.pop() else { return Ok(None) };
        let mut place = &mut self.0;
        for step in steps {
            place = place.child(&step).ok_or_else(nothing)?;
        }
        Ok(Some((place.opened(), last.into_owned())))
    }

    /// The value as JSON.
    #[must_use]
    pub fn to_raw(&self) -> Box<RawValue> {
        RawValue::from_string(self.0.written()).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

impl Json {
    /// Splits what is written into its parts; what has none stays as it is. Through a text, to what it holds.
    fn opened(&mut self) -> &mut Self {
        if let Self::Raw(text) = self
            && let Some(opened) = Self::open(text)
        {
            *self = opened;
        }
        if let Self::Text(inside) = self { inside.opened() } else { self }
    }

    fn open(text: &str) -> Option<Self> {
        let raw = serde_json::from_str::<&RawValue>(text).ok()?;
        let leaf = |raw: &RawValue| Self::Raw(raw.get().into());
        match text.bytes().next()? {
            b'{' => {
                let fields = fields(raw)?;
                Some(Self::Object(
                    fields.into_iter().map(|(name, raw)| (name.into_owned(), leaf(raw))).collect(),
                ))
            }
            b'[' => Some(Self::Array(items(raw)?.into_iter().map(leaf).collect())),
            b'"' => {
                let said: String = serde_json::from_str(text).ok()?;
                let holds = said.trim_start().starts_with(['{', '[']);
                let inside = holds.then(|| json::minify(&said).ok()).flatten()?;
                Some(Self::Text(Box::new(Self::Raw(inside.into_owned().into()))))
            }
            _ => None,
        }
    }

    fn child(&mut self, step: &str) -> Option<&mut Self> {
        match self.opened() {
            Self::Object(fields) => fields.iter_mut().find(|(name, _)| name == step).map(|(_, json)| json),
            Self::Array(items) => items.get_mut(place(step)?),
            Self::Raw(_) | Self::Text(_) => None,
        }
    }

    fn written(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Raw(text) => out.push_str(text),
            Self::Text(inside) => quote(&inside.written(), out),
            Self::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (at, (name, json)) in fields.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    quote(name, out);
                    out.push(':');
                    json.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn quote(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

/// The steps of a JSON pointer.
fn steps(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(|step| {
        if step.contains('~') {
            Cow::Owned(step.replace("~1", "/").replace("~0", "~"))
        } else {
            Cow::Borrowed(step)
        }
    })
}

/// RFC 6901 §4: an index has no sign and no leading zero.
fn place(step: &str) -> Option<usize> {
    let is_plain = step == "0" || !step.starts_with(['0', '+']);
    is_plain.then(|| step.parse().ok()).flatten()
}

/// Applies a difference to the state it starts from.
///
/// # Errors
/// When the state is another than the one it was made from, and has no such place.
pub fn apply(before: &RawValue, changes: &[Change]) -> Result<Box<RawValue>, NoPlace> {
    let mut state = Patched::new(before);
    // First everything that goes, by places before, the last and deepest first: no place moves before its turn.
    let mut going: Vec<&Change> =
        changes.iter().filter(|change| matches!(change.op, Op::Remove | Op::Move)).collect();
    let place_before = |change: &Change| change.from.clone().unwrap_or_else(|| change.path.clone());
    going.sort_by(|one, other| by_place(&place_before(other), &place_before(one)));
    let mut lifted: HashMap<&str, Json> = HashMap::new();
    for change in going {
        let taken = state.take(&place_before(change))?;
        if change.op == Op::Move {
            lifted.insert(&change.path, taken);
        }
    }
    // Then everything that comes, by places after, the first and shallowest first.
    let mut coming: Vec<&Change> = changes.iter().filter(|change| change.op != Op::Remove).collect();
    coming.sort_by(|one, other| by_place(&one.path, &other.path));
    for change in coming {
        let value = change.after.as_deref();
        match (change.op, value) {
            (Op::Move, _) => {
                let moved = lifted.remove(change.path.as_str());
                state.insert(&change.path, moved.ok_or_else(|| NoPlace(change.path.clone()))?)?;
            }
            (Op::Add, Some(value)) => state.insert(&change.path, Json::Raw(value.get().into()))?,
            (_, Some(value)) => state.set(&change.path, value)?,
            (_, None) => return Err(NoPlace(change.path.clone())),
        }
    }
    Ok(state.to_raw())
}

/// Orders pointers so that whole places come before what is in them, and items by their number.
fn by_place(one: &str, other: &str) -> Ordering {
    let mut others = steps(other);
    for step in steps(one) {
        let Some(other) = others.next() else { return Ordering::Greater };
        let order = match (place(&step), place(&other)) {
            (Some(step), Some(other)) => step.cmp(&other),
            _ => step.cmp(&other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    if others.next().is_some() { Ordering::Less } else { Ordering::Equal }
}
