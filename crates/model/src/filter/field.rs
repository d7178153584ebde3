//! The fields that a filter can name.

use std::borrow::Cow;

use serde::Serialize;

use crate::entry::{Actor, Entry, OnBehalfOf};

/// A field of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Field {
    /// The actor's id, name or mail address; what nobody did, by the word that stands in the name's place.
    Actor,
    /// User, service or system.
    ActorType,
    /// The actor's id.
    ActorId,
    /// The actor's name.
    ActorName,
    /// The actor's mail address.
    ActorEmail,
    /// A role that the actor held.
    ActorRole,
    /// Id, name or mail address of the person in whose place the actor acted.
    OnBehalfOf,
    /// The action's code.
    Action,
    /// The action's kind.
    Kind,
    /// Success or failure.
    Outcome,
    /// The entity's id or title.
    Entity,
    /// The entity's type.
    EntityType,
    /// The entity's id.
    EntityId,
    /// The id that the entity had until then.
    PreviousId,
    /// The entity's title.
    EntityTitle,
    /// Where to see the entity.
    EntityUrl,
    /// The site's id.
    Site,
    /// The entry's id.
    Id,
    /// The client's address.
    Ip,
    /// The client's program.
    UserAgent,
    /// HTTP method.
    Method,
    /// Name of the operation.
    Route,
    /// What the operation was for.
    Path,
    /// Query string of the request.
    Query,
    /// Branch or version.
    Ref,
    /// Id of the request in the host.
    RequestId,
    /// Id of the session in the host.
    SessionId,
    /// Portal, control panel, API and the like.
    Channel,
    /// What the entries of one user action share.
    CorrelationId,
    /// The entry that is taken back.
    Reverts,
    /// What carried the entry in.
    Connector,
    /// The credential that sent it.
    Source,
    /// One sentence for people.
    Summary,
    /// Why it was done.
    Reason,
    /// What went wrong.
    Error,
}

/// How a field's values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// As they are written: ids and codes.
    Written,
    /// In any case: names and other texts for people.
    Folded,
}

/// A part of an entry that holds JSON of its sender's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Part {
    /// The state before.
    Before,
    /// The state after.
    After,
    /// Anything else.
    Data,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 3] = [Self::Before, Self::After, Self::Data];

    /// The word in JSON and in filters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Data => "data",
        }
    }

    /// What an entry has there.
    #[must_use]
    pub fn of(self, entry: &Entry) -> Option<&serde_json::value::RawValue> {
        match self {
            Self::Before => entry.before.as_deref(),
            Self::After => entry.after.as_deref(),
            Self::Data => entry.data.as_deref(),
        }
    }
}

/// What a name in a filter stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Text(Field),
    Created,
    Recorded,
    Duration,
    Index,
    Changed,
}

