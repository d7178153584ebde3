//! Searching what is not in the index: in memory where it is at hand, else in the log.

use std::ops::Range;
use std::sync::Arc;

use model::{Entry, SortColumn, SortKey};

use super::best::Best;
use super::fresh::Fresh;
use super::reader::read_wanted;
use super::{Hit, Pinned, SearchError, Wanted, by_column, by_time};
use crate::journal::Published;
use crate::store::Store;

/// Entries that are read one after the other without asking where in time they lie. While the index is
/// further behind, for example when it is made anew, lists walk the log's blocks in the order of time.
const ENTRIES_READ_MAX: u64 = 8192;

/// Entries read at once: the width of a tile.
const ENTRIES_AT_ONCE: u64 = 256;

/// What is searched where.
pub(super) struct Tail<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) published: &'a Published,
    /// The logs, each from where the index ends.
    pub(super) pinned: &'a [Pinned<'a>],
    pub(super) fresh: &'a [Arc<Fresh>],
}

impl Tail<'_> {
    /// The first places wanted.
    pub(super) fn find(&self, wanted: &Wanted<'_>) -> Result<Vec<(SortKey, Hit)>, SearchError> {
        if self.is_long() {
            let found = if wanted.order.column == SortColumn::Timestamp {
                by_time::find(self.store, self.published, self.pinned, wanted)?
            } else {
                by_column::find(self.store, self.published, self.pinned, wanted)?
            };
            return Ok(found.into_iter().map(|(key, entry)| (key, Hit::read(entry))).collect());
        }
        let mut best = Best::new(wanted.limit, wanted.order.descending);
        self.each(wanted, |key, log, entry| best.put(key, Hit::at(log, entry.index)))?;
        Ok(best.into_page())
    }

    /// Shows every matching entry to `see`.
    pub(super) fn visit(&self, wanted: &Wanted<'_>, mut see: impl FnMut(&Entry)) -> Result<(), SearchError> {
        if self.is_long() {
            return by_column::visit(self.store, self.published, self.pinned, wanted, |_, entry| see(&entry));
        }
        self.each(wanted, |_, _, entry| see(entry))
    }

    fn is_long(&self) -> bool {
        let unread: u64 =
            self.pinned.iter().flat_map(|log| self.gaps(log)).map(|gap| gap.end - gap.start).sum();
        unread > ENTRIES_READ_MAX
    }

    fn each(
        &self,
        wanted: &Wanted<'_>,
        mut see: impl FnMut(SortKey, u32, &Entry),
    ) -> Result<(), SearchError> {
        for log in self.pinned {
            for fresh in self.fresh.iter().filter(|fresh| fresh.log == log.site.log) {
                wanted.check_time()?;
                for entry in &fresh.entries {
                    if (log.from..log.size).contains(&entry.index)
                        && let Some(key) = wanted.place(entry)
                    {
                        see(key, log.site.log, entry);
                    }
                }
            }
            for gap in self.gaps(log) {
                for first in gap.clone().step_by(usize::try_from(ENTRIES_AT_ONCE).unwrap_or(1)) {
                    wanted.check_time()?;
                    let range = first..first.saturating_add(ENTRIES_AT_ONCE).min(gap.end);
                    let place = |entry: &Entry| wanted.place(entry);
                    for (key, entry) in read_wanted(self.store, self.published, log.site, range, place)? {
                        see(key, log.site.log, &entry);
                    }
                }
            }
        }
        Ok(())
    }

    /// What of a log's tail is not at hand.
    fn gaps(&self, log: &Pinned<'_>) -> Vec<Range<u64>> {
        let mut at_hand: Vec<_> = self.fresh.iter().filter(|fresh| fresh.log == log.site.log).collect();
        at_hand.sort_by_key(|fresh| fresh.first);
        let mut gaps = Vec::new();
        let mut next = log.from;
        for fresh in at_hand {
            if fresh.first > next {
                gaps.push(next..fresh.first.min(log.size));
            }
            next = next.max(fresh.end);
        }
        if next < log.size {
            gaps.push(next..log.size);
        }
        gaps.retain(|gap| gap.start < gap.end);
        gaps
    }
}
