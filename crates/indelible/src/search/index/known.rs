//! What was counted over a whole shard before. A shard never changes, so that the counts of all of a site's entries,
//! which every visit of a list shows, are counted once.

use std::sync::{Arc, Mutex, PoisonError};

use model::SortColumn;

use super::tally::{Bucket, Tally};
use crate::store::LogNumber;

/// Answers that a shard remembers, at most.
const KNOWN_MAX: usize = 8;

/// Values that an answer may have to be remembered; columns of ids have as many as entries.
const VALUES_MAX: usize = 4_000;

/// What was asked of all entries of some logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::search) struct TallyKey {
    pub(in crate::search) columns: Vec<SortColumn>,
    pub(in crate::search) bucket: Option<Bucket>,
    /// In the order of their numbers.
    pub(in crate::search) logs: Vec<LogNumber>,
}

/// The answers that a shard remembers, the last used one last.
#[derive(Default)]
pub(super) struct Tallies(Mutex<Vec<(TallyKey, Arc<Tally>)>>);

impl Tallies {
    pub(super) fn get(&self, key: &TallyKey) -> Option<Arc<Tally>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.iter().position(|(other, _)| other == key)?;
        let found = known.remove(place);
        let tally = Arc::clone(&found.1);
        known.push(found);
        Some(tally)
    }

    pub(super) fn put(&self, key: &TallyKey, tally: &Arc<Tally>) {
        let values: usize = tally.columns.iter().map(|(_, counts)| counts.len()).sum();
        if values + tally.histogram.len() > VALUES_MAX {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(other, _)| other != key);
        if known.len() == KNOWN_MAX {
            known.remove(0);
        }
        known.push((key.clone(), Arc::clone(tally)));
    }
}
