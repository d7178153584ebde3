//! Assignment: which entries are new, and at which index and time they enter their logs.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use model::{Code, Sealed, StoredEntry, Violation};
use uuid::Uuid;

use super::tree::{Growth, Tree};
use super::{Append, Outcome, Receipt};
use crate::store::{Batch, Change, Head, LogNumber, NewEntry, Run, Site, Store, StoreError};

/// One commit in the making.
pub(super) struct Assignment {
    now_ms: u64,
    runs: BTreeMap<LogNumber, Growing>,
    changes: Vec<Change>,
}

/// The run of one log in the making.
struct Growing {
    base: Head,
    entries: Vec<NewEntry>,
    positions: HashMap<Uuid, usize>,
    growth: Growth,
}

/// What is known about an id before its entry is placed.
enum Verdict {
    New,
    /// The same as an earlier entry of the submission, at this place in it.
    Twin(usize),
    Known(Receipt),
    Conflict(Violation),
}

impl Assignment {
    pub(super) fn new(now_ms: u64) -> Self {
        Self { now_ms, runs: BTreeMap::new(), changes: Vec::new() }
    }

    /// Adds a submission to the commit and says what becomes of each entry, should the commit succeed.
    pub(super) fn add(
        &mut self,
        store: &dyn Store,
        tree: &mut Tree,
        append: Append,
    ) -> Result<Vec<Outcome>, StoreError> {
        let log = append.site.log;
        let change = match append.change.map(|change| self.placed(store, change)).transpose()? {
            Some(Err(taken)) => {
                return Ok(append.entries.iter().map(|_| Outcome::Refused(taken.clone())).collect());
            }
            Some(Ok(change)) => Some(change),
            None => None,
        };
        let run = self.runs.entry(log).or_insert_with(|| Growing::on(tree.head()));
        let verdicts = run.verdicts(store, log, &append.entries)?;
        if append.atomic && verdicts.iter().any(|verdict| matches!(verdict, Verdict::Conflict(_))) {
            return Ok(refuse_new(verdicts));
        }
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(verdicts.len());
        for (sealed, verdict) in append.entries.into_iter().zip(verdicts) {
            outcomes.push(match verdict {
                Verdict::New => Outcome::Appended(run.place(tree, sealed, self.now_ms)?),
                Verdict::Twin(earlier) => outcomes.get(earlier).map_or_else(refused, Outcome::again),
                Verdict::Known(receipt) => Outcome::Known(receipt),
                Verdict::Conflict(violation) => Outcome::Refused(violation),
            });
        }
        if outcomes.iter().all(|outcome| matches!(outcome, Outcome::Appended(_))) {
            self.changes.extend(change);
        }
        Ok(outcomes)
    }

    /// Gives a new site the next free number. Only the committer can: others may be creating sites too, in
    /// other processes as well.
    fn placed(&self, store: &dyn Store, change: Change) -> Result<Result<Change, Violation>, StoreError> {
        let Change::CreateSite(mut site) = change else { return Ok(Ok(change)) };
        let stored = store.sites()?;
        let fresh = self.changes.iter().filter_map(super::created);
        let all: Vec<&Site> = stored.iter().chain(fresh).collect();
        if all.iter().any(|other| other.id == site.id) {
            return Ok(Err(Violation {
                code: Code::IdConflict,
                field: "id".to_owned(),
                message: format!("there is a site `{}` already", site.id),
            }));
        }
        site.log = all.iter().map(|other| other.log).max().map_or(0, |last| last + 1);
        Ok(Ok(Change::CreateSite(site)))
    }

    /// The batch to persist. `trees` are those that the submissions were added to.
    pub(super) fn finish(self, trees: &HashMap<LogNumber, Tree>) -> Batch {
        let runs = self.runs.into_iter().filter(|(_, run)| !run.entries.is_empty());
        let runs = runs.filter_map(|(log, run)| {
            let tree = trees.get(&log)?;
            let tiles = tree.tiles(run.growth);
            Some(Run { log, base: run.base, next: tree.head(), entries: run.entries, tiles })
        });
        Batch { runs: runs.collect(), changes: self.changes }
    }
}

impl Growing {
    fn on(base: Head) -> Self {
        Self { base, entries: Vec::new(), positions: HashMap::new(), growth: Growth::default() }
    }

    /// Looks each id up: in what is stored, then in this run.
    fn verdicts(
        &self,
        store: &dyn Store,
        log: LogNumber,
        entries: &[Sealed],
    ) -> Result<Vec<Verdict>, StoreError> {
        let ids: Vec<Uuid> = entries.iter().map(|sealed| sealed.id).collect();
        let positions = store.positions(log, &ids)?;
        let mut first_places: HashMap<Uuid, usize> = HashMap::with_capacity(entries.len());
        let judge_one = |(place, (sealed, position)): (usize, (&Sealed, Option<u64>))| {
            if let Some(index) = position {
                let stored = store.entries(log, index..index + 1)?;
                let bytes = stored.first().ok_or_else(|| missing(index))?;
                return judge(sealed, index, bytes);
            }
            if let Some(verdict) = self.in_run(sealed)? {
                return Ok(verdict);
            }
            let earlier = *first_places.entry(sealed.id).or_insert(place);
            match entries.get(earlier) {
                Some(twin) if earlier < place => twin_of(sealed, twin, earlier),
                _ => Ok(Verdict::New),
            }
        };
        entries.iter().zip(positions).enumerate().map(judge_one).collect()
    }

