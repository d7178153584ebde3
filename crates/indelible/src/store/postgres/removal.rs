//! Removing content. Only the retention's role may, and only by a function of the database that looks at holds, times and
//! the reason itself (`migrations/postgres`): whoever has the service's credentials alone removes nothing.
//!
//! What is removed is taken out here, as in the embedded store: an entry is changed only where its old form has the leaf
//! hash that its tile has, and its new form has the same.

use std::collections::BTreeMap;
use std::ops::Range;

use deadpool_postgres::Client;
use model::Class;
use tlog::TILE_WIDTH;
use tokio_postgres::Row;

use super::PostgresStore;
use super::blocks;
use super::connect::Connections;
use super::read;
use super::rows::{Parameters, atomically, execute, first, get, log as log_of, number, query, to_i64};
use super::statements;
use crate::store::block::Unpacker;
use crate::store::reduce::{self, ReducedBlock};
use crate::store::{LastRemovals, LogNumber, Reduction, Removal, RemovalStore, Removed, StoreError};

const REMOVING: &str = "removing content";

/// Blocks read at a time.
const BLOCKS_MAX: usize = 64;

impl PostgresStore {
    fn retention(&self) -> Result<&Connections, StoreError> {
        self.retention.as_ref().ok_or_else(|| {
            StoreError::Refused(
                "content is removed by the role of the retention only: set APP__STORE__RETENTION_URL to the address of a \
                 user that is a member of indelible_retention, for this process or for one that does the removing"
                    .to_owned(),
            )
        })
    }
}

impl RemovalStore for PostgresStore {
    fn may_remove(&self) -> Result<(), StoreError> {
        self.retention().map(|_| ())
    }

    fn remove(&self, removal: &Removal) -> Result<u64, StoreError> {
        let connections = self.retention()?;
        connections.wait(async {
            let client = connections.get().await?;
            atomically(&client, REMOVING, async || {
                // One removal of a log at a time: two would undo each other's blocks.
                query(&client, REMOVING, statements::LOCK_REMOVAL, &[&i64::from(removal.log)]).await?;
                remove(&client, removal).await
            })
            .await
        })
    }

    /// What was removed leaves the database's files as its rows' old versions do: vacuuming frees them.
    fn purge(&self) -> Result<bool, StoreError> {
        Ok(true)
    }

    fn end_task(&self, log: LogNumber, name: &str) -> Result<(), StoreError> {
        self.with(async |client| super::accounts::configure(client, log, name, None).await)
    }

    fn removals(&self, since: u64, max: usize) -> Result<Vec<Removed>, StoreError> {
        self.with(async |client| {
            let max = i64::try_from(max).unwrap_or(i64::MAX);
            let rows =
                query(client, "reading removals", statements::REMOVALS, &[&to_i64(since), &max]).await?;
            rows.iter().map(removed).collect()
        })
    }

    /// Only the schema's owner may: what the service could write here would hide entries from searches.
    fn note_removals(&self, removals: &[Removed]) -> Result<(), StoreError> {
        self.with(async |client| {
            let what = "noting removals";
            atomically(client, what, async || {
                for removed in removals {
                    let (first, last) = reduce::ends(&removed.entries);
                    let parameters: Parameters<'_> = &[
                        &i64::from(removed.log),
                        &to_i64(removed.number),
                        &to_i64(removed.reason),
                        &removed.is_erasure,
                        &to_i64(first),
                        &to_i64(last),
                        &reduce::pack_ranges(&removed.entries)?,
                    ];
                    execute(client, what, statements::NOTE_REMOVAL, parameters).await?;
                }
                Ok(())
            })
            .await
        })
    }

    fn last_removals(&self) -> Result<LastRemovals, StoreError> {
        self.with(async |client| {
            let what = "reading the last removals";
            let row = first(client, what, statements::LAST_REMOVALS, &[]).await?;
            let row =
                row.ok_or_else(|| StoreError::Corrupt(format!("{what}: the database gave no answer")))?;
            Ok(LastRemovals { any: number(&row, 0)?, erasure: number(&row, 1)? })
        })
    }

    fn reasons(&self, log: LogNumber, index: u64) -> Result<Vec<u64>, StoreError> {
        self.with(async |client| {
            let parameters: Parameters<'_> = &[&i64::from(log), &to_i64(index)];
            let rows = query(client, "looking up removals", statements::REASONS, parameters).await?;
            rows.iter().map(|row| number(row, 0)).collect()
        })
    }
}

