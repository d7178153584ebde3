//! The store in PostgreSQL: any number of processes on one database, and nothing shared between them but it.
//!
//! Entries lie in the same blocks as in the embedded store, and each process has a search index of its own, which follows
//! the logs. A commit is one transaction, which locks, compares and swaps the heads of the logs that it appends to
//! (`commit`). The service's role cannot change or delete entries (`migrations/postgres`).
//!
//! Methods block the calling thread while the connections live on a thread of the store's own.

mod accounts;
mod blocks;
mod commit;
mod connect;
mod errors;
mod read;
mod removal;
mod rows;
mod schema;
mod searches;
mod seen;
mod statements;
mod tls;
mod umbrella;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use deadpool_postgres::Client;
use jiff::Timestamp;
use model::SiteId;
use uuid::Uuid;

use super::{
    Batch, BlockInfo, CommitLock, CreateOptions, Head, LogNumber, Merge, SYSTEM_LOG, SaveError, SavedSearch,
    Scope, Session, SignedHead, Site, Store, StoreError, Token, User, Walk,
};
use commit::{Committing, Lock};
use connect::Connections;
use seen::Seen;

pub use connect::DatabaseUrl;
pub(crate) use connect::connect_alone;
pub use schema::init_database;

/// A database whose schema fits, with an installation in it or none yet.
pub struct Database {
    connections: Connections,
    installation: Option<Installation>,
}

/// What tells an installation from others.
#[derive(Clone, Debug)]
struct Installation {
    id: Uuid,
    origin: String,
    epoch: u32,
    /// By which a process knows whether it has the right seed.
    seed_check: Vec<u8>,
}

impl Database {
    /// Connects, and checks server and schema.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the way forward, [`StoreError::Unavailable`] when the server does not answer.
    pub fn connect(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let connections = Connections::new(url)?;
        let installation = connections.wait(async {
            let client = connections.get().await?;
            schema::check_server(&client).await?;
            schema::check_schema(&client, &connections.place).await?;
            schema::check_service(&client, &connections.place).await?;
            installation(&client).await
        })?;
        Ok(Self { connections, installation })
    }

    /// Whether there is an installation in it.
    #[must_use]
    pub const fn has_installation(&self) -> bool {
        self.installation.is_some()
    }

    /// By which a process knows whether it has the seed of the installation in it.
    #[must_use]
    pub fn seed_check(&self) -> Option<&[u8]> {
        self.installation.as_ref().map(|installation| installation.seed_check.as_slice())
    }

    /// The id of the installation in it.
    #[must_use]
    pub fn installation(&self) -> Option<Uuid> {
        self.installation.as_ref().map(|installation| installation.id)
    }

    /// Makes an installation. When another process was faster, it is that one's that holds.
    ///
    /// # Errors
    /// When the database does not take it.
    pub fn create(&mut self, options: &CreateOptions, seed_check: &[u8]) -> Result<(), StoreError> {
        let created = self.connections.wait(async {
            let client = self.connections.get().await?;
            rows::atomically(&client, CREATING, async || create(&client, options, seed_check).await).await
        });
        self.installation =
            self.connections.wait(async { installation(&self.connections.get().await?).await })?;
        if self.installation.is_some() { Ok(()) } else { created }
    }

    /// Opens the installation in it. `directory` keeps which heads this process has seen; `retention` is the address by
    /// which content is removed, if this process removes any.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is none, or the database is behind what was seen of it.
    pub fn open(
        self,
        directory: &Path,
        retention: Option<&DatabaseUrl>,
    ) -> Result<PostgresStore, StoreError> {
        let Some(installation) = self.installation else {
            return Err(StoreError::Refused(format!(
                "there is no installation in {} yet: `indelible serve` makes one",
                self.connections.place
            )));
        };
        let retention = retention.map(Connections::new).transpose()?;
        if let Some(retention) = &retention {
            retention
                .wait(async { schema::check_retention(&retention.get().await?, &retention.place).await })?;
        }
        let store = PostgresStore {
            seen: Seen::open(directory, installation.id)?,
            connections: self.connections,
            retention,
            installation,
            committer: Mutex::default(),
            committing: Mutex::default(),
            umbrella_committer: Mutex::default(),
            umbrella: tokio::sync::Mutex::default(),
        };
        store.with(async |client| {
            store.seen.check_all(&read::all_heads(client).await?)?;
            rows::execute(client, "looking at the heads", statements::RENUMBER_HEADS, &[]).await
        })?;
        Ok(store)
    }
}

