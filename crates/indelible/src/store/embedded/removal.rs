//! Removing content from entries, block by block. Called with the commit lock held.
//!
//! This is the only place that changes what is stored of a published entry. It is safe because
//!
//! - an entry is changed only where its old form has the leaf hash that its tile has: what is damaged stays, to be found;
//! - the new form is made here, by removing, and has the same leaf hash, which is looked at again after packing;
//! - the reason was looked up: a published entry of a class that no sender can write;
//! - a block keeps its place, its count and its times, so that no walk notices.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use model::Class;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tlog::TILE_WIDTH;

use super::recover::Lock;
use super::sqlite::{BUSY_TIMEOUT, engine, locked, to_count, to_i64, to_u64, unsynced};
use super::{EmbeddedStore, entries, read};
use crate::store::block::Unpacker;
use crate::store::{LastRemovals, LogNumber, Reduction, Removal, RemovalStore, Removed, StoreError, reduce};

/// How long readers may stand in the way of a purge before writers go on first.
const PURGE_PATIENCE: Duration = Duration::from_millis(250);

impl RemovalStore for EmbeddedStore {
    fn may_remove(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn remove(&self, removal: &Removal) -> Result<u64, StoreError> {
        // What a crashed committer may have staged is left to those who commit: it is not published.
        let lock = Lock::take(&self.committing, &self.lock_file)?;
        let published = self.heads.of(removal.log)?.size;
        let removed = remove(&self.writer, removal, published).map_err(|error| self.placed(error));
        drop(lock);
        removed
    }

    fn purge(&self) -> Result<bool, StoreError> {
        let writer = locked(&self.writer)?;
        let failed = |error: &rusqlite::Error| engine("wiping old copies of removed content", error);
        writer.busy_timeout(PURGE_PATIENCE).map_err(|error| failed(&error))?;
        let busy = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        writer.busy_timeout(BUSY_TIMEOUT).map_err(|error| failed(&error))?;
        Ok(busy.map_err(|error| failed(&error))? == 0)
    }

    fn end_task(&self, log: LogNumber, name: &str) -> Result<(), StoreError> {
        let lock = Lock::take(&self.committing, &self.lock_file)?;
        let writer = locked(&self.writer)?;
        let ended = writer
            .execute("DELETE FROM configuration WHERE log = ?1 AND name = ?2", params![log, name])
            .map(|_| ())
            .map_err(|error| engine("noting that a removal is done", &error));
        drop(lock);
        ended
    }

    fn removals(&self, since: u64, max: usize) -> Result<Vec<Removed>, StoreError> {
        self.readers.with(|connection| removals(connection, since, max))
    }

    fn note_removals(&self, removals: &[Removed]) -> Result<(), StoreError> {
        let lock = Lock::take(&self.committing, &self.lock_file)?;
        let mut writer = locked(&self.writer)?;
        let failed = |error: &rusqlite::Error| engine("noting removals", error);
        let transaction = writer.transaction().map_err(|error| failed(&error))?;
        for removed in removals {
            let packed = reduce::pack_ranges(&removed.entries)?;
            let (first, last) = reduce::ends(&removed.entries);
            note(&transaction, removed.log, removed.reason, removed.is_erasure, (first, last), &packed)?;
        }
        transaction.commit().map_err(|error| failed(&error))?;
        drop(lock);
        Ok(())
    }

    fn last_removals(&self) -> Result<LastRemovals, StoreError> {
        self.readers.with(|connection| {
            let number = |sql: &str| {
                connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).map(to_u64)
            };
            let read = || {
                let any = number("SELECT COALESCE(MAX(number), 0) FROM removal")?;
                let erasure = number("SELECT COALESCE(MAX(number), 0) FROM removal WHERE erasure = 1")?;
                Ok(LastRemovals { any, erasure })
            };
            read().map_err(|error| engine("reading the last removals", &error))
        })
    }

    fn reasons(&self, log: LogNumber, index: u64) -> Result<Vec<u64>, StoreError> {
        self.readers.with(|connection| {
            connection
                .prepare_cached(
                    "SELECT DISTINCT reason FROM removal WHERE log = ?1 AND first <= ?2 AND last >= ?2 ORDER BY reason",
                )
                .and_then(|mut statement| {
                    statement.query_map(params![log, to_i64(index)], |row| row.get(0).map(to_u64))?.collect()
                })
                .map_err(|error| engine("looking up why something was removed", &error))
        })
    }
}

/// Not synced: whoever removes has a task in the store that is done again after a power cut.
fn remove(writer: &Mutex<Connection>, removal: &Removal, published: u64) -> Result<u64, StoreError> {
    let mut writer = locked(writer)?;
    unsynced(&mut writer, |writer| {
        let failed = |error: &rusqlite::Error| engine("removing content", error);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failed(&error))?;
        let wanted = reduce::wanted(removal, published)?;
        let reason = entries::in_range(&transaction, removal.log, removal.reason..removal.reason + 1)?;
        let class = reduce::class_of_reason(removal, reason.first())?;
        let changed = remove_all(&transaction, removal.log, &wanted)?;
        if !changed.is_empty() {
            let ranges = reduce::ranges(&changed);
            let (packed, ends) = (reduce::pack_ranges(&ranges)?, reduce::ends(&ranges));
            note(&transaction, removal.log, removal.reason, class == Class::ERASURE, ends, &packed)?;
        }
        transaction.commit().map_err(|error| failed(&error))?;
        Ok(to_count(changed.len()))
    })
}

