use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::store::{LogNumber, SignedHead, Store, StoreError};

/// What readers may see: the published head of every log.
///
/// The head store is asked at every read, so that a head published by another process on the same
/// installation (an import, a token made at the terminal) is seen by the very next read here.
#[derive(Debug)]
pub struct Published {
    store: Arc<dyn Store>,
    state: RwLock<State>,
    changes: watch::Sender<u64>,
    /// SHA-256 of full tiles that were proven to be part of a signed head. What was part of a log stays part of
    /// it, so that they need not be proven again as long as they are the same.
    proven: RwLock<HashMap<(LogNumber, u64), [u8; 32]>>,
}

/// Tiles that are kept as proven, about 80 bytes each. When there are more, all are let go.
const PROVEN_MAX: usize = 65_536;

#[derive(Debug, Default)]
struct State {
    /// The mark up to which publications are in `heads`.
    mark: u64,
    heads: HashMap<LogNumber, Arc<SignedHead>>,
    /// Counts the changes of `heads`.
    changes: u64,
}

impl Published {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, state: RwLock::default(), changes: watch::Sender::new(0), proven: RwLock::default() }
    }

    /// The published head of a log; `None` before its first publication.
    pub fn head(&self, log: LogNumber) -> Result<Option<Arc<SignedHead>>, StoreError> {
        self.refresh()?;
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        Ok(state.heads.get(&log).cloned())
    }

    /// Number of entries of a log that readers may see.
    pub fn size(&self, log: LogNumber) -> Result<u64, StoreError> {
        Ok(self.head(log)?.map_or(0, |signed| signed.head.size))
    }

    /// Whether a full tile with this SHA-256 was proven to be part of its log.
    pub(crate) fn is_proven(&self, log: LogNumber, tile: u64, sha256: &[u8; 32]) -> bool {
        let proven = self.proven.read().unwrap_or_else(PoisonError::into_inner);
        proven.get(&(log, tile)) == Some(sha256)
    }

    /// Keeps that a full tile was proven to be part of its log.
    pub(crate) fn note_proven(&self, log: LogNumber, tile: u64, sha256: [u8; 32]) {
        let mut proven = self.proven.write().unwrap_or_else(PoisonError::into_inner);
        if proven.len() >= PROVEN_MAX {
            proven.clear();
        }
        proven.insert((log, tile), sha256);
    }

    /// A receiver that wakes up when this process notices a publication.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Takes in what was published since the last call.
    pub fn refresh(&self) -> Result<(), StoreError> {
        let since = self.state.read().unwrap_or_else(PoisonError::into_inner).mark;
        let Some((mark, heads)) = self.store.heads(since)? else { return Ok(()) };
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        // Another thread may have been here meanwhile and know more.
        let is_newer = mark >= state.mark;
        state.mark = mark.max(state.mark);
        let mut changed = false;
        for signed in heads {
            let known = state.heads.get(&signed.log);
            // A head is signed anew when keys change.
            let news = known.is_none_or(|known| {
                signed.head.size > known.head.size
                    || (is_newer && signed.head.size == known.head.size && **known != signed)
            });
            if news {
                state.heads.insert(signed.log, Arc::new(signed));
                changed = true;
            }
        }
        if changed {
            state.changes += 1;
            self.changes.send_replace(state.changes);
        }
        Ok(())
    }
}
