//! A shard: one immutable segment of the index, with its columns at hand.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use model::SortColumn;
use tantivy::columnar::{Column, ColumnValues, StrColumn};
use tantivy::index::SegmentId;
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{InvertedIndexReader, SegmentReader};

use super::IndexError;
use super::docs::{Bits, Docs};
use super::known::Tallies;
use super::pick::Ranks;
use super::schema::{DURATION_MS, INDEX, LOG, OCCURRED_NS, OCCURRED_US, RECORDED_MS, Slots, TEXT_COLUMNS};
use crate::store::LogNumber;

/// Documents of which the times are summed up together: few enough to skip what is not wanted, many enough
/// that the summaries are small.
pub(super) const CHUNK_DOCS: u32 = 4096;

/// See the [module's documentation](self).
pub(in crate::search) struct Shard {
    pub(super) id: SegmentId,
    /// Number of documents.
    pub(super) docs: u32,
    terms: Arc<InvertedIndexReader>,
    pub(super) log: Arc<dyn ColumnValues<u64>>,
    pub(super) index: Arc<dyn ColumnValues<u64>>,
    pub(super) occurred_us: Arc<dyn ColumnValues<i64>>,
    occurred_ns: Option<Column<u64>>,
    pub(super) recorded_ms: Arc<dyn ColumnValues<i64>>,
    pub(super) duration_ms: Option<Column<u64>>,
    texts: HashMap<SortColumn, StrColumn>,
    summary: OnceLock<Summary>,
    /// What was counted over all of it before.
    pub(super) tallies: Tallies,
}

/// What is known of a shard without looking at each document.
pub(super) struct Summary {
    /// For each chunk of documents, the earliest and the latest time in it, in microseconds.
    pub(super) chunks: Vec<Range<i64>>,
    /// For each log, the first index and the one after the last, as far as they are here.
    pub(super) logs: HashMap<LogNumber, Range<u64>>,
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("id", &self.id).field("docs", &self.docs).finish_non_exhaustive()
    }
}

impl Shard {
    pub(super) fn open(reader: &SegmentReader, slots: &Slots) -> Result<Self, IndexError> {
        let columns = reader.fast_fields();
        let mut texts = HashMap::new();
        for column in TEXT_COLUMNS {
            if let Some(values) = columns.str(column.as_str())? {
                texts.insert(column, values);
            }
        }
        Ok(Self {
            id: reader.segment_id(),
            docs: reader.max_doc(),
            terms: reader.inverted_index(slots.term)?,
            log: columns.u64(LOG)?.first_or_default_col(0),
            index: columns.u64(INDEX)?.first_or_default_col(0),
            occurred_us: columns.i64(OCCURRED_US)?.first_or_default_col(0),
            occurred_ns: columns.column_opt(OCCURRED_NS)?,
            recorded_ms: columns.i64(RECORDED_MS)?.first_or_default_col(0),
            duration_ms: columns.column_opt(DURATION_MS)?,
            texts,
            summary: OnceLock::new(),
            tallies: Tallies::default(),
        })
    }

    /// Made at first use, and then at hand.
    pub(super) fn summary(&self) -> &Summary {
        self.summary.get_or_init(|| {
            let mut chunks = Vec::new();
            let mut logs: HashMap<LogNumber, Range<u64>> = HashMap::new();
            for chunk in self.chunks() {
                let times = read(self.occurred_us.as_ref(), chunk.clone());
                let (first, last) = (times.iter().min().copied(), times.iter().max().copied());
                chunks.push(first.unwrap_or_default()..last.unwrap_or_default());
                let indexes = read(self.index.as_ref(), chunk.clone());
                for (log, index) in read(self.log.as_ref(), chunk).into_iter().zip(indexes) {
                    let range = logs.entry(to_log(log)).or_insert(index..index);
                    *range = range.start.min(index)..range.end.max(index + 1);
                }
            }
            Summary { chunks, logs }
        })
    }

    /// The part of each log that is here, up to where it is asked for.
    pub(in crate::search) fn ranges(&self, ranks: &Ranks) -> Vec<(LogNumber, Range<u64>)> {
        let here = self.summary().logs.iter();
        let part = |(log, range): (&LogNumber, &Range<u64>)| {
            let end = range.end.min(ranks.logs.get(log)?.size);
            (range.start < end).then_some((*log, range.start..end))
        };
        here.filter_map(part).collect()
    }

    /// The documents, chunk by chunk.
    pub(super) fn chunks(&self) -> impl DoubleEndedIterator<Item = Range<u32>> + use<> {
        let docs = self.docs;
        (0..docs.div_ceil(CHUNK_DOCS)).map(move |place| {
            let start = place * CHUNK_DOCS;
            start..start.saturating_add(CHUNK_DOCS).min(docs)
        })
    }

    /// The earliest and the latest time in the shard, in microseconds.
    pub(in crate::search) fn times(&self) -> (i64, i64) {
        (self.occurred_us.min_value(), self.occurred_us.max_value())
    }

