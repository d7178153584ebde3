//! The database that changes are captured from: what is asked of it in SQL.

use std::collections::HashMap;
use std::path::PathBuf;

use pgwire_replication::{ReplicationConfig, SslMode, TlsConfig};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::CaptureError;
use super::context::SEAL_KEY_BYTES;
use super::entry::Lsn;
use super::pgoutput::{Column, Relation};
use super::rules::Rules;
use super::table::{Known, Table};
use crate::causes::chain;
use crate::store::{DatabaseUrl, StoreError, connect_alone};

/// The oldest server that is captured from: `pgoutput` has logical messages since.
const VERSION_MIN: i32 = 140_000;

/// A session of the source.
pub(super) struct Source {
    pub(super) client: Client,
    /// The server and database, without any secret.
    pub(super) place: String,
}

/// What a server is.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) version: i32,
    /// The identifier that it made for itself.
    pub(super) system: String,
    pub(super) database: String,
    pub(super) user: String,
    pub(super) wal_level: String,
    pub(super) is_standby: bool,
    pub(super) may_replicate: bool,
    /// What it keeps for slots at most, in megabytes; -1 for everything.
    pub(super) slot_megabytes_max: i64,
}

/// A replication slot.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    /// Whether what it waits for is still there.
    pub(super) is_lost: bool,
    pub(super) active_pid: Option<i32>,
    /// Up to where its reader has all.
    pub(super) confirmed: Lsn,
    /// Bytes of log from there to now.
    pub(super) behind: i64,
    /// Bytes of log that are kept for it.
    pub(super) kept: i64,
    /// Bytes until it is lost, where there is a limit.
    pub(super) safe: Option<i64>,
}

/// A table of the source.
#[expect(clippy::struct_excessive_bools, reason = "the catalogue's answers to as many questions")]
#[derive(Clone, Debug)]
pub(super) struct SourceTable {
    pub(super) id: u32,
    pub(super) schema: String,
    pub(super) name: String,
    pub(super) key: Vec<String>,
    /// `r` a table, `p` one in partitions, `f` a foreign one, `m` a materialised view.
    pub(super) kind: char,
    /// `p` on disk and in the log, `u` not in the log.
    pub(super) persistence: char,
    pub(super) is_partition: bool,
    /// Whether old rows are told in full, in all of its partitions.
    pub(super) is_full: bool,
    pub(super) is_published: bool,
    pub(super) may_be_read: bool,
    /// The columns that say in which partition a row lies.
    partitioned_by: Vec<String>,
    pub(super) has_row_security: bool,
}

/// How a session of replication is opened. `slot` is also the publication's name.
pub(super) fn replication(url: &DatabaseUrl, slot: &str) -> Result<ReplicationConfig, CaptureError> {
    let parts = url.parts().map_err(|error| CaptureError::Refused(error.to_string()))?;
    let mode = match (parts.needs_tls, parts.wants_tls) {
        (true, _) => SslMode::VerifyFull,
        (false, true) => SslMode::Prefer,
        (false, false) => SslMode::Disable,
    };
    // The machine's own certificates, as for SQL.
    let bundles = std::env::var_os("SSL_CERT_FILE").into_iter().chain(BUNDLES.map(Into::into));
    let ca_pem_path = bundles.map(PathBuf::from).find(|path| path.exists());
    let tls = TlsConfig { mode, ca_pem_path, ..TlsConfig::default() };
    let config = ReplicationConfig::new(parts.host, parts.user, parts.password, parts.database, slot, slot);
    Ok(config
        .with_port(parts.port)
        .with_tls(tls)
        .with_buffer_size(EVENTS_WAITING_MAX)
        .with_options(SESSION_OPTIONS)
        .with_application_name("indelible capture"))
}

/// Messages of the stream that wait to be read.
const EVENTS_WAITING_MAX: usize = 1_024;

/// Where systems have the certificates that they trust.
const BUNDLES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// How values are written, always the same, whatever is set for the user or the database; and nothing ends a session that
/// waits. No statement waits for a lock for long: what a new slot waits for, above all.
const SESSION_OPTIONS: &str = "-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c timezone=UTC \
    -c bytea_output=hex -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout=25s";

