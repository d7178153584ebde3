//! A PostgreSQL server of the tests' own, in a directory that goes with it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use indelible::store::{DatabaseUrl, init_database};
use tempfile::TempDir;

/// A running server. Dropping it stops it.
pub(crate) struct Cluster {
    directory: TempDir,
    pub(crate) port: u16,
    server: Mutex<Option<Child>>,
}

/// The database that others are made from: it has the schema and no installation.
const TEMPLATE: &str = "indelible_template";

impl Cluster {
    /// The server that tests share, as long as one of them needs it.
    pub(crate) fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let cluster = Arc::new(Self::start(&[]));
            *shared = Arc::downgrade(&cluster);
            cluster
        })
    }

    /// A server of a test's own, with these settings.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let cluster = Self::stopped();
        let data = cluster.data();
        let done = as_postgres("initdb")
            .args([
                "--auth=trust",
                "--username=admin",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "--pgdata",
            ])
            .arg(&data)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        cluster.run(settings);
        init_database(&cluster.url("admin", "postgres")).unwrap();
        cluster.sql("postgres", &format!("CREATE DATABASE {TEMPLATE}"));
        init_database(&cluster.url("admin", TEMPLATE)).unwrap();
        cluster.sql(
            "postgres",
            "CREATE ROLE app LOGIN IN ROLE indelible_service; CREATE ROLE janitor LOGIN IN ROLE indelible_retention",
        );
        cluster
    }

    /// A server that does not run and has no data yet.
    pub(crate) fn stopped() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The server may run as another user than the tests.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { directory, port, server: Mutex::new(None) }
    }

    /// Where the server's files are.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Starts the server, and waits until it answers.
    pub(crate) fn run(&self, settings: &[&str]) {
        let log = fs::File::create(self.directory.path().join("log")).unwrap();
        let mut command = as_postgres("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string(), "-k", ""]);
        let usual = ["listen_addresses=127.0.0.1", "max_connections=300", "shared_buffers=64MB"];
        for setting in usual.iter().chain(settings) {
            command.args(["-c", setting]);
        }
        let server = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        *self.server.lock().unwrap() = Some(server);
        let deadline = Instant::now() + Duration::from_mins(1);
        while !self.answers() {
            let log = fs::read_to_string(self.directory.path().join("log")).unwrap();
            assert!(Instant::now() < deadline, "the server does not come up: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn answers(&self) -> bool {
        let mut asked = as_postgres("pg_isready");
        asked.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        asked.status().unwrap().success()
    }

    /// Ends the server with a signal and waits until it is gone: `INT` as an administrator does, `QUIT` as in a crash.
    pub(crate) fn end(&self, signal: &str) {
        let Some(mut server) = self.server.lock().unwrap().take() else { return };
        // What was spawned is the server itself: changing the user replaces the process.
        let sent = Command::new("kill").args(["-s", signal, &server.id().to_string()]).status().unwrap();
        assert!(sent.success());
        server.wait().unwrap();
    }

    /// The address of a database for a user.
    pub(crate) fn url(&self, user: &str, database: &str) -> DatabaseUrl {
        DatabaseUrl::new(&self.address(user, database))
    }

    /// The same as text.
    pub(crate) fn address(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs statements as the administrator and gives their rows, unaligned.
    pub(crate) fn sql(&self, database: &str, statements: &str) -> String {
        self.sql_as("admin", database, statements).unwrap()
    }

    /// The same as another user; an error is what the server says.
    pub(crate) fn sql_as(&self, user: &str, database: &str, statements: &str) -> Result<String, String> {
        let done = as_postgres("psql")
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statements])
            .arg(self.address(user, database))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }

    /// A new database with the schema and no installation.
    pub(crate) fn database(&self) -> String {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        // One at a time: a template that somebody copies cannot be copied.
        static COPYING: Mutex<()> = Mutex::new(());
        let _copying = COPYING.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::SeqCst));
        self.sql("postgres", &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"));
        name
    }

    /// A copy of this server that follows it, not running yet.
    pub(crate) fn standby(&self) -> Self {
        let standby = Self::stopped();
        let done = as_postgres("pg_basebackup")
            .args([
                "-h",
                "127.0.0.1",
                "-p",
                &self.port.to_string(),
                "-U",
                "admin",
                "-R",
                "--checkpoint=fast",
                "-D",
            ])
            .arg(standby.data())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        standby
    }

    /// Makes a standby take over.
    pub(crate) fn promote(&self) {
        self.sql("postgres", "SELECT pg_promote()");
    }

    /// Copies the files of the server, which must not be running, into a directory.
    pub(crate) fn copy_data(&self, to: &Path) {
        let done = Command::new("cp").arg("-a").arg(self.data()).arg(to).status().unwrap();
        assert!(done.success());
    }

    /// Puts a copy in the place of the server's files.
    pub(crate) fn put_back(&self, copy: &Path) {
        fs::remove_dir_all(self.data()).unwrap();
        let done = Command::new("cp").arg("-a").arg(copy).arg(self.data()).status().unwrap();
        assert!(done.success());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end("INT");
    }
}

/// A program of PostgreSQL's, as a user that may run it: the server refuses the super user.
pub(crate) fn as_postgres(program: &str) -> Command {
    let path = programs().join(program);
    let is_root = Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0\n");
    if !is_root {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(path);
    command.current_dir("/");
    command
}

/// Where PostgreSQL's programs are: Debian keeps most of them out of the path.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest =
        versions.map(|version| version.path().join("bin")).filter(|path| path.join("initdb").exists()).max();
    newest.unwrap_or_else(|| {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).find(|path| path.join("initdb").exists());
        found.expect("PostgreSQL's server programs are missing: the package is `postgresql`")
    })
}
