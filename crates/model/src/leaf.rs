//! The leaf: what the Merkle tree hashes for an entry. No personal data, not even by pseudonym.
//!
//! ```text
//! 494e44454c4f4701                  magic "INDELOG", version 1
//! 000001a0c4506c00                  recorded: milliseconds since 1970, u64, big-endian
//! 01a0c4506c007000800000000000002a  entry id
//! 0002                              class: 1 create, 2 update, 3 delete, 4 read, 5 access, 6 other; of the log's own
//!                                   entries 8 erasure, 9 expiry, 13 settings
//! 02                                number of sections
//! 01 2fb487…8696                    section number, commitment
//! 02 b22e6f…c7c9
//! ```
//!
//! A commitment is a salted hash of the section's bytes. Salts derive from one secret per entry, so that
//! destroying a section's bytes and the secret leaves a commitment that nobody can test guesses against,
//! while every proof about the leaf stays valid.

mod read;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::action::Kind;
use crate::section::SectionName;

pub use read::LeafError;

const MAGIC: [u8; 8] = *b"INDELOG\x01";
const SALT_LABEL: &[u8] = b"indelible-salt/v1\0";
const SECTION_LABEL: &[u8] = b"indelible-section/v1\0";

/// Bytes of an entry's secret. 256 bits: the salts derived from it are as strong as the hash.
pub(crate) const SECRET_BYTES: usize = 32;

/// A salted hash of a section.
pub type Commitment = [u8; 32];

/// The coarse class of an entry, all that its leaf says in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Class(u16);

impl Class {
    /// The class of entries that tell of an erasure. Only the log itself writes it, so that no sender can pretend that
    /// something was removed lawfully.
    pub const ERASURE: Self = Self(8);
    /// The class of entries that tell of an expiry, likewise.
    pub const EXPIRY: Self = Self(9);
    /// The class of entries that tell of other keys, or of a new epoch of the log, likewise.
    pub const KEY: Self = Self(11);
    /// The class of entries that tell of changed settings, likewise: they say which retention was in force.
    pub const SETTINGS: Self = Self(13);

    /// Whether entries of this class explain what happened to others, and therefore never expire and are not erased.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        self.0 > 6
    }

    /// The class of ordinary entries of a kind.
    #[must_use]
    pub const fn of(kind: Kind) -> Self {
        Self(match kind {
            Kind::Create => 1,
            Kind::Update => 2,
            Kind::Delete => 3,
            Kind::Read => 4,
            Kind::Access => 5,
            Kind::Other => 6,
        })
    }

    /// The class with this number; numbers this version does not know are kept as they are.
    #[must_use]
    pub const fn from_number(number: u16) -> Self {
        Self(number)
    }

    /// The number in the leaf.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }
}

/// What a leaf says in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeafHeader {
    /// When the log took the entry, in milliseconds since 1970.
    pub recorded_ms: u64,
    /// The entry's id.
    pub id: Uuid,
    /// The entry's class.
    pub class: Class,
}

/// A leaf: header and commitments in the order of the sections' numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// What is said in clear.
    pub header: LeafHeader,
    /// One commitment per section that the entry has, or had before its erasure.
    pub commitments: Vec<(SectionName, Commitment)>,
}

impl Leaf {
    /// The bytes that the tree hashes: 35 and 33 for each section, 233 for an entry with all six.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(35 + 33 * self.commitments.len());
        bytes.extend(MAGIC);
        bytes.extend(self.header.recorded_ms.to_be_bytes());
        bytes.extend(self.header.id.as_bytes());
        bytes.extend(self.header.class.number().to_be_bytes());
        bytes.push(u8::try_from(self.commitments.len()).unwrap_or(u8::MAX));
        for (name, commitment) in &self.commitments {
            bytes.push(name.number());
            bytes.extend(commitment);
        }
        bytes
    }
}

/// Gives the salts of an entry's sections: HMAC-SHA-256 keyed with the entry's secret.
///
/// The key takes as long to prepare as a salt takes to derive, so it is prepared once for all of an entry's.
pub(crate) struct Salts(Hmac<Sha256>);

impl Salts {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub(crate) fn new(secret: &[u8; SECRET_BYTES]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("HMAC takes keys of any length"))
    }

    pub(crate) fn of(&self, section: SectionName) -> [u8; 32] {
        let mut mac = self.0.clone();
        mac.update(SALT_LABEL);
        mac.update(&[section.number()]);
        mac.finalize().into_bytes().into()
    }
}

/// The salt of one section: HMAC-SHA-256 keyed with the entry's secret.
#[must_use]
pub fn salt(secret: &[u8; 32], section: SectionName) -> [u8; 32] {
    Salts::new(secret).of(section)
}

/// The commitment to a section's bytes under its salt. The salt has a fixed length and stands in front,
/// the length of the bytes before them: no two inputs run together.
#[must_use]
pub fn commitment(salt: &[u8; 32], section: SectionName, bytes: &[u8]) -> Commitment {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    Sha256::new()
        .chain_update(SECTION_LABEL)
        .chain_update(salt)
        .chain_update([section.number()])
        .chain_update(length.to_be_bytes())
        .chain_update(bytes)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
    }

    /// The worked example of docs/formats/leaf.md, made with another implementation.
    #[test]
    fn worked_example() {
        let mut secret = [0; 32];
        for (place, byte) in secret.iter_mut().enumerate() {
            *byte = u8::try_from(place).unwrap();
        }
        let sections =
            [(SectionName::Actor, &br#"{"id":"42"}"#[..]), (SectionName::Origin, br#"{"ip":"203.0.113.9"}"#)];
        let salts: Vec<_> = sections.iter().map(|(name, _)| salt(&secret, *name)).collect();
        assert_eq!(hex(&salts[0]), "5ca1d2d94713ac300da61eb9c653218ef25bc971291f4f41d04c568b450e22ed");
        assert_eq!(hex(&salts[1]), "42ae97c23e49b143f8fb8d763b663f6f725285bacee1331041c604f65510d632");
        let commitments: Vec<_> = sections
            .iter()
            .zip(&salts)
            .map(|((name, bytes), salt)| (*name, commitment(salt, *name, bytes)))
            .collect();
        assert_eq!(
            hex(&commitments[0].1),
            "2fb487581262b9bbd6fa6aad370389f11a171797e1711bec1dd488dbae718696"
        );
        let header = LeafHeader {
            recorded_ms: 1_790_000_000_000,
            id: "01a0c450-6c00-7000-8000-00000000002a".parse().unwrap(),
            class: Class::of(Kind::Update),
        };
        let leaf = Leaf { header, commitments }.to_bytes();
        assert_eq!(leaf.len(), 101);
        let hash = Sha256::new().chain_update([0]).chain_update(&leaf).finalize();
        assert_eq!(hex(&hash), "2f16ec5e144b7a978c94b83ad170984970e171b0fa89926f7c8458475f9d682f");
    }
}
