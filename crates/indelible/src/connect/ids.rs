//! Ids that come out the same whenever the same input is read again.
//!
//! Every id is a version 5 UUID: the SHA-1 of a namespace and a name. The namespace names format and site,
//! so that one file read into two sites makes two sets of entries. The name is the record's own key where
//! it has one. Where it has none it is the SHA-256 of the record's JSON and *how many equal records stood
//! before it*: two equal lines are two entries, and a file that was only appended to keeps the ids of its
//! old part.

use std::collections::HashMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Format;

/// Drawn once at random. Another value would give every record a new id and so double every repeated import.
const ROOT: Uuid = Uuid::from_u128(0x6f1d_2c5e_93b4_5a7f_8e02_41d7_c9a0_b35c);

/// What the ids of one input are unique in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace(Uuid);

impl Namespace {
    /// The usual one: of everything that is read in this format into this site.
    #[must_use]
    pub fn of_site(format: Format, site: &str) -> Self {
        Self(Uuid::new_v5(&ROOT, format!("{format}:{site}").as_bytes()))
    }

    /// The namespace a sending installation uses for its own ids. With it, rows that the Wagtail package
    /// already sent and rows that are read from a file get the same ids and are kept once.
    #[must_use]
    pub const fn of_installation(namespace: Uuid) -> Self {
        Self(namespace)
    }

    /// The id of the record with this key.
    #[must_use]
    pub fn id(&self, key: &str) -> Uuid {
        Uuid::new_v5(&self.0, key.as_bytes())
    }
}

/// Gives out the ids of one input.
pub(super) struct Ids {
    namespace: Namespace,
    /// How often each hash was seen, by its first eight bytes. Two different records that share them merely
    /// start counting at a higher number, the same one at every reading.
    seen: HashMap<u64, u32>,
}

impl Ids {
    pub(super) fn new(namespace: Namespace) -> Self {
        Self { namespace, seen: HashMap::new() }
    }

    /// The id of a record with a key of its own.
    pub(super) fn of_key(&self, key: &str) -> Uuid {
        self.namespace.id(key)
    }

    /// The id of a record that only has its content.
    pub(super) fn of_content(&mut self, json: &str) -> Uuid {
        let digest = Sha256::digest(json.as_bytes());
        let mut name = String::with_capacity(80);
        let mut short = 0;
        for (position, byte) in digest.iter().enumerate() {
            if position < 8 {
                short = short << 8 | u64::from(*byte);
            }
            // Writing to a string cannot fail.
            write!(name, "{byte:02x}").unwrap_or_default();
        }
        let seen = self.seen.entry(short).or_default();
        write!(name, ":{seen}").unwrap_or_default();
        *seen = seen.saturating_add(1);
        self.namespace.id(&name)
    }
}