fn removed(row: &Row) -> Result<Removed, StoreError> {
    let (this, packed): (u64, Vec<u8>) = (number(row, 0)?, get(row, 4)?);
    Ok(Removed {
        number: this,
        log: log_of(row, 1)?,
        reason: number(row, 2)?,
        is_erasure: get(row, 3)?,
        entries: reduce::unpack_ranges(this, &packed)?,
    })
}

async fn remove(client: &Client, removal: &Removal) -> Result<u64, StoreError> {
    let heads = read::all_heads(client).await?;
    let published = heads.get(&removal.log).map_or(0, |head| head.size);
    let wanted = reduce::wanted(removal, published)?;
    let reason = blocks::in_range(client, removal.log, removal.reason..removal.reason + 1).await?;
    let class = reduce::class_of_reason(removal, reason.first())?;
    let reduced = reduce_all(client, removal.log, &wanted).await?;
    let changed: Vec<u64> = reduced.iter().flat_map(|(_, block)| block.changed.iter().copied()).collect();
    if !changed.is_empty() {
        write(client, removal, class, &reduced, &reduce::ranges(&changed)).await?;
    }
    Ok(u64::try_from(changed.len()).unwrap_or(u64::MAX))
}

/// The blocks with less in them, by their first index.
async fn reduce_all(
    client: &Client,
    log: LogNumber,
    wanted: &BTreeMap<u64, &Reduction>,
) -> Result<Vec<(u64, ReducedBlock)>, StoreError> {
    let mut unpacker = Unpacker::new()?;
    let mut reduced: Vec<(u64, ReducedBlock)> = Vec::new();
    let indexes: Vec<u64> = wanted.keys().copied().collect();
    let mut next = 0;
    for some in indexes.chunks(BLOCKS_MAX) {
        for block in blocks::holding(client, log, some).await? {
            let range = block.first..block.first.saturating_add(block.count);
            // A block may hold entries of two chunks: it is reduced with the first.
            let here: Vec<(u64, &Reduction)> = wanted
                .range(next.max(range.start)..range.end.max(next))
                .map(|(index, what)| (*index, *what))
                .collect();
            let Some((last, _)) = here.last() else { continue };
            next = last + 1;
            let tile = read::tile(client, log, 0, range.start / u64::from(TILE_WIDTH)).await?;
            let hashes = reduce::leaf_hashes(&range, &tile.unwrap_or_default())?;
            let block = reduce::reduce_block(range.clone(), block.content(), &hashes, &here, &mut unpacker)?;
            reduced.extend(block.map(|block| (range.start, block)));
        }
        if let Some(index) = some.iter().find(|index| **index >= next) {
            return Err(reduce::missing(*index));
        }
    }
    Ok(reduced)
}

async fn write(
    client: &Client,
    removal: &Removal,
    class: Class,
    reduced: &[(u64, ReducedBlock)],
    changed: &[Range<u64>],
) -> Result<(), StoreError> {
    let (first, last) = reduce::ends(changed);
    let firsts: Vec<i64> = reduced.iter().map(|(first, _)| to_i64(*first)).collect();
    let states: Vec<i16> = reduced.iter().map(|(_, block)| block.left.small_number()).collect();
    let contents: Vec<&[u8]> = reduced.iter().map(|(_, block)| block.content.as_slice()).collect();
    let links = reduced.iter().flat_map(|(_, block)| &block.lost_links);
    let (targets, positions): (Vec<&[u8]>, Vec<i64>) =
        links.map(|(target, index)| (target.as_slice(), to_i64(*index))).unzip();
    let parameters: Parameters<'_> = &[
        &i64::from(removal.log),
        &to_i64(removal.reason),
        &(class == Class::ERASURE),
        &firsts,
        &states,
        &contents,
        &targets,
        &positions,
        &to_i64(first),
        &to_i64(last),
        &reduce::pack_ranges(changed)?,
    ];
    query(client, REMOVING, statements::REMOVE, parameters).await.map(|_| ())
}
