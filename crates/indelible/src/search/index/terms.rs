//! The terms of the index: one list for all kinds, told apart by their first byte.
//!
//! ```text
//! l  log number (4 bytes, big-endian)                 the site's log
//! f  field (1 byte), value                            a value of a field of its own
//! w  word                                             a word of a text
//! u  16 bytes                                         a word that is a UUID
//! c  name                                             a changed field
//! p  8 bytes: hash of part and path                   something is there
//! v  8 bytes: hash of part, path and value            a short value is there
//! ```
//!
//! Values inside states and data are hashed, because there are many of them: with a secret key, so that
//! nobody can send values that share a hash.

use std::borrow::Cow;
use std::hash::Hasher as _;

use model::Decimal;
use model::filter::{Case, Field, Part};
use siphasher::sip::SipHasher13;
use uuid::Uuid;

use crate::store::LogNumber;

/// Fields whose values are terms of their own: those that are asked for most, and have few values. Each with
/// its number, which is part of the format and never given anew, and how its values are compared.
pub(super) const FIELDS: [(Field, u8, Case); 12] = [
    (Field::ActorId, 1, Case::Written),
    (Field::ActorName, 2, Case::Folded),
    (Field::ActorEmail, 3, Case::Folded),
    (Field::ActorRole, 4, Case::Folded),
    (Field::ActorType, 5, Case::Folded),
    (Field::Action, 6, Case::Written),
    (Field::EntityType, 7, Case::Written),
    (Field::EntityId, 8, Case::Written),
    (Field::Ip, 9, Case::Folded),
    (Field::RequestId, 10, Case::Written),
    (Field::PreviousId, 11, Case::Written),
    (Field::Reverts, 12, Case::Folded),
];

/// Bytes of a value or name in a term, at most; a longer one is known by its beginning.
const VALUE_BYTES_MAX: usize = 200;

/// Bytes of a value in a term, at most, of which nothing was cut. Cutting leaves whole characters, which have
/// up to four bytes.
pub(super) const WHOLE_BYTES_MAX: usize = VALUE_BYTES_MAX - 4;

/// Bytes of a value inside a state or data that is a term of its own, at most. Longer ones are texts, and are
/// found by their words.
pub(super) const INSIDE_BYTES_MAX: usize = 24;

const WORD: u8 = b'w';
const UUID: u8 = b'u';
const FIELD: u8 = b'f';
const CHANGED: u8 = b'c';

/// Stands for the field of [`Terms::nobody`].
const NOBODY: u8 = 255;

/// The key of the hashes.
pub(super) type HashKey = [u8; 16];

/// The terms of one entry, each once, in one buffer.
pub(super) struct Terms {
    key: HashKey,
    bytes: Vec<u8>,
    /// Where each term is.
    places: Vec<(usize, usize)>,
    /// By the hash of a term, its number from 1; 0 is free. A power of two, at most half full.
    slots: Vec<u32>,
}

/// Slots to begin with: most entries have fewer than half as many terms.
const SLOTS: usize = 512;

