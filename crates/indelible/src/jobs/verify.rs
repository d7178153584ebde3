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
use std::ops::Range;

use jiff::Timestamp;
use model::StoredEntry;
use tlog::{Checkpoint, HASH_SIZE, Hash, RightEdge, TILE_WIDTH};

use crate::Indelible;
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
    site: &'a Site,
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
        for block in all_blocks(self.store, self.site, Walk::OldestFirst)? {
            if block.first > next {
                self.missing(next..block.first.min(self.size))?;
            }
            if block.first < next {
                self.find(block.range(), "these entries are stored twice");
                continue;
            }
            if block.range().end > self.size {
                self.find(block.range(), "entries are stored beyond the signed head");
            }
            let range = block.first..block.range().end.min(self.size);
            if !range.is_empty() {
                self.block(&block, range.clone())?;
                progress(range.end - range.start);
            }
            next = block.range().end;
        }
        if next < self.size { self.missing(next..self.size) } else { Ok(()) }
    }

    /// Goes on with the leaf hashes of the tiles, so that what follows a gap is still verified.
    fn missing(&mut self, range: Range<u64>) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        self.find(range.clone(), "MISSING: the log has these entries, the store does not");
        for hash in self.tile_hashes(&range)? {
            self.edge.push(hash.unwrap_or_else(tlog::empty_root));
        }
        Ok(())
    }

    fn block(&mut self, block: &BlockInfo, range: Range<u64>) -> Result<(), StoreError> {
        let stored = match self.store.entries(self.site.log, range.clone()) {
            Ok(stored) => stored,
            Err(StoreError::Corrupt(reason)) => {
                self.find(range.clone(), format!("CORRUPT: {reason}"));
                for hash in self.tile_hashes(&range)? {
                    self.edge.push(hash.unwrap_or_else(tlog::empty_root));
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let expected = self.tile_hashes(&range)?;
        let mut ids = Vec::with_capacity(stored.len());
        let mut found = Vec::with_capacity(stored.len());
        for (index, bytes) in range.clone().zip(&stored) {
            let leaf = match self.entry(index, bytes, block) {
                Ok((header, leaf)) => {
                    ids.push((index, header.id));
                    leaf
                }
                Err(reason) => {
                    self.find(index..index + 1, format!("CORRUPT: {reason}"));
                    tlog::empty_root()
                }
            };
            found.push(leaf);
        }
        self.leaves(&range, &expected, &found);
        self.ids(&ids)?;
        self.entries += range.end - range.start;
        Ok(())
    }

    /// Derives the leaf of an entry, and checks what readers rely on to find it.
    fn entry(
        &mut self,
        index: u64,
        bytes: &[u8],
        block: &BlockInfo,
    ) -> Result<(model::LeafHeader, Hash), String> {
        let stored = StoredEntry::decode(bytes).map_err(|error| error.to_string())?;
        let header = stored.header();
        let leaf = tlog::leaf_hash(&stored.leaf().to_bytes());
        let entry = stored.open(&self.site.id, index).map_err(|error| error.to_string())?;
        let occurred_us = floor_us(entry.occurred_at);
        if !(block.occurred_min_us..=block.occurred_max_us).contains(&occurred_us) {
            self.find(
                index..index + 1,
                "the times of its block do not cover it, so that lists may not show it",
            );
        }
        if header.recorded_ms < self.last_recorded_ms {
            self.find(index..index + 1, "it was recorded earlier than the entry before it");
        }
        self.last_recorded_ms = header.recorded_ms;
        Ok((header, leaf))
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

    fn ids(&mut self, ids: &[(u64, uuid::Uuid)]) -> Result<(), StoreError> {
        let wanted: Vec<_> = ids.iter().map(|(_, id)| *id).collect();
        let positions = self.store.positions(self.site.log, &wanted)?;
        for ((index, id), position) in ids.iter().zip(positions) {
            match position {
                Some(position) if position == *index => {}
                Some(position) => {
                    self.find(*index..index + 1, format!("its id {id} leads to index {position}"));
                }
                None => self.find(*index..index + 1, format!("its id {id} leads nowhere")),
            }
        }
        Ok(())
    }

    /// Checks what nothing but look-ups would miss.
    fn lookups(&mut self) -> Result<(), StoreError> {
        let ids = self.store.id_count(self.site.log)?;
        if ids > self.size {
            self.find(None, format!("there are {} ids more than entries", ids - self.size));
        }
        let oldest_first = all_blocks(self.store, self.site, Walk::OldestFirst)?;
        if oldest_first != all_blocks(self.store, self.site, Walk::NewestFirst)? {
            self.find(None, "its entries from the newest on are not those from the oldest on");
        }
        Ok(())
    }

    /// The leaf hashes that the tiles of level 0 hold for a range.
    fn tile_hashes(&self, range: &Range<u64>) -> Result<Vec<Option<Hash>>, StoreError> {
        let width = u64::from(TILE_WIDTH);
        let mut tiles: HashMap<u64, Vec<u8>> = HashMap::new();
        for number in range.start / width..=range.end.saturating_sub(1) / width {
            tiles.insert(number, self.store.tile(self.site.log, 0, number)?.unwrap_or_default());
        }
        let hash_at = |index: u64| {
            let start = usize::try_from(index % width).ok()? * HASH_SIZE;
            Hash::try_from(tiles.get(&(index / width))?.get(start..start + HASH_SIZE)?).ok()
        };
        Ok(range.clone().map(hash_at).collect())
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
