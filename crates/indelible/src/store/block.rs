//! A block: consecutive entries, compressed together.
//!
//! Entries of a site resemble each other, so that compressing them together takes half the room of
//! compressing each alone, and one row for many entries is what makes batches cheap to write.
//!
//! Content: a zstd frame with a checksum of its own, over length (u32, little-endian) and stored form of
//! each entry.

use jiff::Timestamp;
use model::StoredEntry;

use super::{Content, NewEntry, StoreError};

/// Entries in a block, at most: a part of the width of a tile, so that a block lies within one tile's leaves.
///
/// In the embedded store it is half a tile.
///
/// Whoever wants one entry unpacks its block, and a page of found entries may want fifty in as many blocks.
/// Half a tile takes half the time to unpack that a tile does, for 3 % more room; a quarter would take 9 %
/// more, half of it lost at the ends of pages.
pub(super) const BLOCK_ENTRIES_MAX: u64 = 128;

/// Bytes in a block before compression after which no entry is added: reading one entry must not unpack an
/// unbounded amount.
const BLOCK_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of a block unpacked beyond which it is damaged: [`BLOCK_BYTES_MAX`], one entry that was added just
/// below it, and room to spare. Damage must not make a reader take all of the memory.
const UNPACKED_BYTES_MAX: usize = 4 * BLOCK_BYTES_MAX;

/// zstd's fastest proper level, for blocks that somebody waits for. Higher levels save a tenth of the room for
/// twice the time.
pub(super) const LEVEL: i32 = 1;

/// A block that is ready to be written.
pub(super) struct Block {
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) occurred_min_us: i64,
    pub(super) occurred_max_us: i64,
    /// What is left of its entries.
    pub(super) left: Content,
    pub(super) content: Vec<u8>,
}

/// Cuts new entries, the first at index `first`, into blocks of at most `width` entries, which divides a tile's.
pub(super) fn pack(
    first: u64,
    entries: &[NewEntry],
    width: u64,
    level: i32,
) -> Result<Vec<Block>, StoreError> {
    let mut compressor = compressor(level)?;
    let mut blocks = Vec::new();
    let mut rest = entries;
    let mut first = first;
    while !rest.is_empty() {
        let (block, others) = rest.split_at(entries_of_block(first, width, rest));
        blocks.push(pack_one(first, block, &mut compressor)?);
        first += count_of(block.len());
        rest = others;
    }
    Ok(blocks)
}

fn entries_of_block(first: u64, width: u64, entries: &[NewEntry]) -> usize {
    let until_border = width - first % width;
    let entries_max = usize::try_from(until_border).unwrap_or(usize::MAX);
    let mut bytes = 0;
    let fitting = entries.iter().take(entries_max).take_while(|entry| {
        let fits = bytes < BLOCK_BYTES_MAX;
        bytes += entry.bytes.len();
        fits
    });
    fitting.count()
}

fn pack_one(
    first: u64,
    entries: &[NewEntry],
    compressor: &mut zstd::bulk::Compressor<'_>,
) -> Result<Block, StoreError> {
    let content = pack_content(entries.iter().map(|entry| entry.bytes.as_slice()), compressor)?;
    let times = || entries.iter().map(|entry| entry.occurred_at);
    Ok(Block {
        first,
        count: count_of(entries.len()),
        occurred_min_us: times().min().map_or(0, floor_us),
        occurred_max_us: times().max().map_or(0, ceil_us),
        left: left(entries),
        content,
    })
}

/// What is left of entries, which may come out of another block: new ones are all there.
fn left(entries: &[NewEntry]) -> Content {
    let is_expired =
        |entry: &NewEntry| StoredEntry::decode(&entry.bytes).is_ok_and(|stored| stored.is_expired());
    if entries.first().is_some_and(is_expired) {
        return Content::of(entries.iter().map(|entry| entry.bytes.as_slice()));
    }
    Content::Entries
}

/// The content of a block that keeps its place, with entries written anew.
pub(super) fn repack(entries: &[Vec<u8>]) -> Result<Vec<u8>, StoreError> {
    pack_content(entries.iter().map(Vec::as_slice), &mut compressor(LEVEL)?)
}

fn pack_content<'a>(
    entries: impl Iterator<Item = &'a [u8]> + Clone,
    compressor: &mut zstd::bulk::Compressor<'_>,
) -> Result<Vec<u8>, StoreError> {
    let size: usize = entries.clone().map(|entry| entry.len() + 4).sum();
    let mut plain = Vec::with_capacity(size);
    for entry in entries {
        let length = u32::try_from(entry.len()).map_err(|_| unpackable("an entry is too long"))?;
        plain.extend(length.to_le_bytes());
        plain.extend(entry);
    }
    compressor.compress(&plain).map_err(|error| unpackable(&error.to_string()))
}

/// Unpacks blocks one after another.
pub(super) struct Unpacker {
    /// Kept from block to block: making one costs as much as unpacking a few entries.
    decompressor: zstd::bulk::Decompressor<'static>,
    plain: Vec<u8>,
}

impl Unpacker {
    pub(super) fn new() -> Result<Self, StoreError> {
        let decompressor = zstd::bulk::Decompressor::new().map_err(|error| unpackable(&error.to_string()))?;
        Ok(Self { decompressor, plain: Vec::new() })
    }

    /// The stored forms in a block's content, of which the block says that there are `count`.
    pub(super) fn unpack(&mut self, content: &[u8], count: u64) -> Result<Vec<&[u8]>, StoreError> {
        self.plain = self
            .decompressor
            .decompress(content, UNPACKED_BYTES_MAX)
            .map_err(|error| unpackable(&error.to_string()))?;
        let mut entries = Vec::with_capacity(usize::try_from(count.min(BLOCK_ENTRIES_MAX)).unwrap_or(0));
        let mut rest = self.plain.as_slice();
        while !rest.is_empty() {
            let (length, others) =
                rest.split_first_chunk::<4>().ok_or_else(|| unpackable("it ends too early"))?;
            let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
            let (entry, others) =
                others.split_at_checked(length).ok_or_else(|| unpackable("it ends too early"))?;
            entries.push(entry);
            rest = others;
        }
        if count_of(entries.len()) != count {
            return Err(unpackable(&format!("it has {} entries and should have {count}", entries.len())));
        }
        Ok(entries)
    }
}

/// Compresses what is kept beside blocks as they are.
pub(super) fn compress(plain: &[u8]) -> Result<Vec<u8>, StoreError> {
    compressor(LEVEL)?.compress(plain).map_err(|error| unpackable(&error.to_string()))
}

fn compressor(level: i32) -> Result<zstd::bulk::Compressor<'static>, StoreError> {
    let mut compressor =
        zstd::bulk::Compressor::new(level).map_err(|error| unpackable(&error.to_string()))?;
    compressor.include_checksum(true).map_err(|error| unpackable(&error.to_string()))?;
    Ok(compressor)
}

fn unpackable(reason: &str) -> StoreError {
    StoreError::Corrupt(format!("a block of entries does not unpack: {reason}"))
}

/// The microsecond in which a time lies.
pub(super) fn floor_us(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond().div_euclid(1000)).unwrap_or(i64::MIN)
}

fn ceil_us(time: Timestamp) -> i64 {
    floor_us(time).saturating_add(1)
}

fn count_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
