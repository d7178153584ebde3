//! The umbrella log: one log over all sites' logs, whose leaves are their heads.
//!
//! Whoever remembers its checkpoint, a witness above all, remembers the heads of every site at once. A round takes
//! in each head that moved since the last one. When none did for long, one is taken in again, so that silence can
//! be told from a server that stands still.

mod rounds;
mod tree;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use model::HeadLeaf;
use tlog::{Hash, Tile};

use crate::journal::{Published, sign};
use crate::keys::Keys;
use crate::sites::Sites;
use crate::store::{Head, LogNumber, Scope, SiteHead, Store, StoreError};

pub use rounds::{Cadence, Rounds};
pub(crate) use tree::{nodes, stored_tiles};

/// See the [module's documentation](self).
#[derive(Debug)]
pub struct Umbrella {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    sites: Arc<Sites>,
    published: Arc<Published>,
    newest: Mutex<Newest>,
    cadence: OnceLock<Cadence>,
}

/// The newest head of each log in the umbrella, when that had `size` leaves.
#[derive(Debug, Default)]
struct Newest {
    size: u64,
    heads: HashMap<LogNumber, Head>,
}

impl Umbrella {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        keys: Arc<Keys>,
        sites: Arc<Sites>,
        published: Arc<Published>,
    ) -> Self {
        Self { store, keys, sites, published, newest: Mutex::default(), cadence: OnceLock::new() }
    }

    /// Its published head and the checkpoint that signs it; `None` before the first round.
    ///
    /// # Errors
    /// When the head store cannot be read.
    pub fn head(&self) -> Result<Option<(Head, String)>, StoreError> {
        self.store.umbrella_head()
    }

    /// Where it lies.
    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// How often this process takes heads in, if it does.
    #[must_use]
    pub fn cadence(&self) -> Option<Cadence> {
        self.cadence.get().copied()
    }

    /// The leaves at these positions.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn leaves(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        self.leaf_bytes(&self.store.umbrella_heads(range)?)
    }

    /// A tile in its widest version.
    pub(crate) fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, StoreError> {
        self.store.umbrella_tile(tile.level(), tile.index())
    }

    /// Takes in every head that moved since the last round; with `heartbeat`, one again if none did. Returns the
    /// number of leaves added. Blocks, and holds the commit lock meanwhile.
    ///
    /// # Errors
    /// When the store fails, or a head contradicts what the umbrella has: then nothing is signed.
    pub fn round(&self, heartbeat: bool) -> Result<u64, StoreError> {
        let lock = self.store.lock(Scope::Umbrella)?;
        let base = self.store.umbrella_head()?.map_or_else(Head::empty, |(head, _)| head);
        let mut heads = self.moved(base.size)?;
        if heads.is_empty() && heartbeat {
            heads.extend(self.again(base.size)?);
        }
        if heads.is_empty() {
            return Ok(0);
        }
        let leaves: Vec<Hash> = self.leaf_bytes(&heads)?.iter().map(|leaf| tlog::leaf_hash(leaf)).collect();
        let (next, tiles) = tree::grow(self.store.as_ref(), base, &leaves)?;
        self.store.stage_umbrella(base.size, &heads, &tiles)?;
        // As with entries: what is signed is what lies in the store, read back and proven to extend what was signed.
        self.check_staged(base.size..next.size, &leaves)?;
        tree::check_consistency(self.store.as_ref(), base, next)?;
        let keys = self.keys.umbrella_keys().map_err(|error| unsigned(&error.to_string()))?;
        let checkpoint = sign(&keys, next).map_err(|reason| unsigned(&reason))?;
        self.store.publish_umbrella(base, next, &checkpoint)?;
        drop(lock);
        let mut newest = self.newest();
        newest.size = next.size;
        newest.heads.extend(heads.iter().map(|head| (head.log, head.head)));
        Ok(next.size - base.size)
    }

    /// The heads that are not in the umbrella yet, after a check that they extend those that are in size.
    fn moved(&self, size: u64) -> Result<Vec<SiteHead>, StoreError> {
        let mut newest = self.newest();
        if newest.size != size {
            // Another process made rounds, or this one has just begun.
            newest.heads = self.store.umbrella_newest(size)?;
            newest.size = size;
        }
        let mut moved = Vec::new();
        for site in self.sites.all()? {
            let Some(signed) = self.published.head(site.log)? else { continue };
            let before = newest.heads.get(&site.log).copied().unwrap_or_else(Head::empty);
            let head = signed.head;
            if head.size < before.size || (head.size == before.size && head.root != before.root) {
                return Err(StoreError::Corrupt(format!(
                    "the log of `{}` has {} entries and the root {}, but the umbrella log has its head of {} \
                     entries and the root {}: the log was put back or rewritten. Nothing more is signed",
                    site.id, head.size, head.root, before.size, before.root
                )));
            }
            if head.size > before.size {
                moved.push(SiteHead { log: site.log, head });
            }
        }
        Ok(moved)
    }

    /// A head to be taken in once more: that of the installation's own log.
    fn again(&self, size: u64) -> Result<Option<SiteHead>, StoreError> {
        if size == 0 {
            return Ok(None);
        }
        let Some(site) = self.sites.all()?.into_iter().find(|site| site.id.is_system()) else {
            return Ok(None);
        };
        Ok(self.published.head(site.log)?.map(|signed| SiteHead { log: site.log, head: signed.head }))
    }

    fn check_staged(&self, range: Range<u64>, expected: &[Hash]) -> Result<(), StoreError> {
        let stored = self.leaves(range)?;
        if stored.iter().map(|leaf| tlog::leaf_hash(leaf)).ne(expected.iter().copied()) {
            return Err(unsigned("what was stored is not what was to be stored"));
        }
        Ok(())
    }

    fn leaf_bytes(&self, heads: &[SiteHead]) -> Result<Vec<Vec<u8>>, StoreError> {
        let sites: HashMap<LogNumber, _> =
            self.sites.all()?.into_iter().map(|site| (site.log, site.id)).collect();
        let leaf = |SiteHead { log, head }: &SiteHead| {
            let site = sites.get(log).ok_or_else(|| unsigned(&format!("log {log} has no site")))?;
            let tag = self.keys.site_tag(site);
            Ok(HeadLeaf { tag, size: head.size, root: *head.root.as_bytes() }.to_bytes())
        };
        heads.iter().map(leaf).collect()
    }

    fn newest(&self) -> std::sync::MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unsigned(reason: &str) -> StoreError {
    StoreError::Corrupt(format!("the head of the umbrella log was not signed: {reason}"))
}
