//! Who did it: what sessions of the database say of themselves, and how much of it is believed.
//!
//! A session says it by `indelible_capture.set_context`, which seals what it was told, with the session's user and the
//! transaction's number, by a key that only its owner and this process can read (`seal`). Nothing else counts: no comment,
//! no literal, no message that somebody emits on his own. With an application's secret set, a context must be signed by the
//! application, too, so that whoever can run SQL as the application's user still cannot name an actor.

use std::fmt::Write as _;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use model::json::write_string;
use model::{Actor, Draft, Entity, Origin};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::config::Hidden;

/// How far the time that a signed context names may be from its commit.
const SIGNED_WITHIN: Duration = Duration::from_mins(5);

/// Bytes of the key that contexts are sealed with: a block of SHA-256's (RFC 2104).
pub(super) const SEAL_KEY_BYTES: usize = 64;

/// What contexts are checked with.
#[derive(Clone)]
pub(super) struct Keys {
    /// The database's, by which its function seals.
    pub(super) seal: [u8; SEAL_KEY_BYTES],
    /// The application's, by which it signs; without one a sealed context is enough.
    pub(super) application: Option<Hidden>,
}

/// What is said of who acted in a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) actor: Actor,
    pub(super) origin: Origin,
    pub(super) reason: Option<String>,
    /// The correlation that the application named.
    pub(super) correlation: Option<Uuid>,
    /// Where these come from, as JSON: what stands in `data.context`.
    pub(super) standing: String,
}

/// What the database's function passes on.
#[derive(Deserialize)]
struct Sealed {
    xid: u32,
    by: String,
    pid: i64,
    signature: Option<String>,
    context: String,
}

/// What an application may say. As it stands here it is part of an entry, which the door reads.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Said {
    actor: Option<Box<RawValue>>,
    origin: Option<Box<RawValue>>,
    reason: Option<String>,
    correlation_id: Option<String>,
    /// Of a signed context: the session that it is for, and when it was signed.
    #[serde(skip_serializing)]
    pid: Option<i64>,
    #[serde(skip_serializing)]
    at: Option<Timestamp>,
}

/// An entry that says no more than a context does: whether the log would take it from a sender.
#[derive(Serialize)]
struct Probe<'a> {
    action: &'static str,
    entity: Entity,
    #[serde(flatten)]
    said: &'a Said,
}

/// A claim that was looked at.
enum Claim {
    Believed { by: String, is_signed: bool, believed: Box<Believed> },
    Refused { by: Option<String>, why: String },
}

/// What is believed of a claim.
struct Believed {
    /// Whether it names an actor.
    has_actor: bool,
    /// What it says, as the door read it.
    draft: Draft,
}

/// Bytes of an actor that is told of beside the one that counts, and characters of why a claim is refused.
const OTHER_BYTES_MAX: usize = 1024;
const WHY_CHARS_MAX: usize = 200;

/// A claim as the entry tells of it.
#[derive(Serialize)]
struct Other<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
}

impl Context {
    /// What the claims of a transaction come to: the last that is believed counts, and all are told.
    pub(super) fn of(
        claims: &[Vec<u8>],
        xid: u32,
        committed_at: Timestamp,
        keys: &Keys,
        database: &str,
    ) -> Self {
        let looked_at: Vec<Claim> = claims.iter().map(|claim| look(claim, xid, committed_at, keys)).collect();
        let counts = looked_at.iter().rposition(|claim| matches!(claim, Claim::Believed { .. }));
        let others: Vec<Other<'_>> = looked_at
            .iter()
            .enumerate()
            .filter(|(place, _)| Some(*place) != counts)
            .map(|(_, claim)| other(claim))
            .collect();
        let mut standing = String::from("{\"state\":");
        let mut context = Self::nobody(database);
        match counts.and_then(|place| looked_at.get(place)) {
            Some(Claim::Believed { by, is_signed, believed }) => {
                standing.push_str(if *is_signed { "\"signed\",\"by\":" } else { "\"claimed\",\"by\":" });
                write_string(&mut standing, by);
                context.believe(believed);
            }
            Some(Claim::Refused { .. }) | None => {
                standing.push_str(if others.is_empty() { "\"none\"" } else { "\"refused\"" });
            }
        }
        if !others.is_empty() {
            let others = serde_json::to_string(&others).unwrap_or_default();
            // Writing into a string cannot fail.
            _ = write!(standing, ",\"others\":{others}");
        }
        standing.push('}');
        Self { standing, ..context }
    }

    /// Where nobody is named it is the database, openly.
    fn nobody(database: &str) -> Self {
        let actor = Actor {
            id: Some("postgres".to_owned()),
            name: Some(format!("database {database}")),
            ..Actor::system()
        };
        let origin = Origin { channel: Some("database".to_owned()), ..Origin::default() };
        Self { actor, origin, reason: None, correlation: None, standing: String::new() }
    }

