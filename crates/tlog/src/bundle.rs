//! The contents of an entry bundle (C2SP tlog-tiles, "Log entries").
//!
//! A bundle is a sequence of entries, each with its length in front as a big-endian `u16`:
//!
//! ```text
//! 00 05 "first" 00 06 "second" …
//! ```

/// The longest entry a bundle can hold: its length is a `u16`.
pub const ENTRY_SIZE_MAX: usize = 65_535;

/// Why bytes are not a bundle, or an entry does not fit into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// The entry is longer than [`ENTRY_SIZE_MAX`].
    #[error("an entry of {size} bytes is above the limit of 65535")]
    EntryTooLarge {
        /// Bytes in the entry.
        size: usize,
    },
    /// The bytes end inside of an entry or of its length.
    #[error("the bundle ends inside of its entry {entry}")]
    Truncated {
        /// Which entry, counted from 0.
        entry: usize,
    },
}

/// Appends one entry to the bytes of a bundle.
///
/// ```
/// let mut bundle = Vec::new();
/// tlog::push_entry(&mut bundle, b"first")?;
/// tlog::push_entry(&mut bundle, b"second")?;
/// assert_eq!(bundle, b"\x00\x05first\x00\x06second");
/// assert_eq!(tlog::bundle_entries(&bundle)?, [&b"first"[..], &b"second"[..]]);
/// # Ok::<(), tlog::BundleError>(())
/// ```
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let size = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLarge { size: entry.len() })?;
    bundle.extend_from_slice(&size.to_be_bytes());
    bundle.extend_from_slice(entry);
    Ok(())
}

/// Splits the bytes of a bundle into its entries. How many there must be is for the caller to check.
pub fn bundle_entries(bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    let mut rest = bundle;
    while !rest.is_empty() {
        let (entry, after) = split_entry(rest).ok_or(BundleError::Truncated { entry: entries.len() })?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(u16::from_be_bytes(*size).into())
}
