//! Whether every id leads to its entry, told without a look-up for each of them.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Instant;

use uuid::Uuid;

use super::pace::Pace;
use crate::store::{Site, Store, StoreError};

/// Ids read at once.
const IDS_AT_ONCE: usize = 10_000;

/// A sum over pairs of an id and an index. Two sums from the same keys are equal when they are over the same
/// pairs, in whatever order these came, and as good as never otherwise: it adds two hashes of each pair, whose
/// keys are drawn for this run, so that nobody could have prepared pairs that add up.
#[derive(Clone, Debug)]
pub(super) struct IdSum {
    keys: [RandomState; 2],
    sum: [u64; 2],
}

impl PartialEq for IdSum {
    /// Compares sums from the same keys.
    fn eq(&self, other: &Self) -> bool {
        self.sum == other.sum
    }
}

impl IdSum {
    pub(super) fn new() -> Self {
        Self { keys: [RandomState::new(), RandomState::new()], sum: [0; 2] }
    }

    /// The sum over nothing, with the same keys.
    pub(super) fn empty(&self) -> Self {
        Self { sum: [0; 2], ..self.clone() }
    }

    pub(super) fn put(&mut self, id: Uuid, index: u64) {
        let pair = (id.as_u128(), index);
        for (sum, key) in self.sum.iter_mut().zip(&self.keys) {
            *sum = sum.wrapping_add(key.hash_one(pair));
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (sum, other) in self.sum.iter_mut().zip(other.sum) {
            *sum = sum.wrapping_add(other);
        }
    }

    /// The sum, with the same keys, over where the store says that ids are, as far as that is below `size`: a
    /// server may append more meanwhile.
    ///
    /// That every id is there is not enough for look-ups to find it: they also need the order of the index,
    /// which [`Store::ids`] checks.
    pub(super) fn stored(
        &self,
        pace: Pace,
        store: &dyn Store,
        site: &Site,
        size: u64,
    ) -> Result<Self, StoreError> {
        let mut all = self.empty();
        let mut last = None;
        loop {
            let begin = Instant::now();
            let ids = store.ids(site.log, last, IDS_AT_ONCE)?;
            for (id, position) in &ids {
                if *position < size {
                    all.put(*id, *position);
                }
            }
            pace.rest(begin.elapsed());
            last = ids.last().map(|(id, _)| *id);
            if ids.len() < IDS_AT_ONCE {
                return Ok(all);
            }
        }
    }
}
