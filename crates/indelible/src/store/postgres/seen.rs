//! The heads that this process has seen: a database that is behind one of them is refused, be it put back from a backup or
//! a standby that has not received everything. They are kept in a file beside the keys.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tlog::Hash;
use uuid::Uuid;

use crate::files;
use crate::store::{Head, LogNumber, StoreError};

const FILE: &str = "heads-seen.json";

/// How often the file is written, at most.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// See the [module's documentation](self).
pub(super) struct Seen {
    path: PathBuf,
    installation: Uuid,
    state: Mutex<State>,
}

struct State {
    heads: HashMap<LogNumber, Head>,
    kept_at: Option<Instant>,
    changed: bool,
}

/// What the file has.
#[derive(Serialize, Deserialize)]
struct Kept {
    installation: Uuid,
    heads: Vec<KeptHead>,
}

#[derive(Serialize, Deserialize)]
struct KeptHead {
    log: LogNumber,
    size: u64,
    root: [u8; 32],
}

impl Seen {
    /// Reads what an earlier process has kept of this installation.
    pub(super) fn open(directory: &Path, installation: Uuid) -> Result<Self, StoreError> {
        let path = directory.join(FILE);
        let refused = |reason: String| {
            StoreError::Refused(format!(
                "{}: {reason}. It says which heads were seen; remove it only when the database is known to be the newest",
                path.display()
            ))
        };
        let kept = match std::fs::read(&path) {
            Ok(bytes) => {
                Some(serde_json::from_slice::<Kept>(&bytes).map_err(|error| refused(error.to_string()))?)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(refused(error.to_string())),
        };
        let heads = match kept {
            Some(kept) if kept.installation != installation => {
                return Err(refused("it is of another installation than the database".to_owned()));
            }
            Some(kept) => kept
                .heads
                .into_iter()
                .map(|kept| (kept.log, Head { size: kept.size, root: Hash::from_bytes(kept.root) }))
                .collect(),
            None => HashMap::new(),
        };
        let state = Mutex::new(State { heads, kept_at: None, changed: false });
        Ok(Self { path, installation, state })
    }

    /// Takes a head in that is published.
    pub(super) fn note(&self, log: LogNumber, head: Head) {
        let mut state = self.state();
        let known = state.heads.entry(log).or_insert_with(Head::empty);
        if head.size > known.size {
            *known = head;
            state.changed = true;
        }
    }

    /// Refuses a head that is behind the one that was seen, or beside it.
    pub(super) fn check(&self, log: LogNumber, now: Head) -> Result<(), StoreError> {
        match self.state().heads.get(&log) {
            Some(seen) if now.size < seen.size || (now.size == seen.size && now.root != seen.root) => {
                Err(StoreError::Refused(format!(
                    "the database is behind: log {log} has {} entries, and {} were acknowledged. It was put back from a \
                     backup, or it is a standby that had not received everything when it took over.\nWay forward: go \
                     back to the server that has them; if it is lost for good, put the database back as `indelible \
                     restore` does, which begins a new epoch",
                    now.size, seen.size
                )))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The same of all heads.
    pub(super) fn check_all(&self, now: &HashMap<LogNumber, Head>) -> Result<(), StoreError> {
        let logs: Vec<LogNumber> = self.state().heads.keys().copied().collect();
        for log in logs {
            self.check(log, now.get(&log).copied().unwrap_or_else(Head::empty))?;
        }
        Ok(())
    }

    /// Writes the file, unless it was written just now.
    pub(super) fn keep_sometimes(&self) {
        let mut state = self.state();
        if state.kept_at.is_none_or(|at| at.elapsed() >= KEEP_EVERY) {
            self.write(&mut state);
        }
    }

    /// Writes the file, if anything has changed.
    pub(super) fn keep(&self) {
        self.write(&mut self.state());
    }

    fn write(&self, state: &mut State) {
        if !state.changed {
            return;
        }
        let kept = |(log, head): (&LogNumber, &Head)| KeptHead {
            log: *log,
            size: head.size,
            root: *head.root.as_bytes(),
        };
        let mut heads: Vec<KeptHead> = state.heads.iter().map(kept).collect();
        heads.sort_by_key(|kept| kept.log);
        let file = Kept { installation: self.installation, heads };
        let written = serde_json::to_vec(&file)
            .map_err(std::io::Error::from)
            .and_then(|bytes| files::replace(&self.path, &bytes));
        match written {
            Ok(()) => {
                state.changed = false;
                state.kept_at = Some(Instant::now());
            }
            Err(error) => {
                tracing::warn!(%error, path = %self.path.display(), "the heads that were seen could not be kept");
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
