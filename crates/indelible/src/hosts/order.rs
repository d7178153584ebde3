//! The order to a host, and its answer.

use std::collections::BTreeMap;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use model::diff::{self, Patched};
use model::revert::{Restored, Standing};
use model::{Entity, Entry};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::{Uuid, uuid};

/// Namespace of the keys of orders and of the ids of the entries that tell of them.
const NAMESPACE: Uuid = uuid!("5b0d7a52-2f3c-5d39-9a0e-6a1f7c1e8d44");

/// How old a signature may be for a host to believe it.
const SIGNATURE_LIFETIME: Duration = Duration::from_mins(5);

/// What a host is to do: all of it, if it finds what is expected, or nothing. Sent as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Order {
    /// The same for the same order: a host that knows it answers as it did.
    pub idempotency_key: Uuid,
    /// The site.
    pub site: String,
    /// The entry that is taken back.
    pub entry_id: Uuid,
    /// What to change.
    pub entity: Target,
    /// Values to put in places, by JSON pointer.
    pub set: BTreeMap<String, Box<RawValue>>,
    /// Places to remove, as JSON pointers.
    pub remove: Vec<String>,
    /// What must be there now. A place of `set` that is not named here must be empty.
    pub expected: BTreeMap<String, Box<RawValue>>,
    /// Why.
    pub reason: Option<String>,
    /// Who asks for it.
    pub requested_by: String,
}

/// An entity as its host knows it.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// What a host answers.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It has done all of it: the states that it found and left.
    Done {
        /// What it found; nothing where the entity was not there.
        before: Option<Box<RawValue>>,
        /// What it left.
        after: Option<Box<RawValue>>,
    },
    /// It found something else, and did nothing.
    Conflict {
        /// What it found, if it says.
        current: Option<Box<RawValue>>,
    },
    /// It cannot do that, and did nothing.
    Cannot {
        /// Why not, in its words.
        why: String,
    },
}

impl Order {
    /// The order to put these fields of an entity back. `times` says how often the entry was taken back before.
    pub(crate) fn new(
        entry: &Entry,
        entity: &Entity,
        fields: &[&Restored],
        times: usize,
        reason: Option<&str>,
        requested_by: &str,
    ) -> Self {
        let mut order = Self {
            idempotency_key: Uuid::nil(),
            site: entry.site.to_string(),
            entry_id: entry.id,
            entity: Target { kind: entity.kind.clone(), id: entity.id.clone() },
            set: BTreeMap::new(),
            remove: Vec::new(),
            expected: BTreeMap::new(),
            reason: reason.map(ToOwned::to_owned),
            requested_by: requested_by.to_owned(),
        };
        for field in fields {
            match &field.to {
                Some(value) => drop(order.set.insert(field.path.clone(), value.clone())),
                None => order.remove.push(field.path.clone()),
            }
            // What the log knows to be there now; where it does not, what the entry left.
            let now = if field.standing == Standing::Unknown { &field.left } else { &field.from };
            if let Some(value) = now {
                order.expected.insert(field.path.clone(), value.clone());
            }
        }
        order.idempotency_key = order.key(times);
        order
    }

    /// Follows from what is to be done, not from who asks for it: two who ask for the same ask once.
    fn key(&self, times: usize) -> Uuid {
        let content = serde_json::to_vec(&(&self.set, &self.remove, &self.expected)).unwrap_or_default();
        let name = format!("{}\0{}\0{times}\0", self.site, self.entry_id);
        let digest = Sha256::new().chain_update(name).chain_update(content).finalize();
        Uuid::new_v5(&NAMESPACE, &digest)
    }

    /// The id of the entry that tells of this order.
    pub(crate) fn entry_of_the_revert(&self) -> Uuid {
        Uuid::new_v5(&NAMESPACE, self.idempotency_key.as_bytes())
    }

    /// What every host does with the present state of the entity, as far as the order is concerned: looks whether things
    /// are as the order expects, and changes all of it or nothing. Keeping what it left is the host's own.
    #[must_use]
    pub fn carry_out(&self, before: Option<&RawValue>) -> Reply {
        let mut state = before.map_or_else(Patched::empty, Patched::new);
        let is_as_expected = self.paths().all(|path| {
            let found = state.get(path).and_then(|text| RawValue::from_string(text).ok());
            match (found, self.expected.get(path)) {
                (Some(found), Some(expected)) => diff::same(&found, expected),
                (found, expected) => found.is_none() && expected.is_none(),
            }
        });
        if !is_as_expected {
            return Reply::Conflict { current: before.map(ToOwned::to_owned) };
        }
        let set = self.set.iter().try_for_each(|(path, value)| state.set(path, value));
        if let Err(error) = set.and_then(|()| self.remove.iter().try_for_each(|path| state.remove(path))) {
            return Reply::Cannot { why: error.to_string() };
        }
        Reply::Done { before: before.map(ToOwned::to_owned), after: Some(state.to_raw()) }
    }

    /// Every place that it changes.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.set.keys().chain(&self.remove).map(String::as_str)
    }
}

/// The value of the header `Indelible-Signature`: HMAC-SHA-256, keyed with the connector's secret, of the time in
/// seconds, a dot and the body.
#[must_use]
pub fn signature(secret: &str, unix_seconds: i64, body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok().map(|mut mac| {
        mac.update(unix_seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        mac.finalize().into_bytes()
    });
    let mut signature = format!("t={unix_seconds},v1=");
    for byte in mac.into_iter().flatten() {
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
        signature.extend([digit(byte >> 4), digit(byte & 0x0f)]);
    }
    signature
}

/// Whether the header `Indelible-Signature` is that of a body, and not too old: for hosts that are written in Rust.
#[must_use]
pub fn is_signed(secret: &str, header: &str, body: &[u8], now_unix_seconds: i64) -> bool {
    let time = header.split(',').find_map(|part| part.strip_prefix("t=")).and_then(|time| time.parse().ok());
    let Some(time) = time else { return false };
    let expected = signature(secret, time, body);
    let is_fresh = now_unix_seconds.abs_diff(time) <= SIGNATURE_LIFETIME.as_secs();
    is_fresh && bool::from(expected.as_bytes().ct_eq(header.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `printf '1790000000.{}' | openssl dgst -sha256 -hmac s3cret`.
    #[test]
    fn signatures_are_what_others_compute() {
        let expected = "t=1790000000,v1=0d84afbca530158326e0549a7a1c3579755f9b8ba4cceba2c143dbe14147b60f";
        assert_eq!(signature("s3cret", 1_790_000_000, b"{}"), expected);
        assert!(is_signed("s3cret", expected, b"{}", 1_790_000_300));
        assert!(!is_signed("s3cret", expected, b"{}", 1_790_000_301), "too old");
        assert!(!is_signed("s3cret", expected, b"{ }", 1_790_000_000), "another body");
        assert!(!is_signed("secret", expected, b"{}", 1_790_000_000), "another secret");
        assert!(!is_signed("s3cret", "", b"{}", 1_790_000_000));
    }
}
