//! Removing content from entries, block by block. Called with the commit lock held.
//!
//! This is the only place that changes what is stored of a published entry. It is safe because
//!
//! - an entry is changed only where its old form has the leaf hash that its tile has: what is damaged stays, to be found;
//! - the new form is made here, by removing, and has the same leaf hash, which is looked at again after packing;
//! - the reason was looked up: a published entry of a class that no sender can write;
//! - a block keeps its place, its count and its times, so that no walk notices.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

use model::{Class, SectionName, StoredEntry};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tlog::{HASH_SIZE, Hash, TILE_WIDTH};

use super::block::{self, Unpacker};
use super::recover::Lock;
use super::sqlite::{BUSY_TIMEOUT, engine, locked, to_count, to_i64, to_u64, unsynced};
use super::{EmbeddedStore, entries, read};
use crate::store::{Content, LastRemovals, LogNumber, Reduction, Removal, RemovalStore, Removed, StoreError};

/// How long readers may stand in the way of a purge before writers go on first.
const PURGE_PATIENCE: Duration = Duration::from_millis(250);

/// Entries that one removal may tell of: bounds the memory that reading it back takes.
const ENTRIES_MAX: usize = 65_536;

impl RemovalStore for EmbeddedStore {
    fn remove(&self, removal: &Removal) -> Result<u64, StoreError> {
        if removal.entries.len() > ENTRIES_MAX {
            let reason =
                format!("{} entries in one removal; {ENTRIES_MAX} are allowed", removal.entries.len());
            return Err(StoreError::Engine { what: "removing content".to_owned(), reason });
        }
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
        let class = class_of_reason(&transaction, removal, published)?;
        let mut wanted: BTreeMap<u64, &Reduction> = BTreeMap::new();
        for (index, reduction) in &removal.entries {
            if *index >= published {
                return Err(StoreError::Corrupt(format!("there is no entry {index} from which to remove")));
            }
            wanted.insert(*index, reduction);
        }
        let changed = remove_all(&transaction, removal.log, &wanted)?;
        if !changed.is_empty() {
            note(&transaction, removal, class, &changed)?;
        }
        transaction.commit().map_err(|error| failed(&error))?;
        Ok(to_count(changed.len()))
    })
}