/// The same for a session of SQL.
const SESSION: &str = "SET datestyle = 'ISO'; SET intervalstyle = 'postgres'; SET extra_float_digits = 3; \
    SET timezone = 'UTC'; SET bytea_output = 'hex'; SET row_security = off; SET statement_timeout = 0; \
    SET idle_in_transaction_session_timeout = 0";

impl SourceTable {
    pub(super) fn full_name(&self) -> String {
        format!("{}.{}", self.schema, self.name)
    }

    /// Whether its changes can be captured by replication.
    pub(super) const fn can_be_captured(&self) -> bool {
        matches!(self.kind, 'r' | 'p') && self.persistence == 'p' && !self.is_partition
    }

    /// Whether rules capture it by replication.
    pub(super) fn is_captured_by(&self, rules: &Rules) -> bool {
        self.can_be_captured() && rules.of(&self.schema, &self.name).is_some()
    }

    pub(super) fn known(&self) -> Known {
        Known { key: self.key.clone(), partitioned_by: self.partitioned_by.clone() }
    }
}

const SERVER: &str = "SELECT current_setting('server_version_num')::int, current_database()::text, session_user::text, \
    current_setting('wal_level'), pg_is_in_recovery(), \
    (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = session_user), \
    (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size'), \
    (SELECT system_identifier::text FROM pg_control_system())";

const SLOT: &str = "SELECT coalesce(wal_status = 'lost', false), active_pid, confirmed_flush_lsn::text, \
    (pg_current_wal_lsn() - confirmed_flush_lsn)::bigint, (pg_current_wal_lsn() - restart_lsn)::bigint, safe_wal_size \
    FROM pg_replication_slots WHERE slot_name = $1 AND database = current_database()";

const TABLES: &str = "SELECT c.oid, n.nspname::text, c.relname::text, \
    coalesce((SELECT array_agg(a.attname::text) FROM pg_index i JOIN pg_attribute a \
        ON a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) \
        WHERE i.indrelid = c.oid AND i.indisprimary), '{}'), \
    c.relkind::text, c.relpersistence::text, c.relispartition, \
    CASE WHEN c.relkind = 'p' THEN NOT EXISTS (SELECT FROM pg_partition_tree(c.oid) t JOIN pg_class l ON l.oid = t.relid \
        WHERE t.isleaf AND l.relkind = 'r' AND l.relreplident <> 'f') ELSE c.relreplident = 'f' END, \
    EXISTS (SELECT FROM pg_publication_tables p \
        WHERE p.pubname = $1 AND p.schemaname = n.nspname AND p.tablename = c.relname), \
    has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE') AND NOT row_security_active(c.oid), \
    coalesce((SELECT array_agg(DISTINCT a.attname::text) FROM pg_partition_tree(c.oid) t \
        JOIN pg_partitioned_table p ON p.partrelid = t.relid \
        JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = ANY (p.partattrs)), '{}'), c.relrowsecurity \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' \
        AND n.nspname NOT IN ('information_schema', 'indelible_capture') ORDER BY n.nspname, c.relname";

impl Source {
    pub(super) async fn connect(url: &DatabaseUrl) -> Result<Self, CaptureError> {
        let place = url.to_string();
        let client = connect_alone(url, "indelible capture").await.map_err(|error| {
            if let StoreError::Unavailable(reason) = error {
                return CaptureError::Unreachable { place: place.clone(), reason };
            }
            CaptureError::Refused(format!("{error}. Correct --source or APP__CAPTURE__URL"))
        })?;
        let source = Self { client, place };
        source.execute(SESSION, "beginning a session").await?;
        Ok(source)
    }

    /// What an error of a statement means.
    pub(super) fn failed(&self, what: &str, error: &tokio_postgres::Error) -> CaptureError {
        failed(&self.place, what, error)
    }

    /// What the server is, which must be one that can be captured from.
    pub(super) async fn server(&self) -> Result<Server, CaptureError> {
        let row = self.one(SERVER, &[], "asking what the server is").await?;
        let get = |error: tokio_postgres::Error| self.failed("asking what the server is", &error);
        let server = Server {
            version: row.try_get(0).map_err(get)?,
            database: row.try_get(1).map_err(get)?,
            user: row.try_get(2).map_err(get)?,
            wal_level: row.try_get(3).map_err(get)?,
            is_standby: row.try_get(4).map_err(get)?,
            may_replicate: row.try_get::<_, Option<bool>>(5).map_err(get)?.unwrap_or(false),
            slot_megabytes_max: row.try_get::<_, Option<i64>>(6).map_err(get)?.unwrap_or(-1),
            system: row.try_get(7).map_err(get)?,
        };
        check_version(server.version, &self.place)?;
        Ok(server)
    }

