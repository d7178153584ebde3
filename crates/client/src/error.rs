//! What can go wrong, and what to do about it.
//!
//! Messages are for people; programs match the variants, and within [`Problem`] and [`Refusal`] the codes.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use uuid::Uuid;

use crate::outbox::OutboxError;

/// Why an entry was not sent, or is not known to have arrived.
///
/// ```
/// use client::{Client, Error};
///
/// let error = Client::new("audit.example.com", "t0k3n").unwrap_err();
/// assert!(matches!(&error, Error::Misconfigured(why) if why.contains("https://audit.example.com")));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A client cannot be made of this address, token or settings.
    #[error("{0}")]
    Misconfigured(String),

    /// A value of an entry cannot be written as JSON. Nothing was sent.
    #[error(
        "`{field}` of entry {id} cannot be written as JSON: {source}. Nothing was sent; give it another form"
    )]
    Unserialisable {
        /// The entry's id.
        id: Uuid,
        /// The field that holds the value.
        field: &'static str,
        /// What serde says.
        source: Arc<serde_json::Error>,
    },

    /// The entry is longer than any server takes. Nothing was sent.
    #[error(
        "entry {id} is {bytes} bytes of JSON and {} are allowed. Nothing was sent; shorten `before`, `after` or `data`",
        crate::batch::ENTRY_BYTES_MAX
    )]
    TooLarge {
        /// The entry's id.
        id: Uuid,
        /// Its length.
        bytes: usize,
    },

    /// No answer came. The entries may be in the log or not; sending them again is harmless.
    #[error(
        "no answer from the Indelible server at {url} ({tries} tries): {}. Check the address and that the server runs, then send again: what has arrived already is not doubled",
        innermost(source.as_ref())
    )]
    Unreachable {
        /// Where the entries were sent.
        url: String,
        /// How often.
        tries: u32,
        /// What happened at the last try.
        source: Box<dyn StdError + Send + Sync>,
    },

    /// The server answered that it does not take the request. For `append_all`, the parts of the batch that
    /// were sent before it are in the log; sending all again is harmless.
    #[error("{0}")]
    Refused(Problem),

    /// The answer is not one of an Indelible server.
    #[error(
        "unexpected answer from {url} (status {status}): {why}. Check that the address is that of an Indelible server and that no proxy answers in its place"
    )]
    Unexpected {
        /// Where the entries were sent.
        url: String,
        /// The answer's status.
        status: u16,
        /// What is wrong with it.
        why: String,
    },
}

/// Why an entry was not logged.
///
/// ```
/// # use std::sync::Arc;
/// # use client::{Action, EntityRef, Kind, LogError, Logger, Memory, Registry};
/// let mut registry = Registry::new();
/// registry.register(Action::new("page.publish", Kind::Update, "Publish"))?;
/// let logger = Logger::new("acme.www", registry, Arc::new(Memory::default()));
///
/// let page = EntityRef::new("page", "7");
/// let error = logger.log(&page, "page.pubilsh").system().record().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "the action `page.pubilsh` is not registered; `page.publish` is. \
///      Register it at the program's start with `Registry::register`"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// There is no logger.
    #[error(
        "nobody to log to: install a logger at the program's start (`logger.install()`), or give the context one \
         (`LogContext::logger`)"
    )]
    NoLogger,
    /// A logger is installed already.
    #[error("a logger is installed already: install one, once, at the program's start")]
    Installed,
    /// Nobody says who did it.
    #[error(
        "`{action}` was not logged: nobody says who did it. Run this inside `LogContext::scope`, take the context along \
         to tasks and threads with `carry`, or say `.actor(…)`, `.user(…)` or `.system()`"
    )]
    NoContext {
        /// The action.
        action: String,
    },
    /// The action is not registered.
    #[error(
        "the action `{action}` is not registered{}. Register it at the program's start with `Registry::register`",
        nearest.as_ref().map(|name| format!("; `{name}` is")).unwrap_or_default()
    )]
    UnknownAction {
        /// The action.
        action: String,
        /// A registered one that looks like it.
        nearest: Option<String>,
    },
    /// The entity has no id yet.
    #[error("`{action}` was not logged: the {entity_type} has no id yet. Save it first, then log it")]
    Unsaved {
        /// The action.
        action: String,
        /// The entity's type.
        entity_type: String,
    },
    /// The data do not fit a schema.
    #[error("`{action}` of a {entity_type} was not logged: its data do not fit their schema: {why}")]
    Schema {
        /// The action.
        action: String,
        /// The entity's type.
        entity_type: String,
        /// What does not fit, and where.
        why: String,
    },
    /// The entry cannot be written, or no log takes it.
    #[error(transparent)]
    Entry(Arc<Error>),
    /// It cannot be kept until it is sent.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

