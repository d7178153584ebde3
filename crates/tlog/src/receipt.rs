//! Receipts: all it takes to verify offline that an entry is in a log (C2SP tlog-proof).
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra YWdlLXYxLjIuMQ==
//! index 73894
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
//! B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
//!
//! example.com/fancylog
//! 109482
//! sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
//!
//! — example.com/fancylog hI2DJw…1roloI=
//! ```
//!
//! The `extra` line is optional and nobody signs it. The proof runs from the leaf's sibling to the
//! root's child. The checkpoint follows verbatim.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    checkpoint::{Checkpoint, CheckpointError},
    decimal,
    hash::Hash,
    key::VerifierKey,
    note::{NOTE_SIZE_MAX, Note, NoteError},
    proof::{ProofError, verify_inclusion},
};

/// The first line of every receipt.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The most hashes an inclusion proof can have: a tree whose size is a `u64` is 64 levels high.
pub const RECEIPT_PROOF_MAX: usize = 64;

/// The most bytes a receipt may have: as much for the checkpoint as a note may have, and as much
/// again for the extra data.
pub const RECEIPT_SIZE_MAX: usize = 2 * NOTE_SIZE_MAX;

/// A proof that an entry is in a log, with the checkpoint it leads to; not verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    index: u64,
    extra: Option<Vec<u8>>,
    proof: Vec<Hash>,
    checkpoint_note: String,
}

/// Why a receipt is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptError {
    /// The receipt is larger than [`RECEIPT_SIZE_MAX`].
    #[error("a receipt of {size} bytes is above the limit of 1048576")]
    TooLarge {
        /// Bytes in the receipt.
        size: usize,
    },
    /// The receipt is not valid UTF-8.
    #[error("the receipt is not UTF-8 after {valid_up_to} bytes")]
    NotUtf8 {
        /// How many bytes are valid.
        valid_up_to: usize,
    },
    /// The receipt ends before its checkpoint.
    #[error("the receipt ends before its checkpoint")]
    Truncated,
    /// The first line is another one.
    #[error("the first line of a receipt is `c2sp.org/tlog-proof@v1`")]
    Header,
    /// The extra data are empty or not canonical base64. Without extra data there is no such line.
    #[error("the extra line does not hold data in standard base64")]
    Extra,
    /// The index line is missing or not a plain decimal that fits into a `u64`.
    #[error("`{line}` is not an index line")]
    Index {
        /// The line found in its place.
        line: String,
    },
    /// A line of the proof is not a hash in canonical base64.
    #[error("line {position} of the proof is not a hash in standard base64")]
    ProofLine {
        /// Which line of the proof, counted from 1.
        position: usize,
    },
    /// There are more hashes than [`RECEIPT_PROOF_MAX`].
    #[error("a proof of more than 64 hashes fits no tree")]
    ProofTooLong,
    /// The checkpoint is malformed as a note.
    #[error("the checkpoint in the receipt is malformed")]
    Note(#[from] NoteError),
    /// The checkpoint does not verify.
    #[error("the checkpoint in the receipt does not verify")]
    Checkpoint(#[from] CheckpointError),
    /// The proof does not lead from the leaf to the checkpoint's root.
    #[error("the proof in the receipt does not hold")]
    Proof(#[from] ProofError),
}

impl Receipt {
    /// A receipt for the entry at `index`, from an inclusion proof and the note of the checkpoint whose
    /// root it leads to.
    pub fn new(
        index: u64,
        proof: Vec<Hash>,
        checkpoint_note: impl Into<String>,
    ) -> Result<Self, ReceiptError> {
        if proof.len() > RECEIPT_PROOF_MAX {
            return Err(ReceiptError::ProofTooLong);
        }
        let checkpoint_note = checkpoint_note.into();
        Note::parse(&checkpoint_note)?;
        Ok(Self { index, extra: None, proof, checkpoint_note })
    }

    /// Adds extra data, of a meaning the application gives them; empty data are no data.
    pub fn with_extra(mut self, extra: Vec<u8>) -> Result<Self, ReceiptError> {
        self.extra = Some(extra).filter(|extra| !extra.is_empty());
        check_size(self.to_string().len())?;
        Ok(self)
    }

    /// Parses a receipt ("Format").
    pub fn parse(receipt: impl AsRef<[u8]>) -> Result<Self, ReceiptError> {
        let bytes = receipt.as_ref();
        check_size(bytes.len())?;
        let rest = str::from_utf8(bytes)
            .map_err(|error| ReceiptError::NotUtf8 { valid_up_to: error.valid_up_to() })?;

        let (header, rest) = next_line(rest)?;
        if header != HEADER {
            return Err(ReceiptError::Header);
        }
        let (extra, rest) = parse_extra(rest)?;
        let (index, rest) = parse_index(rest)?;
        let (proof, checkpoint_note) = parse_proof(rest)?;
        Ok(Self { extra, ..Self::new(index, proof, checkpoint_note)? })
    }

    /// Verifies that the entry with this leaf hash is in the log, and returns the checkpoint that says
    /// so ("Verifying a tlog proof"). The extra data stay unverified.
    pub fn verify(
        &self,
        leaf: &Hash,
        origin: &str,
        keys: &[VerifierKey],
    ) -> Result<Checkpoint, ReceiptError> {
        let checkpoint = Checkpoint::verify(&self.checkpoint_note, origin, keys)?;
        verify_inclusion(leaf, self.index, checkpoint.size(), &self.proof, checkpoint.root())?;
        Ok(checkpoint)
    }

    /// The index of the entry.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The extra data, which nobody signed.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The inclusion proof.
    #[must_use]
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The note of the checkpoint, verbatim.
    #[must_use]
    pub fn checkpoint_note(&self) -> &str {
        &self.checkpoint_note
    }
}

fn check_size(size: usize) -> Result<(), ReceiptError> {
    if size > RECEIPT_SIZE_MAX { Err(ReceiptError::TooLarge { size }) } else { Ok(()) }
}

/// The next line, without its newline, and what follows.
fn next_line(text: &str) -> Result<(&str, &str), ReceiptError> {
    text.split_once('\n').ok_or(ReceiptError::Truncated)
}

fn parse_extra(text: &str) -> Result<(Option<Vec<u8>>, &str), ReceiptError> {
    let (line, rest) = next_line(text)?;
    let Some(extra) = line.strip_prefix("extra ") else {
        return Ok((None, text));
    };
    match BASE64_STANDARD.decode(extra) {
        Ok(extra) if !extra.is_empty() => Ok((Some(extra), rest)),
        _ => Err(ReceiptError::Extra),
    }
}

fn parse_index(text: &str) -> Result<(u64, &str), ReceiptError> {
    let (line, rest) = next_line(text)?;
    let index = line.strip_prefix("index ").and_then(decimal::parse);
    Ok((index.ok_or_else(|| ReceiptError::Index { line: line.to_owned() })?, rest))
}

/// The proof runs to the first empty line.
fn parse_proof(text: &str) -> Result<(Vec<Hash>, &str), ReceiptError> {
    let mut proof = Vec::new();
    let mut rest = text;
    for position in 1..=RECEIPT_PROOF_MAX {
        let (line, after) = next_line(rest)?;
        if line.is_empty() {
            return Ok((proof, after));
        }
        proof.push(Hash::from_base64(line).map_err(|_| ReceiptError::ProofLine { position })?);
        rest = after;
    }
    match next_line(rest)? {
        ("", after) => Ok((proof, after)),
        _ => Err(ReceiptError::ProofTooLong),
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", BASE64_STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint_note)
    }
}
