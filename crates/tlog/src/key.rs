//! Keys of signed notes: names, ids, and the text of a verifier key (C2SP signed-note).
//!
//! A verifier key travels as one line, a *vkey*, of three parts joined by `+`:
//!
//! ```text
//! sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8
//! └ key name     └ key id └ base64 of the signature type and the public key
//! ```
//!
//! Name and id together say which key made a signature, and by which algorithm.

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

use crate::cosignature;

/// The first four bytes of a hash over name, signature type and public key ("Signatures"). It tells
/// keys apart and is no proof of anything: anybody can make a key with a given id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

/// The byte that says how a key signs ("Signature types").
///
/// Cosignatures sign another message than the bare text, which [`VerifierKey`] hides from the note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureType {
    /// 0x01: Ed25519 over the text of the note.
    Ed25519,
    /// 0x04: Ed25519 over a time and a checkpoint, by a witness (C2SP tlog-cosignature).
    Cosignature,
}

/// Why a key, its name or its text is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key name is empty.
    #[error("the key name is empty")]
    EmptyName,
    /// The key name contains a character it must not.
    #[error("the key name contains {character:?}: spaces, plus and control characters are not allowed")]
    NameCharacter {
        /// The first such character.
        character: char,
    },
    /// The text is not name, id and key joined by `+`.
    #[error("a verifier key has the form name+id+key")]
    Form,
    /// The id is not eight lower-case hexadecimal digits.
    #[error("`{text}` is not a key id: 8 digits out of 0-9 and a-f")]
    Id {
        /// The id as written.
        text: String,
    },
    /// The key is not canonical standard base64 of at least one byte.
    #[error("the key is not canonical standard base64")]
    Base64,
    /// The signature type is not one of [`SignatureType`].
    #[error("signature type 0x{byte:02x} is not supported")]
    Type {
        /// The type's byte.
        byte: u8,
    },
    /// The public key has the wrong length or is not on the curve.
    #[error("not an Ed25519 public key")]
    PublicKey,
    /// Signatures of this key can be forged for some messages; no honest key is like this.
    #[error("a public key of small order proves nothing")]
    WeakKey,
    /// The id is not that of the name and key beside it.
    #[error("the key id is {computed}, not {stated}")]
    IdMismatch {
        /// The id in the text.
        stated: KeyId,
        /// The id of this name and key.
        computed: KeyId,
    },
}

/// An Ed25519 key that signs notes under a name.
///
/// `Debug` shows the name only, the seed is wiped from memory on drop, and there is no way to get it
/// out again.
pub struct SigningKey {
    name: String,
    key: ed25519_dalek::SigningKey,
}

/// The public half of a key, with which its signatures are verified.
///
/// ```
/// # use tlog::{SigningKey, VerifierKey};
/// let vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
/// let key: VerifierKey = vkey.parse()?;
/// assert_eq!((key.name(), key.to_string().as_str()), ("sum.golang.org", vkey));
///
/// let ours = SigningKey::from_seed("audit.example/logs/news", &[7; 32])?.verifier_key();
/// assert_eq!(ours.to_string().parse(), Ok(ours));
/// # Ok::<(), tlog::KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: KeyId,
    material: Material,
}

/// What a verifier key holds for each signature type.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Material {
    Ed25519(ed25519_dalek::VerifyingKey),
    Cosignature(ed25519_dalek::VerifyingKey),
}

impl KeyId {
    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The bytes in front of each signature of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

/// The id of a key: `SHA-256(name || 0x0A || type || public key)[:4]` ("Signatures").
#[must_use]
pub fn key_id(name: &str, signature_type: SignatureType, public_key: &[u8]) -> KeyId {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(name)
        .chain_update(b"\n")
        .chain_update([signature_type.byte()])
        .chain_update(public_key)
        .finalize()
        .into();
    let [a, b, c, d, ..] = digest;
    KeyId([a, b, c, d])
}

/// Checks a key name, and so an origin that we give to a log.
///
/// Names are "non-empty and MUST NOT contain any Unicode spaces or plus" ("Format"). The
/// specification leaves C1 controls and DEL open; they are refused here because a terminal may act
/// on them.
pub fn check_key_name(name: &str) -> Result<(), KeyError> {
    if name.is_empty() {
        return Err(KeyError::EmptyName);
    }
    match name.chars().find(|c| c.is_whitespace() || c.is_control() || *c == '+') {
        Some(character) => Err(KeyError::NameCharacter { character }),
        None => Ok(()),
    }
}

impl SignatureType {
    /// The type's byte.
    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, KeyError> {
        match byte {
            0x01 => Ok(Self::Ed25519),
            0x04 => Ok(Self::Cosignature),
            _ => Err(KeyError::Type { byte }),
        }
    }
}

impl SigningKey {
    /// The key with this name and Ed25519 seed.
    ///
    /// The seed comes by reference so that no copy of it is left behind here; wiping the caller's is
    /// the caller's business.
    pub fn from_seed(name: impl Into<String>, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let name = name.into();
        check_key_name(&name)?;
        // Wipes itself on drop (`zeroize` feature of ed25519-dalek).
        Ok(Self { name, key: ed25519_dalek::SigningKey::from_bytes(seed) })
    }

