//! Carrying out what an entry tells of. The entry is the order: the task only says that it is not done yet.

use std::time::Duration;

use model::{Class, StoredEntry};
use uuid::Uuid;

use super::RemovalError;
use super::expiry;
use super::reason::{Erased, Reason};
use crate::Indelible;
use crate::store::{Change, LogNumber, Reduction, Removal, Scope, Site, StoreError};

/// The beginning of a task's name; the id of the entry follows.
const PREFIX: &str = "removal/";

/// How often a purge is tried while readers stand in its way, and the rest between two tries.
const PURGE_TRIES: u32 = 40;
const PURGE_REST: Duration = Duration::from_millis(50);

/// The change of configuration that notes a task.
pub(super) fn note(log: LogNumber, reason: Uuid) -> Change {
    Change::Configure { log, name: name(reason), value: Some("true".to_owned()) }
}

fn name(reason: Uuid) -> String {
    format!("{PREFIX}{reason}")
}

/// What became of tasks that an earlier process has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Tasks that are done now.
    pub done: u64,
    /// Tasks that have to wait, because a hold is on.
    pub held: u64,
}

/// Goes on with what was left undone. Blocks.
///
/// # Errors
/// When the store fails, or something that is to be removed is damaged.
pub fn resume(indelible: &Indelible) -> Result<Resumed, RemovalError> {
    // Whoever takes the lock discards what was staged and never published: the tasks that are left are orders.
    drop(indelible.store().lock(Scope::Settled)?);
    let mut resumed = Resumed::default();
    for site in indelible.sites().all()? {
        for (name, _) in indelible.store().configurations(site.log)? {
            let Some(reason) = name.strip_prefix(PREFIX).and_then(|id| Uuid::try_parse(id).ok()) else {
                continue;
            };
            match carry_out(indelible, &site, reason) {
                Ok(_) => resumed.done += 1,
                Err(RemovalError::Held) => resumed.held += 1,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(resumed)
}

/// Removes what the entry with this id tells of, and ends the task. From how many entries something was removed.
pub(super) fn carry_out(indelible: &Indelible, site: &Site, reason: Uuid) -> Result<u64, RemovalError> {
    let store = indelible.store();
    let missing = || {
        StoreError::Corrupt(format!(
            "the entry {reason} of `{}`, which orders a removal, is missing",
            site.id
        ))
    };
    let index = store.positions(site.log, &[reason])?.pop().flatten().ok_or_else(missing)?;
    let (class, said) = read(indelible, site, index)?;
    let removed = match (class, said) {
        (Class::ERASURE, Reason::Erasure(erased)) => erase(indelible, site, index, &erased)?,
        (Class::EXPIRY, Reason::Expiry(order)) => expiry::carry_out(indelible, site, index, &order)?,
        _ => return Err(missing().into()),
    };
    purge(indelible)?;
    store.end_task(site.log, &name(reason))?;
    Ok(removed)
}

/// What an entry tells of, proven to be the one that was signed.
pub(super) fn read(indelible: &Indelible, site: &Site, index: u64) -> Result<(Class, Reason), StoreError> {
    let store = indelible.store().as_ref();
    let unread =
        |reason: &str| StoreError::Corrupt(format!("the entry at index {index} of `{}`: {reason}", site.id));
    let stored = store.entries(site.log, index..index + 1)?;
    let stored = stored.first().ok_or_else(|| unread("it is missing"))?;
    let header = StoredEntry::decode(stored).map_err(|error| unread(&error.to_string()))?.header();
    match crate::search::read_one(store, indelible.published(), site, index)? {
        crate::search::Found::Entry(entry) if entry.id == header.id => Reason::of(header.class, &entry)
            .map(|reason| (header.class, reason))
            .map_err(|error| unread(&error)),
        crate::search::Found::Entry(_) | crate::search::Found::Expired(..) => Err(unread("it has expired")),
    }
}

fn erase(indelible: &Indelible, site: &Site, reason: u64, erased: &[Erased]) -> Result<u64, StoreError> {
    let reduce = |erased: &Erased| (erased.index, Reduction::Sections(erased.sections.clone()));
    let removal = Removal { log: site.log, reason, entries: erased.iter().map(reduce).collect() };
    indelible.store().remove(&removal)
}

/// Has the store wipe its old copies. Readers stand in the way for moments only.
pub(super) fn purge(indelible: &Indelible) -> Result<(), StoreError> {
    for _ in 0..PURGE_TRIES {
        if indelible.store().purge()? {
            return Ok(());
        }
        std::thread::sleep(PURGE_REST);
    }
    Err(StoreError::Engine {
        what: "wiping old copies of removed content".to_owned(),
        reason: "somebody keeps reading the database; it is tried again later".to_owned(),
    })
}
