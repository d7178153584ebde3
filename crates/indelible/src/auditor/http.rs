//! Reading a log over HTTP: with limits on size and time, and again where a try may help.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;

use super::AuditError;
use crate::causes::chain;

/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tries for one answer, and the wait before the second; it doubles with each further one.
const TRIES_MAX: u32 = 4;
const BACKOFF: Duration = Duration::from_millis(250);

/// Bytes of a log's description.
const DESCRIPTION_BYTES_MAX: usize = 1024 * 1024;

/// One log on one server. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Log {
    client: Client,
    /// Ends in a slash.
    prefix: Arc<Url>,
    token: Option<Arc<str>>,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) enum Fetched {
    Bytes(Vec<u8>),
    /// The server has no such thing (any more): status 404 or 410.
    Missing,
    /// The server says that it cannot give it.
    Failed(String),
}

/// The part of `log.v1.json` that is needed.
#[derive(Deserialize)]
struct Description {
    minimum_index: u64,
    umbrella: Option<Umbrella>,
}

#[derive(Deserialize)]
struct Umbrella {
    blinding: String,
}

impl Log {
    pub(super) fn new(url: &str, site: &str, token: Option<&str>) -> Result<Self, AuditError> {
        let bad = |reason: String| AuditError::Url { url: url.to_owned(), reason };
        let mut prefix = Url::parse(url).map_err(|error| bad(error.to_string()))?;
        if !matches!(prefix.scheme(), "http" | "https") {
            return Err(bad("it must begin with https:// or http://".to_owned()));
        }
        prefix
            .path_segments_mut()
            .map_err(|()| bad("it has no path".to_owned()))?
            .pop_if_empty()
            .extend(["logs", site, ""]);
        // A redirect would take the token elsewhere; whoever moved says so.
        let client = Client::builder().redirect(Policy::none()).timeout(PATIENCE).build();
        let client = client.map_err(|error| bad(error.to_string()))?;
        Ok(Self { client, prefix: Arc::new(prefix), token: token.map(Into::into) })
    }

    /// The newest checkpoint.
    pub(super) async fn checkpoint(&self) -> Result<String, AuditError> {
        let bytes = self.must("checkpoint", tlog::NOTE_SIZE_MAX).await?;
        String::from_utf8(bytes).map_err(|_| self.refused("checkpoint", "it is not UTF-8"))
    }

    /// The newest checkpoint; with a policy, of the umbrella log, the newest that has a quorum of witnesses.
    pub(super) async fn newest(&self, policy: Option<&tlog::Policy>) -> Result<String, AuditError> {
        if policy.is_none() {
            return self.checkpoint().await;
        }
        match self.get("cosigned", tlog::NOTE_SIZE_MAX).await? {
            Fetched::Bytes(bytes) => {
                String::from_utf8(bytes).map_err(|_| self.refused("cosigned", "it is not UTF-8"))
            }
            Fetched::Missing => Err(self.refused(
                "cosigned",
                "404: no checkpoint of the umbrella log has a quorum of witnesses, or the token may not see it. Without \
                 --policy the log is verified as the operator alone signed it",
            )),
            Fetched::Failed(reason) => Err(self.refused("cosigned", &reason)),
        }
    }

    /// The first entry whose leaf is served.
    pub(super) async fn minimum_index(&self) -> Result<u64, AuditError> {
        Ok(self.description().await?.minimum_index)
    }

    /// The value under which the site's tag in the umbrella log is made.
    pub(super) async fn blinding(&self) -> Result<tlog::Hash, AuditError> {
        let blinding = self.description().await?.umbrella.and_then(|umbrella| umbrella.blinding.parse().ok());
        blinding.ok_or_else(|| self.refused("log.v1.json", "it names no umbrella log with a blinding value"))
    }

    async fn description(&self) -> Result<Description, AuditError> {
        let json = self.must("log.v1.json", DESCRIPTION_BYTES_MAX).await?;
        serde_json::from_slice(&json)
            .map_err(|error| self.refused("log.v1.json", &format!("it does not read: {error}")))
    }

    async fn must(&self, path: &str, bytes_max: usize) -> Result<Vec<u8>, AuditError> {
        match self.get(path, bytes_max).await? {
            Fetched::Bytes(bytes) => Ok(bytes),
            Fetched::Missing => {
                Err(self.refused(path, "404: the server has no such log, or the token may not see it"))
            }
            Fetched::Failed(reason) => Err(self.refused(path, &reason)),
        }
    }

    /// Asks until there is an answer that trying again would not change.
    pub(super) async fn get(&self, path: &str, bytes_max: usize) -> Result<Fetched, AuditError> {
        let mut wait = BACKOFF;
        for _ in 1..TRIES_MAX {
            match self.once(path, bytes_max).await {
                Ok(Some(fetched)) => return Ok(fetched),
                Ok(None) | Err(AuditError::Unreachable { .. }) => tokio::time::sleep(wait).await,
                Err(error) => return Err(error),
            }
            wait *= 2;
        }
        let busy = || self.refused(path, "the server is too busy, even after several tries");
        self.once(path, bytes_max).await?.ok_or_else(busy)
    }

    /// `None` where the server asks to come back later.
    async fn once(&self, path: &str, bytes_max: usize) -> Result<Option<Fetched>, AuditError> {
        let unreachable =
            |error: reqwest::Error| AuditError::Unreachable { url: self.url(path), reason: chain(&error) };
        let mut request = self.client.get(self.url(path));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(Some(Fetched::Missing)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => return Ok(None),
            status if status.is_server_error() => return Ok(Some(Fetched::Failed(failure(response).await))),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let advice = "give a token of a reader of the site with --token or INDELIBLE_TOKEN";
                return Err(self.refused(path, &format!("{}; {advice}", failure(response).await)));
            }
            _ => return Err(self.refused(path, &failure(response).await)),
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            bytes.extend(&chunk);
            if bytes.len() > bytes_max {
                return Err(self.refused(path, &format!("more than {bytes_max} bytes, which it cannot have")));
            }
        }
        Ok(Some(Fetched::Bytes(bytes)))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    fn refused(&self, path: &str, answer: &str) -> AuditError {
        AuditError::Refused { url: self.url(path), answer: answer.to_owned() }
    }
}

/// Status and the detail of the problem document, if it is one.
async fn failure(response: Response) -> String {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let status = response.status();
    match response.json::<Problem>().await {
        Ok(Problem { detail }) => {
            let detail: String = detail.chars().filter(|c| !c.is_control()).take(500).collect();
            format!("{status}: {detail}")
        }
        Err(_) => status.to_string(),
    }
}
