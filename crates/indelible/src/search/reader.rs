//! Reading entries so that none is shown that is not the one that was signed: what a reader gets has the leaf
//! hash that its tile has, and the tile is proven to be part of the signed head. What a filter leaves out is
//! not hashed, because nobody sees it.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::ops::Range;
use std::thread;

use model::{Entry, LeafHeader, StoredEntry, StoredError};
use sha2::{Digest, Sha256};
use tlog::{HASH_SIZE, Hash, TILE_WIDTH};

use crate::journal::{Published, stored_nodes};
use crate::store::{Head, LogNumber, Site, Store, StoreError};

/// Reads consecutive entries of a site's log. Those that have expired are left out.
///
/// # Errors
/// [`StoreError::Corrupt`] when one of them is missing, or is not the one that was signed.
pub fn read_entries(
    store: &dyn Store,
    published: &Published,
    site: &Site,
    range: Range<u64>,
) -> Result<Vec<Entry>, StoreError> {
    let read = read_wanted(store, published, site, range, |_| Some(()))?;
    Ok(read.into_iter().map(|((), entry)| entry).collect())
}

/// Reads those of consecutive entries for which `place` has a place.
pub(super) fn read_wanted<P>(
    store: &dyn Store,
    published: &Published,
    site: &Site,
    range: Range<u64>,
    place: impl Fn(&Entry) -> Option<P>,
) -> Result<Vec<(P, Entry)>, StoreError> {
    let mut prover = Prover::new(store, published, site);
    let mut wanted = Vec::new();
    for (index, bytes) in range.clone().zip(store.entries(site.log, range)?) {
        let stored = StoredEntry::decode(&bytes).map_err(|error| unreadable(site, index, &error))?;
        let Some(entry) = open(site, index, &stored)? else { continue };
        let Some(place) = place(&entry) else { continue };
        prover.prove(index, &stored)?;
        wanted.push((place, entry));
    }
    Ok(wanted)
}

/// Reads the entries at these indexes of a site's log, in the order of the indexes given; none for one that has expired.
///
/// # Errors
/// As [`read_entries`].
pub(super) fn read_at(
    store: &dyn Store,
    published: &Published,
    site: &Site,
    indexes: &[u64],
) -> Result<Vec<Option<Entry>>, StoreError> {
    let read = read_matching(store, published, site, indexes, |_| true)?;
    let mut by_index: HashMap<u64, Entry> = read.into_iter().map(|entry| (entry.index, entry)).collect();
    Ok(indexes.iter().map(|index| by_index.remove(index)).collect())
}

/// What a reader finds at an index.
#[derive(Clone, Debug)]
pub enum Found {
    /// The entry.
    Entry(Box<Entry>),
    /// What is left of one that has expired: its header and its index.
    Expired(LeafHeader, u64),
}

/// Reads what is at an index of a site's log, and proves it.
///
/// # Errors
/// As [`read_entries`].
pub fn read_one(
    store: &dyn Store,
    published: &Published,
    site: &Site,
    index: u64,
) -> Result<Found, StoreError> {
    let read = store.entries(site.log, index..index + 1)?;
    let bytes = read.first().ok_or_else(|| missing(site, index))?;
    let stored = StoredEntry::decode(bytes).map_err(|error| unreadable(site, index, &error))?;
    Prover::new(store, published, site).prove(index, &stored)?;
    Ok(match open(site, index, &stored)? {
        Some(entry) => Found::Entry(Box::new(entry)),
        None => Found::Expired(stored.header(), index),
    })
}

/// The entry, unless it has expired.
fn open(site: &Site, index: u64, stored: &StoredEntry<'_>) -> Result<Option<Entry>, StoreError> {
    match stored.open(&site.id, index) {
        Ok(entry) => Ok(Some(entry)),
        Err(StoredError::Expired) => Ok(None),
        Err(error) => Err(unreadable(site, index, &error)),
    }
}

/// Entries that are worth a second thread.
const SPLIT_AT: usize = 16;

/// Reads those entries at these indexes that match, in the order of the log.
///
/// # Errors
/// As [`read_entries`].
pub(super) fn read_matching(
    store: &dyn Store,
    published: &Published,
    site: &Site,
    indexes: &[u64],
    matches: impl Fn(&Entry) -> bool + Sync,
) -> Result<Vec<Entry>, StoreError> {
    let mut sorted = indexes.to_vec();
    sorted.sort_unstable();
    if sorted.len() < SPLIT_AT {
        return read_sorted(store, published, site, &sorted, &matches);
    }
    // Most of it is unpacking, each block by itself.
    let (first, second) = sorted.split_at(sorted.len() / 2);
    let read = |indexes| read_sorted(store, published, site, indexes, &matches);
    let (first, second) = thread::scope(|scope| {
        let second = scope.spawn(|| read(second));
        (read(first), second.join())
    });
    let second = second.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let mut found = first?;
    found.extend(second?);
    Ok(found)
}

fn read_sorted(
    store: &dyn Store,
    published: &Published,
    site: &Site,
    sorted: &[u64],
    matches: &(dyn Fn(&Entry) -> bool + Sync),
) -> Result<Vec<Entry>, StoreError> {
    let mut prover = Prover::new(store, published, site);
    let mut found = Vec::new();
    for (index, bytes) in sorted.iter().copied().zip(store.entries_at(site.log, sorted)?) {
        let stored = StoredEntry::decode(&bytes).map_err(|error| unreadable(site, index, &error))?;
        let Some(entry) = open(site, index, &stored)? else { continue };
        if matches(&entry) {
            prover.prove(index, &stored)?;
            found.push(entry);
        }
    }
    Ok(found)
}

