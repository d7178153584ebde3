//! The scrubber: a thread of a server that verifies every log again and again, gently. What it finds is an alarm: on
//! the integrity page, in the metrics, in the server's own log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::pace::Pace;
use super::umbrella::verify_umbrella;
use super::verify::{Finding, verify_at};
use crate::repeat::{AtEnd, Repeating};
use crate::store::{LogNumber, StoreError};
use crate::{Indelible, clock};

/// From the end of a pass to the beginning of the next.
const AGAIN: Duration = Duration::from_hours(24);

/// From the start of the server to the first pass: starting is work enough.
const FIRST: Duration = Duration::from_mins(1);

/// Findings that are kept of a log.
const FINDINGS_KEPT: usize = 20;

/// Verifies every log again and again, gently, and keeps what it found.
#[derive(Debug)]
pub struct Scrubber {
    /// Hundredths of one processor.
    share: u32,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    logs: BTreeMap<LogNumber, Scrubbed>,
    umbrella: Option<Scrubbed>,
}

/// What the last verification of a log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// When it ended.
    pub at: Timestamp,
    /// How many entries were derived again.
    pub entries: u64,
    /// What is wrong, as far as it is kept.
    pub findings: Vec<Finding>,
    /// How much is wrong.
    pub count: u64,
}

/// The thread, which ends with its owner.
#[derive(Debug)]
pub struct Scrubbing {
    _thread: Repeating,
}

impl Scrubber {
    /// The share that it takes where nothing else is set.
    pub const SHARE: u32 = 10;

    /// One that takes this many hundredths of one processor.
    #[must_use]
    pub fn new(share: u32) -> Arc<Self> {
        Arc::new(Self { share, seen: Mutex::default() })
    }

    /// What the last verification of a site's log found; `None` before the first.
    #[must_use]
    pub fn of(&self, log: LogNumber) -> Option<Scrubbed> {
        self.seen().logs.get(&log).cloned()
    }

    /// The same of the umbrella log.
    #[must_use]
    pub fn of_umbrella(&self) -> Option<Scrubbed> {
        self.seen().umbrella.clone()
    }

    /// Verifies every log once. Blocks, and mostly sleeps.
    ///
    /// # Errors
    /// When the store cannot be read at all.
    pub fn pass(&self, indelible: &Indelible) -> Result<(), StoreError> {
        for site in indelible.sites().all()? {
            let report = verify_at(Pace::Share(self.share), indelible, &site, &|_| ())?;
            let scrubbed = Scrubbed::now(report.entries, report.findings);
            scrubbed.alarm(site.id.as_str());
            self.seen().logs.insert(site.log, scrubbed);
        }
        if let Some(report) = verify_umbrella(indelible)? {
            let scrubbed = Scrubbed::now(report.head.size, report.findings);
            scrubbed.alarm("the umbrella log");
            self.seen().umbrella = Some(scrubbed);
        }
        Ok(())
    }

    /// Makes passes from now on until what is returned is dropped.
    #[must_use]
    pub fn keep_up(self: &Arc<Self>, indelible: Indelible) -> Scrubbing {
        let scrubber = Arc::clone(self);
        let mut is_first = true;
        let pass = move || {
            if std::mem::take(&mut is_first) {
                return FIRST;
            }
            if let Err(error) = scrubber.pass(&indelible) {
                tracing::error!(%error, "ALARM: the logs could not be verified");
            }
            AGAIN
        };
        Scrubbing { _thread: Repeating::start("scrubber", AtEnd::Leave, pass) }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scrubbed {
    fn now(entries: u64, mut findings: Vec<Finding>) -> Self {
        let count = u64::try_from(findings.len()).unwrap_or(u64::MAX);
        findings.truncate(FINDINGS_KEPT);
        Self { at: clock::now(), entries, findings, count }
    }

    fn alarm(&self, log: &str) {
        for finding in &self.findings {
            tracing::error!(log, finding = %finding, "ALARM: the log is not as it was when it was signed");
        }
    }
}
