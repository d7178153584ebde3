//! The store in PostgreSQL: what it does beyond what every store must, against real servers.

mod cluster;
mod conforms;
mod copies;
mod errors;
mod failures;
mod processes;
mod proxy;
mod removes;
mod roles;
mod searches;

use std::path::Path;
use std::sync::Arc;

use indelible::store::{CreateOptions, Database, DatabaseUrl, PostgresStore};
use indelible::{Indelible, OpenOptions};
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use crate::filled::copy_directory;

pub(crate) use cluster::Cluster;

/// What the tests' installations are told apart by.
const SEED_CHECK: &[u8] = b"the seed";

/// A new database of a server, and a directory for the first process.
pub(crate) struct Fresh {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) database: String,
    pub(crate) directory: TempDir,
}

impl Fresh {
    /// On the server that tests share.
    pub(crate) fn new() -> Self {
        Self::on(Cluster::shared())
    }

    pub(crate) fn on(cluster: Arc<Cluster>) -> Self {
        let database = cluster.database();
        Self { cluster, database, directory: tempfile::tempdir().unwrap() }
    }

    /// The address for the service's user.
    pub(crate) fn url(&self) -> DatabaseUrl {
        DatabaseUrl::new(&self.address())
    }

    pub(crate) fn address(&self) -> String {
        self.cluster.address("app", &self.database)
    }

    /// A store in it.
    pub(crate) fn open(&self) -> PostgresStore {
        let mut database = Database::connect(&self.url()).unwrap();
        if !database.has_installation() {
            let options = CreateOptions {
                origin: "test".to_owned(),
                installation: Uuid::from_u128(1),
                epoch: 1,
                now: Timestamp::from_second(5).unwrap(),
            };
            database.create(&options, SEED_CHECK).unwrap();
        }
        assert_eq!(database.seed_check(), Some(SEED_CHECK));
        let retention = self.cluster.url("janitor", &self.database);
        database.open(self.directory.path(), Some(&retention)).unwrap()
    }

    /// An installation in it, as a process with this directory has it.
    pub(crate) fn process(&self, directory: &Path) -> Indelible {
        let options = OpenOptions {
            origin: Some("search.test".to_owned()),
            database: Some(self.url()),
            retention_database: Some(self.cluster.url("janitor", &self.database)),
            ..OpenOptions::default()
        };
        Indelible::open(directory, &options).unwrap()
    }

    /// A directory for another process, with the keys of the first.
    pub(crate) fn another_directory(&self) -> TempDir {
        let directory = tempfile::tempdir().unwrap();
        copy_directory(&self.directory.path().join("keys"), &directory.path().join("keys"));
        directory
    }
}

/// The store that the tests' servers have: with `INDELIBLE_TEST_STORE=postgres` a database for each of them, so that every
/// test of the API, the screens and the dialects can be run over it.
pub(crate) fn over_the_store_asked_for(
    directory: &Path,
    options: &OpenOptions,
) -> (OpenOptions, Option<Arc<Cluster>>) {
    if std::env::var("INDELIBLE_TEST_STORE").as_deref() != Ok("postgres") {
        return (options.clone(), None);
    }
    let cluster = Cluster::shared();
    // A server that starts again in the same directory finds its database again.
    let kept = directory.join("test-database");
    let database = std::fs::read_to_string(&kept).unwrap_or_else(|_| {
        let database = cluster.database();
        std::fs::write(&kept, &database).unwrap();
        database
    });
    let options = OpenOptions {
        database: Some(cluster.url("app", &database)),
        retention_database: Some(cluster.url("janitor", &database)),
        ..options.clone()
    };
    (options, Some(cluster))
}
