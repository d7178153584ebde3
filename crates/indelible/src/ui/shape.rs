//! Entries in the shapes that several pages draw.

use jiff::Timestamp;
use model::action::{self, MessageContext};
use model::{ActorType, Entry, Outcome, diff};

use super::view::kind::Kind;
use super::view::{Action, Actor, Entity, EntryLink, Sentence, Tags, Time, Verb, url};

/// Names of changed fields that a row shows before it counts.
const TAGS_SHOWN: usize = 3;

/// What was done.
pub(super) fn action(entry: &Entry) -> Action {
    Action {
        label: action::label_of(&entry.action).into_owned(),
        code: entry.action.clone(),
        kind: kind(entry),
        failed: entry.outcome == Outcome::Failure,
    }
}

pub(super) fn kind(entry: &Entry) -> Kind {
    Kind::from_code(entry.kind.as_str())
}

/// Who did it; `href` leads to all that this actor did.
pub(super) fn actor(entry: &Entry, href: impl Fn(&str) -> String) -> Option<Actor> {
    let actor = entry.actor.as_ref()?;
    let name = match actor.kind {
        ActorType::System if actor.display_name() == "system" => "System",
        ActorType::System | ActorType::User | ActorType::Service => actor.display_name(),
    };
    let channel = entry.origin.as_ref().and_then(|origin| origin.channel.as_deref());
    let note = match (actor.kind, channel) {
        (ActorType::Service, _) => Some("service".to_owned()),
        (ActorType::User, Some(channel)) if channel.eq_ignore_ascii_case("portal") => {
            Some("via portal".to_owned())
        }
        (ActorType::User, _) if actor.on_behalf_of.is_some() => Some("on behalf".to_owned()),
        (ActorType::User | ActorType::System, _) => None,
    };
    let id = actor.id.as_ref().map(|id| format!("{} {id}", actor.kind.as_str()));
    let known = [Some(name.to_owned()), id, actor.email.clone()];
    let roles = (!actor.roles.is_empty()).then(|| actor.roles.join(", "));
    let title = known.into_iter().chain([roles]).flatten().collect::<Vec<_>>().join(", ");
    let key = actor.id.as_deref().unwrap_or_else(|| actor.display_name());
    Some(Actor { name: name.to_owned(), note, title, href: Some(href(key)) })
}

/// What it was done to.
pub(super) fn entity(entry: &Entry) -> Option<Entity> {
    let entity = entry.entity.as_ref()?;
    let title = entity.title.clone().filter(|title| !title.is_empty() && *title != entity.id);
    Some(Entity {
        kind: entity.kind.clone(),
        title,
        id: entity.id.clone(),
        href: url::entity(entry.site.as_str(), &entity.kind, &entity.id),
    })
}

/// One sentence about it: the sender's, else the registry's where the data say more than the action's name.
pub(super) fn summary(entry: &Entry) -> Option<String> {
    let own = entry.summary.clone().filter(|summary| !summary.is_empty());
    own.or_else(|| {
        action::lookup(&entry.action)?;
        let data = serde_json::from_str(entry.data.as_ref()?.get()).ok()?;
        let entity = entry.entity.as_ref();
        let context = MessageContext::new(
            entity.map_or("entry", |entity| &entity.kind),
            entity.and_then(|entity| entity.title.as_deref()),
            Some(&data),
        );
        Some(action::message(&entry.action, &context))
    })
}

/// Names of the changed fields.
pub(super) fn changed(entry: &Entry) -> Tags {
    Tags::new(&diff::changed(entry.before.as_deref(), entry.after.as_deref()), TAGS_SHOWN)
}

/// "Ana published *Home*", for a heading.
pub(super) fn sentence(entry: &Entry) -> Sentence {
    let verb = match action::lookup(&entry.action) {
        Some(_) => Verb::Words(action::verb_of(&entry.action).into_owned()),
        None => Verb::Code(entry.action.clone()),
    };
    Sentence {
        actor: actor(entry, |_| String::new()).map_or_else(|| "Somebody".to_owned(), |actor| actor.name),
        verb,
        entity: entry.entity.as_ref().map(|entity| entity.display_title().to_owned()),
    }
}

/// The entry in one line of plain text.
pub(super) fn line(entry: &Entry) -> String {
    let sentence = sentence(entry);
    let entity = sentence.entity.unwrap_or_else(|| "something erased".to_owned());
    match sentence.verb {
        Verb::Words(verb) => format!("{} {verb} {entity}", sentence.actor),
        Verb::Code(code) => format!("{} did {code} on {entity}", sentence.actor),
    }
}

/// A link to an entry.
pub(super) fn link(entry: &Entry, now: Timestamp) -> EntryLink {
    EntryLink {
        href: href(entry),
        label: line(entry),
        kind: kind(entry),
        time: Time::new(now, entry.occurred_at),
        is_current: false,
    }
}

/// The entry's page.
pub(super) fn href(entry: &Entry) -> String {
    url::entry(entry.site.as_str(), &entry.id.to_string())
}
