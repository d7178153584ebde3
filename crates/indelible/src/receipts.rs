//! Receipts: what a reader takes home to prove, without us, that an entry is in the log.
//!
//! A receipt leads from the entry's leaf to a signed head of its site's log. When the umbrella log has taken in a
//! head that covers the entry, the receipt is of that head and goes on: its extra data hold the site's blinding
//! value and a second receipt, which leads from that head to the signed head of the umbrella.

use model::{HeadLeaf, StoredEntry};
use tlog::{Hash, Receipt};

use crate::journal::{checkpoint, stored_nodes};
use crate::store::{Head, Site, StoreError};
use crate::umbrella::nodes;
use crate::{Indelible, public_log};

/// A receipt of an entry: chained to the umbrella if that covers it, else of the newest head.
///
/// # Errors
/// When the store cannot be read, or its tiles do not prove what was signed.
pub fn receipt(indelible: &Indelible, site: &Site, index: u64) -> Result<String, StoreError> {
    match chained(indelible, site, index)? {
        Some(receipt) => Ok(receipt),
        None => newest(indelible, site, &[index])?.pop().ok_or_else(|| unproven(site, index, "no receipt")),
    }
}

/// Receipts of entries, all of them of the newest head: what there is as soon as they are appended.
///
/// # Errors
/// As [`receipt`].
pub fn newest(indelible: &Indelible, site: &Site, indexes: &[u64]) -> Result<Vec<String>, StoreError> {
    let signed = public_log::head(indelible, site)?;
    // Entries of one batch lie under the same few tiles, which are read once.
    let nodes = stored_nodes(indelible.store().as_ref(), site.log, signed.head.size, &[]);
    let receipt = |index: &u64| {
        let proof = tlog::inclusion_proof(&nodes, *index, signed.head.size);
        let proof = proof.map_err(|error| unproven(site, *index, &error.to_string()))?;
        let receipt = Receipt::new(*index, proof, signed.checkpoint.as_str());
        receipt.map(|receipt| receipt.to_string()).map_err(|error| unproven(site, *index, &error.to_string()))
    };
    indexes.iter().map(receipt).collect()
}

/// The receipt that is chained to the umbrella; `None` as long as that does not cover the entry.
fn chained(indelible: &Indelible, site: &Site, index: u64) -> Result<Option<String>, StoreError> {
    let store = indelible.store().as_ref();
    let Some((umbrella, note, position, head)) = covering(indelible, site, index)? else { return Ok(None) };
    let failed = |reason: String| unproven(site, index, &reason);
    let nodes_of_site = stored_nodes(store, site.log, head.size, &[]);
    let proof =
        tlog::inclusion_proof(&nodes_of_site, index, head.size).map_err(|error| failed(error.to_string()))?;
    // That head was signed once, before the umbrella took it in. It is signed again only if the log proves that it
    // is the same: from the entry itself to the root that the umbrella has.
    let leaf = leaf_hash(indelible, site, index)?;
    tlog::verify_inclusion(&leaf, index, head.size, &proof, &head.root)
        .map_err(|error| failed(error.to_string()))?;
    let upper = umbrella_receipt(indelible, site, position, head, umbrella, &note).map_err(failed)?;
    let signed = checkpoint(indelible.keys(), &site.id, head).map_err(failed)?;
    let extra = [indelible.keys().site_blinding(&site.id).as_slice(), upper.as_bytes()].concat();
    let receipt = Receipt::new(index, proof, signed).and_then(|receipt| receipt.with_extra(extra));
    receipt.map(|receipt| Some(receipt.to_string())).map_err(|error| failed(error.to_string()))
}

/// A head of the umbrella that covers the entry, its note, and the head of the site in it and where that is: under
/// the newest one that the quorum of witnesses cosigned, else under the newest one.
fn covering(
    indelible: &Indelible,
    site: &Site,
    index: u64,
) -> Result<Option<(Head, String, u64, Head)>, StoreError> {
    let Some((newest, note)) = indelible.umbrella().head()? else { return Ok(None) };
    let witnesses = indelible.witnesses();
    let cosigned = witnesses.cosigned().filter(|(checkpoint, _)| checkpoint.size() <= newest.size);
    let cosigned =
        cosigned.map(|(checkpoint, note)| (Head { size: checkpoint.size(), root: *checkpoint.root() }, note));
    for (umbrella, note) in cosigned.into_iter().chain([(newest, witnesses.with_cosignatures(&note))]) {
        let covering = indelible.store().umbrella_covering(site.log, index, umbrella.size)?;
        if let Some((position, head)) = covering {
            return Ok(Some((umbrella, note, position, head)));
        }
    }
    Ok(None)
}

/// The receipt of a site's head in the umbrella.
fn umbrella_receipt(
    indelible: &Indelible,
    site: &Site,
    position: u64,
    head: Head,
    umbrella: Head,
    note: &str,
) -> Result<String, String> {
    let nodes = nodes(indelible.store().as_ref(), umbrella.size);
    let proof = tlog::inclusion_proof(&nodes, position, umbrella.size).map_err(|error| error.to_string())?;
    let tag = indelible.keys().site_tag(&site.id);
    let leaf = HeadLeaf { tag, size: head.size, root: *head.root.as_bytes() }.to_bytes();
    tlog::verify_inclusion(&tlog::leaf_hash(&leaf), position, umbrella.size, &proof, &umbrella.root)
        .map_err(|error| format!("the umbrella: {error}"))?;
    Receipt::new(position, proof, note).map(|receipt| receipt.to_string()).map_err(|error| error.to_string())
}

/// The hash of an entry's leaf, derived from the entry.
fn leaf_hash(indelible: &Indelible, site: &Site, index: u64) -> Result<Hash, StoreError> {
    let stored = indelible.store().entries(site.log, index..index + 1)?;
    let bytes = stored.first().ok_or_else(|| unproven(site, index, "it is missing"))?;
    let entry = StoredEntry::decode(bytes).map_err(|error| unproven(site, index, &error.to_string()))?;
    Ok(tlog::leaf_hash(&entry.leaf().to_bytes()))
}

fn unproven(site: &Site, index: u64, reason: &str) -> StoreError {
    StoreError::Corrupt(format!("the entry at index {index} of `{}` cannot be proven: {reason}", site.id))
}
