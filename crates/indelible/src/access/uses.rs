//! When tokens were last used: noted at most once a minute for each, by a thread of its own, so that no request waits.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock;
use crate::store::Store;

/// How often the use of one token is noted, at most.
const NOTED_EVERY: Duration = Duration::from_mins(1);

/// Uses that wait to be kept, at most; what is more is noted with the next use.
const WAITING_MAX: usize = 1_024;

/// Tokens that are remembered, at most; beyond that all are forgotten, and noted once more.
const KNOWN_MAX: usize = 50_000;

/// The uses of tokens.
#[derive(Debug)]
pub(super) struct Uses {
    noted: Mutex<HashMap<Uuid, Timestamp>>,
    /// None where no thread could be started: then it is not known when tokens were used.
    sender: Option<SyncSender<(Uuid, Timestamp)>>,
}

impl Uses {
    /// The uses of the tokens in a store.
    pub(super) fn of(store: &Arc<dyn Store>) -> Self {
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let store = Arc::clone(store);
        let started =
            thread::Builder::new().name("token-uses".to_owned()).spawn(move || keep(&*store, &receiver));
        Self { noted: Mutex::default(), sender: started.is_ok().then_some(sender) }
    }

    /// A token was used.
    pub(super) fn note(&self, token: Uuid) {
        let Some(sender) = &self.sender else { return };
        let now = clock::now();
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = |last: &Timestamp| now.duration_since(*last).unsigned_abs() >= NOTED_EVERY;
        if !noted.get(&token).is_none_or(is_due) {
            return;
        }
        if noted.len() >= KNOWN_MAX {
            noted.clear();
        }
        if sender.try_send((token, now)).is_ok() {
            noted.insert(token, now);
        }
    }
}

/// Keeps what waits, until nobody can note anything any more.
fn keep(store: &dyn Store, receiver: &Receiver<(Uuid, Timestamp)>) {
    while let Ok(first) = receiver.recv() {
        let uses: Vec<(Uuid, Timestamp)> = std::iter::once(first).chain(receiver.try_iter()).collect();
        if let Err(error) = store.note_uses(&uses) {
            tracing::warn!(%error, "when tokens were used could not be kept");
        }
    }
}
