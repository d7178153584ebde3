//! Comparing tables with the log: after a gap, and for tables that are new to it.
//!
//! The tables are read in a snapshot that the server exports with a slot of a moment: it shows exactly the transactions
//! whose commits lie before a position. So the stream is read up to there, and only then the log, which then knows all of
//! them, is held against the tables. What differs becomes entries; what comes after the position comes by the stream.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use model::json::write_string;
use pgwire_replication::{QueryRow, ReplicationClient};
use serde_json::value::RawValue;
use tokio_postgres::SimpleQueryMessage;

use super::CaptureError;
use super::append::Batch;
use super::context::Context;
use super::entry::{Header, Lsn, Pile, Ready};
use super::known_rows::{KnownRow, KnownRows};
use super::pgoutput::Datum;
use super::row::FoundRow;
use super::source::{Source, SourceTable, described, literal, quoted, replication};
use super::stream::Stream;
use super::table::Table;
use super::transaction::Commit;
use crate::entropy;
use crate::store::Site;

/// Rows read at once: few, as each may be large.
const ROWS_AT_ONCE: usize = 200;

/// How long the server may take for a snapshot; it gives up itself a little earlier (`lock_timeout`). Meanwhile the stream
/// waits.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(30);

/// A comparison that waits for the stream.
pub(super) struct Comparison {
    /// Where the stream must have come to.
    pub(super) position: u64,
    /// A time before the snapshot, by the source's clock: what the stream brings afterwards is later.
    at: Timestamp,
    snapshot: String,
    tables: Vec<SourceTable>,
    /// The snapshot is there as long as this session is.
    session: ReplicationClient,
}

/// What a comparison has found of a table.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    rows: u64,
    unknown: u64,
    different: u64,
    gone: u64,
}

impl Comparison {
    /// Has the server make a snapshot; `None` where transactions have kept it from doing so, to be tried again later.
    pub(super) async fn prepare(
        stream: &Stream<'_>,
        tables: Vec<SourceTable>,
    ) -> Result<Option<Self>, CaptureError> {
        let what = "asking for the time";
        let now = stream.source.one("SELECT clock_timestamp()", &[], what).await?;
        let now: SystemTime = now.try_get(0).map_err(|error| stream.source.failed(what, &error))?;
        let at = Timestamp::try_from(now).map_err(|error| CaptureError::Stream(error.to_string()))?;
        // A name of its own each time: the server may still be making the last one.
        let number = entropy::bytes().map_err(|error| CaptureError::Log(error.to_string()))?;
        let name = format!("{}_{:08x}", stream.capture.rules.slot(), u32::from_le_bytes(number));
        let mut session = ReplicationClient::connect_gated(replication(&stream.capture.url, &name)?)
            .await
            .map_err(|error| stream.wire(&error))?;
        let create =
            format!("CREATE_REPLICATION_SLOT {} TEMPORARY LOGICAL pgoutput EXPORT_SNAPSHOT", quoted(&name));
        let why = match tokio::time::timeout(SNAPSHOT_PATIENCE, session.simple_query(&create)).await {
            Ok(Ok(rows)) => return Self::made(&rows, at, tables, session).map(Some),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        tracing::warn!(
            why,
            "tables are not compared yet; it is tried again in some minutes. Transactions that stay open, or no free slot \
             (max_replication_slots), keep the server from making a snapshot"
        );
        Ok(None)
    }

    fn made(
        rows: &[QueryRow],
        at: Timestamp,
        tables: Vec<SourceTable>,
        session: ReplicationClient,
    ) -> Result<Self, CaptureError> {
        let text = |place: usize| {
            let value = rows.first().and_then(|row| row.get(place)).and_then(Option::as_ref);
            value.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        let odd = || CaptureError::Stream("PostgreSQL made a slot and does not say where".to_owned());
        let position: Lsn = text(1).and_then(|text| text.parse().ok()).ok_or_else(odd)?;
        let snapshot = text(2).ok_or_else(odd)?;
        Ok(Self { position: position.0, at, snapshot, tables, session })
    }
}

impl Stream<'_> {
    /// Compares, now that the stream has come to the snapshot.
    pub(super) async fn compare(&mut self) -> Result<(), CaptureError> {
        let Some(comparison) = self.comparison.take() else { return Ok(()) };
        self.hand_over().await?;
        self.appender.all().await?;
        let reader = Source::connect(&self.capture.url).await?;
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {}",
            literal(&comparison.snapshot)
        );
        reader.execute(&begin, "reading the snapshot").await?;
        let commit = Commit { xid: 0, lsn: comparison.position, at: comparison.at };
        let context = Context::of_capture(&self.server.database);
        let header = Header::new(&self.server.system, commit, context);
        let mut told = String::new();
        for of in &comparison.tables {
            let table = Arc::new(described(&reader, &self.capture.rules, of).await?);
            let found = match self.compare_table(&reader, &table, &header).await {
                Ok(found) => found,
                // It was dropped or changed since, or may not be read after all. The others are compared when it is looked
                // at again.
                Err(CaptureError::Refused(why)) => {
                    tracing::warn!(table = table.name, why, "a table could not be compared");
                    break;
                }
                Err(error) => return Err(error),
            };
            tracing::info!(table = table.name, ?found, "compared with the log");
            if !told.is_empty() {
                told.push(',');
            }
            write_string(&mut told, &table.name);
            let Found { rows, unknown, different, gone } = found;
            // Writing into a string cannot fail.
            _ = write!(
                told,
                ":{{\"rows\":{rows},\"unknown\":{unknown},\"different\":{different},\"gone\":{gone}}}"
            );
            self.standing.complete.insert(table.name.clone(), of.id);
            self.standing.torn.remove(&table.name);
        }
        drop(reader);
        comparison.session.stop();
        if told.is_empty() {
            return Ok(());
        }
        let summary = "Compared the tables with the log: what differs has entries of its own";
        let data = format!("\"snapshot_lsn\":\"{}\",\"tables\":{{{told}}}", Lsn(comparison.position));
        let entry = self.about_capture("postgres.compared", summary, &data);
        self.put_down(vec![entry]).await
    }

