//! The first documents of a shard in the order of a list.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::ops::Range;

use model::{Order, SortColumn, SortKey, SortValue};
use tantivy::columnar::ColumnValues;

use super::IndexError;
use super::docs::{Bits, Docs};
use super::evaluate::ShardDocs;
use super::removed::Places;
use super::schema::split_time;
use super::shard::{Shard, to_log};
use super::terms;
use crate::store::LogNumber;

/// A document that may be on the page: its place in the list, and where its entry is.
#[derive(Clone, Debug)]
pub(in crate::search) struct Candidate {
    pub(in crate::search) key: SortKey,
    pub(in crate::search) log: LogNumber,
    pub(in crate::search) index: u64,
}

/// The logs that are asked, with the places of their sites' ids among each other, and the sizes they are
/// pinned at.
#[derive(Debug)]
pub(in crate::search) struct Ranks {
    pub(in crate::search) logs: HashMap<LogNumber, LogRank>,
    /// What was removed since the index was written: it is in the shards, and found no more.
    pub(in crate::search) gone: Places,
}

/// See [`Ranks`].
#[derive(Debug)]
pub(in crate::search) struct LogRank {
    pub(in crate::search) rank: u32,
    pub(in crate::search) site: String,
    pub(in crate::search) size: u64,
}

/// What is picked.
pub(in crate::search) struct Pick<'a> {
    pub(in crate::search) order: Order,
    /// Only places after this one.
    pub(in crate::search) after: Option<&'a SortKey>,
    pub(in crate::search) limit: usize,
    pub(in crate::search) ranks: &'a Ranks,
}

/// A place in a shard's list: like a [`SortKey`], in numbers.
type Place = (Value, u32, u64);
/// What a document is ordered by: a number, and what is beyond it.
type Value = (i64, u64);

/// A place with its document, ordered by the list.
#[derive(PartialEq, Eq)]
struct Placed {
    place: Place,
    doc: u32,
    descending: bool,
}

impl Ord for Placed {
    fn cmp(&self, other: &Self) -> Ordering {
        let ascending = self.place.cmp(&other.place);
        if self.descending { ascending.reverse() } else { ascending }
    }
}

impl PartialOrd for Placed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The values of a column, as numbers in its order.
enum Column<'a> {
    Occurred,
    Recorded,
    Duration,
    Site,
    /// The places of the texts in the shard's dictionary.
    Text(Option<std::sync::Arc<dyn ColumnValues<u64>>>, Option<&'a tantivy::columnar::StrColumn>),
}

impl Ranks {
    /// Whether every document of a shard is of these logs, below their sizes, and not gone.
    pub(in crate::search) fn cover(&self, shard: &Shard) -> bool {
        let within = |(log, range): (&LogNumber, &Range<u64>)| {
            self.logs.get(log).is_some_and(|rank| range.end <= rank.size) && !self.gone.touch(*log, range)
        };
        shard.summary().logs.iter().all(within)
    }

    /// Whether no document of a shard is of these logs.
    pub(in crate::search) fn miss(&self, shard: &Shard) -> bool {
        let is_here = |(log, rank): (&LogNumber, &LogRank)| {
            shard.summary().logs.get(log).is_some_and(|range| range.start < rank.size)
        };
        !self.logs.iter().any(is_here)
    }

    /// The rank of a document's site, if its log is asked up to there and its entry is not gone.
    fn of(&self, shard: &Shard, doc: u32) -> Option<(u32, u64)> {
        let log = to_log(shard.log.get_val(doc));
        let rank = self.logs.get(&log)?;
        let index = shard.index.get_val(doc);
        (index < rank.size && !self.gone.has(log, index)).then_some((rank.rank, index))
    }

    /// Those of a shard's documents that are of these logs, below their sizes, and not gone.
    pub(super) fn restrict(&self, shard: &Shard, docs: Docs) -> Result<Docs, IndexError> {
        // Below this share of a shard, looking each one up is quicker than reading a list of a log's.
        const FEW: u64 = 16;
        if self.cover(shard) {
            return Ok(docs);
        }
        if docs.count(shard.docs) < u64::from(shard.docs) / FEW {
            let mut kept = Bits::new(shard.docs);
            docs.iter(0, shard.docs)
                .filter(|doc| self.of(shard, *doc).is_some())
                .for_each(|doc| kept.set(doc));
            return Ok(Docs::Some(kept));
        }
        let mut of_logs = Docs::None;
        for (log, range) in &shard.summary().logs {
            let Some(rank) = self.logs.get(log) else { continue };
            let of_log = shard.with_term(&terms::of_log(*log))?;
            of_logs = of_logs.or(if range.end <= rank.size && !self.gone.touch(*log, range) {
                of_log
            } else {
                let is_there = |_, index| index < rank.size && !self.gone.has(*log, index);
                shard.with_number(shard.index.as_ref(), &of_log, is_there)
            });
        }
        Ok(docs.and(of_logs))
    }
}

