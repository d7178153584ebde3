//! What it takes to show somebody a section, and nothing of the others.

use super::StoredEntry;
use crate::section::SectionName;

/// A section, and the salt under which the leaf commits to it. The entry's secret is never given away: it would
/// open the other sections, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disclosure<'a> {
    /// Which section.
    pub name: SectionName,
    /// Its salt.
    pub salt: [u8; 32],
    /// Its exact bytes.
    pub bytes: &'a [u8],
}

impl<'a> StoredEntry<'a> {
    /// Every section that is there, with its salt. Whoever has these holds a copy of the entry that proves itself
    /// for ever, also after its erasure here.
    pub fn disclose(&self) -> impl Iterator<Item = Disclosure<'a>> {
        self.sections()
            .filter_map(|(name, bytes)| Some(Disclosure { name, salt: self.salt_of(name)?, bytes }))
    }
}
