//! Reading entries out of their blocks, and walking the blocks.

use std::ops::Range;

use deadpool_postgres::Client;
use tokio_postgres::Row;

use super::rows::{get, number, query, to_i64};
use super::statements;
use crate::store::block::Unpacker;
use crate::store::reduce::missing;
use crate::store::{BlockInfo, Content, LogNumber, StoreError, Walk};

/// Blocks fetched at a time: bounds the memory for one answer, about 40 KB each.
const BLOCKS_MAX: usize = 256;

/// Entries of a range asked for at a time.
const ENTRIES_MAX: u64 = 16_384;

/// The next blocks of a walk. They are never merged here, so that every walk sees the same ones.
pub(super) async fn walk(
    client: &Client,
    log: LogNumber,
    walk: Walk,
    after: Option<BlockInfo>,
    max: usize,
) -> Result<Vec<BlockInfo>, StoreError> {
    let what = "reading the blocks";
    let (log, max) = (i64::from(log), i64::try_from(max).unwrap_or(i64::MAX));
    let first = after.map(|block| to_i64(block.first));
    let rows = match walk {
        Walk::NewestFirst => {
            let time_us = after.map_or(i64::MAX, |block| block.occurred_max_us);
            let first = first.unwrap_or(i64::MAX);
            query(client, what, statements::NEWEST_BLOCKS, &[&log, &time_us, &first, &max]).await?
        }
        Walk::OldestFirst => {
            let time_us = after.map_or(i64::MIN, |block| block.occurred_min_us);
            let first = first.unwrap_or(-1);
            query(client, what, statements::OLDEST_BLOCKS, &[&log, &time_us, &first, &max]).await?
        }
        Walk::ByIndex => {
            query(client, what, statements::BLOCKS_BY_INDEX, &[&log, &first.unwrap_or(-1), &max]).await?
        }
    };
    let info = |row: &Row| {
        Ok(BlockInfo {
            first: number(row, 0)?,
            count: number(row, 1)?,
            occurred_min_us: get(row, 2)?,
            occurred_max_us: get(row, 3)?,
            content: Content::from_number(get::<i16>(row, 4)?.into()),
            merges: 0,
        })
    };
    rows.iter().map(info).collect()
}

/// The stored forms of entries, in order. Fails when blocks leave a gap.
pub(super) async fn in_range(
    client: &Client,
    log: LogNumber,
    range: Range<u64>,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let what = format!("reading entries {range:?} of log {log}");
    let mut unpacker = Unpacker::new()?;
    let (mut entries, mut next) = (Vec::new(), range.start);
    while next < range.end {
        let end = next.saturating_add(ENTRIES_MAX).min(range.end);
        let parameters: super::rows::Parameters<'_> = &[&i64::from(log), &to_i64(next), &to_i64(end)];
        for row in &query(client, &what, statements::ENTRIES, parameters).await? {
            let block = Packed::of(row)?;
            if block.first > next {
                return Err(missing(next));
            }
            for (index, entry) in (block.first..end).zip(block.unpack(&mut unpacker)?) {
                if index == next {
                    entries.push(entry.to_vec());
                    next += 1;
                }
            }
        }
        if next < end {
            return Err(missing(next));
        }
    }
    Ok(entries)
}

/// The stored forms of entries at any positions, in the order asked for. Each block is unpacked once.
pub(super) async fn at(
    client: &Client,
    log: LogNumber,
    positions: &[u64],
) -> Result<Vec<Vec<u8>>, StoreError> {
    let what = format!("reading entries of log {log}");
    let mut wanted: Vec<(u64, usize)> = positions.iter().copied().zip(0..).collect();
    wanted.sort_unstable();
    let mut found = vec![Vec::new(); positions.len()];
    let mut unpacker = Unpacker::new()?;
    for some in wanted.chunks(BLOCKS_MAX) {
        let places: Vec<i64> = some.iter().map(|(position, _)| to_i64(*position)).collect();
        let mut rest = some;
        for row in &query(client, &what, statements::BLOCKS_AT, &[&i64::from(log), &places]).await? {
            let block = Packed::of(row)?;
            let end = block.first.saturating_add(block.count);
            let (here, others) = rest.split_at(rest.partition_point(|(position, _)| *position < end));
            let stored = block.unpack(&mut unpacker)?;
            for (position, place) in here {
                let offset =
                    position.checked_sub(block.first).and_then(|offset| usize::try_from(offset).ok());
                let entry = offset.and_then(|offset| stored.get(offset)).ok_or_else(|| missing(*position))?;
                if let Some(found) = found.get_mut(*place) {
                    found.extend_from_slice(entry);
                }
            }
            rest = others;
        }
        if let Some((position, _)) = rest.first() {
            return Err(missing(*position));
        }
    }
    Ok(found)
}

/// A block with its content.
pub(super) struct Packed {
    pub(super) first: u64,
    pub(super) count: u64,
    content: Vec<u8>,
}

impl Packed {
    fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { first: number(row, 0)?, count: number(row, 1)?, content: get(row, 2)? })
    }

    pub(super) fn content(&self) -> &[u8] {
        &self.content
    }

    fn unpack<'a>(&self, unpacker: &'a mut Unpacker) -> Result<Vec<&'a [u8]>, StoreError> {
        unpacker.unpack(&self.content, self.count).map_err(|error| {
            let last = self.first.saturating_add(self.count).saturating_sub(1);
            StoreError::Corrupt(format!("entries {} to {last}: {error}", self.first))
        })
    }
}

/// The blocks that hold these positions, ascending.
pub(super) async fn holding(
    client: &Client,
    log: LogNumber,
    positions: &[u64],
) -> Result<Vec<Packed>, StoreError> {
    let places: Vec<i64> = positions.iter().copied().map(to_i64).collect();
    let rows = query(client, "reading blocks", statements::BLOCKS_AT, &[&i64::from(log), &places]).await?;
    rows.iter().map(Packed::of).collect()
}
