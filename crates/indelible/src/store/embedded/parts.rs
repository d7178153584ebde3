//! The blocks that a merge replaced, as the table `merge` keeps them: a zstd frame over, for each block in the
//! order of the log, its count (u32), how much later its earliest time is than that of the block before
//! (i64), and its latest time less its earliest (i64), all little-endian. Microseconds, wrapping.

use crate::store::block;
use crate::store::{BlockInfo, Content, StoreError};

/// Bytes of one block's description.
const PART_BYTES: usize = 4 + 8 + 8;

/// A tile has at most as many blocks as entries.
const PARTS_MAX: usize = 256;

/// Describes consecutive blocks.
pub(super) fn encode(blocks: &[BlockInfo]) -> Result<Vec<u8>, StoreError> {
    let mut plain = Vec::with_capacity(blocks.len() * PART_BYTES);
    let mut before_us = 0;
    for block in blocks {
        plain.extend(u32::try_from(block.count).unwrap_or(u32::MAX).to_le_bytes());
        plain.extend(block.occurred_min_us.wrapping_sub(before_us).to_le_bytes());
        plain.extend(block.occurred_max_us.wrapping_sub(block.occurred_min_us).to_le_bytes());
        before_us = block.occurred_min_us;
    }
    block::compress(&plain)
}

/// The blocks that were described, the first at index `first`, for a walk that takes `merges` into account.
pub(super) fn decode(parts: &[u8], first: u64, merges: u64) -> Result<Vec<BlockInfo>, StoreError> {
    let damaged = || StoreError::Corrupt(format!("the note of the merge at index {first} does not read"));
    let plain = zstd::bulk::decompress(parts, PARTS_MAX * PART_BYTES).map_err(|_| damaged())?;
    let (described, []) = plain.as_chunks::<PART_BYTES>() else { return Err(damaged()) };
    let (mut next, mut before_us) = (first, 0_i64);
    let read = |part: &[u8; PART_BYTES]| {
        let (count, times) = part.split_first_chunk::<4>()?;
        let (later, times) = times.split_first_chunk::<8>()?;
        let (span, _) = times.split_first_chunk::<8>()?;
        let occurred_min_us = before_us.wrapping_add(i64::from_le_bytes(*later));
        let block = BlockInfo {
            first: next,
            count: u64::from(u32::from_le_bytes(*count)),
            occurred_min_us,
            occurred_max_us: occurred_min_us.wrapping_add(i64::from_le_bytes(*span)),
            // Whoever walks looks at the entries, and passes over those that have expired.
            content: Content::Entries,
            merges,
        };
        next = block.range().end;
        before_us = occurred_min_us;
        Some(block)
    };
    described.iter().map(read).collect::<Option<_>>().ok_or_else(damaged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_described_reads_the_same(
            first in 0_u64..1 << 40,
            parts in prop::collection::vec((1_u64..=256, any::<i64>(), any::<i64>()), 0..=PARTS_MAX),
        ) {
            let mut next = first;
            let mut blocks = Vec::new();
            for (count, occurred_min_us, occurred_max_us) in parts {
                let content = Content::Entries;
                blocks.push(BlockInfo { first: next, count, occurred_min_us, occurred_max_us, content, merges: 3 });
                next += count;
            }
            prop_assert_eq!(decode(&encode(&blocks).unwrap(), first, 3).unwrap(), blocks);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let content = Content::Entries;
        let block =
            BlockInfo { first: 0, count: 256, occurred_min_us: 5, occurred_max_us: 9, content, merges: 0 };
        let mut parts = encode(&[block]).unwrap();
        parts.truncate(parts.len() - 1);
        assert!(matches!(decode(&parts, 0, 0), Err(StoreError::Corrupt(_))));
    }
}
