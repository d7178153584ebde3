//! Looking into an outbox, also beside the program that uses it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::OutboxError;
use super::arrived::{Arrived, Memory};
use super::aside::{self, SetAside};
use super::disk;
use super::frame;
use super::gap::{Gap, Gaps};
use super::segments::{self, Limits, Position, wide};

/// The file that says why nothing arrives.
pub(super) const FAILING: &str = "failing.json";

/// Why nothing arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// What went wrong at the last try.
    pub error: String,
}

/// What is in an outbox. It displays as text for people.
///
/// ```no_run
/// use std::path::Path;
///
/// let report = client::outbox::inspect(Path::new("/var/lib/cms/outbox"))?;
/// for entry in &report.set_aside {
///     println!("{} {}: {} ({})", entry.site, entry.id, entry.message, entry.code);
/// }
/// if report.has_findings() {
///     println!("{report}");
/// }
/// # Ok::<(), client::outbox::OutboxError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The directory.
    pub directory: PathBuf,
    /// Entries that wait to be sent.
    pub waiting: u64,
    /// Bytes that they take.
    pub waiting_bytes: u64,
    /// When the oldest of them happened.
    pub oldest: Option<Timestamp>,
    /// Entries that their log refused, oldest first.
    pub set_aside: Vec<SetAside>,
    /// What is missing, and no entry tells of yet.
    pub gaps: Vec<Gap>,
    /// The newest entry of each site that arrived.
    pub arrived: BTreeMap<String, Arrived>,
    /// What the log of a site has said that cannot be true with what it said before.
    pub contradictions: BTreeMap<String, String>,
    /// Why nothing arrives, if something waits and does not.
    pub failing: Option<Failing>,
    /// Files with bytes that were no entries where entries should be.
    pub damaged: Vec<PathBuf>,
}

impl Report {
    /// Whether somebody should look: entries are refused, missing or damaged, or do not arrive.
    #[must_use]
    pub fn has_findings(&self) -> bool {
        !self.set_aside.is_empty()
            || !self.gaps.is_empty()
            || self.failing.is_some()
            || !self.damaged.is_empty()
            || !self.contradictions.is_empty()
    }
}

/// Looks into the outbox in a directory. It changes nothing, and does not disturb the program that uses it.
///
/// # Errors
/// When there is none, or its files cannot be read.
pub fn inspect(directory: &Path) -> Result<Report, OutboxError> {
    let unusable =
        |error: std::io::Error| OutboxError::Unusable { path: directory.to_owned(), why: error.to_string() };
    if !directory.join("id").is_file() {
        let why = "there is no outbox".to_owned();
        return Err(OutboxError::Unusable { path: directory.to_owned(), why });
    }
    let memory = Memory::load(directory).map_err(unusable)?;
    let mut report = Report {
        directory: directory.to_owned(),
        waiting: 0,
        waiting_bytes: 0,
        oldest: None,
        set_aside: aside::read(directory).map_err(unusable)?,
        gaps: Gaps::load(directory).map_err(unusable)?.all().to_vec(),
        arrived: memory.newest,
        contradictions: memory.contradictions,
        failing: failing(directory),
        damaged: Vec::new(),
    };
    report.add_waiting().map_err(unusable)?;
    report.add_damaged().map_err(unusable)?;
    Ok(report)
}

pub(super) fn failing(directory: &Path) -> Option<Failing> {
    let json = disk::read_if_there(&directory.join(FAILING)).ok()??;
    serde_json::from_slice(&json).ok()
}

impl Report {
    fn add_waiting(&mut self) -> std::io::Result<()> {
        let position = Position::load(&self.directory)?;
        for number in segments::numbers(&self.directory)? {
            if number < position.segment {
                continue;
            }
            let mut from =
                if number == position.segment { position } else { Position { segment: number, offset: 0 } };
            loop {
                let limits = Limits { entries: usize::MAX, bytes: 0 };
                let window = match segments::read(&self.directory, from, None, limits) {
                    Ok(window) => window,
                    // It was dealt with at this moment.
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => break,
                    Err(error) => return Err(error),
                };
                if window.entries.is_empty() {
                    break;
                }
                self.waiting += wide(window.entries.len());
                self.waiting_bytes +=
                    window.entries.iter().map(|entry| wide(frame::length(entry))).sum::<u64>();
                if self.oldest.is_none() {
                    self.oldest = window.entries.first().and_then(|entry| occurred_at(&entry.entry));
                }
                from = window.end;
            }
        }
        Ok(())
    }

    fn add_damaged(&mut self) -> std::io::Result<()> {
        for file in std::fs::read_dir(&self.directory)? {
            let file = file?;
            if file.file_name().to_string_lossy().starts_with("damaged-") {
                self.damaged.push(file.path());
            }
        }
        self.damaged.sort();
        Ok(())
    }
}

fn occurred_at(entry: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Time {
        occurred_at: Option<Timestamp>,
    }
    serde_json::from_slice::<Time>(entry).ok()?.occurred_at
}

/// Refused entries that are shown one by one.
const SHOWN_MAX: usize = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "outbox        {}", self.directory.display())?;
        write!(f, "waiting       {} entries, {} bytes", self.waiting, self.waiting_bytes)?;
        if let Some(oldest) = self.oldest {
            write!(f, ", the oldest of {oldest}")?;
        }
        if let Some(Failing { since, tries, error }) = &self.failing {
            write!(f, "\nnot arriving  since {since}, {tries} tries: {error}")?;
        }
        write!(f, "\nset aside     {} entries that their log refused", self.set_aside.len())?;
        for entry in self.set_aside.iter().take(SHOWN_MAX) {
            let SetAside { at, site, id, code, field, message, .. } = entry;
            let place = if field.is_empty() { String::new() } else { format!("`{field}`: ") };
            write!(f, "\n              {at} {site} {id}: {place}{message} ({code})")?;
        }
        if self.set_aside.len() > SHOWN_MAX {
            write!(
                f,
                "\n              and {} more, in `set-aside.ndjson`",
                self.set_aside.len() - SHOWN_MAX
            )?;
        }
        for gap in &self.gaps {
            let Gap { site, entries, from, to, reason, .. } = gap;
            write!(f, "\nmissing       {site}: {entries} entries from {from} to {to}: {reason}")?;
        }
        for (site, why) in &self.contradictions {
            write!(f, "\ncontradiction {site}: {why}")?;
        }
        for file in &self.damaged {
            write!(f, "\ndamaged       {}", file.display())?;
        }
        Ok(())
    }
}
