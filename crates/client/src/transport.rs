//! How entries get from an outbox into their log.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Runtime};

use crate::answer::Receipt;
use crate::client::Client;
use crate::error::{Error, Refusal};
use crate::send::Settings;
use crate::sink::Outgoing;

/// What became of each entry of a batch, in order.
pub type Results = Vec<Result<Receipt, Refusal>>;

/// Carries entries into the log of a site: over HTTP ([`Server`]), or in the same process (`Indelible::transport`).
///
/// Entries can come more than once, and an entry that is there already is answered as the first time. It is called from
/// one thread at a time, and may block.
///
/// ```
/// use client::{Error, Outgoing, Receipt, Results, Transport};
///
/// /// A log in memory, for tests of outboxes.
/// #[derive(Debug, Default)]
/// struct Log(std::sync::Mutex<Vec<Outgoing>>);
///
/// impl Transport for Log {
///     fn append(&self, _site: &str, entries: &[Outgoing]) -> Result<Results, Error> {
///         let mut log = self.0.lock().unwrap();
///         let mut append = |entry: &Outgoing| {
///             let index = log.len().try_into().unwrap_or(u64::MAX);
///             log.push(entry.clone());
///             Ok(Receipt { id: entry.id, index, recorded_at: None, leaf_hash: String::new(), known: false })
///         };
///         Ok(entries.iter().map(|entry| append(entry)).collect())
///     }
/// }
/// ```
pub trait Transport: Send + Sync + fmt::Debug {
    /// Appends entries to the log of a site.
    ///
    /// # Errors
    /// When the batch was not taken as a whole. [`Error::Refused`] with the status 403 or 404 means that this site never
    /// takes them from us; 400, 409, 413 or 422 that an entry in it stands in the way of the others; anything else that
    /// they can be sent again later.
    fn append(&self, site: &str, entries: &[Outgoing]) -> Result<Results, Error>;
}

/// A server, over HTTP. It works without a tokio runtime of the program's own.
///
/// ```
/// let server = client::Server::new("https://audit.example.com", "the-token-of-indelible-token-create")?;
/// # Ok::<(), client::Error>(())
/// ```
pub struct Server {
    client: Client,
    /// Connections belong to a runtime, so there is one for all batches.
    runtime: Mutex<Option<Runtime>>,
}

impl Server {
    /// The server at an address, with a token that may append.
    ///
    /// # Errors
    /// When address or token make no sense.
    pub fn new(base_url: &str, token: &str) -> Result<Self, Error> {
        // The outbox tries again by itself.
        let settings = Settings { tries_max: 1, ..Settings::default() };
        Self::of(Client::with_settings(base_url, token, settings)?)
    }

    /// The same by a client with settings of your own.
    ///
    /// # Errors
    /// When the system gives no runtime.
    pub fn of(client: Client) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::Misconfigured(format!("cannot set up a runtime: {error}")))?;
        Ok(Self { client, runtime: Mutex::new(Some(runtime)) })
    }
}

impl Transport for Server {
    fn append(&self, site: &str, entries: &[Outgoing]) -> Result<Results, Error> {
        let mut body = Vec::with_capacity(entries.iter().map(|entry| entry.entry.len() + 1).sum());
        for entry in entries {
            body.extend_from_slice(&entry.entry);
            body.push(b'\n');
        }
        let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        match runtime.as_ref() {
            Some(runtime) => runtime.block_on(self.client.append_lines(site, &ids, body)),
            None => Err(Error::Misconfigured("the connection was closed".to_owned())),
        }
    }
}

/// A runtime must not be dropped where a runtime runs; this one's tasks are connections that nobody needs any more.
impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("client", &self.client).finish_non_exhaustive()
    }
}