const CREATING: &str = "creating the installation";

async fn create(client: &Client, options: &CreateOptions, seed_check: &[u8]) -> Result<(), StoreError> {
    let (created_ms, root) = (options.now.as_millisecond(), tlog::empty_root());
    let epoch = i32::try_from(options.epoch).unwrap_or(i32::MAX);
    let parameters: rows::Parameters<'_> =
        &[&options.installation, &options.origin, &epoch, &seed_check, &created_ms];
    rows::execute(client, CREATING, statements::CREATE_INSTALLATION, parameters).await?;
    let root = root.as_bytes().as_slice();
    rows::execute(client, CREATING, statements::CREATE_UMBRELLA, &[&root]).await?;
    let site =
        Site { log: SYSTEM_LOG, id: SiteId::system(), name: "System".to_owned(), created_at: options.now };
    commit::create_site(client, &site).await
}

async fn installation(client: &Client) -> Result<Option<Installation>, StoreError> {
    let row = rows::first(client, "reading the installation", statements::INSTALLATION, &[]).await?;
    let read = |row: tokio_postgres::Row| {
        let epoch: i32 = rows::get(&row, 2)?;
        Ok(Installation {
            id: rows::get(&row, 0)?,
            origin: rows::get(&row, 1)?,
            seed_check: rows::get(&row, 3)?,
            epoch: u32::try_from(epoch)
                .map_err(|_| StoreError::Corrupt(format!("the database has the epoch {epoch}")))?,
        })
    };
    row.map(read).transpose()
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("place", &self.connections.place).finish_non_exhaustive()
    }
}

/// The store in a database.
pub struct PostgresStore {
    connections: Connections,
    retention: Option<Connections>,
    installation: Installation,
    seen: Seen,
    /// One committer of this process at a time; the database's locks are between processes.
    committer: Mutex<()>,
    /// The transaction that is committing, if one is.
    committing: Mutex<Option<Committing>>,
    umbrella_committer: Mutex<()>,
    /// The transaction of the umbrella's round, if one is going on.
    umbrella: tokio::sync::Mutex<Option<Client>>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("place", &self.connections.place).finish_non_exhaustive()
    }
}

impl PostgresStore {
    fn committing(&self) -> MutexGuard<'_, Option<Committing>> {
        self.committing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection to a database that is not behind what was seen of it.
    async fn connected(&self) -> Result<Client, StoreError> {
        let client = self.connections.get().await?;
        // A new connection may lead to another server than those before.
        if Client::metrics(&client).recycle_count == 0 {
            let checked = match read::all_heads(&client).await {
                Ok(heads) => self.seen.check_all(&heads),
                Err(error) => Err(error),
            };
            if let Err(error) = checked {
                drop(Client::take(client));
                return Err(error);
            }
        }
        Ok(client)
    }

    fn with<T>(&self, work: impl AsyncFnOnce(&Client) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.connections.wait(async { work(&self.connected().await?).await })
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.seen.keep();
    }
}

impl Store for PostgresStore {
    fn installation(&self) -> Uuid {
        self.installation.id
    }

    fn origin(&self) -> &str {
        &self.installation.origin
    }

    fn epoch(&self) -> u32 {
        self.installation.epoch
    }

    fn sites(&self) -> Result<Vec<Site>, StoreError> {
        self.with(async |client| read::sites(client).await)
    }

    fn heads(&self, since: u64) -> Result<Option<(u64, Vec<SignedHead>)>, StoreError> {
        let heads = self.with(async |client| read::heads(client, since).await)?;
        for signed in heads.iter().flat_map(|(_, heads)| heads) {
            self.seen.note(signed.log, signed.head);
        }
        Ok(heads)
    }

