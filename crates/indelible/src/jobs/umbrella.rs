//! Verification of the umbrella log: its leaves, tiles, root and signature, and the sites' logs against it.

use std::collections::BTreeMap;

use tlog::{Checkpoint, HASH_SIZE, Hash, RightEdge, TILE_HEIGHT, TILE_WIDTH};

use super::verify::Finding;
use crate::Indelible;
use crate::journal::stored_nodes;
use crate::store::{Head, StoreError};

/// What a verification of the umbrella log found.
#[derive(Clone, Debug)]
pub struct UmbrellaReport {
    /// Its published head.
    pub head: Head,
    /// What is wrong; empty when all is well. Places are positions in the umbrella.
    pub findings: Vec<Finding>,
}

/// Verifies the umbrella log up to its published head; `None` before its first round. Blocks.
///
/// # Errors
/// When the store cannot be read at all. Damage is not an error but a finding.
pub fn verify_umbrella(indelible: &Indelible) -> Result<Option<UmbrellaReport>, StoreError> {
    let Some((head, checkpoint)) = indelible.umbrella().head()? else { return Ok(None) };
    let mut findings = Vec::new();
    findings.extend(bad_checkpoint(indelible, head, &checkpoint));
    for check in [leaves, sites] {
        match check(indelible, head) {
            Ok(found) => findings.extend(found),
            // What cannot be read at all says nothing about the rest of it.
            Err(StoreError::Corrupt(reason)) => findings.push(told(format!("CORRUPT: {reason}"))),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(UmbrellaReport { head, findings }))
}

fn bad_checkpoint(indelible: &Indelible, head: Head, checkpoint: &str) -> Option<Finding> {
    let keys = match indelible.keys().umbrella_verifier_keys() {
        Ok(keys) => keys,
        Err(error) => return Some(told(error.to_string())),
    };
    match Checkpoint::verify(checkpoint, &indelible.keys().umbrella_origin(), &keys) {
        Ok(signed) if (signed.size(), *signed.root()) == (head.size, head.root) => None,
        Ok(_) => Some(told("the signed checkpoint is of another head".to_owned())),
        Err(error) => Some(told(format!("the checkpoint does not verify: {error}"))),
    }
}

/// Derives every leaf again, and from them every tile and the root.
fn leaves(indelible: &Indelible, head: Head) -> Result<Vec<Finding>, StoreError> {
    let (store, umbrella) = (indelible.store(), indelible.umbrella());
    let width = u64::from(TILE_WIDTH);
    let mut findings = Vec::new();
    let mut edge = RightEdge::new();
    // Tiles that are not full yet, one for each level.
    let mut tiles: BTreeMap<(u8, u64), Vec<u8>> = BTreeMap::new();
    while edge.size() < head.size {
        let first = edge.size();
        for leaf in umbrella.leaves(first..(first + width).min(head.size))? {
            edge.push_with(tlog::leaf_hash(&leaf), |level, index, hash| {
                if level % TILE_HEIGHT == 0 {
                    tiles.entry((level / TILE_HEIGHT, index / width)).or_default().extend(hash.as_bytes());
                }
            });
        }
        let is_end = edge.size() == head.size;
        let full = usize::from(TILE_WIDTH) * HASH_SIZE;
        for ((level, number), expected) in tiles.extract_if(.., |_, hashes| is_end || hashes.len() == full) {
            let stored = store.umbrella_tile(level, number)?.unwrap_or_default();
            if stored.get(..expected.len()) != Some(expected.as_slice()) {
                let what = format!(
                    "tile {number} of level {level} does not have the hashes that follow from the leaves"
                );
                findings.push(Finding { entries: Some(first..edge.size()), what });
            }
        }
    }
    if edge.root() != head.root {
        findings.push(told(format!(
            "the leaves do not have the root that is signed: {} instead of {}",
            edge.root(),
            head.root
        )));
    }
    Ok(findings)
}

/// Compares each site's log with the newest head of it in the umbrella. What is older follows from that, since no
/// head is published that does not extend the one before.
fn sites(indelible: &Indelible, head: Head) -> Result<Vec<Finding>, StoreError> {
    let store = indelible.store().as_ref();
    let mut newest = store.umbrella_newest(head.size)?;
    let mut findings = Vec::new();
    for site in indelible.sites().all()? {
        let Some(in_umbrella) = newest.remove(&site.log) else { continue };
        let size = indelible.published().size(site.log)?;
        if in_umbrella.size > size {
            findings.push(told(format!(
                "MISSING: it has a head of `{}` with {} entries, of which only {size} are there",
                site.id, in_umbrella.size
            )));
            continue;
        }
        let root: Result<Hash, _> =
            tlog::root(&stored_nodes(store, site.log, in_umbrella.size, &[]), in_umbrella.size);
        match root {
            Ok(root) if root == in_umbrella.root => {}
            Ok(_) => findings.push(told(format!(
                "it has a head of `{}` with {} entries that the site's log does not have",
                site.id, in_umbrella.size
            ))),
            Err(error) => findings.push(told(format!("the log of `{}`: {error}", site.id))),
        }
    }
    findings.extend(
        newest.into_keys().map(|log| told(format!("it has a head of log {log}, which is no site's"))),
    );
    Ok(findings)
}

fn told(what: String) -> Finding {
    Finding { entries: None, what }
}
