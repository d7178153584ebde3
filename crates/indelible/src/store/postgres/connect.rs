//! Reaching the database: its address, the pool, the threads that its connections live on.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::str::FromStr as _;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use deadpool_postgres::{
    Client, Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod,
    Runtime as PoolRuntime, TimeoutType,
};
use tokio::runtime::{Handle, Runtime, RuntimeFlavor};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::error::SqlState;

use super::errors::{engine, failed};
use super::tls;
use crate::causes::chain;
use crate::store::StoreError;

/// Connections of one process, at most: one or two commit, the others read.
const CONNECTIONS_MAX: usize = 16;

/// How long a request waits for a free connection, and a new connection for the server.
const PATIENCE: Duration = Duration::from_secs(10);

/// After how much silence a connection is asked whether the other side is still there.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// After how long without an acknowledgement by the other side's network a connection is given up.
const CUT_AFTER: Duration = Duration::from_secs(15);

/// Where a database is, password included; never shown.
#[derive(Clone)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// An address as `postgres://USER@HOST/DATABASE`.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self(url.to_owned())
    }

    fn config(&self) -> Result<Config, StoreError> {
        // The parser's message may repeat a part of the address, and with it the password.
        let mut config = Config::from_str(&self.0).map_err(|_| {
            StoreError::Refused(
                "the database's address does not read: write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special \
                 characters of the password as %XX"
                    .to_owned(),
            )
        })?;
        config
            .application_name("indelible")
            .connect_timeout(PATIENCE)
            .keepalives_idle(KEEPALIVE)
            .tcp_user_timeout(CUT_AFTER)
            // Of several hosts the one that takes writes: after a fail-over that is another.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        // Within this machine there is nobody to hide from, and its certificate has no name to check.
        if config.get_ssl_mode() == SslMode::Prefer && config.get_hosts().iter().all(is_here) {
            config.ssl_mode(SslMode::Disable);
        }
        Ok(config)
    }
}

/// What an address says, for others who speak to the server. The password is in it.
pub(crate) struct AddressParts {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
    /// Whether what is said must be secret.
    pub(crate) needs_tls: bool,
    /// Whether it is said in secret where the server offers it.
    pub(crate) wants_tls: bool,
}

impl DatabaseUrl {
    /// The user that it names.
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.config().ok()?.get_user().map(ToOwned::to_owned)
    }

    /// What it says.
    pub(crate) fn parts(&self) -> Result<AddressParts, StoreError> {
        let config = self.config()?;
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(name)) => name.clone(),
            #[cfg(unix)]
            Some(Host::Unix(path)) => path.display().to_string(),
            None => "localhost".to_owned(),
        };
        let user = config.get_user().unwrap_or("postgres");
        Ok(AddressParts {
            host,
            port: config.get_ports().first().copied().unwrap_or(5432),
            user: user.to_owned(),
            password: config.get_password().map(String::from_utf8_lossy).unwrap_or_default().into_owned(),
            database: config.get_dbname().unwrap_or(user).to_owned(),
            needs_tls: config.get_ssl_mode() == SslMode::Require,
            wants_tls: config.get_ssl_mode() == SslMode::Prefer,
        })
    }
}

