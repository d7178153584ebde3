//! Deriving blocks again, on as many processors as the pace allows.

use std::collections::HashMap;
use std::ops::Range;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::Instant;

use jiff::Timestamp;
use model::{StoredEntry, StoredError};
use tlog::{HASH_SIZE, Hash, TILE_WIDTH};

use super::ids::IdSum;
use super::pace::Pace;
use super::removals::{Left, said};
use crate::removal::Reason;
use crate::store::{BlockInfo, Site, Store, StoreError};

/// Blocks that are derived together, and wait to be compared: bounds memory.
const BLOCKS_AT_ONCE: usize = 128;

/// A block, read and hashed again.
pub(super) struct Derived {
    /// The part of it that is in the log.
    pub(super) range: Range<u64>,
    /// Its entries, or why they cannot be read.
    pub(super) entries: Result<Vec<Result<DerivedEntry, String>>, String>,
    /// The leaf hashes that the tiles have there.
    pub(super) expected: Vec<Option<Hash>>,
    /// Which id is where.
    pub(super) ids: IdSum,
}

pub(super) struct DerivedEntry {
    pub(super) recorded_ms: u64,
    pub(super) leaf_hash: Hash,
    /// When it happened; gone with the content of an entry that has expired.
    pub(super) occurred_us: Option<i64>,
    pub(super) left: Left,
    pub(super) said: Option<Result<Reason, String>>,
}

/// Derives blocks and hands them over in order. While some are compared, the next are derived: nothing in one
/// depends on another.
pub(super) fn derive_all(
    pace: Pace,
    store: &dyn Store,
    site: &Site,
    blocks: &[BlockInfo],
    size: u64,
    ids: &IdSum,
    mut compare: impl FnMut(&BlockInfo, Result<Derived, StoreError>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let derive = move |block: &BlockInfo| {
        let begin = Instant::now();
        let derived = derive(store, site, block, size, ids.clone());
        pace.rest(begin.elapsed());
        derived
    };
    thread::scope(|scope| {
        let mut rest = blocks.chunks(BLOCKS_AT_ONCE);
        let mut running = rest.next().map(|blocks| (blocks, in_threads(pace, scope, blocks, derive)));
        while let Some((blocks, threads)) = running.take() {
            let derived: Vec<_> = threads.into_iter().flat_map(join).collect();
            running = rest.next().map(|blocks| (blocks, in_threads(pace, scope, blocks, derive)));
            for (block, derived) in blocks.iter().zip(derived) {
                compare(block, derived)?;
            }
        }
        Ok(())
    })
}

fn in_threads<'scope, T: Send + 'scope>(
    pace: Pace,
    scope: &'scope Scope<'scope, '_>,
    blocks: &'scope [BlockInfo],
    derive: impl Fn(&BlockInfo) -> T + Copy + Send + 'scope,
) -> Vec<ScopedJoinHandle<'scope, Vec<T>>> {
    let share = blocks.len().div_ceil(pace.threads()).max(1);
    let start = |blocks: &'scope [BlockInfo]| scope.spawn(move || blocks.iter().map(derive).collect());
    blocks.chunks(share).map(start).collect()
}

fn join<T>(thread: ScopedJoinHandle<'_, Vec<T>>) -> Vec<T> {
    match thread.join() {
        Ok(derived) => derived,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn derive(
    store: &dyn Store,
    site: &Site,
    block: &BlockInfo,
    size: u64,
    mut ids: IdSum,
) -> Result<Derived, StoreError> {
    let range = block.first.min(size)..block.range().end.min(size);
    let expected = tile_hashes(store, site, &range)?;
    let stored = match store.entries(site.log, range.clone()) {
        Ok(stored) => stored,
        Err(StoreError::Corrupt(reason)) => {
            return Ok(Derived { range, entries: Err(reason), expected, ids });
        }
        Err(error) => return Err(error),
    };
    let mut derive_one = |((index, bytes), expected): ((u64, &Vec<u8>), &Option<Hash>)| {
        let entry = StoredEntry::decode(bytes).map_err(|error| error.to_string())?;
        ids.put(entry.header().id, index);
        derive_entry(site, index, &entry, *expected).map_err(|error| error.to_string())
    };
    let entries = range.clone().zip(&stored).zip(&expected).map(&mut derive_one).collect();
    Ok(Derived { range, entries: Ok(entries), expected, ids })
}

fn derive_entry(
    site: &Site,
    index: u64,
    entry: &StoredEntry<'_>,
    expected: Option<Hash>,
) -> Result<DerivedEntry, StoredError> {
    let leaf_hash = tlog::leaf_hash(&entry.leaf().to_bytes());
    let occurred_at = if entry.is_expired() {
        entry.occurred_at().ok()
    } else if Some(leaf_hash) == expected {
        // Byte for byte what was read strictly, checked and signed: reading all of it again would show nothing.
        Some(entry.occurred_at()?)
    } else {
        Some(entry.open(&site.id, index)?.occurred_at)
    };
    Ok(DerivedEntry {
        recorded_ms: entry.header().recorded_ms,
        leaf_hash,
        occurred_us: occurred_at.map(floor_us),
        left: Left::of(entry),
        said: said(site, index, entry),
    })
}

/// The leaf hashes that the tiles of level 0 hold for a range.
pub(super) fn tile_hashes(
    store: &dyn Store,
    site: &Site,
    range: &Range<u64>,
) -> Result<Vec<Option<Hash>>, StoreError> {
    let width = u64::from(TILE_WIDTH);
    let mut tiles: HashMap<u64, Vec<u8>> = HashMap::new();
    for number in range.start / width..=range.end.saturating_sub(1) / width {
        tiles.insert(number, store.tile(site.log, 0, number)?.unwrap_or_default());
    }
    let hash_at = |index: u64| {
        let start = usize::try_from(index % width).ok()? * HASH_SIZE;
        Hash::try_from(tiles.get(&(index / width))?.get(start..start + HASH_SIZE)?).ok()
    };
    Ok(range.clone().map(hash_at).collect())
}

fn floor_us(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond().div_euclid(1000)).unwrap_or(i64::MIN)
}
