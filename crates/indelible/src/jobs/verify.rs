//! Full verification of a log: everything that can be derived again is, and compared with what is stored.
//!
//! | what is damaged | how it shows |
//! |---|---|
//! | a byte of an entry | its block does not unpack, or its leaf hash is not the one in its tile |
//! | an entry removed, or moved | a gap, or a leaf hash that belongs to another index |
//! | an entry and its tile hash | the tile's own hash one level up |
//! | everything up to the root | the signed checkpoint |
//! | the tail cut off | the head store, which knows a larger size |
//! | an id, or a block's times | looked up and compared: they are how readers find entries |
//! | the files themselves | the engine cannot read them |

use std::collections::HashMap;
use std::num::NonZero;
use std::ops::Range;
use std::thread;

use jiff::Timestamp;
use model::{LeafHeader, StoredEntry};
use tlog::{Checkpoint, HASH_SIZE, Hash, RightEdge, TILE_WIDTH};
use uuid::Uuid;

use crate::Indelible;
use crate::journal::Published;
use crate::keys::Keys;
use crate::store::{BlockInfo, Head, Site, Store, StoreError, Walk};

const BLOCKS_AT_ONCE: usize = 1024;

/// Something that is not as it was when it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// At which entries, where that can be said.
    pub entries: Option<Range<u64>>,
    /// What is wrong there.
    pub what: String,
}

/// What a verification found.
#[derive(Clone, Debug)]
pub struct SiteReport {
    /// The site.
    pub site: Site,
    /// Entries whose leaf was derived again.
    pub entries: u64,
    /// The published head.
    pub head: Head,
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
}

/// Verifies a site's log up to its published head. `progress` hears of the entries done. Blocks.
///
/// # Errors
/// When the store cannot be read at all. Damage is not an error but a finding.
pub fn verify_site(
    indelible: &Indelible,
    site: &Site,
    progress: &dyn Fn(u64),
) -> Result<SiteReport, StoreError> {
    let signed = indelible.published().head(site.log)?;
    let head = signed.as_ref().map_or_else(Head::empty, |signed| signed.head);
    let mut verification = Verification {
        store: indelible.store().as_ref(),
        published: indelible.published(),
        site,
        size: head.size,
        edge: RightEdge::new(),
        last_recorded_ms: 0,
        entries: 0,
        findings: Vec::new(),
    };
    let checkpoint = signed.as_ref().map(|signed| signed.checkpoint.as_str());
    verification.checkpoint(indelible.keys(), checkpoint, head);
    match verification.blocks(progress).and_then(|()| verification.lookups()) {
        Ok(()) => verification.root(head),
        // What cannot be read at all says nothing about the rest of it.
        Err(StoreError::Corrupt(reason)) => verification.find(None, format!("CORRUPT: {reason}")),
        Err(error) => return Err(error),
    }
    let Verification { entries, findings, .. } = verification;
    Ok(SiteReport { site: site.clone(), entries, head, findings })
}

struct Verification<'a> {
    store: &'a dyn Store,
    published: &'a Published,
    site: &'a Site,
    /// Entries that are verified: those of the head when the verification began. A server may append more.
    size: u64,
    /// The tree as derived from the entries.
    edge: RightEdge,
    last_recorded_ms: u64,
    entries: u64,
    findings: Vec<Finding>,
}

