//! Which entries point at what.

use rusqlite::{Connection, Transaction, params};

use super::sqlite::{engine, to_i64, to_u64};
use crate::store::{LogNumber, Run, StoreError};

pub(super) fn write(transaction: &Transaction<'_>, run: &Run) -> rusqlite::Result<()> {
    let mut insert = transaction
        .prepare_cached("INSERT OR IGNORE INTO link (log, target, position) VALUES (?1, ?2, ?3)")?;
    for (position, entry) in (run.base.size..).zip(&run.entries) {
        for target in &entry.links {
            insert.execute(params![run.log, target, to_i64(position)])?;
        }
    }
    Ok(())
}

/// Takes back what entries from an index on pointed at.
pub(super) fn discard(connection: &Connection, log: LogNumber, from: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM link WHERE log = ?1 AND position >= ?2", params![log, from]).map(|_| ())
}

/// Nobody takes an entry back, or renames an entity, more often than this; senders who say so cost no more.
const POSITIONS_MAX: i64 = 10_000;

/// The positions of the entries that point at each target, ascending; the last ones where there are very many.
pub(super) fn to(
    connection: &Connection,
    log: LogNumber,
    targets: &[Vec<u8>],
) -> Result<Vec<Vec<u64>>, StoreError> {
    let read = || {
        let mut find = connection.prepare_cached(
            "SELECT position FROM link WHERE log = ?1 AND target = ?2 ORDER BY position DESC LIMIT ?3",
        )?;
        let positions = |target: &Vec<u8>| {
            let found = find.query_map(params![log, target, POSITIONS_MAX], |row| row.get(0).map(to_u64))?;
            let mut found: Vec<u64> = found.collect::<rusqlite::Result<_>>()?;
            found.reverse();
            Ok(found)
        };
        targets.iter().map(positions).collect::<rusqlite::Result<_>>()
    };
    read().map_err(|error| engine("looking up what points at an entry", &error))
}