/// The class of the entry that tells of the removal, if it is one that can.
fn class_of_reason(
    transaction: &Transaction<'_>,
    removal: &Removal,
    published: u64,
) -> Result<Class, StoreError> {
    let none = |why: &str| {
        StoreError::Corrupt(format!(
            "nothing was removed: the entry at index {} of log {} {why}",
            removal.reason, removal.log
        ))
    };
    if removal.reason >= published {
        return Err(none("is not published"));
    }
    let stored = entries::in_range(transaction, removal.log, removal.reason..removal.reason + 1)?;
    let class = stored.first().and_then(|bytes| Some(StoredEntry::decode(bytes).ok()?.header().class));
    let is_erasure = |(_, reduction): &(u64, Reduction)| matches!(reduction, Reduction::Sections(_));
    match class {
        Some(class @ Class::ERASURE) if removal.entries.iter().all(is_erasure) => Ok(class),
        Some(class @ Class::EXPIRY) if !removal.entries.iter().any(is_erasure) => Ok(class),
        _ => Err(none("does not tell of such a removal")),
    }
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
            return Err(StoreError::Corrupt(format!("the entry at index {index} is missing from the store")));
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
            .ok_or_else(|| {
                StoreError::Corrupt(format!("the entry at index {index} is missing from the store"))
            })
    }

    /// Reduces entries of this block and writes it anew; which of them were changed.
    fn reduce(
        &self,
        transaction: &Transaction<'_>,
        log: LogNumber,
        wanted: &[(u64, &Reduction)],
        unpacker: &mut Unpacker,
    ) -> Result<Vec<u64>, StoreError> {
        let mut all: Vec<Vec<u8>> =
            unpacker.unpack(&self.content, self.count)?.into_iter().map(<[u8]>::to_vec).collect();
        let hashes = leaf_hashes(transaction, log, self.first..self.first.saturating_add(self.count))?;
        let mut changed = Vec::new();
        for (index, reduction) in wanted {
            let place = usize::try_from(index - self.first).unwrap_or(usize::MAX);
            let (Some(bytes), Some(hash)) = (all.get_mut(place), hashes.get(place)) else {
                return Err(StoreError::Corrupt(format!(
                    "the entry at index {index} is missing from the store"
                )));
            };
            let old = std::mem::take(bytes);
            *bytes = reduce(*index, &old, hash, reduction)?;
            if *bytes != old {
                forget_links(transaction, log, *index, &old, bytes)
                    .map_err(|error| engine("removing what an entry points at", &error))?;
                changed.push(*index);
            }
        }
        if !changed.is_empty() {
            self.replace(transaction, &all, unpacker)?;
        }
        Ok(changed)
    }

    fn replace(
        &self,
        transaction: &Transaction<'_>,
        entries: &[Vec<u8>],
        unpacker: &mut Unpacker,
    ) -> Result<(), StoreError> {
        let content = block::repack(entries)?;
        if !unpacker.unpack(&content, self.count)?.into_iter().eq(entries.iter().map(Vec::as_slice)) {
            let message = "a block does not unpack to the entries that were packed: \
                           this machine's memory or processor is failing";
            return Err(StoreError::Corrupt(message.to_owned()));
        }
        transaction
            .prepare_cached("UPDATE block SET content = ?2, expired = ?3 WHERE rowid = ?1")
            .and_then(|mut statement| {
                statement.execute(params![self.row, content, Content::of(entries).number()])
            })
            .map(|_| ())
            .map_err(|error| engine("writing a block anew", &error))
    }
}

/// The entry without what is removed. It must be what was signed, and still is.
fn reduce(index: u64, old: &[u8], hash: &Hash, reduction: &Reduction) -> Result<Vec<u8>, StoreError> {
    let unlike = || {
        StoreError::Corrupt(format!(
            "nothing was removed: the entry at index {index} is not the one that was signed there; \
             run `indelible verify`"
        ))
    };
    let stored = StoredEntry::decode(old).map_err(|_| unlike())?;
    if tlog::leaf_hash(&stored.leaf().to_bytes()) != *hash {
        return Err(unlike());
    }
    if stored.header().class.is_kept() {
        let message = format!("nothing was removed: the entry at index {index} tells of others and is kept");
        return Err(StoreError::Corrupt(message));
    }
    let new = match reduction {
        Reduction::Sections(sections) => {
            let is_there = |section| stored.sections().any(|(name, _)| name == section);
            if !sections.iter().any(|section| is_there(*section)) {
                return Ok(old.to_vec());
            }
            stored.without(sections)
        }
        Reduction::Expired { keeps_source } => {
            // What was claimed is not needed any more once the recorded time shows the age; it does not come back.
            let has_source = stored.sections().any(|(name, _)| name == SectionName::Source);
            stored.expired(*keeps_source && has_source)
        }
    };
    let same = StoredEntry::decode(&new).is_ok_and(|new| tlog::leaf_hash(&new.leaf().to_bytes()) == *hash);
    if same { Ok(new) } else { Err(unlike()) }
}

/// The leaf hashes that the tiles have for a block, which lies within one.
fn leaf_hashes(
    transaction: &Transaction<'_>,
    log: LogNumber,
    range: Range<u64>,
) -> Result<Vec<Hash>, StoreError> {
    let width = u64::from(TILE_WIDTH);
    let tile = read::tile(transaction, log, 0, range.start / width)?.unwrap_or_default();
    let (hashes, _) = tile.as_chunks::<HASH_SIZE>();
    let from = usize::try_from(range.start % width).unwrap_or(usize::MAX);
    let count = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let hashes: Vec<Hash> = hashes.iter().skip(from).take(count).copied().map(Hash::from_bytes).collect();
    if hashes.len() == count {
        return Ok(hashes);
    }
    let message = format!("leaf hashes of entries {} to {} are missing", range.start, range.end - 1);
    Err(StoreError::Corrupt(message))
}

