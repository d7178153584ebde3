//! The way to one server.

use std::fmt;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Method, Request, StatusCode, Url};
use uuid::Uuid;

use crate::answer::{self, Receipt};
use crate::batch::{ENTRY_BYTES_MAX, Parts};
use crate::entry::Entry;
use crate::error::{Error, Refusal};
use crate::send::{self, Answer, Settings};

/// A connection to one Indelible server. Cloning it is cheap, and clones share their connections; one client
/// serves a whole program.
///
/// ```no_run
/// use client::{Actor, Client, Entry};
///
/// # async fn publish() -> Result<(), client::Error> {
/// let client = Client::new("https://audit.example.com", "the-token-of-indelible-token-create")?;
/// let entry = Entry::new("page.publish", "page", "1002").actor(Actor::user("42").name("Ana"));
/// let receipt = client.append("acme.www", &entry).await?;
/// println!("entry {} is at index {}", receipt.id, receipt.index);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    base: Url,
    http: reqwest::Client,
    settings: Settings,
}

impl Client {
    /// A client of the server at `base_url`, for example `https://audit.example.com`, with the default
    /// [`Settings`]. The token is one that may append, see `indelible token create --role writer`.
    ///
    /// It does not connect yet.
    pub fn new(base_url: &str, token: &str) -> Result<Self, Error> {
        Self::with_settings(base_url, token, Settings::default())
    }

    /// The same with settings of your own.
    pub fn with_settings(base_url: &str, token: &str, settings: Settings) -> Result<Self, Error> {
        let base = read_base(base_url)?;
        let http = reqwest::Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer(token)?)]))
            .user_agent(concat!("indelible-client/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.request_timeout)
            .redirect(Policy::none())
            // We try again ourselves, and count the tries.
            .retry(reqwest::retry::never())
            .build()
            .map_err(|error| Error::Misconfigured(format!("cannot set up HTTP: {error}")))?;
        Ok(Self { base, http, settings })
    }

    /// Appends one entry to the log of a site. When it returns a receipt, the entry is durable and readable.
    ///
    /// It waits and tries again as [`Settings`] say. After an error, sending the same entry again is harmless.
    pub async fn append(&self, site: &str, entry: &Entry) -> Result<Receipt, Error> {
        let body = entry.to_line()?;
        if body.len() > ENTRY_BYTES_MAX {
            return Err(Error::TooLarge { id: entry.uuid(), bytes: body.len() });
        }
        let answer = self.post(site, "application/json", body).await?;
        let known = match answer.status {
            StatusCode::CREATED => Ok(false),
            StatusCode::OK => Ok(true),
            _ => Err("expected 200 or 201".to_owned()),
        };
        known
            .and_then(|known| answer::receipt(&answer.body, entry.uuid(), known))
            .map_err(|why| self.unexpected(site, answer.status, why))
    }

    /// Appends many entries to the log of a site, in their order, and answers for each of them in that order:
    /// a receipt, or why it was refused. A refused entry does not hold up the others.
    ///
    /// Entries go in requests of at most 10,000 entries and 32 MiB, one after the other; an entry above 1 MiB
    /// is refused without being sent. All values are checked before anything is sent.
    ///
    /// # Errors
    /// When a request fails as a whole. Entries of earlier requests are in the log then; send all of them again
    /// to get their receipts, which doubles nothing.
    pub async fn append_all(
        &self,
        site: &str,
        entries: &[Entry],
    ) -> Result<Vec<Result<Receipt, Refusal>>, Error> {
        for entry in entries {
            entry.check()?;
        }
        let mut results = Vec::with_capacity(entries.len());
        for part in Parts::of(entries) {
            let mut part = part?;
            let taken = if part.ids.is_empty() {
                Vec::new()
            } else {
                self.append_lines(site, &part.ids, std::mem::take(&mut part.body)).await?
            };
            results.extend(part.complete(taken));
        }
        Ok(results)
    }

    /// An entry's receipt: the proof, in tlog-proof form, that it is in the log that a checkpoint signs: the newest one,
    /// or the one by which the umbrella log covers the entry. The token must be one that may read.
    ///
    /// # Errors
    /// When the server refuses, with the status 404 where the log has no such entry, or gives no answer.
    pub async fn proof(&self, site: &str, id: Uuid) -> Result<String, Error> {
        let mut url = self.entries_url(site);
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend([id.to_string().as_str(), "proof"]);
        }
        let answer = send::send(&self.http, &self.settings, Request::new(Method::GET, url)).await?;
        String::from_utf8(answer.body)
            .map_err(|_| self.unexpected(site, answer.status, "a receipt that is not UTF-8".to_owned()))
    }

    /// One request with NDJSON, and what became of each of its lines.
    pub(crate) async fn append_lines(
        &self,
        site: &str,
        ids: &[Uuid],
        body: Vec<u8>,
    ) -> Result<Vec<Result<Receipt, Refusal>>, Error> {
        let answer = self.post(site, "application/x-ndjson", body).await?;
        match answer.status {
            StatusCode::OK | StatusCode::MULTI_STATUS => answer::results(&answer.body, ids),
            _ => Err("expected 200 or 207".to_owned()),
        }
        .map_err(|why| self.unexpected(site, answer.status, why))
    }

    async fn post(&self, site: &str, content_type: &'static str, body: Vec<u8>) -> Result<Answer, Error> {
        let mut request = Request::new(Method::POST, self.entries_url(site));
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        *request.body_mut() = Some(body.into());
        send::send(&self.http, &self.settings, request).await
    }

    fn entries_url(&self, site: &str) -> Url {
        let mut url = self.base.clone();
        // Only URLs such as `mailto:` have no path, and `read_base` lets none of them in.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["api", "v1", "sites", site, "entries"]);
        }
        url
    }

    fn unexpected(&self, site: &str, status: StatusCode, why: String) -> Error {
        Error::Unexpected { url: self.entries_url(site).into(), status: status.as_u16(), why }
    }
}

