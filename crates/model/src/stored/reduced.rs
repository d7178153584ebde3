//! The forms of an entry of which something was removed: by an erasure, or because it has expired.
//!
//! ```text
//! form        1   2: sections were erased; 3: expired
//! recorded    8   as in the ordinary form
//! id         16
//! class       2
//! count       1   number of sections
//! per section:    number (1), state (1), then
//!                 state 0, removed:  commitment (32)
//!                 state 1, kept:     salt (32), length (varint), bytes
//! ```
//!
//! The leaf is that of the ordinary form. The secret is gone: it would give the salts of what was removed, and with a
//! salt guesses can be tested against a commitment.

use super::{Input, Keys, StoredEntry, StoredError, put_header, put_varint};
use crate::leaf::{Commitment, LeafHeader, Salts, commitment};
use crate::link;
use crate::name::SiteId;
use crate::section::SectionName;

const FORM_ERASED: u8 = 2;
const FORM_EXPIRED: u8 = 3;

const REMOVED: u8 = 0;
const KEPT: u8 = 1;

const SECTIONS: usize = SectionName::ALL.len();

/// What a reduced entry has of a section in the place of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// The section is there, and this is its salt.
    Salt(&'a [u8; 32]),
    /// The section is gone, and this is what the leaf says of it.
    Commitment(&'a Commitment),
}

/// Reads what follows the header of a reduced form.
pub(super) fn decode(
    form: u8,
    header: LeafHeader,
    mut input: Input<'_>,
) -> Result<StoredEntry<'_>, StoredError> {
    let expired = match form {
        FORM_ERASED => false,
        FORM_EXPIRED => true,
        _ => return Err(StoredError::UnknownForm(form)),
    };
    let mut sections = [None; SECTIONS];
    let mut keys = [None; SECTIONS];
    let count = input.byte()?;
    let mut free = SectionName::ALL.into_iter().zip(sections.iter_mut().zip(&mut keys));
    for _ in 0..count {
        let number = input.byte()?;
        let name = SectionName::from_number(number).ok_or(StoredError::UnknownSection(number))?;
        let (_, (section, key)) =
            free.find(|(free, _)| *free == name).ok_or(StoredError::SectionsOutOfOrder)?;
        match input.byte()? {
            REMOVED => *key = Some(Key::Commitment(input.chunk()?)),
            KEPT => {
                *key = Some(Key::Salt(input.chunk()?));
                let length = input.varint()?;
                *section = Some(input.take(length)?);
            }
            state => return Err(StoredError::UnknownState(state)),
        }
    }
    input.end()?;
    Ok(StoredEntry { header, keys: Keys::Own { expired, keys }, sections })
}

/// What the leaf says of each section.
pub(super) fn commitments(
    keys: &[Option<Key<'_>>; SECTIONS],
    sections: &[Option<&[u8]>; SECTIONS],
) -> Vec<(SectionName, Commitment)> {
    let of = |(name, key, bytes): (SectionName, Option<Key<'_>>, Option<&[u8]>)| {
        let commitment = match key? {
            Key::Commitment(commitment) => *commitment,
            Key::Salt(salt) => commitment(salt, name, bytes?),
        };
        Some((name, commitment))
    };
    let all = SectionName::ALL.into_iter().zip(keys.iter().zip(sections));
    all.map(|(name, (key, bytes))| (name, *key, *bytes)).filter_map(of).collect()
}

impl StoredEntry<'_> {
    /// The stored form without the content of these sections, whose commitments take their place. Those that the entry
    /// does not have, or that are gone already, change nothing. An expired entry stays expired.
    ///
    /// Nothing in it helps to guess what was removed: commitments are salted, and the salts of what was removed are in
    /// it no more than the secret that gave them.
    #[must_use]
    pub fn without(&self, removed: &[SectionName]) -> Vec<u8> {
        let form = if self.is_expired() { FORM_EXPIRED } else { FORM_ERASED };
        self.reduced(form, |name| removed.contains(&name))
    }

    /// The stored form of the entry once it has expired: nothing but its leaf.
    ///
    /// With `keeps_source` the section `source` stays, which names no person and has the time that the sender claimed:
    /// the proof that an entry was old enough whose arrival alone does not show it.
    #[must_use]
    pub fn expired(&self, keeps_source: bool) -> Vec<u8> {
        self.reduced(FORM_EXPIRED, |name| !(keeps_source && name == SectionName::Source))
    }

    fn reduced(&self, form: u8, is_removed: impl Fn(SectionName) -> bool) -> Vec<u8> {
        let commitments = self.leaf().commitments;
        let mut bytes = Vec::with_capacity(30 + 34 * commitments.len());
        put_header(&mut bytes, form, &self.header);
        bytes.push(u8::try_from(commitments.len()).unwrap_or(u8::MAX));
        for (name, commitment) in commitments {
            bytes.push(name.number());
            let kept = self.sections().find(|(kept, _)| *kept == name && !is_removed(name));
            if let Some(((_, content), salt)) = kept.zip(self.salt_of(name)) {
                bytes.push(KEPT);
                bytes.extend(salt);
                put_varint(&mut bytes, content.len());
                bytes.extend(content);
            } else {
                bytes.push(REMOVED);
                bytes.extend(commitment);
            }
        }
        bytes
    }

    /// The targets of what it points at, as far as they are left: [`crate::Link::target`].
    #[must_use]
    pub fn links(&self) -> Vec<Vec<u8>> {
        // None of the fields matters but these two.
        let entry = self.open(&SiteId::system(), 0);
        entry.map(|entry| link::targets(entry.reverts, entry.entity.as_ref())).unwrap_or_default()
    }

    /// The salt of a section that is there: with it and the section's bytes anybody derives the commitment in the leaf.
    #[must_use]
    pub fn salt_of(&self, section: SectionName) -> Option<[u8; 32]> {
        let (_, bytes) =
            SectionName::ALL.into_iter().zip(self.sections).find(|(name, _)| *name == section)?;
        bytes?;
        match &self.keys {
            Keys::Secret(secret) => Some(Salts::new(secret).of(section)),
            Keys::Own { keys, .. } => {
                let (_, key) = SectionName::ALL.into_iter().zip(keys).find(|(name, _)| *name == section)?;
                match (*key)? {
                    Key::Salt(salt) => Some(*salt),
                    Key::Commitment(_) => None,
                }
            }
        }
    }
}
