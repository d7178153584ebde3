//! Creating and opening a data directory.

use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::sync::Mutex;

use jiff::Timestamp;
use model::SiteId;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::heads::HeadStore;
use super::pool::Pool;
use super::recover::{self, Lock};
use super::sqlite::{engine, migrate, open_writer};
use super::{EmbeddedStore, write};
use crate::files::{make_private_directory, sync_directory};
use crate::store::{Head, SYSTEM_LOG, SignedHead, Site, StoreError};

const MIGRATIONS: [(&str, &str); 10] = [
    ("0001_initial", include_str!("../../../migrations/sqlite/0001_initial.sql")),
    ("0002_saved_search", include_str!("../../../migrations/sqlite/0002_saved_search.sql")),
    ("0003_merge", include_str!("../../../migrations/sqlite/0003_merge.sql")),
    (
        "0004_links_and_configuration",
        include_str!("../../../migrations/sqlite/0004_links_and_configuration.sql"),
    ),
    ("0005_umbrella", include_str!("../../../migrations/sqlite/0005_umbrella.sql")),
    ("0006_token_limits", include_str!("../../../migrations/sqlite/0006_token_limits.sql")),
    ("0007_removal", include_str!("../../../migrations/sqlite/0007_removal.sql")),
    ("0008_user", include_str!("../../../migrations/sqlite/0008_user.sql")),
    ("0009_epoch", include_str!("../../../migrations/sqlite/0009_epoch.sql")),
    ("0010_token_use", include_str!("../../../migrations/sqlite/0010_token_use.sql")),
];

pub(super) const DATA_FILE: &str = "indelible.sqlite";
pub(super) const HEAD_FILE: &str = "heads.sqlite";
const LOCK_FILE: &str = "commit.lock";

/// What a new data directory begins with.
#[derive(Clone, Debug)]
pub struct CreateOptions {
    /// Prefix of every checkpoint's origin line.
    pub origin: String,
    /// The new installation's id.
    pub installation: Uuid,
    /// Its suffix of every origin line: 1, unless it is a copy.
    pub epoch: u32,
    /// The present time.
    pub now: Timestamp,
}

/// What a head store knows without its data.
#[derive(Clone, Debug)]
pub struct SurvivingHeads {
    /// The heads of the sites' logs.
    pub logs: Vec<SignedHead>,
    /// The head of the umbrella log.
    pub umbrella: Option<(Head, String)>,
}

impl EmbeddedStore {
    /// Whether a data directory holds an installation.
    #[must_use]
    pub fn exists(directory: &Path) -> bool {
        directory.join(DATA_FILE).exists()
    }

    /// The files of a data directory that hold the truth, when nobody has it open.
    #[must_use]
    pub const fn files() -> [&'static str; 2] {
        [DATA_FILE, "head/heads.sqlite"]
    }

    /// The files that a head store may have, the one that the others go with last.
    #[must_use]
    pub const fn head_files() -> [&'static str; 3] {
        ["heads.sqlite-wal", "heads.sqlite-shm", HEAD_FILE]
    }