/// Lets go of what an entry pointed at before something was removed from it.
fn forget_links(
    transaction: &Transaction<'_>,
    log: LogNumber,
    index: u64,
    old: &[u8],
    new: &[u8],
) -> rusqlite::Result<()> {
    let links = |bytes: &[u8]| StoredEntry::decode(bytes).map(|entry| entry.links()).unwrap_or_default();
    let left = links(new);
    let mut delete =
        transaction.prepare_cached("DELETE FROM link WHERE log = ?1 AND target = ?2 AND position = ?3")?;
    for target in links(old).into_iter().filter(|target| !left.contains(target)) {
        delete.execute(params![log, target, to_i64(index)])?;
    }
    Ok(())
}

fn note(
    transaction: &Transaction<'_>,
    removal: &Removal,
    class: Class,
    changed: &[u64],
) -> Result<(), StoreError> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for index in changed {
        match ranges.last_mut() {
            Some(last) if last.end == *index => last.end += 1,
            _ => ranges.push(*index..index + 1),
        }
    }
    let plain: Vec<u8> = ranges
        .iter()
        .flat_map(|range| [range.start.to_le_bytes(), range.end.to_le_bytes()])
        .flatten()
        .collect();
    let (first, last) = (changed.first().copied(), changed.last().copied());
    let packed = block::compress(&plain)?;
    transaction
        .prepare_cached(
            "INSERT INTO removal (number, log, reason, erasure, first, last, ranges) \
             SELECT COALESCE(MAX(number), 0) + 1, ?1, ?2, ?3, ?4, ?5, ?6 FROM removal",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                removal.log,
                to_i64(removal.reason),
                class == Class::ERASURE,
                to_i64(first.unwrap_or_default()),
                to_i64(last.unwrap_or_default()),
                packed
            ])
        })
        .map(|_| ())
        .map_err(|error| engine("noting a removal", &error))
}

fn removals(connection: &Connection, since: u64, max: usize) -> Result<Vec<Removed>, StoreError> {
    let rows: Vec<(i64, LogNumber, bool, Vec<u8>)> = connection
        .prepare_cached(
            "SELECT number, log, erasure, ranges FROM removal WHERE number > ?1 ORDER BY number LIMIT ?2",
        )
        .and_then(|mut statement| {
            let max = i64::try_from(max).unwrap_or(i64::MAX);
            statement
                .query_map(params![to_i64(since), max], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect()
        })
        .map_err(|error| engine("reading removals", &error))?;
    rows.into_iter()
        .map(|(number, log, is_erasure, packed)| {
            Ok(Removed { number: to_u64(number), log, is_erasure, entries: unpack_ranges(number, &packed)? })
        })
        .collect()
}

fn unpack_ranges(number: i64, packed: &[u8]) -> Result<Vec<Range<u64>>, StoreError> {
    const RANGE_BYTES: usize = 16;
    let damaged = || StoreError::Corrupt(format!("the note of removal {number} does not read"));
    let plain = zstd::bulk::decompress(packed, ENTRIES_MAX * RANGE_BYTES).map_err(|_| damaged())?;
    let (ranges, []) = plain.as_chunks::<RANGE_BYTES>() else { return Err(damaged()) };
    let range = |bytes: &[u8; RANGE_BYTES]| {
        let (start, end) = bytes.split_first_chunk::<8>()?;
        let end = end.first_chunk::<8>()?;
        Some(u64::from_le_bytes(*start)..u64::from_le_bytes(*end))
    };
    ranges.iter().map(range).collect::<Option<_>>().ok_or_else(damaged)
}
