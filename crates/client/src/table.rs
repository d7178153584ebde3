//! An outbox in the application's own database: the entry is written in the transaction that makes the change, so that
//! both are there or neither is.
//!
//! This module knows no driver. It gives the statements ([`Table`]) and the row ([`PendingEntry::outgoing`]), and a [`Relay`]
//! that sends what waits, through a trait of four methods that your program implements with the driver it has.
//!
//! ```
//! use client::table::{Dialect, Table};
//! # use std::sync::Arc;
//! # use client::{EntityRef, Logger, Memory, Registry};
//!
//! let table = Table::new("audit_outbox", Dialect::Postgres)?;
//! println!("{}", table.create());  // a migration
//!
//! # let logger = Logger::new("acme.www", Registry::any(), Arc::new(Memory::default()));
//! # let page = EntityRef::new("page", "7");
//! // In the transaction that publishes the page:
//! let row = logger.log(&page, "page.publish").system().outgoing()?;
//! // transaction.execute(&table.insert(), &[&row.id.to_string(), &row.site, &row.text()])
//! assert!(table.insert().starts_with("INSERT INTO audit_outbox (id, site, entry)"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`PendingEntry::outgoing`]: crate::PendingEntry::outgoing

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use crate::deliver::{Fate, deliver};
use crate::error::{Error, Refusal};
use crate::sink::Outgoing;
use crate::transport::Transport;

/// Bytes of a table's name, at most: what every database takes.
const NAME_BYTES_MAX: usize = 63;

/// Rows of one batch, at most.
const BATCH_ROWS: usize = 1000;

/// Whose SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `PostgreSQL`, and what speaks like it.
    Postgres,
    /// `SQLite`.
    Sqlite,
}

/// The statements of an outbox table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    name: String,
    dialect: Dialect,
}

/// A name that no table can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be the name of the outbox table: use lower-case letters, digits and `_`, at most 63, beginning with a \
     letter; a schema's name and a dot may stand before it"
)]
pub struct BadName(String);

impl Table {
    /// The table of this name.
    ///
    /// # Errors
    /// When it is no plain name: it becomes part of statements.
    pub fn new(name: &str, dialect: Dialect) -> Result<Self, BadName> {
        let is_plain = |part: &str| {
            part.len() <= NAME_BYTES_MAX
                && part.starts_with(|c: char| c.is_ascii_lowercase())
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        let parts = name.split('.').count();
        if parts > 2 || !name.split('.').all(is_plain) {
            return Err(BadName(name.chars().take(100).collect()));
        }
        Ok(Self { name: name.to_owned(), dialect })
    }

    /// Makes the table, where there is none.
    #[must_use]
    pub fn create(&self) -> String {
        let Self { name, dialect } = self;
        let (number, time) = match dialect {
            Dialect::Postgres => {
                ("bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "timestamptz NOT NULL DEFAULT now()")
            }
            Dialect::Sqlite => {
                ("INTEGER PRIMARY KEY AUTOINCREMENT", "text NOT NULL DEFAULT CURRENT_TIMESTAMP")
            }
        };
        format!(
            "CREATE TABLE IF NOT EXISTS {name} (\n  number {number},\n  id text NOT NULL UNIQUE,\n  \
             site text NOT NULL,\n  entry text NOT NULL,\n  written_at {time},\n  refused text\n)"
        )
    }

    /// Adds a row. Parameters: the id as a text, the site, the entry's JSON as a text ([`Outgoing::text`]).
    #[must_use]
    pub fn insert(&self) -> String {
        let [one, two, three] = self.parameters();
        format!("INSERT INTO {} (id, site, entry) VALUES ({one}, {two}, {three})", self.name)
    }

    /// The rows that wait, oldest first: id, site and entry. Parameter: how many at most.
    #[must_use]
    pub fn waiting(&self) -> String {
        let [limit, ..] = self.parameters();
        format!(
            "SELECT id, site, entry FROM {} WHERE refused IS NULL ORDER BY number LIMIT {limit}",
            self.name
        )
    }

    /// Removes a row. Parameter: the id as a text.
    #[must_use]
    pub fn remove(&self) -> String {
        let [id, ..] = self.parameters();
        format!("DELETE FROM {} WHERE id = {id}", self.name)
    }

    /// Sets a row aside. Parameters: the id as a text, the reason.
    #[must_use]
    pub fn set_aside(&self) -> String {
        let [id, reason, _] = self.parameters();
        format!("UPDATE {} SET refused = {reason} WHERE id = {id}", self.name)
    }

    /// Has the rows that were set aside wait again: after the reason for it is gone.
    #[must_use]
    pub fn send_set_aside_again(&self) -> String {
        format!("UPDATE {} SET refused = NULL WHERE refused IS NOT NULL", self.name)
    }

    fn parameters(&self) -> [&'static str; 3] {
        match self.dialect {
            Dialect::Postgres => ["$1", "$2", "$3"],
            Dialect::Sqlite => ["?1", "?2", "?3"],
        }
    }
}

impl Outgoing {
    /// A row as it was read.
    ///
    /// # Errors
    /// When the id is no UUID.
    pub fn from_row(
        id: &str,
        site: impl Into<String>,
        entry: impl Into<String>,
    ) -> Result<Self, uuid::Error> {
        Ok(Self { id: Uuid::try_parse(id)?, site: site.into(), entry: entry.into().into_bytes() })
    }

    /// The entry's JSON as a text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.entry).into_owned()
    }
}

/// The rows of an outbox table, by the driver that your program uses: each method is one statement of [`Table`].
///
/// ```
/// use client::table::{Relay, RelayError, Rows};
/// use client::{Outgoing, Refusal};
/// use uuid::Uuid;
///
/// /// A table in memory; `crates/client/tests/it/table.rs` has one in `SQLite`.
/// #[derive(Default)]
/// struct InMemory(Vec<Outgoing>);
///
/// impl Rows for InMemory {
///     type Error = std::convert::Infallible;
///
///     fn waiting(&mut self, limit: usize) -> Result<Vec<Outgoing>, Self::Error> {
///         Ok(self.0.iter().take(limit).cloned().collect())
///     }
///     fn remove(&mut self, ids: &[Uuid]) -> Result<(), Self::Error> {
///         self.0.retain(|row| !ids.contains(&row.id));
///         Ok(())
///     }
///     fn set_aside(&mut self, id: Uuid, reason: &Refusal) -> Result<(), Self::Error> {
///         println!("{id}: {reason}");
///         self.remove(&[id])
///     }
/// }
/// ```
pub trait Rows {
    /// What the driver fails with.
    type Error: fmt::Display;

