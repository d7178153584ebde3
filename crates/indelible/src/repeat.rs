//! Threads that do the same again and again, until their owner is gone.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What is to become of the work in progress when the owner goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// It is waited for.
    Finish,
    /// It ends by itself some time, or with the process.
    Leave,
}

/// The thread, which ends with its owner.
#[derive(Debug)]
pub(crate) struct Repeating {
    end: Arc<End>,
    thread: Option<JoinHandle<()>>,
    at_end: AtEnd,
}

#[derive(Debug, Default)]
struct End {
    asked: Mutex<bool>,
    told: Condvar,
}

impl Repeating {
    /// Works in a thread of this name; each time `work` says how long it is until the next.
    pub(crate) fn start(
        name: &str,
        at_end: AtEnd,
        mut work: impl FnMut() -> Duration + Send + 'static,
    ) -> Self {
        let end = Arc::new(End::default());
        let ended = Arc::clone(&end);
        let run = move || while !ended.comes_within(work()) {};
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
        if let Err(error) = &thread {
            tracing::error!(%error, name, "ALARM: a thread could not be started: its work is not done");
        }
        Self { end, thread: thread.ok(), at_end }
    }
}

impl End {
    fn comes_within(&self, time: Duration) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.told.wait_timeout_while(asked, time, |asked| !*asked);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Repeating {
    fn drop(&mut self) {
        *self.end.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.end.told.notify_all();
        let Some(thread) = self.thread.take().filter(|_| self.at_end == AtEnd::Finish) else { return };
        if thread.join().is_err() {
            tracing::error!("a thread ended abnormally");
        }
    }
}
