//! Signed notes: a text and the signatures under it (C2SP signed-note).
//!
//! ```text
//! Ognuno sta solo sul cuor della terra
//! trafitto da un raggio di sole:
//!
//! ed è subito sera.
//!
//! — quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJK…
//! ```
//!
//! The text runs to the last empty line, with its final newline but without that empty line. Below
//! stand the signatures, one a line: em dash, key name, base64 of key id and signature. The text must
//! be ignored until a signature has been verified, so [`Note::verify`] is the only way to a
//! [`VerifiedNote`].

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::key::{KeyError, KeyId, SigningKey, VerifierKey, check_key_name};

/// The most signatures a note may carry. At least 16 must be accepted ("Format"); this leaves room
/// for two keys of the log and every witness of a large quorum.
pub const NOTE_SIGNATURES_MAX: usize = 64;

/// The most bytes a note may have: 64 signatures of the 5 kB that a post-quantum one can reach, in
/// base64 and with a name, are about 440 kB.
pub const NOTE_SIZE_MAX: usize = 512 * 1024;

/// Between the text and the signatures: the text's last newline and an empty line.
const SEPARATOR: &str = "\n\n";

/// In front of each signature: an em dash and a space.
const SIGNATURE_PREFIX: &str = "— ";

/// A well-formed note, nothing of which is verified yet.
///
/// ```
/// use tlog::{Note, SigningKey};
///
/// let key = SigningKey::from_seed("audit.example/logs/news", &[7; 32])?;
/// let note = Note::sign("nothing was dropped\n", &[&key])?.to_string();
///
/// let parsed = Note::parse(&note)?;
/// let known = [key.verifier_key()];
/// let verified = parsed.verify(&known)?;
/// assert_eq!(verified.text(), "nothing was dropped\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line of a note: `— <key name> base64(<key id> || <signature>)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    key_name: String,
    key_id: KeyId,
    bytes: Vec<u8>,
}

/// The text of a note and the known keys that signed it, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedNote<'n, 'k> {
    text: &'n str,
    keys: Vec<&'k VerifierKey>,
}

/// Why a note is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The note is larger than [`NOTE_SIZE_MAX`].
    #[error("a note of {size} bytes is above the limit of 524288")]
    TooLarge {
        /// Bytes in the note.
        size: usize,
    },
    /// The note is not valid UTF-8.
    #[error("the note is not UTF-8 after {valid_up_to} bytes")]
    NotUtf8 {
        /// How many bytes are valid.
        valid_up_to: usize,
    },
    /// The note contains a control character other than newline.
    #[error("line {line} of the note contains the control character {character:?}")]
    ControlCharacter {
        /// The line, counted from 1.
        line: usize,
        /// The first such character in it.
        character: char,
    },
    /// The text to sign does not end in a newline.
    #[error("the text of a note ends in a newline, this one does not")]
    TextWithoutNewline,
    /// No empty line divides text and signatures.
    #[error("the note has no empty line between text and signatures")]
    NoSeparator,
    /// Nothing follows the empty line, or there is no key to sign with.
    #[error("the note has no signature")]
    NoSignature,
    /// The last signature line has no newline.
    #[error("the note does not end in a newline")]
    NoFinalNewline,
    /// There are more signatures than [`NOTE_SIGNATURES_MAX`].
    #[error("a note of {count} signatures is above the limit of 64")]
    TooManySignatures {
        /// How many there are.
        count: usize,
    },
    /// A signature line is malformed.
    #[error("signature {position} is malformed: {fault}")]
    SignatureLine {
        /// Which signature, counted from 1.
        position: usize,
        /// What is wrong with it.
        fault: SignatureFault,
    },
    /// No signature is from a known key.
    #[error("none of the known keys signed the note")]
    NoKnownKey,
    /// A signature claims to be from a known key, and is not.
    #[error("the signature of {key_name}+{key_id} does not verify")]
    BadSignature {
        /// The key's name.
        key_name: String,
        /// The key's id.
        key_id: KeyId,
    },
    /// Two different known keys have the same name and id.
    #[error("two known keys are both {key_name}+{key_id}")]
    AmbiguousKey {
        /// The keys' name.
        key_name: String,
        /// The keys' id.
        key_id: KeyId,
    },
}

/// What is wrong with a signature line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// It does not start with em dash and space.
    #[error("it does not start with an em dash and a space")]
    Prefix,
    /// There is no space after the key name.
    #[error("it has no space after the key name")]
    NoSignature,
    /// The key name is not allowed.
    #[error(transparent)]
    KeyName(#[from] KeyError),
    /// The signature is not canonical standard base64.
    #[error("it is not canonical standard base64")]
    Base64,
    /// There is nothing after the four bytes of the key id.
    #[error("it is too short for a key id and a signature")]
    TooShort,
}

impl Note {
    /// Signs a text, which must end in a newline, with each of the keys.
    pub fn sign(text: &str, keys: &[&SigningKey]) -> Result<Self, NoteError> {
        check_characters(text)?;
        if !text.ends_with('\n') {
            return Err(NoteError::TextWithoutNewline);
        }
        let signatures = keys.iter().map(|key| NoteSignature::new(text, key)).collect();
        let note = Self { text: text.to_owned(), signatures };
        check_signature_count(note.signatures.len())?;
        check_size(note.to_string().len())?;
        Ok(note)
    }

