//! Chromedriver and the browsers it started, shared by the tests of one process.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// The driver of the tests that run at this time.
static SHARED: Mutex<Weak<Driver>> = Mutex::new(Weak::new());

/// What clients of the driver run on. A test's own runtime ends with the test, but its browser is used again.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
});

/// A running chromedriver. It ends, with its browsers, when no test holds it any more.
pub(super) struct Driver {
    process: Child,
    port: u16,
    /// Kept open: a driver that cannot write its messages would end.
    _messages: BufReader<ChildStdout>,
    idle: Mutex<Vec<Session>>,
}

/// A running browser.
pub(super) struct Session {
    pub(super) id: String,
    pub(super) client: Client,
    _profile: TempDir,
}

impl Driver {
    /// The driver that other tests use at this time, or a new one.
    pub(super) fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(driver) = shared.upgrade() {
            return driver;
        }
        let driver = Arc::new(Self::start());
        *shared = Arc::downgrade(&driver);
        driver
    }

    /// Starts one. The port that it draws must be free for IPv4 and IPv6 alike; while many tests run, it may not be.
    fn start() -> Self {
        const TRIES: usize = 5;
        (0..TRIES)
            .find_map(|_| Self::try_start())
            .expect("chromedriver ended without saying its port, each time")
    }

    /// `None` where it ends before it says its port.
    fn try_start() -> Option<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("chromedriver cannot be started ({error}): run scripts/test, which installs it")
            });
        let mut messages = BufReader::new(process.stdout.take().unwrap());
        let mut message = String::new();
        let port = loop {
            message.clear();
            if messages.read_line(&mut message).unwrap() == 0 {
                process.wait().unwrap();
                return None;
            }
            if let Some((_, port)) = message.split_once("successfully on port ") {
                break port.trim().trim_end_matches('.').parse().unwrap();
            }
        };
        Some(Self { process, port, _messages: messages, idle: Mutex::default() })
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A browser that another test has left.
    pub(super) fn idle_session(&self) -> Option<Session> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Leaves a browser to other tests.
    pub(super) fn put_back(&self, session: Session) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }

    /// A new browser; `capabilities` makes what it is asked for from the directory of its profile.
    pub(super) async fn new_session(&self, capabilities: impl FnOnce(&str) -> Capabilities) -> Session {
        let profile = tempfile::tempdir().unwrap();
        let capabilities = capabilities(&profile.path().display().to_string());
        let url = self.url();
        // Libraries bring two, so which one is meant must be said; another test may have said it.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let client = RUNTIME.spawn(async move {
            ClientBuilder::rustls().unwrap().capabilities(capabilities).connect(&url).await.unwrap()
        });
        let client = client.await.unwrap();
        let id = client.session_id().await.unwrap().unwrap();
        // We end it ourselves.
        client.persist().await.unwrap();
        Session { id, client, _profile: profile }
    }

    /// Ends a browser. Blocks, so that it can be done while a failed test unwinds.
    pub(super) fn end(&self, session: &Session) {
        let ended = TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            let id = &session.id;
            write!(stream, "DELETE /session/{id} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
            stream.read(&mut [0; 64])
        });
        if let Err(error) = ended {
            eprintln!("a browser may have been left running: {error}");
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        while let Some(session) = self.idle_session() {
            self.end(&session);
        }
        // It may have ended by itself, which is as good.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
