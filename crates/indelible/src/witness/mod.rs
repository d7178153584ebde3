//! A witness: remembers the newest checkpoint of each log that it knows and cosigns one only if it extends that.
//! So nobody who trusts the witness can be shown a log that was rewritten, cut or split, whoever holds the log's key.
//!
//! It speaks C2SP tlog-witness, for logs of any kind, and has a directory of its own:
//!
//! ```text
//! DIR/key             its name and its seed
//! DIR/logs            verifier keys of the logs it knows, one a line; `#` begins a comment
//! DIR/heads/HASH      the newest checkpoint of a log, as it was cosigned; HASH is the SHA-256 of its origin
//! DIR/evidence/HASH   two checkpoints of one size that a log signed and that cannot both be true
//! ```

mod directory;
mod routes;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use tlog::{
    Checkpoint, Cosigner, Hash, Note, SignatureType, Submission, SubmissionError, VerifierKey, cosigned_at,
};

use directory::Directory;

pub use directory::{Opening, WitnessError};
pub use routes::{SUBMISSION_BYTES_MAX, application, serve};

/// See the [module's documentation](self).
#[derive(Debug)]
pub struct Witness {
    cosigner: Cosigner,
    key: VerifierKey,
    logs: BTreeMap<String, Vec<VerifierKey>>,
    /// Checked and stored as one step, so that two submissions cannot pass each other.
    ledger: Mutex<Ledger>,
}

/// What the witness has seen.
#[derive(Debug)]
struct Ledger {
    directory: Directory,
    heads: BTreeMap<String, Seen>,
    /// Why nothing more is cosigned: a write failed, and what is on the disk is not known.
    failed: Option<String>,
}

/// The newest checkpoint of a log.
#[derive(Clone, Debug)]
struct Seen {
    size: u64,
    root: Hash,
    /// As it was cosigned.
    note: String,
}

/// Why a checkpoint is not cosigned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The submission does not read.
    #[error(transparent)]
    Malformed(#[from] SubmissionError),
    /// The log is not one of those that the witness knows.
    #[error("this witness does not know the log `{0}`: its operator must be given the log's key")]
    UnknownLog(String),
    /// No known key of the log signed, or a signature does not hold.
    #[error("the checkpoint is not signed by the log: {0}")]
    NotSigned(String),
    /// The old size is above that of the checkpoint.
    #[error("the old size {old} is above the size {size} of the checkpoint")]
    OldAbove {
        /// The old size.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
    /// The witness saw another size last.
    #[error("the newest checkpoint that this witness cosigned has size {0}")]
    OtherSize(u64),
    /// The checkpoint does not extend what the witness saw.
    #[error("the checkpoint does not extend the one of size {old} that this witness cosigned: {reason}")]
    NotAnExtension {
        /// The size that was seen.
        old: u64,
        /// What does not hold.
        reason: String,
    },
    /// The witness cannot keep what it cosigns.
    #[error("this witness cannot store checkpoints and cosigns none: {0}")]
    NotStored(String),
}

impl Witness {
    /// Opens the witness in a directory, and makes a new one there if a name is given and there is none.
    ///
    /// # Errors
    /// What is wrong with the directory, and what to do.
    pub fn open(path: impl Into<PathBuf>, opening: &Opening) -> Result<Self, WitnessError> {
        let (directory, cosigner) = Directory::open(path.into(), opening.name.as_deref())?;
        let key = cosigner.verifier_key();
        let mut logs: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for log in directory.logs()?.into_iter().chain(opening.logs.iter().cloned()) {
            if log.signature_type() != SignatureType::Ed25519 {
                return Err(WitnessError::NotALog(log.name().to_owned()));
            }
            let known = logs.entry(log.name().to_owned()).or_default();
            if !known.contains(&log) {
                known.push(log);
            }
        }
        let mut heads = BTreeMap::new();
        for origin in logs.keys() {
            if let Some(note) = directory.head(origin)? {
                let seen = seen(&note, origin, &key)
                    .map_err(|reason| WitnessError::Head { origin: origin.clone(), reason })?;
                heads.insert(origin.clone(), seen);
            }
        }
        let ledger = Mutex::new(Ledger { directory, heads, failed: None });
        Ok(Self { cosigner, key, logs, ledger })
    }

    /// The key that verifies its cosignatures.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// The origins of the logs that it knows.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        self.logs.keys().map(String::as_str)
    }

    /// Takes a submission in, and answers with the signature lines. Blocks until the checkpoint is on the disk.
    ///
    /// # Errors
    /// Why the checkpoint is not cosigned.
    pub fn add_checkpoint(&self, body: &[u8], seconds: u64) -> Result<String, Refusal> {
        let submission = Submission::parse(body)?;
        let origin = submission.stated().origin();
        let keys = self.logs.get(origin).ok_or_else(|| Refusal::UnknownLog(shown(origin)))?;
        let signed = submission.note().to_string();
        let head = Checkpoint::verify(&signed, origin, keys)
            .map_err(|error| Refusal::NotSigned(error.to_string()))?;
        let (old, size) = (submission.old(), head.size());
        if old > size {
            return Err(Refusal::OldAbove { old, size });
        }
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reason) = &ledger.failed {
            return Err(Refusal::NotStored(reason.clone()));
        }
        ledger.check(&submission, &head, &signed)?;
        let cosignature = self.cosigner.cosign(submission.note().text(), seconds);
        let note = self.kept(&submission, keys, &cosignature)?;
        if let Err(error) = ledger.directory.store_head(origin, &note) {
            // It may be on the disk or not: only a start, which reads it, can tell.
            let reason = format!("{error}. Restart it when that is mended");
            tracing::error!(%error, origin, "ALARM: a checkpoint could not be stored; nothing more is cosigned");
            ledger.failed = Some(reason.clone());
            return Err(Refusal::NotStored(reason));
        }
        ledger.heads.insert(origin.to_owned(), Seen { size, root: *head.root(), note });
        Ok(format!("{cosignature}\n"))
    }

    /// The newest checkpoint of the log whose origin has this SHA-256, with our cosignature.
    #[must_use]
    pub fn checkpoint(&self, hash: &str) -> Option<String> {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let found = ledger.heads.iter().find(|(origin, _)| directory::hash(origin) == hash);
        found.map(|(_, seen)| seen.note.clone())
    }

    /// The note as it is kept: signatures of the log's known keys and our own. What else a sender attaches is not
    /// verified, and not ours to hand on.
    fn kept(
        &self,
        submission: &Submission,
        keys: &[VerifierKey],
        cosignature: &tlog::NoteSignature,
    ) -> Result<String, Refusal> {
        let note = submission.note();
        let is_known = |signature: &&tlog::NoteSignature| {
            keys.iter().any(|key| key.name() == signature.key_name() && key.id() == signature.key_id())
        };
        let mut kept = format!("{}\n", note.text());
        for signature in note.signatures().iter().filter(is_known).chain([cosignature]) {
            kept.extend([signature.to_string().as_str(), "\n"]);
        }
        seen(&kept, submission.stated().origin(), &self.key).map_err(|reason| {
            Refusal::NotStored(format!("the cosigned checkpoint does not verify: {reason}"))
        })?;
        Ok(kept)
    }
}

