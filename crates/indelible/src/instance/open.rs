//! Opening an installation, in a data directory or over a database, and making a new one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Retention, SiteId};

use super::Indelible;
use crate::clock;
use crate::copy::COPYING;
use crate::entropy::{self, NoEntropy};
use crate::hosts::Handlers;
use crate::journal::Journal;
use crate::keys::{KeyError, Keys};
use crate::search::{IndexPlace, Search};
use crate::sites::Sites;
use crate::store::{CreateOptions, Database, DatabaseUrl, EmbeddedStore, SYSTEM_LOG, Store, StoreError};
use crate::trail::Trail;
use crate::umbrella::Umbrella;
use crate::witnessing::{BadPolicy, Witnesses};

/// How to open an installation.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Where the head store is; by default `head/` in the data directory.
    pub head_directory: Option<PathBuf>,
    /// Prefix of every checkpoint's origin line; by default, for a new installation, the host's name.
    pub origin: Option<String>,
    /// Leaves the search index as it is: for a command that is over before an index would help.
    pub without_indexing: bool,
    /// The policy that names the witnesses of the umbrella log; by default there are none.
    pub witness_policy: Option<PathBuf>,
    /// How long content is kept where a site says nothing else.
    pub retention: Retention,
    /// Opens a backup as it is, to verify it; otherwise that is refused.
    pub is_backup: bool,
    /// The PostgreSQL database in which the truth lies; the directory then has keys and search index alone.
    pub database: Option<DatabaseUrl>,
    /// The same database for a user that may remove content.
    pub retention_database: Option<DatabaseUrl>,
}

/// The file that makes a copy of a data directory a backup, which is not served.
pub(crate) const BACKUP_FILE: &str = "backup.json";

impl Indelible {
    /// Opens the installation in a data directory, and makes a new one where there is none.
    ///
    /// # Errors
    /// [`OpenError`] says what is wrong and what to do.
    pub fn open(directory: &Path, options: &OpenOptions) -> Result<Self, OpenError> {
        if let Some(url) = &options.database {
            let mut database = Database::connect(url)?;
            if !database.has_installation() {
                Self::create_in(&mut database, directory, options)?;
            }
            return Self::open_in(database, directory, options);
        }
        if !EmbeddedStore::exists(directory) {
            Self::create(directory, options)?;
        }
        Self::open_existing(directory, options)
    }

    /// Whether there is an installation.
    ///
    /// # Errors
    /// When a database cannot be asked.
    pub fn exists(directory: &Path, options: &OpenOptions) -> Result<bool, OpenError> {
        Ok(match &options.database {
            Some(url) => Database::connect(url)?.has_installation(),
            None => EmbeddedStore::exists(directory),
        })
    }

    /// Opens the installation in a data directory or database that has one.
    ///
    /// # Errors
    /// [`OpenError::NoData`] when there is none.
    pub fn open_existing(directory: &Path, options: &OpenOptions) -> Result<Self, OpenError> {
        if let Some(url) = &options.database {
            return Self::open_in(Database::connect(url)?, directory, options);
        }
        if !EmbeddedStore::exists(directory) {
            return Err(OpenError::NoData(directory.to_owned()));
        }
        if !options.is_backup && directory.join(BACKUP_FILE).exists() {
            return Err(OpenError::Backup(directory.to_owned()));
        }
        let store = EmbeddedStore::open(directory, &head_directory(directory, options))?;
        Self::over(Arc::new(store), directory, options)
    }

    /// Opens the installation in a database.
    fn open_in(database: Database, directory: &Path, options: &OpenOptions) -> Result<Self, OpenError> {
        let known = database.seed_check().map(<[u8]>::to_vec);
        let store = database.open(directory, options.retention_database.as_ref())?;
        is_complete(&store)?;
        // Whoever has the database alone cannot sign, and whoever signs does it with the same keys as all others.
        let keys = Keys::load(directory, store.origin(), store.epoch())?;
        let newest =
            store.heads(0)?.and_then(|(_, heads)| heads.into_iter().find(|head| head.log == SYSTEM_LOG));
        let signs = match newest {
            Some(newest) => keys.has_signed(&SiteId::system(), &newest.checkpoint)?,
            None => true,
        };
        if known.as_deref() != Some(keys.check().as_slice()) || !signs {
            return Err(OpenError::OtherSeed(directory.to_owned()));
        }
        Self::over(Arc::new(store), directory, options)
    }