/// The indexes of the entries that were changed, ascending.
fn remove_all(
    transaction: &Transaction<'_>,
    log: LogNumber,
    wanted: &BTreeMap<u64, &Reduction>,
) -> Result<Vec<u64>, StoreError> {
    let mut unpacker = Unpacker::new()?;
    let mut changed = Vec::new();
    let mut next = wanted.keys().next().copied();
    while let Some(index) = next {
        let stored = Stored::at(transaction, log, index)?;
        let end = stored.first.saturating_add(stored.count);
        if index >= end {
            return Err(reduce::missing(index));
        }
        let here: Vec<(u64, &Reduction)> =
            wanted.range(index..end).map(|(index, what)| (*index, *what)).collect();
        changed.extend(stored.reduce(transaction, log, &here, &mut unpacker)?);
        next = wanted.range(end..).next().map(|(index, _)| *index);
    }
    Ok(changed)
}

/// A row of `block`.
struct Stored {
    row: i64,
    first: u64,
    count: u64,
    content: Vec<u8>,
}

impl Stored {
    fn at(transaction: &Transaction<'_>, log: LogNumber, index: u64) -> Result<Self, StoreError> {
        transaction
            .prepare_cached(
                "SELECT rowid, first, count, content FROM block WHERE log = ?1 AND first <= ?2 \
                 ORDER BY first DESC LIMIT 1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![log, to_i64(index)], |row| {
                        let (first, count) = (to_u64(row.get(1)?), to_u64(row.get(2)?));
                        Ok(Self { row: row.get(0)?, first, count, content: row.get(3)? })
                    })
                    .optional()
            })
            .map_err(|error| engine("reading a block", &error))?
            .ok_or_else(|| reduce::missing(index))
    }

    /// Reduces entries of this block and writes it anew; which of them were changed.
    fn reduce(
        &self,
        transaction: &Transaction<'_>,
        log: LogNumber,
        wanted: &[(u64, &Reduction)],
        unpacker: &mut Unpacker,
    ) -> Result<Vec<u64>, StoreError> {
        let range = self.first..self.first.saturating_add(self.count);
        let tile = read::tile(transaction, log, 0, self.first / u64::from(TILE_WIDTH))?.unwrap_or_default();
        let hashes = reduce::leaf_hashes(&range, &tile)?;
        let Some(reduced) = reduce::reduce_block(range, &self.content, &hashes, wanted, unpacker)? else {
            return Ok(Vec::new());
        };
        forget_links(transaction, log, &reduced.lost_links)
            .map_err(|error| engine("removing what an entry points at", &error))?;
        transaction
            .prepare_cached("UPDATE block SET content = ?2, expired = ?3 WHERE rowid = ?1")
            .and_then(|mut statement| {
                statement.execute(params![self.row, reduced.content, reduced.left.number()])
            })
            .map_err(|error| engine("writing a block anew", &error))?;
        Ok(reduced.changed)
    }
}

fn forget_links(
    transaction: &Transaction<'_>,
    log: LogNumber,
    links: &[(Vec<u8>, u64)],
) -> rusqlite::Result<()> {
    let mut delete =
        transaction.prepare_cached("DELETE FROM link WHERE log = ?1 AND target = ?2 AND position = ?3")?;
    for (target, index) in links {
        delete.execute(params![log, target, to_i64(*index)])?;
    }
    Ok(())
}

fn note(
    transaction: &Transaction<'_>,
    log: LogNumber,
    reason: u64,
    is_erasure: bool,
    (first, last): (u64, u64),
    packed: &[u8],
) -> Result<(), StoreError> {
    transaction
        .prepare_cached(
            "INSERT INTO removal (number, log, reason, erasure, first, last, ranges) \
             SELECT COALESCE(MAX(number), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6 FROM removal",
        )
        .and_then(|mut statement| {
            statement.execute(params![log, to_i64(reason), is_erasure, to_i64(first), to_i64(last), packed])
        })
        .map(|_| ())
        .map_err(|error| engine("noting a removal", &error))
}

fn removals(connection: &Connection, since: u64, max: usize) -> Result<Vec<Removed>, StoreError> {
    let rows: Vec<(i64, LogNumber, i64, bool, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT number, log, reason, erasure, ranges FROM removal \
             WHERE number > ?1 ORDER BY number LIMIT ?2",
        )
        .and_then(|mut statement| {
            let max = i64::try_from(max).unwrap_or(i64::MAX);
            statement
                .query_map(params![to_i64(since), max], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                })?
                .collect()
        })
        .map_err(|error| engine("reading removals", &error))?;
    rows.into_iter()
        .map(|(number, log, reason, is_erasure, packed)| {
            let (number, reason) = (to_u64(number), to_u64(reason));
            let entries = reduce::unpack_ranges(number, &packed)?;
            Ok(Removed { number, log, reason, is_erasure, entries })
        })
        .collect()
}
