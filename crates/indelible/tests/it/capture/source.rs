//! A database to capture from, an installation to capture into, and the capture between them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indelible::capture::{Capture, CaptureError, Figures, Rules, Status, apply, steps};
use indelible::config::Hidden;
use indelible::search::Question;
use indelible::store::{DatabaseUrl, Site};
use indelible::{Indelible, OpenOptions};
use model::{Entry, Filter};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::filled::create_site;
use crate::postgres::Cluster;

/// What every server here is started with.
pub(super) const LOGICAL: [&str; 3] = ["wal_level=logical", "max_replication_slots=40", "max_wal_senders=40"];

/// How long something may take that takes a moment.
const PATIENCE: Duration = Duration::from_mins(2);

/// A database with what is captured from it.
pub(crate) struct Source {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) database: String,
    directory: TempDir,
    pub(crate) indelible: Indelible,
    pub(crate) site: Site,
    rules: String,
    secret: Option<String>,
    marks: AtomicU64,
}

/// A capture that runs. Dropping it stops it.
pub(crate) struct Running {
    stop: watch::Sender<bool>,
    status: Arc<Status>,
    thread: Option<JoinHandle<Result<(), CaptureError>>>,
}

/// The server that these tests share, as long as one of them needs it.
fn shared() -> Arc<Cluster> {
    static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let cluster = Arc::new(Cluster::start(&LOGICAL));
        *shared = Arc::downgrade(&cluster);
        cluster
    })
}

impl Source {
    /// A database with these tables, set up for a capture by these rules. Roles: `capturer` captures, `shop` is the
    /// application, `restorer` takes changes back.
    pub(crate) fn new(tables: &str, rules: &str) -> Self {
        Self::on(shared(), tables, rules)
    }

    pub(crate) fn on(cluster: Arc<Cluster>, tables: &str, rules: &str) -> Self {
        let source = Self::without_set_up(cluster, tables, rules);
        source.set_up();
        source
    }

