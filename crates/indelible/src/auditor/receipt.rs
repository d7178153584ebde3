//! Verifying a receipt that is chained to the umbrella log.

use model::{HeadLeaf, site_tag};
use tlog::{Checkpoint, Hash, Receipt, ReceiptError, VerifierKey};

use crate::causes::chain;

/// What a receipt proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The entry's index in its log.
    pub index: u64,
    /// The head of the site's log that has the entry.
    pub site: Checkpoint,
    /// The head of the umbrella log that has that head; `None` where the receipt does not go on
    /// to it, or no key of it was given.
    pub umbrella: Option<Checkpoint>,
    /// The same as a note, with every signature that it bears.
    pub umbrella_note: Option<String>,
}

/// Why a receipt is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadReceipt {
    /// From the entry to the site's head.
    #[error("the receipt: {}", chain(.0))]
    Site(#[source] ReceiptError),
    /// From the site's head to the umbrella's.
    #[error("its second part, in the umbrella log: {}", chain(.0))]
    Umbrella(#[source] ReceiptError),
    /// The extra data are not what they should be.
    #[error("the extra line does not hold 32 bytes and a receipt of the umbrella log")]
    Extra,
}

/// Verifies a receipt of the entry with this leaf hash against the keys of its log and, if given, of the umbrella.
///
/// # Errors
/// Which part does not hold, and why.
pub fn verify_receipt(
    receipt: &str,
    leaf: &Hash,
    log: &VerifierKey,
    umbrella: Option<&VerifierKey>,
) -> Result<Proven, BadReceipt> {
    let receipt = Receipt::parse(receipt).map_err(BadReceipt::Site)?;
    let site = receipt.verify(leaf, log.name(), std::slice::from_ref(log)).map_err(BadReceipt::Site)?;
    let index = receipt.index();
    let (Some(extra), Some(umbrella)) = (receipt.extra(), umbrella) else {
        return Ok(Proven { index, site, umbrella: None, umbrella_note: None });
    };
    let (blinding, upper) = extra.split_first_chunk().ok_or(BadReceipt::Extra)?;
    // The leaf follows from what was just verified: nothing in the extra data is taken on trust.
    let tag = site_tag(blinding, site.origin());
    let head = HeadLeaf { tag, size: site.size(), root: *site.root().as_bytes() }.to_bytes();
    let upper = Receipt::parse(upper).map_err(BadReceipt::Umbrella)?;
    let proven = upper
        .verify(&tlog::leaf_hash(&head), umbrella.name(), std::slice::from_ref(umbrella))
        .map_err(BadReceipt::Umbrella)?;
    let umbrella_note = Some(upper.checkpoint_note().to_owned());
    Ok(Proven { index, site, umbrella: Some(proven), umbrella_note })
}
