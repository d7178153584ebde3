//! Taking content out of a stored entry so that its leaf stays the same: what every store's removal stands on.

use std::collections::BTreeMap;
use std::ops::Range;

use model::{Class, SectionName, StoredEntry};
use tlog::Hash;

use super::block::{self, Unpacker};
use super::{Content, Reduction, Removal, StoreError};

/// Entries that one removal may tell of: bounds the memory that reading it back takes.
const ENTRIES_MAX: usize = 65_536;

/// What is wanted of each entry, after a look at the order: that it is not too long, and only about what is published.
pub(super) fn wanted(removal: &Removal, published: u64) -> Result<BTreeMap<u64, &Reduction>, StoreError> {
    if removal.entries.len() > ENTRIES_MAX {
        let reason = format!("{} entries in one removal; {ENTRIES_MAX} are allowed", removal.entries.len());
        return Err(StoreError::Engine { what: "removing content".to_owned(), reason });
    }
    if removal.reason >= published {
        return Err(no_reason(removal, "is not published"));
    }
    if let Some((index, _)) = removal.entries.iter().find(|(index, _)| *index >= published) {
        return Err(StoreError::Corrupt(format!("there is no entry {index} from which to remove")));
    }
    Ok(removal.entries.iter().map(|(index, reduction)| (*index, reduction)).collect())
}

/// The class of the entry that tells of the removal, if it is one that can.
pub(super) fn class_of_reason(removal: &Removal, stored: Option<&Vec<u8>>) -> Result<Class, StoreError> {
    let class = stored.and_then(|bytes| Some(StoredEntry::decode(bytes).ok()?.header().class));
    let is_erasure = |(_, reduction): &(u64, Reduction)| matches!(reduction, Reduction::Sections(_));
    match class {
        Some(class @ Class::ERASURE) if removal.entries.iter().all(is_erasure) => Ok(class),
        Some(class @ Class::EXPIRY) if !removal.entries.iter().any(is_erasure) => Ok(class),
        _ => Err(no_reason(removal, "does not tell of such a removal")),
    }
}

fn no_reason(removal: &Removal, why: &str) -> StoreError {
    StoreError::Corrupt(format!(
        "nothing was removed: the entry at index {} of log {} {why}",
        removal.reason, removal.log
    ))
}

/// A block with less in it.
pub(super) struct ReducedBlock {
    /// Its content, packed.
    pub(super) content: Vec<u8>,
    /// What is left of its entries.
    pub(super) left: Content,
    /// The indexes of the entries that were changed, ascending.
    pub(super) changed: Vec<u64>,
    /// What they pointed at and do no more, with their indexes.
    pub(super) lost_links: Vec<(Vec<u8>, u64)>,
}

/// Reduces entries of a block whose entries are at the indexes of `range` and have these leaf hashes; `None` where
/// nothing of what is wanted was left.
pub(super) fn reduce_block(
    range: Range<u64>,
    content: &[u8],
    hashes: &[Hash],
    wanted: &[(u64, &Reduction)],
    unpacker: &mut Unpacker,
) -> Result<Option<ReducedBlock>, StoreError> {
    let count = range.end.saturating_sub(range.start);
    let mut all: Vec<Vec<u8>> = unpacker.unpack(content, count)?.into_iter().map(<[u8]>::to_vec).collect();
    let (mut changed, mut lost_links) = (Vec::new(), Vec::new());
    for (index, reduction) in wanted {
        let place = index.checked_sub(range.start).and_then(|place| usize::try_from(place).ok());
        let place = place.unwrap_or(usize::MAX);
        let (Some(bytes), Some(hash)) = (all.get_mut(place), hashes.get(place)) else {
            return Err(missing(*index));
        };
        let old = std::mem::take(bytes);
        *bytes = reduce(*index, &old, hash, reduction)?;
        if *bytes != old {
            lost_links.extend(lost(&old, bytes).into_iter().map(|target| (target, *index)));
            changed.push(*index);
        }
    }
    if changed.is_empty() {
        return Ok(None);
    }
    let content = block::repack(&all)?;
    if !unpacker.unpack(&content, count)?.into_iter().eq(all.iter().map(Vec::as_slice)) {
        let message = "a block does not unpack to the entries that were packed: \
                       this machine's memory or processor is failing";
        return Err(StoreError::Corrupt(message.to_owned()));
    }
    Ok(Some(ReducedBlock { content, left: Content::of(all.iter().map(Vec::as_slice)), changed, lost_links }))
}

