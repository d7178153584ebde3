//! The thread that makes rounds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Umbrella;
use crate::repeat::{AtEnd, Repeating};

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

/// The thread, which ends with its owner, after the round in progress.
#[derive(Debug)]
pub struct Rounds {
    _thread: Repeating,
}

impl Umbrella {
    /// Makes rounds in a thread of its own, from now on until what is returned is dropped.
    #[must_use]
    pub fn keep_up(self: &Arc<Self>, cadence: Cadence) -> Rounds {
        self.cadence.get_or_init(|| cadence);
        let umbrella = Arc::clone(self);
        let mut moved = Instant::now();
        let round = move || {
            match umbrella.round(moved.elapsed() >= cadence.heartbeat) {
                Ok(0) => {}
                Ok(_) => moved = Instant::now(),
                Err(error) => tracing::error!(%error, "ALARM: a round of the umbrella log failed"),
            }
            cadence.round
        };
        Rounds { _thread: Repeating::start("umbrella", AtEnd::Finish, round) }
    }
}
