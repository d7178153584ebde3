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
//! | content removed without an entry that tells of it | what is left has the leaf hash, and no reason |
//! | the files themselves | the engine cannot read them |

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use model::StoredEntry;
use tlog::{Checkpoint, HASH_SIZE, Hash, RightEdge, TILE_HEIGHT, TILE_WIDTH};
use uuid::Uuid;

use super::derive::{Derived, DerivedEntry, derive_all, tile_hashes};
use super::ids::IdSum;
use super::pace::Pace;
use super::removals::{Left, Removals};

use crate::Indelible;
use crate::journal::Published;
use crate::keys::Keys;
use crate::store::{BlockInfo, Content, Head, Scope, Site, Store, StoreError, Walk};

const BLOCKS_AT_ONCE: usize = 1024;

/// Something that is not as it was when it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// At which entries, where that can be said.
    pub entries: Option<Range<u64>>,
    /// What is wrong there.
    pub what: String,
}

impl std::fmt::Display for Finding {
    /// `entry 7: …`, `entries 512 to 767: …`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.entries {
            Some(range) if range.end - range.start == 1 => write!(f, "entry {}: ", range.start)?,
            Some(range) => write!(f, "entries {} to {}: ", range.start, range.end.saturating_sub(1))?,
            None => {}
        }
        f.write_str(&self.what)
    }
}

/// What a verification found.
#[derive(Clone, Debug)]
pub struct SiteReport {
    /// The site.
    pub site: Site,
    /// Entries whose leaf was derived again.
    pub entries: u64,
    /// Entries of them with sections that were erased.
    pub erased: u64,
    /// Entries of them that have expired.
    pub expired: u64,
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
    verify_at(Pace::Full, indelible, site, progress)
}

