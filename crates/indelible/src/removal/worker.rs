//! The worker: a thread of a server that goes on with what was left undone, and has content expire once a day.

use std::time::{Duration, Instant};

use super::{Expiring, expire_all, resume};
use crate::access::Caller;
use crate::repeat::{AtEnd, Repeating};
use crate::{Indelible, clock};

/// How often the worker looks for removals that wait, for a hold to be lifted or for a disk to have room again.
const LOOK_AGAIN: Duration = Duration::from_hours(1);

/// How often content expires.
const RUN_AGAIN: Duration = Duration::from_hours(24);

/// Works until it is dropped. What it leaves undone is done after the next start.
#[derive(Debug)]
pub struct Worker {
    _thread: Repeating,
}

impl Worker {
    /// Starts the worker of an installation.
    #[must_use]
    pub fn start(indelible: Indelible) -> Self {
        let mut last: Option<Instant> = None;
        let look = move || {
            // Another process does it.
            if indelible.store().may_remove().is_err() {
                return LOOK_AGAIN;
            }
            match resume(&indelible) {
                Ok(resumed) if resumed.held > 0 => {
                    tracing::info!(waiting = resumed.held, "removals wait for holds to be lifted");
                }
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "a removal could not be completed; it is tried again"),
            }
            if last.is_none_or(|last| last.elapsed() >= RUN_AGAIN) {
                last = Some(Instant::now());
                expire(&indelible);
            }
            LOOK_AGAIN
        };
        Self { _thread: Repeating::start("removal", AtEnd::Leave, look) }
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