    pub(super) async fn slot(&self, name: &str) -> Result<Option<Slot>, CaptureError> {
        const WHAT: &str = "asking for the replication slot";
        let rows = self.client.query(SLOT, &[&name]).await.map_err(|error| self.failed(WHAT, &error))?;
        let Some(row) = rows.first() else { return Ok(None) };
        let get = |error: tokio_postgres::Error| self.failed(WHAT, &error);
        let confirmed: Option<String> = row.try_get(2).map_err(get)?;
        Ok(Some(Slot {
            is_lost: row.try_get(0).map_err(get)?,
            active_pid: row.try_get(1).map_err(get)?,
            confirmed: confirmed.and_then(|text| text.parse().ok()).unwrap_or(Lsn(0)),
            behind: row.try_get::<_, Option<i64>>(3).map_err(get)?.unwrap_or_default(),
            kept: row.try_get::<_, Option<i64>>(4).map_err(get)?.unwrap_or_default(),
            safe: row.try_get(5).map_err(get)?,
        }))
    }

    /// Every table of the database.
    pub(super) async fn tables(&self, publication: &str) -> Result<Vec<SourceTable>, CaptureError> {
        const WHAT: &str = "reading which tables there are";
        let rows =
            self.client.query(TABLES, &[&publication]).await.map_err(|error| self.failed(WHAT, &error))?;
        let read = |row: &Row| -> Result<SourceTable, tokio_postgres::Error> {
            let letter =
                |place: usize| row.try_get::<_, String>(place).map(|text| text.chars().next().unwrap_or(' '));
            Ok(SourceTable {
                id: row.try_get(0)?,
                schema: row.try_get(1)?,
                name: row.try_get(2)?,
                key: row.try_get(3)?,
                kind: letter(4)?,
                persistence: letter(5)?,
                is_partition: row.try_get(6)?,
                is_full: row.try_get(7)?,
                is_published: row.try_get(8)?,
                may_be_read: row.try_get(9)?,
                partitioned_by: row.try_get(10)?,
                has_row_security: row.try_get(11)?,
            })
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| self.failed(WHAT, &error))
    }

    /// When the capture's slot was made anew, so that another is told from it.
    pub(super) async fn slot_made(&self, name: &str) -> Result<Option<Uuid>, CaptureError> {
        const WHAT: &str = "asking when the slot was made";
        let made = "SELECT made FROM indelible_capture.slot WHERE name = $1";
        let rows = self.client.query(made, &[&name]).await.map_err(|error| self.failed(WHAT, &error))?;
        rows.first().map(|row| row.try_get(0)).transpose().map_err(|error| self.failed(WHAT, &error))
    }

    /// The tables that the rules capture.
    pub(super) async fn captured(&self, rules: &Rules) -> Result<Vec<SourceTable>, CaptureError> {
        let mut tables = self.tables(&rules.slot()).await?;
        tables.retain(|table| table.is_captured_by(rules));
        Ok(tables)
    }

    /// What the catalogue knows of every table, partitions included: their own descriptions can be in the stream, too.
    pub(super) async fn known(&self, publication: &str) -> Result<HashMap<u32, Known>, CaptureError> {
        let tables = self.tables(publication).await?;
        Ok(tables.into_iter().map(|table| (table.id, table.known())).collect())
    }

    /// The key that the database's functions seal with.
    pub(super) async fn seal_key(&self) -> Result<[u8; SEAL_KEY_BYTES], CaptureError> {
        const INNER_PAD: u8 = 0x36;
        let row =
            self.one("SELECT inner_key FROM indelible_capture.seal", &[], "reading the seal's key").await?;
        let padded: Vec<u8> =
            row.try_get(0).map_err(|error| self.failed("reading the seal's key", &error))?;
        let key: [u8; SEAL_KEY_BYTES] = padded.try_into().map_err(|_| {
            CaptureError::Refused(
                "indelible_capture.seal holds no key: run `indelible capture init` again".to_owned(),
            )
        })?;
        Ok(key.map(|byte| byte ^ INNER_PAD))
    }

