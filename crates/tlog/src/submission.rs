//! What a log submits to a witness: `add-checkpoint` (C2SP tlog-witness).
//!
//! ```text
//! old 20852014
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
//! jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
//!
//! example.com/behind-the-sofa
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv…
//! ```

use std::fmt;

use crate::{
    checkpoint::{Checkpoint, CheckpointError},
    decimal,
    hash::Hash,
    note::{Note, NoteError},
};

/// The most hashes that a submitted consistency proof may have.
pub const SUBMISSION_PROOF_MAX: usize = 63;

/// A checkpoint, and the proof that it extends the one of size [`old`](Self::old); nothing is verified yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    old: u64,
    proof: Vec<Hash>,
    note: Note,
    stated: Checkpoint,
}

/// Why a submission is refused before anything in it is verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmissionError {
    /// It is not valid UTF-8.
    #[error("the submission is not UTF-8 after {valid_up_to} bytes")]
    NotUtf8 {
        /// How many bytes are valid.
        valid_up_to: usize,
    },
    /// It ends before its checkpoint.
    #[error("the submission ends before its checkpoint")]
    Truncated,
    /// The first line is not `old` and a plain decimal.
    #[error("the first line is not `old` and a tree size: a decimal without leading zeros")]
    Old,
    /// A line of the proof is not a hash in canonical base64.
    #[error("line {position} of the proof is not a hash in standard base64")]
    ProofLine {
        /// Which line of the proof, counted from 1.
        position: usize,
    },
    /// There are more hashes than [`SUBMISSION_PROOF_MAX`].
    #[error("a proof of more than 63 hashes is not taken")]
    ProofTooLong,
    /// The checkpoint is malformed as a note.
    #[error("the checkpoint is malformed")]
    Note(#[from] NoteError),
    /// The text of the note is no checkpoint.
    #[error("the note is not a checkpoint")]
    Checkpoint(#[from] CheckpointError),
}

impl Submission {
    /// A submission of a signed checkpoint.
    pub fn new(old: u64, proof: Vec<Hash>, note: &str) -> Result<Self, SubmissionError> {
        if proof.len() > SUBMISSION_PROOF_MAX {
            return Err(SubmissionError::ProofTooLong);
        }
        let note = Note::parse(note)?;
        let stated = Checkpoint::parse(note.text())?;
        Ok(Self { old, proof, note, stated })
    }

    /// Parses the body of a request.
    pub fn parse(body: &[u8]) -> Result<Self, SubmissionError> {
        let text = str::from_utf8(body)
            .map_err(|error| SubmissionError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
        let (first, mut rest) = text.split_once('\n').ok_or(SubmissionError::Truncated)?;
        let old = first.strip_prefix("old ").and_then(decimal::parse).ok_or(SubmissionError::Old)?;
        let mut proof = Vec::new();
        loop {
            let (line, after) = rest.split_once('\n').ok_or(SubmissionError::Truncated)?;
            rest = after;
            if line.is_empty() {
                return Self::new(old, proof, rest);
            }
            if proof.len() == SUBMISSION_PROOF_MAX {
                return Err(SubmissionError::ProofTooLong);
            }
            let position = proof.len().saturating_add(1);
            proof.push(Hash::from_base64(line).map_err(|_| SubmissionError::ProofLine { position })?);
        }
    }

    /// The size that the witness saw last, as the sender believes.
    #[must_use]
    pub const fn old(&self) -> u64 {
        self.old
    }

    /// The consistency proof from the old size to that of the checkpoint.
    #[must_use]
    pub fn proof(&self) -> &[Hash] {
        &self.proof
    }

    /// The note that is submitted.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// What the note says, unverified: its origin says which keys to verify it with.
    #[must_use]
    pub const fn stated(&self) -> &Checkpoint {
        &self.stated
    }
}

impl fmt::Display for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.note)
    }
}
