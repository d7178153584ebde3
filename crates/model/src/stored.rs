//! The stored form of an entry: the exact bytes that every store keeps, and from which its leaf can be
//! derived again at any time.
//!
//! ```text
//! form        1   1: ordinary
//! recorded    8   milliseconds since 1970, u64, big-endian; filled in by the log
//! id         16
//! class       2   u16, big-endian
//! secret     32   random, for this entry alone
//! count       1   number of sections
//! per section:    number (1), length (varint, LEB128), bytes
//! ```
//!
//! Integrity costs the secret and the sections' framing: at most 32 + 1 + 6 × 4 = 57 bytes for an entry
//! with six sections of up to 2 MiB, beside the 32 bytes of its leaf hash in the tiles.
//!
//! Where something was removed the entry has one of two other forms (`reduced`), which have the same leaf.

mod disclose;
mod reduced;

use std::ops::Range;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::diff;
use crate::entry::{Draft, Entry};
use crate::leaf::{Class, Leaf, LeafHeader, SECRET_BYTES, Salts, commitment};
use crate::link;
use crate::name::SiteId;
use crate::section::{Change, Context, OccurredAt, Section, SectionName, Source, sections};

use reduced::Key;

pub use disclose::Disclosure;

const FORM_ORDINARY: u8 = 1;
const RECORDED_AT: Range<usize> = 1..9;
const CLASS_AT: Range<usize> = 25..27;
const SECRET_AT: usize = 27;

/// An entry ready for its log: encoded and committed to. Only its time and its place are missing.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// The entry's id.
    pub id: Uuid,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Whether the sender said when; if not, `occurred_at` is the time of its arrival.
    occurred_at_given: bool,
    /// The targets of what it points at: [`crate::Link::target`].
    pub links: Vec<Vec<u8>>,
    bytes: Vec<u8>,
    leaf: Leaf,
    /// CRC-32 of `bytes` from the secret on, from before they were committed to.
    checksum: u32,
}

/// Bytes of an entry changed between committing to them and placing it: memory or processor are failing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an entry is not what it was a moment ago: this machine's memory or processor is failing")]
pub struct Flipped;

impl Draft {
    /// Encodes the draft and commits to its sections.
    ///
    /// `id` and `occurred_at` are used where the draft has none of its own; `source` names the credential
    /// that sent it; `secret` must come fresh from a cryptographic generator, for this entry alone.
    #[must_use]
    pub fn seal(self, id: Uuid, occurred_at: Timestamp, source: &str, secret: &[u8; 32]) -> Sealed {
        let id = self.id.unwrap_or(id);
        let occurred_at_given = self.occurred_at.is_some();
        let occurred_at = self.occurred_at.unwrap_or(occurred_at);
        let header = LeafHeader { recorded_ms: 0, id, class: Class::of(self.kind) };
        let links = link::targets(self.reverts, Some(&self.entity));
        let sections = sections(self, occurred_at, source);
        let bytes = encode(&header, secret, &sections);
        let checksum = checksum(&bytes);
        let commitments = committed(&bytes);
        Sealed {
            id,
            occurred_at,
            occurred_at_given,
            links,
            bytes,
            leaf: Leaf { header, commitments },
            checksum,
        }
    }
}

impl Draft {
    /// The draft as a reader would see it, at no place and without its log's own fields.
    #[must_use]
    pub fn preview(&self) -> Entry {
        let draft = self.clone();
        Entry {
            site: SiteId::system(),
            index: 0,
            id: draft.id.unwrap_or_default(),
            recorded_at: Timestamp::UNIX_EPOCH,
            occurred_at: draft.occurred_at.unwrap_or(Timestamp::UNIX_EPOCH),
            action: draft.action,
            kind: draft.kind,
            outcome: draft.outcome,
            connector: draft.connector,
            source: String::new(),
            actor: Some(draft.actor),
            origin: draft.origin,
            entity: Some(draft.entity),
            before: draft.before,
            after: draft.after,
            partial: draft.partial,
            summary: draft.summary,
            reason: draft.reason,
            correlation_id: draft.correlation_id,
            duration_ms: draft.duration_ms,
            errors: draft.errors,
            data: draft.data,
            reverts: draft.reverts,
            erased: Vec::new(),
        }
    }
}