    /// The heads in a head store whose data are lost; `None` where there is no head store.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn surviving_heads(head_directory: &Path) -> Result<Option<SurvivingHeads>, StoreError> {
        let head_file = head_directory.join(HEAD_FILE);
        if !head_file.exists() {
            return Ok(None);
        }
        let heads = HeadStore::open(&head_file)?;
        Ok(Some(SurvivingHeads { logs: heads.all()?, umbrella: heads.umbrella()? }))
    }

    /// Whether a new installation may be made: not where a head store says that there was one.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the way forward.
    pub fn may_create(directory: &Path, head_directory: &Path) -> Result<(), StoreError> {
        let head_file = head_directory.join(HEAD_FILE);
        if head_file.exists() {
            return Err(StoreError::Refused(format!(
                "refusing to start: {} holds heads, but there are no data in {}.\n\
                 Way forward: put the data directory back from its newest backup, or choose another, \
                 empty head store for a new installation.",
                head_file.display(),
                directory.display()
            )));
        }
        Ok(())
    }

    /// Makes a new installation in a data directory that has none.
    ///
    /// # Errors
    /// When the directory cannot be made, or its head store belongs to another installation: then the data
    /// were lost, and a new log under old heads must not begin by itself.
    pub fn create(
        directory: &Path,
        head_directory: &Path,
        options: &CreateOptions,
    ) -> Result<(), StoreError> {
        Self::may_create(directory, head_directory)?;
        let head_file = head_directory.join(HEAD_FILE);
        for path in [directory, head_directory] {
            make_private_directory(path).map_err(|error| io(path, &error))?;
        }
        let heads = HeadStore::open(&head_file)?;
        heads.claim(options.installation, options.epoch)?;
        // The data come last: a crash before leaves a head store without data, which is refused above.
        let part = directory.join(format!("{DATA_FILE}.new"));
        let mut connection = open_writer(&part)?;
        migrate(&mut connection, &MIGRATIONS)?;
        initialise(&connection, options).map_err(|error| engine("creating the database", &error))?;
        close(connection)?;
        let name = directory.join(DATA_FILE);
        fs::rename(&part, &name).and_then(|()| sync_directory(directory)).map_err(|error| io(&name, &error))
    }

    /// Opens an installation and resolves what a crash may have left.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when data and head store do not belong together.
    pub fn open(directory: &Path, head_directory: &Path) -> Result<Self, StoreError> {
        let head_file = head_directory.join(HEAD_FILE);
        if !head_file.exists() {
            return Err(StoreError::Refused(format!(
                "refusing to start: there are data in {}, but no head store at {}.\n\
                 Way forward: mount or put back the head store (APP__STORE__HEAD_PATH says where it is). \
                 It must not be made anew: heads that readers have seen would be signed over.",
                directory.display(),
                head_file.display()
            )));
        }
        let data_file = directory.join(DATA_FILE);
        let mut connection = open_writer(&data_file)?;
        migrate(&mut connection, &MIGRATIONS)?;
        let (installation, origin, epoch): (Uuid, String, u32) = connection
            .query_row("SELECT id, origin, epoch FROM installation", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .map_err(|error| engine("reading the installation", &error))?;
        let heads = HeadStore::open(&head_file)?;
        let of_heads = heads.installation()?;
        if of_heads != Some((installation, epoch)) {
            let what = match of_heads {
                Some((same, of_heads)) if same == installation => {
                    format!("is of epoch {of_heads}, and the data are of epoch {epoch}, in")
                }
                Some(_) | None => "belongs to another installation than".to_owned(),
            };
            return Err(StoreError::Refused(format!(
                "refusing to start: {} {what} {}.\n\
                 Way forward: put back the two that belong together.",
                head_file.display(),
                data_file.display()
            )));
        }
        let store = Self {
            directory: directory.to_owned(),
            installation,
            origin,
            epoch,
            writer: Mutex::new(connection),
            readers: Pool::new(data_file),
            heads,
            lock_file: open_lock(directory)?,
            committing: Mutex::new(()),
        };
        let lock = Lock::take(&store.committing, &store.lock_file)?;
        recover::check_all(&store.writer, &store.heads)?;
        drop(lock);
        Ok(store)
    }
}

fn initialise(connection: &Connection, options: &CreateOptions) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO installation (only, id, origin, epoch, created_ms) VALUES (1, ?1, ?2, ?3, ?4)",
        params![options.installation, options.origin, options.epoch, options.now.as_millisecond()],
    )?;
    let system =
        Site { log: SYSTEM_LOG, id: SiteId::system(), name: "System".to_owned(), created_at: options.now };
    write::create_site(connection, &system, write::ALWAYS)
}

/// Folds the write-ahead log into the file, so that the file alone can be renamed.
pub(super) fn close(connection: Connection) -> Result<(), StoreError> {
    connection
        .pragma_update(None, "wal_checkpoint", "truncate")
        .and_then(|()| connection.close().map_err(|(_, error)| error))
        .map_err(|error| engine("closing the database", &error))
}

fn open_lock(directory: &Path) -> Result<File, StoreError> {
    let path = directory.join(LOCK_FILE);
    OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|error| io(&path, &error))
}

pub(super) fn io(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Engine { what: path.display().to_string(), reason: error.to_string() }
}
