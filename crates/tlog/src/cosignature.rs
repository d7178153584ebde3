//! Cosignatures: a witness says that at this time it saw this checkpoint, and that it extends every one
//! that the witness saw before (C2SP tlog-cosignature).
//!
//! The signature in the note is eight bytes of seconds since 1970, big-endian, and an Ed25519 signature
//! over this text, which ends with the whole text of the checkpoint:
//!
//! ```text
//! cosignature/v1
//! time 1679315147
//! example.com/behind-the-sofa
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//! ```
//!
//! The message does not name the witness, so that a key must belong to one witness alone.

use std::fmt;

use ed25519_dalek::Signer as _;

use crate::{
    key::{KeyError, VerifierKey, check_key_name},
    note::NoteSignature,
};

/// The latest time that a cosignature may state.
pub const COSIGNATURE_TIME_MAX: u64 = i64::MAX.unsigned_abs();

/// A witness's key, which cosigns checkpoints.
///
/// `Debug` shows the name only; the seed is wiped from memory on drop.
///
/// ```
/// use tlog::{Checkpoint, Cosigner, Note, SigningKey, cosigned_at, empty_root};
///
/// let log = SigningKey::from_seed("audit.example/logs/news", &[7; 32])?;
/// let witness = Cosigner::from_seed("witness.example", &[8; 32])?;
/// let note = Note::parse(Checkpoint::new(log.name(), 0, empty_root())?.sign(&log)?)?;
/// let cosignature = witness.cosign(note.text(), 1_790_000_000);
///
/// let cosigned = note.with_signatures([cosignature])?;
/// let known = [log.verifier_key(), witness.verifier_key()];
/// assert_eq!(cosigned.verify(&known)?.keys().len(), 2);
/// assert_eq!(cosigned_at(&cosigned, &known[1]), Some(1_790_000_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Cosigner {
    name: String,
    key: ed25519_dalek::SigningKey,
}

impl Cosigner {
    /// The witness with this name and Ed25519 seed.
    pub fn from_seed(name: impl Into<String>, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let name = name.into();
        check_key_name(&name)?;
        Ok(Self { name, key: ed25519_dalek::SigningKey::from_bytes(seed) })
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key with which its cosignatures are verified.
    #[must_use]
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey::of_cosigner(self.name.clone(), self.key.verifying_key())
    }

    /// Cosigns the text of a checkpoint at a time in seconds since 1970.
    ///
    /// A witness must never cosign two checkpoints of one log that no consistency proof joins. That is for
    /// the caller to see to, as is that the text is one.
    #[must_use]
    pub fn cosign(&self, text: &str, seconds: u64) -> NoteSignature {
        let seconds = seconds.min(COSIGNATURE_TIME_MAX);
        let signature = self.key.sign(message(text, seconds).as_bytes()).to_bytes();
        let bytes = [seconds.to_be_bytes().as_slice(), signature.as_slice()].concat();
        NoteSignature::from_parts(self.name.clone(), self.verifier_key().id(), bytes)
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cosigner").field("name", &self.name).finish_non_exhaustive()
    }
}

/// When this witness cosigned the note, in seconds since 1970; the latest time if it did more than once,
/// `None` if it did not.
#[must_use]
pub fn cosigned_at(note: &crate::Note, witness: &VerifierKey) -> Option<u64> {
    let by_witness = note.signatures().iter().filter(|signature| {
        signature.key_name() == witness.name()
            && signature.key_id() == witness.id()
            && witness.signature_type() == crate::SignatureType::Cosignature
            && witness.verifies(note.text(), signature.bytes())
    });
    by_witness.filter_map(|signature| split(signature.bytes()).map(|(seconds, _)| seconds)).max()
}

/// Whether these bytes are a time and a signature over it and the text.
pub(crate) fn verifies(key: &ed25519_dalek::VerifyingKey, text: &str, bytes: &[u8]) -> bool {
    split(bytes).is_some_and(|(seconds, signature)| {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify_strict(message(text, seconds).as_bytes(), &signature).is_ok())
    })
}

/// The time and the signature.
fn split(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (seconds, signature) = bytes.split_first_chunk::<8>()?;
    let seconds = u64::from_be_bytes(*seconds);
    (seconds <= COSIGNATURE_TIME_MAX).then_some((seconds, signature))
}

fn message(text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}
