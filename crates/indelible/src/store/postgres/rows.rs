//! Running statements, and values on their way out of rows.

use deadpool_postgres::Client;
use jiff::Timestamp;
use model::SiteId;
use tlog::Hash;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSqlOwned, ToSql};

use super::errors::failed;
use crate::store::{Head, LogNumber, StoreError};

pub(super) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// The rows of a statement, `what` being what it is for.
pub(super) async fn query(
    client: &Client,
    what: &str,
    sql: &'static str,
    parameters: Parameters<'_>,
) -> Result<Vec<Row>, StoreError> {
    let run = async { client.query(&client.prepare_cached(sql).await?, parameters).await };
    run.await.map_err(|error| failed(what, &error))
}

/// The first row, if there is one.
pub(super) async fn first(
    client: &Client,
    what: &str,
    sql: &'static str,
    parameters: Parameters<'_>,
) -> Result<Option<Row>, StoreError> {
    Ok(query(client, what, sql, parameters).await?.into_iter().next())
}

/// The first column of the one row that a statement gives.
pub(super) async fn value<T: FromSqlOwned>(
    client: &Client,
    what: &str,
    sql: &'static str,
    parameters: Parameters<'_>,
) -> Result<T, StoreError> {
    let row = first(client, what, sql, parameters).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt(format!("{what}: the database gave no answer")))?;
    get(&row, 0)
}

/// Runs a statement; how many rows it changed.
pub(super) async fn execute(
    client: &Client,
    what: &str,
    sql: &'static str,
    parameters: Parameters<'_>,
) -> Result<u64, StoreError> {
    let run = async { client.execute(&client.prepare_cached(sql).await?, parameters).await };
    run.await.map_err(|error| failed(what, &error))
}

/// Runs what has no parameters and no rows.
pub(super) async fn batch(client: &Client, what: &str, sql: &str) -> Result<(), StoreError> {
    client.batch_execute(sql).await.map_err(|error| failed(what, &error))
}

/// Does all of some work or nothing.
pub(super) async fn atomically<T>(
    client: &Client,
    what: &str,
    work: impl AsyncFnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    batch(client, what, "BEGIN").await?;
    let done = work().await;
    let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = batch(client, what, end).await;
    // What went wrong first is what is told.
    let done = done?;
    ended.map(|()| done)
}

/// A column of a row. What does not read is damage, never a default.
pub(super) fn get<T: FromSqlOwned>(row: &Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(|error| StoreError::Corrupt(format!("a row of the database: {error}")))
}

pub(super) fn number(row: &Row, column: usize) -> Result<u64, StoreError> {
    let number: i64 = get(row, column)?;
    u64::try_from(number).map_err(|_| StoreError::Corrupt(format!("the database has the number {number}")))
}

pub(super) fn log(row: &Row, column: usize) -> Result<LogNumber, StoreError> {
    let number: i64 = get(row, column)?;
    LogNumber::try_from(number).map_err(|_| StoreError::Corrupt(format!("the database has a log {number}")))
}

/// A head in two columns: size and root.
pub(super) fn head(row: &Row, column: usize) -> Result<Head, StoreError> {
    Ok(Head { size: number(row, column)?, root: hash(row, column + 1)? })
}

fn hash(row: &Row, column: usize) -> Result<Hash, StoreError> {
    let bytes: Vec<u8> = get(row, column)?;
    <[u8; 32]>::try_from(bytes.as_slice())
        .map(Hash::from_bytes)
        .map_err(|_| StoreError::Corrupt(format!("the database has a hash of {} bytes", bytes.len())))
}

pub(super) fn sha256(row: &Row, column: usize) -> Result<[u8; 32], StoreError> {
    let bytes: Vec<u8> = get(row, column)?;
    bytes
        .try_into()
        .map_err(|_| StoreError::Corrupt("the database has a SHA-256 of another length".to_owned()))
}

pub(super) fn time(row: &Row, column: usize) -> Result<Timestamp, StoreError> {
    to_time(get(row, column)?)
}

pub(super) fn time_if_any(row: &Row, column: usize) -> Result<Option<Timestamp>, StoreError> {
    get::<Option<i64>>(row, column)?.map(to_time).transpose()
}

fn to_time(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms)
        .map_err(|error| StoreError::Corrupt(format!("a time of the database: {error}")))
}

/// A text that must parse: a role or site that does not read must not become another.
pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &Row,
    column: usize,
) -> Result<T, StoreError> {
    let text: String = get(row, column)?;
    text.parse().map_err(|error| StoreError::Corrupt(format!("the database has `{text}`: {error}")))
}

pub(super) fn site(row: &Row, column: usize) -> Result<Option<SiteId>, StoreError> {
    get::<Option<String>>(row, column)?.map(|_| parsed(row, column)).transpose()
}

/// Sizes are below 2^63 by far; a larger one finds nothing.
pub(super) fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