/// A connection of its own to any database, which lives on the runtime that this is called in.
pub(crate) async fn connect_alone(
    url: &DatabaseUrl,
    name: &str,
) -> Result<tokio_postgres::Client, StoreError> {
    let mut config = url.config()?;
    config.application_name(name).target_session_attrs(TargetSessionAttrs::Any);
    let place = place(&config);
    let connecting = config.connect(tls::connector()?);
    let connected = tokio::time::timeout(PATIENCE, connecting)
        .await
        .map_err(|_| StoreError::Unavailable(format!("no answer within {} s", PATIENCE.as_secs())))?;
    let (client, connection) = connected.map_err(|error| not_connected(&place, &error))?;
    // Its end is seen by whoever asks next.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// Why a server does not let us in, or cannot be reached.
fn not_connected(place: &str, error: &tokio_postgres::Error) -> StoreError {
    match error.code().map(SqlState::code) {
        // Wrong user, password or database.
        Some(code) if code.starts_with("28") || code.starts_with("3D") => {
            StoreError::Refused(format!("{place} does not let us in: {}", chain(error)))
        }
        _ => StoreError::Unavailable(chain(error)),
    }
}

/// The server and the database, without any secret.
impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.config() {
            Ok(config) => f.write_str(&place(&config)),
            Err(_) => f.write_str("a database whose address does not read"),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => matches!(name.as_str(), "localhost" | "127.0.0.1" | "::1"),
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// How statements are planned. They are planned once, often while tables have a page each and reading all of it is cheapest;
/// until the server has analysed a table that grows meanwhile, that would go through it for every row. Each statement has
/// its index. Compiling a plan pays for none of them.
const PLANS: &str = "SET enable_seqscan = off; SET jit = off";

/// Connections to one database.
pub(super) struct Connections {
    pool: Pool,
    /// What they live on: a store's methods block, on whichever thread they are called. `None` only while it is
    /// dropped.
    runtime: Option<Runtime>,
    /// The server and database for messages, without any secret.
    pub(super) place: String,
}

impl Connections {
    pub(super) fn new(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let config = url.config()?;
        let place = place(&config);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("postgres")
            .enable_all()
            .build()
            .map_err(|error| engine("starting the database's thread", &error))?;
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config, tls::connector()?, recycling);
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS_MAX)
            .runtime(PoolRuntime::Tokio1)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async move {
                    let planned = tokio::time::timeout(PATIENCE, client.batch_execute(PLANS)).await;
                    planned.map_err(|_| HookError::message("no answer"))?.map_err(HookError::Backend)
                })
            }))
            .build()
            .map_err(|error| engine("making the connection pool", &error))?;
        Ok(Self { pool, runtime: Some(runtime), place })
    }

    /// Waits for work on the database.
    pub(super) fn wait<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let Some(runtime) = &self.runtime else { return Err(ended()) };
        let wait = || {
            let _context = runtime.enter();
            block_on(work)
        };
        // Where this is a thread of a runtime, its other work goes on elsewhere meanwhile.
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            Ok(_) | Err(_) => wait(),
        }
    }

    /// A connection of the pool.
    pub(super) async fn get(&self) -> Result<Client, StoreError> {
        let place = &self.place;
        self.pool.get().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => StoreError::Unavailable(format!(
                "all {CONNECTIONS_MAX} connections of this process to {place} have been busy for {} s: send it again in \
                 a moment",
                PATIENCE.as_secs()
            )),
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
                failed(&format!("connecting to {place}"), &error)
            }
            PoolError::Timeout(_) | PoolError::PostCreateHook(HookError::Message(_)) => StoreError::Unavailable(format!(
                "{place} does not answer within {} s: see that PostgreSQL runs there and can be reached",
                PATIENCE.as_secs()
            )),
            PoolError::Closed | PoolError::NoRuntimeSpecified => {
                engine(&format!("connecting to {place}"), &error)
            }
        })
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        // Dropping a runtime waits, which threads of another runtime may not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Polls work on this thread until it is done. A runtime's own way refuses threads that drive another runtime, and a
/// store must not care on which thread it is called.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    // Within a task of another runtime its budget would never be filled again.
    let mut work = pin!(tokio::task::coop::unconstrained(work));
    loop {
        match work.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

fn ended() -> StoreError {
    StoreError::Engine {
        what: "waiting for the database".to_owned(),
        reason: "its thread has ended".to_owned(),
    }
}

fn place(config: &Config) -> String {
    let host = match config.get_hosts().first() {
        Some(Host::Tcp(name)) => name.clone(),
        #[cfg(unix)]
        Some(Host::Unix(path)) => path.display().to_string(),
        None => "localhost".to_owned(),
    };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("PostgreSQL at {host}:{port}/{database}")
}