/// The names of the fields; the first name of a field is the one we write. Beside them there are `before`,
/// `after` and `data`, alone or with a path.
pub(super) const NAMES: [(&str, Named); 75] = [
    ("actor", Named::Text(Field::Actor)),
    ("user", Named::Text(Field::Actor)),
    ("actor.type", Named::Text(Field::ActorType)),
    ("actor.id", Named::Text(Field::ActorId)),
    ("actor.name", Named::Text(Field::ActorName)),
    ("actor.email", Named::Text(Field::ActorEmail)),
    ("actor.role", Named::Text(Field::ActorRole)),
    ("actor.roles", Named::Text(Field::ActorRole)),
    ("role", Named::Text(Field::ActorRole)),
    ("actor.on_behalf_of", Named::Text(Field::OnBehalfOf)),
    ("on_behalf_of", Named::Text(Field::OnBehalfOf)),
    ("action", Named::Text(Field::Action)),
    ("kind", Named::Text(Field::Kind)),
    ("outcome", Named::Text(Field::Outcome)),
    ("entity", Named::Text(Field::Entity)),
    ("entity.type", Named::Text(Field::EntityType)),
    ("entity_type", Named::Text(Field::EntityType)),
    ("type", Named::Text(Field::EntityType)),
    ("table", Named::Text(Field::EntityType)),
    ("entity.id", Named::Text(Field::EntityId)),
    ("entity_id", Named::Text(Field::EntityId)),
    ("key", Named::Text(Field::EntityId)),
    ("entity.previous_id", Named::Text(Field::PreviousId)),
    ("previous_id", Named::Text(Field::PreviousId)),
    ("entity.title", Named::Text(Field::EntityTitle)),
    ("title", Named::Text(Field::EntityTitle)),
    ("entity.url", Named::Text(Field::EntityUrl)),
    ("site", Named::Text(Field::Site)),
    ("id", Named::Text(Field::Id)),
    ("ip", Named::Text(Field::Ip)),
    ("origin.ip", Named::Text(Field::Ip)),
    ("user_agent", Named::Text(Field::UserAgent)),
    ("origin.user_agent", Named::Text(Field::UserAgent)),
    ("method", Named::Text(Field::Method)),
    ("origin.method", Named::Text(Field::Method)),
    ("route", Named::Text(Field::Route)),
    ("origin.route", Named::Text(Field::Route)),
    ("path", Named::Text(Field::Path)),
    ("origin.path", Named::Text(Field::Path)),
    ("query", Named::Text(Field::Query)),
    ("origin.query", Named::Text(Field::Query)),
    ("ref", Named::Text(Field::Ref)),
    ("origin.ref", Named::Text(Field::Ref)),
    ("request_id", Named::Text(Field::RequestId)),
    ("origin.request_id", Named::Text(Field::RequestId)),
    ("session_id", Named::Text(Field::SessionId)),
    ("origin.session_id", Named::Text(Field::SessionId)),
    ("channel", Named::Text(Field::Channel)),
    ("origin.channel", Named::Text(Field::Channel)),
    ("correlation_id", Named::Text(Field::CorrelationId)),
    ("correlation", Named::Text(Field::CorrelationId)),
    ("reverts", Named::Text(Field::Reverts)),
    ("connector", Named::Text(Field::Connector)),
    ("source", Named::Text(Field::Source)),
    ("summary", Named::Text(Field::Summary)),
    ("message", Named::Text(Field::Summary)),
    ("details", Named::Text(Field::Summary)),
    ("reason", Named::Text(Field::Reason)),
    ("error", Named::Text(Field::Error)),
    ("errors", Named::Text(Field::Error)),
    ("created", Named::Created),
    ("occurred_at", Named::Created),
    ("timestamp", Named::Created),
    ("time", Named::Created),
    ("recorded_at", Named::Recorded),
    ("recorded", Named::Recorded),
    ("duration_ms", Named::Duration),
    ("duration", Named::Duration),
    ("index", Named::Index),
    ("changed", Named::Changed),
    ("change", Named::Changed),
    // What other systems call them.
    ("username", Named::Text(Field::ActorName)),
    ("email", Named::Text(Field::ActorEmail)),
    ("entity.name", Named::Text(Field::EntityTitle)),
    ("origin.agent", Named::Text(Field::UserAgent)),
];

/// The names of the fields, each once, as we write them.
pub fn names() -> impl Iterator<Item = &'static str> {
    let first = |(place, (name, named)): (usize, &(&'static str, Named))| {
        let is_first = NAMES.iter().take(place).all(|(_, other)| other != named);
        is_first.then_some(*name)
    };
    NAMES.iter().enumerate().filter_map(first)
}

