//! What can be said of the content of an entry. What was never there cannot be passed off as removed, and what was there
//! cannot vanish unnoticed: only an entry of a class of the log's own, signed as all others, is a reason.

use jiff::Timestamp;
use model::{SectionName, StoredEntry};
use uuid::Uuid;

use super::reason::{Expiry, Policy, Reason};
use super::task;
use crate::Indelible;
use crate::search::{Found, read_one};
use crate::store::{Site, StoreError};

/// What is to be said of an entry's content, and because of which entry of the log.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// All of it is there.
    Present,
    /// Sections of it were erased.
    Erased(Vec<(SectionName, Because)>),
    /// It has expired.
    Expired(Because, Policy),
    /// Content is gone, and no entry says why: of these sections, or of all of them.
    Missing(Vec<SectionName>),
}

/// The entry that tells of a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Because {
    /// Its index.
    pub index: u64,
    /// Its id.
    pub id: Uuid,
    /// When the log took it.
    pub at: Timestamp,
    /// What its author said.
    pub reason: Option<String>,
}

impl Verdict {
    /// The word in JSON and on screen.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Erased(_) => "erased",
            Self::Expired(..) => "expired",
            Self::Missing(_) => "missing",
        }
    }
}

/// Judges a published entry.
///
/// # Errors
/// When the store fails, or the entry is not the one that was signed.
pub fn verdict(indelible: &Indelible, site: &Site, index: u64) -> Result<Verdict, StoreError> {
    let stored = indelible.store().entries(site.log, index..index + 1)?;
    let bytes = stored.first().map(Vec::as_slice).unwrap_or_default();
    let unread = |error| StoreError::Corrupt(format!("the entry at index {index} of `{}`: {error}", site.id));
    let entry = StoredEntry::decode(bytes).map_err(unread)?;
    let erased: Vec<SectionName> = entry.erased().collect();
    if erased.is_empty() && !entry.is_expired() {
        return Ok(Verdict::Present);
    }
    let verdict = if entry.is_expired() {
        expired(indelible, site, index, &entry)?
    } else {
        of_sections(indelible, site, index, entry.header().id, &erased)?
    };
    if let Verdict::Missing(sections) = &verdict {
        let sections: Vec<&str> = sections.iter().map(|section| section.as_str()).collect();
        let sections = sections.join(", ");
        tracing::error!(site = %site.id, index, sections, "ALARM: content is MISSING: no entry tells of its removal");
    }
    Ok(verdict)
}

fn expired(
    indelible: &Indelible,
    site: &Site,
    index: u64,
    entry: &StoredEntry<'_>,
) -> Result<Verdict, StoreError> {
    let age = age(entry);
    for (because, reason) in reasons(indelible, site, index)? {
        if let Reason::Expiry(expiry @ Expiry { policy, .. }) = reason
            && expiry.covers(index, age)
        {
            return Ok(Verdict::Expired(because, policy));
        }
    }
    Ok(Verdict::Missing(entry.erased().collect()))
}

/// The time that says how old an entry is that has expired: the claimed one as long as it is left.
pub(crate) fn age(entry: &StoredEntry<'_>) -> Timestamp {
    let recorded_ms = i64::try_from(entry.header().recorded_ms).unwrap_or(i64::MAX);
    let recorded_at = Timestamp::from_millisecond(recorded_ms).unwrap_or(Timestamp::MAX);
    entry.occurred_at().map_or(recorded_at, |occurred_at| occurred_at.min(recorded_at))
}

fn of_sections(
    indelible: &Indelible,
    site: &Site,
    index: u64,
    id: Uuid,
    erased: &[SectionName],
) -> Result<Verdict, StoreError> {
    let reasons = reasons(indelible, site, index)?;
    let mut explained = Vec::new();
    let mut missing = Vec::new();
    for section in erased {
        let because = reasons.iter().find_map(|(because, reason)| {
            let Reason::Erasure(named) = reason else { return None };
            let is_this = named
                .iter()
                .any(|erased| erased.index == index && erased.id == id && erased.sections.contains(section));
            is_this.then(|| because.clone())
        });
        match because {
            Some(because) => explained.push((*section, because)),
            None => missing.push(*section),
        }
    }
    Ok(if missing.is_empty() { Verdict::Erased(explained) } else { Verdict::Missing(missing) })
}

/// The entries that may tell of removals from this one, and what they say.
fn reasons(indelible: &Indelible, site: &Site, index: u64) -> Result<Vec<(Because, Reason)>, StoreError> {
    let mut reasons = Vec::new();
    for place in indelible.store().reasons(site.log, index)? {
        if place <= index {
            continue;
        }
        let (_, reason) = task::read(indelible, site, place)?;
        let found = read_one(indelible.store().as_ref(), indelible.published(), site, place)?;
        if let Found::Entry(entry) = found {
            let because = Because { index: place, id: entry.id, at: entry.recorded_at, reason: entry.reason };
            reasons.push((because, reason));
        }
    }
    Ok(reasons)
}