    /// Parses a note ("Format"). Every line must be well-formed, those of unknown keys included.
    pub fn parse(note: impl AsRef<[u8]>) -> Result<Self, NoteError> {
        let bytes = note.as_ref();
        check_size(bytes.len())?;
        let note =
            str::from_utf8(bytes).map_err(|error| NoteError::NotUtf8 { valid_up_to: error.valid_up_to() })?;
        check_characters(note)?;

        // The last empty line, for the text may have empty lines of its own.
        let (head, signatures) = note.rsplit_once(SEPARATOR).ok_or(NoteError::NoSeparator)?;
        let text = format!("{head}\n");
        if signatures.is_empty() {
            return Err(NoteError::NoSignature);
        }
        let lines = signatures.strip_suffix('\n').ok_or(NoteError::NoFinalNewline)?;
        check_signature_count(lines.split('\n').count())?;
        let signatures = (1..).zip(lines.split('\n')).map(|(position, line)| {
            NoteSignature::parse(line).map_err(|fault| NoteError::SignatureLine { position, fault })
        });
        Ok(Self { text, signatures: signatures.collect::<Result<_, _>>()? })
    }

    /// Verifies the note against the keys known ("Signatures").
    ///
    /// Signatures of unknown keys are ignored; one signature of a known key that does not verify
    /// condemns the whole note, whatever else is there; and at least one must verify.
    pub fn verify<'k>(&self, known: &'k [VerifierKey]) -> Result<VerifiedNote<'_, 'k>, NoteError> {
        let mut keys: Vec<&VerifierKey> = Vec::new();
        for signature in &self.signatures {
            let Some(key) = signature.find_key(known)? else { continue };
            if !key.verifies(&self.text, &signature.bytes) {
                return Err(NoteError::BadSignature { key_name: key.name().to_owned(), key_id: key.id() });
            }
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        if keys.is_empty() {
            return Err(NoteError::NoKnownKey);
        }
        Ok(VerifiedNote { text: &self.text, keys })
    }

    /// The same note with further signatures; those that it has already are not added again.
    pub fn with_signatures(
        mut self,
        further: impl IntoIterator<Item = NoteSignature>,
    ) -> Result<Self, NoteError> {
        for signature in further {
            if !self.signatures.contains(&signature) {
                self.signatures.push(signature);
            }
        }
        check_signature_count(self.signatures.len())?;
        check_size(self.to_string().len())?;
        Ok(self)
    }

    /// The text, with its final newline. It says nothing before [`verify`](Self::verify).
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in the note's order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }
}

impl NoteSignature {
    fn new(text: &str, key: &SigningKey) -> Self {
        let key_id = key.verifier_key().id();
        Self { key_name: key.name().to_owned(), key_id, bytes: key.sign(text) }
    }

    pub(crate) const fn from_parts(key_name: String, key_id: KeyId, bytes: Vec<u8>) -> Self {
        Self { key_name, key_id, bytes }
    }

    /// Parses one signature line, without its newline.
    pub fn parse(line: &str) -> Result<Self, SignatureFault> {
        let rest = line.strip_prefix(SIGNATURE_PREFIX).ok_or(SignatureFault::Prefix)?;
        let (key_name, signature) = rest.split_once(' ').ok_or(SignatureFault::NoSignature)?;
        check_key_name(key_name)?;
        let bytes = BASE64_STANDARD.decode(signature).map_err(|_| SignatureFault::Base64)?;
        match bytes.split_first_chunk::<4>() {
            Some((key_id, signature)) if !signature.is_empty() => Ok(Self {
                key_name: key_name.to_owned(),
                key_id: KeyId::from_bytes(*key_id),
                bytes: signature.to_vec(),
            }),
            _ => Err(SignatureFault::TooShort),
        }
    }

    /// The known key that this signature claims to be from.
    fn find_key<'k>(&self, known: &'k [VerifierKey]) -> Result<Option<&'k VerifierKey>, NoteError> {
        let mut matching = known.iter().filter(|key| key.name() == self.key_name && key.id() == self.key_id);
        let key = matching.next();
        // Which of two different keys should have signed cannot be told: the key list is wrong.
        if matching.any(|other| Some(other) != key) {
            return Err(NoteError::AmbiguousKey { key_name: self.key_name.clone(), key_id: self.key_id });
        }
        Ok(key)
    }

    /// The name of the key that is said to have signed.
    #[must_use]
    pub fn key_name(&self) -> &str {
        &self.key_name
    }

    /// The id of the key that is said to have signed.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The signature as its type defines it, without the key id.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<'n, 'k> VerifiedNote<'n, 'k> {
    /// The text, with its final newline.
    #[must_use]
    pub const fn text(&self) -> &'n str {
        self.text
    }

    /// The known keys that signed the text, each once, in the order of their signatures.
    #[must_use]
    pub fn keys(&self) -> &[&'k VerifierKey] {
        &self.keys
    }
}

fn check_size(size: usize) -> Result<(), NoteError> {
    if size > NOTE_SIZE_MAX { Err(NoteError::TooLarge { size }) } else { Ok(()) }
}

fn check_signature_count(count: usize) -> Result<(), NoteError> {
    match count {
        0 => Err(NoteError::NoSignature),
        1..=NOTE_SIGNATURES_MAX => Ok(()),
        _ => Err(NoteError::TooManySignatures { count }),
    }
}

/// "MUST NOT contain any ASCII control characters (those below U+0020) other than newline".
fn check_characters(note: &str) -> Result<(), NoteError> {
    for (line, text) in (1..).zip(note.split('\n')) {
        if let Some(character) = text.chars().find(|c| *c < ' ') {
            return Err(NoteError::ControlCharacter { line, character });
        }
    }
    Ok(())
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = [self.key_id.as_bytes(), self.bytes.as_slice()].concat();
        write!(f, "{SIGNATURE_PREFIX}{} {}", self.key_name, BASE64_STANDARD.encode(signature))
    }
}
