//! The head store: small, apart from the data, and the judge of what is published.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tlog::Hash;
use uuid::Uuid;

use super::pool::Pool;
use super::sqlite::{engine, locked, migrate, open_writer, to_i64, to_u64};
use crate::store::{Head, LogNumber, SignedHead, StoreError};

const MIGRATIONS: [(&str, &str); 3] = [
    ("0001_initial", include_str!("../../../migrations/heads/0001_initial.sql")),
    ("0002_umbrella", include_str!("../../../migrations/heads/0002_umbrella.sql")),
    ("0003_epoch", include_str!("../../../migrations/heads/0003_epoch.sql")),
];

pub(super) struct HeadStore {
    writer: Mutex<Connection>,
    readers: Pool,
}

impl HeadStore {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let mut writer = open_writer(path)?;
        migrate(&mut writer, &MIGRATIONS)?;
        Ok(Self { writer: Mutex::new(writer), readers: Pool::new(path.to_owned()) })
    }

    pub(super) fn directory(&self) -> &Path {
        self.readers.directory()
    }

    /// Says which installation the heads belong to, once.
    pub(super) fn claim(&self, installation: Uuid, epoch: u32) -> Result<(), StoreError> {
        locked(&self.writer)?
            .execute(
                "INSERT INTO installation (only, id, epoch) VALUES (1, ?1, ?2)",
                params![installation, epoch],
            )
            .map(|_| ())
            .map_err(|error| engine("creating the head store", &error))
    }

    /// The installation that the heads belong to, and its epoch; `None` in a head store that was never claimed.
    pub(super) fn installation(&self) -> Result<Option<(Uuid, u32)>, StoreError> {
        locked(&self.writer)?
            .query_row("SELECT id, epoch FROM installation", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(|error| engine("reading the head store", &error))
    }

    pub(super) fn since(&self, publication: u64) -> Result<Option<(u64, Vec<SignedHead>)>, StoreError> {
        self.readers.with(|connection| {
            let read = || {
                let mut statement = connection.prepare_cached(
                    "SELECT publication, log, size, root, checkpoint FROM head \
                     WHERE publication > ?1 ORDER BY publication",
                )?;
                let mut rows = statement.query([to_i64(publication)])?;
                let mut last = publication;
                let mut heads = Vec::new();
                while let Some(row) = rows.next()? {
                    last = to_u64(row.get(0)?);
                    heads.push(SignedHead {
                        log: row.get(1)?,
                        head: Head { size: to_u64(row.get(2)?), root: hash(&row.get::<_, Vec<u8>>(3)?) },
                        checkpoint: row.get(4)?,
                    });
                }
                Ok((!heads.is_empty()).then_some((last, heads)))
            };
            read().map_err(|error| engine("reading the heads", &error))
        })
    }

    /// The numbers of the logs that have a published head.
    pub(super) fn logs(&self) -> Result<HashSet<LogNumber>, StoreError> {
        self.readers.with(|connection| {
            let read = || {
                let mut statement = connection.prepare_cached("SELECT log FROM head")?;
                statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()
            };
            read().map_err(|error| engine("reading the heads", &error))
        })
    }

    /// The published head of one log.
    pub(super) fn of(&self, log: LogNumber) -> Result<Head, StoreError> {
        let found =
            published(&*locked(&self.writer)?, log).map_err(|error| engine("reading the heads", &error))?;
        Ok(found.unwrap_or_else(Head::empty))
    }

    /// The published head of every log.
    pub(super) fn all(&self) -> Result<Vec<SignedHead>, StoreError> {
        Ok(self.since(0)?.map_or_else(Vec::new, |(_, heads)| heads))
    }

    /// Compares each head with what its batch stood on and swaps all of them, durably, or none.
    pub(super) fn swap(&self, heads: &[(Head, SignedHead)]) -> Result<(), StoreError> {
        let mut writer = locked(&self.writer)?;
        let failed = |error: &rusqlite::Error| engine("swapping the heads", error);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failed(&error))?;
        let publication: i64 = transaction
            .query_row("SELECT COALESCE(MAX(publication), 0) + 1 FROM head", [], |row| row.get(0))
            .map_err(|error| failed(&error))?;
        for (base, next) in heads {
            let found = published(&transaction, next.log).map_err(|error| failed(&error))?;
            if found.unwrap_or_else(Head::empty) != *base {
                return Err(StoreError::Corrupt(format!(
                    "the head of log {} in the head store is not the one the batch stands on: \
                     another process wrote without the commit lock",
                    next.log
                )));
            }
            transaction
                .prepare_cached(
                    "INSERT INTO head (log, size, root, checkpoint, publication) VALUES (?1, ?2, ?3, ?4, ?5) \
                     ON CONFLICT (log) DO UPDATE SET size = excluded.size, root = excluded.root, \
                     checkpoint = excluded.checkpoint, publication = excluded.publication",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        next.log,
                        to_i64(next.head.size),
                        next.head.root.as_bytes().as_slice(),
                        next.checkpoint,
                        publication
                    ])
                })
                .map_err(|error| failed(&error))?;
        }
        transaction.commit().map_err(|error| failed(&error))
    }
}