    fn believe(&mut self, believed: &Believed) {
        let draft = &believed.draft;
        if believed.has_actor {
            self.actor = draft.actor.clone();
        }
        if let Some(origin) = &draft.origin {
            self.origin = origin.clone();
        }
        self.reason.clone_from(&draft.reason);
        self.correlation = draft.correlation_id;
    }

    /// Where nobody can be named: what this process found or did itself.
    pub(super) fn of_capture(database: &str) -> Self {
        Self::of(
            &[],
            0,
            Timestamp::UNIX_EPOCH,
            &Keys { seal: [0; SEAL_KEY_BYTES], application: None },
            database,
        )
    }
}

fn other(claim: &Claim) -> Other<'_> {
    match claim {
        Claim::Believed { by, believed, .. } => {
            let actor = believed.has_actor.then(|| to_raw_value(&believed.draft.actor).ok()).flatten();
            let actor = actor.filter(|actor| actor.get().len() <= OTHER_BYTES_MAX);
            Other { by: Some(by), actor, refused: None }
        }
        Claim::Refused { by, why } => Other { by: by.as_deref(), actor: None, refused: Some(why) },
    }
}

fn look(claim: &[u8], xid: u32, committed_at: Timestamp, keys: &Keys) -> Claim {
    let Some(sealed) = open::<Sealed>(claim, &keys.seal) else {
        let why = "it does not come from indelible_capture.set_context".to_owned();
        return Claim::Refused { by: None, why };
    };
    match believe(&sealed, xid, committed_at, keys) {
        Ok(believed) => Claim::Believed {
            by: sealed.by,
            is_signed: keys.application.is_some(),
            believed: Box::new(believed),
        },
        Err(why) => Claim::Refused { by: Some(sealed.by), why: why.chars().take(WHY_CHARS_MAX).collect() },
    }
}

fn believe(sealed: &Sealed, xid: u32, committed_at: Timestamp, keys: &Keys) -> Result<Believed, String> {
    if sealed.xid != xid {
        return Err("it was sealed in another transaction".to_owned());
    }
    let said: Said =
        serde_json::from_str(&sealed.context).map_err(|error| format!("it does not read: {error}"))?;
    if let Some(secret) = &keys.application {
        check_signature(sealed, &said, committed_at, secret)?;
    }
    // What the log would not take from a sender it does not take from here.
    let probe = Probe { action: "probe", entity: Entity::new("probe", "probe"), said: &said };
    let probe = serde_json::to_string(&probe).map_err(|error| format!("it does not read: {error}"))?;
    match model::parse(probe.as_bytes()) {
        Ok(draft) => Ok(Believed { has_actor: said.actor.is_some(), draft }),
        Err(violations) => Err(violations.first().map_or_else(
            || "it does not read".to_owned(),
            |violation| format!("{}: {}", violation.field, violation.message),
        )),
    }
}

fn check_signature(
    sealed: &Sealed,
    said: &Said,
    committed_at: Timestamp,
    secret: &Hidden,
) -> Result<(), String> {
    let given = sealed.signature.as_deref().ok_or("it is not signed by the application")?;
    let right = mac(secret.reveal().as_bytes(), sealed.context.as_bytes());
    let is_right: bool = right.as_bytes().ct_eq(given.to_ascii_lowercase().as_bytes()).into();
    if !is_right {
        return Err("its signature is not the application's".to_owned());
    }
    if said.pid != Some(sealed.pid) {
        return Err("it was signed for another session".to_owned());
    }
    let is_recent = said.at.is_some_and(|at| {
        let apart = committed_at.as_second().abs_diff(at.as_second());
        apart <= SIGNED_WITHIN.as_secs()
    });
    if is_recent { Ok(()) } else { Err("it was not signed within five minutes of the commit".to_owned()) }
}

/// Whether one of our functions has sealed a message.
pub(super) fn is_sealed(message: &[u8], key: &[u8; SEAL_KEY_BYTES]) -> bool {
    open::<serde::de::IgnoredAny>(message, key).is_some()
}

/// What a function of ours has sealed: `HEX:JSON`, the first being HMAC-SHA256 of the second.
pub(super) fn open<'a, T: Deserialize<'a>>(message: &'a [u8], key: &[u8; SEAL_KEY_BYTES]) -> Option<T> {
    let place = message.iter().position(|byte| *byte == b':')?;
    let (seal, text) = message.split_at(place);
    let text = text.get(1..)?;
    let is_right: bool = mac(key, text).as_bytes().ct_eq(seal).into();
    if is_right { serde_json::from_slice(text).ok() } else { None }
}

