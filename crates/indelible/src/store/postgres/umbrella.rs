//! The umbrella log in PostgreSQL. A round is one transaction, as a commit is.

use std::collections::HashMap;
use std::ops::Range;

use deadpool_postgres::Client;

use super::PostgresStore;
use super::commit::TileColumns;
use super::errors::failed;
use super::rows::{Parameters, execute, first, get, head, log as log_of, number, query, to_i64};
use super::statements;
use crate::store::{Head, LogNumber, SiteHead, StoreError, TileData, UmbrellaStore};

const READING: &str = "reading the umbrella";
const WRITING: &str = "writing the umbrella";

impl PostgresStore {
    /// Reads as the round sees it that is going on, if one is: what it has staged, nobody else sees.
    fn with_umbrella<T>(
        &self,
        read: impl AsyncFnOnce(&Client) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.connections.wait(async {
            let round = self.umbrella.lock().await;
            if let Some(client) = round.as_ref() {
                return read(client).await;
            }
            drop(round);
            read(&self.connected().await?).await
        })
    }
}

impl UmbrellaStore for PostgresStore {
    fn umbrella_head(&self) -> Result<Option<(Head, String)>, StoreError> {
        self.with_umbrella(async |client| {
            let row = first(client, READING, statements::UMBRELLA_HEAD, &[]).await?;
            row.map(|row| Ok((head(&row, 0)?, get(&row, 2)?))).transpose()
        })
    }

    fn umbrella_heads(&self, range: Range<u64>) -> Result<Vec<SiteHead>, StoreError> {
        self.with_umbrella(async |client| {
            let (from, to) = (to_i64(range.start), to_i64(range.end));
            let rows = query(client, READING, statements::UMBRELLA_HEADS, &[&from, &to]).await?;
            if u64::try_from(rows.len()).ok() != Some(range.end.saturating_sub(range.start)) {
                return Err(StoreError::Corrupt(format!(
                    "the umbrella has {} heads at positions {} to {}",
                    rows.len(),
                    range.start,
                    range.end
                )));
            }
            rows.iter().map(|row| Ok(SiteHead { log: log_of(row, 0)?, head: head(row, 1)? })).collect()
        })
    }

    fn umbrella_newest(&self, size: u64) -> Result<HashMap<LogNumber, Head>, StoreError> {
        self.with_umbrella(async |client| {
            let rows = query(client, READING, statements::UMBRELLA_NEWEST, &[&to_i64(size)]).await?;
            rows.iter().map(|row| Ok((log_of(row, 0)?, head(row, 1)?))).collect()
        })
    }

    fn umbrella_covering(
        &self,
        log: LogNumber,
        index: u64,
        size: u64,
    ) -> Result<Option<(u64, Head)>, StoreError> {
        self.with_umbrella(async |client| {
            let parameters: Parameters<'_> = &[&i64::from(log), &to_i64(index), &to_i64(size)];
            let row = first(client, READING, statements::UMBRELLA_COVERING, parameters).await?;
            row.map(|row| Ok((number(&row, 0)?, head(&row, 1)?))).transpose()
        })
    }

    fn umbrella_tile(&self, level: u8, number: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.with_umbrella(async |client| {
            let parameters: Parameters<'_> = &[&i16::from(level), &to_i64(number)];
            let row = first(client, READING, statements::UMBRELLA_TILE, parameters).await?;
            row.map(|row| get(&row, 0)).transpose()
        })
    }

    fn stage_umbrella(&self, base: u64, heads: &[SiteHead], tiles: &[TileData]) -> Result<(), StoreError> {
        let positions: Vec<i64> = (base..).map(to_i64).take(heads.len()).collect();
        let logs: Vec<i64> = heads.iter().map(|site| i64::from(site.log)).collect();
        let sizes: Vec<i64> = heads.iter().map(|site| to_i64(site.head.size)).collect();
        let roots: Vec<&[u8]> = heads.iter().map(|site| site.head.root.as_bytes().as_slice()).collect();
        let tiles = TileColumns::of(tiles);
        self.connections.wait(async {
            let round = self.umbrella.lock().await;
            let client = round.as_ref().ok_or_else(without_lock)?;
            execute(client, WRITING, statements::INSERT_UMBRELLA, &[&positions, &logs, &sizes, &roots])
                .await?;
            let tiles: Parameters<'_> = &[&tiles.levels, &tiles.numbers, &tiles.hashes];
            query(client, WRITING, statements::PUT_UMBRELLA_TILES, tiles).await.map(|_| ())
        })
    }

    /// An error says that the round did not take place, or that it is not known: the next one reads the head again.
    fn publish_umbrella(&self, base: Head, next: Head, checkpoint: &str) -> Result<(), StoreError> {
        self.connections.wait(async {
            let mut round = self.umbrella.lock().await;
            let client = round.as_ref().ok_or_else(without_lock)?;
            let (size, base_size) = (to_i64(next.size), to_i64(base.size));
            let (root, base_root) = (next.root.as_bytes().as_slice(), base.root.as_bytes().as_slice());
            let parameters: Parameters<'_> = &[&size, &root, &checkpoint, &base_size, &base_root];
            if execute(client, WRITING, statements::SWAP_UMBRELLA_HEAD, parameters).await? != 1 {
                return Err(StoreError::Corrupt(
                    "the umbrella's head in the database is not the one that the round stands on".to_owned(),
                ));
            }
            client.batch_execute("COMMIT").await.map_err(|error| failed(WRITING, &error))?;
            *round = None;
            Ok(())
        })
    }
}

fn without_lock() -> StoreError {
    StoreError::Engine { what: WRITING.to_owned(), reason: "the umbrella's lock is not held".to_owned() }
}
