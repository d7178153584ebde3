//! The follower: fills the index behind the journal, from the log. One per installation: the process that
//! holds `index.lock` follows, the others read what it commits.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use model::{Entry, StoredEntry, StoredError};
use tantivy::indexer::{NoMergePolicy, UserOperation};
use tantivy::{FutureResult, IndexWriter, SegmentMeta};

use super::merge;
use super::removed::Places;
use super::terms::{HashKey, Terms};
use super::{Index, IndexError};
use crate::journal::Published;
use crate::search::fresh::{Fresh, Shared};
use crate::store::{LogNumber, Site, Store, StoreError};

/// Entries read at once: the width of a tile, so that each block is unpacked once.
const ENTRIES_AT_ONCE: u64 = 256;

/// Entries after which a commit is made although more are waiting. Larger commits need fewer merges.
const COMMIT_ENTRIES: u64 = 65_536;

/// Removals that are taken out together: each time shards are written anew.
const REMOVALS_AT_ONCE: usize = 1024;

/// How long entries wait for a commit when no others come. Until then they are searched one by one.
const COMMIT_AFTER: Duration = Duration::from_secs(2);

/// How often the follower looks for new entries.
const LOOK_AGAIN: Duration = Duration::from_millis(25);

/// How often a process that does not follow tries to.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// What the engine may keep in memory before it writes a segment.
const WRITER_BYTES: usize = 96 * 1024 * 1024;

/// How far the index is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries in the index.
    pub indexed: u64,
    /// Entries in the logs.
    pub published: u64,
}

/// Keeps the index up to date until it is dropped.
#[derive(Debug)]
pub(in crate::search) struct Follower {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Starts to follow the logs of an installation.
    pub(in crate::search) fn start(
        store: Arc<dyn Store>,
        published: Arc<Published>,
        shared: Arc<Shared>,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let run = Run { store, published, shared, stop: Arc::clone(&stop) };
        let spawned = thread::Builder::new().name("follower".to_owned()).spawn(move || run.run());
        let thread = spawned
            .inspect_err(
                |error| tracing::warn!(%error, "no thread for the search index: searches read the log"),
            )
            .ok();
        Self { stop, thread }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                tracing::warn!("the search index was left as it is: its thread had failed");
            }
        }
    }
}

struct Run {
    store: Arc<dyn Store>,
    published: Arc<Published>,
    shared: Arc<Shared>,
    stop: Arc<AtomicBool>,
}