/// Shows the entries at these indexes to `see` without proving them: for counting, which shows none.
///
/// # Errors
/// [`StoreError::Corrupt`] when one of them is missing or does not read.
pub(super) fn read_unproven(
    store: &dyn Store,
    site: &Site,
    indexes: &[u64],
    mut see: impl FnMut(&Entry),
) -> Result<(), StoreError> {
    for (index, bytes) in indexes.iter().copied().zip(store.entries_at(site.log, indexes)?) {
        let stored = StoredEntry::decode(&bytes).map_err(|error| unreadable(site, index, &error))?;
        if let Some(entry) = open(site, index, &stored)? {
            see(&entry);
        }
    }
    Ok(())
}

/// Proves entries of one log to be those that were signed, each tile once.
struct Prover<'a> {
    store: &'a dyn Store,
    published: &'a Published,
    site: &'a Site,
    tiles: Tiles<'a>,
    proven: Option<u64>,
}

impl<'a> Prover<'a> {
    fn new(store: &'a dyn Store, published: &'a Published, site: &'a Site) -> Self {
        Self { store, published, site, tiles: Tiles::new(store), proven: None }
    }

    fn prove(&mut self, index: u64, stored: &StoredEntry) -> Result<(), StoreError> {
        if self.tiles.leaf_hash(self.site, index)? != tlog::leaf_hash(&stored.leaf().to_bytes()) {
            return Err(altered(self.site, index));
        }
        let tile = index / u64::from(TILE_WIDTH);
        if self.proven != Some(tile) {
            self.prove_tile(index, tile)?;
            self.proven = Some(tile);
        }
        Ok(())
    }

    fn prove_tile(&mut self, index: u64, tile: u64) -> Result<(), StoreError> {
        let bytes = self.tiles.bytes(self.site, tile)?;
        let is_full = bytes.len() == usize::from(TILE_WIDTH) * HASH_SIZE;
        let sha256: Option<[u8; 32]> = is_full.then(|| Sha256::digest(bytes).into());
        if sha256.is_some_and(|sha256| self.published.is_proven(self.site.log, tile, &sha256)) {
            return Ok(());
        }
        let head = self.published.head(self.site.log)?.map_or_else(Head::empty, |signed| signed.head);
        prove_tile(self.store, self.site, index, head)?;
        if let Some(sha256) = sha256 {
            self.published.note_proven(self.site.log, tile, sha256);
        }
        Ok(())
    }
}

/// Proves that the tile with the leaf hash at this index is part of the signed head. The inclusion proof of
/// any of a tile's leaves does: all its other hashes are in it.
fn prove_tile(store: &dyn Store, site: &Site, index: u64, head: Head) -> Result<(), StoreError> {
    let nodes = stored_nodes(store, site.log, head.size, &[]);
    let leaf = Tiles::new(store).leaf_hash(site, index)?;
    let proven = tlog::inclusion_proof(&nodes, index, head.size)
        .is_ok_and(|proof| tlog::verify_inclusion(&leaf, index, head.size, &proof, &head.root).is_ok());
    if proven { Ok(()) } else { Err(altered(site, index)) }
}

/// The leaf hashes of entries, as the tiles of their sites' logs have them.
pub fn leaf_hashes(store: &dyn Store, sites: &[Site], entries: &[Entry]) -> Result<Vec<Hash>, StoreError> {
    let mut tiles = Tiles::new(store);
    let hash = |entry: &Entry| {
        let site = sites.iter().find(|site| site.id == entry.site);
        let site = site.ok_or_else(|| no_leaf_hash(entry.site.as_str(), entry.index))?;
        tiles.leaf_hash(site, entry.index)
    };
    entries.iter().map(hash).collect()
}

/// Tiles of level 0, each read once.
struct Tiles<'a> {
    store: &'a dyn Store,
    read: HashMap<(LogNumber, u64), Vec<u8>>,
}

impl<'a> Tiles<'a> {
    fn new(store: &'a dyn Store) -> Self {
        Self { store, read: HashMap::new() }
    }

    /// The hashes of a tile.
    fn bytes(&mut self, site: &Site, number: u64) -> Result<&[u8], StoreError> {
        let missing = || no_leaf_hash(site.id.as_str(), number * u64::from(TILE_WIDTH));
        Ok(match self.read.entry((site.log, number)) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => slot.insert(self.store.tile(site.log, 0, number)?.ok_or_else(missing)?),
        })
    }

    fn leaf_hash(&mut self, site: &Site, index: u64) -> Result<Hash, StoreError> {
        let missing = || no_leaf_hash(site.id.as_str(), index);
        let width = u64::from(TILE_WIDTH);
        let tile = self.bytes(site, index / width)?;
        let start = usize::try_from(index % width).unwrap_or_default() * HASH_SIZE;
        let bytes = tile.get(start..start + HASH_SIZE).ok_or_else(missing)?;
        Hash::try_from(bytes).map_err(|_| missing())
    }
}

fn no_leaf_hash(site: &str, index: u64) -> StoreError {
    StoreError::Corrupt(format!("the leaf hash at index {index} of site `{site}` is missing from the tiles"))
}

fn missing(site: &Site, index: u64) -> StoreError {
    StoreError::Corrupt(format!("the entry at index {index} of site `{}` is missing from the store", site.id))
}

fn altered(site: &Site, index: u64) -> StoreError {
    StoreError::Corrupt(format!(
        "the entry at index {index} of site `{}` is not the one that was signed there: \
         run `indelible verify` to find out what was changed",
        site.id
    ))
}

fn unreadable(site: &Site, index: u64, error: &StoredError) -> StoreError {
    StoreError::Corrupt(format!("the entry at index {index} of site `{}` does not read: {error}", site.id))
}
