//! A consistent copy of data and heads, made while others write.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, TransactionBehavior};

use super::EmbeddedStore;
use super::open::{DATA_FILE, HEAD_FILE, close, io};
use super::recover::{self, Lock};
use super::sqlite::{engine, open_reader};
use crate::files::make_private_directory;
use crate::store::StoreError;

/// Pages that are copied at a time: what is told of the progress is as fine.
const PAGES_AT_ONCE: i32 = 2_048;

/// See [`Store::back_up`](crate::store::Store::back_up). Writers wait for no longer than it takes to agree on the moment.
pub(super) fn back_up(
    store: &EmbeddedStore,
    to: &Path,
    progress: &dyn Fn(u64, u64),
) -> Result<(), StoreError> {
    let head_directory = to.join("head");
    for directory in [to, &head_directory] {
        make_private_directory(directory).map_err(|error| io(directory, &error))?;
    }
    let mut data = open_reader(&store.directory.join(DATA_FILE))?;
    let mut heads = open_reader(&store.heads.directory().join(HEAD_FILE))?;
    // Under the commit lock nothing is staged: what the two snapshots show belongs together.
    let lock = Lock::take(&store.committing, &store.lock_file)?;
    recover::discard_staged(&store.writer, &store.heads)?;
    let data = snapshot(&mut data)?;
    let heads = snapshot(&mut heads)?;
    drop(lock);
    copy(&heads, &head_directory.join(HEAD_FILE), &|_, _| ())?;
    copy(&data, &to.join(DATA_FILE), progress)
}

/// Begins to read, and so fixes what is read.
fn snapshot(connection: &mut Connection) -> Result<rusqlite::Transaction<'_>, StoreError> {
    let failed = |error: &rusqlite::Error| engine("beginning the copy", error);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Deferred)
        .map_err(|error| failed(&error))?;
    transaction
        .query_row("SELECT COUNT(*) FROM installation", [], |row| row.get::<_, i64>(0))
        .map_err(|error| failed(&error))?;
    Ok(transaction)
}

fn copy(from: &Connection, to: &Path, progress: &dyn Fn(u64, u64)) -> Result<(), StoreError> {
    if to.exists() {
        let error = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "it is there already");
        return Err(io(to, &error));
    }
    let failed = |error: &rusqlite::Error| engine(&format!("copying to {}", to.display()), error);
    let mut copy = Connection::open(to).map_err(|error| failed(&error))?;
    let backup = Backup::new(from, &mut copy).map_err(|error| failed(&error))?;
    loop {
        let step = backup.step(PAGES_AT_ONCE).map_err(|error| failed(&error))?;
        let at = backup.progress();
        let pages = |count: i32| u64::try_from(count).unwrap_or_default();
        progress(pages(at.pagecount.saturating_sub(at.remaining)), pages(at.pagecount));
        if matches!(step, StepResult::Done) {
            break;
        }
        if !matches!(step, StepResult::More) {
            // Somebody holds a lock on the copy: it will be let go.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    drop(backup);
    close(copy)?;
    std::fs::File::open(to).and_then(|file| file.sync_all()).map_err(|error| io(to, &error))
}
