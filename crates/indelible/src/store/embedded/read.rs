//! Reading sites, ids and tiles.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::sqlite::{engine, to_i64, to_u64};
use crate::store::{LogNumber, Site, StoreError};

pub(super) fn sites(connection: &Connection) -> Result<Vec<Site>, StoreError> {
    let read = || {
        let mut statement =
            connection.prepare_cached("SELECT number, site, name, created_ms FROM log ORDER BY number")?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get::<_, i64>(3)?))
        })?;
        rows.collect::<rusqlite::Result<Vec<(LogNumber, String, String, i64)>>>()
    };
    let rows = read().map_err(|error| engine("reading the sites", &error))?;
    rows.into_iter()
        .map(|(log, id, name, created_ms)| {
            let id = id.parse().map_err(|error| StoreError::Corrupt(format!("log {log}: {error}")))?;
            let created_at = Timestamp::from_millisecond(created_ms).unwrap_or(Timestamp::UNIX_EPOCH);
            Ok(Site { log, id, name, created_at })
        })
        .collect()
}

pub(super) fn positions(
    connection: &Connection,
    log: LogNumber,
    ids: &[Uuid],
) -> Result<Vec<Option<u64>>, StoreError> {
    let read = || {
        // One transaction for all of them: taking and releasing the read lock costs as much as a look-up.
        let _transaction = connection.unchecked_transaction()?;
        let mut statement =
            connection.prepare_cached("SELECT position FROM entry_id WHERE log = ?1 AND id = ?2")?;
        ids.iter()
            .map(|id| Ok(statement.query_row(params![log, id], |row| row.get(0)).optional()?.map(to_u64)))
            .collect::<rusqlite::Result<_>>()
    };
    read().map_err(|error| engine("looking up entry ids", &error))
}

/// Reads the id index as it lies there, and fails where a look-up would not follow it: whoever looks an id up
/// relies on the order of the keys, whoever reads from the beginning does not notice when it is broken.
pub(super) fn ids(
    connection: &Connection,
    log: LogNumber,
    after: Option<Uuid>,
    max: usize,
) -> Result<Vec<(Uuid, u64)>, StoreError> {
    // Nothing at all comes before every id.
    let from = after.map_or_else(Vec::new, |id| id.as_bytes().to_vec());
    let max = i64::try_from(max).unwrap_or(i64::MAX);
    let read = || {
        connection
            .prepare_cached(
                "SELECT log, id, position FROM entry_id WHERE log = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
            )?
            .query_map(params![log, from, max], |row| Ok((row.get(0)?, row.get(1)?, to_u64(row.get(2)?))))?
            .collect::<rusqlite::Result<Vec<(i64, Uuid, u64)>>>()
    };
    let rows = read().map_err(|error| {
        let is_other = matches!(
            error,
            rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..)
        );
        if is_other {
            return StoreError::Corrupt(format!(
                "an entry id of log {log}, or its position, is none: {error}"
            ));
        }
        engine("reading the entry ids", &error)
    })?;
    let mut last = after;
    for (of, id, _) in &rows {
        if *of != i64::from(log) || last.is_some_and(|last| last >= *id) {
            return Err(StoreError::Corrupt(format!("the id index of log {log} is out of order at {id}")));
        }
        last = Some(*id);
    }
    Ok(rows.into_iter().map(|(_, id, position)| (id, position)).collect())
}

pub(super) fn id_count(connection: &Connection, log: LogNumber) -> Result<u64, StoreError> {
    connection
        .prepare_cached("SELECT COUNT(*) FROM entry_id WHERE log = ?1")
        .and_then(|mut statement| statement.query_row([log], |row| row.get(0)))
        .map(to_u64)
        .map_err(|error| engine("counting entry ids", &error))
}

pub(super) fn tile(
    connection: &Connection,
    log: LogNumber,
    level: u8,
    number: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    connection
        .prepare_cached("SELECT hashes FROM tile WHERE log = ?1 AND level = ?2 AND number = ?3")
        .and_then(|mut statement| {
            statement.query_row(params![log, level, to_i64(number)], |row| row.get(0)).optional()
        })
        .map_err(|error| engine("reading a tile", &error))
}
