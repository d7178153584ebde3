//! What the searches of a process share with its follower: the index, and the entries that are not in it yet.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use model::Entry;

use super::index::{Index, Places};
use crate::store::LogNumber;

/// Entries kept in memory until the index has them, at most, about 2 KB each. Beyond that they are read from
/// the log, as they are while the index is far behind.
const ENTRIES_MAX: u64 = 16_384;

/// Consecutive entries of a log that are not in the index yet.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) log: LogNumber,
    pub(super) first: u64,
    /// The index after the last one.
    pub(super) end: u64,
    pub(super) entries: Vec<Entry>,
}

/// See the [module's documentation](self).
pub(super) struct Shared {
    directory: PathBuf,
    key: [u8; 16],
    index: RwLock<Option<Arc<Index>>>,
    fresh: RwLock<Vec<Arc<Fresh>>>,
    /// Whether the index was found to be of no use.
    broken: AtomicBool,
    /// Whether this process is the one that follows, and so knows of every commit.
    leads: AtomicBool,
    /// Whether it is not known yet who follows: an index that nobody has checked is not asked.
    is_unchecked: AtomicBool,
    /// Whether somebody waits for the next commit.
    commit: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(directory: PathBuf, key: [u8; 16], follows: bool) -> Self {
        Self {
            directory,
            key,
            index: RwLock::default(),
            fresh: RwLock::default(),
            broken: AtomicBool::new(false),
            leads: AtomicBool::new(false),
            is_unchecked: AtomicBool::new(follows),
            commit: AtomicBool::new(false),
        }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) const fn key(&self) -> &[u8; 16] {
        &self.key
    }

    /// The index, if there is one that can be used. Another process may have committed to it.
    pub(super) fn index(&self) -> Option<Arc<Index>> {
        if self.is_broken() || self.is_unchecked.load(Ordering::Relaxed) {
            return None;
        }
        let at_hand = self.index.read().unwrap_or_else(PoisonError::into_inner).clone();
        if self.leads.load(Ordering::Relaxed) {
            return at_hand;
        }
        let opened = match at_hand {
            Some(index) => index,
            None if self.directory.exists() => Arc::new(Index::open(&self.directory, self.key).ok()?),
            None => return None,
        };
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if self.leads.load(Ordering::Relaxed) {
            // This process began to follow meanwhile, with an index of its own.
            return index.clone();
        }
        // One that was made anew is no longer where the old one was.
        let loaded = opened.load().is_ok().then_some(opened);
        index.clone_from(&loaded);
        loaded
    }

    /// Another process follows, and has checked the index.
    pub(super) fn give_way(&self) {
        self.is_unchecked.store(false, Ordering::Relaxed);
    }

    /// This process is to follow: from now on there is no index but its own.
    pub(super) fn lead(&self) {
        let mut slot = self.index.write().unwrap_or_else(PoisonError::into_inner);
        *slot = None;
        self.leads.store(true, Ordering::Relaxed);
        self.is_unchecked.store(false, Ordering::Relaxed);
    }

    /// This process follows, with this index.
    pub(super) fn set(&self, index: Arc<Index>) {
        let mut slot = self.index.write().unwrap_or_else(PoisonError::into_inner);
        *slot = Some(index);
    }

    /// There is no index for the time being.
    pub(super) fn close(&self) {
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.fresh.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// The index gave a wrong answer or none: it is not asked again until it was made anew.
    pub(super) fn fail(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    pub(super) fn mend(&self) {
        self.broken.store(false, Ordering::Relaxed);
    }

    /// Asks for a commit as soon as everything was taken in.
    pub(super) fn ask_to_commit(&self) {
        self.commit.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked since the last time.
    pub(super) fn is_asked_to_commit(&self) -> bool {
        self.commit.swap(false, Ordering::Relaxed)
    }

    /// Keeps entries at hand until the index has them, if there is room.
    pub(super) fn remember(&self, entries: Fresh) {
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        let kept: u64 = fresh.iter().map(|fresh| fresh.end - fresh.first).sum();
        if kept < ENTRIES_MAX {
            fresh.push(Arc::new(entries));
        }
    }

    /// Lets go of what the index has.
    pub(super) fn forget(&self, positions: &HashMap<LogNumber, u64>) {
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        fresh.retain(|fresh| positions.get(&fresh.log).is_none_or(|position| fresh.end > *position));
    }

    /// Lets go of entries from which something was removed.
    pub(super) fn forget_removed(&self, places: &Places) {
        let mut fresh = self.fresh.write().unwrap_or_else(PoisonError::into_inner);
        fresh.retain(|fresh| !places.touch(fresh.log, &(fresh.first..fresh.end)));
    }

    /// The entries at hand.
    pub(super) fn fresh(&self) -> Vec<Arc<Fresh>> {
        self.fresh.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
