//! The commit lock, and what its taker does about a predecessor that crashed.
//!
//! | stored head | published head | what it means | what is done |
//! |---|---|---|---|
//! | S | S | nothing was staged | nothing |
//! | S on base P | P | crashed between persist and publish: nobody was told | the staged batch is discarded |
//! | S, seen published | older than S | the head store was put back | refused |
//! | S | larger than S, or S with another root | the data are older than their head, or were changed | refused |
//! | S on base P | neither S nor P | the head store was put back, or the data were changed | refused |
//!
//! That S was published is noted after the swap, without a sync of its own. Only when a power cut takes that
//! note away, and the head store is put back to the publication before at the same time, does the third row
//! look like the second.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Mutex, MutexGuard};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::heads::{HeadStore, hash};
use super::sqlite::{engine, locked, to_i64, to_u64};
use super::{accounts, configuration, links, users};
use crate::store::block::Unpacker;
use crate::store::{CommitLock, Head, LogNumber, StoreError};

/// Held for one commit: a lock within the process and one between processes.
#[derive(Debug)]
pub(super) struct Lock<'a> {
    file: &'a File,
    _committing: MutexGuard<'a, ()>,
}

impl CommitLock for Lock<'_> {}

impl<'a> Lock<'a> {
    pub(super) fn take(committing: &'a Mutex<()>, file: &'a File) -> Result<Self, StoreError> {
        let committing = locked(committing)?;
        file.lock().map_err(|error| StoreError::Engine {
            what: "taking the commit lock".to_owned(),
            reason: error.to_string(),
        })?;
        Ok(Self { file, _committing: committing })
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            // The next taker waits until this process ends, which is safe but slow.
            tracing::error!(%error, "releasing the commit lock failed");
        }
    }
}

/// What is persisted of a log.
struct Stored {
    log: LogNumber,
    site: String,
    head: Head,
    /// What the last batch stood on; the head itself once that batch was seen published.
    base: Head,
    batch: i64,
}

/// Resolves what the last batch may have left. Called with the commit lock held.
pub(super) fn discard_staged(writer: &Mutex<Connection>, heads: &HeadStore) -> Result<(), StoreError> {
    let mut writer = locked(writer)?;
    let last = stored(&writer, "WHERE batch = (SELECT MAX(batch) FROM log) AND batch > 0")?;
    resolve(&mut writer, &last, |log| heads.of(log))
}

/// Checks every log against its published head. Called at start, with the commit lock held.
pub(super) fn check_all(writer: &Mutex<Connection>, heads: &HeadStore) -> Result<(), StoreError> {
    let mut writer = locked(writer)?;
    let all = stored(&writer, "")?;
    let published: HashMap<LogNumber, Head> =
        heads.all()?.into_iter().map(|signed| (signed.log, signed.head)).collect();
    for log in published.keys() {
        if !all.iter().any(|stored| stored.log == *log) {
            return Err(refused(&format!(
                "the head store knows log {log} and the data do not: they are older than their head, \
                 as after restoring a backup"
            )));
        }
    }
    resolve(&mut writer, &all, |log| Ok(published.get(&log).copied().unwrap_or_else(Head::empty)))
}

/// Compares each log with its published head; when all of them can be explained, discards what is staged and
/// notes what was published unnoticed.
fn resolve(
    writer: &mut Connection,
    all: &[Stored],
    published: impl Fn(LogNumber) -> Result<Head, StoreError>,
) -> Result<(), StoreError> {
    let (mut staged, mut unnoted) = (Vec::new(), Vec::new());
    for stored in all {
        let published = published(stored.log)?;
        if stored.head == published {
            if stored.base != published {
                unnoted.push(stored);
            }
        } else if stored.base == published && stored.base.size < stored.head.size {
            staged.push(stored);
        } else {
            return Err(behind(&format!("site `{}`", stored.site), stored.head, published));
        }
    }
    if staged.is_empty() && unnoted.is_empty() {
        return Ok(());
    }
    let failed = |error: &rusqlite::Error| engine("resolving what a crash has left", error);
    let transaction =
        writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(|error| failed(&error))?;
    for stored in unnoted {
        transaction
            .execute("UPDATE log SET base_size = size, base_root = root WHERE number = ?1", [stored.log])
            .map_err(|error| failed(&error))?;
    }
    for stored in staged {
        discard(&transaction, stored)?;
        undo_changes(&transaction, stored.batch).map_err(|error| failed(&error))?;
    }
    transaction.commit().map_err(|error| failed(&error))
}