    fn in_run(&self, sealed: &Sealed) -> Result<Option<Verdict>, StoreError> {
        let Some(position) = self.positions.get(&sealed.id) else { return Ok(None) };
        let Some(entry) = self.entries.get(*position) else { return Ok(None) };
        judge(sealed, self.base.size + u64::try_from(*position).unwrap_or(u64::MAX), &entry.bytes).map(Some)
    }

    /// Gives the entry its time and index, and hashes it. A bit that flipped since it was committed to is noticed by its
    /// checksum, and never signed over.
    fn place(&mut self, tree: &mut Tree, mut sealed: Sealed, now_ms: u64) -> Result<Receipt, StoreError> {
        let (id, occurred_at) = (sealed.id, sealed.occurred_at);
        let links = std::mem::take(&mut sealed.links);
        let recorded_ms = now_ms.max(tree.last_recorded_ms);
        let index = tree.size();
        let (bytes, leaf) =
            sealed.place(recorded_ms).map_err(|error| StoreError::Corrupt(format!("entry {id}: {error}")))?;
        let leaf_hash = tlog::leaf_hash(&leaf.to_bytes());
        tree.append(leaf_hash, &mut self.growth);
        tree.last_recorded_ms = recorded_ms;
        self.positions.insert(id, self.entries.len());
        self.entries.push(NewEntry { id, occurred_at, links, bytes });
        Ok(Receipt { id, index, recorded_at: to_time(recorded_ms), leaf_hash })
    }
}

/// Compares a submitted entry with the one that has its id already.
fn judge(sealed: &Sealed, index: u64, stored_bytes: &[u8]) -> Result<Verdict, StoreError> {
    let stored = StoredEntry::decode(stored_bytes).map_err(|error| unreadable(index, &error))?;
    if !sealed.says_the_same(&stored) {
        let message =
            format!("the id {} is taken by an entry with other content, at index {index}", sealed.id);
        return Ok(Verdict::Conflict(Violation { code: Code::IdConflict, field: "id".to_owned(), message }));
    }
    Ok(Verdict::Known(Receipt {
        id: sealed.id,
        index,
        recorded_at: to_time(stored.header().recorded_ms),
        leaf_hash: tlog::leaf_hash(&stored.leaf().to_bytes()),
    }))
}

/// Compares a submitted entry with an earlier one of the same submission that has its id.
fn twin_of(sealed: &Sealed, twin: &Sealed, place: usize) -> Result<Verdict, StoreError> {
    let twin = twin
        .stored()
        .map_err(|error| StoreError::Corrupt(format!("an entry just encoded does not decode: {error}")))?;
    if sealed.says_the_same(&twin) {
        return Ok(Verdict::Twin(place));
    }
    let message = format!("the id {} is given twice in this batch, with different content", sealed.id);
    Ok(Verdict::Conflict(Violation { code: Code::IdConflict, field: "id".to_owned(), message }))
}

impl Outcome {
    /// What is said when the same entry is met again.
    fn again(&self) -> Self {
        match self {
            Self::Appended(receipt) | Self::Known(receipt) => Self::Known(receipt.clone()),
            Self::Refused(violation) => Self::Refused(violation.clone()),
        }
    }
}

/// All or nothing, and it is nothing: what was there already stays there.
fn refuse_new(verdicts: Vec<Verdict>) -> Vec<Outcome> {
    let refuse = |verdict| match verdict {
        Verdict::Known(receipt) => Outcome::Known(receipt),
        Verdict::Conflict(violation) => Outcome::Refused(violation),
        Verdict::New | Verdict::Twin(_) => refused(),
    };
    verdicts.into_iter().map(refuse).collect()
}

fn refused() -> Outcome {
    Outcome::Refused(not_taken())
}

/// Said of a good entry in a submission that was to be taken whole or not at all.
fn not_taken() -> Violation {
    Violation {
        code: Code::NotTaken,
        field: String::new(),
        message: "not taken, because another entry of this atomic batch was refused".to_owned(),
    }
}

fn to_time(ms: u64) -> Timestamp {
    i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

fn missing(index: u64) -> StoreError {
    StoreError::Corrupt(format!("the entry at index {index} is missing from the store"))
}

fn unreadable(index: u64, error: &model::StoredError) -> StoreError {
    StoreError::Corrupt(format!("the entry at index {index} does not read: {error}"))
}
