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

use model::Entry;
use uuid::Uuid;

use super::problem::Problem;
use crate::Indelible;
use crate::form::EntryOut;
use crate::search;
use crate::store::{Site, StoreError};

/// Characters of an id that are repeated in a message: a UUID's, and no more of what is none.
pub(super) const ID_CHARS_SHOWN: usize = 60;

/// Finds a published entry by its id. What is not published does not exist for readers.
pub(crate) fn find(indelible: &Indelible, site: &Site, id: &str) -> Result<Entry, Problem> {
    let unknown = || {
        let id: String = id.chars().take(ID_CHARS_SHOWN).collect();
        Problem::not_found(format!("there is no entry `{id}` in the site `{}`", site.id))
    };
    let wanted = Uuid::try_parse(id).map_err(|_| unknown())?;
    indelible.search().by_id(site, wanted)?.ok_or_else(unknown)
}

/// Entries in the form of a list, with their leaf hashes.
fn shown(indelible: &Indelible, sites: &[Site], entries: Vec<Entry>) -> Result<Vec<EntryOut>, StoreError> {
    let hashes = search::leaf_hashes(indelible.store().as_ref(), sites, &entries)?;
    let reverts = indelible.search().reverted_by(sites, &entries)?;
    let shown = entries.into_iter().zip(hashes).zip(reverts);
    Ok(shown.map(|((entry, hash), revert)| EntryOut::new(entry, hash).reverted_by(revert)).collect())
}