fn behind(whose: &str, stored: Head, published: Head) -> StoreError {
    let what = if stored.size < published.size {
        format!(
            "the data of {whose} end at {} entries, but {} were published: they are older than their head, \
             as after restoring a backup, or entries were removed",
            stored.size, published.size
        )
    } else {
        format!(
            "the data of {whose} ({} entries) and the head store ({} entries) disagree: \
             one of them was changed or restored without the other",
            stored.size, published.size
        )
    };
    refused(&what)
}

fn refused(what: &str) -> StoreError {
    StoreError::Refused(format!(
        "refusing to start: {what}.\n\
         Way forward: stop every Indelible process and put back the newest copy of the data directory and of \
         its head store that belong together. Never delete the head store to get past this message: heads \
         that readers have seen would then be signed over."
    ))
}

/// Takes back a run that was staged and never published.
fn discard(transaction: &Transaction<'_>, stored: &Stored) -> Result<(), StoreError> {
    tracing::warn!(
        site = stored.site,
        entries = stored.head.size - stored.base.size,
        "discarding entries that were staged by a crashed process and never acknowledged"
    );
    let failed = |error: &rusqlite::Error| engine("discarding a staged batch", error);
    let base = to_i64(stored.base.size);
    let staged: Vec<(i64, Vec<u8>)> = transaction
        .prepare("SELECT count, content FROM block WHERE log = ?1 AND first >= ?2")
        .and_then(|mut statement| {
            statement.query_map(params![stored.log, base], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .map_err(|error| failed(&error))?;
    let mut unpacker = Unpacker::new()?;
    for (count, content) in staged {
        for entry in unpacker.unpack(&content, to_u64(count))? {
            let id = model::StoredEntry::decode(entry)
                .map_err(|error| StoreError::Corrupt(format!("a staged entry: {error}")))?
                .header()
                .id;
            transaction
                .execute("DELETE FROM entry_id WHERE log = ?1 AND id = ?2", params![stored.log, id])
                .map_err(|error| failed(&error))?;
        }
    }
    transaction
        .execute("DELETE FROM block WHERE log = ?1 AND first >= ?2", params![stored.log, base])
        .and_then(|_| links::discard(transaction, stored.log, base))
        .and_then(|()| cut_tiles(transaction, stored))
        .and_then(|()| {
            transaction
                .execute("UPDATE log SET size = base_size, root = base_root WHERE number = ?1", [stored.log])
        })
        .map(|_| ())
        .map_err(|error| failed(&error))
}

/// Takes back the changes of configuration that the entries of a discarded batch told of.
fn undo_changes(transaction: &Transaction<'_>, batch: i64) -> rusqlite::Result<()> {
    accounts::undo(transaction, batch)?;
    users::undo(transaction, batch)?;
    configuration::undo(transaction, batch)?;
    transaction.execute("DELETE FROM log WHERE created_batch = ?1 AND size = 0", [batch]).map(|_| ())
}

/// Cuts the tiles back to the size before the run: each level has one hash per 256 of the level below.
fn cut_tiles(connection: &Connection, stored: &Stored) -> rusqlite::Result<()> {
    let mut hashes = stored.base.size;
    for level in 0..8_u8 {
        let full = to_i64(hashes / u64::from(tlog::TILE_WIDTH));
        let partial_bytes = to_i64(hashes % u64::from(tlog::TILE_WIDTH) * 32);
        connection.execute(
            "DELETE FROM tile WHERE log = ?1 AND level = ?2 AND (number > ?3 OR (number = ?3 AND ?4 = 0))",
            params![stored.log, level, full, partial_bytes],
        )?;
        connection.execute(
            "UPDATE tile SET hashes = substr(hashes, 1, ?4) WHERE log = ?1 AND level = ?2 AND number = ?3",
            params![stored.log, level, full, partial_bytes],
        )?;
        hashes /= u64::from(tlog::TILE_WIDTH);
    }
    Ok(())
}

fn stored(connection: &Connection, condition: &str) -> Result<Vec<Stored>, StoreError> {
    let read = || {
        let sql =
            format!("SELECT number, site, size, root, base_size, base_root, batch FROM log {condition}");
        let mut statement = connection.prepare_cached(&sql)?;
        let rows = statement.query_map([], |row| {
            let head = |size, root| {
                Ok::<_, rusqlite::Error>(Head {
                    size: to_u64(row.get(size)?),
                    root: hash(&row.get::<_, Vec<u8>>(root)?),
                })
            };
            Ok(Stored {
                log: row.get(0)?,
                site: row.get(1)?,
                head: head(2, 3)?,
                base: head(4, 5)?,
                batch: row.get(6)?,
            })
        })?;
        rows.collect::<rusqlite::Result<_>>()
    };
    read().map_err(|error| engine("reading the logs", &error))
}
