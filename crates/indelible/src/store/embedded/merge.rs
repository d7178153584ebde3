//! Merging: the many small blocks of a full tile become few.
//!
//! Entries that come one by one make blocks of one entry, which compress badly. Once a tile is full and
//! published, its blocks never change again, and are written anew as large as blocks may be.
//!
//! This is the only place that removes blocks of published entries. It is safe because
//!
//! - a block is removed only in the transaction that writes its entries anew: before and after a crash each
//!   entry is there once;
//! - the new blocks were unpacked and compared, byte for byte, with what the old ones unpack to, and the old
//!   ones are compared again within the transaction, because another process may have been faster;
//! - nothing staged is touched: only tiles that lie wholly below the published head;
//! - blocks that do not read, or whose times do not cover their entries, stay as they are for `verify` to
//!   tell of;
//! - what was replaced is noted in `merge`, so that no walk skips or doubles an entry (see `walk`).

use std::ops::Range;
use std::sync::Mutex;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use tlog::TILE_WIDTH;

use super::sqlite::{engine, locked, to_count, to_i64, to_u64, unsynced};
use super::{parts, write};
use crate::store::block::{self, Block, Unpacker, floor_us};
use crate::store::{BlockInfo, Content, LogNumber, NewEntry, StoreError};

/// Blocks in a tile from which on it is merged. A tile takes two blocks, and up to six when batches of a
/// hundred or more share it: then there is little to gain.
const BLOCKS_MIN: usize = 8;

/// zstd's level for merged blocks. It takes four times as long as level 1, in the background, and saves
/// another twentieth of the room.
const LEVEL: i32 = 5;

/// What is to be done about a log.
pub(super) struct Step {
    /// Up to here nothing else is to be done.
    pub(super) next: u64,
    /// The merge of one tile, if there is one to merge.
    pub(super) plan: Option<Plan>,
}

/// The merge of one tile, proven and ready to be written.
pub(super) struct Plan {
    log: LogNumber,
    tile: u64,
    old: Vec<Old>,
    new: Vec<Block>,
}

/// A block as it is stored.
#[derive(PartialEq, Eq)]
struct Old {
    info: BlockInfo,
    content: Vec<u8>,
}