impl Sealed {
    /// Gives the entry a class other than that of its kind: one of those that only the log itself writes.
    #[must_use]
    pub fn of_class(mut self, class: Class) -> Self {
        self.leaf.header.class = class;
        if let Some(field) = self.bytes.get_mut(CLASS_AT) {
            field.copy_from_slice(&class.number().to_be_bytes());
        }
        self
    }

    /// Gives the entry its time in the log and returns its stored form and its leaf.
    ///
    /// # Errors
    /// When a bit has flipped since the entry was committed to: it must never be signed over.
    pub fn place(mut self, recorded_ms: u64) -> Result<(Vec<u8>, Leaf), Flipped> {
        let header = StoredEntry::decode(&self.bytes).map_err(|_| Flipped)?.header;
        if checksum(&self.bytes) != self.checksum || header != self.leaf.header {
            return Err(Flipped);
        }
        self.leaf.header.recorded_ms = recorded_ms;
        if let Some(field) = self.bytes.get_mut(RECORDED_AT) {
            field.copy_from_slice(&recorded_ms.to_be_bytes());
        }
        Ok((self.bytes, self.leaf))
    }

    /// Bytes of the stored form.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Whether a stored entry with the same id says the same, so that sending it again changes nothing.
    ///
    /// The spelling of the JSON may differ, and so may what the log adds: its own times and the credential. What was
    /// removed from the stored entry cannot be compared any more, and is taken for the same.
    #[must_use]
    pub fn says_the_same(&self, stored: &StoredEntry<'_>) -> bool {
        if stored.is_expired() {
            return self.id == stored.header.id;
        }
        let site = SiteId::system();
        let (Ok(mut new), Ok(old)) = (self.preview(&site, 0), stored.open(&site, 0)) else { return false };
        old.erased.iter().for_each(|section| new.clear(*section));
        let same_raw = |one: &Option<Box<RawValue>>, other: &Option<Box<RawValue>>| match (one, other) {
            (Some(one), Some(other)) => diff::same(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        new.id == old.id
            && (new.occurred_at == old.occurred_at || !self.occurred_at_given)
            && (&new.action, new.kind, new.outcome) == (&old.action, old.kind, old.outcome)
            && (&new.actor, &new.origin, &new.entity) == (&old.actor, &old.origin, &old.entity)
            && (&new.summary, &new.reason, &new.errors) == (&old.summary, &old.reason, &old.errors)
            && (new.correlation_id, new.duration_ms) == (old.correlation_id, old.duration_ms)
            && (&new.connector, new.partial, new.reverts) == (&old.connector, old.partial, old.reverts)
            && same_raw(&new.before, &old.before)
            && same_raw(&new.after, &old.after)
            && same_raw(&new.data, &old.data)
    }

    /// Opens the entry as a reader would see it, at the place and time given.
    ///
    /// # Errors
    /// When what was just encoded does not decode, which is a defect.
    pub fn preview(&self, site: &SiteId, index: u64) -> Result<Entry, StoredError> {
        self.stored()?.open(site, index)
    }

    /// The stored form, read back.
    ///
    /// # Errors
    /// As [`preview`](Self::preview).
    pub fn stored(&self) -> Result<StoredEntry<'_>, StoredError> {
        StoredEntry::decode(&self.bytes)
    }
}

/// The checksum of what is committed to.
fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes.get(SECRET_AT..).unwrap_or_default())
}

/// The commitments to the sections of an ordinary stored form, read from its bytes: what is hashed is what is stored.
fn committed(bytes: &[u8]) -> Vec<(SectionName, [u8; 32])> {
    StoredEntry::decode(bytes).map(|stored| stored.leaf().commitments).unwrap_or_default()
}

fn encode(header: &LeafHeader, secret: &[u8; SECRET_BYTES], sections: &[Section]) -> Vec<u8> {
    let content: usize = sections.iter().map(|section| section.bytes.len() + 5).sum();
    let mut bytes = Vec::with_capacity(60 + content);
    put_header(&mut bytes, FORM_ORDINARY, header);
    bytes.extend(secret);
    bytes.push(u8::try_from(sections.len()).unwrap_or(u8::MAX));
    for section in sections {
        bytes.push(section.name.number());
        put_varint(&mut bytes, section.bytes.len());
        bytes.extend(&section.bytes);
    }
    bytes
}

