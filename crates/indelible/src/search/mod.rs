//! Finding entries: pages of a list, in any order, over one site or many.
//!
//! The list is the meaning of [`Filter::matches`] applied to every entry, and is found by reading as few
//! blocks as that allows. In the order of time a page reads blocks from its end of time and stops when the
//! page is full and no unread block can hold an earlier place in it (`by_time`). In any other order every
//! block within the filter's times is read, and the best places are kept (`by_column`).

mod best;
mod by_column;
mod by_time;
mod reader;

use std::time::{Duration, Instant};

use model::{Cursor, CursorError, CursorKey, Direction, Entry, Filter, Order, SortColumn, SortKey};

use uuid::Uuid;

use crate::journal::Published;
use crate::store::{LogNumber, Site, Store, StoreError};

pub use reader::{leaf_hashes, read_entries};

/// How long one question may read before it is ended, so that nobody can occupy the disk.
pub const PATIENCE: Duration = Duration::from_secs(20);

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
}

/// A log pinned at a size: what is appended later is not part of the answer.
struct Pinned<'a> {
    site: &'a Site,
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

/// Finds a page. Blocks; call it on a thread that may.
pub fn page(store: &dyn Store, published: &Published, question: &Question<'_>) -> Result<Page, SearchError> {
    let pinned = pin(published, question)?;
    let direction = question.cursor.as_ref().map_or(Direction::Next, |cursor| cursor.direction);
    let order = match direction {
        Direction::Next => question.order,
        Direction::Prev => question.order.reversed(),
    };
    let deadline = Instant::now() + question.patience;
    let wanted = Wanted {
        filter: question.filter,
        order,
        after: question.cursor.as_ref().map(|cursor| &cursor.key),
        limit: question.limit + 1,
        deadline,
    };
    let mut found = find(store, published, &pinned, &wanted)?;
    // One more than asked for was looked for, only to know whether there is more.
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

/// Counts the entries that match. Reads every block within the filter's times.
pub fn count(store: &dyn Store, published: &Published, question: &Question<'_>) -> Result<u64, SearchError> {
    let pinned = pin(published, question)?;
    let deadline = Instant::now() + question.patience;
    let wanted = Wanted { filter: question.filter, order: question.order, after: None, limit: 0, deadline };
    let mut count = 0;
    by_column::visit(store, published, &pinned, &wanted, |_, _| count += 1)?;
    Ok(count)
}

fn pin<'a>(published: &Published, question: &Question<'a>) -> Result<Vec<Pinned<'a>>, StoreError> {
    let pinned_at = |log: LogNumber| {
        let sizes = &question.cursor.as_ref()?.sizes;
        Some(sizes.iter().find(|(number, _)| *number == log).map_or(0, |(_, size)| *size))
    };
    question
        .sites
        .iter()
        .map(|site| {
            let now = published.size(site.log)?;
            // A log never shrinks; the smaller of both guards a cursor of a restored installation.
            let size = pinned_at(site.log).map_or(now, |size| size.min(now));
            Ok(Pinned { site, size })
        })
        .collect()
}

/// The first places wanted, in order.
fn find(
    store: &dyn Store,
    published: &Published,
    pinned: &[Pinned<'_>],
    wanted: &Wanted<'_>,
) -> Result<Vec<(SortKey, Entry)>, SearchError> {
    if wanted.order.column == SortColumn::Timestamp {
        by_time::find(store, published, pinned, wanted)
    } else {
        by_column::find(store, published, pinned, wanted)
    }
}

/// A published entry by its id.
pub fn by_id(
    store: &dyn Store,
    published: &Published,
    site: &Site,
    id: Uuid,
) -> Result<Option<Entry>, StoreError> {
    let position = store.positions(site.log, &[id])?.pop().flatten();
    let size = published.size(site.log)?;
    let Some(index) = position.filter(|position| *position < size) else { return Ok(None) };
    let entry = read_entries(store, published, site, index..index + 1)?.pop();
    let Some(entry) = entry.filter(|entry| entry.id == id) else {
        let message = format!("the id {id} of site `{}` leads to index {index}, which is another's", site.id);
        return Err(StoreError::Corrupt(message));
    };
    Ok(Some(entry))
}

/// Reads a cursor's text for a question's sites, filter and order.
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
