//! Moving an installation from one store to another, entry by entry: the same ids, indexes, leaves, roots, checkpoints and
//! receipts, under the same keys.
//!
//! What is copied is compared with what was signed: a log that does not come out with the root of its head is not
//! published. A copy in the making says so, and is opened by nothing but this; when it is begun again, it goes on where it
//! was.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use model::StoredEntry;
use uuid::Uuid;

use crate::journal::{edge_at, stored_nodes};
use crate::keys::{self, KeyError, Keys};
use crate::store::{
    Batch, BlockInfo, Change, CreateOptions, Database, DatabaseUrl, EmbeddedStore, Head, LogNumber, NewEntry,
    Run, SYSTEM_LOG, SaveError, Scope, SignedHead, Site, Store, StoreError, TileData, Walk,
};
use crate::umbrella;

/// The name under which a copy in the making says so, in the system's log.
pub(crate) const COPYING: &str = "copying";

/// Entries copied in one step, about: one that is cut off is done again.
const STEP_ENTRIES: u64 = 8192;

/// Bytes of entries in one step, about.
const STEP_BYTES: usize = 32 * 1024 * 1024;

/// Blocks asked for at once.
const BLOCKS_AT_ONCE: usize = 256;

/// Heads of the umbrella copied at once.
const HEADS_AT_ONCE: u64 = 16_384;

/// Removals copied at once.
const REMOVALS_AT_ONCE: usize = 256;

/// Where an installation is, or is to be.
#[derive(Clone, Debug)]
pub enum Location {
    /// A data directory, with its head store within.
    Directory(std::path::PathBuf),
    /// A database. To make one, the address must be its administrator's.
    Database(DatabaseUrl),
}

/// What was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Sites.
    pub sites: usize,
    /// Entries of all of them, those of an earlier attempt included.
    pub entries: u64,
}

/// Why nothing was copied, or not everything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// There is another installation already.
    #[error("{0} has an installation already, which is not a copy in the making: name another place")]
    Taken(String),
    /// The source goes on.
    #[error(
        "the source was written to while it was copied: stop what writes to it, and run this again to go on"
    )]
    Moved,
    /// The destination is not what the source was.
    #[error("log {log} of the destination is not a part of the source's: {reason}")]
    Unlike {
        /// Which log.
        log: LogNumber,
        /// Why not.
        reason: String,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A saved search could not be kept.
    #[error(transparent)]
    Search(#[from] SaveError),
    /// The keys do not load.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The keys could not be copied.
    #[error("copying the keys to {path}: {reason}")]
    File {
        /// Where to.
        path: String,
        /// What the system says.
        reason: String,
    },
}

/// Copies an installation, or goes on with it. The keys are those in `keys`, a data directory; a copy in a directory gets
/// its own. `progress` hears how many entries of how many are there. Blocks.
///
/// # Errors
/// [`CopyError`] says what to do; whatever was copied stays, and the next attempt goes on.
pub fn copy(
    from: &Location,
    to: &Location,
    keys: &Path,
    progress: &dyn Fn(u64, u64),
) -> Result<Copied, CopyError> {
    let source = open(from, keys)?;
    let destination = begin(source.as_ref(), to, keys)?;
    let copying = Copying { from: source.as_ref(), to: destination.as_ref() };
    let copied = copying.all(progress)?;
    if let Location::Directory(directory) = to {
        copy_keys(keys, directory)?;
    }
    copying.end()?;
    Ok(copied)
}

fn open(location: &Location, keys: &Path) -> Result<Arc<dyn Store>, StoreError> {
    Ok(match location {
        Location::Directory(directory) => Arc::new(EmbeddedStore::open(directory, &directory.join("head"))?),
        Location::Database(url) => Arc::new(Database::connect(url)?.open(keys, None)?),
    })
}

/// The destination: made anew, or as an earlier attempt has left it.
fn begin(from: &dyn Store, to: &Location, keys: &Path) -> Result<Arc<dyn Store>, CopyError> {
    let sites = from.sites()?;
    let now = sites.first().map_or_else(crate::clock::now, |system| system.created_at);
    let create = CreateOptions {
        origin: from.origin().to_owned(),
        installation: from.installation(),
        epoch: from.epoch(),
        now,
    };
    let (is_new, place) = match to {
        Location::Directory(directory) => {
            let is_new = !EmbeddedStore::exists(directory);
            if is_new {
                EmbeddedStore::create(directory, &directory.join("head"), &create)?;
            }
            (is_new, directory.display().to_string())
        }
        Location::Database(url) => {
            let mut database = Database::connect(url)?;
            let is_new = !database.has_installation();
            if is_new {
                let check = Keys::load(keys, &create.origin, create.epoch)?.check();
                database.create(&create, &check)?;
            }
            (is_new, url.to_string())
        }
    };
    let store = open(to, keys)?;
    if is_new {
        set(store.as_ref(), Some("{}"))?;
    }
    let is_copy = store.configuration(SYSTEM_LOG, COPYING)?.is_some();
    if !is_copy || store.installation() != from.installation() {
        return Err(CopyError::Taken(place));
    }
    Ok(store)
}

/// Says that a copy is in the making, or that it is no more.
fn set(store: &dyn Store, value: Option<&str>) -> Result<(), StoreError> {
    let value = value.map(ToOwned::to_owned);
    change(store, vec![Change::Configure { log: SYSTEM_LOG, name: COPYING.to_owned(), value }])
}

fn change(store: &dyn Store, changes: Vec<Change>) -> Result<(), StoreError> {
    let lock = store.lock(Scope::Logs(&[SYSTEM_LOG]))?;
    store.persist(&Batch { runs: Vec::new(), changes })?;
    store.publish(&[])?;
    drop(lock);
    Ok(())
}

fn copy_keys(from: &Path, to: &Path) -> Result<(), CopyError> {
    let (from, to) = (keys::folder(from), keys::folder(to));
    let failed =
        |error: std::io::Error| CopyError::File { path: to.display().to_string(), reason: error.to_string() };
    crate::files::make_private_directory(&to).map_err(failed)?;
    for found in std::fs::read_dir(&from).map_err(failed)? {
        let found = found.map_err(failed)?;
        let bytes = std::fs::read(found.path()).map_err(failed)?;
        crate::files::replace(&to.join(found.file_name()), &bytes).map_err(failed)?;
    }
    Ok(())
}

/// From one store to the other.
struct Copying<'a> {
    from: &'a dyn Store,
    to: &'a dyn Store,
}