/// The same with as much of the machine as `pace` allows.
pub(super) fn verify_at(
    pace: Pace,
    indelible: &Indelible,
    site: &Site,
    progress: &dyn Fn(u64),
) -> Result<SiteReport, StoreError> {
    let signed = indelible.published().head(site.log)?;
    let head = signed.as_ref().map_or_else(Head::empty, |signed| signed.head);
    let mut verification = Verification {
        pace,
        store: indelible.store().as_ref(),
        published: indelible.published(),
        site,
        size: head.size,
        edge: RightEdge::new(),
        tile_roots: Vec::new(),
        unlike: BTreeSet::new(),
        blocks: Vec::new(),
        ids: IdSum::new(),
        removals: Removals::default(),
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
    let Verification { entries, mut findings, removals, .. } = verification;
    let (erased, expired) = removals.counts();
    match removals.judge(indelible.store().as_ref(), site) {
        Ok(found) => findings.extend(found),
        Err(StoreError::Corrupt(reason)) => {
            findings.push(Finding { entries: None, what: format!("CORRUPT: {reason}") });
        }
        Err(error) => return Err(error),
    }
    Ok(SiteReport { site: site.clone(), entries, erased, expired, head, findings })
}

struct Verification<'a> {
    pace: Pace,
    store: &'a dyn Store,
    published: &'a Published,
    site: &'a Site,
    /// Entries that are verified: those of the head when the verification began. A server may append more.
    size: u64,
    /// The tree as derived from the entries.
    edge: RightEdge,
    /// The roots of the full tiles of level 0, as derived from the entries.
    tile_roots: Vec<Hash>,
    /// Tiles of level 0 that are not as derived from the entries.
    unlike: BTreeSet<u64>,
    /// The blocks that were compared.
    blocks: Vec<BlockInfo>,
    /// Which id is where, as derived from the entries.
    ids: IdSum,
    /// What is gone, and what is said of it.
    removals: Removals,
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
        let keys = match keys.verifier_keys(&self.site.id) {
            Ok(keys) => keys,
            Err(error) => return self.find(None, format!("the log's key does not load: {error}")),
        };
        match Checkpoint::verify(note, &origin, &keys) {
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
        let all = all_blocks(self.store, self.site, Walk::ByIndex)?;
        let now = self.published_now()?;
        for block in all.iter().filter(|block| block.range().end > now) {
            self.find(block.range(), "entries are stored beyond the signed head");
        }
        let signed: Vec<BlockInfo> = all.into_iter().filter(|block| block.first < self.size).collect();
        let (store, site, size, ids) = (self.store, self.site, self.size, self.ids.empty());
        derive_all(self.pace, store, site, &signed, size, &ids, |block, derived| {
            if block.first > next {
                self.missing(next..block.first.min(self.size))?;
            }
            if block.first < next {
                self.find(block.range(), "these entries are stored twice");
                return Ok(());
            }
            let derived = derived?;
            progress(derived.range.end - derived.range.start);
            self.block(block, derived);
            next = block.range().end;
            Ok(())
        })?;
        if next < self.size { self.missing(next..self.size) } else { Ok(()) }
    }

    /// Goes on with the leaf hashes of the tiles, so that what follows a gap is still verified.
    fn missing(&mut self, range: Range<u64>) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        self.find(range.clone(), "MISSING: the log has these entries, the store does not");
        for (index, hash) in range.clone().zip(tile_hashes(self.store, self.site, &range)?) {
            self.push(index, hash.unwrap_or_else(tlog::empty_root), false);
        }
        Ok(())
    }

    /// Grows the derived tree by a leaf, of which the tiles say the same or not.
    fn push(&mut self, index: u64, leaf: Hash, same: bool) {
        let roots = &mut self.tile_roots;
        self.edge.push_with(leaf, |level, _, hash| {
            // The roots of full tiles of level 0.
            if level == TILE_HEIGHT {
                roots.push(hash);
            }
        });
        if !same {
            self.unlike.insert(index / u64::from(TILE_WIDTH));
        }
    }

    /// Compares a block as it was derived with what the log says of it.
    fn block(&mut self, block: &BlockInfo, derived: Derived) {
        let Derived { range, entries, expected, ids } = derived;
        self.blocks.push(*block);
        self.ids.add(&ids);
        let entries = match entries {
            Ok(entries) => entries,
            Err(reason) => {
                self.find(range.clone(), format!("CORRUPT: {reason}"));
                for (index, hash) in range.zip(expected) {
                    self.push(index, hash.unwrap_or_else(tlog::empty_root), false);
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
        let times = block.occurred_min_us..=block.occurred_max_us;
        if entry.occurred_us.is_some_and(|occurred_us| !times.contains(&occurred_us)) {
            let what = "the times of its block do not cover it, so that lists may not show it";
            self.find(index..index + 1, what);
        }
        if entry.recorded_ms < self.last_recorded_ms {
            self.find(index..index + 1, "it was recorded earlier than the entry before it");
        }
        let is_hidden = block.content != Content::Entries && !matches!(entry.left, Left::Expired(_));
        if is_hidden {
            self.find(index..index + 1, "its block is marked as expired, so that lists do not show it");
        }
        self.last_recorded_ms = entry.recorded_ms;
        self.removals.put(index, entry.recorded_ms, entry.left, entry.said);
        entry.leaf_hash
    }

    /// Compares derived leaf hashes with those in the tiles, and grows the derived tree by them.
    fn leaves(&mut self, range: &Range<u64>, expected: &[Option<Hash>], found: &[Hash]) {
        for ((index, expected), found) in range.clone().zip(expected).zip(found) {
            self.push(index, *found, *expected == Some(*found));
        }
        if expected.iter().copied().eq(found.iter().copied().map(Some)) {
            return;
        }
        let places: HashMap<Hash, u64> =
            expected.iter().zip(range.clone()).filter_map(|(hash, index)| Some(((*hash)?, index))).collect();
        for ((index, expected), found) in range.clone().zip(expected).zip(found) {
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
        let lock = self.store.lock(Scope::Settled)?;
        let size = self.published.size(self.site.log);
        drop(lock);
        size
    }

    /// Checks what nothing but look-ups would miss.
    fn lookups(&mut self) -> Result<(), StoreError> {
        match self.ids.stored(self.pace, self.store, self.site, self.size) {
            Ok(stored) if stored == self.ids => {}
            // That the index is damaged says nothing of the place; looking every id up does.
            Ok(_) | Err(StoreError::Corrupt(_)) => self.misplaced()?,
            Err(error) => return Err(error),
        }
        let ids = self.store.id_count(self.site.log)?;
        let now = self.published_now()?;
        if ids > now {
            self.find(None, format!("there are {} ids more than entries", ids - now));
        }
        let signed = |walk| {
            let all = all_blocks(self.store, self.site, walk)?;
            let is_listed = |block: &BlockInfo| block.first < self.size && block.content == Content::Entries;
            Ok::<Vec<_>, StoreError>(all.into_iter().filter(is_listed).collect())
        };
        let same = || {
            let oldest_first = signed(Walk::OldestFirst)?;
            let by_index = signed(Walk::ByIndex)?;
            Ok::<_, StoreError>(oldest_first == signed(Walk::NewestFirst)? && oldest_first == by_index)
        };
        // Blocks may be merged between the two walks; not under the commit lock.
        let same = same()? || {
            let lock = self.store.lock(Scope::Settled)?;
            let same = same()?;
            drop(lock);
            same
        };
        if !same {
            self.find(None, "its entries from the newest on are not those from the oldest on, or by index");
        }
        Ok(())
    }

    /// Looks up the id of every entry that reads, to tell of those that do not lead to it.
    fn misplaced(&mut self) -> Result<(), StoreError> {
        for block in std::mem::take(&mut self.blocks) {
            let range = block.first..block.range().end.min(self.size);
            let stored = match self.store.entries(self.site.log, range.clone()) {
                Ok(stored) => stored,
                // That was found already.
                Err(StoreError::Corrupt(_)) => continue,
                Err(error) => return Err(error),
            };
            let read: Vec<(u64, Uuid)> = range
                .zip(&stored)
                .filter_map(|(index, bytes)| Some((index, StoredEntry::decode(bytes).ok()?.header().id)))
                .collect();
            let ids: Vec<Uuid> = read.iter().map(|(_, id)| *id).collect();
            for ((index, id), position) in read.into_iter().zip(self.store.positions(self.site.log, &ids)?) {
                match position {
                    Some(position) if position == index => {}
                    Some(position) => {
                        self.find(index..index + 1, format!("its id {id} leads to index {position}"));
                    }
                    None => self.find(index..index + 1, format!("its id {id} leads nowhere")),
                }
            }
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

    /// The root of a full tile of level 0, if its hashes are those that were derived: then so is its root.
    fn derived_root(&self, number: u64, hashes: &[u8]) -> Option<Hash> {
        let same = !self.unlike.contains(&number) && hashes.len() == usize::from(TILE_WIDTH) * HASH_SIZE;
        self.tile_roots.get(usize::try_from(number).ok()?).copied().filter(|_| same)
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
                let known = if level == 1 { self.derived_root(number, &child) } else { None };
                let root = known.unwrap_or_else(|| tile_root(&child));
                if stored != Some(root.as_bytes().as_slice()) {
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