fn put_header(bytes: &mut Vec<u8>, form: u8, header: &LeafHeader) {
    bytes.push(form);
    bytes.extend(header.recorded_ms.to_be_bytes());
    bytes.extend(header.id.as_bytes());
    bytes.extend(header.class.number().to_be_bytes());
}

fn commitments<'a>(
    secret: &[u8; SECRET_BYTES],
    sections: impl Iterator<Item = (SectionName, &'a [u8])>,
) -> Vec<(SectionName, [u8; 32])> {
    let salts = Salts::new(secret);
    let mut all = Vec::with_capacity(SectionName::ALL.len());
    all.extend(sections.map(|(name, bytes)| (name, commitment(&salts.of(name), name, bytes))));
    all
}

/// An entry as it lies in a store, read in place: its sections are parts of the bytes it was decoded from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry<'a> {
    header: LeafHeader,
    keys: Keys<'a>,
    /// The bytes of each of [`SectionName::ALL`].
    sections: [Option<&'a [u8]>; SectionName::ALL.len()],
}

/// From what the sections' commitments are derived.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Keys<'a> {
    /// Ordinary: one secret gives every salt.
    Secret(&'a [u8; SECRET_BYTES]),
    /// Reduced: each section has its own, because the secret is gone with what was removed.
    Own { expired: bool, keys: [Option<Key<'a>>; SectionName::ALL.len()] },
}

impl<'a> StoredEntry<'a> {
    /// Reads a stored form.
    ///
    /// # Errors
    /// When the bytes are no stored form: they were damaged or written by a newer version.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, StoredError> {
        let mut input = Input(bytes);
        let form = input.byte()?;
        let recorded_ms = u64::from_be_bytes(input.array()?);
        let id = Uuid::from_bytes(input.array()?);
        let class = Class::from_number(u16::from_be_bytes(input.array()?));
        let header = LeafHeader { recorded_ms, id, class };
        if form != FORM_ORDINARY {
            return reduced::decode(form, header, input);
        }
        let secret = input.chunk()?;
        let count = input.byte()?;
        let mut sections = [None; SectionName::ALL.len()];
        // Those that are still allowed: each section stands behind those with lower numbers, and once.
        let mut free = SectionName::ALL.into_iter().zip(&mut sections);
        for _ in 0..count {
            let number = input.byte()?;
            let name = SectionName::from_number(number).ok_or(StoredError::UnknownSection(number))?;
            let (_, place) = free.find(|(free, _)| *free == name).ok_or(StoredError::SectionsOutOfOrder)?;
            let length = input.varint()?;
            *place = Some(input.take(length)?);
        }
        input.end()?;
        Ok(Self { header, keys: Keys::Secret(secret), sections })
    }

    /// What the leaf says in clear.
    #[must_use]
    pub const fn header(&self) -> LeafHeader {
        self.header
    }

    /// The leaf, derived again from what is stored.
    #[must_use]
    pub fn leaf(&self) -> Leaf {
        let commitments = match &self.keys {
            Keys::Secret(secret) => commitments(secret, self.sections()),
            Keys::Own { keys, .. } => reduced::commitments(keys, &self.sections),
        };
        Leaf { header: self.header, commitments }
    }

    /// Whether the entry has expired: readers are not shown what is left of it.
    #[must_use]
    pub const fn is_expired(&self) -> bool {
        matches!(self.keys, Keys::Own { expired: true, .. })
    }

    /// The sections whose content was removed.
    pub fn erased(&self) -> impl Iterator<Item = SectionName> {
        SectionName::ALL.into_iter().filter(|name| self.is_erased(*name))
    }

    /// Whether this section's content was removed.
    #[must_use]
    pub fn is_erased(&self, section: SectionName) -> bool {
        match &self.keys {
            Keys::Secret(_) => false,
            Keys::Own { keys, .. } => {
                let mut all = SectionName::ALL.into_iter().zip(keys);
                all.any(|(name, key)| name == section && matches!(key, Some(Key::Commitment(_))))
            }
        }
    }

    /// The sections with their exact bytes, in the order of their numbers.
    pub fn sections(&self) -> impl Iterator<Item = (SectionName, &'a [u8])> {
        SectionName::ALL.into_iter().zip(self.sections).filter_map(|(name, bytes)| Some((name, bytes?)))
    }

    /// When the entry happened. Of its sections only `source` is read, and of that nothing else.
    ///
    /// # Errors
    /// When that section is missing or does not read.
    pub fn occurred_at(&self) -> Result<Timestamp, StoredError> {
        self.required(SectionName::Source).map(|OccurredAt { occurred_at }| occurred_at)
    }

    /// Reads the sections into an entry at its place in a log.
    ///
    /// # Errors
    /// When a section's content is not what this version writes, or the entry has expired.
    pub fn open(&self, site: &SiteId, index: u64) -> Result<Entry, StoredError> {
        if self.is_expired() {
            return Err(StoredError::Expired);
        }
        let source: Source = self.required(SectionName::Source)?;
        let change: Change = self.content(SectionName::Change)?.unwrap_or_default();
        let context: Context = self.content(SectionName::Context)?.unwrap_or_default();
        let recorded_ms = i64::try_from(self.header.recorded_ms).unwrap_or(i64::MAX);
        Ok(Entry {
            site: site.clone(),
            index,
            id: self.header.id,
            recorded_at: Timestamp::from_millisecond(recorded_ms).map_err(|_| StoredError::Time)?,
            occurred_at: source.occurred_at,
            action: source.action,
            kind: source.kind,
            outcome: source.outcome,
            connector: source.connector,
            source: source.credential,
            actor: self.unless_erased(SectionName::Actor)?,
            origin: self.content(SectionName::Origin)?,
            entity: self.unless_erased(SectionName::Entity)?,
            before: change.before,
            after: change.after,
            partial: change.partial,
            summary: context.summary,
            reason: context.reason,
            correlation_id: context.correlation_id,
            duration_ms: context.duration_ms,
            errors: context.errors,
            data: context.data,
            reverts: context.reverts,
            erased: self.erased().collect(),
        })
    }

    /// The content of a section that every entry has, unless it was erased.
    fn unless_erased<T: Deserialize<'a>>(&self, name: SectionName) -> Result<Option<T>, StoredError> {
        if self.is_erased(name) { Ok(None) } else { self.required(name).map(Some) }
    }

    fn required<T: Deserialize<'a>>(&self, name: SectionName) -> Result<T, StoredError> {
        self.content(name)?.ok_or(StoredError::MissingSection(name))
    }

    fn content<T: Deserialize<'a>>(&self, name: SectionName) -> Result<Option<T>, StoredError> {
        let Some((_, bytes)) = self.sections().find(|(found, _)| *found == name) else { return Ok(None) };
        serde_json::from_slice(bytes)
            .map(Some)
            .map_err(|error| StoredError::Section { name, reason: error.to_string() })
    }
}

