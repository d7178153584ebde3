//! One request, sent until it is answered: when to try again and when not.
//!
//! Trying again is safe because a log takes an id once. So a request whose answer got lost may be sent
//! again, and is, though it may have been carried out.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use reqwest::{Request, Response, StatusCode};
use uuid::Uuid;

use crate::error::{Error, Problem};

/// How long a client waits, and how often it tries.
///
/// ```
/// use std::time::Duration;
/// use client::{Client, Settings};
///
/// let settings = Settings { tries_max: 1, request_timeout: Duration::from_secs(2), ..Settings::default() };
/// let client = Client::with_settings("https://audit.example.com", "t0k3n", settings)?;
/// # Ok::<(), client::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Time for one try, from connecting to the end of the answer.
    pub request_timeout: Duration,
    /// Tries for one request, the first included. 1 never tries again; 0 counts as 1.
    pub tries_max: u32,
    /// Wait before the second try; it doubles with each further one. Half of each wait is left to chance,
    /// lest all clients of a server come back at the same moment.
    pub backoff_first: Duration,
    /// The longest wait between two tries that the client chooses.
    pub backoff_max: Duration,
    /// The longest wait between two tries that the server may ask for (`Retry-After`). When it asks for more,
    /// the client does not try again but says so.
    pub retry_after_max: Duration,
}

impl Settings {
    /// A full batch of 32 MiB takes 27 seconds at 10 Mbit/s.
    pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
    /// With the waits below, up to 3 seconds: a server's restart.
    pub const TRIES_MAX: u32 = 5;
    /// Long enough for a busy server to finish a few commits.
    pub const BACKOFF_FIRST: Duration = Duration::from_millis(200);
    /// Longer waits belong to the caller, who knows what else to do meanwhile.
    pub const BACKOFF_MAX: Duration = Duration::from_secs(10);
    /// A server that asks for more is not merely busy.
    pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);

    /// The wait after a failed try, counted from 1. `chance` is any byte.
    pub(crate) fn backoff(&self, tries: u32, chance: u8) -> Duration {
        let doubled = 2_u32.saturating_pow(tries.saturating_sub(1));
        let whole = self.backoff_first.saturating_mul(doubled).min(self.backoff_max);
        let half = whole / 2;
        half + half.saturating_mul(u32::from(chance)) / u32::from(u8::MAX)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            request_timeout: Self::REQUEST_TIMEOUT,
            tries_max: Self::TRIES_MAX,
            backoff_first: Self::BACKOFF_FIRST,
            backoff_max: Self::BACKOFF_MAX,
            retry_after_max: Self::RETRY_AFTER_MAX,
        }
    }
}

/// An answer that says the request was carried out.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
}

/// Sends a request until it is answered for good.
pub(crate) async fn send(
    http: &reqwest::Client,
    settings: &Settings,
    mut request: Request,
) -> Result<Answer, Error> {
    let url = request.url().to_string();
    let mut tries = 1;
    loop {
        let again = request.try_clone();
        let (error, asked) = match once(http, request).await {
            Ok(Reply { status, body, .. }) if status.is_success() => return Ok(Answer { status, body }),
            Ok(reply) if reply.asks_for_patience() => (reply.refusal(), reply.retry_after),
            Ok(reply) => return Err(reply.into_error(url)),
            Err(source) => {
                let source = Box::new(source.without_url());
                (Error::Unreachable { url: url.clone(), tries, source }, None)
            }
        };
        let asks_too_much = asked.is_some_and(|wait| wait > settings.retry_after_max);
        match again {
            Some(next) if tries < settings.tries_max && !asks_too_much => request = next,
            _ => return Err(error),
        }
        let wait = asked.unwrap_or_else(|| settings.backoff(tries, chance()));
        tokio::time::sleep(wait).await;
        tries += 1;
    }
}

/// A whole answer, whatever it says.
struct Reply {
    status: StatusCode,
    retry_after: Option<Duration>,
    location: Option<String>,
    body: Vec<u8>,
}

async fn once(http: &reqwest::Client, request: Request) -> Result<Reply, reqwest::Error> {
    let response = http.execute(request).await?;
    let (status, retry_after) = (response.status(), retry_after(&response));
    let location =
        response.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(Reply { status, retry_after, location, body: response.bytes().await?.into() })
}

impl Reply {
    fn asks_for_patience(&self) -> bool {
        matches!(self.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
    }

    fn refusal(&self) -> Error {
        Error::Refused(Problem::read(self.status.as_u16(), &self.body))
    }

    fn into_error(self, url: String) -> Error {
        if self.status.is_client_error() || self.status.is_server_error() {
            return self.refusal();
        }
        let why = match self.location {
            // Followed, it would send the token to an address that nobody chose, as a GET without the entries.
            Some(place) => format!("it sends us on to {place}, and redirects are not followed"),
            None => "neither done nor refused".to_owned(),
        };
        Error::Unexpected { url, status: self.status.as_u16(), why }
    }
}

/// The wait that the server asks for. The form with a date is not read, for it takes a right clock; the
/// client's own waits apply then. Indelible sends seconds.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A byte of chance, good enough to spread retries: the last of a new UUID of version 7 is random.
pub(crate) fn chance() -> u8 {
    Uuid::now_v7().as_bytes()[15]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit() {
        let waits = |chance| -> Vec<u128> {
            let settings = Settings::default();
            [1, 2, 3, 4, 6, 7, 40, u32::MAX].map(|tries| settings.backoff(tries, chance).as_millis()).into()
        };
        assert_eq!(waits(255), [200, 400, 800, 1600, 6400, 10_000, 10_000, 10_000]);
        assert_eq!(waits(0), [100, 200, 400, 800, 3200, 5000, 5000, 5000]);
    }

    #[test]
    fn endless_settings_do_not_overflow() {
        let settings =
            Settings { backoff_first: Duration::MAX, backoff_max: Duration::MAX, ..Settings::default() };
        assert!(settings.backoff(u32::MAX, 255) > Duration::from_secs(1));
    }
}
