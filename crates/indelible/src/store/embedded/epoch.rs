//! A new epoch: the logs go on under other origins, after a restore that may have lost entries.

use std::path::Path;

use super::open::{DATA_FILE, HEAD_FILE, close};
use super::sqlite::{engine, open_writer};
use super::{EmbeddedStore, Store};
use crate::store::StoreError;

impl EmbeddedStore {
    /// Begins a new epoch in a restored copy that nobody has open. The umbrella log begins anew, since its leaves name
    /// origins; sessions end. Returns the epoch.
    ///
    /// # Errors
    /// When data and heads do not belong together, or cannot be written.
    pub fn begin_epoch(directory: &Path, head_directory: &Path) -> Result<u32, StoreError> {
        let epoch = Self::open(directory, head_directory)?.epoch() + 1;
        let failed = |error: &rusqlite::Error| engine("beginning a new epoch", error);
        // The heads first: when this is cut off, the two do not fit, and no start succeeds.
        for (path, statements) in [
            (head_directory.join(HEAD_FILE), "BEGIN IMMEDIATE; DELETE FROM umbrella_head"),
            (
                directory.join(DATA_FILE),
                "BEGIN IMMEDIATE; DELETE FROM umbrella_leaf; DELETE FROM umbrella_tile; DELETE FROM session",
            ),
        ] {
            let connection = open_writer(&path)?;
            connection
                .execute_batch(statements)
                .and_then(|()| connection.execute("UPDATE installation SET epoch = ?1", [epoch]))
                .and_then(|_| connection.execute_batch("COMMIT"))
                .map_err(|error| failed(&error))?;
            close(connection)?;
        }
        Ok(epoch)
    }
}
