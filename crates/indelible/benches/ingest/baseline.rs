//! What the machine does with the same entries without a log.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::Outcome;
use crate::load::BATCH;

/// Writes to a file, and makes each batch durable.
pub(crate) fn append(path: &Path, entries: &[String]) -> Outcome<Duration> {
    let mut file = File::create(path)?;
    let started = Instant::now();
    for batch in entries.chunks(BATCH) {
        file.write_all(batch.concat().as_bytes())?;
        file.sync_data()?;
    }
    let elapsed = started.elapsed();
    fs::remove_file(path)?;
    Ok(elapsed)
}

const TABLE: &str = "
    CREATE TABLE entry (
        id BLOB PRIMARY KEY, occurred_at TEXT, actor TEXT, action TEXT, kind TEXT, entity_type TEXT,
        entity_id TEXT, body TEXT
    );
    CREATE INDEX by_time ON entry (occurred_at);
    CREATE INDEX by_actor ON entry (actor, occurred_at);
    CREATE INDEX by_entity ON entry (entity_type, entity_id, occurred_at);
    CREATE VIRTUAL TABLE words USING fts5 (text, content='');";

/// What an application does that keeps its own audit table: eight columns, four indexes
/// (the primary key's included), full text. The
/// entries are parsed beforehand. Time and bytes on disk.
pub(crate) fn sqlite(path: &Path, entries: &[String]) -> Outcome<(Duration, usize)> {
    let mut connection = Connection::open(path)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(TABLE)?;
    let parsed: Vec<Value> =
        entries.iter().map(|entry| serde_json::from_str(entry)).collect::<Result<_, _>>()?;
    let started = Instant::now();
    for (batch, texts) in parsed.chunks(BATCH).zip(entries.chunks(BATCH)) {
        let transaction = connection.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
            let mut words = transaction.prepare_cached("INSERT INTO words (text) VALUES (?1)")?;
            for (entry, text) in batch.iter().zip(texts) {
                let field = |path: &str| entry.pointer(path).and_then(Value::as_str).unwrap_or_default();
                let id: uuid::Uuid = field("/id").parse()?;
                insert.execute(params![
                    id,
                    field("/occurred_at"),
                    field("/actor/id"),
                    field("/action"),
                    field("/kind"),
                    field("/entity/type"),
                    field("/entity/id"),
                    text
                ])?;
                words.execute([field("/after/body")])?;
            }
        }
        transaction.commit()?;
    }
    let elapsed = started.elapsed();
    connection.pragma_update(None, "wal_checkpoint", "truncate")?;
    drop(connection);
    let size = usize::try_from(fs::metadata(path)?.len())?;
    fs::remove_file(path)?;
    Ok((elapsed, size))
}