/// Without the token, which the HTTP client holds.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// Reads the server's address. Messages do not repeat it: whoever mixes up address and token would find the
/// token in their log.
fn read_base(base_url: &str) -> Result<Url, Error> {
    let refuse = |why: &str| {
        let message = format!("the server's address {why}: give one such as `https://audit.example.com`");
        Err(Error::Misconfigured(message))
    };
    let Ok(url) = Url::parse(base_url) else { return refuse("is not a URL") };
    if !matches!(url.scheme(), "http" | "https") {
        return refuse("begins with neither `http://` nor `https://`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("contains a user name or password, which the token is there for");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("has a query or fragment");
    }
    Ok(url)
}

fn bearer(token: &str) -> Result<HeaderValue, Error> {
    let header = HeaderValue::from_str(&format!("Bearer {token}"));
    match header {
        Ok(mut header) if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            header.set_sensitive(true);
            Ok(header)
        }
        _ => {
            let message = "the token is empty or has characters that no token has, a line break perhaps: \
                           give it as `indelible token create` printed it";
            Err(Error::Misconfigured(message.to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_may_have_a_path() {
        let check = |base: &str, site: &str, expected: &str| {
            assert_eq!(Client::new(base, "t").unwrap().entries_url(site).as_str(), expected);
        };
        check("http://h:8080", "www", "http://h:8080/api/v1/sites/www/entries");
        check("https://h/", "acme.www", "https://h/api/v1/sites/acme.www/entries");
        check("https://h/audit", "www", "https://h/audit/api/v1/sites/www/entries");
        check("https://h/audit/", "a/b?c", "https://h/audit/api/v1/sites/a%2Fb%3Fc/entries");
    }

    #[test]
    fn bad_addresses_and_tokens_are_refused_without_being_shown() {
        let bases = [
            "secret",
            "",
            "ftp://secret",
            "mailto:secret",
            "http://u:secret@h",
            "http://h?secret",
            "http://h#secret",
        ];
        for base in bases {
            let message = Client::new(base, "t").unwrap_err().to_string();
            assert!(
                message.contains("https://audit.example.com") && !message.contains("secret"),
                "{message}"
            );
        }
        for token in ["", "secret\n", "sec ret", "secrét"] {
            let message = Client::new("http://h", token).unwrap_err().to_string();
            assert!(
                message.contains("indelible token create")
                    && !message.contains(token.get(..3).unwrap_or("¤")),
                "{message}"
            );
        }
    }

    #[test]
    fn debug_does_not_show_the_token() {
        let client = Client::new("http://h", "s3cr3t-t0k3n").unwrap();
        for shown in [format!("{client:?}"), format!("{client:#?}"), format!("{:?}", client.http)] {
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
    }
}
