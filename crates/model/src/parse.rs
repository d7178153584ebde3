//! From a sender's bytes to a [`Draft`]: the door.
//!
//! The happy path is one strict pass, one typed pass and a look at the values (`check`). Mistakes are the slow path:
//! there every field is looked at, so that a sender learns of all of them at once.

mod check;

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::action::{self, Kind};
use crate::entry::{Actor, ActorType, Draft, Entity, OnBehalfOf, Origin, Outcome};
use crate::json;
use crate::limits::ENTRY_BYTES_MAX;
use crate::violation::{Code, Violation};

/// Reads one entry in the contract's form.
///
/// # Errors
/// Everything that is wrong with it. A mistake in the JSON itself or in a value's type ends the search, so
/// those come alone; mistakes in values come all at once.
pub fn parse(bytes: &[u8]) -> Result<Draft, Vec<Violation>> {
    if bytes.len() > ENTRY_BYTES_MAX {
        let message = format!("{} bytes long; {ENTRY_BYTES_MAX} are allowed", bytes.len());
        return Err(vec![Violation::new(Code::TooLarge, "", message)]);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("not UTF-8 at byte {}", error.valid_up_to());
        vec![Violation::new(Code::NotUtf8, "", message)]
    })?;
    let minified = json::minify(text).map_err(|violation| vec![violation])?;
    let wire: Wire<'_> = serde_json::from_str(&minified).map_err(|_| explain(&minified))?;
    wire.into_draft()
}

/// An entry as it travels. Values whose form has rules of its own (times, addresses, UUIDs, words of a
/// list) are texts here, so that a bad one is reported by field and reason beside all others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an entry: a JSON object with at least `action` and `entity`")]
struct Wire<'a> {
    id: Option<String>,
    occurred_at: Option<String>,
    actor: Option<WireActor>,
    action: String,
    kind: Option<String>,
    outcome: Option<String>,
    entity: WireEntity,
    summary: Option<String>,
    reason: Option<String>,
    #[serde(borrow, default, deserialize_with = "object_or_null")]
    before: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "object_or_null")]
    after: Option<&'a RawValue>,
    partial: Option<bool>,
    origin: Option<WireOrigin>,
    correlation_id: Option<String>,
    connector: Option<String>,
    duration_ms: Option<u64>,
    errors: Option<Vec<String>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    reverts: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an actor: a JSON object with `type`")]
struct WireActor {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    name: Option<String>,
    email: Option<String>,
    roles: Option<Vec<String>>,
    on_behalf_of: Option<WirePrincipal>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an actor: a JSON object with `type`")]
struct WirePrincipal {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an entity: a JSON object with `type` and `id`")]
struct WireEntity {
    #[serde(rename = "type")]
    kind: String,
    id: String,
    previous_id: Option<String>,
    title: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an origin: a JSON object")]
struct WireOrigin {
    ip: Option<String>,
    user_agent: Option<String>,
    method: Option<String>,
    route: Option<String>,
    path: Option<String>,
    query: Option<String>,
    r#ref: Option<String>,
    request_id: Option<String>,
    session_id: Option<String>,
    channel: Option<String>,
}

/// A state is an object; `null` says there is none.
fn object_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    match raw.get().bytes().next() {
        Some(b'{') => Ok(Some(raw)),
        Some(b'n') => Ok(None),
        _ => Err(serde::de::Error::custom("expected a JSON object (a state by field) or null")),
    }
}

impl Wire<'_> {
    fn into_draft(self) -> Result<Draft, Vec<Violation>> {
        let mut reading = Reading::default();
        let draft = Draft {
            id: self.id.and_then(|text| reading.uuid("id", &text)),
            occurred_at: self.occurred_at.and_then(|text| reading.time("occurred_at", &text)),
            actor: self.actor.map_or_else(Actor::system, |actor| reading.actor(actor)),
            kind: reading.kind(self.kind.as_deref(), &self.action),
            kind_given: self.kind.is_some(),
            action: self.action,
            outcome: reading.outcome(self.outcome.as_deref()),
            entity: self.entity.into(),
            summary: self.summary,
            reason: self.reason,
            before: self.before.map(ToOwned::to_owned),
            after: self.after.map(ToOwned::to_owned),
            partial: self.partial,
            origin: self.origin.map(|origin| reading.origin(origin)),
            correlation_id: self.correlation_id.and_then(|text| reading.uuid("correlation_id", &text)),
            connector: self.connector,
            duration_ms: self.duration_ms,
            errors: self.errors.unwrap_or_default(),
            data: self.data.map(ToOwned::to_owned),
            reverts: self.reverts.and_then(|text| reading.uuid("reverts", &text)),
        };
        let mut violations = reading.violations;
        violations.extend(draft.violations());
        if violations.is_empty() { Ok(draft) } else { Err(violations) }
    }
}

impl From<WireEntity> for Entity {
    fn from(wire: WireEntity) -> Self {
        Self { kind: wire.kind, id: wire.id, previous_id: wire.previous_id, title: wire.title, url: wire.url }
    }
}

/// Reads the values whose form has rules, and collects which have another.
#[derive(Default)]
struct Reading {
    violations: Vec<Violation>,
}

impl Reading {
    fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.violations.push(Violation::new(Code::InvalidValue, field, message));
    }

