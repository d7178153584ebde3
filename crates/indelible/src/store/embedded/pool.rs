use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rusqlite::Connection;

use super::sqlite::{locked, open_reader};
use crate::store::StoreError;

/// Connections kept open for readers. More readers than this open one of their own and close it after use.
const CONNECTIONS_KEPT: usize = 8;

/// Reading connections, used by one thread at a time each.
pub(super) struct Pool {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::new(Vec::new()) }
    }

    /// Where the database is.
    pub(super) fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// Runs `read` on a connection of its own.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = locked(&self.idle)?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        };
        let result = read(&connection);
        let mut idle = locked(&self.idle)?;
        if idle.len() < CONNECTIONS_KEPT {
            idle.push(connection);
        }
        result
    }
}