/// Looks for a tile that is worth merging, from the entry at index `from` on and below the published size,
/// and prepares its merge. Only reads.
pub(super) fn plan(
    connection: &Connection,
    log: LogNumber,
    from: u64,
    published: u64,
) -> Result<Step, StoreError> {
    let width = u64::from(TILE_WIDTH);
    let full = published / width;
    let mut tile = from / width;
    while let Some(small) = next_small(connection, log, tile..full)? {
        tile = small + 1;
        match plan_tile(connection, log, small) {
            Ok(None) => {}
            Ok(plan) => return Ok(Step { next: tile * width, plan }),
            // What is damaged stays as it is, and must not keep the rest from being merged.
            Err(StoreError::Corrupt(reason)) => {
                tracing::warn!(log, entries = ?range(small), reason, "blocks are not merged; run `indelible verify`");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Step { next: from.max(full * width), plan: None })
}

fn range(tile: u64) -> Range<u64> {
    let width = u64::from(TILE_WIDTH);
    tile * width..(tile + 1) * width
}

/// The first of these tiles that lies in many blocks and was not merged before.
fn next_small(connection: &Connection, log: LogNumber, tiles: Range<u64>) -> Result<Option<u64>, StoreError> {
    let read = || {
        let _transaction = connection.unchecked_transaction()?;
        let mut merged =
            connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM merge WHERE log = ?1 AND tile = ?2)")?;
        let mut statement = connection.prepare_cached(
            "SELECT first FROM block WHERE log = ?1 AND first >= ?2 AND first < ?3 ORDER BY first",
        )?;
        let (from, to) = (to_i64(range(tiles.start).start), to_i64(range(tiles.end).start));
        let mut rows = statement.query(params![log, from, to])?;
        let (mut tile, mut blocks) = (tiles.start, 0);
        while let Some(row) = rows.next()? {
            let this = to_u64(row.get(0)?) / u64::from(TILE_WIDTH);
            blocks = if this == tile { blocks + 1 } else { 1 };
            tile = this;
            if blocks == BLOCKS_MIN && !merged.query_row(params![log, to_i64(tile)], |row| row.get(0))? {
                return Ok(Some(tile));
            }
        }
        Ok(None)
    };
    read().map_err(|error| engine("looking for small blocks", &error))
}

/// Packs a tile anew and proves that nothing is lost; `None` where it would not become much smaller, because
/// its entries are large.
fn plan_tile(connection: &Connection, log: LogNumber, tile: u64) -> Result<Option<Plan>, StoreError> {
    let old = blocks_of(connection, log, tile).map_err(|error| engine("reading small blocks", &error))?;
    let entries = entries_of(&old, range(tile))?;
    let new = block::pack(range(tile).start, &entries, block::BLOCK_ENTRIES_MAX, LEVEL)?;
    if new.len() * 2 > old.len() {
        return Ok(None);
    }
    prove(&new, &entries)?;
    Ok(Some(Plan { log, tile, old, new }))
}

fn blocks_of(connection: &Connection, log: LogNumber, tile: u64) -> rusqlite::Result<Vec<Old>> {
    let range = range(tile);
    connection
        .prepare_cached(
            "SELECT first, count, occurred_min_us, occurred_max_us, expired, content FROM block \
             WHERE log = ?1 AND first >= ?2 AND first < ?3 ORDER BY first",
        )?
        .query_map(params![log, to_i64(range.start), to_i64(range.end)], |row| {
            let info = BlockInfo {
                first: to_u64(row.get(0)?),
                count: to_u64(row.get(1)?),
                occurred_min_us: row.get(2)?,
                occurred_max_us: row.get(3)?,
                content: Content::from_number(row.get(4)?),
                merges: 0,
            };
            Ok(Old { info, content: row.get(5)? })
        })?
        .collect()
}

/// Every entry of a tile, or why they cannot be told for sure.
fn entries_of(blocks: &[Old], range: Range<u64>) -> Result<Vec<NewEntry>, StoreError> {
    let mut unpacker = Unpacker::new()?;
    let mut entries = Vec::with_capacity(usize::from(TILE_WIDTH));
    let mut next = range.start;
    for Old { info, content } in blocks {
        if info.first != next {
            return Err(StoreError::Corrupt(format!("the entry at index {next} is missing, or there twice")));
        }
        for bytes in unpacker.unpack(content, info.count)? {
            let entry = NewEntry::read(bytes, info).map_err(|error| {
                StoreError::Corrupt(format!("an entry of the block at index {next} does not read: {error}"))
            })?;
            let us = floor_us(entry.occurred_at);
            if us < info.occurred_min_us || us > info.occurred_max_us {
                let message = format!("the times of the block at index {next} do not cover its entries");
                return Err(StoreError::Corrupt(message));
            }
            entries.push(entry);
        }
        next = info.range().end;
    }
    if next != range.end {
        return Err(StoreError::Corrupt(format!("the entry at index {next} is missing")));
    }
    Ok(entries)
}

/// Unpacks the new blocks as a reader would, and compares.
fn prove(blocks: &[Block], entries: &[NewEntry]) -> Result<(), StoreError> {
    let unlike = || {
        let message = "merged blocks do not unpack to the entries that were packed: \
                       this machine's memory or processor is failing";
        StoreError::Corrupt(message.to_owned())
    };
    let mut unpacker = Unpacker::new()?;
    let mut rest = entries;
    for block in blocks {
        let unpacked = unpacker.unpack(&block.content, block.count)?;
        let (these, others) = rest.split_at_checked(unpacked.len()).ok_or_else(unlike)?;
        if !unpacked.into_iter().eq(these.iter().map(|entry| entry.bytes.as_slice())) {
            return Err(unlike());
        }
        rest = others;
    }
    if rest.is_empty() { Ok(()) } else { Err(unlike()) }
}

/// Replaces a tile's blocks by the merged ones. Called with the commit lock held; nothing is done when the
/// blocks are no longer those that the plan was made from.
///
/// Not synced: a power cut may undo the merge as a whole, and then it is done again.
pub(super) fn apply(writer: &Mutex<Connection>, plan: &Plan) -> Result<(), StoreError> {
    let mut writer = locked(writer)?;
    unsynced(&mut writer, |writer| {
        let failed = |error: &rusqlite::Error| engine("merging blocks", error);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failed(&error))?;
        if blocks_of(&transaction, plan.log, plan.tile).map_err(|error| failed(&error))? != plan.old {
            return Ok(());
        }
        let removed = replace(&transaction, plan).map_err(|error| failed(&error))?;
        if removed != plan.old.len() {
            let message = format!("merging removed {removed} blocks instead of {}", plan.old.len());
            return Err(StoreError::Corrupt(message));
        }
        note(&transaction, plan)?;
        transaction.commit().map_err(|error| failed(&error))
    })
}

/// How many blocks were removed.
fn replace(transaction: &Transaction<'_>, plan: &Plan) -> rusqlite::Result<usize> {
    let range = range(plan.tile);
    let removed = transaction
        .prepare_cached("DELETE FROM block WHERE log = ?1 AND first >= ?2 AND first < ?3")?
        .execute(params![plan.log, to_i64(range.start), to_i64(range.end)])?;
    write::write_blocks(transaction, plan.log, &plan.new)?;
    Ok(removed)
}

fn note(transaction: &Transaction<'_>, plan: &Plan) -> Result<(), StoreError> {
    let replaced: Vec<BlockInfo> = plan.old.iter().map(|old| old.info).collect();
    debug_assert!(to_count(replaced.len()) <= u64::from(TILE_WIDTH));
    let parts = parts::encode(&replaced)?;
    transaction
        .prepare_cached(
            "INSERT INTO merge (log, number, tile, parts) \
             SELECT ?1, COALESCE(MAX(number), 0) + 1, ?2, ?3 FROM merge WHERE log = ?1",
        )
        .and_then(|mut statement| statement.execute(params![plan.log, to_i64(plan.tile), parts]))
        .map(|_| ())
        .map_err(|error| engine("noting a merge", &error))
}
