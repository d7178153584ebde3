//! The embedded store: one data directory, one or more processes on one machine.
//!
//! ```text
//! DIR/indelible.sqlite    entries, tiles, sites, settings, tokens, saved searches
//! DIR/head/heads.sqlite   the last signed head of every log (elsewhere by APP__STORE__HEAD_PATH)
//! DIR/commit.lock         held while a batch is committed
//! ```
//!
//! Both databases run in WAL mode with `synchronous=FULL`: a commit is on disk when it returns.

mod accounts;
mod backup;
mod configuration;
mod entries;
mod epoch;
mod heads;
mod links;
mod merge;
mod open;
mod parts;
mod pool;
mod read;
mod recover;
mod removal;
mod searches;
mod sqlite;
mod umbrella;
mod users;
mod walk;
mod write;

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use super::{
    Batch, BlockInfo, CommitLock, Head, LogNumber, Merge, SaveError, SavedSearch, Scope, Session, SignedHead,
    Site, Store, StoreError, Token, User, Walk,
};
use heads::HeadStore;
use pool::Pool;
use recover::Lock;

pub use open::{CreateOptions, SurvivingHeads};

/// The store in a data directory.
pub struct EmbeddedStore {
    directory: PathBuf,
    installation: Uuid,
    origin: String,
    epoch: u32,
    /// The one connection that writes; whoever holds it is in a transaction.
    writer: Mutex<Connection>,
    readers: Pool,
    heads: HeadStore,
    lock_file: File,
    /// Serialises committers of this process: file locks are between processes.
    committing: Mutex<()>,
}

impl fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedStore").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Says where room is to be made.
    fn placed(&self, error: StoreError) -> StoreError {
        if !matches!(error, StoreError::Full { .. }) {
            return error;
        }
        let (data, heads) = (self.directory.display(), self.heads.directory().display());
        StoreError::Full { place: format!("{data} and {heads}") }
    }
}

impl Store for EmbeddedStore {
    fn installation(&self) -> Uuid {
        self.installation
    }

    fn origin(&self) -> &str {
        &self.origin
    }

    fn epoch(&self) -> u32 {
        self.epoch
    }

    fn sites(&self) -> Result<Vec<Site>, StoreError> {
        let all = self.readers.with(read::sites)?;
        let published = self.heads.logs()?;
        Ok(all.into_iter().filter(|site| site.id.is_system() || published.contains(&site.log)).collect())
    }

    fn heads(&self, since: u64) -> Result<Option<(u64, Vec<SignedHead>)>, StoreError> {
        self.heads.since(since)
    }

    /// One lock for everything: there is one file to write to.
    fn lock(&self, _: Scope<'_>) -> Result<Box<dyn CommitLock + '_>, StoreError> {
        let lock = Lock::take(&self.committing, &self.lock_file)?;
        recover::discard_staged(&self.writer, &self.heads).map_err(|error| self.placed(error))?;
        Ok(Box::new(lock))
    }

    fn positions(&self, log: LogNumber, ids: &[Uuid]) -> Result<Vec<Option<u64>>, StoreError> {
        self.readers.with(|connection| read::positions(connection, log, ids))
    }

    fn ids(&self, log: LogNumber, after: Option<Uuid>, max: usize) -> Result<Vec<(Uuid, u64)>, StoreError> {
        self.readers.with(|connection| read::ids(connection, log, after, max))
    }

    fn id_count(&self, log: LogNumber) -> Result<u64, StoreError> {
        self.readers.with(|connection| read::id_count(connection, log))
    }

    fn persist(&self, batch: &Batch) -> Result<(), StoreError> {
        write::persist(&self.writer, batch).map_err(|error| self.placed(error))
    }

    fn publish(&self, heads: &[(Head, SignedHead)]) -> Result<(), StoreError> {
        self.heads.swap(heads).map_err(|error| self.placed(error))?;
        let logs: Vec<LogNumber> = heads.iter().map(|(_, next)| next.log).collect();
        write::note_published(&self.writer, &logs)
    }

    fn entries(&self, log: LogNumber, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        self.readers.with(|connection| entries::in_range(connection, log, range))
    }

    fn entries_at(&self, log: LogNumber, positions: &[u64]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.readers.with(|connection| entries::at(connection, log, positions))
    }

    fn blocks(
        &self,
        log: LogNumber,
        walk: Walk,
        after: Option<BlockInfo>,
        max: usize,
    ) -> Result<Vec<BlockInfo>, StoreError> {
        self.readers.with(|connection| walk::blocks(connection, log, walk, after, max))
    }

    fn merge_blocks(&self, log: LogNumber, from: u64) -> Result<Merge, StoreError> {
        let published = self.heads.of(log)?.size;
        let step = self.readers.with(|connection| merge::plan(connection, log, from, published))?;
        let Some(plan) = step.plan else { return Ok(Merge { next: step.next, merged: false }) };
        // What a crashed committer may have staged is left to those who commit: no merge touches it.
        let lock = Lock::take(&self.committing, &self.lock_file)?;
        merge::apply(&self.writer, &plan).map_err(|error| self.placed(error))?;
        drop(lock);
        Ok(Merge { next: step.next, merged: true })
    }

    fn tile(&self, log: LogNumber, level: u8, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.with(|connection| read::tile(connection, log, level, number))
    }

    fn linked(&self, log: LogNumber, targets: &[Vec<u8>]) -> Result<Vec<Vec<u64>>, StoreError> {
        self.readers.with(|connection| links::to(connection, log, targets))
    }

    fn configuration(&self, log: LogNumber, name: &str) -> Result<Option<String>, StoreError> {
        self.readers.with(|connection| configuration::get(connection, log, name))
    }

    fn configurations(&self, log: LogNumber) -> Result<Vec<(String, String)>, StoreError> {
        self.readers.with(|connection| configuration::all(connection, log))
    }

    fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.readers.with(accounts::tokens)
    }