    fn lock(&self, scope: Scope<'_>) -> Result<Box<dyn CommitLock + '_>, StoreError> {
        Ok(Box::new(Lock::take(self, scope)?))
    }

    fn positions(&self, log: LogNumber, ids: &[Uuid]) -> Result<Vec<Option<u64>>, StoreError> {
        self.with(async |client| read::positions(client, log, ids).await)
    }

    fn ids(&self, log: LogNumber, after: Option<Uuid>, max: usize) -> Result<Vec<(Uuid, u64)>, StoreError> {
        self.with(async |client| read::ids(client, log, after, max).await)
    }

    fn id_count(&self, log: LogNumber) -> Result<u64, StoreError> {
        self.with(async |client| read::id_count(client, log).await)
    }

    fn persist(&self, batch: &Batch) -> Result<(), StoreError> {
        commit::persist(self, batch)
    }

    fn publish(&self, heads: &[(Head, SignedHead)]) -> Result<(), StoreError> {
        commit::publish(self, heads)
    }

    fn entries(&self, log: LogNumber, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
        self.with(async |client| blocks::in_range(client, log, range).await)
    }

    fn entries_at(&self, log: LogNumber, positions: &[u64]) -> Result<Vec<Vec<u8>>, StoreError> {
        self.with(async |client| blocks::at(client, log, positions).await)
    }

    fn blocks(
        &self,
        log: LogNumber,
        walk: Walk,
        after: Option<BlockInfo>,
        max: usize,
    ) -> Result<Vec<BlockInfo>, StoreError> {
        self.with(async |client| blocks::walk(client, log, walk, after, max).await)
    }

    /// Blocks are not merged: whoever has the service's credentials must not be able to write them anew.
    fn merge_blocks(&self, _: LogNumber, from: u64) -> Result<Merge, StoreError> {
        Ok(Merge { next: from, merged: false })
    }

    fn tile(&self, log: LogNumber, level: u8, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(async |client| read::tile(client, log, level, number).await)
    }

    fn linked(&self, log: LogNumber, targets: &[Vec<u8>]) -> Result<Vec<Vec<u64>>, StoreError> {
        self.with(async |client| read::linked(client, log, targets).await)
    }

    fn configuration(&self, log: LogNumber, name: &str) -> Result<Option<String>, StoreError> {
        self.with(async |client| accounts::configuration(client, log, name).await)
    }

    fn configurations(&self, log: LogNumber) -> Result<Vec<(String, String)>, StoreError> {
        self.with(async |client| accounts::configurations(client, log).await)
    }

    fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.with(async |client| accounts::tokens(client).await)
    }

    fn token(&self, secret_sha256: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        self.with(async |client| accounts::token(client, secret_sha256).await)
    }

    fn note_uses(&self, uses: &[(Uuid, Timestamp)]) -> Result<(), StoreError> {
        self.with(async |client| accounts::note_uses(client, uses).await)
    }

    fn users(&self) -> Result<Vec<User>, StoreError> {
        self.with(async |client| accounts::users(client).await)
    }

    fn user(&self, name: &str) -> Result<Option<User>, StoreError> {
        self.with(async |client| accounts::user(client, name).await)
    }

    fn put_session(&self, session: &Session, user: Option<&User>) -> Result<bool, StoreError> {
        self.with(async |client| accounts::put_session(client, session, user).await)
    }

    fn sessions(&self, account: &str) -> Result<Vec<Session>, StoreError> {
        self.with(async |client| accounts::sessions(client, account).await)
    }

    fn end_sessions(&self, account: &str) -> Result<usize, StoreError> {
        self.with(async |client| accounts::end_sessions(client, account).await)
    }

    fn session(&self, secret_sha256: &[u8; 32]) -> Result<Option<Session>, StoreError> {
        self.with(async |client| accounts::session(client, secret_sha256).await)
    }

    fn end_session(&self, secret_sha256: &[u8; 32]) -> Result<bool, StoreError> {
        self.with(async |client| accounts::end_session(client, secret_sha256).await)
    }

    fn put_saved_search(&self, search: &SavedSearch) -> Result<(), SaveError> {
        self.with(async |client| searches::put(client, search).await)?
    }

    fn saved_searches(&self, owner: &str) -> Result<Vec<SavedSearch>, StoreError> {
        self.with(async |client| searches::of_owner(client, owner).await)
    }

    fn all_saved_searches(&self) -> Result<Vec<SavedSearch>, StoreError> {
        self.with(async |client| searches::all(client).await)
    }

    fn saved_search(&self, id: Uuid) -> Result<Option<SavedSearch>, StoreError> {
        self.with(async |client| searches::by_id(client, id).await)
    }

    fn delete_saved_search(&self, owner: &str, id: Uuid) -> Result<bool, StoreError> {
        self.with(async |client| searches::delete(client, owner, id).await)
    }

    fn back_up(&self, _: &Path, _: &dyn Fn(u64, u64)) -> Result<(), StoreError> {
        Err(StoreError::Refused(
            "a database is backed up with PostgreSQL's own tools (pg_basebackup, pg_dump), or copied into a data directory \
             with `indelible copy`. Back up the keys of the data directory, too"
                .to_owned(),
        ))
    }
}