    pub(super) async fn execute(&self, sql: &str, what: &str) -> Result<(), CaptureError> {
        self.client.batch_execute(sql).await.map_err(|error| self.failed(what, &error))
    }

    /// Runs a statement whose answer says nothing.
    pub(super) async fn run(
        &self,
        sql: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
        what: &str,
    ) -> Result<(), CaptureError> {
        self.client.execute(sql, parameters).await.map(drop).map_err(|error| self.failed(what, &error))
    }

    pub(super) async fn one(
        &self,
        sql: &str,
        parameters: &[&(dyn tokio_postgres::types::ToSql + Sync)],
        what: &str,
    ) -> Result<Row, CaptureError> {
        self.client.query_one(sql, parameters).await.map_err(|error| self.failed(what, &error))
    }
}

/// A table as the catalogue describes it.
pub(super) async fn described(
    source: &Source,
    rules: &Rules,
    table: &SourceTable,
) -> Result<Table, CaptureError> {
    const COLUMNS: &str = "SELECT attname::text, atttypid FROM pg_attribute \
        WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum";
    let rows = source
        .client
        .query(COLUMNS, &[&table.id])
        .await
        .map_err(|error| source.failed("reading a table's columns", &error))?;
    let columns = rows.iter().map(|row| Column { name: row.get(0), type_id: row.get(1), is_identity: true });
    let relation = Relation {
        id: table.id,
        schema: table.schema.clone(),
        name: table.name.clone(),
        is_full: true,
        columns: columns.collect(),
    };
    let (place, rule) = rules
        .of(&table.schema, &table.name)
        .ok_or_else(|| CaptureError::Refused(format!("no rule captures {}", table.full_name())))?;
    Ok(Table::new(&relation, place, rule, &table.known()))
}

fn check_version(version: i32, place: &str) -> Result<(), CaptureError> {
    if version >= VERSION_MIN {
        return Ok(());
    }
    let major = version / 10_000;
    Err(CaptureError::Refused(format!(
        "{place} is PostgreSQL {major}; changes are captured from 14 on. Upgrade the server"
    )))
}

/// What an error of a statement means.
fn failed(place: &str, what: &str, error: &tokio_postgres::Error) -> CaptureError {
    let Some(code) = error.code() else {
        return CaptureError::Unreachable {
            place: place.to_owned(),
            reason: format!("{what}: {}", chain(error)),
        };
    };
    let reason = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        return CaptureError::Refused(format!(
            "{what} at {place}: {reason}. Run `indelible capture init` as the database's administrator: it grants what is \
             needed"
        ));
    }
    if *code == SqlState::UNDEFINED_TABLE
        || *code == SqlState::INVALID_SCHEMA_NAME
        || *code == SqlState::UNDEFINED_FUNCTION
    {
        return CaptureError::Refused(format!(
            "{what} at {place}: {reason}. The database is not set up for this capture: run `indelible capture init`"
        ));
    }
    match code.code().get(..2).unwrap_or_default() {
        "08" | "40" | "53" | "57" => {
            CaptureError::Unreachable { place: place.to_owned(), reason: format!("{what}: {reason}") }
        }
        _ => CaptureError::Refused(format!("{what} at {place}: {reason} ({})", code.code())),
    }
}

/// A name as SQL writes it whatever it holds.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it whatever it holds.
pub(super) fn literal(text: &str) -> String {
    let quotes = text.replace('\'', "''");
    if quotes.contains('\\') { format!("E'{}'", quotes.replace('\\', "\\\\")) } else { format!("'{quotes}'") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_servers_are_refused() {
        assert!(check_version(140_000, "PostgreSQL at db").is_ok());
        let error = check_version(130_014, "PostgreSQL at db").unwrap_err().to_string();
        assert!(
            error.contains("PostgreSQL at db is PostgreSQL 13") && error.contains("from 14 on"),
            "{error}"
        );
    }

    #[test]
    fn names_and_texts_stay_what_they_are() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\'b"), "E'a\\\\''b'");
    }
}
