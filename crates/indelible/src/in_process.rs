//! Logging into this installation from the program that holds it, without a server between: the same handle, outbox and
//! guarantees as over HTTP.

use std::path::PathBuf;
use std::sync::Arc;

use client::outbox::{Outbox, OutboxError, OutboxSettings};
use client::{Error, Logger, Outgoing, Problem, Receipt, Refusal, Registry, Results, Transport};
use model::{SiteId, Violation};

use crate::Indelible;
use crate::journal::{self, Append, JournalError, Outcome};
use crate::store::Site;

impl Indelible {
    /// A logger for the log of a site. Entries wait in an outbox in a directory of their own, so that nothing is lost when
    /// the log cannot take them at the moment; once it can, they are in it within milliseconds. `name` is what the entries
    /// have as their source, and as their connector, by which reverts find the handler in
    /// [`revert_handlers`](Self::revert_handlers).
    ///
    /// ```
    /// use client::{Action, EntityRef, Kind, Registry};
    /// use indelible::access::Caller;
    /// use indelible::{Indelible, OpenOptions};
    /// # let directory = tempfile::tempdir()?;
    /// # let directory = directory.path();
    ///
    /// let indelible = Indelible::open(&directory.join("data"), &OpenOptions::default())?;
    /// indelible.create_site("acme".parse()?, "Acme", &Caller::local("cms"))?;
    ///
    /// let mut registry = Registry::new();
    /// registry.register(Action::new("page.publish", Kind::Update, "Publish"))?;
    /// let logger = indelible.logger("acme", registry, "cms", directory.join("outbox"))?;
    ///
    /// logger.log(&EntityRef::new("page", "7"), "page.publish").user("42").record()?;
    /// logger.close(std::time::Duration::from_secs(10))?;
    ///
    /// let site = indelible.sites().find(&"acme".parse()?)?.unwrap();
    /// assert_eq!(indelible.published().size(site.log)?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the outbox does not open.
    pub fn logger(
        &self,
        site: &str,
        registry: Registry,
        name: &str,
        outbox: impl Into<PathBuf>,
    ) -> Result<Logger, OutboxError> {
        let outbox = Outbox::open(outbox, self.transport(name), OutboxSettings::default())?;
        Ok(Logger::with_outbox(site, registry, outbox).connector(name))
    }

    /// The way of entries from an outbox into this installation's logs. `source` names who sends them.
    #[must_use]
    pub fn transport(&self, source: &str) -> Arc<dyn Transport> {
        Arc::new(InProcess { indelible: self.clone(), source: source.to_owned() })
    }
}

#[derive(Debug)]
struct InProcess {
    indelible: Indelible,
    source: String,
}

impl Transport for InProcess {
    fn append(&self, site: &str, entries: &[Outgoing]) -> Result<Results, Error> {
        let site = self.site(site)?;
        let rules = self.indelible.rules(&site).map_err(|error| internal(&error))?;
        let texts = entries.iter().map(|entry| entry.entry.as_slice());
        let admissions =
            journal::admit_all(texts, &self.source, None, &rules).map_err(|error| internal(&error))?;
        let mut admitted = Vec::with_capacity(entries.len());
        let mut refused = Vec::with_capacity(entries.len());
        for admission in admissions {
            match admission {
                Ok(sealed) => {
                    admitted.push(sealed);
                    refused.push(None);
                }
                Err(violations) => refused.push(violations.into_iter().next().map(|first| refusal(&first))),
            }
        }
        let append = Append { site, entries: admitted, atomic: false, change: None };
        let outcomes = self.indelible.journal().append_blocking(append).map_err(|error| not_taken(&error))?;
        let mut outcomes = outcomes.into_iter();
        let result = |refused: Option<Refusal>| match refused {
            Some(refusal) => Some(Err(refusal)),
            None => outcomes.next().map(result_of),
        };
        Ok(refused.into_iter().filter_map(result).collect())
    }
}

impl InProcess {
    fn site(&self, id: &str) -> Result<Site, Error> {
        let unknown = || problem(404, "unknown_site", format!("there is no site `{id}`"));
        let parsed: SiteId = id.parse().map_err(|_| unknown())?;
        if parsed.is_system() {
            return Err(unknown());
        }
        self.indelible.sites().find(&parsed).map_err(|error| internal(&error))?.ok_or_else(unknown)
    }
}

fn result_of(outcome: Outcome) -> Result<Receipt, Refusal> {
    let (receipt, known) = match outcome {
        Outcome::Appended(receipt) => (receipt, false),
        Outcome::Known(receipt) => (receipt, true),
        Outcome::Refused(violation) => return Err(refusal(&violation)),
    };
    Ok(Receipt {
        id: receipt.id,
        index: receipt.index,
        recorded_at: Some(receipt.recorded_at),
        leaf_hash: receipt.leaf_hash.to_string(),
        known,
    })
}

fn refusal(violation: &Violation) -> Refusal {
    Refusal {
        code: violation.code.as_str().to_owned(),
        field: violation.field.clone(),
        message: violation.message.clone(),
    }
}

/// None of these has to do with an entry: all are sent again later.
fn not_taken(error: &JournalError) -> Error {
    let (status, code) = match error {
        JournalError::Busy => (503, "busy"),
        JournalError::Unavailable(_) => (503, "unavailable"),
        JournalError::Full(_) => (507, "disk_full"),
        JournalError::Stopped(_) => (503, "stopped"),
    };
    problem(status, code, error.to_string())
}

fn internal(error: &dyn std::fmt::Display) -> Error {
    problem(500, "internal", error.to_string())
}

fn problem(status: u16, code: &str, detail: String) -> Error {
    Error::Refused(Problem { status, code: code.to_owned(), detail, errors: Vec::new() })
}