impl Run {
    fn run(&self) {
        let Some(_lock) = self.lead() else { return };
        self.shared.lead();
        let mut told = String::new();
        while !self.is_stopped() {
            let followed = catch_unwind(AssertUnwindSafe(|| self.follow()))
                .unwrap_or_else(|_| Err(IndexError::Engine("it ended abnormally".to_owned())));
            let Err(error) = followed else { return };
            self.shared.close();
            let reason = error.to_string();
            if told == reason {
                // What goes wrong again is not told again. It may lie in the index.
                self.shared.fail();
            } else {
                tracing::warn!(
                    reason,
                    "the search index is set aside: until it is there again searches read the log"
                );
                told = reason;
            }
            thread::park_timeout(TRY_AGAIN);
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits until no other process follows.
    fn lead(&self) -> Option<File> {
        let path = lock_path(self.shared.directory());
        loop {
            if self.is_stopped() {
                return None;
            }
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
            match file.map(|file| file.try_lock().map(|()| file)) {
                Ok(Ok(file)) => return Some(file),
                Ok(Err(std::fs::TryLockError::WouldBlock)) => self.shared.give_way(),
                Ok(Err(std::fs::TryLockError::Error(error))) | Err(error) => {
                    tracing::warn!(%error, "the search index cannot be locked: searches read the log");
                    return None;
                }
            }
            thread::park_timeout(TRY_AGAIN);
        }
    }

    /// Follows until stopped, or until the index turns out to be of no use.
    fn follow(&self) -> Result<(), IndexError> {
        // Before the index is made: what is removed from here on is taken out of it.
        let removals = self.store.last_removals().map_err(store_failed)?.any;
        let (index, was_made) = self.open()?;
        self.shared.set(Arc::clone(&index));
        let mut writing = Writing::start(&index, was_made.then_some(removals))?;
        while !self.is_stopped() {
            if self.shared.is_broken() {
                return Err(IndexError::Engine("it gave wrong answers or none".to_owned()));
            }
            let came = self.take_in(&index, &mut writing)? | self.take_out(&index, &mut writing)?;
            writing.merge(&index)?;
            if !came {
                thread::park_timeout(LOOK_AGAIN);
            }
        }
        writing.commit(&index, &self.shared)
    }

    /// The index, and whether it was made: when it was missing, cannot be used, or is ahead of the log.
    fn open(&self) -> Result<(Arc<Index>, bool), IndexError> {
        let (directory, key) = (self.shared.directory(), *self.shared.key());
        let was_there = directory.exists();
        let usable = if was_there && !self.shared.is_broken() { self.usable(directory, key) } else { None };
        let (index, was_made) = match usable {
            Some(index) => (index, false),
            None => (Index::create(directory, key)?, true),
        };
        self.shared.mend();
        Ok((Arc::new(index), was_made))
    }

    fn usable(&self, directory: &Path, key: HashKey) -> Option<Index> {
        let index = Index::open(directory, key)
            .inspect_err(|error| tracing::warn!(%error, "it is made anew from the log"))
            .ok()?;
        // A flipped bit would hide entries: only an index that is as it was written is asked.
        let damaged = index.engine.validate_checksum().map_or(true, |damaged| !damaged.is_empty());
        if damaged {
            tracing::warn!("files of the search index are damaged: it is made anew from the log");
            return None;
        }
        let positions = &index.snapshot().positions;
        let is_ahead =
            |(log, size): (&LogNumber, &u64)| self.published.size(*log).is_ok_and(|now| now < *size);
        let removals = self.store.last_removals().ok()?.any;
        let is_usable = !positions.iter().any(is_ahead) && index.snapshot().removals <= removals;
        is_usable.then_some(index)
    }

    /// Takes in what was published since; whether there was anything.
    fn take_in(&self, index: &Arc<Index>, writing: &mut Writing) -> Result<bool, IndexError> {
        let mut came = false;
        for site in self.store.sites().map_err(store_failed)? {
            let size = self.published.size(site.log).map_err(store_failed)?;
            loop {
                let at = writing.positions.get(&site.log).copied().unwrap_or_default();
                if at >= size || self.is_stopped() {
                    break;
                }
                came = true;
                let end = (at - at % ENTRIES_AT_ONCE + ENTRIES_AT_ONCE).min(size);
                let entries = self.read(&site, at, end).map_err(store_failed)?;
                writing.add(index, site.log, &entries)?;
                writing.positions.insert(site.log, end);
                self.shared.remember(Fresh { log: site.log, first: at, end, entries });
                if writing.pending >= COMMIT_ENTRIES {
                    writing.commit(index, &self.shared)?;
                    writing.merge(index)?;
                }
            }
        }
        if writing.is_due() || (!came && self.shared.is_asked_to_commit()) {
            writing.commit(index, &self.shared)?;
        }
        Ok(came)
    }

    /// Takes out what was removed since; whether there was anything. When this returns, nothing of it is left in the
    /// index' files.
    fn take_out(&self, index: &Arc<Index>, writing: &mut Writing) -> Result<bool, IndexError> {
        let removals = self.store.removals(writing.removals, REMOVALS_AT_ONCE).map_err(store_failed)?;
        let Some(last) = removals.last() else { return Ok(false) };
        let erasures: Vec<_> = removals.iter().filter(|removed| removed.is_erasure).cloned().collect();
        let places = Places::of(&removals);
        writing.delete(&places)?;
        let erased = Places::of(&erasures);
        for site in self.store.sites().map_err(store_failed)? {
            let end = writing.positions.get(&site.log).copied().unwrap_or_default();
            for range in erased.of_log(site.log) {
                for first in range.clone().step_by(usize::try_from(ENTRIES_AT_ONCE).unwrap_or(1)) {
                    let end = first.saturating_add(ENTRIES_AT_ONCE).min(range.end).min(end);
                    if first < end {
                        let entries = self.read(&site, first, end).map_err(store_failed)?;
                        writing.add(index, site.log, &entries)?;
                    }
                }
            }
        }
        self.shared.forget_removed(&places);
        writing.removals = last.number;
        writing.commit_removals(index, &self.shared)?;
        Ok(true)
    }

    /// Reads entries; one that has expired or does not read is left out, because nobody could be shown it.
    fn read(&self, site: &Site, first: u64, end: u64) -> Result<Vec<Entry>, StoreError> {
        let stored = self.store.entries(site.log, first..end)?;
        let open = |(index, bytes): (u64, Vec<u8>)| {
            let opened = StoredEntry::decode(&bytes).and_then(|stored| stored.open(&site.id, index));
            match opened {
                Ok(entry) => Some(entry),
                Err(StoredError::Expired) => None,
                Err(error) => {
                    tracing::error!(site = %site.id, index, %error, "an entry does not read");
                    None
                }
            }
        };
        Ok((first..end).zip(stored).filter_map(open).collect())
    }
}

/// The writing end of the index.
struct Writing {
    writer: IndexWriter,
    terms: Terms,
    /// How far each log was given to the writer.
    positions: HashMap<LogNumber, u64>,
    /// Number of the last removal that was given to the writer.
    removals: u64,
    /// Entries since the last commit.
    pending: u64,
    pending_since: Instant,
    merging: Option<FutureResult<Option<SegmentMeta>>>,
}

impl Writing {
    /// `made` is the last removal before the index was made, if it was.
    fn start(index: &Index, made: Option<u64>) -> Result<Self, IndexError> {
        let writer: IndexWriter = index.engine.writer_with_num_threads(1, WRITER_BYTES)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        let mut writing = Self {
            writer,
            terms: Terms::new(index.key),
            positions: HashMap::new(),
            removals: 0,
            pending: 0,
            pending_since: Instant::now(),
            merging: None,
        };
        // An earlier follower may have ended in the middle of it.
        writing.write_anew(index)?;
        let snapshot = index.snapshot();
        writing.positions.clone_from(&snapshot.positions);
        writing.removals = made.unwrap_or(snapshot.removals);
        Ok(writing)
    }

    /// Deletes documents; what was merged meanwhile would bring them back.
    fn delete(&mut self, places: &Places) -> Result<(), IndexError> {
        if let Some(merging) = self.merging.take() {
            merging.wait()?;
        }
        self.writer.delete_query(Box::new(places.clone()))?;
        Ok(())
    }

    /// Commits deletions, and has every shard written anew that they were in.
    fn commit_removals(&mut self, index: &Index, shared: &Shared) -> Result<(), IndexError> {
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&index.payload(&self.positions, self.removals));
        commit.commit()?;
        self.pending = 0;
        self.write_anew(index)?;
        shared.forget(&self.positions);
        Ok(())
    }

    /// Writes shards anew of which documents were deleted: until then what they were found by is in the files.
    fn write_anew(&mut self, index: &Index) -> Result<(), IndexError> {
        let segments = index.engine.load_metas()?.segments;
        let ids: Vec<_> =
            segments.iter().filter(|segment| segment.has_deletes()).map(SegmentMeta::id).collect();
        // What is still named anywhere is not removed.
        drop(segments);
        for id in ids {
            self.writer.merge(&[id]).wait()?;
        }
        // Before anybody is told: whoever waits for this relies on the files being gone.
        self.writer.garbage_collect_files().wait()?;
        index.load()?;
        Ok(())
    }

    fn add(&mut self, index: &Index, log: LogNumber, entries: &[Entry]) -> Result<(), IndexError> {
        if entries.is_empty() {
            return Ok(());
        }
        if self.pending == 0 {
            self.pending_since = Instant::now();
        }
        let document = |entry: &Entry| UserOperation::Add(index.slots.document(log, entry, &mut self.terms));
        let documents: Vec<_> = entries.iter().map(document).collect();
        self.pending += u64::try_from(documents.len()).unwrap_or_default();
        self.writer.run(documents)?;
        Ok(())
    }

    fn is_due(&self) -> bool {
        self.pending > 0 && self.pending_since.elapsed() >= COMMIT_AFTER
    }

    /// Makes searchable what was added, and says how far each log is.
    fn commit(&mut self, index: &Index, shared: &Shared) -> Result<(), IndexError> {
        if self.pending == 0 {
            return Ok(());
        }
        let payload = index.payload(&self.positions, self.removals);
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&payload);
        commit.commit()?;
        self.pending = 0;
        index.load()?;
        shared.forget(&self.positions);
        Ok(())
    }

    /// Takes in a merge that has ended, and begins the next one.
    fn merge(&mut self, index: &Index) -> Result<(), IndexError> {
        if let Some(merging) = &mut self.merging {
            match Pin::new(merging).poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => return Ok(()),
                Poll::Ready(merged) => {
                    merged?;
                    self.merging = None;
                    index.load()?;
                }
            }
        }
        let snapshot = index.snapshot();
        let sizes: Vec<_> = snapshot.shards.iter().map(|shard| (shard.id, shard.docs)).collect();
        if let Some(ids) = merge::choose(&sizes) {
            self.merging = Some(self.writer.merge(&ids));
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the signature of `map_err`")]
fn store_failed(error: StoreError) -> IndexError {
    IndexError::Engine(error.to_string())
}

fn lock_path(directory: &Path) -> PathBuf {
    directory.with_extension("lock")
}
