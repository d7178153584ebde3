//! The worker: a thread of a server that goes on with what was left undone, and has content expire once a day.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{Expiring, expire_all, resume};
use crate::access::Caller;
use crate::{Indelible, clock};

/// How often the worker looks for removals that wait, for a hold to be lifted or for a disk to have room again.
const LOOK_AGAIN: Duration = Duration::from_hours(1);

/// How often content expires.
const RUN_AGAIN: Duration = Duration::from_hours(24);

/// Works until it is dropped.
#[derive(Debug)]
pub struct Worker {
    stop: Arc<Stop>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: Mutex<bool>,
    told: Condvar,
}

impl Worker {
    /// Starts the worker of an installation.
    #[must_use]
    pub fn start(indelible: Indelible) -> Self {
        let stop = Arc::new(Stop::default());
        let told = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("removal".to_owned())
            .spawn(move || run(&indelible, &told))
            .inspect_err(|error| tracing::error!(%error, "no thread for retention: nothing expires"))
            .ok();
        Self { stop, thread }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        *self.stop.asked.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.stop.told.notify_all();
        // A step is short, but a run may be long: what it leaves undone is done after the next start.
        drop(self.thread.take());
    }
}

fn run(indelible: &Indelible, stop: &Stop) {
    let mut last: Option<Instant> = None;
    loop {
        match resume(indelible) {
            Ok(resumed) if resumed.held > 0 => {
                tracing::info!(waiting = resumed.held, "removals wait for holds to be lifted");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "a removal could not be completed; it is tried again"),
        }
        if last.is_none_or(|last| last.elapsed() >= RUN_AGAIN) {
            last = Some(Instant::now());
            expire(indelible);
        }
        let asked = stop.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = stop.told.wait_timeout_while(asked, LOOK_AGAIN, |asked| !*asked);
        if *waited.unwrap_or_else(PoisonError::into_inner).0 {
            return;
        }
    }
}

fn expire(indelible: &Indelible) {
    let ran = match expire_all(indelible, false, clock::now(), &Caller::local("retention")) {
        Ok(ran) => ran,
        Err(error) => return tracing::error!(%error, "content could not expire; it is tried again tomorrow"),
    };
    for ran in ran {
        if let Expiring::Entries(expiry) = ran.expiring {
            tracing::info!(site = %ran.site.id, entries = expiry.count, "content expired");
        }
    }
}