    /// The rows that wait, oldest first ([`Table::waiting`]).
    ///
    /// # Errors
    /// When the database fails.
    fn waiting(&mut self, limit: usize) -> Result<Vec<Outgoing>, Self::Error>;

    /// Removes rows that have arrived ([`Table::remove`]), best in one transaction.
    ///
    /// # Errors
    /// When the database fails. They are sent again then, which doubles nothing.
    fn remove(&mut self, ids: &[Uuid]) -> Result<(), Self::Error>;

    /// Sets a row aside that its log refuses ([`Table::set_aside`]).
    ///
    /// # Errors
    /// When the database fails.
    fn set_aside(&mut self, id: Uuid, reason: &Refusal) -> Result<(), Self::Error>;
}

/// Sends what waits in an outbox table. Run it in a thread or a job of its own; several at the same time double nothing.
///
/// ```no_run
/// use std::sync::Arc;
/// use std::time::Duration;
/// use client::Server;
/// use client::table::{Relay, Rows};
///
/// fn run(rows: &mut impl Rows, server: Server) -> ! {
///     let relay = Relay::new(Arc::new(server));
///     loop {
///         match relay.round(rows) {
///             Ok(round) if round.is_idle() => std::thread::sleep(Duration::from_secs(1)),
///             Ok(_) => {}
///             Err(error) => {
///                 eprintln!("{error}");
///                 std::thread::sleep(Duration::from_secs(30));
///             }
///         }
///     }
/// }
/// ```
#[derive(Debug)]
pub struct Relay {
    transport: Arc<dyn Transport>,
}

/// What one round of a [`Relay`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Entries that have arrived and whose rows are gone.
    pub arrived: usize,
    /// Entries that were refused and whose rows are set aside.
    pub set_aside: usize,
}

impl Round {
    /// Whether nothing waited.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        self.arrived == 0 && self.set_aside == 0
    }
}

/// Why a round of a [`Relay`] ended early. What was not sent waits on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The log cannot be reached, or is busy.
    #[error(transparent)]
    Log(#[from] Error),
    /// The database fails.
    #[error("the outbox table: {0}")]
    Database(String),
}

impl Relay {
    /// A relay to a log.
    #[must_use]
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport }
    }

    /// Sends one batch of what waits. Blocks, so it has no place in async code. Call it again at once until the round is idle, then after a while; after an
    /// error, after a longer while.
    ///
    /// # Errors
    /// When log or database fail.
    pub fn round<R: Rows>(&self, rows: &mut R) -> Result<Round, RelayError> {
        let failed = |error: R::Error| RelayError::Database(error.to_string());
        let mut waiting = rows.waiting(BATCH_ROWS).map_err(failed)?;
        let mut round = Round::default();
        while let Some(first) = waiting.first() {
            let site = first.site.clone();
            let (batch, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|row| row.site == site);
            waiting = rest;
            let fates = deliver(self.transport.as_ref(), &site, &batch)?;
            let mut arrived = Vec::new();
            for (row, fate) in batch.iter().zip(fates) {
                match fate {
                    Fate::Arrived(_) => arrived.push(row.id),
                    Fate::Refused(refusal) => {
                        rows.set_aside(row.id, &refusal).map_err(failed)?;
                        tracing::error!(id = %row.id, site, %refusal, "an audit entry was refused and is set aside");
                        round.set_aside += 1;
                    }
                }
            }
            rows.remove(&arrived).map_err(failed)?;
            round.arrived += arrived.len();
        }
        Ok(round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_become_part_of_statements() {
        for good in ["outbox", "audit.outbox_2"] {
            Table::new(good, Dialect::Sqlite).unwrap();
        }
        for bad in ["", "a b", "a;", "a\"", "1a", "a.b.c", ".a", "a.", "A", "é", &"a".repeat(64)] {
            assert!(Table::new(bad, Dialect::Postgres).is_err(), "{bad}");
        }
    }

    #[test]
    fn parameters_are_those_of_the_dialect() {
        let postgres = Table::new("outbox", Dialect::Postgres).unwrap();
        assert_eq!(postgres.set_aside(), "UPDATE outbox SET refused = $2 WHERE id = $1");
        let sqlite = Table::new("outbox", Dialect::Sqlite).unwrap();
        assert_eq!(sqlite.insert(), "INSERT INTO outbox (id, site, entry) VALUES (?1, ?2, ?3)");
    }
}
