//! An entry as a flat record.
//!
//! What came as a record, over this API or from a file, is kept whole as the entry's `data`, and goes out with every key
//! that it had. What the record does not say, the entry does; so an entry that came over our own API is a record as well.
//! Of a record that a client posted, the keys that the server stamps are the server's, whatever the client wrote there.
//!
//! The same entry makes the same text every time: clients tell entries apart by it.

use model::action::aem::{operation_of, source_of};
use model::{Actor, ActorType, Entry, diff};
use serde::Serialize;
use serde_json::value::RawValue;

use super::normal;

/// The channel of entries that a client of this API wrote: what they say happened, nobody but that client vouches for.
pub(super) const CLIENT: &str = "client";

/// Our own key, which no record can have otherwise.
const OWN: &str = "indelible";

/// A record's keys in their order, each with its value's JSON text.
#[derive(Debug, Default)]
pub(super) struct Record(Vec<(String, String)>);

impl Record {
    /// The keys of an object.
    fn of(object: &RawValue) -> Option<Self> {
        let fields = diff::fields(object)?;
        Some(Self(
            fields.into_iter().map(|(key, value)| (key.into_owned(), value.get().to_owned())).collect(),
        ))
    }

    /// The JSON text of a key's value.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Sets a key where it stands, or at the end.
    pub(super) fn set(&mut self, key: &str, json: String) {
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, value)) => *value = json,
            None => self.0.push((key.to_owned(), json)),
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// Whether it has one of these keys.
    fn has(&self, keys: &[&str]) -> bool {
        self.0.iter().any(|(name, _)| keys.contains(&name.as_str()))
    }

    /// Sets a key that is not there to what is known of it.
    fn add(&mut self, key: &str, value: Option<impl AsRef<str>>) {
        if let Some(value) = value
            && !self.has(&[key])
        {
            self.set(key, quoted(value.as_ref()));
        }
    }

    fn into_json(self) -> String {
        let mut json = String::from("{");
        for (place, (key, value)) in self.0.iter().enumerate() {
            if place > 0 {
                json.push(',');
            }
            json.push_str(&quoted(key));
            json.push(':');
            json.push_str(value);
        }
        json.push('}');
        json
    }
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// Whether a client of this API wrote it.
fn is_posted(entry: &Entry) -> bool {
    let channel = entry.origin.as_ref().and_then(|origin| origin.channel.as_deref());
    channel == Some(CLIENT) && entry.connector.as_deref() == Some("aem")
}

/// The record's JSON.
pub(super) fn flat(entry: &Entry) -> String {
    let mut record = match entry.data.as_deref() {
        None => Record::default(),
        Some(data) => {
            Record::of(data).unwrap_or_else(|| Record(vec![("data".to_owned(), data.get().to_owned())]))
        }
    };
    let millisecond = entry.occurred_at.as_nanosecond().div_euclid(1_000_000);
    record.set("timestamp", millisecond.to_string());
    if is_posted(entry) {
        stamp(&mut record, entry);
    } else {
        complete(&mut record, entry);
    }
    normal::make_harmless(&mut record);
    record.set(OWN, own(entry));
    record.into_json()
}

/// What the server says, over what the client wrote.
fn stamp(record: &mut Record, entry: &Entry) {
    let (org, site) = (entry.site.org(), entry.site.name());
    record.remove("user");
    let git_ref = entry.origin.as_ref().and_then(|origin| origin.r#ref.as_deref());
    let stamps = [("org", Some(org)), ("site", Some(site)), ("owner", Some(org)), ("repo", Some(site))];
    let stamps = stamps.into_iter().chain([("ref", git_ref), ("user", user(entry.actor.as_ref()))]);
    for (key, value) in stamps {
        match value {
            Some(value) => record.set(key, quoted(value)),
            None => record.remove(key),
        }
    }
}

/// What the entry says beside what the record does.
fn complete(record: &mut Record, entry: &Entry) {
    let origin = entry.origin.as_ref();
    let operation = operation_of(&entry.action);
    let method = origin.and_then(|origin| origin.method.as_deref());
    if !record.has(&["route", "source"]) {
        let route = origin.and_then(|origin| origin.route.as_deref());
        let source = source_of(&entry.action);
        let is_aem = entry.action.starts_with("aem.");
        let foreign = (!is_aem).then_some(entry.action.as_str());
        record.add("source", source);
        let of_code = operation.map(|(route, _)| route).or(foreign);
        record.add("route", route.or(of_code).filter(|_| source.is_none()));
    }
    let of_code = operation.map(|(_, method)| method).filter(|method| !method.is_empty());
    record.add("method", method.or(of_code));
    if !record.has(&["path", "paths"]) {
        record.add("path", path(entry));
    }
    let query = origin.and_then(|origin| origin.query.as_deref()).filter(|query| !query.is_empty());
    record.add("search", query.map(|query| format!("?{query}")));
    record.add("user", user(entry.actor.as_ref()));
    record.add("ip", origin.and_then(|origin| origin.ip).map(|ip| ip.to_string()));
    if let Some(duration) = entry.duration_ms.filter(|_| !record.has(&["duration"])) {
        record.set("duration", duration.to_string());
    }
    if !entry.errors.is_empty() && !record.has(&["error", "errors"]) {
        record.set("errors", serde_json::to_string(&entry.errors).unwrap_or_default());
    }
    if !record.has(&["message", "source"]) {
        record.add("message", entry.summary.as_deref());
    }
    let (org, site) = (entry.site.org(), entry.site.name());
    for (key, value) in [("org", org), ("site", site), ("owner", org), ("repo", site)] {
        record.add(key, Some(value));
    }
    record.add("ref", origin.and_then(|origin| origin.r#ref.as_deref()));
}

/// What an entry was about, as a path: its own, or type and id of an entity that has none.
fn path(entry: &Entry) -> Option<String> {
    if let Some(path) = entry.origin.as_ref().and_then(|origin| origin.path.clone()) {
        return Some(path);
    }
    let entity = entry.entity.as_ref()?;
    if !entry.action.starts_with("aem.") {
        return Some(format!("/{}/{}", entity.kind, entity.id.trim_start_matches('/')));
    }
    matches!(entity.kind.as_str(), "page" | "resource").then(|| entity.id.clone())
}

/// The credential's mail address, else its id, else its name; nothing for the system.
fn user(actor: Option<&Actor>) -> Option<&str> {
    let actor = actor.filter(|actor| actor.kind != ActorType::System)?;
    let names = [&actor.email, &actor.id, &actor.name];
    names.into_iter().flatten().map(String::as_str).find(|name| !name.is_empty())
}

/// What is ours to say.
fn own(entry: &Entry) -> String {
    #[derive(Serialize)]
    struct Own<'a> {
        id: uuid::Uuid,
        index: u64,
        action: &'a str,
        /// `client` for what a client of this API wrote.
        #[serde(skip_serializing_if = "Option::is_none")]
        origin: Option<&'static str>,
    }
    let origin = is_posted(entry).then_some(CLIENT);
    let own = Own { id: entry.id, index: entry.index, action: &entry.action, origin };
    serde_json::to_string(&own).unwrap_or_default()
}