    fn over(store: Arc<dyn Store>, directory: &Path, options: &OpenOptions) -> Result<Self, OpenError> {
        is_complete(store.as_ref())?;
        if let Some(asked) = options.origin.as_deref().filter(|asked| *asked != store.origin()) {
            return Err(OpenError::Origin { kept: store.origin().to_owned(), asked: asked.to_owned() });
        }
        let keys = Arc::new(Keys::load(directory, store.origin(), store.epoch())?);
        let sites = Arc::new(Sites::new(Arc::clone(&store)));
        let journal = Journal::start(Arc::clone(&store), Arc::clone(&keys));
        let place = IndexPlace { directory: directory.join("index"), key: keys.index_key() };
        let published = Arc::clone(journal.published());
        let umbrella =
            Umbrella::new(Arc::clone(&store), Arc::clone(&keys), Arc::clone(&sites), Arc::clone(&published));
        let trail = Trail::start(journal.clone(), Arc::clone(&sites));
        let witnesses = Witnesses::open(
            options.witness_policy.as_deref(),
            &keys.umbrella_verifier_keys()?,
            directory.join("witnesses"),
        )?;
        let search = Search::new(Arc::clone(&store), published, Some(place), !options.without_indexing);
        Ok(Self {
            store,
            keys,
            sites,
            journal,
            search: Arc::new(search),
            umbrella: Arc::new(umbrella),
            trail: Arc::new(trail),
            witnesses: Arc::new(witnesses),
            revert_handlers: Handlers::default(),
            rules: Arc::default(),
            configuring: Arc::default(),
            retention: options.retention,
        })
    }

    /// Makes an installation in a database that has none. The seed is made here, and goes into the directories of other
    /// processes by hand.
    fn create_in(database: &mut Database, directory: &Path, options: &OpenOptions) -> Result<(), OpenError> {
        let origin = new_origin(options)?;
        if !Keys::exist(directory) {
            Keys::create(directory)?;
        }
        let check = Keys::load(directory, &origin, 1)?.check();
        let installation = entropy::uuid_v7(clock::now_ms(), &entropy::bytes()?);
        database.create(&CreateOptions { origin, installation, epoch: 1, now: clock::now() }, &check)?;
        Ok(())
    }

    fn create(directory: &Path, options: &OpenOptions) -> Result<(), OpenError> {
        let origin = new_origin(options)?;
        // Before anything is made: a seed left behind would later pass for the lost one.
        let head_directory = head_directory(directory, options);
        EmbeddedStore::may_create(directory, &head_directory)?;
        if !Keys::exist(directory) {
            Keys::create(directory)?;
        }
        let installation = entropy::uuid_v7(clock::now_ms(), &entropy::bytes()?);
        let create = CreateOptions { origin, installation, epoch: 1, now: clock::now() };
        EmbeddedStore::create(directory, &head_directory, &create)?;
        Ok(())
    }
}

/// Refuses a copy in the making.
fn is_complete(store: &dyn Store) -> Result<(), OpenError> {
    match store.configuration(SYSTEM_LOG, COPYING)? {
        Some(_) => Err(OpenError::Copying),
        None => Ok(()),
    }
}

/// The prefix of checkpoints' origin lines of a new installation.
fn new_origin(options: &OpenOptions) -> Result<String, OpenError> {
    let origin = options.origin.clone().unwrap_or_else(host_name);
    tlog::check_key_name(&origin)
        .map_err(|error| OpenError::BadOrigin { origin: origin.clone(), reason: error.to_string() })?;
    Ok(origin)
}

fn head_directory(directory: &Path, options: &OpenOptions) -> PathBuf {
    options.head_directory.clone().unwrap_or_else(|| directory.join("head"))
}

/// The host's name, or `localhost` where it has none that could begin a checkpoint.
fn host_name() -> String {
    let name = gethostname::gethostname().to_string_lossy().to_lowercase();
    if tlog::check_key_name(&name).is_ok() { name } else { "localhost".to_owned() }
}

/// Why an installation does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Nothing is there.
    #[error(
        "there is no Indelible data directory at {path}. Run `indelible serve --data {path}` to make one, \
         or name the right one with --data", path = .0.display()
    )]
    NoData(PathBuf),
    /// The seed is not the one that the database's logs are signed with.
    #[error(
        "the seed {path} is not the one that the logs in this database are signed with. Copy the directory `keys` from a \
         process that works with it, or name another data directory with --data", path = .0.join("keys/seed").display()
    )]
    OtherSeed(PathBuf),
    /// It is not complete.
    #[error(
        "this is a copy that was cut off in the making: run `indelible copy` with the same source and destination again, \
         and it goes on"
    )]
    Copying,
    /// It is a backup.
    #[error(
        "{path} is a backup: it is verified (`indelible verify --data {path}`) and restored (`indelible restore --from \
         {path}`), not opened. Served as it is, it would sign heads that contradict those that were signed since",
        path = .0.display()
    )]
    Backup(PathBuf),
    /// The origin was another when the installation was made.
    #[error(
        "the log origin is `{kept}` since this installation was made and cannot become `{asked}`: \
         every checkpoint that readers have kept begins with it. Remove APP__LOG__ORIGIN or set it back"
    )]
    Origin {
        /// What it is.
        kept: String,
        /// What was asked for.
        asked: String,
    },
    /// The origin cannot begin a checkpoint.
    #[error("`{origin}` cannot be a log origin: {reason}")]
    BadOrigin {
        /// What was asked for.
        origin: String,
        /// Why not.
        reason: String,
    },
    /// The store does not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The witness policy cannot be used.
    #[error(transparent)]
    Policy(#[from] BadPolicy),
    /// The keys do not load.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}
