//! Other signing keys: a new generation signs beside the old one for a while, then alone. Each log tells of it in an
//! entry, and under the entry's head are the signatures that it speaks of.
//!
//! Whoever knows the old key can follow to the new one: the head with the entry is signed by both.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use model::{Class, UMBRELLA};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tlog::{Note, VerifierKey};

use crate::access::Caller;
use crate::keys::{Generations, KeyError};
use crate::store::{Change, LogNumber, SYSTEM_LOG, Site, Store, StoreError};
use crate::{ConfigureError, Indelible, clock};

/// How long two generations sign side by side before the old one may end.
const OVERLAP: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The names under which a store keeps them for a log; the umbrella's are with the system's log.
const PAST_KEYS: &str = "past_keys";
const PAST_UMBRELLA_KEYS: &str = "past_umbrella_keys";

/// A key that a log signed with once. What it signed stays as true as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastKey {
    /// The key, with the origin that it signed for.
    pub vkey: String,
    /// Why it signs no more.
    pub ended: Ended,
    /// When it ended.
    pub at: Timestamp,
    /// How many entries of the log it may have signed for that are still the log's.
    pub size: u64,
    /// The newest checkpoint that it is known to have signed, where its epoch ended by a restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
}

/// Why a key signs no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ended {
    /// Another took its place.
    Retired,
    /// The log was restored from a backup and goes on in a new epoch.
    Restored,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Retired => "retired",
            Self::Restored => "restored",
        })
    }
}

/// Why the keys were not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotationError {
    /// Two generations sign already.
    #[error(
        "two generations of keys sign since {since}: end the old one first (`indelible key retire`, from {until} on)"
    )]
    Overlapping {
        /// Since when.
        since: Timestamp,
        /// From when on the old one may end.
        until: Timestamp,
    },
    /// Only one signs.
    #[error(
        "only one generation of keys signs: there is none to retire. `indelible key rotate` makes another"
    )]
    Single,
    /// Readers have had too little time.
    #[error(
        "the old keys sign until {until} at least, so that readers and witnesses have time to learn the new ones. \
         If the old ones are in wrong hands, say --now"
    )]
    TooEarly {
        /// From when on they may end.
        until: Timestamp,
    },
    /// The keys cannot be read or written.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A log did not take the entry that tells of it.
    #[error(transparent)]
    Told(#[from] ConfigureError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Begins to sign with new keys beside the old ones, and tells of it in every log. What an earlier call that was cut
/// off left untold is told. Blocks.
///
/// # Errors
/// When two generations sign already and every log has been told.
pub fn rotate(
    indelible: &Indelible,
    reason: Option<&str>,
    caller: &Caller,
) -> Result<Generations, RotationError> {
    let generations = indelible.keys().generations()?;
    let generations = match (generations.signing.len(), generations.since) {
        (2.., Some(since)) if tell_all(indelible, "indelible.key.rotate", reason, caller)? == 0 => {
            return Err(RotationError::Overlapping { since, until: end_of_overlap(since) });
        }
        (2.., _) => return Ok(generations),
        _ => indelible.keys().rotate(clock::now())?,
    };
    tell_all(indelible, "indelible.key.rotate", reason, caller)?;
    Ok(generations)
}

/// Signs with the newest keys alone from now on, and tells of it in every log. Blocks.
///
/// # Errors
/// When the keys have not overlapped for long enough, unless it is to be `now`.
pub fn retire(
    indelible: &Indelible,
    now: bool,
    reason: Option<&str>,
    caller: &Caller,
) -> Result<Generations, RotationError> {
    let generations = indelible.keys().generations()?;
    if generations.signing.len() < 2 {
        // Perhaps an earlier call was cut off.
        let told = tell_all(indelible, "indelible.key.retire", reason, caller)?;
        return if told > 0 { Ok(generations) } else { Err(RotationError::Single) };
    }
    if let Some(until) = generations.since.map(end_of_overlap).filter(|until| !now && clock::now() < *until) {
        return Err(RotationError::TooEarly { until });
    }
    let generations = indelible.keys().retire(clock::now())?;
    tell_all(indelible, "indelible.key.retire", reason, caller)?;
    Ok(generations)
}

/// The keys that a site's log signed with once, the last one last.
pub fn past_keys(store: &dyn Store, log: LogNumber) -> Result<Vec<PastKey>, StoreError> {
    read(store, log, PAST_KEYS)
}

/// The same of the umbrella log.
pub fn past_umbrella_keys(store: &dyn Store) -> Result<Vec<PastKey>, StoreError> {
    read(store, SYSTEM_LOG, PAST_UMBRELLA_KEYS)
}

/// The change that adds keys to those that a site's log signed with once.
pub(crate) fn adding(store: &dyn Store, log: LogNumber, keys: Vec<PastKey>) -> Result<Change, StoreError> {
    change(store, log, PAST_KEYS, keys)
}

/// The same of the umbrella log.
pub(crate) fn adding_umbrella(store: &dyn Store, keys: Vec<PastKey>) -> Result<Change, StoreError> {
    change(store, SYSTEM_LOG, PAST_UMBRELLA_KEYS, keys)
}

fn change(store: &dyn Store, log: LogNumber, name: &str, keys: Vec<PastKey>) -> Result<Change, StoreError> {
    let mut all = read(store, log, name)?;
    all.extend(keys);
    let value = serde_json::to_string(&all).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Change::Configure { log, name: name.to_owned(), value: Some(value) })
}