impl Verification<'_> {
    fn find(&mut self, entries: impl Into<Option<Range<u64>>>, what: impl Into<String>) {
        self.findings.push(Finding { entries: entries.into(), what: what.into() });
    }

    fn checkpoint(&mut self, keys: &Keys, note: Option<&str>, head: Head) {
        let Some(note) = note else { return };
        let origin = keys.origin(&self.site.id);
        let key = match keys.verifier_key(&self.site.id) {
            Ok(key) => key,
            Err(error) => return self.find(None, format!("the log's key does not load: {error}")),
        };
        match Checkpoint::verify(note, &origin, &[key]) {
            Err(error) => self.find(None, format!("the checkpoint is not validly signed: {error}")),
            Ok(checkpoint) if (checkpoint.size(), *checkpoint.root()) != (head.size, head.root) => {
                self.find(None, "the head store's size and root are not those that its checkpoint signs");
            }
            Ok(_) => {}
        }
    }

    /// Walks the blocks in the order of their indexes; a gap between two is a finding.
    fn blocks(&mut self, progress: &dyn Fn(u64)) -> Result<(), StoreError> {
        let mut next = 0;
        let all = all_blocks(self.store, self.site, Walk::OldestFirst)?;
        let now = self.published_now()?;
        for block in all.iter().filter(|block| block.range().end > now) {
            self.find(block.range(), "entries are stored beyond the signed head");
        }
        let signed: Vec<BlockInfo> = all.into_iter().filter(|block| block.first < self.size).collect();
        for blocks in signed.chunks(BLOCKS_AT_ONCE) {
            for (block, derived) in blocks.iter().zip(derive_all(self.store, self.site, blocks, self.size)) {
                if block.first > next {
                    self.missing(next..block.first.min(self.size))?;
                }
                if block.first < next {
                    self.find(block.range(), "these entries are stored twice");
                    continue;
                }
                let derived = derived?;
                progress(derived.range.end - derived.range.start);
                self.block(block, derived);
                next = block.range().end;
            }
        }
        if next < self.size { self.missing(next..self.size) } else { Ok(()) }
    }

    /// Goes on with the leaf hashes of the tiles, so that what follows a gap is still verified.
    fn missing(&mut self, range: Range<u64>) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        self.find(range.clone(), "MISSING: the log has these entries, the store does not");
        for hash in tile_hashes(self.store, self.site, &range)? {
            self.edge.push(hash.unwrap_or_else(tlog::empty_root));
        }
        Ok(())
    }

    /// Compares a block as it was derived with what the log says of it.
    fn block(&mut self, block: &BlockInfo, derived: Derived) {
        let Derived { range, entries, expected } = derived;
        let entries = match entries {
            Ok(entries) => entries,
            Err(reason) => {
                self.find(range, format!("CORRUPT: {reason}"));
                for hash in expected {
                    self.edge.push(hash.unwrap_or_else(tlog::empty_root));
                }
                return;
            }
        };
        self.entries += range.end - range.start;
        let found: Vec<Hash> =
            range.clone().zip(entries).map(|(index, entry)| self.entry(index, entry, block)).collect();
        self.leaves(&range, &expected, &found);
    }

    /// Checks what readers rely on to find an entry; its leaf hash.
    fn entry(&mut self, index: u64, entry: Result<DerivedEntry, String>, block: &BlockInfo) -> Hash {
        let entry = match entry {
            Ok(entry) => entry,
            Err(reason) => {
                self.find(index..index + 1, format!("CORRUPT: {reason}"));
                return tlog::empty_root();
            }
        };
        let id = entry.header.id;
        match entry.position {
            Some(position) if position == index => {}
            Some(position) => self.find(index..index + 1, format!("its id {id} leads to index {position}")),
            None => self.find(index..index + 1, format!("its id {id} leads nowhere")),
        }
        if !(block.occurred_min_us..=block.occurred_max_us).contains(&entry.occurred_us) {
            let what = "the times of its block do not cover it, so that lists may not show it";
            self.find(index..index + 1, what);
        }
        if entry.header.recorded_ms < self.last_recorded_ms {
            self.find(index..index + 1, "it was recorded earlier than the entry before it");
        }
        self.last_recorded_ms = entry.header.recorded_ms;
        entry.leaf_hash
    }

    /// Compares derived leaf hashes with those in the tiles, and grows the derived tree by them.
    fn leaves(&mut self, range: &Range<u64>, expected: &[Option<Hash>], found: &[Hash]) {
        let places: HashMap<Hash, u64> =
            expected.iter().zip(range.clone()).filter_map(|(hash, index)| Some(((*hash)?, index))).collect();
        for ((index, expected), found) in range.clone().zip(expected).zip(found) {
            self.edge.push(*found);
            match expected {
                Some(hash) if hash == found => {}
                Some(_) => {
                    let what = match places.get(found) {
                        Some(place) => format!("the entry that belongs at index {place} is stored here"),
                        None => {
                            "CORRUPT: the entry does not have the leaf hash that the log has here".to_owned()
                        }
                    };
                    self.find(index..index + 1, what);
                }
                None => self.find(index..index + 1, "its leaf hash is missing from the tiles"),
            }
        }
    }

    /// The published size by now. Under the commit lock nothing is staged: whatever was found stored before is
    /// published by now, or has no right to be there.
    fn published_now(&self) -> Result<u64, StoreError> {
        let lock = self.store.lock()?;
        let size = self.published.size(self.site.log);
        drop(lock);
        size
    }

    /// Checks what nothing but look-ups would miss.
    fn lookups(&mut self) -> Result<(), StoreError> {
        let ids = self.store.id_count(self.site.log)?;
        let now = self.published_now()?;
        if ids > now {
            self.find(None, format!("there are {} ids more than entries", ids - now));
        }
        let signed = |walk| {
            let all = all_blocks(self.store, self.site, walk)?;
            Ok::<Vec<_>, StoreError>(all.into_iter().filter(|block| block.first < self.size).collect())
        };
        let same = || Ok::<_, StoreError>(signed(Walk::OldestFirst)? == signed(Walk::NewestFirst)?);
        // Blocks may be merged between the two walks; not under the commit lock.
        let same = same()? || {
            let lock = self.store.lock()?;
            let same = same()?;
            drop(lock);
            same
        };
        if !same {
            self.find(None, "its entries from the newest on are not those from the oldest on");
        }
        Ok(())
    }

    /// Compares the root derived from the entries with the signed one, and if it differs, narrows the place
    /// down by the tiles above.
    fn root(&mut self, head: Head) {
        if self.edge.root() != head.root {
            self.find(None, format!("the entries do not have the root {} of the signed head", head.root));
        }
        if let Err(error) = self.upper_tiles() {
            self.find(None, format!("the upper tiles cannot be checked: {error}"));
        }
    }

    /// Each hash of a tile above level 0 must be the root of the full tile below it.
    fn upper_tiles(&mut self) -> Result<(), StoreError> {
        let width = u64::from(TILE_WIDTH);
        let mut below = self.size;
        for level in 1_u8.. {
            let hashes = below / width;
            if hashes == 0 {
                return Ok(());
            }
            for number in 0..hashes {
                let child = self.store.tile(self.site.log, level - 1, number)?.unwrap_or_default();
                let parent = self.store.tile(self.site.log, level, number / width)?.unwrap_or_default();
                let start = usize::try_from(number % width).unwrap_or_default() * HASH_SIZE;
                let stored = parent.get(start..start + HASH_SIZE);
                if stored != Some(tile_root(&child).as_bytes().as_slice()) {
                    let leaves = width.saturating_pow(u32::from(level));
                    let range = number * leaves..(number + 1) * leaves;
                    self.find(
                        range,
                        format!("the tile of level {} over these entries was changed", level - 1),
                    );
                }
            }
            below = hashes;
        }
        Ok(())
    }
}

