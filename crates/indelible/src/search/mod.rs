//! Finding entries: pages of a list, in any order, over one site or many; counts of values and times.
//!
//! The answer is the meaning of [`Filter::matches`] applied to every entry, and is found by looking at as few
//! as that allows:
//!
//! * The newest or oldest entries within some time are read from the log's blocks (`by_time`).
//! * Anything else is asked of the [index], and what is not in it yet is looked at one by one (`tail`).
//! * Where there is no index that can be used, every block within the filter's times is read (`by_time`,
//!   `by_column`). The index is a help, never the truth.

mod best;
mod by_column;
mod by_time;
mod entity;
mod fresh;
mod in_index;
pub mod index;
mod reader;
mod scan;
mod tail;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Cursor, CursorError, CursorKey, Direction, Entry, Filter, Order, SortColumn, SortKey};
use uuid::Uuid;

use crate::journal::Published;
use crate::store::{LogNumber, Site, Store, StoreError};
use best::Best;
use fresh::Shared;
use in_index::View;
use index::{Follower, IndexError, Places};
use tail::Tail;

pub use entity::Within;
pub use in_index::{FacetValue, Facets, FacetsQuestion, HistogramBucket};
pub use index::{Bucket, Progress};
pub use reader::{Found, leaf_hashes, read_entries, read_one};
pub use scan::Scan;

/// How long one question may read before it is ended, so that nobody can occupy the disk.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Removals that the index may lack, at most, for it to be asked.
const REMOVALS_MAX: usize = 256;

/// Where the index is, and the key of its hashes.
#[derive(Clone)]
pub struct IndexPlace {
    /// The directory, which holds nothing else.
    pub directory: PathBuf,
    /// A secret of the installation.
    pub key: [u8; 16],
}

impl std::fmt::Debug for IndexPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexPlace").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// In which sites.
    pub sites: &'a [Site],
    /// Which entries.
    pub filter: &'a Filter,
    /// In which order.
    pub order: Order,
    /// After which place; `None` for the first page.
    pub cursor: Option<Cursor>,
    /// How many at most.
    pub limit: usize,
    /// How long to read for it, [`PATIENCE`] at most.
    pub patience: Duration,
}

impl<'a> Question<'a> {
    /// The newest entries, so many at most.
    #[must_use]
    pub const fn newest(sites: &'a [Site], filter: &'a Filter, limit: usize) -> Self {
        Self { sites, filter, order: Order::NEWEST_FIRST, cursor: None, limit, patience: PATIENCE }
    }
}

/// A page of the answer.
#[derive(Debug, Default)]
pub struct Page {
    /// The entries in order.
    pub entries: Vec<Entry>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// Where the page before this one ends, if this is not the first.
    pub prev: Option<Cursor>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It would take too long.
    #[error("the search took too long and was ended: narrow the time range or the filter")]
    TooLong,
    /// The histogram would have more buckets than anybody can use.
    #[error("the histogram would be too long: choose wider buckets or a shorter time")]
    TooManyBuckets,
    /// Content was removed while the index was asked. Callers do not see this: the log is searched instead.
    #[error("content was removed meanwhile")]
    Removed,
    /// The index failed. Callers do not see this: the log is searched instead.
    #[error(transparent)]
    Index(IndexError),
}

impl From<IndexError> for SearchError {
    fn from(error: IndexError) -> Self {
        if matches!(error, IndexError::TooLong) { Self::TooLong } else { Self::Index(error) }
    }
}

/// A log pinned at a size: what is appended later is not part of the answer.
struct Pinned<'a> {
    site: &'a Site,
    /// The first index that is searched.
    from: u64,
    size: u64,
}

/// What a search looks for: matching places on one side of a bound.
struct Wanted<'a> {
    filter: &'a Filter,
    order: Order,
    /// Only places after this one.
    after: Option<&'a SortKey>,
    limit: usize,
    deadline: Instant,
}

impl Wanted<'_> {
    /// The entry's place, if it is wanted.
    fn place(&self, entry: &Entry) -> Option<SortKey> {
        if !self.filter.matches(entry) {
            return None;
        }
        let key = SortKey::of(entry, self.order.column);
        let wanted = self.after.is_none_or(|after| self.order.compare(&key, after).is_gt());
        wanted.then_some(key)
    }

    fn check_time(&self) -> Result<(), SearchError> {
        if Instant::now() > self.deadline { Err(SearchError::TooLong) } else { Ok(()) }
    }
}