    async fn compare_table(
        &mut self,
        reader: &Source,
        table: &Arc<Table>,
        header: &Header,
    ) -> Result<Found, CaptureError> {
        let rules = Arc::clone(&self.capture.rules);
        // After a gap a row that the log has never heard of came in the gap.
        let has_baseline = rules.tables.get(table.rule).is_some_and(|rule| rule.baseline)
            || self.standing.torn.contains(&table.name);
        let source = rules.source();
        let (indelible, of) = (self.capture.indelible.clone(), Arc::clone(table));
        let sites = indelible.sites().all().map_err(|error| CaptureError::Log(error.to_string()))?;
        let all_sites = sites.clone();
        let reading =
            tokio::task::spawn_blocking(move || KnownRows::read(&indelible, &all_sites, &of, &source));
        let mut known = reading.await.map_err(|error| CaptureError::Log(error.to_string()))??;
        let mut found = Found::default();
        if known.is_empty() && !has_baseline {
            return Ok(found);
        }
        reader.execute(&cursor(table), "reading a table").await?;
        loop {
            let fetch = format!("FETCH {ROWS_AT_ONCE} FROM compared");
            let messages = reader
                .client
                .simple_query(&fetch)
                .await
                .map_err(|error| reader.failed("reading a table", &error))?;
            let mut pile = Pile::default();
            let mut rows = 0;
            for message in &messages {
                let SimpleQueryMessage::Row(row) = message else { continue };
                rows += 1;
                let datums: Vec<Datum<'_>> =
                    (0..row.len()).map(|place| row.get(place).map_or(Datum::Null, Datum::Text)).collect();
                let id = table.entity_id(&datums);
                let before = match known.take(&id) {
                    Some(row) if row.is_like(table, &datums) => continue,
                    Some(row) => {
                        found.different += 1;
                        self.state(&sites, &row, table, &id)?
                    }
                    None if has_baseline => {
                        found.unknown += 1;
                        None
                    }
                    None => continue,
                };
                let row = FoundRow { id: &id, before, row: Some(&datums) };
                pile.push(header.found(table, &rules, &row));
                if pile.is_full() {
                    self.append_found(&mut pile).await?;
                }
            }
            found.rows += rows;
            self.append_found(&mut pile).await?;
            if rows == 0 {
                break;
            }
        }
        reader.execute("CLOSE compared", "reading a table").await?;
        found.gone = self.tell_gone(known, &sites, table, header).await?;
        Ok(found)
    }

    /// Tells of rows that the table does not have any more; how many.
    async fn tell_gone(
        &mut self,
        known: KnownRows,
        sites: &[Site],
        table: &Table,
        header: &Header,
    ) -> Result<u64, CaptureError> {
        let rules = Arc::clone(&self.capture.rules);
        let (mut pile, mut gone_rows) = (Pile::default(), 0);
        for (id, row) in known.rest() {
            gone_rows += 1;
            let before = self.state(sites, &row, table, &id)?;
            let gone = header.found(table, &rules, &FoundRow { id: &id, before, row: None });
            // Where its history is.
            let site = sites.iter().find(|site| site.log == row.log).map(|site| site.id.clone());
            pile.push(Ready { site, ..gone });
            if pile.is_full() {
                self.append_found(&mut pile).await?;
            }
        }
        self.append_found(&mut pile).await?;
        Ok(gone_rows)
    }

    async fn append_found(&mut self, pile: &mut Pile) -> Result<(), CaptureError> {
        if pile.is_empty() {
            return Ok(());
        }
        self.appender.send(Batch { ready: pile.take(), standing: None, position: 0 }).await
    }

    /// What the log knows a row to be like.
    fn state(
        &self,
        sites: &[Site],
        row: &KnownRow,
        table: &Table,
        id: &str,
    ) -> Result<Option<Box<RawValue>>, CaptureError> {
        let Some(site) = sites.iter().find(|site| site.log == row.log) else { return Ok(None) };
        let search = self.capture.indelible.search();
        let state = tokio::task::block_in_place(|| search.state(site, &table.kind, id, None))
            .map_err(|error| CaptureError::Log(error.to_string()))?;
        Ok(state.and_then(|(_, state)| state.state))
    }
}

/// Reads all rows of a table, columns as the stream has them.
fn cursor(table: &Table) -> String {
    let columns: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    let columns = if columns.is_empty() { "NULL".to_owned() } else { columns.join(", ") };
    format!("DECLARE compared NO SCROLL CURSOR FOR SELECT {columns} FROM {}", table.quoted_name())
}
