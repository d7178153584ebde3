//! What every use of SQLite here shares: connections, migrations, errors, number conversion.

use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use sha2::{Digest, Sha256};

use crate::store::StoreError;

/// How long a connection waits for another process to finish a write.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Size of a page of a new database; one that exists keeps its own. What a block or tile leaves free on its last
/// page is lost, and 4 KiB lose half as much as 8.
const PAGE_BYTES: u32 = 4096;

/// Pages in the write-ahead log before it is copied back: 128 MiB. Copying seldom is what makes durable
/// commits cheap.
const WAL_PAGES: u32 = 32_768;

/// Opens a connection that writes durably.
pub(super) fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let connection =
        Connection::open(path).map_err(|error| engine(&format!("opening {}", path.display()), &error))?;
    prepare(&connection, path)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| engine(&format!("opening {}", path.display()), &error))?;
    connection
        .busy_timeout(BUSY_TIMEOUT)
        .and_then(|()| connection.pragma_update(None, "cache_size", -16_000))
        .map_err(|error| engine("preparing a reading connection", &error))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

fn prepare(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let settings = || {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "page_size", PAGE_BYTES)?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
        connection.pragma_update(None, "cache_size", -64_000)?;
        connection.pragma_update(None, "secure_delete", "on")
    };
    connection.set_prepared_statement_cache_capacity(64);
    settings().map_err(|error| engine(&format!("preparing {}", path.display()), &error))
}

/// Brings a database to the newest schema. Forward only; each migration's SHA-256 is kept and compared, so
/// that two versions of one number cannot pass for the same.
pub(super) fn migrate(connection: &mut Connection, migrations: &[(&str, &str)]) -> Result<(), StoreError> {
    let failed = |error: &rusqlite::Error| engine("migrating the database", error);
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(|error| failed(&error))?;
    transaction
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS migration \
             (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 BLOB NOT NULL) STRICT",
        )
        .map_err(|error| failed(&error))?;
    let applied: Vec<(String, Vec<u8>)> = transaction
        .prepare("SELECT name, sha256 FROM migration ORDER BY number")
        .and_then(|mut statement| statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .map_err(|error| failed(&error))?;
    if applied.len() > migrations.len() {
        return Err(StoreError::Refused(format!(
            "the data were written by a newer version of Indelible (schema {}, this one knows {}): \
             start that version or a later one",
            applied.len(),
            migrations.len()
        )));
    }
    for (position, (name, sql)) in migrations.iter().enumerate() {
        let hash = Sha256::digest(sql.as_bytes());
        match applied.get(position) {
            Some((applied_name, applied_hash)) if applied_hash.as_slice() != hash.as_slice() => {
                return Err(StoreError::Refused(format!(
                    "migration `{applied_name}` was applied with other content than this version's `{name}`: \
                     the data belong to another build of Indelible"
                )));
            }
            Some(_) => {}
            None => transaction
                .execute_batch(sql)
                .and_then(|()| {
                    transaction.execute(
                        "INSERT INTO migration (number, name, sha256) VALUES (?1, ?2, ?3)",
                        rusqlite::params![i64::try_from(position).unwrap_or(i64::MAX), name, hash.as_slice()],
                    )
                })
                .map(|_| ())
                .map_err(|error| failed(&error))?,
        }
    }
    transaction.commit().map_err(|error| failed(&error))
}

/// Does work that may be lost in a power cut, as a whole: its commits do not wait for the disk. Whatever was
/// committed before stays safe, and what is committed after takes it along.
pub(super) fn unsynced<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let wait = |connection: &Connection, how: &str| {
        connection
            .pragma_update(None, "synchronous", how)
            .map_err(|error| engine("preparing the database's writing connection", &error))
    };
    wait(connection, "normal")?;
    let done = work(connection);
    // What comes next is to be on disk when it returns.
    wait(connection, "full")?;
    done
}

/// What an engine's error means to the caller.
pub(super) fn engine(what: &str, error: &rusqlite::Error) -> StoreError {
    if error.sqlite_error_code() == Some(ErrorCode::DiskFull) {
        return StoreError::Full { place: what.to_owned() };
    }
    let corrupt =
        matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase));
    if corrupt {
        return StoreError::Corrupt(format!("{what}: {error}"));
    }
    StoreError::Engine { what: what.to_owned(), reason: error.to_string() }
}

/// A lock whose holder panicked protects data in an unknown state: refuse to go on with them.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, StoreError> {
    mutex.lock().map_err(|_| StoreError::Engine {
        what: "using the database".to_owned(),
        reason: "an earlier operation ended abnormally; restart to recover".to_owned(),
    })
}

/// SQLite's integers are signed; sizes and indexes never come near the top.
pub(super) fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A length as SQLite and our interfaces count.
pub(super) fn to_count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// The way back; a negative number in the database can only be damage, and no valid index is that large.
pub(super) fn to_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
