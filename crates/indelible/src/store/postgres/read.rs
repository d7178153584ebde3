//! Reading sites, heads, ids, tiles and links.

use std::collections::HashMap;

use deadpool_postgres::Client;
use tokio_postgres::Row;
use uuid::Uuid;

use super::rows::{first, get, head, log as log_of, number, parsed, query, time, to_i64, value};
use super::statements;
use crate::store::{Head, LogNumber, SignedHead, Site, StoreError};

/// Nobody takes an entry back, or renames an entity, more often than this; senders who say so cost no more.
const POSITIONS_MAX: i64 = 10_000;

pub(super) async fn sites(client: &Client) -> Result<Vec<Site>, StoreError> {
    let rows = query(client, "reading the sites", statements::SITES, &[]).await?;
    let site = |row: &Row| {
        Ok(Site { log: log_of(row, 0)?, id: parsed(row, 1)?, name: get(row, 2)?, created_at: time(row, 3)? })
    };
    rows.iter().map(site).collect()
}

/// The heads published since a mark, and the next mark. Some may have been told before.
pub(super) async fn heads(client: &Client, since: u64) -> Result<Option<(u64, Vec<SignedHead>)>, StoreError> {
    let rows = query(client, "reading the heads", statements::HEADS, &[&to_i64(since)]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let signed =
        |row: &Row| Ok(SignedHead { log: log_of(row, 1)?, head: head(row, 2)?, checkpoint: get(row, 4)? });
    Ok(Some((number(row, 0)?, rows.iter().map(signed).collect::<Result<_, StoreError>>()?)))
}

/// The size and root of every log.
pub(super) async fn all_heads(client: &Client) -> Result<HashMap<LogNumber, Head>, StoreError> {
    let rows = query(client, "reading the heads", statements::ALL_HEADS, &[]).await?;
    rows.iter().map(|row| Ok((log_of(row, 0)?, head(row, 1)?))).collect()
}

pub(super) async fn positions(
    client: &Client,
    log: LogNumber,
    ids: &[Uuid],
) -> Result<Vec<Option<u64>>, StoreError> {
    let what = "looking up entry ids";
    let rows = query(client, what, statements::POSITIONS, &[&i64::from(log), &ids]).await?;
    let found = rows.iter().map(|row| Ok((get(row, 0)?, number(row, 1)?)));
    let found: HashMap<Uuid, u64> = found.collect::<Result<_, StoreError>>()?;
    Ok(ids.iter().map(|id| found.get(id).copied()).collect())
}

pub(super) async fn ids(
    client: &Client,
    log: LogNumber,
    after: Option<Uuid>,
    max: usize,
) -> Result<Vec<(Uuid, u64)>, StoreError> {
    let what = "reading the entry ids";
    let (log_number, max) = (i64::from(log), i64::try_from(max).unwrap_or(i64::MAX));
    let rows = match after {
        Some(after) => query(client, what, statements::IDS, &[&log_number, &after, &max]).await?,
        None => query(client, what, statements::IDS_FROM_FIRST, &[&log_number, &max]).await?,
    };
    let mut last = after;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let id: Uuid = get(row, 0)?;
        if last.is_some_and(|last| last >= id) {
            return Err(StoreError::Corrupt(format!("the id index of log {log} is out of order at {id}")));
        }
        last = Some(id);
        found.push((id, number(row, 1)?));
    }
    Ok(found)
}

pub(super) async fn id_count(client: &Client, log: LogNumber) -> Result<u64, StoreError> {
    let count: i64 = value(client, "counting entry ids", statements::ID_COUNT, &[&i64::from(log)]).await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

pub(super) async fn tile(
    client: &Client,
    log: LogNumber,
    level: u8,
    number: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let (log, level, number) = (i64::from(log), i16::from(level), to_i64(number));
    let row = first(client, "reading a tile", statements::TILE, &[&log, &level, &number]).await?;
    row.map(|row| get(&row, 0)).transpose()
}

pub(super) async fn linked(
    client: &Client,
    log: LogNumber,
    targets: &[Vec<u8>],
) -> Result<Vec<Vec<u64>>, StoreError> {
    let what = "looking up what points at an entry";
    let mut all = Vec::with_capacity(targets.len());
    for target in targets {
        let rows =
            query(client, what, statements::LINKED, &[&i64::from(log), target, &POSITIONS_MAX]).await?;
        all.push(rows.iter().rev().map(|row| number(row, 0)).collect::<Result<_, _>>()?);
    }
    Ok(all)
}
