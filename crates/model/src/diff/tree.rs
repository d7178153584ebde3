//! A JSON text as a tree that two states are compared by: every value with its place in the text and a hash
//! of what it says.
//!
//! The hash does not depend on the order of keys, on escapes, or on whether an object or array was sent as
//! it is or as a text that holds JSON. Equal hashes only suggest equality; [`alike`] makes sure, so that
//! nobody can hide a change behind a collision.
//!
//! What is read here passed the [strict reader](crate::json) at the door, or passes it here where it stood
//! inside a text, so that this reader can be quick. It never panics: what is no JSON gives `None`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use crate::json;

/// Values are nested no deeper than this, texts within texts included; deeper ones count as one value.
const DEPTH_MAX: usize = 160;
/// JSON in a text in a text …: no deeper than this.
const TEXTS_MAX: usize = 4;

/// A JSON text and its tree.
#[derive(Debug)]
pub(super) struct Document<'t> {
    text: Cow<'t, str>,
    root: Node,
}

#[derive(Debug)]
struct Node {
    span: Range<usize>,
    hash: u64,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Null,
    Bool,
    Number,
    /// A text, and the JSON in it where it holds an object or an array.
    Text(Option<Box<Document<'static>>>),
    Array(Vec<Node>),
    Object(Vec<(Key, Node)>),
}

#[derive(Debug)]
enum Key {
    /// Where it stands, without its quotes.
    Plain(Range<usize>),
    /// What it says, as it is written with escapes.
    Escaped(Box<str>),
}

/// A value in its document.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'d> {
    text: &'d str,
    node: &'d Node,
}

/// What sort of value it is. Values of different types are never alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JsonType {
    Null,
    Bool,
    Number,
    Text,
    Array,
    Object,
}

impl<'t> Document<'t> {
    /// The tree of a JSON text; `None` if it is none, or is nested too deeply.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        Self::parse_within(Cow::Borrowed(text), 0, 0)
    }

    fn parse_within(text: Cow<'t, str>, depth: usize, texts: usize) -> Option<Self> {
        let mut reader = Reader { text: &text, at: 0, texts };
        let root = reader.value(depth)?;
        Some(Self { text, root })
    }

    pub(super) fn root(&self) -> View<'_> {
        View { text: &self.text, node: &self.root }
    }
}