impl Field {
    /// Shows the field's values in an entry to `see`, each with how it is compared, until that says `true`;
    /// whether it did.
    pub fn any(self, entry: &Entry, mut see: impl FnMut(&str, Case) -> bool) -> bool {
        use Case::{Folded, Written};
        let actor = entry.actor.as_ref();
        let entity = entry.entity.as_ref();
        let origin = entry.origin.as_ref();
        let mut one = |value: Option<&str>, case: Case| value.is_some_and(|value| see(value, case));
        match self {
            Self::Actor => actor.is_some_and(|actor| {
                one(actor.id.as_deref(), Written)
                    || one(actor.name.as_deref(), Folded)
                    || one(actor.email.as_deref(), Folded)
                    || (is_nobody(actor) && one(Some(actor.kind.as_str()), Folded))
            }),
            Self::ActorType => one(actor.map(|actor| actor.kind.as_str()), Folded),
            Self::ActorId => one(actor.and_then(|actor| actor.id.as_deref()), Written),
            Self::ActorName => one(actor.and_then(|actor| actor.name.as_deref()), Folded),
            Self::ActorEmail => one(actor.and_then(|actor| actor.email.as_deref()), Folded),
            Self::ActorRole => {
                actor.is_some_and(|actor| actor.roles.iter().any(|role| one(Some(role), Folded)))
            }
            Self::OnBehalfOf => {
                let person = actor.and_then(|actor| actor.on_behalf_of.as_ref());
                person.is_some_and(|OnBehalfOf { id, name, email, .. }| {
                    one(id.as_deref(), Written)
                        || one(name.as_deref(), Folded)
                        || one(email.as_deref(), Folded)
                })
            }
            Self::Action => one(Some(&entry.action), Written),
            Self::Kind => one(Some(entry.kind.as_str()), Folded),
            Self::Outcome => one(Some(entry.outcome.as_str()), Folded),
            Self::Entity => entity
                .is_some_and(|entity| one(Some(&entity.id), Written) || one(entity.title.as_deref(), Folded)),
            Self::EntityType => one(entity.map(|entity| entity.kind.as_str()), Written),
            Self::EntityId => one(entity.map(|entity| entity.id.as_str()), Written),
            Self::PreviousId => one(entity.and_then(|entity| entity.previous_id.as_deref()), Written),
            Self::EntityTitle => one(entity.and_then(|entity| entity.title.as_deref()), Folded),
            Self::EntityUrl => one(entity.and_then(|entity| entity.url.as_deref()), Written),
            Self::Site => one(Some(entry.site.as_str()), Written),
            Self::Id => one(Some(&entry.id.to_string()), Folded),
            Self::Ip => one(origin.and_then(|origin| origin.ip).map(|ip| ip.to_string()).as_deref(), Folded),
            Self::UserAgent => one(origin.and_then(|origin| origin.user_agent.as_deref()), Folded),
            Self::Method => one(origin.and_then(|origin| origin.method.as_deref()), Folded),
            Self::Route => one(origin.and_then(|origin| origin.route.as_deref()), Written),
            Self::Path => one(origin.and_then(|origin| origin.path.as_deref()), Written),
            Self::Query => one(origin.and_then(|origin| origin.query.as_deref()), Written),
            Self::Ref => one(origin.and_then(|origin| origin.r#ref.as_deref()), Written),
            Self::RequestId => one(origin.and_then(|origin| origin.request_id.as_deref()), Written),
            Self::SessionId => one(origin.and_then(|origin| origin.session_id.as_deref()), Written),
            Self::Channel => one(origin.and_then(|origin| origin.channel.as_deref()), Folded),
            Self::CorrelationId => one(entry.correlation_id.map(|id| id.to_string()).as_deref(), Folded),
            Self::Reverts => one(entry.reverts.map(|id| id.to_string()).as_deref(), Folded),
            Self::Connector => one(entry.connector.as_deref(), Folded),
            Self::Source => one(Some(&entry.source), Folded),
            Self::Summary => one(entry.summary.as_deref(), Folded),
            Self::Reason => one(entry.reason.as_deref(), Folded),
            Self::Error => entry.errors.iter().any(|error| one(Some(error), Folded)),
        }
    }

    /// The name we write.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        NAMES.iter().find(|(_, named)| *named == Named::Text(self)).map_or("", |(name, _)| name)
    }

    /// The form in which a value is compared.
    #[must_use]
    pub fn comparable(value: &str, case: Case) -> Cow<'_, str> {
        match case {
            Case::Written => Cow::Borrowed(value),
            Case::Folded => crate::text::fold(value),
        }
    }
}

/// Whether only the word for its type says who the actor was.
#[must_use]
pub fn is_nobody(actor: &Actor) -> bool {
    let absent = |text: &Option<String>| text.as_ref().is_none_or(String::is_empty);
    absent(&actor.id) && absent(&actor.name) && absent(&actor.email)
}