impl Ledger {
    /// Whether a checkpoint that the log signed extends the newest one that was seen.
    fn check(&self, submission: &Submission, head: &Checkpoint, signed: &str) -> Result<(), Refusal> {
        let seen = self.heads.get(head.origin());
        let (old, root) = seen.map_or((0, tlog::empty_root()), |seen| (seen.size, seen.root));
        if submission.old() != old {
            return Err(Refusal::OtherSize(old));
        }
        let extends = tlog::verify_consistency(old, &root, head.size(), head.root(), submission.proof());
        let Err(error) = extends else { return Ok(()) };
        if let Some(seen) = seen.filter(|seen| seen.size == head.size() && seen.root != *head.root()) {
            tracing::error!(
                origin = head.origin(), size = old, seen = %seen.root, submitted = %head.root(),
                "ALARM: a log signed two checkpoints of one size that cannot both be true"
            );
            if let Err(error) = self.directory.store_evidence(head.origin(), &seen.note, signed) {
                tracing::error!(%error, "the two checkpoints could not be stored as evidence");
            }
        } else {
            tracing::warn!(origin = head.origin(), old, size = head.size(), %error, "no extension: not cosigned");
        }
        Err(Refusal::NotAnExtension { old, reason: error.to_string() })
    }
}

/// Reads a note that this witness cosigned.
fn seen(note: &str, origin: &str, key: &VerifierKey) -> Result<Seen, String> {
    let parsed = Note::parse(note).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::parse(parsed.text()).map_err(|error| error.to_string())?;
    if checkpoint.origin() != origin {
        return Err(format!("it is of the log `{}`", checkpoint.origin()));
    }
    if cosigned_at(&parsed, key).is_none() {
        return Err("this witness did not cosign it, or it was changed since".to_owned());
    }
    Ok(Seen { size: checkpoint.size(), root: *checkpoint.root(), note: note.to_owned() })
}

/// What somebody sent, as it may be shown.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}
