//! Pages in the order of any column but time: every block within the filter's times is read.

use model::{Entry, SortKey};

use super::best::Best;
use super::by_time::may_hold;
use super::reader::read_wanted;
use super::{Pinned, SearchError, Wanted};
use crate::journal::Published;
use crate::store::{Store, Walk};

const BLOCKS_AT_ONCE: usize = 64;

pub(super) fn find(
    store: &dyn Store,
    published: &Published,
    pinned: &[Pinned<'_>],
    wanted: &Wanted<'_>,
) -> Result<Vec<(SortKey, Entry)>, SearchError> {
    let mut best = Best::new(wanted.limit, wanted.order.descending);
    visit(store, published, pinned, wanted, |key, entry| best.put(key, entry))?;
    Ok(best.into_page())
}

/// Shows every wanted entry to `see`, in no particular order.
pub(super) fn visit(
    store: &dyn Store,
    published: &Published,
    pinned: &[Pinned<'_>],
    wanted: &Wanted<'_>,
    mut see: impl FnMut(SortKey, Entry),
) -> Result<(), SearchError> {
    for log in pinned.iter().filter(|log| log.from < log.size) {
        let mut last = None;
        loop {
            let blocks = store.blocks(log.site.log, Walk::OldestFirst, last, BLOCKS_AT_ONCE)?;
            last = blocks.last().copied();
            for block in &blocks {
                wanted.check_time()?;
                let is_asked = block.first < log.size && block.range().end > log.from;
                if !is_asked || !may_hold(block, wanted) {
                    continue;
                }
                let range = block.first.max(log.from)..block.range().end.min(log.size);
                for (key, entry) in
                    read_wanted(store, published, log.site, range, |entry| wanted.place(entry))?
                {
                    see(key, entry);
                }
            }
            if blocks.len() < BLOCKS_AT_ONCE {
                break;
            }
        }
    }
    Ok(())
}
