//! The search index: derived from the log, and never more than a help. It may be deleted at any time, and is
//! made anew when it is missing, damaged or of another format.
//!
//! One tantivy index in `index/` in the data directory, whose segments are the *shards*. A shard holds entries
//! that arrived one after the other, so that its times lie close together, and pages of the newest entries
//! need one shard or two. The commit that makes entries searchable says how far each log is in the index;
//! what came later is searched in the log itself.

mod docs;
mod evaluate;
mod follow;
mod known;
mod merge;
mod pick;
mod removed;
mod schema;
mod shard;
mod tally;
mod terms;

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};
use tantivy::directory::MmapDirectory;
use tantivy::{IndexReader, ReloadPolicy, TantivyError};

use crate::store::LogNumber;
use schema::{FORMAT, Slots};
use shard::Shard;
use terms::HashKey;

pub(super) use evaluate::{Question as Evaluation, ShardDocs, named_ids};
pub(super) use follow::Follower;
pub use follow::Progress;
pub(super) use known::TallyKey;
pub(super) use pick::{LogRank, Pick, Ranks};
pub(super) use removed::Places;
pub use tally::Bucket;
pub(super) use tally::Tally;

/// The index of an installation, as readers see it.
pub struct Index {
    directory: PathBuf,
    slots: Slots,
    key: HashKey,
    reader: IndexReader,
    engine: tantivy::Index,
    snapshot: RwLock<Arc<Snapshot>>,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// What one commit of the index holds.
#[derive(Debug, Default)]
pub(in crate::search) struct Snapshot {
    /// Number of the commit.
    opstamp: u64,
    /// The shards, in the order in which their entries arrived.
    pub(in crate::search) shards: Vec<Arc<Shard>>,
    /// How many entries of each log are in them.
    pub(in crate::search) positions: HashMap<LogNumber, u64>,
    /// Number of the last removal that was carried out in them.
    pub(in crate::search) removals: u64,
}

/// What a commit says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    format: u32,
    /// Proves that the index belongs to the installation: a hash that only its key gives.
    belongs_to: String,
    positions: Vec<(LogNumber, u64)>,
    /// Number of the last removal of which nothing is left in it.
    #[serde(default)]
    removals: u64,
}

/// What can go wrong with the index. Nothing of it is lost: the log is searched instead.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The index cannot be read or written.
    #[error("the search index: {0}")]
    Engine(String),
    /// It has another format, or belongs to another installation.
    #[error("the search index {0}")]
    Foreign(&'static str),
    /// The search took too long.
    #[error("the search took too long")]
    TooLong,
}

impl From<TantivyError> for IndexError {
    fn from(error: TantivyError) -> Self {
        Self::Engine(error.to_string())
    }
}

impl From<io::Error> for IndexError {
    fn from(error: io::Error) -> Self {
        Self::Engine(error.to_string())
    }
}

impl Index {
    /// Opens the index in a directory.
    ///
    /// # Errors
    /// When there is none, or none that can be used: the caller may make it anew.
    pub fn open(directory: &Path, key: HashKey) -> Result<Self, IndexError> {
        let mapped = MmapDirectory::open(directory).map_err(|error| IndexError::Engine(error.to_string()))?;
        let index = tantivy::Index::open(mapped)?;
        let slots = Slots::new();
        if index.schema() != slots.schema() {
            return Err(IndexError::Foreign("has another format"));
        }
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let opened = Self {
            directory: directory.to_owned(),
            slots,
            key,
            reader,
            engine: index,
            snapshot: RwLock::default(),
        };
        opened.load()?;
        Ok(opened)
    }

    /// Makes a new, empty index in a directory, in the place of whatever is there.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn create(directory: &Path, key: HashKey) -> Result<Self, IndexError> {
        match fs::symlink_metadata(directory) {
            Ok(there) if there.is_dir() => fs::remove_dir_all(directory)?,
            Ok(_) => fs::remove_file(directory)?,
            Err(_) => {}
        }
        crate::files::make_private_directory(directory)?;
        let mapped = MmapDirectory::open(directory).map_err(|error| IndexError::Engine(error.to_string()))?;
        let slots = Slots::new();
        let settings = tantivy::IndexSettings {
            // Nothing is stored but where each of the empty documents is.
            docstore_compression: tantivy::store::Compressor::Lz4,
            docstore_compress_dedicated_thread: false,
            ..tantivy::IndexSettings::default()
        };
        let index = tantivy::Index::create(mapped, slots.schema(), settings)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let snapshot = RwLock::default();
        Ok(Self { directory: directory.to_owned(), slots, key, reader, engine: index, snapshot })
    }

    /// The newest commit that this process knows of.
    pub(in crate::search) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes in the newest commit, by whichever process.
    pub(in crate::search) fn load(&self) -> Result<(), IndexError> {
        let metas = self.engine.load_metas()?;
        let known = self.snapshot();
        let ids: Vec<_> = metas.segments.iter().map(tantivy::index::SegmentMeta::id).collect();
        if metas.opstamp == known.opstamp
            && ids.len() == known.shards.len()
            && known.shards.iter().all(|shard| ids.contains(&shard.id))
        {
            return Ok(());
        }
        // Shards that still have what was deleted are about to be written anew.
        if metas.segments.iter().any(tantivy::index::SegmentMeta::has_deletes) {
            return Ok(());
        }
        let (positions, removals) = match &metas.payload {
            Some(payload) => self.told(payload)?,
            None => (HashMap::new(), 0),
        };
        self.reader.reload()?;
        // A commit between the two would pair shards with other positions; merges change no content.
        if self.engine.load_metas()?.opstamp != metas.opstamp {
            return self.load();
        }
        let mut shards = Vec::new();
        for reader in self.reader.searcher().segment_readers() {
            let at_hand = known.shards.iter().find(|shard| shard.id == reader.segment_id());
            shards.push(match at_hand {
                Some(shard) => Arc::clone(shard),
                None => Arc::new(Shard::open(reader, &self.slots)?),
            });
        }
        shards.sort_by_key(|shard| (shard.recorded_ms.min_value(), shard.recorded_ms.max_value()));
        let snapshot = Snapshot { opstamp: metas.opstamp, shards, positions, removals };
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(())
    }

    /// How far each log is, and the removals.
    fn told(&self, payload: &str) -> Result<(HashMap<LogNumber, u64>, u64), IndexError> {
        let payload: Payload = serde_json::from_str(payload)
            .map_err(|_| IndexError::Foreign("says nothing of itself that can be read"))?;
        if payload.format != FORMAT {
            return Err(IndexError::Foreign("has another format"));
        }
        if payload.belongs_to != terms::signature(&self.key) {
            return Err(IndexError::Foreign("belongs to another installation"));
        }
        Ok((payload.positions.into_iter().collect(), payload.removals))
    }

    fn payload(&self, positions: &HashMap<LogNumber, u64>, removals: u64) -> String {
        let mut positions: Vec<_> = positions.iter().map(|(log, size)| (*log, *size)).collect();
        positions.sort_unstable();
        let payload =
            Payload { format: FORMAT, belongs_to: terms::signature(&self.key), positions, removals };
        serde_json::to_string(&payload).unwrap_or_default()
    }

    /// The key of its hashes.
    pub(in crate::search) const fn key(&self) -> &HashKey {
        &self.key
    }
}
