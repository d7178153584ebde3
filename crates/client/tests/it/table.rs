//! The outbox in the application's own database, here `SQLite` by rusqlite.

use std::sync::{Arc, Mutex};

use client::table::{Dialect, Relay, RelayError, Rows, Table};
use client::{
    Actor, EntityRef, Error, Logger, Memory, Outgoing, Receipt, Refusal, Registry, Results, Transport,
};
use rusqlite::{Connection, params};
use uuid::Uuid;

/// What a program writes to use the relay.
struct Outbox<'a> {
    connection: &'a mut Connection,
    table: Table,
}

impl Rows for Outbox<'_> {
    type Error = rusqlite::Error;

    fn waiting(&mut self, limit: usize) -> rusqlite::Result<Vec<Outgoing>> {
        let mut statement = self.connection.prepare(&self.table.waiting())?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map([limit], |row| {
            let (id, site, entry): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Outgoing::from_row(&id, site, entry).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
            })
        })?;
        rows.collect()
    }

    fn remove(&mut self, ids: &[Uuid]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        for id in ids {
            transaction.execute(&self.table.remove(), [id.to_string()])?;
        }
        transaction.commit()
    }

    fn set_aside(&mut self, id: Uuid, reason: &Refusal) -> rusqlite::Result<()> {
        self.connection.execute(&self.table.set_aside(), [id.to_string(), reason.to_string()]).map(drop)
    }
}

/// A log that refuses entities of the id `bad`, and is away once.
#[derive(Debug, Default)]
struct Log {
    entries: Mutex<Vec<Uuid>>,
    away: Mutex<bool>,
}

impl Transport for Log {
    fn append(&self, _site: &str, batch: &[Outgoing]) -> Result<Results, Error> {
        if std::mem::take(&mut *self.away.lock().unwrap()) {
            let source = "connection refused".into();
            return Err(Error::Unreachable { url: "http://log".to_owned(), tries: 1, source });
        }
        let take = |entry: &Outgoing| {
            if entry.text().contains(r#""id":"bad""#) {
                let (code, field) = ("invalid_value".to_owned(), "entity.id".to_owned());
                return Err(Refusal { code, field, message: "is bad".to_owned() });
            }
            let mut entries = self.entries.lock().unwrap();
            entries.push(entry.id);
            let leaf_hash = String::new();
            Ok(Receipt { id: entry.id, index: 0, recorded_at: None, leaf_hash, known: false })
        };
        Ok(batch.iter().map(take).collect())
    }
}

#[test]
fn entries_live_and_die_with_the_transaction_and_the_relay_sends_them() {
    let table = Table::new("audit_outbox", Dialect::Sqlite).unwrap();
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(&format!("{};{}", table.create(), table.create())).unwrap();
    connection.execute_batch("CREATE TABLE page (id TEXT PRIMARY KEY, title TEXT)").unwrap();
    let logger = Logger::new("acme.www", Registry::any(), Arc::new(Memory::default()));

    let mut save = |id: &str, commits: bool| {
        let transaction = connection.transaction().unwrap();
        transaction.execute("INSERT INTO page VALUES (?1, 'Home')", [id]).unwrap();
        let page = EntityRef::new("page", id);
        let row = logger.log(&page, "page.create").actor(Actor::user("42")).outgoing().unwrap();
        transaction.execute(&table.insert(), params![row.id.to_string(), row.site, row.text()]).unwrap();
        if commits {
            transaction.commit().unwrap();
        } else {
            transaction.rollback().unwrap();
        }
        row.id
    };
    let first = save("1", true);
    save("2", false);
    save("bad", true);
    let last = save("3", true);

    let log = Arc::new(Log { away: Mutex::new(true), ..Log::default() });
    let relay = Relay::new(log.clone());
    let mut rows = Outbox { connection: &mut connection, table: table.clone() };
    let error = relay.round(&mut rows).unwrap_err();
    assert!(matches!(error, RelayError::Log(Error::Unreachable { .. })), "{error}");
    let round = relay.round(&mut rows).unwrap();
    assert_eq!((round.arrived, round.set_aside), (2, 1));
    assert!(relay.round(&mut rows).unwrap().is_idle());
    assert_eq!(*log.entries.lock().unwrap(), [first, last], "nothing of what was rolled back");

    let reason: String =
        connection.query_row("SELECT refused FROM audit_outbox", [], |row| row.get(0)).unwrap();
    assert_eq!(reason, "`entity.id`: is bad (invalid_value)");
    connection.execute(&table.send_set_aside_again(), []).unwrap();
    let mut rows = Outbox { connection: &mut connection, table };
    assert_eq!(relay.round(&mut rows).unwrap().set_aside, 1);
}
