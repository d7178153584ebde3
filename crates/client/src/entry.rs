//! One thing that happened, in the form that the server takes.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use crate::error::Error;
use crate::who::{Actor, Origin};

/// One thing that happened: an action on an entity. It serialises to the JSON that the server takes.
///
/// What is not given is left out, and the server fills in its defaults: the time of arrival, the system as
/// the actor, the kind that belongs to the action, success.
///
/// ```
/// use client::{Actor, Entry, Kind};
///
/// let entry = Entry::new("page.publish", "page", "7")
///     .actor(Actor::user("42").name("Ana"))
///     .kind(Kind::Update)
///     .before(serde_json::json!({"published": false}))
///     .after(serde_json::json!({"published": true}))
///     .build()?;
/// assert_eq!(serde_json::to_value(&entry)?["entity"]["id"], "7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) fields: Fields,
    unserialisable: Option<Unserialisable>,
}

/// The first value that could not be written as JSON. A builder cannot answer with an error at each step, so
/// it is kept until [`Entry::build`] or until the entry is sent.
#[derive(Clone, Debug)]
struct Unserialisable {
    field: &'static str,
    source: Arc<serde_json::Error>,
}

/// The fields in the order of the contract.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Fields {
    pub(crate) id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) occurred_at: Option<Timestamp>,
    /// Shared with the context that it comes from, as is the origin.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shared")]
    pub(crate) actor: Option<Arc<Actor>>,
    pub(crate) action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<Kind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) outcome: Option<Outcome>,
    pub(crate) entity: Entity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) partial: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "shared")]
    pub(crate) origin: Option<Arc<Origin>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) correlation_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) connector: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Box<RawValue>>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entity {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
}

/// What an action does to its entity, in one coarse word.
///
/// ```
/// assert_eq!(serde_json::to_value(client::Kind::Delete)?, "delete");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The entity comes into being.
    Create,
    /// The entity's state changes.
    Update,
    /// The entity goes away, if only into a trash.
    Delete,
    /// The entity is looked at or exported.
    Read,
    /// Somebody comes or goes, or what somebody may do changes.
    Access,
    /// A side effect that leaves the entity as it is.
    Other,
}

/// Whether an action succeeded.
///
/// ```
/// assert_eq!(serde_json::to_value(client::Outcome::Failure)?, "failure");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It took effect.
    Success,
    /// It was tried and did not take effect.
    Failure,
}

/// Bytes that an entry seldom exceeds beside its states and data.
const REST_BYTES: usize = 1024;

impl Entry {
    /// An action, such as `page.publish`, on the entity of this type and id. The entry gets a new id of its
    /// own (a UUID of version 7), so that sending it again is harmless from the start.
    #[must_use]
    pub fn new(
        action: impl Into<String>,
        entity_type: impl Into<String>,
        entity_id: impl Into<String>,
    ) -> Self {
        let (kind, id) = (entity_type.into(), entity_id.into());
        let entity = Entity { kind, id, previous_id: None, title: None, url: None };
        let fields = Fields {
            id: Uuid::now_v7(),
            occurred_at: None,
            actor: None,
            action: action.into(),
            kind: None,
            outcome: None,
            entity,
            summary: None,
            reason: None,
            before: None,
            after: None,
            partial: None,
            origin: None,
            correlation_id: None,
            connector: None,
            duration_ms: None,
            errors: Vec::new(),
            data: None,
        };
        Self { fields, unserialisable: None }
    }

