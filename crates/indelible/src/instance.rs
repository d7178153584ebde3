use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use model::{Changeable, Class, CursorKey, Retention, SiteId};
use serde_json::json;

use crate::access::Caller;
use crate::clock;
use crate::copy::COPYING;
use crate::entropy::{self, NoEntropy};
use crate::hosts::{Connector, Handlers};
use crate::journal::{self, Append, Journal, JournalError, Outcome, Published, Receipt};
use crate::keys::{KeyError, Keys};
use crate::search::{IndexPlace, Search};
use crate::settings::{self, BadSetting, Rules, RulesAtHand, SiteSettings};
use crate::sites::Sites;
use crate::store::{
    Change, CreateOptions, Database, DatabaseUrl, EmbeddedStore, LogNumber, Site, Store, StoreError, Token,
    User,
};
use crate::trail::Trail;
use crate::umbrella::Umbrella;
use crate::witnessing::{BadPolicy, Witnesses};

/// Number of the system's log.
const SYSTEM_LOG: LogNumber = 0;

/// The name under which a store keeps the default retention, in the system's log.
const RETENTION: &str = "retention";

/// An open installation: the handle that the API, the screens and the commands share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Indelible {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    sites: Arc<Sites>,
    journal: Journal,
    search: Arc<Search>,
    umbrella: Arc<Umbrella>,
    trail: Arc<Trail>,
    witnesses: Arc<Witnesses>,
    revert_handlers: Handlers,
    rules: Arc<RulesAtHand>,
    /// Held from reading settings to committing what they became, so that no change is lost to another.
    configuring: Arc<Mutex<()>>,
    retention: Retention,
}

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

    /// Where the truth lies.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The installation's keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The key that authenticates cursors.
    #[must_use]
    pub fn cursor_key(&self) -> CursorKey {
        self.keys.cursor_key()
    }

    /// The sites.
    #[must_use]
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// The way in for entries.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The way to find entries.
    #[must_use]
    pub const fn search(&self) -> &Arc<Search> {
        &self.search
    }

    /// The log over all sites' logs.
    #[must_use]
    pub const fn umbrella(&self) -> &Arc<Umbrella> {
        &self.umbrella
    }

    /// Where sign-ins and readings are noted.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Who cosigns the heads of the umbrella log.
    #[must_use]
    pub const fn witnesses(&self) -> &Arc<Witnesses> {
        &self.witnesses
    }

    /// Who carries out reverts in this process, beside the endpoints of connectors.
    #[must_use]
    pub const fn revert_handlers(&self) -> &Handlers {
        &self.revert_handlers
    }

    /// What is asked of entries on their way into a site's log.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn rules(&self, site: &Site) -> Result<Arc<Rules>, StoreError> {
        self.rules.of(self.store.as_ref(), site.log)
    }

    /// The same where they are at hand and need not be read: never blocks.
    pub(crate) fn rules_at_hand(&self, site: &Site) -> Option<Arc<Rules>> {
        self.rules.fresh(site.log)
    }

    /// Has every log looked at for small blocks to be merged in the background: what a server does when it
    /// starts, for what was written before. Logs that grow are looked at anyway.
    ///
    /// # Errors
    /// When the sites cannot be read.
    pub fn merge_blocks(&self) -> Result<(), StoreError> {
        self.journal.merge_blocks_of(self.store.sites()?.into_iter().map(|site| site.log));
        Ok(())
    }

    /// What readers may see.
    #[must_use]
    pub fn published(&self) -> &Published {
        self.journal.published()
    }

    /// Creates a site. The entry that tells of it is committed with it. Blocks.
    ///
    /// # Errors
    /// [`ConfigureError::Exists`] when there is one with this id.
    pub fn create_site(&self, id: SiteId, name: &str, caller: &Caller) -> Result<Site, ConfigureError> {
        if self.sites.find(&id)?.is_some() {
            return Err(ConfigureError::Exists(id));
        }
        // The number is the committer's to give.
        let site = Site { log: 0, id: id.clone(), name: name.to_owned(), created_at: clock::now() };
        let entry = json!({
            "action": "indelible.site.create",
            "entity": {"type": "site", "id": site.id, "title": site.name},
            "after": {"id": site.id, "name": site.name},
        });
        let configured = self.configure(Change::CreateSite(site), &entry, caller);
        match (configured, self.sites.find(&id)?) {
            (Ok(()), Some(site)) => Ok(site),
            (Ok(()), None) => Err(StoreError::Corrupt(format!("the new site `{id}` is missing")).into()),
            // Somebody else was faster.
            (Err(ConfigureError::Entry(_)), Some(_)) => Err(ConfigureError::Exists(id)),
            (Err(error), _) => Err(error),
        }
    }

    /// Makes a token valid. Blocks.
    pub fn create_token(&self, token: &Token, caller: &Caller) -> Result<(), ConfigureError> {
        let entry = json!({
            "action": "indelible.token.create",
            "entity": {"type": "token", "id": token.id, "title": token.name},
            "after": {"name": token.name, "role": token.role, "site": token.site, "limits": token.limits},
        });
        self.configure(Change::CreateToken(token.clone()), &entry, caller)
    }

    /// Ends a token. Blocks.
    pub fn revoke_token(&self, token: &Token, caller: &Caller) -> Result<(), ConfigureError> {
        let entry = json!({
            "action": "indelible.token.revoke",
            "entity": {"type": "token", "id": token.id, "title": token.name},
            "before": {"name": token.name, "role": token.role, "site": token.site},
        });
        self.configure(Change::RevokeToken { id: token.id, at: clock::now() }, &entry, caller)
    }

    /// Makes it possible for somebody to sign in. Blocks.
    ///
    /// # Errors
    /// [`ConfigureError::UserExists`] when there is one with this name.
    pub fn add_user(&self, user: &User, caller: &Caller) -> Result<(), ConfigureError> {
        let _configuring = self.configuring.lock().unwrap_or_else(PoisonError::into_inner);
        if self.store.user(&user.name)?.is_some() {
            return Err(ConfigureError::UserExists(user.name.clone()));
        }
        let after = json!({"name": user.name, "role": user.role, "site": user.site});
        self.put_user("indelible.user.create", user, &json!({ "after": after }), caller)
    }

    /// Sets another password for a user. Its sessions end. Blocks.
    pub fn change_user(&self, user: &User, caller: &Caller) -> Result<(), ConfigureError> {
        let _configuring = self.configuring.lock().unwrap_or_else(PoisonError::into_inner);
        self.must_be_there(user)?;
        self.put_user("indelible.user.password", user, &json!({}), caller)
    }

    /// Removes a user. Its sessions end. Blocks.
    pub fn remove_user(&self, user: &User, caller: &Caller) -> Result<(), ConfigureError> {
        let before = json!({"name": user.name, "role": user.role, "site": user.site});
        let _configuring = self.configuring.lock().unwrap_or_else(PoisonError::into_inner);
        self.must_be_there(user)?;
        let removed = User { removed_at: Some(clock::now()), password: String::new(), ..user.clone() };
        self.put_user("indelible.user.remove", &removed, &json!({ "before": before }), caller)
    }

    /// Who was removed meanwhile must not come back.
    fn must_be_there(&self, user: &User) -> Result<(), ConfigureError> {
        let is_there = self.store.user(&user.name)?.is_some_and(|now| now.id == user.id);
        if is_there { Ok(()) } else { Err(ConfigureError::NoUser(user.name.clone())) }
    }

    fn put_user(
        &self,
        action: &str,
        user: &User,
        states: &serde_json::Value,
        caller: &Caller,
    ) -> Result<(), ConfigureError> {
        let mut entry = json!({
            "action": action,
            "entity": {"type": "user", "id": user.id, "title": user.name},
        });
        if let (Some(entry), Some(states)) = (entry.as_object_mut(), states.as_object()) {
            entry.extend(states.clone());
        }
        self.configure(Change::PutUser(user.clone()), &entry, caller)
    }

    /// Changes settings of a site. The entry that tells of it is in the site's own log. Blocks.
    pub fn change_settings(
        &self,
        site: &Site,
        changes: &serde_json::Map<String, serde_json::Value>,
        caller: &Caller,
    ) -> Result<SiteSettings, ConfigureError> {
        let _configuring = self.configuring();
        let before = SiteSettings::load(self.store.as_ref(), site.log)?;
        let now = clock::now();
        let after = before.merged(changes, self.retention(now)?, now)?;
        if site.id.is_system() && after.audit_log_retention_days != before.audit_log_retention_days {
            let message = "cannot be set here: the system's own log follows the default of all sites";
            return Err(BadSetting {
                key: "audit_log_retention_days".to_owned(),
                message: message.to_owned(),
            }
            .into());
        }
        if after == before {
            return Ok(after);
        }
        let entry = json!({
            "action": "indelible.site.settings",
            "entity": {"type": "site_settings", "id": site.id, "title": site.name},
            "before": before,
            "after": after,
        });
        let value = serde_json::to_string(&after).ok();
        let change = Change::Configure { log: site.log, name: settings::NAME.to_owned(), value };
        self.tell(site.clone(), Some(Class::SETTINGS), Some(change), &entry, caller)?;
        self.rules.forget(site.log);
        Ok(after)
    }

    /// Held from reading settings to committing what follows from them.
    pub(crate) fn configuring(&self) -> MutexGuard<'_, ()> {
        self.configuring.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long content is kept where a site says nothing else: as the last run of the expiry took it up. A value that
    /// was lowered since then waits for a day, as one that a site sets.
    ///
    /// # Errors
    /// When the store fails.
    pub fn retention(&self, now: Timestamp) -> Result<Retention, StoreError> {
        let known = self.known_retention()?;
        Ok(known.map_or(self.retention, |known| known.in_force(self.retention, now)))
    }

    fn known_retention(&self) -> Result<Option<Changeable>, StoreError> {
        let Some(json) = self.store.configuration(SYSTEM_LOG, RETENTION)? else { return Ok(None) };
        serde_json::from_str(&json)
            .map(Some)
            .map_err(|error| StoreError::Corrupt(format!("the default retention does not read: {error}")))
    }

    /// Takes up the default retention that this process was given. The entry that tells of it is in the system's log.
    /// Blocks.
    ///
    /// # Errors
    /// When the entry is not taken.
    pub(crate) fn take_up_retention(&self, now: Timestamp, caller: &Caller) -> Result<(), ConfigureError> {
        let _configuring = self.configuring();
        let known = self.known_retention()?;
        let next = known.unwrap_or_default().set(Some(self.retention), self.retention(now)?, now);
        if known == Some(next) {
            return Ok(());
        }
        let entry = json!({
            "action": "indelible.site.settings",
            "entity": {"type": "retention", "id": "default", "title": "Default retention"},
            "before": known,
            "after": next,
        });
        let value = serde_json::to_string(&next).ok();
        let change = Change::Configure { log: SYSTEM_LOG, name: RETENTION.to_owned(), value };
        let system = self.system()?;
        self.tell(system, Some(Class::SETTINGS), Some(change), &entry, caller).map(|_| ())
    }

    /// Sets a connector of a site, or removes it. The entry that tells of it is in the site's own log. Blocks.
    pub fn set_connector(
        &self,
        site: &Site,
        name: &str,
        connector: Option<&Connector>,
        caller: &Caller,
    ) -> Result<(), ConfigureError> {
        let before = Connector::load(self.store.as_ref(), site.log, name)?;
        // Whether there is a secret is told; the secret is not.
        let state = |connector: &Connector| json!({"revert_url": connector.revert_url, "signed": connector.has_secret()});
        let action =
            if connector.is_some() { "indelible.connector.set" } else { "indelible.connector.remove" };
        let entry = json!({
            "action": action,
            "entity": {"type": "connector", "id": name},
            "before": before.as_ref().map(state),
            "after": connector.map(state),
        });
        let value = connector.map(Connector::to_json);
        let change = Change::Configure { log: site.log, name: Connector::key(name), value };
        self.configure_in(site.clone(), change, &entry, caller)
    }

    /// Commits a change of configuration together with the entry that tells of it.
    fn configure(
        &self,
        change: Change,
        entry: &serde_json::Value,
        caller: &Caller,
    ) -> Result<(), ConfigureError> {
        self.configure_in(self.system()?, change, entry, caller)
    }

    /// Appends an entry of the installation's own to the system's log. Blocks.
    pub(crate) fn tell_system(
        &self,
        class: Option<Class>,
        change: Option<Change>,
        entry: &serde_json::Value,
        caller: &Caller,
    ) -> Result<Receipt, ConfigureError> {
        self.tell(self.system()?, class, change, entry, caller)
    }

    /// The site of what belongs to none.
    fn system(&self) -> Result<Site, StoreError> {
        self.sites
            .find(&SiteId::system())?
            .ok_or_else(|| StoreError::Corrupt("the system's site is missing".to_owned()))
    }

    /// The same, with the entry in the log of the site that it is about.
    fn configure_in(
        &self,
        site: Site,
        change: Change,
        entry: &serde_json::Value,
        caller: &Caller,
    ) -> Result<(), ConfigureError> {
        self.tell(site, None, Some(change), entry, caller).map(|_| ())
    }

    /// Appends an entry of the installation's own to a site's log; a change of configuration is committed with it.
    /// Entries of a class of their own explain what happens to others. Blocks.
    pub(crate) fn tell(
        &self,
        site: Site,
        class: Option<Class>,
        change: Option<Change>,
        entry: &serde_json::Value,
        caller: &Caller,
    ) -> Result<Receipt, ConfigureError> {
        let mut entry = entry.clone();
        if let Some(fields) = entry.as_object_mut() {
            let roles = [caller.role.as_str()];
            fields.insert("actor".to_owned(), json!({"type": "user", "name": caller.name, "roles": roles}));
            fields.insert("connector".to_owned(), json!("indelible"));
            if let Some(origin) = &caller.from {
                fields.insert("origin".to_owned(), json!(origin));
            }
        }
        let sealed = journal::admit(entry.to_string().as_bytes(), &caller.name, None, &Rules::default())?
            .map_err(|violations| ConfigureError::Entry(join(&violations)))?;
        let sealed = match class {
            Some(class) => sealed.of_class(class),
            None => sealed,
        };
        let append = Append { site, entries: vec![sealed], atomic: true, change };
        match self.journal.append_blocking(append)?.pop() {
            Some(Outcome::Appended(receipt)) => Ok(receipt),
            Some(Outcome::Known(_)) | None => Err(ConfigureError::Entry("it was there already".to_owned())),
            Some(Outcome::Refused(violation)) => Err(ConfigureError::Entry(violation.to_string())),
        }
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

fn join(violations: &[model::Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
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

/// Why a change of configuration was not made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// There is such a site already.
    #[error("there is a site `{0}` already")]
    Exists(SiteId),
    /// There is such a user already.
    #[error("there is a user `{0}` already")]
    UserExists(String),
    /// The user was removed meanwhile.
    #[error("there is no user `{0}` any more")]
    NoUser(String),
    /// The entry that tells of it was refused, so the change was not made either.
    #[error("the change was not made, because its entry was refused: {0}")]
    Entry(String),
    /// A setting is unknown, or cannot have that value.
    #[error("`{}` {}", .0.key, .0.message)]
    Setting(#[from] BadSetting),
    /// The log did not take it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}
