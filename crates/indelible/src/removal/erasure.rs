//! Erasure: removal on request, section by section.

use std::collections::BTreeMap;

use model::{Class, SectionName, StoredEntry};
use serde_json::json;
use uuid::Uuid;

use super::reason::{Erased, ErasureData};
use super::{RemovalError, task};
use crate::access::Caller;
use crate::clock;
use crate::entropy;
use crate::settings::SiteSettings;
use crate::store::Site;
use crate::{ConfigureError, Indelible};

/// Entries that one erasure names, at most: the entry that tells of it names each.
pub const ENTRIES_MAX: usize = 1000;

/// What is to be erased from an entry.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The entry's index.
    pub index: u64,
    /// Which sections.
    pub sections: Vec<SectionName>,
}

/// Erases sections of published entries and returns the id of the entry that tells of it. When this returns, nothing
/// of them is left in the store; the search index follows within moments, and is not asked before. Blocks.
///
/// # Errors
/// [`RemovalError`] says why nothing was erased. After an error of the store it may be erased later: the entry that
/// tells of it is an order.
pub fn erase(
    indelible: &Indelible,
    site: &Site,
    wanted: &[Wanted],
    reason: &str,
    caller: &Caller,
) -> Result<Uuid, RemovalError> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(RemovalError::NoReason);
    }
    if wanted.is_empty() || wanted.len() > ENTRIES_MAX {
        return Err(RemovalError::Entries);
    }
    indelible.store().may_remove()?;
    let ordered = {
        let _configuring = indelible.configuring();
        if SiteSettings::load(indelible.store().as_ref(), site.log)?.hold {
            return Err(RemovalError::Held);
        }
        order(indelible, site, erasable(indelible, site, wanted)?, reason, caller)?
    };
    task::carry_out(indelible, site, ordered)?;
    Ok(ordered)
}

/// What of the wanted is there and may be erased.
fn erasable(indelible: &Indelible, site: &Site, wanted: &[Wanted]) -> Result<Vec<Erased>, RemovalError> {
    let mut sections: BTreeMap<u64, Vec<SectionName>> = BTreeMap::new();
    for Wanted { index, sections: named } in wanted {
        if named.is_empty() {
            return Err(RemovalError::NoSections);
        }
        if named.contains(&SectionName::Source) {
            return Err(RemovalError::Source);
        }
        sections.entry(*index).or_default().extend(named);
    }
    let indexes: Vec<u64> = sections.keys().copied().collect();
    let stored = indelible.store().entries_at(site.log, &indexes)?;
    let mut erasable = Vec::with_capacity(indexes.len());
    for ((index, named), bytes) in sections.into_iter().zip(stored) {
        let entry = StoredEntry::decode(&bytes).map_err(|error| RemovalError::Unread { index, error })?;
        let header = entry.header();
        if header.class.is_kept() {
            return Err(RemovalError::Kept { index });
        }
        if entry.is_expired() {
            return Err(RemovalError::Expired { index });
        }
        let here: Vec<SectionName> =
            entry.sections().map(|(name, _)| name).filter(|name| named.contains(name)).collect();
        if here.is_empty() {
            return Err(RemovalError::Nothing { index });
        }
        erasable.push(Erased { index, id: header.id, sections: here });
    }
    Ok(erasable)
}

/// Commits the entry that tells of the erasure, and with it the task.
fn order(
    indelible: &Indelible,
    site: &Site,
    erased: Vec<Erased>,
    reason: &str,
    caller: &Caller,
) -> Result<Uuid, RemovalError> {
    let random = entropy::bytes().map_err(ConfigureError::from)?;
    let id = entropy::uuid_v7(clock::now_ms(), &random);
    let summary = match erased.as_slice() {
        [only] => {
            let names: Vec<&str> = only.sections.iter().map(|name| name.as_str()).collect();
            format!("Erased {} of entry {}", names.join(", "), only.index)
        }
        many => format!("Erased content of {} entries", many.len()),
    };
    let entity = match erased.as_slice() {
        [only] => json!({"type": "entry", "id": only.id}),
        _ => json!({"type": "site", "id": site.id, "title": site.name}),
    };
    let entry = json!({
        "id": id,
        "action": "indelible.erasure",
        "entity": entity,
        "summary": summary,
        "reason": reason,
        "data": ErasureData { erased },
    });
    indelible.tell(site.clone(), Some(Class::ERASURE), Some(task::note(site.log, id)), &entry, caller)?;
    Ok(id)
}