/// Bytes that are no stored entry of this version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoredError {
    /// The bytes end before the entry does.
    #[error("the stored entry ends too early")]
    Truncated,
    /// Bytes follow the entry.
    #[error("{0} bytes follow the stored entry")]
    TrailingBytes(usize),
    /// A form that this version does not know.
    #[error("stored form {0} is unknown to this version")]
    UnknownForm(u8),
    /// A section that this version does not know.
    #[error("section number {0} is unknown to this version")]
    UnknownSection(u8),
    /// A state of a section that this version does not know.
    #[error("the state {0} of a section is unknown to this version")]
    UnknownState(u8),
    /// Sections are stored in the order of their numbers, each once.
    #[error("the sections are not in the order of their numbers")]
    SectionsOutOfOrder,
    /// A length that no entry can have.
    #[error("a section's length is out of range")]
    Length,
    /// A time outside the calendar.
    #[error("the recorded time is out of range")]
    Time,
    /// The entry has expired.
    #[error("the entry has expired")]
    Expired,
    /// A section that every entry has is not there.
    #[error("the section `{0}` is missing")]
    MissingSection(SectionName),
    /// A section's content does not read.
    #[error("the section `{name}` does not read: {reason}")]
    Section {
        /// Which section.
        name: SectionName,
        /// What the JSON reader says.
        reason: String,
    },
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Nothing may follow.
    fn end(&self) -> Result<(), StoredError> {
        if self.0.is_empty() { Ok(()) } else { Err(StoredError::TrailingBytes(self.0.len())) }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], StoredError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(StoredError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], StoredError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(StoredError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], StoredError> {
        self.chunk().copied()
    }

    fn byte(&mut self) -> Result<u8, StoredError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// LEB128, at most four bytes: an entry's limit is far below 2^28.
    fn varint(&mut self) -> Result<usize, StoredError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(StoredError::Length)
    }
}

fn put_varint(bytes: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests;
