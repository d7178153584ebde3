//! The outbox: entries wait on disk until their log has them.
//!
//! ```text
//! record()   the entry becomes a frame and joins the group that gathers       many threads
//! write      the group goes to a segment, and is durable                      one writer
//! tell       callers that wait for it return
//! ship       batches go to the log, again and again until it answers          one shipper
//! set aside  what the log refuses is kept with the reason, the rest goes on
//! forget     the place up to which all is dealt with; segments before it go
//! ```
//!
//! In its directory:
//!
//! | file | is |
//! |---|---|
//! | `0000000000000001.segment` … | frames of entries, see `docs/formats/outbox.md` |
//! | `position` | segment and offset up to which all is dealt with |
//! | `set-aside.ndjson` | what was refused, with the reasons |
//! | `gaps.json` | what is missing, as long as no entry tells of it |
//! | `arrived.json` | the newest entry of each site that arrived, and what its log said of it that cannot be |
//! | `failing.json` | why nothing arrives, as long as nothing does |
//! | `running` | there while a program uses it whose entries are durable with the group only |
//! | `damaged-…` | bytes that were no entries where entries should be |
//! | `id`, `lock` | the outbox's name; held by the process that uses it |
//!
//! An entry can arrive twice and is taken once, as its id is made when it is logged and kept with it.

mod arrived;
mod aside;
mod disk;
mod error;
mod frame;
mod gap;
mod inspect;
mod open;
mod segments;
mod settings;
mod shared;
mod shipper;
mod writer;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::sink::{Outgoing, Recorded, Sink};
use crate::transport::Transport;
use gap::Gaps;
use shared::{Group, Shared, State, Stop};

pub use arrived::Arrived;
pub use aside::SetAside;
#[cfg(feature = "verify")]
pub(crate) use disk::replace;
pub use error::OutboxError;
pub use gap::Gap;
pub use inspect::{Failing, Report, inspect};
pub use settings::{Durability, OnFailure, OutboxSettings};

/// How long the end of an outbox waits for a shipper that waits for an answer.
const SHIPPER_GRACE: Duration = Duration::from_secs(1);

const FULL: &str = "the outbox was full";
const UNWRITABLE: &str = "the outbox could not be written";

/// A directory in which entries wait until their log has them. Cheap to clone; the last clone that is dropped has what
/// gathers written, and leaves the rest to the next start.
///
/// ```
/// use std::sync::Arc;
/// use client::Server;
/// use client::outbox::{Outbox, OutboxSettings};
///
/// # let directory = tempfile::tempdir()?;
/// # let directory = directory.path().join("outbox");
/// let server = Server::new("http://127.0.0.1:1", "the-token-of-indelible-token-create")?;
/// let outbox = Outbox::open(&directory, Arc::new(server), OutboxSettings::default())?;
/// assert_eq!(outbox.inspect()?.waiting, 0);
/// outbox.close(std::time::Duration::from_secs(10))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Outbox(Arc<Handle>);

/// Ends the threads with the last clone.
struct Handle {
    shared: Arc<Shared>,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    writer: Option<JoinHandle<()>>,
    shipper: Option<JoinHandle<()>>,
}

impl Outbox {
    /// Opens the outbox in a directory, makes it where there is none, and begins to send what waits in it. Entries that were
    /// set aside because there was no such site, or none that the token may append to, are sent again.
    ///
    /// # Errors
    /// When the directory cannot be used, or another process uses it.
    pub fn open(
        directory: impl Into<PathBuf>,
        transport: Arc<dyn Transport>,
        settings: OutboxSettings,
    ) -> Result<Self, OutboxError> {
        Self::open_on(Box::new(disk::RealDisk), directory.into(), transport, settings)
    }

    fn open_on(
        disk: Box<dyn disk::Disk>,
        directory: PathBuf,
        transport: Arc<dyn Transport>,
        settings: OutboxSettings,
    ) -> Result<Self, OutboxError> {
        let opened = open::open(directory, settings, disk)?;
        let shared = Arc::new(opened.shared);
        let unusable = |error: std::io::Error| shared.unusable(&error);
        let thread = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let for_writer = Arc::clone(&shared);
        let writer = thread("outbox writer")
            .spawn(move || writer::run(&for_writer, opened.writer))
            .map_err(unusable)?;
        let for_shipper = Arc::clone(&shared);
        let shipper = thread("outbox shipper")
            .spawn(move || shipper::run(&for_shipper, transport.as_ref(), opened.position))
            .map_err(unusable)?;
        let threads = Mutex::new(Threads { writer: Some(writer), shipper: Some(shipper) });
        let outbox = Self(Arc::new(Handle { shared, threads }));
        // Whoever starts a program anew may have made the site, or given it another token.
        if let Err(error) = outbox.send_again(SetAside::is_about_its_site) {
            tracing::warn!(%error, "entries that were set aside are not sent again");
        }
        Ok(outbox)
    }