/// Where an entry of the answer is, and the entry if it was read and proven already.
struct Hit {
    log: LogNumber,
    index: u64,
    entry: Option<Entry>,
}

impl Hit {
    const fn at(log: LogNumber, index: u64) -> Self {
        Self { log, index, entry: None }
    }

    fn read(entry: Entry) -> Self {
        // What was read is not looked up again, so its log does not matter.
        Self { log: 0, index: entry.index, entry: Some(entry) }
    }
}

/// Finds entries in the logs of a store.
#[derive(Debug)]
pub struct Search {
    store: Arc<dyn Store>,
    published: Arc<Published>,
    /// Absent where the store is searched in other ways.
    shared: Option<Arc<Shared>>,
    /// Absent where others keep the index up to date.
    _follower: Option<Follower>,
}

impl Search {
    /// A search over a store, with an index at `place`. With `follow` the index is kept up to date from here,
    /// unless another process does so.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        published: Arc<Published>,
        place: Option<IndexPlace>,
        follow: bool,
    ) -> Self {
        let shared = place.map(|place| Arc::new(Shared::new(place.directory, place.key, follow)));
        let follower = shared
            .as_ref()
            .filter(|_| follow)
            .map(|shared| Follower::start(Arc::clone(&store), Arc::clone(&published), Arc::clone(shared)));
        Self { store, published, shared, _follower: follower }
    }

    /// How far the index is.
    ///
    /// # Errors
    /// When the store fails.
    pub fn progress(&self) -> Result<Progress, StoreError> {
        let index = self.shared.as_ref().and_then(|shared| shared.index());
        let snapshot = index.map(|index| index.snapshot());
        let mut progress = Progress::default();
        for site in self.store.sites()? {
            let size = self.published.size(site.log)?;
            let position = snapshot.as_ref().and_then(|snapshot| snapshot.positions.get(&site.log)).copied();
            progress.published += size;
            progress.indexed += position.unwrap_or_default().min(size);
        }
        Ok(progress)
    }

    /// Waits until nothing that was removed is left in the index, for so long; whether it is. Where this process has no
    /// index there is nothing to wait for.
    ///
    /// # Errors
    /// When the store fails.
    pub fn follow_removals(&self, patience: Duration) -> Result<bool, StoreError> {
        const LOOK_AGAIN: Duration = Duration::from_millis(2);
        if self.shared.as_ref().is_none_or(|shared| !shared.directory().exists()) {
            return Ok(true);
        }
        let deadline = Instant::now() + patience;
        while !self.is_up_to_removals()? {
            if Instant::now() > deadline {
                return Ok(false);
            }
            std::thread::sleep(LOOK_AGAIN);
        }
        Ok(true)
    }

    /// Whether nothing that was removed is left in the index.
    fn is_up_to_removals(&self) -> Result<bool, StoreError> {
        let index = self.shared.as_ref().and_then(|shared| shared.index());
        let last = self.store.last_removals()?.any;
        Ok(index.is_some_and(|index| index.snapshot().removals >= last))
    }

    /// Waits until everything published is in the index, and nothing that was removed, for so long; whether it is. Searches need not wait:
    /// they find what is not in the index, too.
    ///
    /// # Errors
    /// When the store fails.
    pub fn catch_up(&self, patience: Duration) -> Result<bool, StoreError> {
        const LOOK_AGAIN: Duration = Duration::from_millis(5);
        let deadline = Instant::now() + patience;
        loop {
            let progress = self.progress()?;
            if progress.indexed == progress.published && self.is_up_to_removals()? {
                return Ok(true);
            }
            if Instant::now() > deadline {
                return Ok(false);
            }
            if let Some(shared) = &self.shared {
                shared.ask_to_commit();
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Finds a page. Blocks; call it on a thread that may.
    ///
    /// # Errors
    /// When the store fails, or it takes too long.
    pub fn page(&self, question: &Question<'_>) -> Result<Page, SearchError> {
        let pinned = self.pin(question)?;
        let direction = question.cursor.as_ref().map_or(Direction::Next, |cursor| cursor.direction);
        let order = match direction {
            Direction::Next => question.order,
            Direction::Prev => question.order.reversed(),
        };
        let wanted = Wanted {
            filter: question.filter,
            order,
            after: question.cursor.as_ref().map(|cursor| &cursor.key),
            // One more than asked for, only to know whether there is more.
            limit: question.limit + 1,
            deadline: Instant::now() + question.patience,
        };
        let mut found = self.find(&pinned, &wanted, question.limit)?;
        let more = found.len() > question.limit;
        found.truncate(question.limit);
        if direction == Direction::Prev {
            found.reverse();
        }
        let cursor = |direction, place: Option<&(SortKey, Entry)>| {
            let sizes = pinned.iter().map(|log| (log.site.log, log.size)).collect();
            place.map(|(key, _)| Cursor::new(question.filter, question.order, direction, key.clone(), sizes))
        };
        let (more_after, more_before) = match direction {
            Direction::Next => (more, question.cursor.is_some()),
            Direction::Prev => (true, more),
        };
        let next = if more_after { cursor(Direction::Next, found.last()) } else { None };
        let prev = if more_before { cursor(Direction::Prev, found.first()) } else { None };
        Ok(Page { entries: found.into_iter().map(|(_, entry)| entry).collect(), next, prev })
    }

    /// Finds the page that begins after so many entries: for lists that are read by the numbers of their pages. What is
    /// before the page is found, too, and where the index can be used it is not read; cursors are quicker all the same.
    ///
    /// # Errors
    /// When the store fails, or it takes too long.
    pub fn slice(&self, question: &Question<'_>, before: usize) -> Result<Vec<Entry>, SearchError> {
        let pinned = self.pin(question)?;
        let wanted = Wanted {
            filter: question.filter,
            order: question.order,
            after: None,
            limit: before.saturating_add(question.limit),
            deadline: Instant::now() + question.patience,
        };
        if let Some(view) = self.view(&pinned) {
            let slice = || {
                let hits = self.hits(&view, &pinned, &wanted)?.into_iter().skip(before).collect();
                self.complete(&view, &pinned, &wanted, hits, question.limit)
            };
            match guarded(slice) {
                Err(SearchError::Removed) => {}
                Err(SearchError::Index(error)) => self.set_aside(&error),
                answer => return Ok(answer?.into_iter().map(|(_, entry)| entry).collect()),
            }
        }
        let (store, published) = (self.store.as_ref(), self.published.as_ref());
        let found = if wanted.order.column == SortColumn::Timestamp {
            by_time::find(store, published, &pinned, &wanted)?
        } else {
            by_column::find(store, published, &pinned, &wanted)?
        };
        Ok(found.into_iter().skip(before).map(|(_, entry)| entry).collect())
    }

    /// Counts the entries that match.
    ///
    /// # Errors
    /// When the store fails, or it takes too long.
    pub fn count(&self, question: &Question<'_>) -> Result<u64, SearchError> {
        let facets = FacetsQuestion { columns: &[], bucket: None, values_max: 0 };
        Ok(self.facets(question, &facets)?.total)
    }

    /// A published entry by its id, unless it has expired.
    ///
    /// # Errors
    /// When the store fails.
    pub fn by_id(&self, site: &Site, id: Uuid) -> Result<Option<Entry>, StoreError> {
        Ok(match self.found(site, id)? {
            Some(Found::Entry(entry)) => Some(*entry),
            Some(Found::Expired(..)) | None => None,
        })
    }

    /// A published entry by its id, or what is left of it.
    ///
    /// # Errors
    /// When the store fails.
    pub fn found(&self, site: &Site, id: Uuid) -> Result<Option<Found>, StoreError> {
        let (store, published) = (self.store.as_ref(), self.published.as_ref());
        let position = store.positions(site.log, &[id])?.pop().flatten();
        let size = published.size(site.log)?;
        let Some(index) = position.filter(|position| *position < size) else { return Ok(None) };
        let found = read_one(store, published, site, index)?;
        let found_id = match &found {
            Found::Entry(entry) => entry.id,
            Found::Expired(header, _) => header.id,
        };
        if found_id != id {
            let message =
                format!("the id {id} of site `{}` leads to index {index}, which is another's", site.id);
            return Err(StoreError::Corrupt(message));
        }
        Ok(Some(found))
    }

    fn pin<'a>(&self, question: &Question<'a>) -> Result<Vec<Pinned<'a>>, StoreError> {
        let pinned_at = |log: LogNumber| {
            let sizes = &question.cursor.as_ref()?.sizes;
            Some(sizes.iter().find(|(number, _)| *number == log).map_or(0, |(_, size)| *size))
        };
        question
            .sites
            .iter()
            .map(|site| {
                let now = self.published.size(site.log)?;
                // A log never shrinks; the smaller of both guards a cursor of a restored installation.
                let size = pinned_at(site.log).map_or(now, |size| size.min(now));
                Ok(Pinned { site, from: 0, size })
            })
            .collect()
    }

    /// The first places wanted, in order, with their entries. Of the last place, which only says that there is
    /// more, the entry is not needed; `shown` are.
    fn find(
        &self,
        pinned: &[Pinned<'_>],
        wanted: &Wanted<'_>,
        shown: usize,
    ) -> Result<Vec<(SortKey, Entry)>, SearchError> {
        // Where only the time counts, the log's blocks say where to look.
        let by_time = wanted.order.column == SortColumn::Timestamp;
        if !(by_time && is_about_time(wanted.filter) && starts_at_an_end(wanted))
            && let Some(view) = self.view(pinned)
        {
            match guarded(|| self.find_by_index(&view, pinned, wanted, shown)) {
                Err(SearchError::Removed) => {}
                Err(SearchError::Index(error)) => self.set_aside(&error),
                answer => return answer,
            }
        }
        let (store, published) = (self.store.as_ref(), self.published.as_ref());
        if by_time {
            by_time::find(store, published, pinned, wanted)
        } else {
            by_column::find(store, published, pinned, wanted)
        }
    }

    fn find_by_index(
        &self,
        view: &View,
        pinned: &[Pinned<'_>],
        wanted: &Wanted<'_>,
        shown: usize,
    ) -> Result<Vec<(SortKey, Entry)>, SearchError> {
        let hits = self.hits(view, pinned, wanted)?;
        self.complete(view, pinned, wanted, hits, shown)
    }

    /// The first places wanted, in order, as the index and what is not in it yet have them.
    fn hits(
        &self,
        view: &View,
        pinned: &[Pinned<'_>],
        wanted: &Wanted<'_>,
    ) -> Result<Vec<(SortKey, Hit)>, SearchError> {
        let mut best = Best::new(wanted.limit, wanted.order.descending);
        let tail = view.tail(pinned);
        let tail = Tail { pinned: &tail, ..self.tail(view) };
        for (key, hit) in tail.find(wanted)? {
            best.put(key, hit);
        }
        for (key, hit) in view.find(self, pinned, wanted)? {
            best.put(key, hit);
        }
        Ok(best.into_page())
    }

    fn tail<'a>(&'a self, view: &'a View) -> Tail<'a> {
        Tail { store: self.store.as_ref(), published: &self.published, pinned: &[], fresh: view.fresh() }
    }

    /// Reads the entries of those hits that were not read yet. What the index found must be what it said, unless
    /// something was removed since that it does not know of.
    fn complete(
        &self,
        view: &View,
        pinned: &[Pinned<'_>],
        wanted: &Wanted<'_>,
        mut hits: Vec<(SortKey, Hit)>,
        shown: usize,
    ) -> Result<Vec<(SortKey, Entry)>, SearchError> {
        let more = hits.len() > shown;
        // The place beyond the page is never shown: it takes along the last entry that is.
        let beyond = if more { hits.pop() } else { None };
        for log in pinned {
            let is_unread = |(_, hit): &(SortKey, Hit)| hit.entry.is_none() && hit.log == log.site.log;
            let indexes: Vec<u64> =
                hits.iter().filter(|hit| is_unread(hit)).map(|(_, hit)| hit.index).collect();
            if indexes.is_empty() {
                continue;
            }
            wanted.check_time()?;
            let read = reader::read_at(self.store.as_ref(), &self.published, log.site, &indexes)?;
            let unread = hits.iter_mut().filter(|hit| is_unread(hit));
            for ((key, hit), entry) in unread.zip(read) {
                if entry.as_ref().and_then(|entry| wanted.place(entry)).as_ref() != Some(key) {
                    return Err(self.unlike(view));
                }
                hit.entry = entry;
            }
        }
        let mut found: Vec<(SortKey, Entry)> =
            hits.into_iter().filter_map(|(key, hit)| Some((key, hit.entry?))).collect();
        if let (Some((key, _)), Some((_, last))) = (beyond, found.last()) {
            let last = last.clone();
            found.push((key, last));
        }
        Ok(found)
    }

    /// Why the index found an entry that does not match.
    fn unlike(&self, view: &View) -> SearchError {
        match self.store.last_removals() {
            Ok(last) if last.any > view.removals() => SearchError::Removed,
            Ok(_) => IndexError::Engine("it found an entry that does not match".to_owned()).into(),
            Err(error) => error.into(),
        }
    }

    /// What the index knows now; `None` where there is none, or it still has what was erased. What has expired since it
    /// was written is left out: to take so many entries out of it takes a while.
    fn view(&self, pinned: &[Pinned<'_>]) -> Option<View> {
        let shared = self.shared.as_ref()?;
        let last = self.store.last_removals().ok()?;
        let index = shared.index()?;
        // In this order: what is at hand was told of every removal that the index was told of.
        let snapshot = index.snapshot();
        let fresh = shared.fresh();
        if snapshot.removals < last.erasure {
            return None;
        }
        let expired = self.store.removals(snapshot.removals, REMOVALS_MAX).ok()?;
        let removals = expired.last().map_or(snapshot.removals, |removed| removed.number);
        let is_known = removals >= last.any && !expired.iter().any(|removed| removed.is_erasure);
        let gone = Places::of(&expired);
        if is_known { View::new(index, snapshot, fresh, gone, removals, pinned) } else { None }
    }

    /// From now on the log is searched, until the index was made anew.
    fn set_aside(&self, error: &IndexError) {
        tracing::warn!(%error, "the search index is set aside");
        if let Some(shared) = &self.shared {
            shared.fail();
        }
    }
}

/// Asks the index. Its engine trusts its files, which may be damaged: what goes wrong inside must not take the
/// question down, for which there is the log.
fn guarded<T>(ask: impl FnOnce() -> Result<T, SearchError>) -> Result<T, SearchError> {
    catch_unwind(AssertUnwindSafe(ask))
        .unwrap_or_else(|_| Err(IndexError::Engine("it ended abnormally".to_owned()).into()))
}

/// Whether a filter asks for nothing but times.
fn is_about_time(filter: &Filter) -> bool {
    match filter {
        Filter::And(filters) => filters.iter().all(is_about_time),
        Filter::Occurred(_) => true,
        Filter::Or(_)
        | Filter::Not(_)
        | Filter::Text { .. }
        | Filter::Recorded(_)
        | Filter::Duration(_)
        | Filter::Index(_)
        | Filter::Ip(_)
        | Filter::Changed(_)
        | Filter::Inside { .. }
        | Filter::Words(_) => false,
    }
}

/// Whether what is wanted begins where a walk over the blocks does: with the log's newest or oldest entry. A walk from the
/// oldest block to a late window would look at all blocks before it.
fn starts_at_an_end(wanted: &Wanted<'_>) -> bool {
    wanted.order.descending || (wanted.after.is_none() && wanted.filter.times().from.is_none())
}

/// Reads a cursor's text for a question's sites, filter and order.
///
/// # Errors
/// When it is no cursor of ours, or one of another list.
pub fn open_cursor(
    text: Option<&str>,
    key: &CursorKey,
    sites: &[Site],
    filter: &Filter,
    order: Order,
) -> Result<Option<Cursor>, CursorError> {
    let Some(text) = text else { return Ok(None) };
    let cursor = Cursor::open(text, key, filter, order)?;
    if is_over(&cursor, sites) { Ok(Some(cursor)) } else { Err(CursorError::Mismatch) }
}

/// Whether a cursor was made for a list of these sites. A list of several may have got new ones since; their
/// logs have higher numbers than all that the cursor knows.
fn is_over(cursor: &Cursor, sites: &[Site]) -> bool {
    let known = |log: LogNumber| cursor.sizes.iter().any(|(number, _)| *number == log);
    let last = cursor.sizes.iter().map(|(number, _)| *number).max();
    (cursor.sizes.len() == 1) == (sites.len() == 1)
        && cursor.sizes.iter().all(|(number, _)| sites.iter().any(|site| site.log == *number))
        && sites.iter().all(|site| known(site.log) || (sites.len() > 1 && Some(site.log) > last))
}
