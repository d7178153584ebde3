//! The umbrella log in SQLite.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use super::EmbeddedStore;
use super::heads::hash;
use super::sqlite::{engine, locked, to_count, to_i64, to_u64};
use crate::store::{Head, LogNumber, SiteHead, StoreError, TileData, UmbrellaStore};

impl UmbrellaStore for EmbeddedStore {
    fn umbrella_head(&self) -> Result<Option<(Head, String)>, StoreError> {
        self.heads.umbrella()
    }

    fn umbrella_heads(&self, range: Range<u64>) -> Result<Vec<SiteHead>, StoreError> {
        self.readers.with(|connection| heads(connection, range))
    }

    fn umbrella_newest(&self, size: u64) -> Result<HashMap<LogNumber, Head>, StoreError> {
        self.readers.with(|connection| newest(connection, size))
    }

    fn umbrella_covering(
        &self,
        log: LogNumber,
        index: u64,
        size: u64,
    ) -> Result<Option<(u64, Head)>, StoreError> {
        self.readers.with(|connection| covering(connection, log, index, size))
    }

    fn umbrella_tile(&self, level: u8, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.with(|connection| {
            connection
                .prepare_cached("SELECT hashes FROM umbrella_tile WHERE level = ?1 AND number = ?2")
                .and_then(|mut statement| {
                    statement.query_row(params![level, to_i64(number)], |row| row.get(0)).optional()
                })
                .map_err(|error| engine("reading the umbrella's tiles", &error))
        })
    }

    fn stage_umbrella(&self, base: u64, heads: &[SiteHead], tiles: &[TileData]) -> Result<(), StoreError> {
        stage(&self.writer, base, heads, tiles).map_err(|error| self.placed(error))
    }

    fn publish_umbrella(&self, base: Head, next: Head, checkpoint: &str) -> Result<(), StoreError> {
        self.heads.swap_umbrella(base, next, checkpoint).map_err(|error| self.placed(error))
    }
}

fn heads(connection: &Connection, range: Range<u64>) -> Result<Vec<SiteHead>, StoreError> {
    let count = range.end.saturating_sub(range.start);
    let read = || {
        let mut statement = connection.prepare_cached(
            "SELECT log, size, root FROM umbrella_leaf WHERE position >= ?1 AND position < ?2 ORDER BY position",
        )?;
        let rows = statement.query_map(params![to_i64(range.start), to_i64(range.end)], |row| {
            let head = Head { size: to_u64(row.get(1)?), root: hash(&row.get::<_, Vec<u8>>(2)?) };
            Ok(SiteHead { log: row.get(0)?, head })
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    let heads = read().map_err(|error| engine("reading the umbrella", &error))?;
    if to_count(heads.len()) != count {
        return Err(StoreError::Corrupt(format!(
            "the umbrella has {} heads at positions {} to {}",
            heads.len(),
            range.start,
            range.end
        )));
    }
    Ok(heads)
}

fn newest(connection: &Connection, size: u64) -> Result<HashMap<LogNumber, Head>, StoreError> {
    // Of a bare column beside MAX, SQLite gives the value of the row that has the maximum.
    connection
        .prepare_cached("SELECT log, MAX(size), root FROM umbrella_leaf WHERE position < ?1 GROUP BY log")
        .and_then(|mut statement| {
            statement
                .query_map([to_i64(size)], |row| {
                    let head = Head { size: to_u64(row.get(1)?), root: hash(&row.get::<_, Vec<u8>>(2)?) };
                    Ok((row.get(0)?, head))
                })?
                .collect()
        })
        .map_err(|error| engine("reading the umbrella", &error))
}

fn covering(
    connection: &Connection,
    log: LogNumber,
    index: u64,
    size: u64,
) -> Result<Option<(u64, Head)>, StoreError> {
    connection
        .prepare_cached(
            "SELECT position, size, root FROM umbrella_leaf WHERE log = ?1 AND size > ?2 AND position < ?3 \
             ORDER BY size, position LIMIT 1",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![log, to_i64(index), to_i64(size)], |row| {
                    let head = Head { size: to_u64(row.get(1)?), root: hash(&row.get::<_, Vec<u8>>(2)?) };
                    Ok((to_u64(row.get(0)?), head))
                })
                .optional()
        })
        .map_err(|error| engine("reading the umbrella", &error))
}

fn stage(
    writer: &Mutex<Connection>,
    base: u64,
    heads: &[SiteHead],
    tiles: &[TileData],
) -> Result<(), StoreError> {
    let mut writer = locked(writer)?;
    let write = |writer: &mut Connection| {
        writer.pragma_update(None, "synchronous", "full")?;
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // What a crash left beyond the head was never published.
        transaction.execute("DELETE FROM umbrella_leaf WHERE position >= ?1", [to_i64(base)])?;
        let mut insert = transaction.prepare_cached(
            "INSERT INTO umbrella_leaf (position, log, size, root) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (position, SiteHead { log, head }) in (base..).zip(heads) {
            let root = head.root.as_bytes().as_slice();
            insert.execute(params![to_i64(position), log, to_i64(head.size), root])?;
        }
        let mut upsert = transaction.prepare_cached(
            "INSERT INTO umbrella_tile (level, number, hashes) VALUES (?1, ?2, ?3) \
             ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
        )?;
        for tile in tiles {
            upsert.execute(params![tile.level, to_i64(tile.number), tile.hashes])?;
        }
        drop((insert, upsert));
        transaction.commit()
    };
    write(&mut writer).map_err(|error| engine("writing the umbrella", &error))
}
