//! Asking the index, and checking its answers against the entries where it does not know for sure.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use model::{Entry, Filter, Kind, Order, SortColumn, SortKey};

use super::best::Best;
use super::fresh::Fresh;
use super::index::{
    Bucket, Evaluation, Index, IndexError, LogRank, Pick, Places, Ranks, ShardDocs, Snapshot, Tally,
    TallyKey, named_ids,
};
use super::tail::Tail;
use super::{Hit, Pinned, Question, Search, SearchError, Wanted, guarded, reader};
use crate::store::LogNumber;

/// Candidates asked for at once where the index does not know for sure.
const UNSURE_AT_ONCE: usize = 256;

/// Entries checked at once when counting what the index does not know for sure.
const CHECKED_AT_ONCE: usize = 1024;

/// The index at one moment, and what was not in it then.
#[derive(Debug)]
pub(super) struct View {
    index: Arc<Index>,
    snapshot: Arc<Snapshot>,
    fresh: Vec<Arc<Fresh>>,
    ranks: Ranks,
    removals: u64,
}

/// Which values and times are counted.
#[derive(Clone, Copy, Debug)]
pub struct FacetsQuestion<'a> {
    /// The columns whose values are counted.
    pub columns: &'a [SortColumn],
    /// The width of a histogram's buckets; no histogram without.
    pub bucket: Option<Bucket>,
    /// Values told per column, at most; the rest are summed up.
    pub values_max: usize,
}

/// Counts of values and times.
#[derive(Debug)]
pub struct Facets {
    /// Entries that match.
    pub total: u64,
    /// For each column its values, the most frequent first.
    pub columns: Vec<(SortColumn, Vec<FacetValue>, u64)>,
    /// The buckets that have entries, in order.
    pub histogram: Vec<HistogramBucket>,
}

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetValue {
    /// The value; empty for entries without one.
    pub value: String,
    /// Entries that have it.
    pub count: u64,
}

/// A span of time and what happened in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramBucket {
    /// Its first moment, in microseconds since 1970.
    pub start_us: i64,
    /// Entries by kind, in the order of [`Kind::ALL`].
    pub kinds: [u64; Kind::ALL.len()],
}