impl Pick<'_> {
    /// The first documents among `docs`, in no particular order.
    pub(in crate::search) fn first(
        &self,
        shard: &Shard,
        docs: &ShardDocs,
    ) -> Result<Vec<Candidate>, IndexError> {
        let docs = &docs.docs;
        let column = self.column(shard);
        let after = self.after_in(&column)?;
        let mut best: BinaryHeap<Placed> = BinaryHeap::new();
        for (chunk, ends) in self.chunks(shard) {
            let is_full = best.len() >= self.limit;
            if let (Some(ends), Some(last), true) = (&ends, best.peek(), is_full)
                && self.is_beyond(ends, last.place.0)
            {
                break;
            }
            if ends.is_some_and(|ends| self.is_past(&ends)) {
                continue;
            }
            let values = self.values(shard, &column, &chunk, docs);
            for (doc, value) in values {
                let Some((rank, index)) = self.ranks.of(shard, doc) else { continue };
                let place = (value, rank, index);
                if after.as_ref().is_some_and(|after| !after.is_before(place, self.order.descending)) {
                    continue;
                }
                let placed = Placed { place, doc, descending: self.order.descending };
                if best.len() < self.limit {
                    best.push(placed);
                } else if best.peek().is_some_and(|last| placed < *last) {
                    best.pop();
                    best.push(placed);
                }
            }
        }
        best.into_iter().map(|placed| self.candidate(shard, &column, &placed)).collect()
    }

    /// The shard's chunks, in the order of time where that is asked for, each with its ends of time.
    fn chunks(&self, shard: &Shard) -> Vec<(Range<u32>, Option<Range<i64>>)> {
        if self.order.column != SortColumn::Timestamp {
            return shard.chunks().map(|chunk| (chunk, None)).collect();
        }
        let times = shard.summary().chunks.iter().cloned().map(Some);
        let mut chunks: Vec<_> = shard.chunks().zip(times).collect();
        let ends =
            |times: &Option<Range<i64>>| times.as_ref().map_or((0, 0), |times| (times.start, times.end));
        if self.order.descending {
            chunks.sort_by_key(|(_, times)| std::cmp::Reverse(ends(times).1));
        } else {
            chunks.sort_by_key(|(_, times)| ends(times).0);
        }
        chunks
    }

    /// Whether a chunk holds only places after the last one that is needed.
    fn is_beyond(&self, times: &Range<i64>, last: Value) -> bool {
        if self.order.descending { times.end < last.0 } else { times.start > last.0 }
    }

    /// Whether a chunk holds only places before the one after which they are wanted.
    fn is_past(&self, times: &Range<i64>) -> bool {
        let Some((after, _)) = self.after.and_then(SortKey::time).map(split_time) else { return false };
        if self.order.descending { times.start > after } else { times.end < after }
    }

    /// Whether a whole shard holds only places after `last`.
    pub(in crate::search) fn is_after(&self, shard: &Shard, last: &SortKey) -> bool {
        let Some((last, _)) = last.time().map(split_time) else { return false };
        let (first, latest) = shard.times();
        if self.order.column != SortColumn::Timestamp {
            return false;
        }
        if self.order.descending { latest < last } else { first > last }
    }

    /// Whether a whole shard holds only places before the one after which they are wanted.
    pub(in crate::search) fn is_before(&self, shard: &Shard) -> bool {
        let (first, last) = shard.times();
        self.order.column == SortColumn::Timestamp && self.is_past(&(first..last))
    }

    fn column<'s>(&self, shard: &'s Shard) -> Column<'s> {
        const NUMBERS: [(SortColumn, Column<'static>); 4] = [
            (SortColumn::Timestamp, Column::Occurred),
            (SortColumn::Recorded, Column::Recorded),
            (SortColumn::Duration, Column::Duration),
            (SortColumn::Site, Column::Site),
        ];
        let number = NUMBERS.into_iter().find(|(column, _)| *column == self.order.column);
        number.map_or_else(
            || {
                let texts = shard.text(self.order.column);
                Column::Text(texts.map(|texts| texts.ords().clone().first_or_default_col(0)), texts)
            },
            |(_, column)| column,
        )
    }

    /// The values of those documents of a chunk that are asked for.
    fn values(
        &self,
        shard: &Shard,
        column: &Column<'_>,
        chunk: &Range<u32>,
        docs: &Docs,
    ) -> Vec<(u32, Value)> {
        let wanted = docs.iter(chunk.start, chunk.end);
        match column {
            Column::Occurred => {
                let whole = shard.has_whole_us();
                let ns = |doc| if whole { 0 } else { shard.occurred_ns(doc) };
                wanted.map(|doc| (doc, (shard.occurred_us.get_val(doc), ns(doc)))).collect()
            }
            Column::Recorded => wanted.map(|doc| (doc, (shard.recorded_ms.get_val(doc), 0))).collect(),
            Column::Duration => {
                let duration = |doc| shard.duration_ms.as_ref().and_then(|column| column.first(doc));
                // Unknown comes before all that is known.
                wanted.map(|doc| (doc, duration(doc).map_or((-1, 0), |ms| (0, ms)))).collect()
            }
            Column::Site => {
                let rank = |doc| self.ranks.of(shard, doc).map_or(0, |(rank, _)| i64::from(rank));
                wanted.map(|doc| (doc, (rank(doc), 0))).collect()
            }
            Column::Text(Some(ords), _) => wanted.map(|doc| (doc, (0, ords.get_val(doc)))).collect(),
            Column::Text(None, _) => wanted.map(|doc| (doc, (0, 0))).collect(),
        }
    }

    fn candidate(
        &self,
        shard: &Shard,
        column: &Column<'_>,
        placed: &Placed,
    ) -> Result<Candidate, IndexError> {
        let (value, ..) = placed.place;
        let log = to_log(shard.log.get_val(placed.doc));
        let site = self.ranks.logs.get(&log).map_or_else(String::new, |rank| rank.site.clone());
        let index = shard.index.get_val(placed.doc);
        let value = match column {
            Column::Occurred => SortValue::Number(i128::from(value.0) * 1000 + i128::from(value.1)),
            Column::Recorded => SortValue::Number(i128::from(value.0) * 1_000_000),
            Column::Duration => SortValue::Number(if value.0 < 0 { -1 } else { i128::from(value.1) }),
            Column::Site => SortValue::Text(site.clone()),
            Column::Text(_, texts) => {
                let mut text = String::new();
                if let Some(texts) = texts {
                    texts.ord_to_str(value.1, &mut text)?;
                }
                SortValue::Text(text)
            }
        };
        Ok(Candidate { key: SortKey::new(value, site, index), log, index })
    }

    /// The place after which places are wanted, in this shard's numbers.
    fn after_in(&self, column: &Column<'_>) -> Result<Option<After>, IndexError> {
        let Some(after) = self.after else { return Ok(None) };
        let (site, index) = after.tie();
        let site_rank = self.rank_of(site);
        let at = |value, exact| After { value, exact, rank: site_rank, index };
        Ok(Some(match (column, after.value()) {
            (Column::Occurred, SortValue::Number(_)) => {
                let time = after.time().map(split_time).unwrap_or_default();
                at(time, true)
            }
            (Column::Recorded, SortValue::Number(ns)) => {
                let ms = i64::try_from(ns.div_euclid(1_000_000)).unwrap_or_default();
                at((ms, 0), true)
            }
            (Column::Duration, SortValue::Number(ms)) => {
                at(u64::try_from(*ms).map_or((-1, 0), |ms| (0, ms)), true)
            }
            (Column::Site, SortValue::Text(site)) => {
                let (rank, exact) = self.rank_of(site);
                at((i64::from(rank), 0), exact)
            }
            (Column::Text(_, Some(texts)), SortValue::Text(text)) => {
                let (ord, exact) = ord_of(texts, text)?;
                at((0, ord), exact)
            }
            // Nothing in the shard has a text: all have the empty one.
            (Column::Text(_, None), SortValue::Text(text)) => {
                at((0, u64::from(!text.is_empty())), text.is_empty())
            }
            // A cursor of another column, which its fingerprint rules out.
            _ => return Ok(None),
        }))
    }

    /// The rank of a site, and whether it is asked; else the rank of the first one after it.
    fn rank_of(&self, site: &str) -> (u32, bool) {
        let ranks = || self.ranks.logs.values();
        if let Some(rank) = ranks().find(|rank| rank.site == site) {
            return (rank.rank, true);
        }
        let next = ranks().filter(|rank| rank.site.as_str() > site).map(|rank| rank.rank).min();
        (next.unwrap_or(u32::MAX), false)
    }
}