    /// The key name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key with which this one's signatures are verified.
    #[must_use]
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey::with_material(self.name.clone(), Material::Ed25519(self.key.verifying_key()))
    }

    /// Signs the text of a note ("Ed25519 signatures").
    pub(crate) fn sign(&self, text: &str) -> Vec<u8> {
        self.key.sign(text.as_bytes()).to_bytes().to_vec()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("name", &self.name).finish_non_exhaustive()
    }
}

impl VerifierKey {
    /// The Ed25519 key with this name.
    pub fn ed25519(name: impl Into<String>, public_key: &[u8; 32]) -> Result<Self, KeyError> {
        Self::from_public_key(name.into(), public_key, Material::Ed25519)
    }

    /// The key with this name that cosigns checkpoints, a witness's.
    pub fn cosigner(name: impl Into<String>, public_key: &[u8; 32]) -> Result<Self, KeyError> {
        Self::from_public_key(name.into(), public_key, Material::Cosignature)
    }

    fn from_public_key(
        name: String,
        public_key: &[u8; 32],
        material: fn(ed25519_dalek::VerifyingKey) -> Material,
    ) -> Result<Self, KeyError> {
        check_key_name(&name)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(public_key).map_err(|_| KeyError::PublicKey)?;
        if key.is_weak() {
            return Err(KeyError::WeakKey);
        }
        Ok(Self::with_material(name, material(key)))
    }

    pub(crate) fn of_cosigner(name: String, key: ed25519_dalek::VerifyingKey) -> Self {
        Self::with_material(name, Material::Cosignature(key))
    }

    fn with_material(name: String, material: Material) -> Self {
        let id = key_id(&name, material.signature_type(), material.public_key());
        Self { name, id, material }
    }

    /// The key name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// How the key signs.
    #[must_use]
    pub const fn signature_type(&self) -> SignatureType {
        self.material.signature_type()
    }

    /// The encoded public key, without its signature type.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        self.material.public_key()
    }

    /// Whether these bytes, which follow the key id in a note, sign the note's text.
    pub(crate) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        match &self.material {
            // Strict: refuses keys and nonces of small order, so that all verifiers agree.
            Material::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(text.as_bytes(), &signature).is_ok()),
            Material::Cosignature(key) => cosignature::verifies(key, text, signature),
        }
    }
}

impl Material {
    const fn signature_type(&self) -> SignatureType {
        match self {
            Self::Ed25519(_) => SignatureType::Ed25519,
            Self::Cosignature(_) => SignatureType::Cosignature,
        }
    }

    fn public_key(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) | Self::Cosignature(key) => key.as_bytes(),
        }
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    /// Parses a vkey ("Verifier keys").
    fn from_str(vkey: &str) -> Result<Self, KeyError> {
        // From the left: base64 may contain a plus, a name may not.
        let (name, rest) = vkey.split_once('+').ok_or(KeyError::Form)?;
        let (id, key) = rest.split_once('+').ok_or(KeyError::Form)?;
        let stated: KeyId = id.parse()?;
        let key = BASE64_STANDARD.decode(key).map_err(|_| KeyError::Base64)?;
        let (type_byte, public_key) = key.split_first().ok_or(KeyError::Base64)?;
        let signature_type = SignatureType::from_byte(*type_byte)?;
        let public_key = public_key.try_into().map_err(|_| KeyError::PublicKey)?;
        let key = match signature_type {
            SignatureType::Ed25519 => Self::ed25519(name, public_key)?,
            SignatureType::Cosignature => Self::cosigner(name, public_key)?,
        };
        if key.id == stated { Ok(key) } else { Err(KeyError::IdMismatch { stated, computed: key.id }) }
    }
}

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let is_hex = text.len() == 8 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let id = if is_hex { u32::from_str_radix(text, 16).ok() } else { None };
        id.map(|id| Self(id.to_be_bytes())).ok_or_else(|| KeyError::Id { text: text.to_owned() })
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.signature_type().byte()];
        key.extend_from_slice(self.public_key());
        write!(f, "{}+{}+{}", self.name, self.id, BASE64_STANDARD.encode(key))
    }
}