impl View {
    /// `None` when the index knows nothing of these logs. `gone` is what was removed since up to the removal of that
    /// number.
    pub(super) fn new(
        index: Arc<Index>,
        snapshot: Arc<Snapshot>,
        mut fresh: Vec<Arc<Fresh>>,
        gone: Places,
        removals: u64,
        pinned: &[Pinned<'_>],
    ) -> Option<Self> {
        let mut by_site: Vec<&Pinned<'_>> = pinned.iter().collect();
        by_site.sort_by_key(|log| log.site.id.as_str());
        let rank = |(rank, log): (u32, &&Pinned<'_>)| {
            (log.site.log, LogRank { rank, site: log.site.id.to_string(), size: log.size })
        };
        fresh.retain(|fresh| !gone.touch(fresh.log, &(fresh.first..fresh.end)));
        let ranks = Ranks { logs: (0..).zip(&by_site).map(rank).collect(), gone };
        let knows = pinned.iter().any(|log| log.size == 0 || snapshot.positions.contains_key(&log.site.log));
        (knows || !fresh.is_empty()).then_some(Self { index, snapshot, fresh, ranks, removals })
    }

    /// Number of the last removal that it knows of.
    pub(super) const fn removals(&self) -> u64 {
        self.removals
    }

    pub(super) fn fresh(&self) -> &[Arc<Fresh>] {
        &self.fresh
    }

    /// The logs, each from where the index ends.
    pub(super) fn tail<'a>(&self, pinned: &[Pinned<'a>]) -> Vec<Pinned<'a>> {
        let tail = |log: &Pinned<'a>| {
            let position = self.snapshot.positions.get(&log.site.log).copied().unwrap_or_default();
            Pinned { site: log.site, from: position.min(log.size), size: log.size }
        };
        pinned.iter().map(tail).collect()
    }

    /// The first places wanted among the indexed entries, in no particular order.
    pub(super) fn find(
        &self,
        search: &Search,
        pinned: &[Pinned<'_>],
        wanted: &Wanted<'_>,
    ) -> Result<Vec<(SortKey, Hit)>, SearchError> {
        let ids = Self::places_of_ids(search, pinned, wanted.filter)?;
        let mut asked = Asked::new(self, wanted.filter, ids, wanted.deadline);
        let mut hits: Vec<(SortKey, Hit)> = Vec::new();
        let mut after = wanted.after.cloned();
        loop {
            let missing = wanted.limit.saturating_sub(hits.len());
            let ask = if asked.unsure { missing.max(UNSURE_AT_ONCE) } else { missing };
            let found = asked.candidates(wanted.order, after.as_ref(), ask)?;
            if !asked.unsure {
                hits.extend(found.into_iter().map(|(key, (log, index))| (key, Hit::at(log, index))));
                return Ok(hits);
            }
            let is_last = found.len() < ask;
            after = found.last().map(|(key, _)| key.clone()).or(after);
            hits.extend(Self::checked(search, pinned, wanted, found)?);
            hits.truncate(wanted.limit);
            if is_last || hits.len() >= wanted.limit {
                return Ok(hits);
            }
            wanted.check_time()?;
        }
    }

    /// How many shards there are.
    pub(super) fn shards(&self) -> usize {
        self.snapshot.shards.len()
    }

    /// The part of each log that is in a shard, if it is asked for.
    pub(super) fn ranges(&self, place: usize) -> Vec<(LogNumber, Range<u64>)> {
        let Some(shard) = self.snapshot.shards.get(place) else { return Vec::new() };
        shard.ranges(&self.ranks)
    }

    /// Where in the logs the entries are that a filter may find in a shard.
    pub(super) fn places(
        &self,
        search: &Search,
        pinned: &[Pinned<'_>],
        filter: &Filter,
        place: usize,
        deadline: Instant,
    ) -> Result<Vec<(LogNumber, u64)>, SearchError> {
        let Some(shard) = self.snapshot.shards.get(place) else { return Ok(Vec::new()) };
        let ids = Self::places_of_ids(search, pinned, filter)?;
        let mut asked = Asked::new(self, filter, ids, deadline);
        let docs = asked.in_shard(place)?;
        Ok(docs.map_or_else(Vec::new, |docs| docs.places(shard)))
    }

    /// Those candidates whose entries match.
    fn checked(
        search: &Search,
        pinned: &[Pinned<'_>],
        wanted: &Wanted<'_>,
        found: Vec<Placed>,
    ) -> Result<Vec<(SortKey, Hit)>, SearchError> {
        let mut matching: HashMap<(LogNumber, u64), Entry> = HashMap::new();
        for log in pinned {
            let here = found.iter().filter(|(_, (number, _))| *number == log.site.log);
            let indexes: Vec<u64> = here.map(|(_, (_, index))| *index).collect();
            if indexes.is_empty() {
                continue;
            }
            wanted.check_time()?;
            let read = reader::read_matching(
                search.store.as_ref(),
                &search.published,
                log.site,
                &indexes,
                |entry| wanted.filter.matches(entry),
            )?;
            matching.extend(read.into_iter().map(|entry| ((log.site.log, entry.index), entry)));
        }
        let hit = |(key, (log, index)): Placed| {
            let entry = matching.remove(&(log, index))?;
            Some((key, Hit { log, index, entry: Some(entry) }))
        };
        Ok(found.into_iter().filter_map(hit).collect())
    }

    /// Where the entries are whose ids the filter names: that is the log's to say, not the index'.
    fn places_of_ids(
        search: &Search,
        pinned: &[Pinned<'_>],
        filter: &Filter,
    ) -> Result<IdPlaces, SearchError> {
        let mut ids = HashSet::new();
        named_ids(filter, &mut ids);
        let ids: Vec<_> = ids.into_iter().collect();
        let mut places = IdPlaces::new();
        if ids.is_empty() {
            return Ok(places);
        }
        for log in pinned {
            for (id, position) in ids.iter().zip(search.store.positions(log.site.log, &ids)?) {
                if let Some(index) = position {
                    places.entry(*id).or_default().push((log.site.log, index));
                }
            }
        }
        Ok(places)
    }
}

/// A place in a list, and where its entry is.
type Placed = (SortKey, (LogNumber, u64));

type IdPlaces = HashMap<uuid::Uuid, Vec<(LogNumber, u64)>>;

/// A filter, asked of shard after shard.
struct Asked<'a> {
    view: &'a View,
    filter: &'a Filter,
    ids: IdPlaces,
    sites: HashMap<LogNumber, String>,
    deadline: Instant,
    /// What was found in each shard that was asked.
    found: Vec<Option<ShardDocs>>,
    /// Whether some of what was found may not match.
    unsure: bool,
}

impl<'a> Asked<'a> {
    fn new(view: &'a View, filter: &'a Filter, ids: IdPlaces, deadline: Instant) -> Self {
        let sites = view.ranks.logs.iter().map(|(log, rank)| (*log, rank.site.clone())).collect();
        let found = view.snapshot.shards.iter().map(|_| None).collect();
        Self { view, filter, ids, sites, deadline, found, unsure: false }
    }

    /// What the filter finds in a shard, asked once.
    fn in_shard(&mut self, place: usize) -> Result<Option<&ShardDocs>, IndexError> {
        let Some(shard) = self.view.snapshot.shards.get(place) else { return Ok(None) };
        let Some(known) = self.found.get_mut(place) else { return Ok(None) };
        if known.is_none() {
            let deadline = self.deadline;
            let tick = move || if Instant::now() > deadline { Err(IndexError::TooLong) } else { Ok(()) };
            let evaluation =
                Evaluation { key: self.view.index.key(), sites: &self.sites, ids: &self.ids, tick: &tick };
            let found = evaluation.ask(shard, self.filter, &self.view.ranks)?;
            self.unsure |= !found.is_sure();
            *known = Some(found);
        }
        Ok(known.as_ref())
    }

    /// The first places after another among what may match, in order.
    fn candidates(
        &mut self,
        order: Order,
        after: Option<&SortKey>,
        limit: usize,
    ) -> Result<Vec<Placed>, IndexError> {
        let view = self.view;
        let pick = Pick { order, after, limit, ranks: &view.ranks };
        let shards = &view.snapshot.shards;
        let mut places: Vec<usize> = (0..shards.len()).collect();
        if order.column == SortColumn::Timestamp {
            let times = |place: &usize| shards.get(*place).map_or((0, 0), |shard| shard.times());
            if order.descending {
                places.sort_by_key(|place| std::cmp::Reverse(times(place).1));
            } else {
                places.sort_by_key(|place| times(place).0);
            }
        }
        let mut best = Best::new(limit, order.descending);
        for place in places {
            let Some(shard) = shards.get(place) else { continue };
            if best.last_if_full().is_some_and(|last| pick.is_after(shard, last)) {
                break;
            }
            if pick.is_before(shard) {
                continue;
            }
            let Some(docs) = self.in_shard(place)? else { continue };
            for candidate in pick.first(shard, docs)? {
                best.put(candidate.key, (candidate.log, candidate.index));
            }
        }
        Ok(best.into_page())
    }
}

impl Search {
    /// Counts values and times of the entries that match.
    ///
    /// # Errors
    /// When the store fails, it takes too long, or the histogram becomes too long.
    pub fn facets(
        &self,
        question: &Question<'_>,
        facets: &FacetsQuestion<'_>,
    ) -> Result<Facets, SearchError> {
        let pinned = self.pin(question)?;
        let wanted = Wanted {
            filter: question.filter,
            order: question.order,
            after: None,
            limit: 0,
            deadline: Instant::now() + question.patience,
        };
        let mut tally = Tally::new(facets.columns, facets.bucket);
        let counted = match self.view(&pinned) {
            Some(view) => match guarded(|| self.tally_by_index(&view, &pinned, &wanted, &mut tally)) {
                Err(SearchError::Index(error)) => {
                    self.set_aside(&error);
                    tally = Tally::new(facets.columns, facets.bucket);
                    false
                }
                answer => answer.map(|()| true)?,
            },
            None => false,
        };
        if !counted {
            let tail =
                Tail { store: self.store.as_ref(), published: &self.published, pinned: &pinned, fresh: &[] };
            tail.visit(&wanted, |entry| tally.add(entry))?;
        }
        if tally.is_too_long() {
            return Err(SearchError::TooManyBuckets);
        }
        Ok(Facets::new(tally, facets.values_max))
    }

    fn tally_by_index(
        &self,
        view: &View,
        pinned: &[Pinned<'_>],
        wanted: &Wanted<'_>,
        tally: &mut Tally,
    ) -> Result<(), SearchError> {
        let tail = view.tail(pinned);
        let tail = Tail {
            store: self.store.as_ref(),
            published: &self.published,
            pinned: &tail,
            fresh: view.fresh(),
        };
        tail.visit(wanted, |entry| tally.add(entry))?;
        let ids = View::places_of_ids(self, pinned, wanted.filter)?;
        let mut asked = Asked::new(view, wanted.filter, ids, wanted.deadline);
        let mut logs: Vec<LogNumber> = pinned.iter().map(|log| log.site.log).collect();
        logs.sort_unstable();
        let columns = tally.columns.iter().map(|(column, _)| *column).collect();
        let all = TallyKey { columns, bucket: tally.bucket, logs };
        let is_all = *wanted.filter == Filter::all();
        for (place, shard) in view.snapshot.shards.iter().enumerate() {
            wanted.check_time()?;
            let Some(docs) = asked.in_shard(place)? else { continue };
            if is_all && docs.is_sure() {
                tally.add_all_docs(shard, docs, &view.ranks, &all)?;
                continue;
            }
            if docs.is_sure() {
                tally.add_docs(shard, docs, &view.ranks)?;
                continue;
            }
            for places in docs.places(shard).chunks(CHECKED_AT_ONCE) {
                self.count_matching(pinned, wanted, places, tally)?;
            }
        }
        Ok(())
    }

    fn count_matching(
        &self,
        pinned: &[Pinned<'_>],
        wanted: &Wanted<'_>,
        places: &[(LogNumber, u64)],
        tally: &mut Tally,
    ) -> Result<(), SearchError> {
        for log in pinned {
            let here = places.iter().filter(|(number, _)| *number == log.site.log);
            let indexes: Vec<u64> = here.map(|(_, index)| *index).collect();
            if indexes.is_empty() {
                continue;
            }
            wanted.check_time()?;
            let matches = |entry: &Entry| wanted.filter.matches(entry);
            reader::read_unproven(self.store.as_ref(), log.site, &indexes, |entry| {
                if matches(entry) {
                    tally.add(entry);
                }
            })?;
        }
        Ok(())
    }
}

impl Facets {
    fn new(tally: Tally, values_max: usize) -> Self {
        let values = |(column, counts): (SortColumn, HashMap<String, u64>)| {
            let mut shown: HashMap<String, u64> = HashMap::new();
            for (text, count) in counts {
                *shown.entry(column.shown(&text).into_owned()).or_default() += count;
            }
            let mut values: Vec<_> =
                shown.into_iter().map(|(value, count)| FacetValue { value, count }).collect();
            values
                .sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.value.cmp(&other.value)));
            let rest = values.iter().skip(values_max).map(|value| value.count).sum();
            values.truncate(values_max);
            (column, values, rest)
        };
        let bucket = |(start_us, kinds)| HistogramBucket { start_us, kinds };
        Self {
            total: tally.total,
            columns: tally.columns.into_iter().map(values).collect(),
            histogram: tally.histogram.into_iter().map(bucket).collect(),
        }
    }
}
