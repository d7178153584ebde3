//! Settings of sites and their connectors.

use rusqlite::{Connection, OptionalExtension, params};

use super::sqlite::engine;
use crate::store::{LogNumber, StoreError};

pub(super) fn put(
    connection: &Connection,
    log: LogNumber,
    name: &str,
    value: Option<&str>,
    batch: i64,
) -> rusqlite::Result<()> {
    connection
        .execute(
            "INSERT INTO configuration (log, name, batch, value) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (log, name, batch) DO UPDATE SET value = excluded.value",
            params![log, name, batch, value],
        )
        .map(|_| ())
}

/// Takes back what a batch set.
pub(super) fn undo(connection: &Connection, batch: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM configuration WHERE batch = ?1", [batch]).map(|_| ())
}

pub(super) fn get(connection: &Connection, log: LogNumber, name: &str) -> Result<Option<String>, StoreError> {
    connection
        .prepare_cached(
            "SELECT value FROM configuration WHERE log = ?1 AND name = ?2 ORDER BY batch DESC LIMIT 1",
        )
        .and_then(|mut statement| statement.query_row(params![log, name], |row| row.get(0)).optional())
        .map(Option::flatten)
        .map_err(|error| engine("reading the settings", &error))
}

/// Everything that is set for a log, by name.
pub(super) fn all(connection: &Connection, log: LogNumber) -> Result<Vec<(String, String)>, StoreError> {
    // Of a bare column beside MAX, SQLite gives the value of the row that has the maximum.
    connection
        .prepare_cached(
            "SELECT name, value, MAX(batch) FROM configuration WHERE log = ?1 GROUP BY name ORDER BY name",
        )
        .and_then(|mut statement| {
            statement
                .query_map([log], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<Vec<(String, Option<String>)>>>()
        })
        .map(|rows| rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
        .map_err(|error| engine("reading the settings", &error))
}
