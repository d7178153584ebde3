//! What a capture counts about itself, for monitoring.

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use model::SiteId;

use super::source::Slot;

/// Counts since the process started, and how the slot stood when it was last looked at.
#[derive(Debug)]
pub struct Status {
    /// The capture's name.
    pub name: String,
    appended: AtomicU64,
    known: AtomicU64,
    refused: AtomicU64,
    transactions: AtomicU64,
    gaps: AtomicU64,
    behind: AtomicI64,
    kept: AtomicI64,
    /// -1 where nothing bounds it.
    safe: AtomicI64,
    running: AtomicI64,
    missed: Mutex<HashSet<SiteId>>,
}

/// The same as numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Entries appended.
    pub appended: u64,
    /// Changes that the log had already, after a restart.
    pub known: u64,
    /// Changes that the log did not take as they were.
    pub refused: u64,
    /// Transactions read.
    pub transactions: u64,
    /// Gaps that were told.
    pub gaps: u64,
    /// Bytes of the server's log between what is captured and now.
    pub behind_bytes: i64,
    /// Bytes of its log that the server keeps for this capture.
    pub kept_bytes: i64,
    /// Bytes until the server gives the capture up; `None` where it never does.
    pub safe_bytes: Option<i64>,
    /// Whether the stream is being read.
    pub is_running: bool,
}

impl Status {
    /// Nothing yet.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let [appended, known, refused, transactions, gaps] = std::array::from_fn(|_| AtomicU64::default());
        let [behind, kept, running] = std::array::from_fn(|_| AtomicI64::default());
        Self {
            name: name.to_owned(),
            appended,
            known,
            refused,
            transactions,
            gaps,
            behind,
            kept,
            safe: AtomicI64::new(-1),
            running,
            missed: Mutex::default(),
        }
    }

    /// How it stands now.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let safe = self.safe.load(Ordering::Relaxed);
        Figures {
            appended: count(&self.appended),
            known: count(&self.known),
            refused: count(&self.refused),
            transactions: count(&self.transactions),
            gaps: count(&self.gaps),
            behind_bytes: self.behind.load(Ordering::Relaxed),
            kept_bytes: self.kept.load(Ordering::Relaxed),
            safe_bytes: (safe >= 0).then_some(safe),
            is_running: self.running.load(Ordering::Relaxed) == 1,
        }
    }

    pub(super) fn appended(&self) {
        self.appended.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn known(&self) {
        self.known.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn transaction(&self) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn gap(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn running(&self, is_running: bool) {
        self.running.store(i64::from(is_running), Ordering::Relaxed);
    }

    pub(super) fn slot(&self, slot: &Slot) {
        self.behind.store(slot.behind, Ordering::Relaxed);
        self.kept.store(slot.kept, Ordering::Relaxed);
        self.safe.store(slot.safe.map_or(-1, |safe| safe.max(0)), Ordering::Relaxed);
    }

    /// Whether it is the first time that a site is missed.
    pub(super) fn is_first_miss(&self, site: &SiteId) -> bool {
        self.missed.lock().unwrap_or_else(PoisonError::into_inner).insert(site.clone())
    }
}
