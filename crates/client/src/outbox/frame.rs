//! An entry as it stands in a segment.
//!
//! ```text
//! frame    length of the payload u32, its CRC-32 u32, payload         (little endian)
//! payload  id 16 bytes, length of the site u8, site, the entry's JSON
//! ```

use uuid::Uuid;

use crate::sink::Outgoing;

/// What every segment begins with.
pub(super) const HEADER: &[u8] = b"indelible outbox 1\n";

/// Length and checksum.
const PREFIX_BYTES: usize = 8;

/// Bytes of a payload, at most: an entry, and room for its names. What claims to be longer is no frame.
const PAYLOAD_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes that must be read to be sure of a whole frame.
pub(super) const FRAME_BYTES_MAX: usize = PREFIX_BYTES + PAYLOAD_BYTES_MAX;

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// An entry, in a frame of so many bytes.
    Whole(Outgoing, usize),
    /// The beginning of a frame: the rest was never written.
    Incomplete,
    /// No frame.
    Damaged,
}

/// Bytes of a frame.
pub(super) fn length(entry: &Outgoing) -> usize {
    PREFIX_BYTES + 16 + 1 + entry.site.len() + entry.entry.len()
}

/// Writes a frame. False, and nothing is written, when the entry is too long for one.
pub(super) fn write(entry: &Outgoing, to: &mut Vec<u8>) -> bool {
    let payload_bytes = length(entry) - PREFIX_BYTES;
    let (Ok(payload_length), Ok(site_length)) =
        (u32::try_from(payload_bytes), u8::try_from(entry.site.len()))
    else {
        return false;
    };
    if payload_bytes > PAYLOAD_BYTES_MAX {
        return false;
    }
    let mut checksum = crc32fast::Hasher::new();
    for part in [entry.id.as_bytes().as_slice(), &[site_length], entry.site.as_bytes(), &entry.entry] {
        checksum.update(part);
    }
    to.extend_from_slice(&payload_length.to_le_bytes());
    to.extend_from_slice(&checksum.finalize().to_le_bytes());
    to.extend_from_slice(entry.id.as_bytes());
    to.push(site_length);
    to.extend_from_slice(entry.site.as_bytes());
    to.extend_from_slice(&entry.entry);
    true
}

/// Reads the frame at the beginning of some bytes, of which there is at least one.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let Some((length, rest)) = bytes.split_first_chunk() else { return Parsed::Incomplete };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if !(17..=PAYLOAD_BYTES_MAX).contains(&length) {
        return Parsed::Damaged;
    }
    let Some((checksum, rest)) = rest.split_first_chunk() else { return Parsed::Incomplete };
    let Some(payload) = rest.get(..length) else { return Parsed::Incomplete };
    if crc32fast::hash(payload) != u32::from_le_bytes(*checksum) {
        return Parsed::Damaged;
    }
    read(payload).map_or(Parsed::Damaged, |entry| Parsed::Whole(entry, PREFIX_BYTES + length))
}

fn read(payload: &[u8]) -> Option<Outgoing> {
    let (id, rest) = payload.split_first_chunk()?;
    let (site_length, rest) = rest.split_first()?;
    let (site, entry) = rest.split_at_checked(usize::from(*site_length))?;
    let site = String::from_utf8(site.to_vec()).ok()?;
    Some(Outgoing { id: Uuid::from_bytes(*id), site, entry: entry.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed() -> (Outgoing, Vec<u8>) {
        let entry = Outgoing { id: Uuid::now_v7(), site: "acme.www".into(), entry: br#"{"a":1}"#.to_vec() };
        let mut bytes = Vec::new();
        assert!(write(&entry, &mut bytes));
        assert_eq!(bytes.len(), length(&entry));
        (entry, bytes)
    }

    #[test]
    fn what_is_written_is_read() {
        let (entry, mut bytes) = framed();
        let whole = bytes.len();
        bytes.extend_from_slice(b"more");
        assert_eq!(parse(&bytes), Parsed::Whole(entry, whole));
    }

    #[test]
    fn every_cut_is_incomplete_and_every_flipped_bit_damage() {
        let (_, bytes) = framed();
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Parsed::Incomplete, "{end}");
        }
        for place in 4..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1;
            assert_eq!(parse(&flipped), Parsed::Damaged, "{place}");
        }
        assert_eq!(parse(&[0; 64]), Parsed::Damaged, "what a file system leaves where nothing was written");
    }

    #[test]
    fn what_has_no_room_is_not_written() {
        let (entry, _) = framed();
        let mut bytes = Vec::new();
        assert!(!write(&Outgoing { site: "x".repeat(256), ..entry.clone() }, &mut bytes));
        assert!(!write(&Outgoing { entry: vec![b' '; PAYLOAD_BYTES_MAX], ..entry }, &mut bytes));
        assert!(bytes.is_empty());
    }
}