impl From<Error> for LogError {
    fn from(error: Error) -> Self {
        Self::Entry(Arc::new(error))
    }
}

/// The innermost cause: the outer ones only say that a request failed.
fn innermost<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    error.source().map_or(error, innermost)
}

/// What a server says when it does not take a request (RFC 9457 problem details).
///
/// ```
/// use client::Problem;
///
/// let problem = Problem { status: 507, code: "disk_full".into(), ..Problem::default() };
/// assert!(problem.to_string().contains("make room there, then send again"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The kind of problem; empty if the answer did not name it.
    pub code: String,
    /// One sentence for people.
    pub detail: String,
    /// What is wrong with which field.
    pub errors: Vec<Refusal>,
}

/// Characters of a foreign answer that a message shows: enough to recognise a proxy's page by.
const FOREIGN_CHARS_SHOWN: usize = 200;

impl Problem {
    /// Reads an answer's body. One that is no problem document was written by something in between; it is
    /// shown as it is.
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Document {
            title: String,
            code: String,
            detail: String,
            errors: Vec<Refusal>,
        }
        match serde_json::from_slice::<Document>(body) {
            Ok(Document { title, code, detail, errors }) => {
                let detail = if detail.is_empty() { title } else { detail };
                Self { status, code, detail, errors }
            }
            Err(_) => Self { status, detail: excerpt(body), ..Self::default() },
        }
    }

    fn advice(&self) -> &'static str {
        match self.status {
            401 => "check that the token is complete and not revoked (`indelible token list`)",
            403 => "use a token whose role may append to this site (`writer`)",
            404 => "check the site's id, that it was created, and that the token is one for it",
            409 => "if this is another entry, give it an id of its own; if not, send what was sent first",
            413 => "send less at once, or shorten `before`, `after` or `data`",
            422 => "correct the fields named and send again",
            429 => "send again later, and less often",
            503 => "send again later: nothing is doubled",
            507 => "the server's disk is full: make room there, then send again",
            400..=499 => "correct the request and send again",
            _ => "look into the server's log, then send again: nothing is doubled",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refused: status {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        if !self.detail.is_empty() {
            write!(f, ", {}", self.detail.trim_end_matches('.'))?;
        }
        for error in &self.errors {
            write!(f, "; {error}")?;
        }
        write!(f, ". What to do: {}", self.advice())
    }
}

/// One thing that the server does not take about an entry.
///
/// ```
/// use client::Refusal;
///
/// let refusal = Refusal { code: "unknown_field".into(), field: "colour".into(), message: "not a field".into() };
/// assert_eq!(refusal.to_string(), "`colour`: not a field (unknown_field)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, thiserror::Error)]
#[error("{}{message} ({code})", if field.is_empty() { String::new() } else { format!("`{field}`: ") })]
pub struct Refusal {
    /// The kind of mistake, for example `unknown_field` or `id_conflict`.
    pub code: String,
    /// Path of the field, for example `actor.id`; empty for the entry as a whole.
    #[serde(default)]
    pub field: String,
    /// One sentence for people.
    #[serde(default)]
    pub message: String,
}

/// The beginning of a text that somebody else wrote, as one line.
pub(crate) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = words.chars().take(FOREIGN_CHARS_SHOWN).collect();
    if short.len() < words.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_says_what_where_and_what_to_do() {
        let body = br#"{"type":"about:blank","title":"Invalid","status":422,"detail":"The entry is invalid.",
            "code":"invalid_entry","errors":[{"field":"colour","code":"unknown_field","message":"not a field"}]}"#;
        let problem = Problem::read(422, body);
        assert_eq!(
            problem.to_string(),
            "the server refused: status 422 invalid_entry, The entry is invalid; \
             `colour`: not a field (unknown_field). What to do: correct the fields named and send again"
        );
    }

    #[test]
    fn a_foreign_page_is_shown_shortened() {
        let page = format!("<html>\n  <h1>Bad\tGateway</h1>{}", "x".repeat(500));
        let problem = Problem::read(502, page.as_bytes());
        assert_eq!((problem.status, problem.code.as_str()), (502, ""));
        assert!(problem.detail.starts_with("<html> <h1>Bad Gateway</h1>xxx"), "{problem}");
        assert_eq!(problem.detail.chars().count(), FOREIGN_CHARS_SHOWN + 1);
    }

    #[test]
    fn a_refusal_of_the_whole_entry_names_no_field() {
        let refusal: Refusal = serde_json::from_str(r#"{"code":"too_large","message":"too long"}"#).unwrap();
        assert_eq!(refusal.to_string(), "too long (too_large)");
    }
}
