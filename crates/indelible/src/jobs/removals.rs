//! Whether everything that is gone has a reason: an entry of a class that only the log itself writes, which comes later
//! in the same log, names what is gone, and agrees with the settings that were in force.

use std::collections::HashMap;
use std::ops::Range;

use jiff::Timestamp;
use model::{Class, SectionName, StoredEntry};
use uuid::Uuid;

use super::verify::Finding;
use crate::removal::{Expiry, Reason, age};
use crate::settings::SiteSettings;
use crate::store::{Site, Store, StoreError};

/// What is left of an entry.
pub(super) enum Left {
    /// All of it.
    Whole,
    /// Content of these sections is gone.
    Erased(Uuid, Vec<SectionName>),
    /// All content is gone; it is as old as this.
    Expired(Timestamp),
}

impl Left {
    pub(super) fn of(entry: &StoredEntry<'_>) -> Self {
        if entry.is_expired() {
            return Self::Expired(age(entry));
        }
        let erased: Vec<SectionName> = entry.erased().collect();
        if erased.is_empty() { Self::Whole } else { Self::Erased(entry.header().id, erased) }
    }
}

/// What an entry of a class of the log's own says, if this is one.
pub(super) fn said(site: &Site, index: u64, entry: &StoredEntry<'_>) -> Option<Result<Reason, String>> {
    let class = entry.header().class;
    if !matches!(class, Class::ERASURE | Class::EXPIRY | Class::SETTINGS) {
        return None;
    }
    let opened = entry.open(&site.id, index).map_err(|error| error.to_string());
    Some(opened.and_then(|entry| Reason::of(class, &entry)))
}

/// What is gone from a log, and what is said of it.
#[derive(Default)]
pub(super) struct Removals {
    reasons: Vec<(u64, Timestamp, Reason)>,
    erased: Vec<(u64, Uuid, Vec<SectionName>)>,
    /// Entries one after the other that have expired, and the youngest age among them.
    expired: Vec<(Range<u64>, Timestamp)>,
    findings: Vec<Finding>,
}

impl Removals {
    /// Takes in an entry; they come in the order of the log.
    pub(super) fn put(
        &mut self,
        index: u64,
        recorded_ms: u64,
        left: Left,
        said: Option<Result<Reason, String>>,
    ) {
        match left {
            Left::Whole => {}
            Left::Erased(id, sections) => self.erased.push((index, id, sections)),
            Left::Expired(age) => match self.expired.last_mut() {
                Some((run, youngest)) if run.end == index => {
                    run.end += 1;
                    *youngest = (*youngest).max(age);
                }
                _ => self.expired.push((index..index + 1, age)),
            },
        }
        match said {
            Some(Ok(reason)) => {
                let recorded_ms = i64::try_from(recorded_ms).unwrap_or(i64::MAX);
                let recorded_at = Timestamp::from_millisecond(recorded_ms).unwrap_or(Timestamp::MAX);
                self.reasons.push((index, recorded_at, reason));
            }
            Some(Err(why)) => {
                let what = format!(
                    "CORRUPT: it is of a class of the log's own and does not say what it should: {why}"
                );
                self.find(index..index + 1, what);
            }
            None => {}
        }
    }

    /// How many entries have erased sections, and how many have expired.
    pub(super) fn counts(&self) -> (u64, u64) {
        let erased = u64::try_from(self.erased.len()).unwrap_or(u64::MAX);
        (erased, self.expired.iter().map(|(run, _)| run.end - run.start).sum())
    }

    /// What is gone without a reason, and reasons that are none.
    pub(super) fn judge(mut self, store: &dyn Store, site: &Site) -> Result<Vec<Finding>, StoreError> {
        let expiries = self.expiries();
        let erasures = self.erasures();
        for (index, id, sections) in std::mem::take(&mut self.erased) {
            let named = erasures.get(&(index, id)).map(Vec::as_slice).unwrap_or_default();
            let missing: Vec<&str> = sections
                .iter()
                .filter(|section| !named.contains(section))
                .map(|section| section.as_str())
                .collect();
            if !missing.is_empty() {
                let what = format!(
                    "MISSING: content is gone without an entry that tells of its erasure: {}",
                    missing.join(", ")
                );
                self.find(index..index + 1, what);
            }
        }
        for (run, youngest) in std::mem::take(&mut self.expired) {
            let is_explained = |range: &Range<u64>, age: Timestamp| {
                expiries.iter().any(|(index, expiry)| {
                    *index >= range.end
                        && expiry.covers(range.start, age)
                        && expiry.covers(range.end.saturating_sub(1), age)
                })
            };
            if is_explained(&run, youngest) {
                continue;
            }
            // Different expiries may tell of its parts.
            let mut missing: Vec<Range<u64>> = Vec::new();
            for (index, bytes) in run.clone().zip(store.entries(site.log, run)?) {
                let is_reasoned = StoredEntry::decode(&bytes).is_ok_and(|entry| {
                    !entry.header().class.is_kept() && is_explained(&(index..index + 1), age(&entry))
                });
                if is_reasoned {
                    continue;
                }
                match missing.last_mut() {
                    Some(last) if last.end == index => last.end += 1,
                    _ => missing.push(index..index + 1),
                }
            }
            for range in missing {
                self.find(
                    range,
                    "MISSING: content is gone without an entry that tells of its expiry".to_owned(),
                );
            }
        }
        Ok(self.findings)
    }

    /// The expiries that the settings of their time allowed; the others are findings.
    fn expiries(&mut self) -> Vec<(u64, Expiry)> {
        let mut settings = SiteSettings::default();
        let mut expiries = Vec::new();
        let mut faults = Vec::new();
        for (index, recorded_at, reason) in &self.reasons {
            match reason {
                Reason::Settings(now) => settings = SiteSettings::clone(now),
                Reason::Expiry(expiry) => match expiry.fault(&settings, *recorded_at) {
                    Some(fault) => faults.push((*index, fault)),
                    None => expiries.push((*index, expiry.clone())),
                },
                Reason::Erasure(_) | Reason::Other => {}
            }
        }
        for (index, fault) in faults {
            self.find(index..index + 1, format!("it tells of {fault}"));
        }
        expiries
    }

    /// The sections that erasures name, by entry.
    fn erasures(&self) -> HashMap<(u64, Uuid), Vec<SectionName>> {
        let mut erasures: HashMap<(u64, Uuid), Vec<SectionName>> = HashMap::new();
        for (place, _, reason) in &self.reasons {
            let Reason::Erasure(erased) = reason else { continue };
            for erased in erased.iter().filter(|erased| erased.index < *place) {
                erasures.entry((erased.index, erased.id)).or_default().extend(&erased.sections);
            }
        }
        erasures
    }

    fn find(&mut self, entries: Range<u64>, what: String) {
        self.findings.push(Finding { entries: Some(entries), what });
    }
}
