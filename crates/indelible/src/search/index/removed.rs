//! Taking out of the index what was removed from the log: the documents of these entries are deleted, and the shards
//! that had them are written anew, so that none of what was removed is left in a file. What is left of an entry after an
//! erasure is taken in again.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError};

use super::schema::{INDEX, LOG};
use super::shard::{read, to_log};
use crate::store::{LogNumber, Removed};

/// Documents looked at together.
const DOCS_AT_ONCE: u32 = 4096;

/// The documents of these entries.
#[derive(Clone, Debug, Default)]
pub(in crate::search) struct Places(Arc<HashMap<LogNumber, Vec<Range<u64>>>>);

impl Places {
    /// The entries that these removals were about.
    pub(in crate::search) fn of(removals: &[Removed]) -> Self {
        let mut places: HashMap<LogNumber, Vec<Range<u64>>> = HashMap::new();
        for removed in removals {
            places.entry(removed.log).or_default().extend(removed.entries.iter().cloned());
        }
        places.values_mut().for_each(join);
        Self(Arc::new(places))
    }

    /// Whether an entry is among them.
    pub(super) fn has(&self, log: LogNumber, index: u64) -> bool {
        self.0.get(&log).is_some_and(|ranges| {
            let after = ranges.partition_point(|range| range.start <= index);
            after.checked_sub(1).and_then(|place| ranges.get(place)).is_some_and(|range| index < range.end)
        })
    }

    /// Whether any of a log's entries in a range is among them.
    pub(in crate::search) fn touch(&self, log: LogNumber, range: &Range<u64>) -> bool {
        self.0.get(&log).is_some_and(|ranges| {
            let after = ranges.partition_point(|removed| removed.end <= range.start);
            ranges.get(after).is_some_and(|removed| removed.start < range.end)
        })
    }

    /// The entries of a log, ascending.
    pub(super) fn of_log(&self, log: LogNumber) -> &[Range<u64>] {
        self.0.get(&log).map_or(&[], Vec::as_slice)
    }
}

/// Sorts ranges and makes one of those that touch.
fn join(ranges: &mut Vec<Range<u64>>) {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<u64>> = Vec::with_capacity(ranges.len());
    for range in ranges.drain(..) {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    *ranges = joined;
}

impl Query for Places {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for Places {
    fn scorer(&self, reader: &SegmentReader, _: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let columns = reader.fast_fields();
        let (log, index) =
            (columns.u64(LOG)?.first_or_default_col(0), columns.u64(INDEX)?.first_or_default_col(0));
        let mut docs = Vec::new();
        let mut start = 0;
        while start < reader.max_doc() {
            let chunk = start..start.saturating_add(DOCS_AT_ONCE).min(reader.max_doc());
            let logs = read(log.as_ref(), chunk.clone());
            let indexes = read(index.as_ref(), chunk.clone());
            start = chunk.end;
            let found = chunk.zip(logs.into_iter().zip(indexes));
            docs.extend(found.filter(|(_, (log, index))| self.has(to_log(*log), *index)).map(|(doc, _)| doc));
        }
        Ok(Box::new(Listed { docs, at: 0 }))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Err(TantivyError::InvalidArgument("nobody asks why a document was removed".to_owned()))
    }
}

/// Documents in ascending order.
struct Listed {
    docs: Vec<DocId>,
    at: usize,
}

impl DocSet for Listed {
    fn advance(&mut self) -> DocId {
        self.at = self.at.saturating_add(1);
        self.doc()
    }

    fn doc(&self) -> DocId {
        self.docs.get(self.at).copied().unwrap_or(TERMINATED)
    }

    fn size_hint(&self) -> u32 {
        u32::try_from(self.docs.len()).unwrap_or(u32::MAX)
    }
}

impl Scorer for Listed {
    fn score(&mut self) -> Score {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_by_halving() {
        let removed = |number, log, entries: &[Range<u64>]| Removed {
            reason: 1000,
            number,
            log,
            is_erasure: false,
            entries: entries.to_vec(),
        };
        let entries = [&[10..20, 40..41][..], &[20..25, 24..25], &[0..1, 0..1]];
        let removals = entries.iter().zip([(1, 3), (2, 3), (3, 4)]);
        let removals: Vec<_> =
            removals.map(|(entries, (number, log))| removed(number, log, entries)).collect();
        let places = Places::of(&removals);
        assert_eq!(places.of_log(3), [10..25, 40..41]);
        for (log, index, expected) in [
            (3, 9, false),
            (3, 10, true),
            (3, 24, true),
            (3, 25, false),
            (3, 40, true),
            (4, 0, true),
            (5, 0, false),
        ] {
            assert_eq!(places.has(log, index), expected, "{log} {index}");
            assert_eq!(places.touch(log, &(index..index + 1)), expected, "{log} {index}");
        }
        assert!(places.touch(3, &(0..11)) && places.touch(3, &(24..40)) && !places.touch(3, &(25..40)));
        assert!(!places.touch(3, &(41..1000)));
    }
}