/// A block, read and hashed again.
struct Derived {
    /// The part of it that is in the log.
    range: Range<u64>,
    /// Its entries, or why they cannot be read.
    entries: Result<Vec<Result<DerivedEntry, String>>, String>,
    /// The leaf hashes that the tiles have there.
    expected: Vec<Option<Hash>>,
}

struct DerivedEntry {
    header: LeafHeader,
    leaf_hash: Hash,
    occurred_us: i64,
    /// Where its id leads.
    position: Option<u64>,
}

/// Derives blocks on all processors; nothing in one depends on another.
fn derive_all(
    store: &dyn Store,
    site: &Site,
    blocks: &[BlockInfo],
    size: u64,
) -> Vec<Result<Derived, StoreError>> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = blocks.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let derive_share = |blocks: &[BlockInfo]| -> Vec<_> {
            blocks.iter().map(|block| derive(store, site, block, size)).collect()
        };
        let running: Vec<_> =
            blocks.chunks(share).map(|blocks| scope.spawn(move || derive_share(blocks))).collect();
        let join = |share: thread::ScopedJoinHandle<'_, _>| match share.join() {
            Ok(derived) => derived,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        running.into_iter().flat_map(join).collect()
    })
}

fn derive(store: &dyn Store, site: &Site, block: &BlockInfo, size: u64) -> Result<Derived, StoreError> {
    let range = block.first.min(size)..block.range().end.min(size);
    let expected = tile_hashes(store, site, &range)?;
    let stored = match store.entries(site.log, range.clone()) {
        Ok(stored) => stored,
        Err(StoreError::Corrupt(reason)) => return Ok(Derived { range, entries: Err(reason), expected }),
        Err(error) => return Err(error),
    };
    let mut entries: Vec<Result<DerivedEntry, String>> =
        range.clone().zip(&stored).map(|(index, bytes)| derive_entry(site, index, bytes)).collect();
    let ids: Vec<Uuid> = entries.iter().flatten().map(|entry| entry.header.id).collect();
    for (entry, position) in entries.iter_mut().flatten().zip(store.positions(site.log, &ids)?) {
        entry.position = position;
    }
    Ok(Derived { range, entries: Ok(entries), expected })
}

fn derive_entry(site: &Site, index: u64, bytes: &[u8]) -> Result<DerivedEntry, String> {
    let stored = StoredEntry::decode(bytes).map_err(|error| error.to_string())?;
    let leaf_hash = tlog::leaf_hash(&stored.leaf().to_bytes());
    let entry = stored.open(&site.id, index).map_err(|error| error.to_string())?;
    let occurred_us = floor_us(entry.occurred_at);
    Ok(DerivedEntry { header: stored.header(), leaf_hash, occurred_us, position: None })
}

/// The leaf hashes that the tiles of level 0 hold for a range.
fn tile_hashes(store: &dyn Store, site: &Site, range: &Range<u64>) -> Result<Vec<Option<Hash>>, StoreError> {
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

/// The root of a full tile's hashes, or of what there is of it, which then matches nothing.
fn tile_root(hashes: &[u8]) -> Hash {
    let mut edge = RightEdge::new();
    for hash in hashes.chunks(HASH_SIZE) {
        edge.push(Hash::try_from(hash).unwrap_or_else(|_| tlog::empty_root()));
    }
    edge.root()
}

/// Every block in the order of its index, as this walk finds them.
fn all_blocks(store: &dyn Store, site: &Site, walk: Walk) -> Result<Vec<BlockInfo>, StoreError> {
    let mut all = Vec::new();
    let mut last = None;
    loop {
        let blocks = store.blocks(site.log, walk, last, BLOCKS_AT_ONCE)?;
        let done = blocks.len() < BLOCKS_AT_ONCE;
        last = blocks.last().copied();
        all.extend(blocks);
        if done {
            all.sort_by_key(|block| block.first);
            return Ok(all);
        }
    }
}

fn floor_us(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond().div_euclid(1000)).unwrap_or(i64::MIN)
}