impl Copying<'_> {
    fn all(&self, progress: &dyn Fn(u64, u64)) -> Result<Copied, CopyError> {
        let heads = self.from.heads(0)?.map(|(_, heads)| heads).unwrap_or_default();
        let total = heads.iter().map(|signed| signed.head.size).sum();
        self.sites()?;
        let mut done = 0;
        for signed in &heads {
            done = self.log(signed, done, &|done| progress(done, total))?;
        }
        self.configurations()?;
        self.accounts()?;
        self.removals()?;
        self.umbrella()?;
        self.publish(&heads)?;
        let now = self.from.heads(0)?.map(|(_, heads)| heads).unwrap_or_default();
        let sizes = |heads: &[SignedHead]| -> HashSet<(LogNumber, u64)> {
            heads.iter().map(|signed| (signed.log, signed.head.size)).collect()
        };
        if sizes(&now) != sizes(&heads) {
            return Err(CopyError::Moved);
        }
        Ok(Copied { sites: self.from.sites()?.len(), entries: total })
    }

    /// From here on the copy is an installation like any other.
    fn end(&self) -> Result<(), CopyError> {
        Ok(set(self.to, None)?)
    }

    fn sites(&self) -> Result<(), CopyError> {
        let there: HashSet<LogNumber> = self.to.sites()?.iter().map(|site| site.log).collect();
        for site in self.from.sites()?.into_iter().filter(|site| !there.contains(&site.log)) {
            self.create(site)?;
        }
        Ok(())
    }

    fn create(&self, site: Site) -> Result<(), StoreError> {
        let lock = self.to.lock(Scope::Logs(&[SYSTEM_LOG]))?;
        let empty = unsigned(site.log, Head::empty());
        self.to.persist(&Batch { runs: Vec::new(), changes: vec![Change::CreateSite(site)] })?;
        self.to.publish(&[(Head::empty(), empty)])?;
        drop(lock);
        Ok(())
    }

    /// Copies what is missing of a log, and compares its root with the signed one.
    fn log(&self, signed: &SignedHead, before: u64, progress: &dyn Fn(u64)) -> Result<u64, CopyError> {
        let unlike = |reason: String| CopyError::Unlike { log: signed.log, reason };
        let mut base = self.head(signed.log)?;
        if base.size > signed.head.size {
            return Err(unlike(format!("it has {} entries, and the source {}", base.size, signed.head.size)));
        }
        // The source's tiles must give the destination's root.
        let nodes = stored_nodes(self.from, signed.log, base.size, &[]);
        let mut edge =
            edge_at(&nodes, base, |reason| StoreError::Corrupt(unlike(reason.to_owned()).to_string()))?;
        let mut blocks = Blocks::new(self.from, signed.log, base.size);
        progress(before + base.size);
        while base.size < signed.head.size {
            let entries = blocks.step(signed.head.size)?;
            let mut touched: HashSet<(u8, u64)> = HashSet::new();
            for entry in &entries {
                let stored = StoredEntry::decode(&entry.bytes).map_err(|error| unlike(error.to_string()))?;
                edge.push_with(tlog::leaf_hash(&stored.leaf().to_bytes()), |level, index, _| {
                    if level % tlog::TILE_HEIGHT == 0 {
                        touched.insert((level / tlog::TILE_HEIGHT, index / u64::from(tlog::TILE_WIDTH)));
                    }
                });
            }
            let next = Head { size: edge.size(), root: edge.root() };
            let tiles = self.tiles(signed.log, next.size, touched)?;
            let run = Run { log: signed.log, base, next, entries, tiles };
            let lock = self.to.lock(Scope::Logs(&[signed.log]))?;
            self.to.persist(&Batch { runs: vec![run], changes: Vec::new() })?;
            self.to.publish(&[(base, unsigned(signed.log, next))])?;
            drop(lock);
            base = next;
            progress(before + base.size);
        }
        if base != signed.head {
            return Err(unlike(
                "it does not have the root that was signed; run `indelible verify`".to_owned(),
            ));
        }
        Ok(before + base.size)
    }

    fn head(&self, log: LogNumber) -> Result<Head, StoreError> {
        let heads = self.to.heads(0)?.map(|(_, heads)| heads).unwrap_or_default();
        Ok(heads.iter().find(|signed| signed.log == log).map_or_else(Head::empty, |signed| signed.head))
    }

    /// The source's tiles, as wide as they are in a tree of `size` leaves.
    fn tiles(
        &self,
        log: LogNumber,
        size: u64,
        touched: HashSet<(u8, u64)>,
    ) -> Result<Vec<TileData>, StoreError> {
        let missing = |level: u8, number: u64| {
            StoreError::Corrupt(format!(
                "tile {number} at level {level} of log {log} is missing or too short"
            ))
        };
        let mut tiles = Vec::with_capacity(touched.len());
        for (level, number) in touched {
            let hashes = size >> (u32::from(level) * u32::from(tlog::TILE_HEIGHT));
            let width = u64::from(tlog::TILE_WIDTH);
            let here = usize::try_from((hashes - number * width).min(width)).unwrap_or_default();
            let tile = self.from.tile(log, level, number)?.ok_or_else(|| missing(level, number))?;
            let hashes = tile.get(..here * tlog::HASH_SIZE).ok_or_else(|| missing(level, number))?.to_vec();
            tiles.push(TileData { level, number, hashes });
        }
        tiles.sort_by_key(|tile| (tile.level, tile.number));
        Ok(tiles)
    }

    fn configurations(&self) -> Result<(), CopyError> {
        for site in self.from.sites()? {
            let there = self.to.configurations(site.log)?;
            let missing =
                self.from.configurations(site.log)?.into_iter().filter(|pair| !there.contains(pair));
            let put = |(name, value)| Change::Configure { log: site.log, name, value: Some(value) };
            let changes: Vec<Change> = missing.map(put).collect();
            if !changes.is_empty() {
                change(self.to, changes)?;
            }
        }
        Ok(())
    }

    fn accounts(&self) -> Result<(), CopyError> {
        let there: HashSet<Uuid> = self.to.tokens()?.iter().map(|token| token.id).collect();
        let missing: Vec<_> =
            self.from.tokens()?.into_iter().filter(|token| !there.contains(&token.id)).collect();
        let used: Vec<_> = missing.iter().filter_map(|token| Some((token.id, token.used_at?))).collect();
        let mut changes = Vec::new();
        for token in missing {
            let revoked = token.revoked_at.map(|at| Change::RevokeToken { id: token.id, at });
            changes.push(Change::CreateToken(token));
            changes.extend(revoked);
        }
        let users = self.to.users()?;
        let missing = self.from.users()?.into_iter().filter(|user| !users.contains(user));
        changes.extend(missing.map(Change::PutUser));
        if !changes.is_empty() {
            change(self.to, changes)?;
        }
        self.to.note_uses(&used)?;
        for search in self.from.all_saved_searches()? {
            self.to.put_saved_search(&search)?;
        }
        Ok(())
    }

    fn removals(&self) -> Result<(), CopyError> {
        loop {
            let last = self.to.last_removals()?.any;
            let removals = self.from.removals(last, REMOVALS_AT_ONCE)?;
            if removals.is_empty() {
                return Ok(());
            }
            self.to.note_removals(&removals)?;
        }
    }

    /// Copies the umbrella log, unless it is there.
    fn umbrella(&self) -> Result<(), CopyError> {
        let Some((head, checkpoint)) = self.from.umbrella_head()? else { return Ok(()) };
        if self.to.umbrella_head()?.is_some() {
            return Ok(());
        }
        let lock = self.to.lock(Scope::Umbrella)?;
        let mut position = 0;
        while position < head.size {
            let end = position.saturating_add(HEADS_AT_ONCE).min(head.size);
            let heads = self.from.umbrella_heads(position..end)?;
            let tiles =
                if end == head.size { umbrella::stored_tiles(self.from, head.size)? } else { Vec::new() };
            self.to.stage_umbrella(position, &heads, &tiles)?;
            position = end;
        }
        self.to.publish_umbrella(Head::empty(), head, &checkpoint)?;
        drop(lock);
        Ok(())
    }

    /// Publishes the checkpoints that were signed.
    fn publish(&self, heads: &[SignedHead]) -> Result<(), CopyError> {
        for signed in heads {
            let lock = self.to.lock(Scope::Logs(&[signed.log]))?;
            self.to.persist(&Batch::default())?;
            self.to.publish(&[(signed.head, signed.clone())])?;
            drop(lock);
        }
        Ok(())
    }
}

