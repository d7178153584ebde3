//! Walking the blocks of a log in the order of time, a few at a time, while blocks are merged.
//!
//! A merged block reaches further in time than its parts. A walk that went on after it as if nothing had
//! happened could skip entries that now lie in a block beyond which it is, or meet them again. So each walk
//! has a horizon: the number of the last merge when it began. It travels in [`BlockInfo::merges`] from one
//! call to the next.
//!
//! A walk with the horizon h goes over the set W(h): the blocks of all tiles that were not merged after h, and
//! for the others the blocks that their merge replaced. The merge with a number above h takes its old blocks
//! out of the first part of W(h) and puts the same into the second; so no merge changes W(h). What is left is
//! a walk over blocks of which none ever changes place, by (time, first), a key that no two of them share.

use std::collections::BTreeSet;

use rusqlite::{Connection, Row, params};
use tlog::TILE_WIDTH;

use super::parts;
use super::sqlite::{engine, to_i64, to_u64};
use crate::store::{BlockInfo, Content, LogNumber, StoreError, Walk};

pub(super) fn blocks(
    connection: &Connection,
    log: LogNumber,
    walk: Walk,
    after: Option<BlockInfo>,
    max: usize,
) -> Result<Vec<BlockInfo>, StoreError> {
    let failed = |error: &rusqlite::Error| engine("reading the blocks", error);
    // One transaction: what is stored and what was merged must be of one moment.
    let _transaction = connection.unchecked_transaction().map_err(|error| failed(&error))?;
    let horizon = match after {
        Some(block) => block.merges,
        None => last_merge(connection, log).map_err(|error| failed(&error))?,
    };
    let merged = merged_after(connection, log, horizon).map_err(|error| failed(&error))?;
    let tiles: BTreeSet<u64> = merged.iter().map(|(tile, _)| *tile).collect();
    let mut found =
        stored(connection, log, walk, after, max, &tiles, horizon).map_err(|error| failed(&error))?;
    for (tile, replaced) in merged {
        let replaced = parts::decode(&replaced, tile * u64::from(TILE_WIDTH), horizon)?;
        let is_ahead = |block: &BlockInfo| after.is_none_or(|after| key(walk, block) > key(walk, &after));
        found.extend(replaced.into_iter().filter(is_ahead));
    }
    found.sort_unstable_by_key(|block| key(walk, block));
    found.truncate(max);
    Ok(found)
}

/// A block's place in a walk. `!` turns the order of integers around.
const fn key(walk: Walk, block: &BlockInfo) -> (i64, u64) {
    match walk {
        Walk::NewestFirst => (!block.occurred_max_us, !block.first),
        Walk::OldestFirst => (block.occurred_min_us, block.first),
        Walk::ByIndex => (0, block.first),
    }
}

/// Number of the log's last merge, 0 before the first.
fn last_merge(connection: &Connection, log: LogNumber) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT COALESCE(MAX(number), 0) FROM merge WHERE log = ?1")?
        .query_row([log], |row| row.get(0))
        .map(to_u64)
}

/// The tiles that were merged after a merge, each with what was replaced.
fn merged_after(
    connection: &Connection,
    log: LogNumber,
    number: u64,
) -> rusqlite::Result<Vec<(u64, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT tile, parts FROM merge WHERE log = ?1 AND number > ?2")?
        .query_map(params![log, to_i64(number)], |row| Ok((to_u64(row.get(0)?), row.get(1)?)))?
        .collect()
}

/// The next blocks as they are stored, those of some tiles left out.
fn stored(
    connection: &Connection,
    log: LogNumber,
    walk: Walk,
    after: Option<BlockInfo>,
    max: usize,
    without: &BTreeSet<u64>,
    horizon: u64,
) -> rusqlite::Result<Vec<BlockInfo>> {
    // No limit: rows are read from the index one by one, until there are enough.
    let sql = match walk {
        Walk::NewestFirst => {
            "SELECT first, count, occurred_min_us, occurred_max_us, expired FROM block \
             WHERE log = ?1 AND expired = 0 AND (occurred_max_us, first) < (?2, ?3) \
             ORDER BY occurred_max_us DESC, first DESC"
        }
        Walk::OldestFirst => {
            "SELECT first, count, occurred_min_us, occurred_max_us, expired FROM block \
             WHERE log = ?1 AND expired = 0 AND (occurred_min_us, first) > (?2, ?3) \
             ORDER BY occurred_min_us, first"
        }
        Walk::ByIndex => {
            "SELECT first, count, occurred_min_us, occurred_max_us, expired FROM block \
             WHERE log = ?1 AND ?2 = 0 AND first > ?3 ORDER BY first"
        }
    };
    let (time, first) = match (walk, after) {
        (Walk::NewestFirst, Some(block)) => (block.occurred_max_us, to_i64(block.first)),
        (Walk::OldestFirst, Some(block)) => (block.occurred_min_us, to_i64(block.first)),
        (Walk::NewestFirst, None) => (i64::MAX, i64::MAX),
        (Walk::OldestFirst, None) => (i64::MIN, -1),
        (Walk::ByIndex, Some(block)) => (0, to_i64(block.first)),
        (Walk::ByIndex, None) => (0, -1),
    };
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![log, time, first])?;
    let mut found = Vec::new();
    while found.len() < max
        && let Some(row) = rows.next()?
    {
        let block = block_info(row, horizon)?;
        if !without.contains(&(block.first / u64::from(TILE_WIDTH))) {
            found.push(block);
        }
    }
    Ok(found)
}

fn block_info(row: &Row<'_>, merges: u64) -> rusqlite::Result<BlockInfo> {
    Ok(BlockInfo {
        first: to_u64(row.get(0)?),
        count: to_u64(row.get(1)?),
        occurred_min_us: row.get(2)?,
        occurred_max_us: row.get(3)?,
        content: Content::from_number(row.get(4)?),
        merges,
    })
}