fn read(store: &dyn Store, log: LogNumber, name: &str) -> Result<Vec<PastKey>, StoreError> {
    let Some(json) = store.configuration(log, name)? else { return Ok(Vec::new()) };
    serde_json::from_str(&json)
        .map_err(|error| StoreError::Corrupt(format!("the past keys of log {log} do not read: {error}")))
}

fn end_of_overlap(since: Timestamp) -> Timestamp {
    since.saturating_add(OVERLAP).unwrap_or(Timestamp::MAX)
}

/// A log that is not signed by exactly the present keys.
struct Untold {
    /// In whose log it is told.
    site: Site,
    /// Of which log.
    log: String,
    signers: BTreeSet<String>,
    present: BTreeSet<String>,
    size: u64,
}

/// Tells every log that is not signed by exactly the present keys, and has the umbrella signed by them. Returns how
/// many logs were told.
fn tell_all(
    indelible: &Indelible,
    action: &str,
    reason: Option<&str>,
    caller: &Caller,
) -> Result<usize, RotationError> {
    let store = indelible.store().as_ref();
    // All of them first: telling one has its log signed anew.
    let untold = untold(indelible)?;
    for Untold { site, log, signers, present, size } in &untold {
        let mut entry = json!({
            "action": action,
            "entity": {"type": "log", "id": log},
            "before": {"vkeys": signers},
            "after": {"vkeys": present},
        });
        if let (Some(entry), Some(reason)) = (entry.as_object_mut(), reason) {
            entry.insert("reason".to_owned(), json!(reason));
        }
        let ended = ended(signers.difference(present), *size);
        let change = match log.as_str() {
            _ if ended.is_empty() => None,
            UMBRELLA => Some(adding_umbrella(store, ended)?),
            _ => Some(adding(store, site.log, ended)?),
        };
        indelible.tell(site.clone(), Some(Class::KEY), change, &entry, caller)?;
    }
    indelible.umbrella().round(false)?;
    Ok(untold.len())
}

fn untold(indelible: &Indelible) -> Result<Vec<Untold>, RotationError> {
    let keys = indelible.keys();
    let mut untold = Vec::new();
    for site in indelible.sites().all()? {
        if site.id.is_system()
            && let Some((head, note)) = indelible.umbrella().head()?
        {
            let (present, retired) = (keys.umbrella_verifier_keys()?, keys.umbrella_retired()?);
            untold.extend(Untold::find(&site, UMBRELLA, &note, &present, &retired, head.size));
        }
        if let Some(signed) = indelible.published().head(site.log)? {
            let (present, retired) = (keys.verifier_keys(&site.id)?, keys.retired(&site.id)?);
            let (note, size) = (&signed.checkpoint, signed.head.size);
            untold.extend(Untold::find(&site, site.id.as_str(), note, &present, &retired, size));
        }
    }
    Ok(untold)
}

impl Untold {
    /// `None` when it is exactly the present keys that signed a log's checkpoint.
    fn find(
        site: &Site,
        log: &str,
        note: &str,
        present: &[VerifierKey],
        retired: &[VerifierKey],
        size: u64,
    ) -> Option<Self> {
        let note = Note::parse(note).ok()?;
        let signed = |key: &&VerifierKey| {
            note.signatures().iter().any(|line| line.key_name() == key.name() && line.key_id() == key.id())
        };
        let signers = present.iter().chain(retired).filter(signed).map(ToString::to_string).collect();
        let present: BTreeSet<String> = present.iter().map(ToString::to_string).collect();
        let is_told = signers == present;
        (!is_told).then(|| Self { site: site.clone(), log: log.to_owned(), signers, present, size })
    }
}

fn ended<'a>(vkeys: impl Iterator<Item = &'a String>, size: u64) -> Vec<PastKey> {
    let ended = |vkey: &String| PastKey {
        vkey: vkey.clone(),
        ended: Ended::Retired,
        at: clock::now(),
        size,
        checkpoint: None,
    };
    vkeys.map(ended).collect()
}
