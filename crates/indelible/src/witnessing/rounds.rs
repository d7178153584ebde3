//! Asking the witnesses again and again, each at its own pace.

use std::time::Duration;

use tokio::task::JoinSet;

use super::{Submitter, Unwitnessed};

/// From one look at the umbrella's head to the next.
const LOOK: Duration = Duration::from_secs(1);

/// The wait after a failure; it doubles with each further one.
const BACKOFF: Duration = Duration::from_secs(2);
const BACKOFF_MAX: Duration = Duration::from_mins(1);

/// The tasks, which end with their owner.
#[derive(Debug)]
pub struct Asking {
    _tasks: JoinSet<()>,
}

impl Submitter {
    /// Asks every witness for its cosignature of each new head, from now on until what is returned is dropped. Must
    /// be called within a runtime.
    #[must_use]
    pub fn keep_up(&self) -> Asking {
        let mut tasks = JoinSet::new();
        for (place, standing) in self.witnesses.standings().into_iter().enumerate() {
            if standing.url.is_some() {
                tasks.spawn(run(self.clone(), place, standing.name));
            }
        }
        Asking { _tasks: tasks }
    }
}

async fn run(submitter: Submitter, place: usize, name: String) {
    let mut wait = LOOK;
    let mut told: Option<Unwitnessed> = None;
    loop {
        match submitter.ask(place).await {
            Ok(size) => {
                if told.take().is_some() {
                    tracing::info!(witness = name, size, "the witness cosigns again");
                }
                wait = LOOK;
            }
            // Nothing is there to cosign yet.
            Err(Unwitnessed::NotAsked(_)) => wait = LOOK,
            Err(error) => {
                // The same once: a witness may be away for days.
                if told.as_ref() != Some(&error) {
                    tracing::error!(witness = name, %error, "a witness did not cosign; it is asked again");
                }
                told = Some(error);
                wait = (wait * 2).clamp(BACKOFF, BACKOFF_MAX);
            }
        }
        tokio::time::sleep(wait).await;
    }
}
