//! The tree hash: SHA-256 with one prefix for leaves and another for nodes.
//!
//! ```text
//! empty tree   SHA-256()
//! leaf         SHA-256(0x00 || leaf bytes)
//! node         SHA-256(0x01 || left hash || right hash)
//! ```
//!
//! The prefixes keep a node from being passed off as a leaf (RFC 6962 §2.1).

use std::{fmt, str::FromStr};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};

/// Bytes in a SHA-256 hash.
pub const HASH_SIZE: usize = 32;

/// The root of the empty tree: SHA-256 of the empty string (RFC 6962 §2.1).
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

const LEAF_PREFIX: [u8; 1] = [0x00];
const NODE_PREFIX: [u8; 1] = [0x01];

/// The root of the empty tree, [`EMPTY_ROOT`].
#[must_use]
pub const fn empty_root() -> Hash {
    EMPTY_ROOT
}

/// The hash of a leaf's bytes: `MTH({d(0)}) = SHA-256(0x00 || d(0))` (RFC 6962 §2.1).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let digest = Sha256::new().chain_update(LEAF_PREFIX).chain_update(leaf).finalize();
    Hash(digest.into())
}

/// The hash of a node above two others: `SHA-256(0x01 || left || right)` (RFC 6962 §2.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let digest =
        Sha256::new().chain_update(NODE_PREFIX).chain_update(left.0).chain_update(right.0).finalize();
    Hash(digest.into())
}

/// A SHA-256 hash: of a leaf, of a node, or the root of a tree.
///
/// It prints as 64 lower-case hexadecimal digits and parses from exactly that; notes and receipts
/// carry it in base64.
///
/// ```
/// let root = tlog::empty_root();
/// assert_eq!(root.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
/// assert_eq!(root.to_base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
/// assert_eq!(root.to_string().parse(), Ok(root));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; HASH_SIZE]);

/// Why bytes or text are not a [`struct@Hash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// Too few or too many bytes.
    #[error("a hash is 32 bytes, these are {actual}")]
    Length {
        /// How many there are.
        actual: usize,
    },
    /// Not 64 lower-case hexadecimal digits.
    #[error("a hash in hexadecimal is 64 digits out of 0-9 and a-f")]
    Hex,
    /// Not canonical, padded base64 in the standard alphabet (RFC 4648 §4).
    #[error("not canonical standard base64")]
    Base64,
}

impl Hash {
    /// The hash with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; HASH_SIZE]) -> Self {
        Self(bytes)
    }

    /// The bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; HASH_SIZE] {
        &self.0
    }

    /// The hash as notes and receipts write it: 44 characters of standard base64.
    #[must_use]
    pub fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(self.0)
    }

    /// Parses standard base64; padding must be present and its unused bits zero, so that a hash has
    /// one spelling only.
    pub fn from_base64(text: &str) -> Result<Self, HashError> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| HashError::Base64)?;
        Self::try_from(bytes.as_slice())
    }
}

impl From<[u8; HASH_SIZE]> for Hash {
    fn from(bytes: [u8; HASH_SIZE]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashError> {
        bytes.try_into().map(Self).map_err(|_| HashError::Length { actual: bytes.len() })
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(HashError::Hex);
        };
        let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| hex_byte(*high, *low)).collect();
        bytes.and_then(|bytes| bytes.try_into().ok()).map(Self).ok_or(HashError::Hex)
    }
}

fn hex_byte(high: u8, low: u8) -> Option<u8> {
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => digit.checked_sub(b'0'),
        b'a'..=b'f' => digit.checked_sub(b'a' - 10),
        _ => None,
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