    /// The nanoseconds of a document's time beyond its microseconds.
    pub(super) fn occurred_ns(&self, doc: u32) -> u64 {
        self.occurred_ns.as_ref().and_then(|column| column.first(doc)).unwrap_or_default()
    }

    /// Whether all times are whole microseconds, as they nearly always are.
    pub(super) fn has_whole_us(&self) -> bool {
        self.occurred_ns.is_none()
    }

    /// A column of texts; `None` when nothing in the shard has one.
    pub(super) fn text(&self, column: SortColumn) -> Option<&StrColumn> {
        self.texts.get(&column)
    }

    /// How many documents have a term.
    pub(super) fn term_info(&self, term: &[u8]) -> Result<Option<TermInfo>, IndexError> {
        Ok(self.terms.terms().get(term)?)
    }

    /// The documents that have a term.
    pub(super) fn with_term(&self, term: &[u8]) -> Result<Docs, IndexError> {
        let Some(info) = self.term_info(term)? else { return Ok(Docs::None) };
        if info.doc_freq == self.docs {
            return Ok(Docs::All);
        }
        let mut bits = Bits::new(self.docs);
        self.mark(&info, &mut bits)?;
        Ok(Docs::Some(bits))
    }

    fn mark(&self, info: &TermInfo, bits: &mut Bits) -> Result<(), IndexError> {
        let mut postings = self.terms.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        while !postings.docs().is_empty() {
            postings.docs().iter().for_each(|doc| bits.set(*doc));
            postings.advance();
        }
        Ok(())
    }

    /// The documents that have any term which begins with `prefix` and is among those `wanted`. `tick` is
    /// called now and then and may end the search.
    pub(super) fn with_terms(
        &self,
        prefix: &[u8],
        mut wanted: impl FnMut(&[u8]) -> bool,
        tick: &dyn Fn() -> Result<(), IndexError>,
    ) -> Result<Docs, IndexError> {
        const TERMS_BETWEEN_TICKS: u32 = 4096;
        let mut range = self.terms.terms().range().ge(prefix);
        if let Some(end) = after_all(prefix) {
            range = range.lt(end);
        }
        let mut stream = range.into_stream()?;
        let mut bits = Bits::new(self.docs);
        let mut found = false;
        let mut seen = 0_u32;
        while let Some((term, info)) = stream.next() {
            seen = seen.wrapping_add(1);
            if seen.is_multiple_of(TERMS_BETWEEN_TICKS) {
                tick()?;
            }
            if wanted(term) {
                found = true;
                self.mark(info, &mut bits)?;
            }
        }
        Ok(if found { Docs::Some(bits) } else { Docs::None })
    }

    /// The documents whose value in a numeric column is wanted.
    pub(super) fn with_number<T>(
        &self,
        column: &dyn ColumnValues<T>,
        within: &Docs,
        wanted: impl Fn(u32, T) -> bool,
    ) -> Docs
    where
        T: Copy + Default + PartialOrd + std::fmt::Debug + Send + Sync + 'static,
    {
        let mut bits = Bits::new(self.docs);
        for chunk in self.chunks() {
            let values = read(column, chunk.clone());
            for (doc, value) in chunk.zip(values) {
                if within.has(doc) && wanted(doc, value) {
                    bits.set(doc);
                }
            }
        }
        Docs::Some(bits)
    }

    /// The documents whose time, in microseconds and the nanoseconds beyond them, is neither `too_early` nor `too_late`.
    /// Only chunks at the edges are looked into: a window of few entries costs the same in a large shard as in a small one.
    pub(super) fn within_times(
        &self,
        too_early: impl Fn((i64, u64)) -> bool,
        too_late: impl Fn((i64, u64)) -> bool,
    ) -> Docs {
        let mut bits = Bits::new(self.docs);
        for (chunk, times) in self.chunks().zip(&self.summary().chunks) {
            let (first, last) = ((times.start, 0), (times.end, 999));
            if too_early(last) || too_late(first) {
                continue;
            }
            if !too_early(first) && !too_late(last) {
                chunk.for_each(|doc| bits.set(doc));
                continue;
            }
            let values = read(self.occurred_us.as_ref(), chunk.clone());
            for (doc, us) in chunk.zip(values) {
                let time = (us, if self.has_whole_us() { 0 } else { self.occurred_ns(doc) });
                if !too_early(time) && !too_late(time) {
                    bits.set(doc);
                }
            }
        }
        Docs::Some(bits)
    }
}

/// The values of consecutive documents.
pub(super) fn read<T>(column: &dyn ColumnValues<T>, docs: Range<u32>) -> Vec<T>
where
    T: Copy + Default + PartialOrd + std::fmt::Debug + Send + Sync + 'static,
{
    let mut values = vec![T::default(); usize::try_from(docs.end - docs.start).unwrap_or_default()];
    column.get_range(u64::from(docs.start), &mut values);
    values
}

/// The number of a log, as it was put into its column.
pub(super) fn to_log(value: u64) -> LogNumber {
    LogNumber::try_from(value).unwrap_or(LogNumber::MAX)
}

/// The first text after all that begin with a prefix.
fn after_all(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}