impl HeadStore {
    /// The published head of the umbrella log.
    pub(super) fn umbrella(&self) -> Result<Option<(Head, String)>, StoreError> {
        self.readers
            .with(|connection| umbrella(connection).map_err(|error| engine("reading the heads", &error)))
    }

    /// Compares the umbrella's head with what the round stood on and swaps it, durably.
    pub(super) fn swap_umbrella(&self, base: Head, next: Head, checkpoint: &str) -> Result<(), StoreError> {
        let mut writer = locked(&self.writer)?;
        let failed = |error: &rusqlite::Error| engine("swapping the umbrella's head", error);
        let transaction = writer
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failed(&error))?;
        let found = umbrella(&transaction).map_err(|error| failed(&error))?;
        if found.map_or_else(Head::empty, |(head, _)| head) != base {
            return Err(StoreError::Corrupt(
                "the umbrella's head in the head store is not the one the round stands on: \
                 another process wrote without the commit lock"
                    .to_owned(),
            ));
        }
        transaction
            .execute(
                "INSERT INTO umbrella_head (only, size, root, checkpoint) VALUES (1, ?1, ?2, ?3) \
                 ON CONFLICT (only) DO UPDATE SET size = excluded.size, root = excluded.root, \
                 checkpoint = excluded.checkpoint",
                params![to_i64(next.size), next.root.as_bytes().as_slice(), checkpoint],
            )
            .map_err(|error| failed(&error))?;
        transaction.commit().map_err(|error| failed(&error))
    }
}

fn umbrella(connection: &Connection) -> rusqlite::Result<Option<(Head, String)>> {
    connection
        .prepare_cached("SELECT size, root, checkpoint FROM umbrella_head")?
        .query_row([], |row| {
            let head = Head { size: to_u64(row.get(0)?), root: hash(&row.get::<_, Vec<u8>>(1)?) };
            Ok((head, row.get(2)?))
        })
        .optional()
}

fn published(connection: &Connection, log: LogNumber) -> rusqlite::Result<Option<Head>> {
    connection
        .prepare_cached("SELECT size, root FROM head WHERE log = ?1")?
        .query_row([log], |row| {
            Ok(Head { size: to_u64(row.get(0)?), root: hash(&row.get::<_, Vec<u8>>(1)?) })
        })
        .optional()
}

/// A root of a wrong length is damage; it becomes a root that nothing agrees with.
pub(super) fn hash(bytes: &[u8]) -> Hash {
    <[u8; 32]>::try_from(bytes).map_or_else(|_| Hash::from_bytes([0; 32]), Hash::from_bytes)
}
