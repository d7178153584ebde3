//! The leaf of the umbrella log: the head of one site's log, under a tag that does not name the site.
//!
//! ```text
//! 494e444845414401   magic "INDHEAD", version 1
//! 5f0c…a1            the site's tag, 32 bytes
//! 00000000000002bc   size of its log, u64, big-endian
//! 9b1d…07            root of its log at that size, 32 bytes
//! ```
//!
//! The tag is a hash of the log's origin under a blinding value that the site's readers know. So an auditor of
//! one site can read all of the umbrella and learns of the others no more than that they are there.

use sha2::{Digest, Sha256};

const MAGIC: [u8; 8] = *b"INDHEAD\x01";
const TAG_LABEL: &[u8] = b"indelible-site-tag/v1\0";

/// The leaf of the umbrella log: the head of one site's log, under a tag that does not name the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLeaf {
    /// Which site, for those who know its blinding value.
    pub tag: [u8; 32],
    /// How many entries its log had.
    pub size: u64,
    /// The root of the log at that size.
    pub root: [u8; 32],
}

/// The bytes are not those of a head: `INDHEAD`, version 1, 80 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the leaf is not the head of a site's log: 80 bytes that begin with INDHEAD and version 1")]
pub struct NotAHeadLeaf;

/// The tag of a site's log: `SHA-256("indelible-site-tag/v1" || 0x00 || blinding || origin)`.
#[must_use]
pub fn site_tag(blinding: &[u8; 32], origin: &str) -> [u8; 32] {
    Sha256::new().chain_update(TAG_LABEL).chain_update(blinding).chain_update(origin).finalize().into()
}

impl HeadLeaf {
    /// The bytes that the umbrella's tree hashes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [MAGIC.as_slice(), &self.tag, &self.size.to_be_bytes(), &self.root].concat()
    }

    /// Reads those bytes.
    ///
    /// # Errors
    /// For any others.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotAHeadLeaf> {
        let rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(NotAHeadLeaf)?;
        let (tag, rest) = rest.split_first_chunk().ok_or(NotAHeadLeaf)?;
        let (size, rest) = rest.split_first_chunk().ok_or(NotAHeadLeaf)?;
        let root = rest.try_into().map_err(|_| NotAHeadLeaf)?;
        Ok(Self { tag: *tag, size: u64::from_be_bytes(*size), root })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes_and_nothing_else() {
        let head = HeadLeaf { tag: [7; 32], size: 700, root: [9; 32] };
        let bytes = head.to_bytes();
        assert_eq!(bytes.len(), 80);
        assert_eq!(HeadLeaf::parse(&bytes), Ok(head));
        for end in 0..bytes.len() {
            assert_eq!(HeadLeaf::parse(&bytes[..end]), Err(NotAHeadLeaf), "{end} bytes");
        }
        assert_eq!(HeadLeaf::parse(&[bytes.as_slice(), b"x"].concat()), Err(NotAHeadLeaf));
        let mut entry = bytes;
        entry[..8].copy_from_slice(b"INDELOG\x01");
        assert_eq!(HeadLeaf::parse(&entry), Err(NotAHeadLeaf));
    }

    #[test]
    fn a_tag_depends_on_origin_and_blinding() {
        let tag = site_tag(&[1; 32], "audit.test/logs/acme.www/1");
        assert_ne!(tag, site_tag(&[2; 32], "audit.test/logs/acme.www/1"));
        assert_ne!(tag, site_tag(&[1; 32], "audit.test/logs/acme.www/2"));
    }
}