    /// The id to use instead of a new one: when your program has an id for what happened, and may come
    /// upon it twice.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.fields.id = id;
        self
    }

    /// When it happened; without it, when the server takes it. Give it when the two may be far apart.
    #[must_use]
    pub fn occurred_at(mut self, time: Timestamp) -> Self {
        self.fields.occurred_at = Some(time);
        self
    }

    /// Who did it.
    #[must_use]
    pub fn actor(mut self, actor: Actor) -> Self {
        self.fields.actor = Some(Arc::new(actor));
        self
    }

    /// The kind of action, when the server cannot know it from the action's name.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.fields.kind = Some(kind);
        self
    }

    /// Whether it succeeded.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.fields.outcome = Some(outcome);
        self
    }

    /// The id that the entity had until now, when the action gave it another. Both ids have one history then.
    #[must_use]
    pub fn previous_id(mut self, id: impl Into<String>) -> Self {
        self.fields.entity.previous_id = Some(id.into());
        self
    }

    /// The entity's title as it is now.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.fields.entity.title = Some(title.into());
        self
    }

    /// Where to see the entity.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.fields.entity.url = Some(url.into());
        self
    }

    /// One line for people that says what happened.
    #[must_use]
    pub fn summary(mut self, summary: impl Into<String>) -> Self {
        self.fields.summary = Some(summary.into());
        self
    }

    /// Why it was done: a ticket, a sentence.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.fields.reason = Some(reason.into());
        self
    }

    /// The entity's state before, as an object of its fields. Leave it out for what is created.
    #[must_use]
    pub fn before(mut self, state: impl Serialize) -> Self {
        self.fields.before = self.raw("before", &state);
        self
    }

    /// The entity's state after, as an object of its fields. Leave it out for what is deleted.
    #[must_use]
    pub fn after(mut self, state: impl Serialize) -> Self {
        self.fields.after = self.raw("after", &state);
        self
    }

    /// That the state after holds only the submitted fields: a field it lacks has not changed.
    #[must_use]
    pub fn partial(mut self) -> Self {
        self.fields.partial = Some(true);
        self
    }

    /// From where it was done.
    #[must_use]
    pub fn origin(mut self, origin: Origin) -> Self {
        self.fields.origin = Some(Arc::new(origin));
        self
    }

    /// The id that all entries of one user action share.
    #[must_use]
    pub fn correlation_id(mut self, id: Uuid) -> Self {
        self.fields.correlation_id = Some(id);
        self
    }

    /// What carries the entry in, for example `wagtail`.
    #[must_use]
    pub fn connector(mut self, connector: impl Into<String>) -> Self {
        self.fields.connector = Some(connector.into());
        self
    }

    /// How long it took, kept in whole milliseconds.
    #[must_use]
    pub fn duration(mut self, duration: Duration) -> Self {
        self.fields.duration_ms = Some(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// The text of one error that occurred; call it once for each. It does not change the outcome.
    #[must_use]
    pub fn error(mut self, text: impl Into<String>) -> Self {
        self.fields.errors.push(text.into());
        self
    }

    /// Any other JSON worth keeping with the entry.
    #[must_use]
    pub fn data(mut self, data: impl Serialize) -> Self {
        self.fields.data = self.raw("data", &data);
        self
    }

    /// Checks at once that all values could be written as JSON. Sending checks it too.
    pub fn build(self) -> Result<Self, Error> {
        self.check()?;
        Ok(self)
    }

    pub(crate) fn uuid(&self) -> Uuid {
        self.fields.id
    }

    /// The entry's JSON, on one line.
    pub(crate) fn to_line(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let Fields { before, after, data, .. } = &self.fields;
        let raw: usize = [before, after, data].into_iter().flatten().map(|raw| raw.get().len()).sum();
        let mut line = Vec::with_capacity(raw + REST_BYTES);
        match serde_json::to_writer(&mut line, &self.fields) {
            Ok(()) => Ok(line),
            Err(source) => Err(self.refuse("entry", Arc::new(source))),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        match &self.unserialisable {
            None => Ok(()),
            Some(failed) => Err(self.refuse(failed.field, Arc::clone(&failed.source))),
        }
    }

    fn refuse(&self, field: &'static str, source: Arc<serde_json::Error>) -> Error {
        Error::Unserialisable { id: self.fields.id, field, source }
    }

    fn raw(&mut self, field: &'static str, value: &impl Serialize) -> Option<Box<RawValue>> {
        match to_raw_value(value).and_then(on_one_line) {
            Ok(raw) => Some(raw),
            Err(source) => {
                self.unserialisable.get_or_insert(Unserialisable { field, source: Arc::new(source) });
                None
            }
        }
    }
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn shared<T: Serialize, S: Serializer>(value: &Option<Arc<T>>, serializer: S) -> Result<S::Ok, S::Error> {
    value.as_deref().serialize(serializer)
}

/// A value that is itself raw JSON keeps the line breaks it was written with, and those would end the
/// entry's line in a batch. Within strings JSON escapes them, so what is left is white space.
fn on_one_line(raw: Box<RawValue>) -> Result<Box<RawValue>, serde_json::Error> {
    // By bytes: this is done for every state, and both are bytes of no other character.
    if raw.get().bytes().any(|byte| matches!(byte, b'\n' | b'\r')) {
        return RawValue::from_string(raw.get().replace(['\n', '\r'], " "));
    }
    Ok(raw)
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.check().map_err(S::Error::custom)?;
        self.fields.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