    /// Where it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.0.shared.directory
    }

    /// What is in it.
    ///
    /// # Errors
    /// When its files cannot be read.
    pub fn inspect(&self) -> Result<Report, OutboxError> {
        inspect(&self.0.shared.directory)
    }

    /// Sends everything again that was set aside: after the reason for it is gone. How many entries that are.
    ///
    /// # Errors
    /// When they cannot be read or written. They stay set aside then.
    pub fn send_set_aside_again(&self) -> Result<usize, OutboxError> {
        self.send_again(|_| true)
    }

    fn send_again(&self, is_meant: impl Fn(&SetAside) -> bool) -> Result<usize, OutboxError> {
        let shared = &self.0.shared;
        let mut aside = shared.aside.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = aside::read(&shared.directory).map_err(|error| shared.unusable(&error))?;
        let (again, rest): (Vec<_>, Vec<_>) = kept.into_iter().partition(is_meant);
        let mut group = None;
        for entry in &again {
            let mut state = shared.lock();
            group = Some(shared.gather(&mut state, &entry.outgoing())?);
        }
        let Some(group) = group else { return Ok(0) };
        // Groups are written in their order: with the last all are written.
        shared.wait_for(&group)?;
        let freed = aside.keep_only(&rest).map_err(|error| shared.unusable(&error))?;
        drop(aside);
        let mut state = shared.lock();
        state.bytes = state.bytes.saturating_sub(freed);
        Ok(again.len())
    }

    /// Waits until all that was recorded before is dealt with: arrived, or set aside. Blocks.
    ///
    /// # Errors
    /// [`OutboxError::NotArrived`] when it is not after this time.
    pub fn flush(&self, patience: Duration) -> Result<(), OutboxError> {
        let shared = &self.0.shared;
        let until = Instant::now().checked_add(patience);
        let mut state = shared.lock();
        let goal = state.accepted;
        while state.done < goal {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                let entries = goal - state.done;
                drop(state);
                let failing = inspect::failing(&shared.directory);
                return Err(OutboxError::NotArrived { entries, why: failing.map(|failing| failing.error) });
            }
            let wait = left.unwrap_or(patience);
            state = shared.dealt_with.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Flushes, then stops: for the end of the program. Blocks. Whatever does not arrive in this time stays in the
    /// directory, and entries that are recorded later are refused.
    ///
    /// # Errors
    /// [`OutboxError::NotArrived`] when something stays.
    pub fn close(&self, patience: Duration) -> Result<(), OutboxError> {
        let flushed = self.flush(patience);
        self.0.stop();
        flushed
    }
}

impl Handle {
    /// Has what gathers written, and the threads end. A shipper that waits for an answer ends when that comes, or with the
    /// process.
    fn stop(&self) {
        let mut state = self.shared.lock();
        state.stop = state.stop.max(Stop::Writing);
        drop(state);
        self.shared.to_write.notify_all();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = threads.writer.take() {
            drop(writer.join());
        }
        // Also when the writer has panicked.
        self.shared.lock().stop = Stop::Written;
        self.shared.to_ship.notify_all();
        self.shared.written.notify_all();
        let since = Instant::now();
        let ships = || threads.shipper.as_ref().is_some_and(|shipper| !shipper.is_finished());
        while ships() && since.elapsed() < SHIPPER_GRACE {
            std::thread::sleep(Duration::from_millis(1));
        }
        if !ships() {
            drop(self.shared.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Sink for Outbox {
    fn accept(&self, entry: Outgoing) -> Result<Recorded, OutboxError> {
        let shared = &self.0.shared;
        let mut state = shared.lock();
        let refused = match shared.obstacle(&state, &entry) {
            None => match shared.gather(&mut state, &entry) {
                Ok(group) if shared.settings.durability == Durability::BeforeReturn => {
                    drop(state);
                    shared.wait_for(&group).err()
                }
                Ok(group) => {
                    let is_too_large = state.gathered.len() >= shared.settings.gathered_bytes_max;
                    drop(state);
                    if is_too_large {
                        shared.let_pass(&group);
                    }
                    return Ok(Recorded::Kept(entry.id));
                }
                Err(error) => return Err(error),
            },
            Some(error) => {
                drop(state);
                Some(error)
            }
        };
        let Some(error) = refused else { return Ok(Recorded::Kept(entry.id)) };
        let reason = match &error {
            OutboxError::Full { .. } => FULL,
            OutboxError::Unwritable { .. } => UNWRITABLE,
            OutboxError::Unusable { .. }
            | OutboxError::InUse(_)
            | OutboxError::Closed
            | OutboxError::TooLong
            | OutboxError::NotArrived { .. } => return Err(error),
        };
        match shared.settings.on_failure {
            OnFailure::Refuse => Err(error),
            OnFailure::Gap => {
                shared.lock().gaps.lost_one(&entry.site, reason);
                shared.to_write.notify_one();
                Ok(Recorded::Gap(entry.id))
            }
        }
    }

    fn flush(&self, patience: Duration) -> Result<(), OutboxError> {
        Self::flush(self, patience)
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { directory, settings, .. } = self.0.shared.as_ref();
        f.debug_struct("Outbox")
            .field("directory", directory)
            .field("settings", settings)
            .finish_non_exhaustive()
    }
}