/// The place of a text in a dictionary, and whether it is there; else the place of the first one after it.
fn ord_of(texts: &tantivy::columnar::StrColumn, text: &str) -> Result<(u64, bool), IndexError> {
    let dictionary = texts.dictionary();
    if let Some(ord) = dictionary.term_ord(text.as_bytes())? {
        return Ok((ord, true));
    }
    // Halving by look-ups: a dictionary gives the text of a place at once.
    let (mut low, mut high) = (0_u64, u64::try_from(dictionary.num_terms()).unwrap_or_default());
    let mut bytes = Vec::new();
    while low < high {
        let middle = low + (high - low) / 2;
        bytes.clear();
        dictionary.ord_to_term(middle, &mut bytes)?;
        if bytes.as_slice() < text.as_bytes() {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok((low, false))
}

/// A place in a shard's numbers that may lie between two of its values or sites.
struct After {
    value: Value,
    /// Whether the shard has the value itself; else `value` is the first one after it.
    exact: bool,
    /// The same for the site.
    rank: (u32, bool),
    index: u64,
}

impl After {
    /// Whether another place comes after this one.
    fn is_before(&self, (value, rank, index): Place, descending: bool) -> bool {
        let by_value = between(value.cmp(&self.value), self.exact);
        let by_rank = || between(rank.cmp(&self.rank.0), self.rank.1);
        let order = by_value.then_with(by_rank).then(index.cmp(&self.index));
        if descending { order.is_lt() } else { order.is_gt() }
    }
}

/// How something compares with a point that, when not exact, lies just before what it was compared with.
const fn between(order: Ordering, exact: bool) -> Ordering {
    if !exact && order.is_eq() { Ordering::Greater } else { order }
}
