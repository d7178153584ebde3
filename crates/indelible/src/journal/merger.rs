//! The merger: a thread that makes what came entry by entry lie closer together, in small steps and with rests
//! between them, so that nobody who writes or reads has to wait for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tlog::TILE_WIDTH;

use crate::store::{LogNumber, Run, Store, StoreError};

/// How many times as long as a step the rest after it takes: merging has at most a fifth of one processor, and
/// of the commit lock less than that.
const RESTS_PER_STEP: u32 = 4;

/// The thread, which ends with its owner.
#[derive(Debug)]
pub(super) struct Merger {
    work: Arc<Work>,
    thread: Option<JoinHandle<()>>,
}

/// What is to be looked at.
#[derive(Debug, Default)]
pub(super) struct Work {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    logs: BTreeSet<LogNumber>,
    ended: bool,
}

impl Merger {
    pub(super) fn start(store: Arc<dyn Store>) -> Self {
        let work = Arc::new(Work::default());
        let of_thread = Arc::clone(&work);
        let spawned =
            thread::Builder::new().name("merger".to_owned()).spawn(move || run(store.as_ref(), &of_thread));
        if let Err(error) = &spawned {
            tracing::warn!(%error, "no thread for merging: small blocks stay small");
        }
        Self { work, thread: spawned.ok() }
    }

    pub(super) const fn work(&self) -> &Arc<Work> {
        &self.work
    }
}

impl Drop for Merger {
    /// Waits for the step in progress: whoever closes an installation may copy or remove its files next.
    fn drop(&mut self) {
        self.work.state().ended = true;
        self.work.changed.notify_all();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the merger ended abnormally");
        }
    }
}

impl Work {
    /// Tells of runs that were published. Only full tiles are merged, so nobody is woken for less.
    pub(super) fn published(&self, runs: &[Run]) {
        let width = u64::from(TILE_WIDTH);
        let filled = runs.iter().filter(|run| run.base.size / width != run.next.size / width);
        self.look_at(filled.map(|run| run.log));
    }

    /// Has these logs looked at.
    pub(super) fn look_at(&self, logs: impl IntoIterator<Item = LogNumber>) {
        let mut logs = logs.into_iter().peekable();
        if logs.peek().is_some() {
            self.state().logs.extend(logs);
            self.changed.notify_all();
        }
    }

    /// Waits for a log to look at; `None` at the end.
    fn next(&self) -> Option<LogNumber> {
        let idle = |state: &mut State| state.logs.is_empty() && !state.ended;
        let mut state = self.changed.wait_while(self.state(), idle).unwrap_or_else(PoisonError::into_inner);
        if state.ended { None } else { state.logs.pop_first() }
    }

    /// Rests; false when the end has come meanwhile.
    fn rest(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.state(), time, |state| !state.ended);
        !waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(store: &dyn Store, work: &Work) {
    // Where to go on in each log.
    let mut reached: HashMap<LogNumber, u64> = HashMap::new();
    while let Some(log) = work.next() {
        if let Err(error) = merge_log(store, work, log, reached.entry(log).or_default()) {
            // Nothing is lost and the log goes on; it is tried again when the log has grown.
            tracing::warn!(log, %error, "blocks could not be merged");
        }
    }
}

/// Merges until nothing is left to merge, or the end has come.
fn merge_log(store: &dyn Store, work: &Work, log: LogNumber, next: &mut u64) -> Result<(), StoreError> {
    loop {
        let started = Instant::now();
        let step = store.merge_blocks(log, *next)?;
        *next = step.next;
        if !step.merged || !work.rest(started.elapsed() * RESTS_PER_STEP) {
            return Ok(());
        }
    }
}
