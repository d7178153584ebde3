//! The Common Event Format, version 0, for collectors that read lines.
//!
//! ```text
//! CEF:0|Indelible|Indelible|0.1.0|page.publish|Published Home|3|rt=1795234515123 externalId=0193… act=update …
//! ```
//!
//! The mapping is a table in docs/guides/exporting.md. What CEF has no key for has one that begins with
//! `Indelible`, as its guide wants for keys of one's own. Values are never cut, before and after included:
//! collectors have limits of their own (often 4,000 characters in `cs1` to `cs6`), and cutting here would
//! make JSON that does not parse. Only the name in the header is cut; `msg` has all of it.

use std::net::IpAddr;

use model::{Actor, Entity, Entry, Origin, Outcome};
use serde_json::value::RawValue;
use tlog::Hash;

use super::{PRODUCT, PRODUCT_VERSION, VENDOR, joined};

/// Characters of the name in the header: what the format's own dictionary gives it.
const NAME_CHARS_MAX: usize = 512;

pub(super) fn entry(entry: &Entry, leaf_hash: &Hash, out: &mut Vec<u8>) {
    let mut line = header(entry);
    let mut extension = Extension { line: &mut line, is_empty: true };
    extension.log(entry, leaf_hash);
    extension.actor(entry.actor.as_ref());
    extension.entity(entry.entity.as_ref());
    extension.content(entry);
    if let Some(origin) = &entry.origin {
        extension.origin(origin);
    }
    line.push('\n');
    out.extend(line.into_bytes());
}

fn header(entry: &Entry) -> String {
    // 0 to 3 is low, 4 to 6 medium: a failure deserves a look, not an alarm.
    let severity = match entry.outcome {
        Outcome::Success => "3",
        Outcome::Failure => "6",
    };
    let summary = entry.summary.as_deref().filter(|summary| !summary.trim().is_empty());
    let name: String = summary.unwrap_or(&entry.action).chars().take(NAME_CHARS_MAX).collect();
    let mut line = "CEF:0|".to_owned();
    for field in [VENDOR, PRODUCT, PRODUCT_VERSION, &entry.action, &name, severity] {
        for c in field.chars() {
            match c {
                '\\' | '|' => line.extend(['\\', c]),
                // The header knows no escape for them.
                c if c.is_control() => line.push(' '),
                c => line.push(c),
            }
        }
        line.push('|');
    }
    line
}

/// The part after the header: `key=value key=value`. Empty values are left out.
struct Extension<'a> {
    line: &'a mut String,
    is_empty: bool,
}

impl Extension<'_> {
    /// What the log knows of its own, and what every entry has.
    fn log(&mut self, entry: &Entry, leaf_hash: &Hash) {
        self.put("rt", &entry.occurred_at.as_millisecond().to_string());
        self.put("externalId", &entry.id.to_string());
        self.labelled("cn1", "sequence", &entry.index.to_string());
        self.put("deviceExternalId", entry.site.as_str());
        self.labelled("deviceCustomDate1", "recordedAt", &entry.recorded_at.as_millisecond().to_string());
        self.labelled("cs5", "leafHash", &leaf_hash.to_string());
        self.put("act", entry.kind.as_str());
        self.put("outcome", entry.outcome.as_str());
        self.put("IndelibleSource", &entry.source);
        self.put_some("IndelibleConnector", entry.connector.as_ref());
    }

    fn actor(&mut self, actor: Option<&Actor>) {
        let Some(actor) = actor else { return };
        self.put("suser", actor.display_name());
        self.put_some("suid", actor.id.as_ref());
        self.put("spriv", &joined(&actor.roles));
        self.put("IndelibleActorType", actor.kind.as_str());
        self.put_some("IndelibleActorEmail", actor.email.as_ref());
        let on_behalf_of = actor.on_behalf_of.as_ref().and_then(|person| serde_json::to_string(person).ok());
        self.put_some("IndelibleOnBehalfOf", on_behalf_of.as_ref());
    }

    fn entity(&mut self, entity: Option<&Entity>) {
        let Some(entity) = entity else { return };
        if entity.kind == "user" {
            self.put("duser", entity.display_title());
        }
        self.put("fname", entity.display_title());
        self.labelled("cs3", "entityType", &entity.kind);
        self.labelled("cs4", "entityId", &entity.id);
        self.put_some("IndelibleEntityPreviousId", entity.previous_id.as_ref());
        self.put_some("IndelibleEntityUrl", entity.url.as_ref());
    }

    fn content(&mut self, entry: &Entry) {
        let (before, after) = (entry.before.as_deref(), entry.after.as_deref());
        self.put_some("msg", entry.summary.as_ref());
        self.put_some("reason", entry.reason.as_ref());
        self.labelled("cs1", "before", before.map_or("", RawValue::get));
        self.labelled("cs2", "after", after.map_or("", RawValue::get));
        self.put("IndelibleChanged", &joined(&entry.changed()));
        self.labelled("cs6", "data", entry.data.as_deref().map_or("", RawValue::get));
        self.labelled("cn2", "durationMs", &entry.duration_ms.map(|ms| ms.to_string()).unwrap_or_default());
        self.put("IndelibleErrors", &joined(&entry.errors));
        self.put_some("IndelibleCorrelationId", entry.correlation_id.map(|id| id.to_string()).as_ref());
        self.put_some("IndeliblePartial", entry.partial.map(|partial| partial.to_string()).as_ref());
        self.put_some("IndelibleReverts", entry.reverts.map(|id| id.to_string()).as_ref());
        let erased: Vec<String> = entry.erased.iter().map(ToString::to_string).collect();
        self.put("IndelibleErased", &joined(&erased));
    }

    fn origin(&mut self, origin: &Origin) {
        match origin.ip {
            // `src` takes no address of version 6.
            Some(IpAddr::V4(ip)) => self.put("src", &ip.to_string()),
            Some(IpAddr::V6(ip)) => self.labelled("c6a2", "Source IPv6 Address", &ip.to_string()),
            None => {}
        }
        self.put_some("requestClientApplication", origin.user_agent.as_ref());
        self.put_some("requestMethod", origin.method.as_ref());
        self.put_some("request", origin.path.as_ref());
        self.put_some("IndelibleQuery", origin.query.as_ref());
        self.put_some("IndelibleRoute", origin.route.as_ref());
        self.put_some("IndelibleRef", origin.r#ref.as_ref());
        self.put_some("IndelibleRequestId", origin.request_id.as_ref());
        self.put_some("IndelibleSessionId", origin.session_id.as_ref());
        self.put_some("IndelibleChannel", origin.channel.as_ref());
    }

    /// A custom key, whose meaning stands in a second key.
    fn labelled(&mut self, key: &str, label: &str, value: &str) {
        if !value.is_empty() {
            self.put(&format!("{key}Label"), label);
            self.put(key, value);
        }
    }

    fn put_some(&mut self, key: &str, value: Option<&String>) {
        self.put(key, value.map_or("", String::as_str));
    }

    fn put(&mut self, key: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        if !self.is_empty {
            self.line.push(' ');
        }
        self.is_empty = false;
        self.line.push_str(key);
        self.line.push('=');
        for c in value.chars() {
            match c {
                '\\' | '=' => self.line.extend(['\\', c]),
                '\n' => self.line.push_str("\\n"),
                '\r' => self.line.push_str("\\r"),
                // A collector that stops at a NUL would not see the rest of the line, and a sender could
                // hide it; there is no escape for these. JSON has none of them.
                c if c.is_control() && c != '\t' => self.line.push(char::REPLACEMENT_CHARACTER),
                c => self.line.push(c),
            }
        }
    }
}
