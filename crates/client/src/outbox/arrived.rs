//! What the log has said of the entries that arrived: the newest of each site is remembered, and what contradicts it is
//! told. A log that was put back to an earlier moment gives away places that it gave away before.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::disk;
use crate::answer::Receipt;

/// The file that holds them.
const ARRIVED: &str = "arrived.json";

/// Where the newest entry of a site that arrived is in its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Arrived {
    /// Its id.
    pub id: Uuid,
    /// Its position in the log.
    pub index: u64,
    /// The hash of its leaf, in hex.
    pub leaf_hash: String,
    /// When the log took it, if it said so.
    pub recorded_at: Option<Timestamp>,
}

/// Those of all sites, and what contradicted them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    pub(super) newest: BTreeMap<String, Arrived>,
    /// The first for each site; kept until somebody removes the file.
    pub(super) contradictions: BTreeMap<String, String>,
    #[serde(skip)]
    is_unsaved: bool,
}

impl Memory {
    pub(super) fn load(directory: &Path) -> io::Result<Self> {
        let Some(json) = disk::read_if_there(&directory.join(ARRIVED))? else { return Ok(Self::default()) };
        Ok(serde_json::from_slice(&json).unwrap_or_else(|error| {
            tracing::error!(%error, file = ARRIVED, "what the outbox remembers of its logs does not read");
            Self::default()
        }))
    }

    /// Takes in what the log says of an entry.
    pub(super) fn heard(&mut self, site: &str, receipt: &Receipt) {
        let Receipt { id, index, recorded_at, .. } = *receipt;
        if let Some(known) = self.newest.get(site)
            && let Some(why) = contradiction(known, receipt)
            && !self.contradictions.contains_key(site)
        {
            tracing::error!(site, why, "the log contradicts itself");
            self.contradictions.insert(site.to_owned(), why);
            self.is_unsaved = true;
        }
        if self.newest.get(site).is_none_or(|known| known.index < index) {
            let arrived = Arrived { id, index, leaf_hash: receipt.leaf_hash.clone(), recorded_at };
            self.newest.insert(site.to_owned(), arrived);
            self.is_unsaved = true;
        }
    }

    pub(super) fn save(&mut self, directory: &Path) -> io::Result<()> {
        if !self.is_unsaved {
            return Ok(());
        }
        disk::replace(&directory.join(ARRIVED), &serde_json::to_vec(&self)?)?;
        self.is_unsaved = false;
        Ok(())
    }
}

/// What two receipts of one log cannot both say.
fn contradiction(known: &Arrived, heard: &Receipt) -> Option<String> {
    let Arrived { id, index, leaf_hash, recorded_at } = known;
    if *index == heard.index && (*id != heard.id || *leaf_hash != heard.leaf_hash) {
        return Some(format!(
            "index {index} was entry {id} and is now entry {}: the log was changed or put back to an earlier moment",
            heard.id
        ));
    }
    // The log's time never runs backwards.
    let (before, after) = (recorded_at.as_ref()?, heard.recorded_at.as_ref()?);
    let is_odd = if heard.index < *index { after > before } else { after < before };
    is_odd.then(|| {
        format!(
            "entry {} is at index {} since {after}, and entry {id} was at index {index} at {before}: the log was put back \
             to an earlier moment, or its clock",
            heard.id, heard.index
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(index: u64, leaf_hash: &str, at: &str) -> Receipt {
        let recorded_at = Some(format!("2026-11-21T04:00:{at}Z").parse().unwrap());
        let id = Uuid::from_u128(u128::from(index));
        Receipt { id, index, recorded_at, leaf_hash: leaf_hash.to_owned(), known: false }
    }

    #[test]
    fn a_log_that_was_put_back_contradicts_itself() {
        let remembered = || {
            let mut memory = Memory::default();
            memory.heard("www", &receipt(7, "aa", "10"));
            memory.heard("www", &receipt(8, "bb", "10"));
            // Sent again, it is where it was.
            memory.heard("www", &receipt(7, "aa", "10"));
            memory.heard("docs", &receipt(8, "cc", "05"));
            assert_eq!(memory.contradictions.len(), 0);
            memory
        };
        for (bad, expected) in [
            (receipt(8, "dd", "10"), "index 8 was entry"),
            (receipt(3, "ee", "11"), "put back"),
            (receipt(9, "ff", "09"), "put back"),
        ] {
            let mut memory = remembered();
            memory.heard("www", &bad);
            assert!(memory.contradictions["www"].contains(expected), "{bad:?}");
        }
    }
}