    fn uuid(&mut self, field: &str, text: &str) -> Option<Uuid> {
        let uuid = Uuid::try_parse(text).ok();
        if uuid.is_none() {
            let message =
                format!("`{}` is not a UUID such as 0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c", shorten(text));
            self.refuse(field, message);
        }
        uuid
    }

    fn time(&mut self, field: &str, text: &str) -> Option<Timestamp> {
        let time = text.parse().ok();
        if time.is_none() {
            let message = format!(
                "`{}` is not an RFC 3339 time with zone such as 2026-11-21T04:15:15.123Z",
                shorten(text)
            );
            self.refuse(field, message);
        }
        time
    }

    fn kind(&mut self, given: Option<&str>, action: &str) -> Kind {
        let Some(text) = given else { return action::kind_of(action) };
        text.parse().unwrap_or_else(|_| {
            let words: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            let message = format!("`{}` is not a kind: use one of {}", shorten(text), words.join(", "));
            self.refuse("kind", message);
            Kind::Other
        })
    }

    fn outcome(&mut self, given: Option<&str>) -> Outcome {
        match given {
            None | Some("success") => Outcome::Success,
            Some("failure") => Outcome::Failure,
            Some(other) => {
                let message = format!("`{}` is not an outcome: use success or failure", shorten(other));
                self.refuse("outcome", message);
                Outcome::Success
            }
        }
    }

    fn actor(&mut self, actor: WireActor) -> Actor {
        Actor {
            kind: self.actor_type("actor.type", &actor.kind),
            id: actor.id,
            name: actor.name,
            email: actor.email,
            roles: actor.roles.unwrap_or_default(),
            on_behalf_of: actor.on_behalf_of.map(|principal| OnBehalfOf {
                kind: self.actor_type("actor.on_behalf_of.type", &principal.kind),
                id: principal.id,
                name: principal.name,
                email: principal.email,
            }),
        }
    }

    fn actor_type(&mut self, field: &str, text: &str) -> ActorType {
        match text {
            "user" => ActorType::User,
            "service" => ActorType::Service,
            "system" => ActorType::System,
            other => {
                let message =
                    format!("`{}` is not an actor type: use user, service or system", shorten(other));
                self.refuse(field, message);
                ActorType::System
            }
        }
    }

    fn origin(&mut self, origin: WireOrigin) -> Origin {
        Origin {
            ip: origin.ip.and_then(|text| self.ip(&text)),
            user_agent: origin.user_agent,
            method: origin.method,
            route: origin.route,
            path: origin.path,
            query: origin.query,
            r#ref: origin.r#ref,
            request_id: origin.request_id,
            session_id: origin.session_id,
            channel: origin.channel,
        }
    }

    fn ip(&mut self, text: &str) -> Option<IpAddr> {
        let ip = text.parse().ok();
        if ip.is_none() {
            let message = format!("`{}` is not an IPv4 or IPv6 address", shorten(text));
            self.refuse("origin.ip", message);
        }
        ip
    }
}

/// The slow path: reads the entry once more to find the path of the field that does not fit. Of fields that an entry does
/// not have all are named that stand beside the first.
fn explain(minified: &str) -> Vec<Violation> {
    let mut deserializer = serde_json::Deserializer::from_str(minified);
    let Err(error) = serde_path_to_error::deserialize::<_, Wire<'_>>(&mut deserializer) else {
        return vec![Violation::new(Code::JsonSyntax, "", "not an entry")];
    };
    let path = error.path().to_string();
    let path = if path == "." { String::new() } else { path };
    let text = error.inner().to_string();
    // serde_json ends its messages with a position in our minified copy, which would only mislead.
    let text = text.split(" at line ").next().unwrap_or_default();
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    // serde's messages for unknown and missing fields quote the name in backticks, first of all.
    let name = text.split('`').nth(1).unwrap_or_default();
    if text.starts_with("unknown field") {
        // The path of an unknown field already ends with it.
        let field = if path == name || path.ends_with(&format!(".{name}")) { path } else { join(name) };
        let known: Vec<&str> = text.split('`').skip(3).step_by(2).collect();
        let message = format!("not a field of an entry; known here are {}", known.join(", "));
        let all = if field == name { unknown_in(minified, &known) } else { vec![field] };
        return all.into_iter().map(|field| Violation::new(Code::UnknownField, field, &message)).collect();
    }
    if text.starts_with("missing field") {
        return vec![Violation::new(Code::MissingField, join(name), "is required")];
    }
    vec![Violation::new(Code::WrongType, path, in_words_of_json(text))]
}

/// The top-level fields of an entry that are none of the known ones.
fn unknown_in(minified: &str, known: &[&str]) -> Vec<String> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(minified).unwrap_or_default();
    let mut unknown: Vec<String> = fields.into_keys().collect();
    unknown.retain(|name| !known.contains(&name.as_str()));
    unknown
}

/// What serde expected is named by Rust's types; senders know JSON's.
fn in_words_of_json(text: &str) -> String {
    let Some((found, expected)) = text.rsplit_once(", expected ") else { return text.to_owned() };
    let expected = match expected {
        "u64" => "a whole number from 0 on",
        "a sequence" => "an array",
        "a boolean" => "true or false",
        other => other,
    };
    format!("{found}, expected {expected}")
}

/// A sender's own text in a message, cut so that it cannot flood it.
fn shorten(text: &str) -> String {
    const CHARS_SHOWN: usize = 60;
    let mut short: String = text.chars().take(CHARS_SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;
