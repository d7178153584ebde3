//! How content leaves a store: the one way, which leaves every leaf as it is.
//!
//! Whether something may be removed is decided above; an entry that tells of it is in the log before. A store looks
//! after what can be looked after here: that the reason is such an entry, that what is removed is what was signed, and
//! that its leaf stays the same.

use std::ops::Range;

use model::SectionName;

use super::{LogNumber, StoreError};

/// What is removed from entries of one log.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Which log.
    pub log: LogNumber,
    /// Index of the entry that tells of it: of the class of erasures, or of that of expiries.
    pub reason: u64,
    /// What is removed from which entries, by their indexes.
    pub entries: Vec<(u64, Reduction)>,
}

/// What is removed from an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// The content of these sections.
    Sections(Vec<SectionName>),
    /// All of its content; with `keeps_source` except for the section `source`, which has the claimed time.
    Expired {
        /// See [`model::StoredEntry::expired`].
        keeps_source: bool,
    },
}

/// A removal that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Counts the removals of the installation, from 1.
    pub number: u64,
    /// Which log.
    pub log: LogNumber,
    /// Index of the entry that tells of it.
    pub reason: u64,
    /// Whether it was an erasure, which leaves parts of an entry; an expiry leaves nothing that could be found.
    pub is_erasure: bool,
    /// Which of its entries, ascending.
    pub entries: Vec<Range<u64>>,
}

/// Numbers of the last removals, 0 where there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastRemovals {
    /// Of whatever sort.
    pub any: u64,
    /// The last one that was an erasure.
    pub erasure: u64,
}

/// Takes content out of a store for which an entry of the log says that it goes.
pub trait RemovalStore {
    /// Whether this process may remove content.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the way forward, when it may not.
    fn may_remove(&self) -> Result<(), StoreError>;

    /// Removes content, all of it or nothing, and returns from how many entries: those of which nothing of it was left
    /// are passed over, so that doing it again is harmless.
    ///
    /// A power cut may undo the removal as a whole. Old copies of what was removed may remain within the store until
    /// [`purge`](Self::purge).
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the reason is no such entry, or what is to be removed is not what was signed:
    /// then nothing was removed, so that a damaged entry stays to be found.
    fn remove(&self, removal: &Removal) -> Result<u64, StoreError>;

    /// Wipes the store's old copies of what was removed before. Durable. False while a reader stands in the way: call
    /// it again.
    fn purge(&self) -> Result<bool, StoreError>;

    /// Notes that a task is done, which was set as a configuration under this name. Durable.
    fn end_task(&self, log: LogNumber, name: &str) -> Result<(), StoreError>;

    /// At most `max` removals after number `since`, in their order.
    fn removals(&self, since: u64, max: usize) -> Result<Vec<Removed>, StoreError>;

    /// Notes removals that were carried out before their entries were copied here, in their order. Durable.
    fn note_removals(&self, removals: &[Removed]) -> Result<(), StoreError>;

    /// Numbers of the last removals. Cheap: every search asks.
    fn last_removals(&self) -> Result<LastRemovals, StoreError>;

    /// Indexes of the entries that tell of removals from this one, ascending. What they lead to must be looked at
    /// before it is believed.
    fn reasons(&self, log: LogNumber, index: u64) -> Result<Vec<u64>, StoreError>;
}
