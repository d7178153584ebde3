//! Asking one witness to cosign the newest head (C2SP tlog-witness, add-checkpoint).

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy as Redirects;
use reqwest::{Client, Response, StatusCode, Url};
use tlog::Submission;

use super::Witnesses;
use crate::causes::chain;
use crate::clock;
use crate::store::{Head, StoreError};
use crate::umbrella::{Umbrella, nodes};

/// Time for one answer. Nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Times that a witness may tell another size in one go.
const CONFLICTS_MAX: u32 = 2;

/// Why a witness did not cosign.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unwitnessed {
    /// There is nothing to cosign, nobody to ask, or no way to ask.
    #[error("{0}")]
    NotAsked(String),
    /// It does not answer, or not as a witness does.
    #[error("{0}")]
    Answer(String),
    /// It has seen a larger log.
    #[error(
        "ALARM: it has cosigned a head of size {theirs}, and our log has {ours}: our data were rolled back, or \
         somebody else signs with our key. Nothing that follows will be cosigned"
    )]
    RolledBack {
        /// What it saw.
        theirs: u64,
        /// What we have.
        ours: u64,
    },
    /// It says that we do not extend what it saw.
    #[error(
        "ALARM: it says that our log does not extend the head of size {old} that it cosigned: the log was \
         rewritten, or somebody else signs with our key ({answer})"
    )]
    Forked {
        /// What it saw.
        old: u64,
        /// Its words.
        answer: String,
    },
    /// Our own log cannot be read.
    #[error("the umbrella log: {0}")]
    Store(String),
}

/// Asks witnesses. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Submitter {
    pub(super) witnesses: Arc<Witnesses>,
    umbrella: Arc<Umbrella>,
    pub(super) client: Client,
}

impl Submitter {
    /// Asks the witnesses of a policy to cosign heads of the umbrella log.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(witnesses: Arc<Witnesses>, umbrella: Arc<Umbrella>) -> Result<Self, Unwitnessed> {
        let client = Client::builder().redirect(Redirects::none()).timeout(PATIENCE).build();
        let client = client.map_err(|error| Unwitnessed::NotAsked(error.to_string()))?;
        Ok(Self { witnesses, umbrella, client })
    }

    /// How many witnesses there are to ask.
    #[must_use]
    pub fn count(&self) -> usize {
        self.witnesses.policy.as_ref().map_or(0, |policy| policy.witnesses().len())
    }

    /// Asks one witness, by its place in the policy, to cosign the newest head, unless it has. Returns the size of
    /// the head that it has cosigned.
    ///
    /// # Errors
    /// Why it did not. It is told on the board as well.
    pub async fn ask(&self, place: usize) -> Result<u64, Unwitnessed> {
        let asked = self.submit(place).await;
        if let Err(error) = &asked {
            self.witnesses.told(place, error.to_string());
        }
        asked
    }

    async fn submit(&self, place: usize) -> Result<u64, Unwitnessed> {
        let standing = self.witnesses.board().standings.get(place).cloned().unwrap_or_default();
        let Some(url) = standing.url.as_deref().and_then(address) else {
            return Err(Unwitnessed::NotAsked("the policy has no address of it".to_owned()));
        };
        let umbrella = Arc::clone(&self.umbrella);
        let Some((head, note)) = blocking(move || umbrella.head()).await? else {
            return Err(Unwitnessed::NotAsked("the umbrella log has no head yet".to_owned()));
        };
        let mut old = standing.newest.map_or(0, |(size, _)| size);
        if old == head.size && standing.problem.is_none() {
            return Ok(old);
        }
        for _ in 0..=CONFLICTS_MAX {
            if old > head.size {
                return Err(Unwitnessed::RolledBack { theirs: old, ours: head.size });
            }
            match self.once(&url, old, head, &note).await? {
                Answered::Lines(lines) => {
                    let now = u64::try_from(clock::now().as_second()).unwrap_or_default();
                    let taken = self.witnesses.take(place, &note, &lines, now);
                    return taken.map_err(|bad| Unwitnessed::Answer(bad.0));
                }
                Answered::Size(size) if size == old => break,
                Answered::Size(size) => old = size,
            }
        }
        Err(Unwitnessed::Answer(format!("it answers 409 again and again, last with the size {old}")))
    }

    async fn once(&self, url: &Url, old: u64, head: Head, note: &str) -> Result<Answered, Unwitnessed> {
        let umbrella = Arc::clone(&self.umbrella);
        let proof = blocking(move || {
            tlog::consistency_proof(&nodes(umbrella.store(), head.size), old, head.size)
                .map_err(|error| StoreError::Corrupt(error.to_string()))
        });
        let submission = Submission::new(old, proof.await?, note)
            .map_err(|error| Unwitnessed::Store(error.to_string()))?
            .to_string();
        let unanswered = |error: reqwest::Error| Unwitnessed::Answer(chain(&error));
        let request = self.client.post(url.clone()).header(CONTENT_TYPE, "text/plain; charset=utf-8");
        let response = request.body(submission).send().await.map_err(unanswered)?;
        let status = response.status();
        let is_size = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "text/x.tlog.size");
        let body = body(response).await?;
        match status {
            StatusCode::OK => Ok(Answered::Lines(body)),
            StatusCode::CONFLICT if is_size => size(&body)
                .map(Answered::Size)
                .ok_or_else(|| Unwitnessed::Answer("it answers 409 with a size that is none".to_owned())),
            StatusCode::UNPROCESSABLE_ENTITY => Err(Unwitnessed::Forked { old, answer: said(&body) }),
            StatusCode::NOT_FOUND => Err(Unwitnessed::Answer(format!(
                "404: it does not know our umbrella log, or nothing is at this address: its operator needs the key \
                 in /logs/_umbrella/log.v1.json ({})",
                said(&body)
            ))),
            StatusCode::FORBIDDEN => Err(Unwitnessed::Answer(format!(
                "403: it knows our umbrella log by another key, or not at all: its operator needs the key in \
                 /logs/_umbrella/log.v1.json ({})",
                said(&body)
            ))),
            status => Err(Unwitnessed::Answer(format!("{status} ({})", said(&body)))),
        }
    }
}

/// What a witness answered.
enum Answered {
    /// Signature lines.
    Lines(String),
    /// The size that it saw last.
    Size(u64),
}

/// Where checkpoints are submitted to the witness with this prefix.
pub(super) fn address(prefix: &str) -> Option<Url> {
    under(prefix, &["add-checkpoint"])
}

/// An address below the prefix of a witness; `None` where that is none.
pub(super) fn under(prefix: &str, path: &[&str]) -> Option<Url> {
    let mut url = Url::parse(prefix).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(path);
    Some(url)
}

/// A size, of the one spelling that it has.
fn size(body: &str) -> Option<u64> {
    let text = body.strip_suffix('\n').unwrap_or(body);
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

pub(super) async fn body(mut response: Response) -> Result<String, Unwitnessed> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Unwitnessed::Answer(chain(&error)))? {
        bytes.extend(&chunk);
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(Unwitnessed::Answer(format!("its answer has more than {ANSWER_BYTES_MAX} bytes")));
        }
    }
    String::from_utf8(bytes).map_err(|_| Unwitnessed::Answer("its answer is not UTF-8".to_owned()))
}

/// What it said, as it may be shown.
fn said(body: &str) -> String {
    let said: String = body.chars().filter(|c| !c.is_control()).take(200).collect();
    if said.is_empty() { "without a word".to_owned() } else { said }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Unwitnessed> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Unwitnessed::Store(error.to_string()))?
        .map_err(|error| Unwitnessed::Store(error.to_string()))
}
