//! `POST …/log`: entries that clients write themselves.
//!
//! Each is kept as it came and stamped with what the server knows: when it came, who sent it, from where. Nobody vouches
//! for the rest, so the entry has the channel `client` in our own model.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use model::limits::{CODE_BYTES_MAX, ENTRY_BYTES_MAX, ID_BYTES_MAX};
use model::{Actor, ActorType, Code, Entity, Origin, Sealed, Violation, diff};
use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::{self, Refusal};
use super::place::Place;
use super::record::CLIENT;
use super::who;
use crate::access::Caller;
use crate::api::{App, Problem, blocking, collect_body};
use crate::clock;
use crate::connect::AemOperation;
use crate::journal::{self, Append, Outcome};
use crate::settings::Rules;
use crate::store::Site;

/// Entries of one request, at most.
const ENTRIES_MAX: usize = 10;

/// Bytes of a body, at most: as many entries as may be, each as long as it may be, and room between them.
const BODY_BYTES_MAX: usize = (ENTRIES_MAX + 1) * ENTRY_BYTES_MAX;

pub(super) async fn write(
    app: App,
    caller: Caller,
    place: Place,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let (asked, of_place, by) = (app.clone(), place.clone(), caller.clone());
    let may_write = move || {
        let site = who::may_write(&asked.indelible, &by, &of_place)?.site;
        let rules = asked.indelible.rules(&site).map_err(Problem::from)?;
        Ok::<_, Refusal>((site, rules))
    };
    let (site, rules) = blocking(move || Ok::<_, Problem>(may_write())).await??;
    let too_large = || Problem::too_large(format!("the body is larger than {BODY_BYTES_MAX} bytes"));
    let bytes = collect_body(body, BODY_BYTES_MAX, too_large).await?;
    let bytes = if is_json(headers) { bytes } else { Bytes::new() };
    let sender = Sender { caller, git_ref: place.git_ref, site: site.clone(), rules };
    let sealed = blocking(move || Ok::<_, Problem>(sender.entries(&bytes))).await??;
    if !sealed.is_empty() {
        append(&app, site, sealed).await?;
    }
    Ok(answer::created())
}

/// Appends all of them or none.
async fn append(app: &App, site: Site, entries: Vec<Sealed>) -> Result<(), Refusal> {
    let append = Append { site, entries, atomic: true, change: None };
    let outcomes = app.indelible.journal().append(append).await.map_err(Problem::from)?;
    let refused = outcomes.into_iter().find_map(|outcome| match outcome {
        Outcome::Refused(violation) => Some(violation),
        Outcome::Appended(_) | Outcome::Known(_) => None,
    });
    refused.map_or(Ok(()), |violation| Err(Problem::refused(&[violation]).into()))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// Who sends entries, and to where.
struct Sender {
    caller: Caller,
    git_ref: String,
    site: Site,
    rules: Arc<Rules>,
}

/// An entry in the form of our own door.
#[derive(Serialize)]
struct Posted<'a> {
    occurred_at: Timestamp,
    actor: Actor,
    action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    entity: Entity,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    origin: Origin,
    connector: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    data: &'a RawValue,
}

impl Sender {
    /// The entries of a body, ready for the log.
    fn entries(&self, bytes: &[u8]) -> Result<Vec<Sealed>, Refusal> {
        if bytes.is_empty() {
            return Err(no_entries());
        }
        let unparseable = |_| Refusal::bad("error parsing request body");
        let body: &RawValue = serde_json::from_slice(bytes).map_err(unparseable)?;
        let fields = diff::fields(body).unwrap_or_default();
        // Of a key that stands twice, the last counts, as in JavaScript.
        let entries = fields.iter().rev().find(|(name, _)| name == "entries").map(|(_, value)| value.get());
        let entries = entries.filter(|value| value.starts_with('[')).ok_or_else(no_entries)?;
        let entries: Vec<&RawValue> = serde_json::from_str(entries).map_err(unparseable)?;
        if entries.len() > ENTRIES_MAX {
            let text = format!("Array in 'entries' should not contain more than {ENTRIES_MAX} messages");
            return Err(Refusal::bad(text));
        }
        let now = clock::now();
        entries.into_iter().enumerate().map(|(place, record)| self.entry(place, record, now)).collect()
    }

    fn entry(&self, place: usize, record: &RawValue, now: Timestamp) -> Result<Sealed, Refusal> {
        if !record.get().starts_with('{') {
            return Err(Refusal::bad(format!("Each of 'entries' should be an object, entry {place} is not")));
        }
        let told = AemOperation::read(record);
        let posted = self.posted(told, record, now);
        let text = serde_json::to_string(&posted).map_err(|error| Problem::internal(&error))?;
        let admitted = journal::admit(text.as_bytes(), &self.caller.name, None, &self.rules);
        admitted.map_err(Problem::from)?.map_err(|violations| refused(place, &violations))
    }

    fn posted<'a>(&self, told: AemOperation, record: &'a RawValue, now: Timestamp) -> Posted<'a> {
        let Caller { name, role, from, .. } = &self.caller;
        let (kind, id) = match told.entity {
            // A record names its site or does not; it is this one's either way.
            (kind, _) if kind == "site" => (kind, format!("{}/{}", self.site.id.org(), self.site.id.name())),
            named => named,
        };
        let from = from.clone().unwrap_or_default();
        Posted {
            occurred_at: now,
            actor: Actor {
                kind: ActorType::User,
                email: name.contains('@').then(|| name.clone()),
                name: Some(name.clone()),
                roles: vec![role.as_str().to_owned()],
                ..Actor::system()
            },
            action: code(told.action),
            outcome: told.has_failed.then_some("failure"),
            entity: Entity { kind, id: cut(id, ID_BYTES_MAX), previous_id: None, title: None, url: None },
            summary: told.summary,
            origin: Origin {
                method: told.method,
                route: told.route,
                path: told.path,
                query: told.query,
                r#ref: Some(self.git_ref.clone()),
                channel: Some(CLIENT.to_owned()),
                ..from
            },
            connector: "aem",
            duration_ms: told.duration_ms,
            errors: told.errors,
            data: record,
        }
    }
}

fn no_entries() -> Refusal {
    Refusal::bad("Adding logs requires an array in 'entries'")
}

fn refused(place: usize, violations: &[Violation]) -> Refusal {
    let is_long = violations.iter().any(|violation| violation.code == Code::TooLarge);
    let status = if is_long { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    Refusal::new(status, format!("Entry {place} of 'entries' is refused: {}", texts.join("; ")))
}

/// A code that our door takes. The record keeps its route as it is.
fn code(action: String) -> String {
    let fits = action.len() <= CODE_BYTES_MAX && !action.chars().any(char::is_control);
    if fits { action } else { "aem.custom".to_owned() }
}

/// The beginning of a text, of so many bytes at most.
fn cut(mut text: String, bytes_max: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}
