//! Random bytes from the operating system, and what is made of them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The operating system gave no random bytes. Nothing that needs a secret may go on then.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the operating system gave no random bytes: {0}")]
pub struct NoEntropy(String);

/// Random bytes.
pub fn bytes<const N: usize>() -> Result<[u8; N], NoEntropy> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Fills a buffer with random bytes; one call for many entries costs one system call.
pub fn fill(buffer: &mut [u8]) -> Result<(), NoEntropy> {
    getrandom::fill(buffer).map_err(|error| NoEntropy(error.to_string()))
}

/// A `UUIDv7` (RFC 9562 §5.7) of a time in milliseconds since 1970 and random bytes.
#[must_use]
pub fn uuid_v7(ms: u64, random: &[u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(ms, random).into_uuid()
}

/// A secret that is handed out once and of which only the SHA-256 is kept.
pub struct Secret(String);

impl Secret {
    /// 256 random bits behind a prefix by which scanners for leaked secrets recognise them.
    pub fn new(prefix: &str) -> Result<Self, NoEntropy> {
        Ok(Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes::<32>()?))))
    }

    /// A secret without a prefix that somebody brings back, if it looks like one.
    #[must_use]
    pub fn known(text: &str) -> Option<Self> {
        let is_whole = URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32);
        is_whole.then(|| Self(text.to_owned()))
    }

    /// The secret itself, for its owner.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        sha256(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What is kept of a secret. A plain hash is enough: there is nothing to guess in 256 random bits.
#[must_use]
pub fn sha256(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