    fn token(&self, secret_sha256: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        self.readers.with(|connection| accounts::token(connection, secret_sha256))
    }

    fn note_uses(&self, uses: &[(Uuid, Timestamp)]) -> Result<(), StoreError> {
        let mut writer = sqlite::locked(&self.writer)?;
        accounts::note_uses(&mut writer, uses)
    }

    fn users(&self) -> Result<Vec<User>, StoreError> {
        self.readers.with(users::all)
    }

    fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.readers.with(|connection| users::by_name(connection, name))
    }

    fn put_session(&self, session: &Session, user: Option<&User>) -> Result<bool, StoreError> {
        let mut writer = sqlite::locked(&self.writer)?;
        accounts::put_session(&mut writer, session, user)
    }

    fn sessions(&self, account: &str) -> Result<Vec<Session>, StoreError> {
        self.readers.with(|connection| accounts::sessions(connection, account))
    }

    fn end_sessions(&self, account: &str) -> Result<usize, StoreError> {
        let writer = sqlite::locked(&self.writer)?;
        accounts::end_sessions(&writer, account)
    }

    fn session(&self, secret_sha256: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        self.readers.with(|connection| accounts::session(connection, secret_sha256))
    }

    fn end_session(&self, secret_sha256: &[u8; 32]) -> Result<bool, StoreError> {
        let writer = sqlite::locked(&self.writer)?;
        accounts::end_session(&writer, secret_sha256)
    }

    fn put_saved_search(&self, search: &SavedSearch) -> Result<(), SaveError> {
        let mut writer = sqlite::locked(&self.writer)?;
        searches::put(&mut writer, search).map_err(|error| match error {
            SaveError::Store(error) => self.placed(error).into(),
            refusal @ (SaveError::NameTaken { .. } | SaveError::TooMany) => refusal,
        })
    }

    fn saved_searches(&self, owner: &str) -> Result<Vec<SavedSearch>, StoreError> {
        self.readers.with(|connection| searches::of_owner(connection, owner))
    }

    fn all_saved_searches(&self) -> Result<Vec<SavedSearch>, StoreError> {
        self.readers.with(searches::all)
    }

    fn saved_search(&self, id: Uuid) -> Result<Option<SavedSearch>, StoreError> {
        self.readers.with(|connection| searches::by_id(connection, id))
    }

    fn delete_saved_search(&self, owner: &str, id: Uuid) -> Result<bool, StoreError> {
        let writer = sqlite::locked(&self.writer)?;
        searches::delete(&writer, owner, id).map_err(|error| self.placed(error))
    }

    fn back_up(&self, to: &Path, progress: &dyn Fn(u64, u64)) -> Result<(), StoreError> {
        backup::back_up(self, to, progress)
    }
}
