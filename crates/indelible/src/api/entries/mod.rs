//! `/sites/{site}/entries` and what belongs to it.

pub(super) mod append;
pub(super) mod detail;
pub(super) mod evidence;
pub(super) mod export;
pub(super) mod facets;
pub(super) mod history;
pub(super) mod list;
pub(super) mod proof;
pub(super) mod revert;
pub(super) mod state;
pub(super) mod tail;

use axum::http::StatusCode;
use model::{Entry, Permission};
use uuid::Uuid;

use super::problem::Problem;
use crate::Indelible;
use crate::access::{Caller, Denied, Part, Parts};
use crate::form::EntryOut;
use crate::removal::{self, Verdict};
use crate::search::{self, Found, Within};
use crate::store::{Site, StoreError};

/// Characters of an id that are repeated in a message: a UUID's, and no more of what is none.
pub(super) const ID_CHARS_SHOWN: usize = 60;

/// Finds a published entry by its id. What is not published does not exist for readers.
pub(crate) fn find(indelible: &Indelible, site: &Site, id: &str) -> Result<Entry, Problem> {
    let unknown = || unknown_entry(site, id);
    let wanted = Uuid::try_parse(id).map_err(|_| unknown())?;
    match indelible.search().found(site, wanted)?.ok_or_else(unknown)? {
        Found::Entry(entry) => Ok(*entry),
        Found::Expired(_, index) => Err(gone(indelible, site, index)?),
    }
}

/// Says why nothing is left of an entry.
fn gone(indelible: &Indelible, site: &Site, index: u64) -> Result<Problem, StoreError> {
    Ok(match removal::verdict(indelible, site, index)? {
        Verdict::Expired(because, policy) => {
            let days = policy.retention_days;
            let told = format!(
                "entry {index} has expired: content was kept for {days}, and entry {} tells of its expiry. \
                 Its receipt is still there",
                because.index
            );
            Problem::new(StatusCode::GONE, "expired", told)
        }
        Verdict::Present | Verdict::Erased(_) | Verdict::Missing(_) => {
            let told = format!(
                "ALARM: the content of entry {index} is MISSING: no entry of the log tells of its removal. \
                 Run `indelible verify`"
            );
            Problem::new(StatusCode::GONE, "missing", told)
        }
    })
}

/// Finds a published entry in the part of a log that the caller may read. What is outside of it does not exist for it.
pub(crate) fn find_in_part(indelible: &Indelible, part: &Part, id: &str) -> Result<Entry, Problem> {
    let entry = match find(indelible, &part.site, id) {
        Ok(entry) => entry,
        // Whether what has expired was in the part cannot be told any more.
        Err(problem) if problem.status() == StatusCode::GONE && part.only.is_some() => {
            return Err(unknown_entry(&part.site, id));
        }
        Err(problem) => return Err(problem),
    };
    if part.only.as_ref().is_none_or(|only| only.matches(&entry)) {
        return Ok(entry);
    }
    Err(unknown_entry(&part.site, id))
}

/// Whether a caller may know what all entries of an entity together say: when it sees all of them. What it sees nothing of
/// does not exist for it.
pub(crate) fn sees_whole_entity(
    indelible: &Indelible,
    part: &Part,
    permission: Permission,
    entity_type: &str,
    entity_id: &str,
) -> Result<(), Problem> {
    let Some(only) = &part.only else { return Ok(()) };
    match indelible.search().within(&part.site, entity_type, entity_id, only)? {
        Within::AllEntries => Ok(()),
        Within::SomeEntries => Err(Denied::Limited { permission }.into()),
        Within::NoEntry => Err(Problem::not_found("this entity has no entries")),
    }
}

/// Finds an entry that the caller may revert, which rests on all entries of its entity.
pub(crate) fn find_revertible(
    indelible: &Indelible,
    caller: &Caller,
    site: &str,
    id: &str,
) -> Result<(Part, Entry), Problem> {
    let part = caller.on_part_of_site(Permission::Revert, site, indelible.sites())?;
    let entry = find_in_part(indelible, &part, id)?;
    if let Some(entity) = &entry.entity {
        sees_whole_entity(indelible, &part, Permission::Revert, &entity.kind, &entity.id)?;
    }
    Ok((part, entry))
}

fn unknown_entry(site: &Site, id: &str) -> Problem {
    let id: String = id.chars().take(ID_CHARS_SHOWN).collect();
    Problem::not_found(format!("there is no entry `{id}` in the site `{}`", site.id))
}

/// For each entry the last one that took it back, if the caller may know of it.
fn reverted_by(
    indelible: &Indelible,
    parts: &Parts,
    entries: &[Entry],
) -> Result<Vec<Option<Uuid>>, StoreError> {
    let mut reverts = indelible.search().reverted_by(&parts.sites, entries)?;
    let Some(only) = &parts.only else { return Ok(reverts) };
    for (entry, revert) in entries.iter().zip(&mut reverts) {
        let site = parts.sites.iter().find(|site| site.id == entry.site);
        let (Some(site), Some(id)) = (site, *revert) else { continue };
        let is_inside = indelible.search().by_id(site, id)?.is_some_and(|found| only.matches(&found));
        if !is_inside {
            *revert = None;
        }
    }
    Ok(reverts)
}

/// Entries in the form of a list, with their leaf hashes.
fn shown(indelible: &Indelible, parts: &Parts, entries: Vec<Entry>) -> Result<Vec<EntryOut>, StoreError> {
    let hashes = search::leaf_hashes(indelible.store().as_ref(), &parts.sites, &entries)?;
    let reverts = reverted_by(indelible, parts, &entries)?;
    let shown = entries.into_iter().zip(hashes).zip(reverts);
    Ok(shown.map(|((entry, hash), revert)| EntryOut::new(entry, hash).reverted_by(revert)).collect())
}
