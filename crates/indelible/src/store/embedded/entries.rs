//! Reading entries out of their blocks.

use std::ops::Range;

use rusqlite::{Connection, Row, params};

use super::sqlite::{engine, to_i64, to_u64};
use crate::store::block::Unpacker;
use crate::store::{LogNumber, StoreError};

/// Reads the blocks that overlap the range, and fails when they leave a gap.
pub(super) fn in_range(
    connection: &Connection,
    log: LogNumber,
    range: Range<u64>,
) -> Result<Vec<Vec<u8>>, StoreError> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |error: &rusqlite::Error| engine(&format!("reading entries {range:?} of log {log}"), error);
    // The block that holds `start` begins at or before it; no block is longer than a tile.
    let mut statement = connection
        .prepare_cached(
            "SELECT first, count, content FROM block WHERE log = ?1 AND first < ?3 AND first >= COALESCE( \
             (SELECT MAX(first) FROM block WHERE log = ?1 AND first <= ?2), ?2) ORDER BY first",
        )
        .map_err(|error| failed(&error))?;
    let mut rows = statement
        .query(params![log, to_i64(range.start), to_i64(range.end)])
        .map_err(|error| failed(&error))?;
    let mut unpacker = Unpacker::new()?;
    let mut entries = Vec::new();
    let mut next = range.start;
    while let Some(row) = rows.next().map_err(|error| failed(&error))? {
        let block = Block::read(row).map_err(|error| failed(&error))?;
        let stored = block.unpack(&mut unpacker)?;
        if block.first > next {
            return Err(missing(next));
        }
        for (index, entry) in (block.first..range.end).zip(stored) {
            if index == next {
                entries.push(entry.to_vec());
                next += 1;
            }
        }
    }
    if next < range.end { Err(missing(next)) } else { Ok(entries) }
}

/// Reads entries at any positions, in the order asked for. Each block is unpacked once, and no more of it
/// copied than is wanted.
pub(super) fn at(
    connection: &Connection,
    log: LogNumber,
    positions: &[u64],
) -> Result<Vec<Vec<u8>>, StoreError> {
    let failed = |error: &rusqlite::Error| engine(&format!("reading entries of log {log}"), error);
    let mut wanted: Vec<(u64, usize)> = positions.iter().copied().zip(0..).collect();
    wanted.sort_unstable();
    let mut found = vec![Vec::new(); positions.len()];
    // One transaction for all of them: taking and releasing the read lock costs as much as finding a block.
    let _transaction = connection.unchecked_transaction().map_err(|error| failed(&error))?;
    let mut statement = connection
        .prepare_cached(
            "SELECT first, count, content FROM block WHERE log = ?1 AND first <= ?2 \
             ORDER BY first DESC LIMIT 1",
        )
        .map_err(|error| failed(&error))?;
    let mut unpacker = Unpacker::new()?;
    let mut rest = wanted.as_slice();
    while let Some((position, _)) = rest.first().copied() {
        let mut rows = statement.query(params![log, to_i64(position)]).map_err(|error| failed(&error))?;
        let row = rows.next().map_err(|error| failed(&error))?.ok_or_else(|| missing(position))?;
        let block = Block::read(row).map_err(|error| failed(&error))?;
        let (here, others) = rest.split_at(rest.partition_point(|(position, _)| *position < block.end()));
        if here.is_empty() {
            return Err(missing(position));
        }
        let stored = block.unpack(&mut unpacker)?;
        for (position, place) in here {
            let entry = usize::try_from(position - block.first).ok().and_then(|offset| stored.get(offset));
            let entry = entry.ok_or_else(|| missing(*position))?;
            if let Some(found) = found.get_mut(*place) {
                found.extend_from_slice(entry);
            }
        }
        rest = others;
    }
    Ok(found)
}

/// A row of `block`. The content is where SQLite has it.
struct Block<'row> {
    first: u64,
    count: u64,
    content: &'row [u8],
}

impl<'row> Block<'row> {
    fn read(row: &'row Row<'_>) -> rusqlite::Result<Self> {
        let content = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        Ok(Self { first: to_u64(row.get(0)?), count: to_u64(row.get(1)?), content })
    }

    fn end(&self) -> u64 {
        self.first.saturating_add(self.count)
    }

    fn unpack<'a>(&self, unpacker: &'a mut Unpacker) -> Result<Vec<&'a [u8]>, StoreError> {
        unpacker.unpack(self.content, self.count).map_err(|error| {
            StoreError::Corrupt(format!(
                "entries {} to {}: {error}",
                self.first,
                self.end().saturating_sub(1)
            ))
        })
    }
}

fn missing(index: u64) -> StoreError {
    StoreError::Corrupt(format!("the entry at index {index} is missing from the store"))
}
