//! Pages in the order of time.

use std::collections::VecDeque;

use jiff::Timestamp;
use model::filter::Span;
use model::{Entry, SortKey};

use super::best::Best;
use super::reader::read_wanted;
use super::{Pinned, SearchError, Wanted};
use crate::journal::Published;
use crate::store::{BlockInfo, Store, Walk};

/// Blocks asked for at once. A page of the newest entries needs one or two.
const BLOCKS_AT_ONCE: usize = 16;

/// Finds the first places wanted: reads blocks from the page's end of time until the page is full and no
/// unread block reaches into it.
pub(super) fn find(
    store: &dyn Store,
    published: &Published,
    pinned: &[Pinned<'_>],
    wanted: &Wanted<'_>,
) -> Result<Vec<(SortKey, Entry)>, SearchError> {
    let walk = if wanted.order.descending { Walk::NewestFirst } else { Walk::OldestFirst };
    let mut logs: Vec<LogWalk<'_>> = pinned.iter().map(|log| LogWalk::new(log, walk)).collect();
    let mut found = Best::new(wanted.limit, wanted.order.descending);
    loop {
        wanted.check_time()?;
        let mut nearest: Option<(i64, usize)> = None;
        for (position, log) in logs.iter_mut().enumerate() {
            let Some(time) = log.next_time(store, wanted)? else { continue };
            let nearer = nearest.is_none_or(|(best, _)| match walk {
                Walk::NewestFirst => time > best,
                Walk::OldestFirst | Walk::ByIndex => time < best,
            });
            if nearer {
                nearest = Some((time, position));
            }
        }
        let Some((time, position)) = nearest else { break };
        let complete = found.last_if_full().and_then(SortKey::time).is_some_and(|last| match walk {
            // Bounds of blocks are rounded outwards by at most a microsecond.
            Walk::NewestFirst => floor_us(last) > time,
            Walk::OldestFirst | Walk::ByIndex => floor_us(last).saturating_add(1) < time,
        });
        if complete {
            break;
        }
        let Some(log) = logs.get_mut(position) else { break };
        let Some(block) = log.waiting.pop_front() else { break };
        let range = block.first.max(log.pinned.from)..block.range().end.min(log.pinned.size);
        for (key, entry) in
            read_wanted(store, published, log.pinned.site, range, |entry| wanted.place(entry))?
        {
            found.put(key, entry);
        }
    }
    Ok(found.into_page())
}

/// The blocks of one log, in the order of the walk.
struct LogWalk<'a> {
    pinned: &'a Pinned<'a>,
    walk: Walk,
    waiting: VecDeque<BlockInfo>,
    last: Option<BlockInfo>,
    exhausted: bool,
}

impl<'a> LogWalk<'a> {
    fn new(pinned: &'a Pinned<'a>, walk: Walk) -> Self {
        Self { pinned, walk, waiting: VecDeque::new(), last: None, exhausted: pinned.from >= pinned.size }
    }

    /// The end of time of the next block that can hold wanted entries, in microseconds.
    fn next_time(&mut self, store: &dyn Store, wanted: &Wanted<'_>) -> Result<Option<i64>, SearchError> {
        loop {
            while let Some(block) = self.waiting.front() {
                if is_beyond(block, self.walk, wanted) {
                    self.waiting.clear();
                    self.exhausted = true;
                    break;
                }
                let is_asked = block.first < self.pinned.size && block.range().end > self.pinned.from;
                if is_asked && may_hold(block, wanted) {
                    return Ok(Some(match self.walk {
                        Walk::NewestFirst => block.occurred_max_us,
                        Walk::OldestFirst | Walk::ByIndex => block.occurred_min_us,
                    }));
                }
                self.waiting.pop_front();
            }
            if self.exhausted {
                return Ok(None);
            }
            wanted.check_time()?;
            let blocks = store.blocks(self.pinned.site.log, self.walk, self.last, BLOCKS_AT_ONCE)?;
            self.exhausted = blocks.len() < BLOCKS_AT_ONCE;
            self.last = blocks.last().copied();
            self.waiting.extend(blocks);
        }
    }
}

/// Whether a block, and so every one after it in the walk, lies beyond the filter's times.
fn is_beyond(block: &BlockInfo, walk: Walk, wanted: &Wanted<'_>) -> bool {
    let Span { from, to, .. } = wanted.filter.times();
    match walk {
        Walk::NewestFirst => from.is_some_and(|from| block.occurred_max_us < floor_us(from)),
        Walk::OldestFirst | Walk::ByIndex => to.is_some_and(|to| block.occurred_min_us > floor_us(to)),
    }
}

/// Whether a block's times overlap the filter's and lie on the wanted side of the cursor.
pub(super) fn may_hold(block: &BlockInfo, wanted: &Wanted<'_>) -> bool {
    let Span { mut from, mut to, .. } = wanted.filter.times();
    if wanted.order.column == model::SortColumn::Timestamp
        && let Some(after) = wanted.after.and_then(SortKey::time)
    {
        if wanted.order.descending {
            to = Some(to.map_or(after, |to| to.min(after)));
        } else {
            from = Some(from.map_or(after, |from| from.max(after)));
        }
    }
    from.is_none_or(|from| block.occurred_max_us >= floor_us(from))
        && to.is_none_or(|to| block.occurred_min_us <= floor_us(to))
}

fn floor_us(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond().div_euclid(1000)).unwrap_or(i64::MIN)
}
