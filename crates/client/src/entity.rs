//! What entries are about: anything that knows its type, its id, its title and its state.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

/// Something that changes are logged of. Derive it with `#[derive(Audited)]`, or write it:
///
/// ```
/// use client::{Audited, State};
///
/// struct Page { id: Option<u64>, title: String, body: String }
///
/// impl Audited for Page {
///     fn entity_type(&self) -> &str { "page" }
///     fn entity_id(&self) -> Option<String> { self.id.map(|id| id.to_string()) }
///     fn entity_title(&self) -> Option<String> { Some(self.title.clone()) }
///     fn state(&self) -> Option<State> {
///         Some(State::new().field("title", &self.title).field("body", &self.body))
///     }
/// }
/// ```
pub trait Audited {
    /// Its type, for example `page`: the same for ever, as histories are kept by it.
    fn entity_type(&self) -> &str;

    /// Its id; none as long as it is not saved, when nothing can be logged of it.
    fn entity_id(&self) -> Option<String>;

    /// Its title as it is now.
    fn entity_title(&self) -> Option<String> {
        None
    }

    /// Where to see it.
    fn entity_url(&self) -> Option<String> {
        None
    }

    /// Its fields as they are now. With a state, entries tell what changed, and the change can be taken back.
    fn state(&self) -> Option<State> {
        None
    }
}

impl<T: Audited + ?Sized> Audited for &T {
    fn entity_type(&self) -> &str {
        (**self).entity_type()
    }
    fn entity_id(&self) -> Option<String> {
        (**self).entity_id()
    }
    fn entity_title(&self) -> Option<String> {
        (**self).entity_title()
    }
    fn entity_url(&self) -> Option<String> {
        (**self).entity_url()
    }
    fn state(&self) -> Option<State> {
        (**self).state()
    }
}

/// An entity by its names alone, where there is no value of it at hand.
///
/// ```
/// use client::{Audited, EntityRef};
///
/// let page = EntityRef::new("page", "1002").title("Home").url("https://example.com/");
/// assert_eq!((page.entity_type(), page.entity_id()), ("page", Some("1002".to_owned())));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityRef {
    kind: String,
    id: String,
    title: Option<String>,
    url: Option<String>,
}

impl EntityRef {
    /// The entity of this type and id.
    pub fn new(entity_type: impl Into<String>, id: impl Into<String>) -> Self {
        Self { kind: entity_type.into(), id: id.into(), title: None, url: None }
    }

    /// Its title.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Where to see it.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }
}

impl Audited for EntityRef {
    fn entity_type(&self) -> &str {
        &self.kind
    }
    fn entity_id(&self) -> Option<String> {
        self.id.entity_id()
    }
    fn entity_title(&self) -> Option<String> {
        self.title.clone()
    }
    fn entity_url(&self) -> Option<String> {
        self.url.clone()
    }
}

/// What can be an entity's id. None stands for what is not saved yet.
///
/// ```
/// use client::EntityId;
///
/// assert_eq!(7_i64.entity_id(), Some("7".to_owned()));
/// assert_eq!(Some("home").entity_id(), Some("home".to_owned()));
/// assert_eq!(None::<u64>.entity_id(), None);
/// assert_eq!("".entity_id(), None);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the id of an audited entity",
    note = "ids are texts, whole numbers, UUIDs, and options of them; implement `EntityId` for a type of your own"
)]
pub trait EntityId {
    /// The id as a text.
    fn entity_id(&self) -> Option<String>;
}

impl<T: EntityId + ?Sized> EntityId for &T {
    fn entity_id(&self) -> Option<String> {
        (**self).entity_id()
    }
}

impl<T: EntityId> EntityId for Option<T> {
    fn entity_id(&self) -> Option<String> {
        self.as_ref().and_then(EntityId::entity_id)
    }
}

impl EntityId for str {
    fn entity_id(&self) -> Option<String> {
        if self.is_empty() { None } else { Some(self.to_owned()) }
    }
}

impl EntityId for String {
    fn entity_id(&self) -> Option<String> {
        self.as_str().entity_id()
    }
}