/// The entry without what is removed. It must be what was signed, and still is.
fn reduce(index: u64, old: &[u8], hash: &Hash, reduction: &Reduction) -> Result<Vec<u8>, StoreError> {
    let unlike = || {
        StoreError::Corrupt(format!(
            "nothing was removed: the entry at index {index} is not the one that was signed there; \
             run `indelible verify`"
        ))
    };
    let stored = StoredEntry::decode(old).map_err(|_| unlike())?;
    if tlog::leaf_hash(&stored.leaf().to_bytes()) != *hash {
        return Err(unlike());
    }
    if stored.header().class.is_kept() {
        let message = format!("nothing was removed: the entry at index {index} tells of others and is kept");
        return Err(StoreError::Corrupt(message));
    }
    let new = match reduction {
        Reduction::Sections(sections) => {
            let is_there = |section| stored.sections().any(|(name, _)| name == section);
            if !sections.iter().any(|section| is_there(*section)) {
                return Ok(old.to_vec());
            }
            stored.without(sections)
        }
        Reduction::Expired { keeps_source } => {
            // What was claimed is not needed any more once the recorded time shows the age; it does not come back.
            let has_source = stored.sections().any(|(name, _)| name == SectionName::Source);
            stored.expired(*keeps_source && has_source)
        }
    };
    let same = StoredEntry::decode(&new).is_ok_and(|new| tlog::leaf_hash(&new.leaf().to_bytes()) == *hash);
    if same { Ok(new) } else { Err(unlike()) }
}

/// What an entry pointed at before something was removed from it, and does no more.
fn lost(old: &[u8], new: &[u8]) -> Vec<Vec<u8>> {
    let links = |bytes: &[u8]| StoredEntry::decode(bytes).map(|entry| entry.links()).unwrap_or_default();
    let left = links(new);
    links(old).into_iter().filter(|target| !left.contains(target)).collect()
}

/// The leaf hashes of a block, which lies within one tile, out of that tile's.
pub(super) fn leaf_hashes(range: &Range<u64>, tile: &[u8]) -> Result<Vec<Hash>, StoreError> {
    let (hashes, _) = tile.as_chunks::<{ tlog::HASH_SIZE }>();
    let from = usize::try_from(range.start % u64::from(tlog::TILE_WIDTH)).unwrap_or(usize::MAX);
    let count = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let hashes: Vec<Hash> = hashes.iter().skip(from).take(count).copied().map(Hash::from_bytes).collect();
    if hashes.len() == count {
        return Ok(hashes);
    }
    let message = format!("leaf hashes of entries {} to {} are missing", range.start, range.end - 1);
    Err(StoreError::Corrupt(message))
}

/// Ascending indexes as ranges.
pub(super) fn ranges(indexes: &[u64]) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for index in indexes {
        match ranges.last_mut() {
            Some(last) if last.end == *index => last.end += 1,
            _ => ranges.push(*index..index + 1),
        }
    }
    ranges
}

/// The first and the last index in ascending ranges.
pub(super) fn ends(ranges: &[Range<u64>]) -> (u64, u64) {
    let first = ranges.first().map_or(0, |range| range.start);
    (first, ranges.last().map_or(0, |range| range.end.saturating_sub(1)))
}

/// Which entries a removal changed, as a store notes it: a zstd frame over pairs of little-endian u64, the first index of
/// a range and the one after its last.
pub(super) fn pack_ranges(ranges: &[Range<u64>]) -> Result<Vec<u8>, StoreError> {
    let ends = ranges.iter().flat_map(|range| [range.start.to_le_bytes(), range.end.to_le_bytes()]);
    block::compress(&ends.flatten().collect::<Vec<u8>>())
}

/// The way back.
pub(super) fn unpack_ranges(number: u64, packed: &[u8]) -> Result<Vec<Range<u64>>, StoreError> {
    const RANGE_BYTES: usize = 16;
    let damaged = || StoreError::Corrupt(format!("the note of removal {number} does not read"));
    let plain = zstd::bulk::decompress(packed, ENTRIES_MAX * RANGE_BYTES).map_err(|_| damaged())?;
    let (ranges, []) = plain.as_chunks::<RANGE_BYTES>() else { return Err(damaged()) };
    let range = |bytes: &[u8; RANGE_BYTES]| {
        let (start, end) = bytes.split_first_chunk::<8>()?;
        let end = end.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*start)..u64::from_le_bytes(*end))
    };
    ranges.iter().map(range).collect::<Option<_>>().ok_or_else(damaged)
}

pub(super) fn missing(index: u64) -> StoreError {
    StoreError::Corrupt(format!("the entry at index {index} is missing from the store"))
}