/// A head that nobody signed: of a copy in the making.
const fn unsigned(log: LogNumber, head: Head) -> SignedHead {
    SignedHead { log, head, checkpoint: String::new() }
}

/// The entries of a log, block by block.
struct Blocks<'a> {
    store: &'a dyn Store,
    log: LogNumber,
    next: u64,
    waiting: std::collections::VecDeque<BlockInfo>,
    last: Option<BlockInfo>,
}

impl<'a> Blocks<'a> {
    fn new(store: &'a dyn Store, log: LogNumber, next: u64) -> Self {
        Self { store, log, next, waiting: std::collections::VecDeque::new(), last: None }
    }

    /// The next entries, those below `size`.
    fn step(&mut self, size: u64) -> Result<Vec<NewEntry>, StoreError> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        let enough = |entries: &Vec<NewEntry>, bytes: usize| {
            u64::try_from(entries.len()).is_ok_and(|count| count >= STEP_ENTRIES) || bytes >= STEP_BYTES
        };
        while self.next < size && !enough(&entries, bytes) {
            let Some(block) = self.block()? else {
                return Err(StoreError::Corrupt(format!(
                    "the entry at index {} is missing from the source",
                    self.next
                )));
            };
            if block.range().end <= self.next {
                continue;
            }
            let range = self.next..block.range().end.min(size);
            for stored in self.store.entries(self.log, range.clone())? {
                let entry = NewEntry::read(&stored, &block)
                    .and_then(|entry| Ok(NewEntry { links: StoredEntry::decode(&stored)?.links(), ..entry }))
                    .map_err(|error| {
                        StoreError::Corrupt(format!("entries {range:?} of the source: {error}"))
                    })?;
                bytes += entry.bytes.len();
                entries.push(entry);
            }
            self.next = range.end;
        }
        Ok(entries)
    }

    fn block(&mut self) -> Result<Option<BlockInfo>, StoreError> {
        if self.waiting.is_empty() {
            self.waiting = self.store.blocks(self.log, Walk::ByIndex, self.last, BLOCKS_AT_ONCE)?.into();
            self.last = self.waiting.back().copied().or(self.last);
        }
        Ok(self.waiting.pop_front())
    }
}