    pub(crate) fn without_set_up(cluster: Arc<Cluster>, tables: &str, rules: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        // Slots are the server's, so captures have names of their own.
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let database = format!("source_{number}");
        cluster.sql("postgres", &format!("CREATE DATABASE {database}"));
        for role in ["capturer", "shop", "restorer"] {
            cluster.sql(
                "postgres",
                &format!(
                    "DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
                ),
            );
        }
        cluster.sql(&database, &format!("CREATE TABLE mark (number bigint PRIMARY KEY); {tables}"));
        cluster.sql(&database, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO shop");
        let directory = tempfile::tempdir().unwrap();
        let options = OpenOptions { origin: Some("capture.test".to_owned()), ..OpenOptions::default() };
        let indelible = Indelible::open(directory.path(), &options).unwrap();
        let site = create_site(&indelible, "acme.shop");
        let rules = format!(
            "name = \"n{number}\"\nsite = \"acme.shop\"\ncontext_users = [\"shop\"]\nrevert_user = \"restorer\"\n{rules}\n\
             [[table]]\nmatch = \"public.mark\"\n"
        );
        Self { cluster, database, directory, indelible, site, rules, secret: None, marks: AtomicU64::new(0) }
    }

    /// The same where an application must sign what it says.
    pub(crate) fn signed_with(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }

    pub(crate) fn rules_file(&self) -> std::path::PathBuf {
        let path = self.directory.path().join("capture.toml");
        std::fs::write(&path, &self.rules).unwrap();
        path
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules::load(&self.rules_file()).unwrap()
    }

    pub(crate) fn directory(&self) -> &std::path::Path {
        self.directory.path()
    }

    /// Sets the database up, as `indelible capture init` does.
    pub(crate) fn set_up(&self) {
        // Users are the server's: two who change one at the same time are in each other's way.
        static SETTING_UP: Mutex<()> = Mutex::new(());
        let _setting_up = SETTING_UP.lock().unwrap_or_else(PoisonError::into_inner);
        let administrator = self.cluster.url("admin", &self.database);
        let rules = self.rules();
        runtime().block_on(async {
            let steps = steps(&rules, &administrator, "capturer").await.unwrap();
            apply(&steps, &administrator).await.unwrap();
        });
    }

    pub(crate) fn capture(&self) -> Capture {
        let secret = self.secret.clone().map(Hidden::new);
        Capture::new(self.indelible.clone(), self.rules(), self.url("capturer"), secret)
    }

    pub(crate) fn url(&self, user: &str) -> DatabaseUrl {
        self.cluster.url(user, &self.database)
    }

    pub(crate) fn start(&self) -> Running {
        // With RUST_LOG a test that fails shows what the capture says.
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        drop(tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init());
        let capture = self.capture();
        let (stop, asked) = watch::channel(false);
        let status = Arc::clone(capture.status());
        let thread = Some(thread::spawn(move || runtime().block_on(capture.run(asked))));
        Running { stop, status, thread }
    }

    pub(crate) fn sql(&self, statements: &str) -> String {
        self.cluster.sql(&self.database, statements)
    }

    /// The same as the application.
    pub(crate) fn as_shop(&self, statements: &str) -> Result<String, String> {
        self.cluster.sql_as("shop", &self.database, statements)
    }

    /// Waits until all that was committed before is in the log.
    pub(crate) fn sync(&self) {
        let number = self.marks.fetch_add(1, Ordering::SeqCst);
        self.sql(&format!("INSERT INTO mark VALUES ({number})"));
        let filter = Filter::parse(&format!("entity.type:public.mark entity.id:{number}")).unwrap();
        wait_for(|| {
            let sites = std::slice::from_ref(&self.site);
            !self.indelible.search().page(&Question::newest(sites, &filter, 1)).unwrap().entries.is_empty()
        });
    }

    /// Waits until tables were compared so often, and all that was committed before is in the log.
    pub(crate) fn compared(&self, times: usize) {
        wait_for(|| {
            self.sync();
            self.actions().get("postgres.compared").is_some_and(|count| *count >= times)
        });
        self.sync();
    }

    /// All entries of the site in the order of its log, without the marks.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.entries_of(&self.site)
    }

    pub(crate) fn entries_of(&self, site: &Site) -> Vec<Entry> {
        let sites = std::slice::from_ref(site);
        let mut scan = self.indelible.search().scan(sites, &Filter::all()).unwrap();
        let mut all = Vec::new();
        while let Some(entries) = scan.step().unwrap() {
            all.extend(entries);
        }
        all.retain(|entry| entry.entity.as_ref().is_none_or(|entity| entity.kind != "public.mark"));
        all
    }

    /// The entries of rows since the capture began, without what it found and tells of itself.
    pub(crate) fn changes(&self) -> Vec<Entry> {
        let mut entries = self.entries();
        entries.retain(|entry| {
            matches!(
                entry.action.as_str(),
                "postgres.insert" | "postgres.update" | "postgres.delete" | "postgres.truncate"
            )
        });
        entries
    }

    /// How often each action is in the log.
    pub(crate) fn actions(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for entry in self.entries() {
            *counts.entry(entry.action).or_insert(0) += 1;
        }
        counts
    }
}

impl Running {
    pub(crate) fn figures(&self) -> Figures {
        self.status.figures()
    }

    /// Stops it as it should be.
    pub(crate) fn stop(mut self) {
        self.stop.send_replace(true);
        self.thread.take().unwrap().join().unwrap().unwrap();
    }

    /// Waits until it ends by itself, which it does for one reason only.
    pub(crate) fn error(mut self) -> CaptureError {
        self.thread.take().unwrap().join().unwrap().unwrap_err()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Waits until something is so.
pub(crate) fn wait_for(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it does not come");
        thread::sleep(Duration::from_millis(20));
    }
}

/// A part of an entry as JSON.
pub(crate) fn json(part: Option<&serde_json::value::RawValue>) -> Value {
    part.map_or(Value::Null, |part| serde_json::from_str(part.get()).unwrap())
}
