//! The thread that makes rounds.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Umbrella;

/// How often heads are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// From one round to the next.
    pub round: Duration,
    /// From the last leaf to one that is added though no head moved.
    pub heartbeat: Duration,
}

impl Default for Cadence {
    fn default() -> Self {
        Self { round: Duration::from_secs(10), heartbeat: Duration::from_mins(10) }
    }
}

/// The thread, which ends with its owner.
#[derive(Debug)]
pub struct Rounds {
    end: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Umbrella {
    /// Makes rounds in a thread of its own, from now on until what is returned is dropped.
    #[must_use]
    pub fn keep_up(self: &Arc<Self>, cadence: Cadence) -> Rounds {
        self.cadence.get_or_init(|| cadence);
        let end = Arc::new((Mutex::new(false), Condvar::new()));
        let (umbrella, ends) = (Arc::clone(self), Arc::clone(&end));
        let spawned = thread::Builder::new()
            .name("umbrella".to_owned())
            .spawn(move || run(&umbrella, cadence, &ends.0, &ends.1));
        if let Err(error) = &spawned {
            tracing::error!(%error, "no thread for the umbrella log: it stands still");
        }
        Rounds { end, thread: spawned.ok() }
    }
}

impl Drop for Rounds {
    /// Waits for the round in progress.
    fn drop(&mut self) {
        *self.end.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.end.1.notify_all();
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("the umbrella's thread ended abnormally");
        }
    }
}

fn run(umbrella: &Umbrella, cadence: Cadence, ended: &Mutex<bool>, changed: &Condvar) {
    let mut moved = Instant::now();
    loop {
        match umbrella.round(moved.elapsed() >= cadence.heartbeat) {
            Ok(0) => {}
            Ok(_) => moved = Instant::now(),
            Err(error) => tracing::error!(%error, "ALARM: a round of the umbrella log failed"),
        }
        let ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(ended, cadence.round, |ended| !*ended);
        let (ended, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *ended {
            return;
        }
    }
}