impl EntityId for Uuid {
    fn entity_id(&self) -> Option<String> {
        if self.is_nil() { None } else { Some(self.to_string()) }
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => {$(
        impl EntityId for $number {
            fn entity_id(&self) -> Option<String> {
                Some(self.to_string())
            }
        }
    )*};
}
whole_numbers!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

/// An entity's fields at one moment. Take it before a change and give it to
/// [`PendingEntry::was`](crate::PendingEntry::was).
///
/// Values of masked fields are compared, so that one sees whether a password changed, and never leave the process.
///
/// ```
/// use client::State;
///
/// let state = State::new().field("name", &"Ana").masked("password", &"s3cret");
/// assert!(!format!("{state:?}").contains("s3cret"));
/// ```
#[derive(Clone, Default)]
pub struct State(Vec<Field>);

#[derive(Clone)]
struct Field {
    name: Cow<'static, str>,
    /// Its JSON, or why it has none.
    value: Result<Box<RawValue>, String>,
    is_masked: bool,
}

impl State {
    /// No fields yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One field. A value that cannot be written as JSON is told when the entry is recorded.
    #[must_use]
    pub fn field<T: Serialize + ?Sized>(self, name: impl Into<Cow<'static, str>>, value: &T) -> Self {
        self.with(name.into(), value, false)
    }

    /// One field whose value is nobody's business: a marker stands in its place.
    #[must_use]
    pub fn masked<T: Serialize + ?Sized>(self, name: impl Into<Cow<'static, str>>, value: &T) -> Self {
        self.with(name.into(), value, true)
    }

    fn with<T: Serialize + ?Sized>(mut self, name: Cow<'static, str>, value: &T, is_masked: bool) -> Self {
        let value = to_raw_value(value).map_err(|error| error.to_string());
        self.0.push(Field { name, value, is_masked });
        self
    }

    /// As JSON, with markers in place of secrets.
    ///
    /// ```
    /// # use client::State;
    /// let state = State::new().field("name", "Ana").masked("pin", &1234);
    /// assert_eq!(state.to_json()?.get(), r#"{"name":"Ana","pin":"[masked]"}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// # Errors
    /// When a value cannot be written as JSON; the message names its field.
    pub fn to_json(&self) -> Result<Box<RawValue>, serde_json::Error> {
        self.render(&mut Vec::new())
    }

    /// The same. `secrets` are those of the entry so far: equal ones get equal markers.
    pub(crate) fn render(&self, secrets: &mut Vec<String>) -> Result<Box<RawValue>, serde_json::Error> {
        use serde::ser::Error as _;
        let mut names = std::collections::HashSet::new();
        let mut text = String::from("{");
        for Field { name, value, is_masked } in &self.0 {
            let value = value
                .as_ref()
                .map_err(|why| serde_json::Error::custom(format_args!("the field `{name}`: {why}")))?;
            if !names.insert(name) {
                return Err(serde_json::Error::custom(format_args!("the field `{name}` is there twice")));
            }
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&serde_json::to_string(name)?);
            text.push(':');
            if *is_masked && is_telling(value.get()) {
                text.push_str(&marker(value.get(), secrets));
            } else {
                text.push_str(value.get());
            }
        }
        text.push('}');
        RawValue::from_string(text)
    }
}

/// Nothing, yes, no and an empty text tell only whether it is set.
fn is_telling(json: &str) -> bool {
    !matches!(json, "null" | "true" | "false" | "\"\"")
}

fn marker(json: &str, secrets: &mut Vec<String>) -> String {
    let place = secrets.iter().position(|known| known == json).unwrap_or_else(|| {
        secrets.push(json.to_owned());
        secrets.len() - 1
    });
    if place == 0 { "\"[masked]\"".to_owned() } else { format!("\"[masked {}]\"", place + 1) }
}

/// Without the values of masked fields.
impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for field in &self.0 {
            match &field.value {
                Ok(_) if field.is_masked => map.entry(&field.name, &"[masked]"),
                Ok(value) => map.entry(&field.name, &value.get()),
                Err(why) => map.entry(&field.name, why),
            };
        }
        map.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn equal_secrets_have_equal_markers() {
        let state = |password: &str, pin: Option<u32>| {
            State::new().field("n", &1).masked("password", password).masked("pin", &pin)
        };
        let mut secrets = Vec::new();
        let mut json = |state: State| state.render(&mut secrets).unwrap().get().to_owned();
        assert_eq!(json(state("a", None)), r#"{"n":1,"password":"[masked]","pin":null}"#);
        assert_eq!(json(state("b", Some(7))), r#"{"n":1,"password":"[masked 2]","pin":"[masked 3]"}"#);
        assert_eq!(json(state("a", Some(7))), r#"{"n":1,"password":"[masked]","pin":"[masked 3]"}"#);
        assert_eq!(json(state("", None)), r#"{"n":1,"password":"","pin":null}"#);
    }

    #[test]
    fn what_cannot_be_written_is_told_by_field() {
        let state = State::new().field("tags", &HashMap::from([(vec![1], 1)]));
        let error = state.to_json().unwrap_err().to_string();
        assert!(error.contains("`tags`") && error.contains("key must be a string"), "{error}");
        let error = State::new().field("a", &1).field("a", &2).to_json().unwrap_err();
        assert!(error.to_string().contains("`a` is there twice"), "{error}");
    }
}
