use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::action::{self, Kind};
use crate::diff::{self, Change, Extent};
use crate::name::SiteId;
use crate::section::SectionName;

/// A submitted entry that passed every check: all that the sender said, defaults filled in where the
/// contract has a fixed one, the log's own fields still missing.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The sender's id, if it gave one; it makes sending again harmless.
    pub id: Option<Uuid>,
    /// When it happened, if the sender said so.
    pub occurred_at: Option<Timestamp>,
    /// Who did it.
    pub actor: Actor,
    /// What was done, a code such as `wagtail.publish`.
    pub action: String,
    /// The action's kind: the sender's, the registry's or guessed from the code.
    pub kind: Kind,
    /// Whether the sender named the kind itself.
    pub kind_given: bool,
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// What it was done to.
    pub entity: Entity,
    /// One sentence for people.
    pub summary: Option<String>,
    /// Why it was done, in the actor's words.
    pub reason: Option<String>,
    /// The entity's state before: a JSON object, its bytes as sent but for white space.
    pub before: Option<Box<RawValue>>,
    /// The entity's state after, likewise.
    pub after: Option<Box<RawValue>>,
    /// Whether `after` holds only the submitted fields, so that a field it lacks has not changed. `None` where
    /// the sender does not say.
    pub partial: Option<bool>,
    /// From where it was done.
    pub origin: Option<Origin>,
    /// Shared by the entries of one user action.
    pub correlation_id: Option<Uuid>,
    /// What carried the entry in, for example `wagtail`.
    pub connector: Option<String>,
    /// How long the operation took, in milliseconds.
    pub duration_ms: Option<u64>,
    /// What went wrong, if anything did.
    pub errors: Vec<String>,
    /// Anything else: any JSON, its bytes as sent but for white space.
    pub data: Option<Box<RawValue>>,
    /// The entry that this one takes back.
    pub reverts: Option<Uuid>,
}

impl Draft {
    /// What was done to what, and everything else as where a sender does not say it.
    #[must_use]
    pub fn new(action: &str, entity: Entity) -> Self {
        Self {
            id: None,
            occurred_at: None,
            actor: Actor::system(),
            action: action.to_owned(),
            kind: action::kind_of(action),
            kind_given: false,
            outcome: Outcome::Success,
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
            reverts: None,
        }
    }
}

/// An entry as read back from its log. Actor and entity are options because their sections can be erased
/// without the entry ceasing to be one.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The site whose log holds it.
    pub site: SiteId,
    /// Position in that log, from 0.
    pub index: u64,
    /// The entry's id, unique in its site for ever.
    pub id: Uuid,
    /// When the log took it: server time, never smaller than its predecessor's. Millisecond precision.
    pub recorded_at: Timestamp,
    /// When it happened, as its sender says.
    pub occurred_at: Timestamp,
    /// See [`Draft::action`].
    pub action: String,
    /// See [`Draft::kind`].
    pub kind: Kind,
    /// See [`Draft::outcome`].
    pub outcome: Outcome,
    /// See [`Draft::connector`].
    pub connector: Option<String>,
    /// Name of the token or other credential that sent it.
    pub source: String,
    /// See [`Draft::actor`]; `None` only when erased.
    pub actor: Option<Actor>,
    /// See [`Draft::origin`].
    pub origin: Option<Origin>,
    /// See [`Draft::entity`]; `None` only when erased.
    pub entity: Option<Entity>,
    /// See [`Draft::before`].
    pub before: Option<Box<RawValue>>,
    /// See [`Draft::after`].
    pub after: Option<Box<RawValue>>,
    /// See [`Draft::partial`].
    pub partial: Option<bool>,
    /// See [`Draft::summary`].
    pub summary: Option<String>,
    /// See [`Draft::reason`].
    pub reason: Option<String>,
    /// See [`Draft::correlation_id`].
    pub correlation_id: Option<Uuid>,
    /// See [`Draft::duration_ms`].
    pub duration_ms: Option<u64>,
    /// See [`Draft::errors`].
    pub errors: Vec<String>,
    /// See [`Draft::data`].
    pub data: Option<Box<RawValue>>,
    /// See [`Draft::reverts`].
    pub reverts: Option<Uuid>,
    /// The sections whose content was erased: their fields are empty here.
    pub erased: Vec<SectionName>,
}

