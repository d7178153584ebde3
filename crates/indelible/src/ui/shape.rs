//! Entries in the shapes that several pages draw.

use jiff::Timestamp;
use model::action::{self, MessageContext};
use model::{ActorType, Entry, Kind as EntryKind, Outcome};

use super::view::kind::Kind;
use super::view::{Action, Actor, Entity, EntryLink, Object, Sentence, Tags, Time, Verb, url};

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
    let name = actor_name(actor);
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
    let known = [Some(name.clone()), id, actor.email.clone()];
    let roles = (!actor.roles.is_empty()).then(|| actor.roles.join(", "));
    let title = known.into_iter().chain([roles]).flatten().collect::<Vec<_>>().join(", ");
    let key = actor.id.as_deref().unwrap_or_else(|| actor.display_name());
    Some(Actor { name, note, title, href: Some(href(key)) })
}

/// The page about who did it.
pub(super) fn actor_href(entry: &Entry) -> Option<String> {
    let actor = entry.actor.as_ref()?;
    let key = actor.id.as_deref().unwrap_or_else(|| actor.display_name());
    Some(url::actor(entry.site.as_str(), actor.kind.as_str(), key))
}

/// Who did it, leading to the page about them.
pub(super) fn actor_linked(entry: &Entry) -> Option<Actor> {
    let linked = actor(entry, |_| String::new())?;
    Some(Actor { href: actor_href(entry), ..linked })
}

/// The best name there is. A bare number is nobody's name: "User 4".
fn actor_name(actor: &model::Actor) -> String {
    let name = actor.display_name();
    let is_number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    match actor.kind {
        ActorType::System if name == "system" => "System".to_owned(),
        ActorType::User if is_number => format!("User {name}"),
        ActorType::Service if is_number => format!("Service {name}"),
        ActorType::System | ActorType::User | ActorType::Service => name.to_owned(),
    }
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
    Tags::new(&entry.changed(), TAGS_SHOWN)
}

/// "Ana published *Home*", for a heading. What failed was not done, so the sentence must not say it was.
pub(super) fn sentence(entry: &Entry) -> Sentence {
    let past = action::verb_of(&entry.action);
    let is_registered = action::lookup(&entry.action).is_some();
    // Some verbs say themselves that it came to nothing.
    let is_refusal = past.starts_with("was denied") || past.starts_with("failed");
    let verb = if entry.outcome == Outcome::Failure && !is_refusal {
        if is_registered {
            Verb::Tried(action::label_of(&entry.action).into_owned())
        } else {
            Verb::Code(entry.action.clone())
        }
    } else if is_registered || !past.starts_with("performed ") {
        Verb::Words(past.into_owned())
    } else {
        Verb::Code(entry.action.clone())
    };
    let object = entry.entity.as_ref().map(|entity| entity.display_title().to_owned());
    let mut sentence = Sentence {
        actor: actor(entry, |_| String::new()).map_or_else(|| "Somebody".to_owned(), |actor| actor.name),
        verb,
        object: object.map_or(Object::Erased, Object::Named),
    };
    if entry.kind == EntryKind::Access && is_about_actor(entry) {
        let verb = match &sentence.verb {
            Verb::Words(words) => {
                let stem = [" to", " of", " as", " for"].iter().find_map(|end| words.strip_suffix(end));
                stem.map(|stem| Verb::Words(stem.to_owned()))
            }
            tried @ (Verb::Tried(_) | Verb::Code(_)) => Some(tried.clone()),
        };
        if let Some(verb) = verb {
            sentence = Sentence { verb, object: Object::Unsaid, ..sentence };
        }
    }
    sentence
}

/// Whether the entity is the actor, as where somebody signs in.
fn is_about_actor(entry: &Entry) -> bool {
    let (Some(actor), Some(entity)) = (&entry.actor, &entry.entity) else { return false };
    actor.id.as_ref() == Some(&entity.id) || actor.display_name() == entity.display_title()
}

/// The entry in one line of plain text.
pub(super) fn line(entry: &Entry) -> String {
    let Sentence { actor, verb, object } = sentence(entry);
    let (verb, on) = match verb {
        Verb::Words(words) => (words, ""),
        Verb::Tried(label) => (format!("tried “{label}”"), " on"),
        Verb::Code(code) => (format!("did {code}"), " on"),
    };
    match object {
        Object::Named(entity) => format!("{actor} {verb}{on} {entity}"),
        Object::Erased => format!("{actor} {verb}{on} something erased"),
        Object::Unsaid => format!("{actor} {verb}"),
    }
}

/// A link to another entry of the same entity, which needs no naming: "Ana: Publish".
pub(super) fn link_of_entity(entry: &Entry, now: Timestamp) -> EntryLink {
    let actor = actor(entry, |_| String::new()).map_or_else(|| "Somebody".to_owned(), |actor| actor.name);
    EntryLink { label: format!("{actor}: {}", done(entry)), ..link(entry, now) }
}

/// A link to another entry of the same user action, whose actor needs no naming: "Publish: Home".
pub(super) fn link_of_action(entry: &Entry, now: Timestamp) -> EntryLink {
    let entity = entry.entity.as_ref().map_or("something erased", |entity| entity.display_title());
    EntryLink { label: format!("{}: {entity}", done(entry)), ..link(entry, now) }
}

fn done(entry: &Entry) -> String {
    let label = action::label_of(&entry.action);
    if entry.outcome == Outcome::Failure { format!("{label}, failed") } else { label.into_owned() }
}

/// A link to an entry.
fn link(entry: &Entry, now: Timestamp) -> EntryLink {
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