impl<'d> View<'d> {
    /// The value as it is written.
    pub(super) fn raw(self) -> &'d str {
        self.text.get(self.node.span.clone()).unwrap_or_default()
    }

    pub(super) fn hash(self) -> u64 {
        self.node.hash
    }

    pub(super) fn json_type(self) -> JsonType {
        match self.node.value {
            Value::Null => JsonType::Null,
            Value::Bool => JsonType::Bool,
            Value::Number => JsonType::Number,
            Value::Text(_) => JsonType::Text,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    /// The JSON in a text that holds an object or an array; every other value as it is.
    pub(super) fn through_text(self) -> Self {
        if let Value::Text(Some(document)) = &self.node.value { document.root().through_text() } else { self }
    }

    /// The items of an array.
    pub(super) fn items(self) -> Option<Vec<Self>> {
        let Value::Array(items) = &self.node.value else { return None };
        Some(items.iter().map(|node| Self { node, ..self }).collect())
    }

    /// The fields of an object, in the order they were written.
    pub(super) fn fields(self) -> Option<Vec<(&'d str, Self)>> {
        let Value::Object(fields) = &self.node.value else { return None };
        let text = self.text;
        Some(fields.iter().map(|(key, node)| (key.name(text), Self { text, node })).collect())
    }

    /// One field of an object.
    pub(super) fn field(self, name: &str) -> Option<Self> {
        let Value::Object(fields) = &self.node.value else { return None };
        let text = self.text;
        fields.iter().find(|(key, _)| key.name(text) == name).map(|(_, node)| Self { text, node })
    }
}

impl Key {
    fn name<'d>(&'d self, text: &'d str) -> &'d str {
        match self {
            Self::Plain(span) => text.get(span.clone()).unwrap_or_default(),
            Self::Escaped(name) => name,
        }
    }
}

/// Whether two values say the same, JSON in texts taken as JSON.
pub(super) fn alike(one: View<'_>, other: View<'_>) -> bool {
    if one.hash() != other.hash() {
        return false;
    }
    if one.raw() == other.raw() {
        return true;
    }
    let (one, other) = (one.through_text(), other.through_text());
    match (&one.node.value, &other.node.value) {
        (Value::Array(_), Value::Array(_)) => {
            let (one, other) = (one.items().unwrap_or_default(), other.items().unwrap_or_default());
            one.len() == other.len() && one.into_iter().zip(other).all(|(one, other)| alike(one, other))
        }
        (Value::Object(_), Value::Object(_)) => {
            let (one, other) = (one.fields().unwrap_or_default(), other.fields().unwrap_or_default());
            let by_name: HashMap<&str, View<'_>> = other.into_iter().collect();
            one.len() == by_name.len()
                && one
                    .into_iter()
                    .all(|(name, one)| by_name.get(name).is_some_and(|other| alike(one, *other)))
        }
        (Value::Text(None), Value::Text(None)) => unquoted(one.raw()) == unquoted(other.raw()),
        _ => one.raw() == other.raw(),
    }
}

/// What a quoted text says.
fn unquoted(quoted: &str) -> Option<Cow<'_, str>> {
    if quoted.contains('\\') {
        return serde_json::from_str(quoted).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(quoted.strip_prefix('"')?.strip_suffix('"')?))
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// How many texts there are around this one.
    texts: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Node> {
        let start = self.at;
        let (hash, value) = match self.peek()? {
            _ if depth > DEPTH_MAX => return None,
            b'{' => self.object(depth)?,
            b'[' => self.array(depth)?,
            b'"' => self.string(depth)?,
            b'n' => (self.scalar(), Value::Null),
            b't' | b'f' => (self.scalar(), Value::Bool),
            _ => (self.scalar(), Value::Number),
        };
        (self.at > start).then_some(Node { span: start..self.at, hash, value })
    }

    fn object(&mut self, depth: usize) -> Option<(u64, Value)> {
        let mut fields = Vec::new();
        // A sum, so that the order of the keys does not count.
        let mut sum = 0_u64;
        self.at += 1;
        while self.peek()? != b'}' {
            let key = self.key()?;
            if self.peek()? != b':' {
                return None;
            }
            self.at += 1;
            let node = self.value(depth + 1)?;
            sum = sum.wrapping_add(hash_of(&(key.name(self.text), node.hash)));
            fields.push((key, node));
            self.accept_comma()?;
        }
        self.at += 1;
        Some((hash_of(&(b'{', sum, fields.len())), Value::Object(fields)))
    }

    fn array(&mut self, depth: usize) -> Option<(u64, Value)> {
        let mut items = Vec::new();
        let mut hasher = DefaultHasher::new();
        b'['.hash(&mut hasher);
        self.at += 1;
        while self.peek()? != b']' {
            let node = self.value(depth + 1)?;
            node.hash.hash(&mut hasher);
            items.push(node);
            self.accept_comma()?;
        }
        self.at += 1;
        Some((hasher.finish(), Value::Array(items)))
    }

    /// After an item: takes the comma, or sees the end.
    fn accept_comma(&mut self) -> Option<()> {
        match self.peek()? {
            b',' => self.at += 1,
            b'}' | b']' => {}
            _ => return None,
        }
        Some(())
    }

    fn string(&mut self, depth: usize) -> Option<(u64, Value)> {
        let span = self.quoted()?;
        let said = unquoted(self.text.get(span.start - 1..span.end + 1)?)?;
        if let Some(document) = self.document_in(&said, depth) {
            return Some((document.root.hash, Value::Text(Some(Box::new(document)))));
        }
        Some((hash_of(&said), Value::Text(None)))
    }

    /// The object or array that a text holds. A text that holds a mere number is a text.
    fn document_in(&self, said: &str, depth: usize) -> Option<Document<'static>> {
        let is_open = said.trim_start().starts_with(['{', '[']);
        if !is_open || self.texts == TEXTS_MAX {
            return None;
        }
        let text = json::minify(said).ok()?;
        Document::parse_within(Cow::Owned(text.into_owned()), depth + 1, self.texts + 1)
    }

    fn key(&mut self) -> Option<Key> {
        let span = self.quoted()?;
        let key = self.text.get(span.clone())?;
        if key.contains('\\') {
            let said = unquoted(self.text.get(span.start - 1..span.end + 1)?)?;
            return Some(Key::Escaped(said.into()));
        }
        Some(Key::Plain(span))
    }

    /// Passes a quoted text; where its content stands.
    fn quoted(&mut self) -> Option<Range<usize>> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..)?;
        let mut at = 0;
        loop {
            match rest.get(at)? {
                b'"' => break,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
        self.at = start + at + 1;
        Some(start..start + at)
    }

    /// Passes a number or a word; its hash.
    fn scalar(&mut self) -> u64 {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find([',', '}', ']']).unwrap_or(rest.len());
        self.at += end;
        hash_of(&(0_u8, rest.get(..end).unwrap_or_default()))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

/// Always the same for the same content; a collision costs time, never an answer.
fn hash_of(content: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}
