//! What is missing: counted while it goes missing, told by an entry as soon as there is room.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::disk;
use crate::clock;
use crate::entry::{Entry, Kind};
use crate::sink::Outgoing;
use crate::who::Actor;

/// The file that holds the gaps that no entry tells of yet.
const GAPS: &str = "gaps.json";

/// Entries of a site that are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// The id of the entry that will tell of it.
    pub id: Uuid,
    /// The site.
    pub site: String,
    /// How many are known to be missing. 0 where it is not known whether any is.
    pub entries: u64,
    /// When the first went missing.
    pub from: Timestamp,
    /// When the last did.
    pub to: Timestamp,
    /// Why.
    pub reason: String,
}

/// Gaps that no entry tells of yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Gaps {
    gaps: Vec<Gap>,
    /// Whether the file should be written anew.
    pub(super) unsaved: bool,
}

impl Gaps {
    pub(super) fn load(directory: &Path) -> io::Result<Self> {
        let Some(bytes) = disk::read_if_there(&directory.join(GAPS))? else { return Ok(Self::default()) };
        // It is written in one step; what does not read was written by somebody else, and is kept for them.
        match serde_json::from_slice(&bytes) {
            Ok(gaps) => Ok(Self { gaps, unsaved: false }),
            Err(error) => {
                tracing::error!(%error, file = GAPS, "the outbox's file of gaps does not read and is left out");
                Ok(Self::default())
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gaps.is_empty()
    }

    pub(super) fn all(&self) -> &[Gap] {
        &self.gaps
    }

    /// One more entry of a site is missing.
    pub(super) fn lost_one(&mut self, site: &str, reason: &str) {
        let now = clock::now();
        let open =
            self.gaps.iter_mut().find(|gap| gap.site == site && gap.reason == reason && gap.entries > 0);
        let entries = if let Some(gap) = open {
            gap.entries += 1;
            gap.to = now;
            gap.entries
        } else {
            self.gaps.push(Gap {
                id: Uuid::now_v7(),
                site: site.to_owned(),
                entries: 1,
                from: now,
                to: now,
                reason: reason.to_owned(),
            });
            tracing::error!(site, reason, "an audit entry could not be kept; a gap entry will tell of it");
            1
        };
        // The file may count too few after a crash, so the entry says "at least"; it need not be written each time.
        self.unsaved |= entries.is_power_of_two();
    }

    /// Nobody knows whether entries of a site are missing.
    pub(super) fn maybe_lost(&mut self, site: &str, from: Timestamp, reason: &str) {
        let (id, site, reason) = (Uuid::now_v7(), site.to_owned(), reason.to_owned());
        self.gaps.push(Gap { id, site, entries: 0, from, to: clock::now(), reason });
        self.unsaved = true;
    }

    /// Takes over what went missing since.
    pub(super) fn join(&mut self, since: Self) {
        self.gaps.extend(since.gaps);
        self.unsaved = true;
    }

    pub(super) fn save(&self, directory: &Path) -> io::Result<()> {
        if self.gaps.is_empty() {
            return disk::remove(&directory.join(GAPS));
        }
        disk::replace(&directory.join(GAPS), &serde_json::to_vec(&self.gaps)?)
    }

    /// The entries that tell of them: the same gap makes the same entry.
    pub(super) fn entries(&self, outbox: Uuid) -> Vec<Outgoing> {
        self.gaps.iter().filter_map(|gap| gap.entry(outbox)).collect()
    }
}

impl Gap {
    fn entry(&self, outbox: Uuid) -> Option<Outgoing> {
        let Self { id, site, entries, from, to, reason } = self;
        let summary = match entries {
            0 => format!("Entries may be missing: {reason}"),
            1 => format!("An entry is missing: {reason}"),
            _ => format!("At least {entries} entries are missing: {reason}"),
        };
        let entry = Entry::new("indelible.gap", "outbox", outbox.to_string())
            .id(*id)
            .occurred_at(*to)
            .kind(Kind::Other)
            .actor(Actor::service("indelible-client"))
            .summary(summary)
            .data(json!({"entries": entries, "from": from, "to": to, "reason": reason}));
        let entry = entry.to_line().ok()?;
        Some(Outgoing { id: *id, site: site.clone(), entry })
    }
}
