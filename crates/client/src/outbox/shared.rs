//! What callers, writer and shipper share, and how an entry joins the group that gathers.

use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use uuid::Uuid;

use super::aside::AsideFile;
use super::gap::Gaps;
use super::segments::{Position, wide};
use super::{Durability, OnFailure, OutboxError, OutboxSettings, frame, open};
use crate::sink::Outgoing;

/// What callers, writer and shipper share.
pub(super) struct Shared {
    pub(super) directory: PathBuf,
    pub(super) settings: OutboxSettings,
    pub(super) id: Uuid,
    /// Held as long as a thread of this process uses the directory.
    pub(super) lock: Mutex<Option<File>>,
    pub(super) aside: Mutex<AsideFile>,
    pub(super) state: Mutex<State>,
    /// The writer waits here.
    pub(super) to_write: Condvar,
    /// Callers wait here until their group is written.
    pub(super) written: Condvar,
    /// The shipper waits here.
    pub(super) to_ship: Condvar,
    /// Whoever flushes waits here.
    pub(super) dealt_with: Condvar,
}

pub(super) struct State {
    /// Frames of the group that gathers.
    pub(super) gathered: Vec<u8>,
    /// Empty; room for the next group.
    pub(super) spare: Vec<u8>,
    pub(super) gathered_entries: u64,
    pub(super) group: Arc<Group>,
    /// Where what is durable ends.
    pub(super) end: Position,
    /// Bytes of frames that wait, the gathered included, and of what is set aside.
    pub(super) bytes: u64,
    /// Entries taken in, and entries dealt with, since the outbox was opened.
    pub(super) accepted: u64,
    pub(super) done: u64,
    pub(super) gaps: Gaps,
    /// When to try again to tell of them, after the disk did not take it.
    pub(super) gaps_rest_until: Option<Instant>,
    /// Sites of entries that were ever in a group that gathers.
    pub(super) sites: Vec<String>,
    /// Why the disk takes nothing.
    pub(super) unwritable: Option<String>,
    pub(super) stop: Stop,
}

/// How far the outbox is on its way to its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    No,
    /// Nothing more is taken in; what gathers is written.
    Writing,
    /// The writer has ended.
    Written,
}

/// What becomes of the entries that are written together.
#[derive(Default)]
pub(super) struct Group {
    pub(super) outcome: OnceLock<Result<(), String>>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands in the way of taking an entry in.
    pub(super) fn obstacle(&self, state: &State, entry: &Outgoing) -> Option<OutboxError> {
        if state.stop > Stop::No {
            return Some(OutboxError::Closed);
        }
        if state.bytes + wide(frame::length(entry)) > self.settings.bytes_max {
            return Some(OutboxError::Full { path: self.directory.clone(), bytes: state.bytes });
        }
        let why = state.unwritable.as_ref()?;
        let has_patience = self.settings.on_failure == OnFailure::Gap
            && state.gathered.len() < self.settings.gathered_bytes_max
            && self.settings.durability == Durability::WithinGroup;
        if has_patience { None } else { Some(self.unwritable(why)) }
    }

    /// Has an entry join the group that gathers.
    pub(super) fn gather(&self, state: &mut State, entry: &Outgoing) -> Result<Arc<Group>, OutboxError> {
        let was_empty = state.gathered.is_empty();
        if !frame::write(entry, &mut state.gathered) {
            return Err(OutboxError::TooLong);
        }
        state.gathered_entries += 1;
        state.accepted += 1;
        state.bytes += wide(frame::length(entry));
        if self.settings.durability == Durability::WithinGroup && !state.sites.contains(&entry.site) {
            state.sites.push(entry.site.clone());
            // Before its first entry counts as recorded, so that a crash is told. Once for each site.
            if let Err(error) = open::save_running(&self.directory, &state.sites) {
                tracing::error!(%error, "the outbox's mark of a running program could not be written");
            }
        }
        if was_empty {
            self.to_write.notify_one();
        }
        Ok(Arc::clone(&state.group))
    }

    /// Waits until a group is written.
    pub(super) fn wait_for(&self, group: &Group) -> Result<(), OutboxError> {
        let mut state = self.lock();
        loop {
            match group.outcome.get() {
                Some(Ok(())) => return Ok(()),
                Some(Err(why)) => return Err(self.unwritable(why)),
                None if state.stop == Stop::Written => return Err(OutboxError::Closed),
                // Where nobody is meant to wait, a group is kept until the disk takes it, which may be never.
                None if state.unwritable.is_some() => {
                    return Err(self.unwritable(state.unwritable.as_deref().unwrap_or_default()));
                }
                None => state = self.written.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Lets a group that has grown too large be written first, as far as the disk takes anything.
    pub(super) fn let_pass(&self, group: &Group) {
        let mut state = self.lock();
        while group.outcome.get().is_none() && state.unwritable.is_none() && state.stop < Stop::Written {
            state = self.written.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn unwritable(&self, why: &str) -> OutboxError {
        OutboxError::Unwritable { path: self.directory.clone(), why: why.to_owned() }
    }

    pub(super) fn unusable(&self, error: &std::io::Error) -> OutboxError {
        OutboxError::Unusable { path: self.directory.clone(), why: error.to_string() }
    }
}