impl Terms {
    pub(super) const fn new(key: HashKey) -> Self {
        Self { key, bytes: Vec::new(), places: Vec::new(), slots: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
        self.slots.clear();
        self.slots.resize(SLOTS, 0);
    }

    /// The terms, each once.
    pub(super) fn distinct(&self) -> impl Iterator<Item = &[u8]> {
        self.places.iter().map(|(start, end)| self.bytes.get(*start..*end).unwrap_or_default())
    }

    fn put(&mut self, pieces: &[&[u8]]) {
        let start = self.bytes.len();
        for piece in pieces {
            self.bytes.extend_from_slice(piece);
        }
        let place = (start, self.bytes.len());
        if self.claim(place) {
            self.places.push(place);
            if self.places.len() * 2 > self.slots.len() {
                self.grow();
            }
        } else {
            self.bytes.truncate(start);
        }
    }

    /// Takes a slot for the term at a place; false when the term has one.
    fn claim(&mut self, (start, end): (usize, usize)) -> bool {
        let term = self.bytes.get(start..end).unwrap_or_default();
        let mask = self.slots.len().saturating_sub(1);
        let mut slot = mix(term) & mask;
        loop {
            let Some(taken) = self.slots.get_mut(slot) else { return true };
            let Some(number) = usize::try_from(*taken).ok().and_then(|number| number.checked_sub(1)) else {
                *taken = u32::try_from(self.places.len() + 1).unwrap_or(u32::MAX);
                return true;
            };
            let known = self.places.get(number).and_then(|(start, end)| self.bytes.get(*start..*end));
            if known == Some(term) {
                return false;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let places = std::mem::take(&mut self.places);
        let slots = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(slots, 0);
        for place in places {
            if self.claim(place) {
                self.places.push(place);
            }
        }
    }

    pub(super) fn log(&mut self, log: LogNumber) {
        self.put(&[&of_log(log)]);
    }

    pub(super) fn value(&mut self, field: Field, value: &str, case: Case) {
        let value = Field::comparable(value, case);
        self.put(&[&[FIELD, number(field)], cut(&value).as_bytes()]);
    }

    pub(super) fn nobody(&mut self, word: &str) {
        self.put(&[&[FIELD, NOBODY], word.as_bytes()]);
    }

    pub(super) fn word(&mut self, word: &str) {
        match uuid_of(word) {
            Some(uuid) => self.put(&[&[UUID], uuid.as_bytes()]),
            None => self.put(&[&[WORD], word.as_bytes()]),
        }
    }

    pub(super) fn changed(&mut self, name: &str) {
        self.put(&[&[CHANGED], cut(name).as_bytes()]);
    }

    /// A path, and every path above it.
    pub(super) fn path(&mut self, part: Part, path: &[Cow<'_, str>]) {
        for length in 0..=path.len() {
            let term = of_path(&self.key, part, path.get(..length).unwrap_or_default());
            self.put(&[&term]);
        }
    }

    pub(super) fn inside_text(&mut self, part: Part, path: &[Cow<'_, str>], folded: &str) {
        if folded.len() <= INSIDE_BYTES_MAX {
            let term = of_inside_text(&self.key, part, path, folded);
            self.put(&[&term]);
        }
    }

    pub(super) fn inside_number(&mut self, part: Part, path: &[Cow<'_, str>], number: &Decimal) {
        let text = number.to_string();
        if text.len() <= INSIDE_BYTES_MAX {
            let term = of_inside(&self.key, part, path, b'n', &text);
            self.put(&[&term]);
        }
    }
}

pub(super) fn of_log(log: LogNumber) -> [u8; 5] {
    let [a, b, c, d] = log.to_be_bytes();
    [b'l', a, b, c, d]
}

/// The terms of a field's values begin with this.
pub(super) fn of_field(field: Field) -> Vec<u8> {
    vec![FIELD, number(field)]
}

/// The terms of what nobody did begin with this.
pub(super) fn of_nobody() -> Vec<u8> {
    vec![FIELD, NOBODY]
}

/// The term of a field's value, and whether it says all of the value.
pub(super) fn of_value(field: Field, value: &str) -> (Vec<u8>, bool) {
    let value = Field::comparable(value, case_of(field));
    ([&[FIELD, number(field)], cut(&value).as_bytes()].concat(), value.len() <= WHOLE_BYTES_MAX)
}

pub(super) fn of_word(word: &str) -> Vec<u8> {
    match uuid_of(word) {
        Some(uuid) => [&[UUID], uuid.as_bytes().as_slice()].concat(),
        None => [&[WORD], word.as_bytes()].concat(),
    }
}

/// Words begin with this.
pub(super) const WORDS: &[u8] = &[WORD];
/// Words that are UUIDs begin with this.
pub(super) const UUIDS: &[u8] = &[UUID];
/// Changed fields begin with this.
pub(super) const CHANGES: &[u8] = &[CHANGED];

/// The word of a term among [`WORDS`] or [`UUIDS`].
pub(super) fn word_of(term: &[u8]) -> Cow<'_, str> {
    match term.split_first() {
        Some((&UUID, bytes)) => {
            Uuid::from_slice(bytes).map_or(Cow::Borrowed(""), |uuid| Cow::Owned(uuid.to_string()))
        }
        Some((_, bytes)) => String::from_utf8_lossy(bytes),
        None => Cow::Borrowed(""),
    }
}

pub(super) fn of_path<S: AsRef<str>>(key: &HashKey, part: Part, path: &[S]) -> Vec<u8> {
    let mut hasher = hasher(key, part, path);
    hasher.write_u8(b'p');
    [&b"p"[..], &hasher.finish().to_be_bytes()].concat()
}

pub(super) fn of_inside_text<S: AsRef<str>>(key: &HashKey, part: Part, path: &[S], folded: &str) -> Vec<u8> {
    of_inside(key, part, path, b't', folded)
}

/// `None` for a number that is not a term.
pub(super) fn of_inside_number<S: AsRef<str>>(
    key: &HashKey,
    part: Part,
    path: &[S],
    number: &Decimal,
) -> Option<Vec<u8>> {
    let text = number.to_string();
    (text.len() <= INSIDE_BYTES_MAX).then(|| of_inside(key, part, path, b'n', &text))
}

fn of_inside<S: AsRef<str>>(key: &HashKey, part: Part, path: &[S], sort: u8, value: &str) -> Vec<u8> {
    let mut hasher = hasher(key, part, path);
    hasher.write_u8(sort);
    hasher.write(value.as_bytes());
    [&b"v"[..], &hasher.finish().to_be_bytes()].concat()
}

/// A quick hash to tell terms of one entry apart (FNV-1a by words of eight bytes). Whoever makes terms collide
/// slows down the indexing of the own entry.
fn mix(term: &[u8]) -> usize {
    const PRIME: u64 = 0x0100_0000_01b3;
    let (words, rest) = term.as_chunks::<8>();
    let hash = words.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, word| {
        (hash ^ u64::from_le_bytes(*word)).wrapping_mul(PRIME).rotate_left(23)
    });
    let hash = rest.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    usize::try_from((hash ^ hash >> 29) & u64::from(u32::MAX)).unwrap_or_default()
}

fn hasher<S: AsRef<str>>(key: &HashKey, part: Part, path: &[S]) -> SipHasher13 {
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write(part.as_str().as_bytes());
    for name in path {
        hasher.write_u8(0);
        hasher.write(name.as_ref().as_bytes());
    }
    hasher.write_u8(1);
    hasher
}

/// The beginning of a value that is kept in a term.
pub(super) fn cut(text: &str) -> &str {
    text.split_at(text.floor_char_boundary(VALUE_BYTES_MAX)).0
}

/// Words are UUIDs when they have the form of one: shorter ones never do.
fn uuid_of(word: &str) -> Option<Uuid> {
    if word.len() == 36 { Uuid::try_parse(word).ok() } else { None }
}

fn number(field: Field) -> u8 {
    FIELDS.iter().find(|(known, ..)| *known == field).map_or(0, |(_, number, _)| *number)
}

fn case_of(field: Field) -> Case {
    FIELDS.iter().find(|(known, ..)| *known == field).map_or(Case::Written, |(.., case)| *case)
}

/// A text that only the holder of the key can make.
pub(super) fn signature(key: &HashKey) -> String {
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write(b"indelible search index");
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_term_once() {
        let mut terms = Terms::new([7; 16]);
        for round in 0..2 {
            terms.clear();
            for number in 0..3000_u32 {
                terms.word(&(number % 1000).to_string());
            }
            let mut distinct: Vec<_> = terms.distinct().map(<[u8]>::to_vec).collect();
            assert_eq!(distinct.len(), 1000, "{round}");
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), 1000);
        }
        terms.clear();
        assert_eq!(terms.distinct().count(), 0);
        terms.word("67c2b9c4-ff00-4f0e-955f-83e915f859f2");
        terms.word("bread");
        let words: Vec<_> = terms.distinct().map(|term| word_of(term).into_owned()).collect();
        assert_eq!(words, ["67c2b9c4-ff00-4f0e-955f-83e915f859f2", "bread"]);
    }
}