impl Entry {
    /// Empties the fields of a section. `source` is what an entry keeps to stay one: it stays.
    pub(crate) fn clear(&mut self, section: SectionName) {
        match section {
            SectionName::Actor => self.actor = None,
            SectionName::Origin => self.origin = None,
            SectionName::Entity => self.entity = None,
            SectionName::Change => {
                (self.before, self.after, self.partial) = (None, None, None);
            }
            SectionName::Context => {
                (self.summary, self.reason, self.correlation_id) = (None, None, None);
                (self.duration_ms, self.data, self.reverts) = (None, None, None);
                self.errors = Vec::new();
            }
            SectionName::Source => {}
        }
    }

    /// How much of the entity the state after holds: what the sender says, else what the states suggest.
    #[must_use]
    pub fn extent(&self) -> Extent {
        match (self.partial, &self.before, &self.after) {
            (Some(true), ..) => Extent::Partial,
            (None, Some(before), Some(after)) => {
                let id = self.entity.as_ref().map(|entity| entity.id.as_str());
                Extent::inferred(self.kind, id, before, after)
            }
            _ => Extent::Full,
        }
    }

    /// Names of the top-level fields that changed.
    #[must_use]
    pub fn changed(&self) -> Vec<String> {
        diff::changed_of(self)
    }

    /// What leads from the state before to the state after; nothing where one of them is not known.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => diff::changes(before, after, self.extent()),
            _ => Vec::new(),
        }
    }
}

/// Who did it. Never null: what nobody did, the system did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// User, service or system.
    #[serde(rename = "type")]
    pub kind: ActorType,
    /// Id in the host's user table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name as it was at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Mail address as it was at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Roles held at the time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The person in whose place the actor acted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<OnBehalfOf>,
}

impl Actor {
    /// The actor of what nobody did.
    #[must_use]
    pub const fn system() -> Self {
        Self {
            kind: ActorType::System,
            id: None,
            name: None,
            email: None,
            roles: Vec::new(),
            on_behalf_of: None,
        }
    }

    /// The best name there is for people: name, else mail address, else id, else the type's word.
    #[must_use]
    pub fn display_name(&self) -> &str {
        [&self.name, &self.email, &self.id]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .find(|text| !text.is_empty())
            .unwrap_or(self.kind.as_str())
    }
}

/// What sort of actor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorType {
    /// A person.
    User,
    /// A program with an identity of its own.
    Service,
    /// The host itself: timers, migrations, defaults.
    System,
}

impl ActorType {
    /// The word in JSON and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::System => "system",
        }
    }
}

/// The person in whose place an actor acted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnBehalfOf {
    /// User, service or system.
    #[serde(rename = "type")]
    pub kind: ActorType,
    /// Id in the host's user table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name as it was at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Mail address as it was at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
}

/// What it was done to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entity {
    /// Page, user, setting, or the name of a table.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id within its type; composite keys are joined by the connector.
    pub id: String,
    /// The id it had until now, where this action gave it another: a rename or a move in systems whose ids are
    /// paths. Both ids then have one history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_id: Option<String>,
    /// Title as it was at the time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where to see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

impl Entity {
    /// An entity of which only type and id are told.
    #[must_use]
    pub fn new(kind: &str, id: &str) -> Self {
        Self { kind: kind.to_owned(), id: id.to_owned(), previous_id: None, title: None, url: None }
    }

    /// The title, or the id where there is none.
    #[must_use]
    pub fn display_title(&self) -> &str {
        self.title.as_deref().filter(|title| !title.is_empty()).unwrap_or(&self.id)
    }
}

/// From where it was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Address of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// The client's program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// HTTP method of the operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Name of the operation, for example `live`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// What the operation was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Query string of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Branch or version of the code that ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r#ref: Option<String>,
    /// Id of the request in the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Id of the session in the host; send a hash, never the session secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Portal, control panel, API, command line and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
}

/// Whether an action succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It took effect.
    #[default]
    Success,
    /// It was tried and did not take effect.
    Failure,
}

impl Outcome {
    /// The word in JSON and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}
