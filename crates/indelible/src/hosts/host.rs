//! Asking a host: over HTTP, or in this process.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use model::json;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response, StatusCode, redirect};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::RevertHandler;
use super::connector::{Connector, is_link};
use super::order::{Order, Reply, signature};
use crate::clock;

/// How long a host has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of an answer, at most: two states, and room to spare.
const ANSWER_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Characters of a host's own words that are repeated.
const WHY_CHARS_MAX: usize = 300;

/// Who owns an entity and can put it back.
#[derive(Clone)]
pub enum Host {
    /// A program at an address.
    Endpoint {
        /// The address.
        url: String,
        /// What orders are signed with.
        secret: String,
    },
    /// A handler in this process.
    Handler(Arc<dyn RevertHandler>),
}

impl std::fmt::Debug for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Endpoint { url, .. } => {
                f.debug_struct("Endpoint").field("url", url).finish_non_exhaustive()
            }
            Self::Handler(_) => f.debug_tuple("Handler").finish_non_exhaustive(),
        }
    }
}

/// Why a host gave no answer that counts. Whether it did anything is not known; the same order can be sent again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// It could not be reached.
    #[error(
        "the host that owns this cannot be reached at {url}: {reason}. Nothing is logged as reverted; try again"
    )]
    Unreachable {
        /// Where.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// It took too long.
    #[error(
        "the host that owns this did not answer within 10 s. Nothing is logged as reverted; try again, \
             the order is the same and is carried out once"
    )]
    Slow,
    /// It answered something else than it may.
    #[error("the host that owns this answered {0}. Nothing is logged as reverted; its log says more")]
    Odd(String),
    /// It says that it did it, and that nothing changed.
    #[error("the host that owns this answered that nothing changed. Nothing is logged as reverted")]
    NothingChanged,
}

#[derive(Deserialize)]
struct Done {
    before: Option<Box<RawValue>>,
    after: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Conflict {
    current: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Cannot {
    why: Option<String>,
}

/// One client for all hosts. It follows no redirects: an order goes where it was addressed to.
static CLIENT: LazyLock<Result<Client, String>> = LazyLock::new(|| {
    let agent = concat!("indelible/", env!("CARGO_PKG_VERSION"));
    let client = Client::builder().dns_resolver(Arc::new(NoLinkAddresses)).timeout(PATIENCE).no_proxy();
    let client = client.redirect(redirect::Policy::none()).user_agent(agent);
    client.build().map_err(|error| error.to_string())
});

/// Looks names up and leaves out addresses of the link: a name that anybody can set must not lead to where cloud machines
/// have their credentials.
struct NoLinkAddresses;

impl Resolve for NoLinkAddresses {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|address| !is_link(address.ip())).collect();
            if allowed.is_empty() {
                return Err(format!("`{}` has no address that a host can have", name.as_str()).into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

impl Host {
    /// A connector's endpoint, if it has one.
    pub(crate) fn endpoint(connector: Connector) -> Option<Self> {
        Some(Self::Endpoint { url: connector.revert_url?, secret: connector.revert_secret? })
    }

    /// Sends an order.
    pub(crate) async fn send(&self, order: &Order) -> Result<Reply, HostError> {
        match self {
            Self::Endpoint { url, secret } => send(url, secret, order).await,
            Self::Handler(handler) => {
                let (handler, order) = (Arc::clone(handler), order.clone());
                tokio::task::spawn_blocking(move || handler.revert(&order))
                    .await
                    .map_err(|_| HostError::Odd("with a failure of its own".to_owned()))
            }
        }
    }
}

async fn send(url: &str, secret: &str, order: &Order) -> Result<Reply, HostError> {
    let unreachable = |reason: String| HostError::Unreachable { url: without_query(url), reason };
    let client = CLIENT.as_ref().map_err(|reason| unreachable(reason.clone()))?;
    let body = serde_json::to_vec(order).map_err(|error| HostError::Odd(error.to_string()))?;
    let now = clock::now().as_second();
    let response = client
        .post(url)
        .header("Indelible-Signature", signature(secret, now, &body))
        .header("Content-Type", "application/json")
        .body(body)
        .send()
        .await
        .map_err(|error| failure(&error, unreachable))?;
    let status = response.status();
    let answer = read(response).await?;
    let odd = |what: &str| HostError::Odd(format!("{status} {what}"));
    match status {
        StatusCode::OK => {
            let done: Done =
                parse(&answer).ok_or_else(|| odd("without the states before and after as JSON"))?;
            let is_state = |state: &Option<Box<RawValue>>| {
                state.as_ref().is_none_or(|state| state.get().starts_with('{'))
            };
            if done.after.is_none() || !is_state(&done.before) || !is_state(&done.after) {
                return Err(odd("without the states before and after as objects"));
            }
            Ok(Reply::Done { before: done.before, after: done.after })
        }
        StatusCode::CONFLICT => {
            let conflict: Option<Conflict> = parse(&answer);
            Ok(Reply::Conflict { current: conflict.and_then(|conflict| conflict.current) })
        }
        StatusCode::UNPROCESSABLE_ENTITY => {
            let cannot: Option<Cannot> = parse(&answer);
            let why = cannot.and_then(|cannot| cannot.why).filter(|why| !why.trim().is_empty());
            let why = why.unwrap_or_else(|| "its host refused, and does not say why".to_owned());
            Ok(Reply::Cannot { why: why.chars().take(WHY_CHARS_MAX).collect() })
        }
        _ => Err(odd("to the order")),
    }
}

fn failure(error: &reqwest::Error, unreachable: impl FnOnce(String) -> HostError) -> HostError {
    if error.is_timeout() {
        return HostError::Slow;
    }
    // The innermost cause says most: "connection refused".
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    unreachable(cause.to_string())
}

/// A query may hold what is nobody else's business.
fn without_query(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}

async fn read(mut response: Response) -> Result<String, HostError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| {
        if error.is_timeout() { HostError::Slow } else { HostError::Odd("and broke off".to_owned()) }
    })? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(HostError::Odd("more than 3 MiB".to_owned()));
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| HostError::Odd("something that is not UTF-8".to_owned()))
}

/// Strictly, as at the door: what is read here is logged.
fn parse<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    let minified = json::minify(text).ok()?;
    serde_json::from_str(&minified).ok()
}
