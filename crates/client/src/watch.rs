//! Checking that a log still holds what it took: for programs that may also read it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tlog::{Checkpoint, Hash, VerifierKey};
use uuid::Uuid;

use crate::client::Client;
use crate::error::Error;
use crate::outbox::{Arrived, OutboxError, inspect, replace};

/// Checks the log of a site against what an outbox remembers of it: the last entry that arrived, and the last checkpoint that
/// was verified.
///
/// What is checked, each time by the log's signature and a proof of inclusion:
///
/// - the newest entry that arrived from this outbox is in the log, at the index that its receipt names;
/// - so is the entry that was the newest at the check before;
/// - the log has not become shorter, and has not two roots at one size.
///
/// ```no_run
/// use client::{Client, LogWatch};
///
/// # async fn check() -> Result<(), Box<dyn std::error::Error>> {
/// // A token that may read (`--role auditor`), and the log's key, from a place that you trust.
/// let client = Client::new("https://audit.example.com", "the-token-of-an-auditor")?;
/// let watch = LogWatch::new(client, "acme.www", "audit.example.com/logs/acme.www/1+7b9c…+AX…", "/var/lib/cms/outbox")?;
/// let checked = watch.check().await?;
/// println!("{checked:?}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LogWatch {
    client: Client,
    site: String,
    key: VerifierKey,
    outbox: PathBuf,
}

/// What a check has found in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Checked {
    /// Nothing has arrived yet.
    Nothing,
    /// The log holds what it took.
    Holds {
        /// Entries in the log at the checkpoint that the newest entry's receipt leads to.
        size: u64,
        /// Entries at the checkpoint before, if one is remembered.
        before: Option<u64>,
    },
}

/// What a check has found wrong, or why there was none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The key does not read.
    #[error("the log's key does not read: {0}. Give it as `indelible verify --key` takes it")]
    Key(String),
    /// What the outbox remembers does not read.
    #[error("what is remembered does not read: {0}")]
    Memory(String),
    /// The outbox cannot be read.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// No receipt came. That an entry is unknown to the log (404) means that the log has lost it.
    #[error("no receipt for entry {id}: {source}")]
    NoReceipt {
        /// The entry.
        id: Uuid,
        /// What came instead.
        source: Error,
    },
    /// The log is not what it was.
    #[error(
        "the log does not hold what it took: {0}. Keep the outbox's directory, and compare with other checkpoints"
    )]
    Broken(String),
}

/// What is remembered from one check to the next.
#[derive(Serialize, Deserialize)]
struct Remembered {
    /// The checkpoint, as the log signed it.
    note: String,
    /// The entry that was the newest then.
    arrived: Arrived,
}

impl LogWatch {
    /// A watch over the log of a site, for the outbox in a directory. `verifier_key` is the log's key.
    ///
    /// # Errors
    /// When the key does not read.
    pub fn new(
        client: Client,
        site: impl Into<String>,
        verifier_key: &str,
        outbox: impl Into<PathBuf>,
    ) -> Result<Self, WatchError> {
        let key = verifier_key.parse().map_err(|error: tlog::KeyError| WatchError::Key(error.to_string()))?;
        Ok(Self { client, site: site.into(), key, outbox: outbox.into() })
    }

    /// Checks the log as it is now, and remembers the checkpoint.
    ///
    /// # Errors
    /// [`WatchError::Broken`] when the log is not what it was; otherwise, when it cannot be checked.
    pub async fn check(&self) -> Result<Checked, WatchError> {
        let report = inspect(&self.outbox)?;
        let Some(newest) = report.arrived.get(&self.site).cloned() else { return Ok(Checked::Nothing) };
        let remembered = self.remembered()?;
        let before = remembered.as_ref().map(|remembered| self.verified(&remembered.note)).transpose()?;
        if let Some(remembered) = &remembered {
            self.held(&remembered.arrived, before.as_ref()).await?;
        }
        let (note, checkpoint) = self.held(&newest, before.as_ref()).await?;
        let json = serde_json::to_vec(&Remembered { note, arrived: newest })
            .map_err(|error| WatchError::Memory(error.to_string()))?;
        replace(&self.memory(), &json).map_err(|error| WatchError::Memory(error.to_string()))?;
        Ok(Checked::Holds { size: checkpoint.size(), before: before.map(|before| before.size()) })
    }

    /// The checkpoint that an entry's receipt leads to, once it is sure that the entry is below it and that it follows the one before.
    async fn held(
        &self,
        arrived: &Arrived,
        before: Option<&Checkpoint>,
    ) -> Result<(String, Checkpoint), WatchError> {
        let broken = |why: String| WatchError::Broken(why);
        let Arrived { id, index, leaf_hash, .. } = arrived;
        let text = self
            .client
            .proof(&self.site, *id)
            .await
            .map_err(|source| WatchError::NoReceipt { id: *id, source })?;
        let receipt = tlog::Receipt::parse(&text)
            .map_err(|error| broken(format!("the receipt of entry {id} does not read: {error}")))?;
        if receipt.index() != *index {
            return Err(broken(format!("entry {id} was at index {index} and is at {}", receipt.index())));
        }
        let leaf: Hash =
            leaf_hash.parse().map_err(|_| WatchError::Memory(format!("`{leaf_hash}` is no hash")))?;
        let checkpoint =
            receipt.verify(&leaf, self.key.name(), std::slice::from_ref(&self.key)).map_err(|error| {
                broken(format!("the receipt of entry {id} does not hold: {}", innermost(&error)))
            })?;
        if let Some(before) = before {
            if checkpoint.size() < before.size() {
                return Err(broken(format!(
                    "it had {} entries and has {}",
                    before.size(),
                    checkpoint.size()
                )));
            }
            if checkpoint.size() == before.size() && checkpoint.root() != before.root() {
                return Err(broken(format!("it has two roots at {} entries", before.size())));
            }
        }
        Ok((receipt.checkpoint_note().to_owned(), checkpoint))
    }

    fn verified(&self, note: &str) -> Result<Checkpoint, WatchError> {
        Checkpoint::verify(note, self.key.name(), std::slice::from_ref(&self.key))
            .map_err(|error| WatchError::Memory(format!("the remembered checkpoint: {error}")))
    }

    fn remembered(&self) -> Result<Option<Remembered>, WatchError> {
        let unread = |error: &dyn std::fmt::Display| WatchError::Memory(error.to_string());
        match std::fs::read(self.memory()) {
            Ok(json) => serde_json::from_slice(&json).map(Some).map_err(|error| unread(&error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unread(&error)),
        }
    }

    fn memory(&self) -> PathBuf {
        // Ids of sites have no characters that paths could not have; another one is kept under its bytes.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        let name: String = self
            .site
            .bytes()
            .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })
            .collect();
        Path::new(&self.outbox).join(format!("checkpoint-{name}.json"))
    }
}

fn innermost<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    error.source().map_or(error, innermost)
}
