//! Checkpoints: the size and root of a log at one moment, as a signed note (C2SP tlog-checkpoint).
//!
//! ```text
//! example.com/behind-the-sofa
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv…
//! ```
//!
//! Origin, tree size, root hash; then, against the specification's advice, perhaps extension lines.
//! We read those, for a witness must pass them on, and never write any: nobody audits them, and
//! ML-DSA-44 cosignatures do not cover them.

use std::fmt;

use crate::{
    decimal,
    hash::{EMPTY_ROOT, Hash},
    key::{KeyError, SignatureType, SigningKey, VerifierKey, check_key_name},
    note::{Note, NoteError},
};

/// What a log says of itself: this is my origin, so many leaves I have, this is their root.
///
/// ```
/// use tlog::{Checkpoint, SigningKey, empty_root};
///
/// let origin = "audit.example/logs/news";
/// let key = SigningKey::from_seed(origin, &[7; 32])?;
/// let note = Checkpoint::new(origin, 0, empty_root())?.sign(&key)?;
/// assert!(note.starts_with("audit.example/logs/news\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— "));
///
/// let checkpoint = Checkpoint::verify(&note, origin, &[key.verifier_key()])?;
/// assert_eq!(checkpoint.size(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

/// Why a checkpoint is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The note around it is malformed or does not verify.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The origin to be given to a log is not allowed as a key name.
    #[error("the origin cannot be a key name")]
    Origin(#[source] KeyError),
    /// The last line has no newline.
    #[error("the checkpoint does not end in a newline")]
    NoFinalNewline,
    /// There are not three lines, or one of them is empty.
    #[error("line {line} of the checkpoint is missing or empty")]
    EmptyLine {
        /// The line, counted from 1.
        line: usize,
    },
    /// The origin contains a control character.
    #[error("the origin contains the control character {character:?}")]
    OriginCharacter {
        /// The first such character.
        character: char,
    },
    /// The size is not a plain decimal that fits into a `u64`.
    #[error("`{text}` is not a tree size: a decimal without leading zeros")]
    Size {
        /// The size as written.
        text: String,
    },
    /// The root is not a hash in canonical base64.
    #[error("`{text}` is not a root hash: 32 bytes in standard base64")]
    Root {
        /// The root as written.
        text: String,
    },
    /// The size is 0, and the root is not that of the empty tree.
    #[error("a tree of size 0 cannot have the root {root}")]
    EmptyRoot {
        /// The root given.
        root: Hash,
    },
    /// The checkpoint to sign has extension lines.
    #[error("a checkpoint with extension lines is not signed")]
    Extensions,
    /// The checkpoint is another log's.
    #[error("the checkpoint is of `{actual}`, not of `{expected}`")]
    OtherOrigin {
        /// The origin wanted.
        expected: String,
        /// The origin found.
        actual: String,
    },
    /// The key to sign with, or every key that did sign, has another name than the log.
    #[error("no key named `{origin}` signs the checkpoint")]
    NotByLog {
        /// The origin, which the key's name must equal.
        origin: String,
    },
}

impl Checkpoint {
    /// A checkpoint of a log of ours. Its origin must do as a key name, since the log's key bears it.
    pub fn new(origin: impl Into<String>, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        let origin = origin.into();
        check_key_name(&origin).map_err(CheckpointError::Origin)?;
        check_empty_root(size, root)?;
        Ok(Self { origin, size, root, extensions: Vec::new() })
    }

    /// Parses the text of a checkpoint ("Note text"), the part of the note above its signatures.
    ///
    /// To take a checkpoint from somebody else, use [`verify`](Self::verify).
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::NoFinalNewline)?.split('\n');
        if let Some((line, _)) = (1..).zip(lines.clone()).find(|(_, text)| text.is_empty()) {
            return Err(CheckpointError::EmptyLine { line });
        }
        let origin = lines.next().ok_or(CheckpointError::EmptyLine { line: 1 })?;
        let size = lines.next().ok_or(CheckpointError::EmptyLine { line: 2 })?;
        let root = lines.next().ok_or(CheckpointError::EmptyLine { line: 3 })?;

        // Other logs may have spaces in their origin ("only a recommendation"), but nothing that a
        // terminal acts on.
        if let Some(character) = origin.chars().find(|c| c.is_control()) {
            return Err(CheckpointError::OriginCharacter { character });
        }
        let size = decimal::parse(size).ok_or_else(|| CheckpointError::Size { text: size.to_owned() })?;
        let root = Hash::from_base64(root).map_err(|_| CheckpointError::Root { text: root.to_owned() })?;
        check_empty_root(size, root)?;
        let extensions = lines.map(str::to_owned).collect();
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// Signs the checkpoint with the log's key, whose name must be the origin ("Signatures"), and
    /// returns the whole note.
    ///
    /// A log must never sign two checkpoints that no consistency proof joins. That is for the caller
    /// to see to: run [`verify_consistency`](crate::verify_consistency) against the last one signed.
    pub fn sign(&self, key: &SigningKey) -> Result<String, CheckpointError> {
        self.sign_with(&[key])
    }

    /// Signs the checkpoint with several keys of the log, as while one key replaces another.
    pub fn sign_with(&self, keys: &[&SigningKey]) -> Result<String, CheckpointError> {
        if !self.extensions.is_empty() {
            return Err(CheckpointError::Extensions);
        }
        if keys.iter().any(|key| key.name() != self.origin) {
            return Err(CheckpointError::NotByLog { origin: self.origin.clone() });
        }
        Ok(Note::sign(&self.text(), keys)?.to_string())
    }

    /// Verifies a note and returns the checkpoint of `origin` in it.
    ///
    /// One of the known keys that signed must bear the origin's name (as tlog-policy has it), so that
    /// a witness's key among `keys` cannot stand in for the log's.
    pub fn verify(
        note: impl AsRef<[u8]>,
        origin: &str,
        keys: &[VerifierKey],
    ) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        let verified = note.verify(keys)?;
        let checkpoint = Self::parse(verified.text())?;
        if checkpoint.origin != origin {
            let (expected, actual) = (origin.to_owned(), checkpoint.origin);
            return Err(CheckpointError::OtherOrigin { expected, actual });
        }
        let is_log =
            |key: &&VerifierKey| key.name() == origin && key.signature_type() == SignatureType::Ed25519;
        if !verified.keys().iter().any(is_log) {
            return Err(CheckpointError::NotByLog { origin: origin.to_owned() });
        }
        Ok(checkpoint)
    }

    /// Which log this is.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    #[must_use]
    pub const fn root(&self) -> &Hash {
        &self.root
    }

    /// Extension lines that another log wrote, without their newlines.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        self.to_string()
    }
}

fn check_empty_root(size: u64, root: Hash) -> Result<(), CheckpointError> {
    if size == 0 && root != EMPTY_ROOT { Err(CheckpointError::EmptyRoot { root }) } else { Ok(()) }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root.to_base64())?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
