//! Persisting a batch: one transaction, one sync.

use std::sync::Mutex;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::sqlite::{engine, locked, to_i64, unsynced};
use super::{accounts, configuration, links, users};
use crate::store::block::{self, Block};
use crate::store::{Batch, Change, LogNumber, Run, Site, StoreError};

/// Number of no batch: what was done under it is never undone.
pub(super) const ALWAYS: i64 = 0;

pub(super) fn persist(writer: &Mutex<Connection>, batch: &Batch) -> Result<(), StoreError> {
    let mut writer = locked(writer)?;
    let failed = |error: &rusqlite::Error| engine("writing a batch", error);
    // Whatever this connection did before: what is acknowledged is synced.
    writer.pragma_update(None, "synchronous", "full").map_err(|error| failed(&error))?;
    let transaction =
        writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| failed(&error))?;
    let number: i64 = transaction
        .prepare_cached("SELECT COALESCE(MAX(batch), 0) + 1 FROM log")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_err(|error| failed(&error))?;
    // Only what comes with a run can be found unpublished, and undone with it.
    let undone_with = if batch.runs.is_empty() { ALWAYS } else { number };
    for change in &batch.changes {
        apply(&transaction, change, undone_with).map_err(|error| failed(&error))?;
    }
    for run in &batch.runs {
        let blocks = block::pack(run.base.size, &run.entries, block::BLOCK_ENTRIES_MAX, block::LEVEL)?;
        move_head(&transaction, run, number)
            .and_then(|moved| {
                write_blocks(&transaction, run.log, &blocks)?;
                write_ids(&transaction, run)?;
                write_tiles(&transaction, run)?;
                links::write(&transaction, run)?;
                Ok(moved)
            })
            .map_err(|error| failed(&error))
            .and_then(|moved| if moved { Ok(()) } else { Err(not_the_base(run)) })?;
    }
    transaction.commit().map_err(|error| failed(&error))
}

fn apply(transaction: &Transaction<'_>, change: &Change, batch: i64) -> rusqlite::Result<()> {
    match change {
        Change::CreateSite(site) => create_site(transaction, site, batch),
        Change::CreateToken(token) => accounts::create_token(transaction, token, batch),
        Change::RevokeToken { id, at } => accounts::revoke_token(transaction, *id, *at, batch),
        Change::PutUser(user) => users::put(transaction, user, batch),
        Change::Configure { log, name, value } => {
            configuration::put(transaction, *log, name, value.as_deref(), batch)
        }
    }
}

pub(super) fn create_site(connection: &Connection, site: &Site, batch: i64) -> rusqlite::Result<()> {
    let root = tlog::empty_root();
    connection
        .execute(
            "INSERT INTO log \
             (number, site, name, created_ms, size, root, base_size, base_root, batch, created_batch) \
             VALUES (?1, ?2, ?3, ?4, 0, ?5, 0, ?5, 0, ?6)",
            params![
                site.log,
                site.id.as_str(),
                site.name,
                site.created_at.as_millisecond(),
                root.as_bytes().as_slice(),
                batch
            ],
        )
        .map(|_| ())
}

/// Notes that heads were seen published, so that data that are ahead of their heads later are known to have
/// lost their heads.
///
/// Not synced: after a power cut the next to open sees the publication and notes it again.
pub(super) fn note_published(writer: &Mutex<Connection>, logs: &[LogNumber]) -> Result<(), StoreError> {
    let mut writer = locked(writer)?;
    let note = |writer: &mut Connection| {
        let transaction = writer.transaction()?;
        let mut update = transaction
            .prepare_cached("UPDATE log SET base_size = size, base_root = root WHERE number = ?1")?;
        for log in logs {
            update.execute([log])?;
        }
        drop(update);
        transaction.commit()
    };
    unsynced(&mut writer, |writer| {
        if let Err(error) = note(writer) {
            // The publication holds all the same; the next to open sees it and notes it.
            tracing::warn!(%error, "a publication could not be noted");
        }
        Ok(())
    })
}

/// False when the log's head is not the run's base.
fn move_head(transaction: &Transaction<'_>, run: &Run, batch: i64) -> rusqlite::Result<bool> {
    let moved = transaction
        .prepare_cached(
            "UPDATE log SET base_size = size, base_root = root, size = ?2, root = ?3, batch = ?6 \
             WHERE number = ?1 AND size = ?4 AND root = ?5",
        )?
        .execute(params![
            run.log,
            to_i64(run.next.size),
            run.next.root.as_bytes().as_slice(),
            to_i64(run.base.size),
            run.base.root.as_bytes().as_slice(),
            batch
        ])?;
    Ok(moved == 1)
}

fn not_the_base(run: &Run) -> StoreError {
    StoreError::Corrupt(format!(
        "the stored head of log {} is not the one at size {} that the batch stands on",
        run.log, run.base.size
    ))
}

pub(super) fn write_blocks(
    transaction: &Transaction<'_>,
    log: LogNumber,
    blocks: &[Block],
) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO block (log, first, count, occurred_min_us, occurred_max_us, expired, content) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for block in blocks {
        insert.execute(params![
            log,
            to_i64(block.first),
            to_i64(block.count),
            block.occurred_min_us,
            block.occurred_max_us,
            block.left.number(),
            block.content
        ])?;
    }
    Ok(())
}

fn write_ids(transaction: &Transaction<'_>, run: &Run) -> rusqlite::Result<()> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO entry_id (log, id, position) VALUES (?1, ?2, ?3)")?;
    for (position, entry) in (run.base.size..).zip(&run.entries) {
        insert.execute(params![run.log, entry.id, to_i64(position)])?;
    }
    Ok(())
}

fn write_tiles(transaction: &Transaction<'_>, run: &Run) -> rusqlite::Result<()> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO tile (log, level, number, hashes) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (log, level, number) DO UPDATE SET hashes = excluded.hashes",
    )?;
    for tile in &run.tiles {
        upsert.execute(params![run.log, tile.level, to_i64(tile.number), tile.hashes])?;
    }
    Ok(())
}