/// HMAC-SHA256 of a text, in hexadecimal digits.
#[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
pub(super) fn mac(key: &[u8], text: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text);
    hex(&mac.finalize().into_bytes())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; SEAL_KEY_BYTES] = [7; SEAL_KEY_BYTES];
    const XID: u32 = 42;

    fn mac(key: &[u8], text: &str) -> String {
        super::mac(key, text.as_bytes())
    }

    fn who(context: &Context) -> (&str, Option<&str>) {
        (context.actor.kind.as_str(), context.actor.id.as_deref())
    }

    fn sealed(key: &[u8], xid: u32, signature: Option<&str>, context: &str) -> Vec<u8> {
        let text = serde_json::json!({"xid": xid, "by": "app", "pid": 9, "signature": signature, "context": context});
        let text = text.to_string();
        format!("{}:{text}", mac(key, &text)).into_bytes()
    }

    fn now() -> Timestamp {
        "2026-11-21T04:15:15Z".parse().unwrap()
    }

    fn context(claims: &[Vec<u8>], application: Option<&str>) -> Context {
        let keys = Keys { seal: KEY, application: application.map(|secret| Hidden::new(secret.to_owned())) };
        Context::of(claims, XID, now(), &keys, "shop")
    }

    const ANA: &str = r#"{"actor":{"type":"user","id":"ana"}}"#;

    #[test]
    fn the_last_one_counts_and_all_are_told() {
        let bea =
            r#"{"actor":{"type":"user","id":"bea"},"reason":"ticket 91","origin":{"channel":"portal"}}"#;
        let found = context(&[sealed(&KEY, XID, None, ANA), sealed(&KEY, XID, None, bea)], None);
        assert_eq!(who(&found), ("user", Some("bea")));
        assert_eq!(
            (found.reason.as_deref(), found.origin.channel.as_deref()),
            (Some("ticket 91"), Some("portal"))
        );
        assert_eq!(
            found.standing,
            r#"{"state":"claimed","by":"app","others":[{"by":"app","actor":{"type":"user","id":"ana"}}]}"#
        );
    }

    #[test]
    fn without_one_it_is_the_database() {
        let found = context(&[], None);
        assert_eq!(who(&found), ("system", Some("postgres")));
        assert_eq!(found.actor.name.as_deref(), Some("database shop"));
        assert_eq!(found.origin.channel.as_deref(), Some("database"));
        assert_eq!(found.standing, r#"{"state":"none"}"#);
    }

    #[test]
    fn forged_ones_are_refused_and_told() {
        let cases = [
            (sealed(&[8; SEAL_KEY_BYTES], XID, None, ANA), "does not come from"),
            (ANA.as_bytes().to_vec(), "does not come from"),
            (sealed(&KEY, XID + 1, None, ANA), "another transaction"),
            (sealed(&KEY, XID, None, r#"{"actor":{"type":"ghost"}}"#), "actor.type"),
            (sealed(&KEY, XID, None, r#"{"user":"ana"}"#), "unknown field"),
            (sealed(&KEY, XID, None, "ana"), "does not read"),
        ];
        for (claim, why) in cases {
            let found = context(&[sealed(&KEY, XID, None, ANA), claim.clone()], None);
            assert_eq!(who(&found), ("user", Some("ana")), "one that is believed still counts: {found:?}");
            assert!(found.standing.contains(why), "{found:?}");
            let found = context(&[claim], None);
            assert_eq!(who(&found), ("system", Some("postgres")), "{found:?}");
            assert!(found.standing.starts_with("{\"state\":\"refused\""), "{found:?}");
        }
    }

    #[test]
    fn with_a_secret_only_the_application_can_name_an_actor() {
        let said = |pid: i64, at: &str| {
            format!(r#"{{"actor":{{"type":"user","id":"ana"}},"pid":{pid},"at":"{at}"}}"#)
        };
        let right = said(9, "2026-11-21T04:13:00Z");
        let signature = mac(b"secret", &right);
        let found = context(&[sealed(&KEY, XID, Some(&signature), &right)], Some("secret"));
        assert!(found.standing.contains("\"signed\""), "{found:?}");
        let (other_session, old) = (said(8, "2026-11-21T04:13:00Z"), said(9, "2026-11-21T04:03:00Z"));
        for (said, signature, why) in [
            (&right, None, "not signed by"),
            (&right, Some(mac(b"guess", &right)), "not the application's"),
            (&other_session, Some(mac(b"secret", &other_session)), "another session"),
            (&old, Some(mac(b"secret", &old)), "five minutes"),
        ] {
            let found = context(&[sealed(&KEY, XID, signature.as_deref(), said)], Some("secret"));
            assert!(found.standing.contains(why), "{found:?}");
            assert_eq!(who(&found), ("system", Some("postgres")), "{found:?}");
        }
    }
}
