//! Capturing from a queue that triggers fill, where a server does not let one replicate.
//!
//! What lies in the queue is put into the stream's own messages, so that both ways tell the same entries.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch as channel;
use tokio_postgres::Row;

use super::append::{Appender, Batch};
use super::context::{Keys, is_sealed};
use super::entry::Pile;
use super::source::Source;
use super::table::Tables;
use super::tell::{Teller, Telling};
use super::transaction::{Commit, Part, Transaction};
use super::{Capture, CaptureError};

/// How long until an empty queue is looked at again.
const LOOK: Duration = Duration::from_millis(500);

/// Transactions taken at once.
const TRANSACTIONS_AT_ONCE: i64 = 200;

/// Transactions that were committed, in an order in which that may have been: whoever waited for a row wrote its last line
/// later than those it waited for, and sees theirs.
const ENDED: &str = "SELECT xid::text, max(id), max(at) FROM indelible_capture.queue \
    GROUP BY xid ORDER BY max(id) LIMIT $1";

const LINES: &str = "SELECT id, kind, context, relation, schema, name, columns::text, rows::text \
    FROM indelible_capture.queue WHERE xid = $1::text::xid8 AND id > $2 ORDER BY id LIMIT 20";

/// Row of texts, as the queue has it.
type Texts = Vec<Option<String>>;

impl Capture {
    /// Takes from the queue until told to stop, or something is wrong.
    pub(super) async fn poll(&self, stop: &mut channel::Receiver<bool>) -> Result<(), CaptureError> {
        let home = self.home()?;
        let source = Source::connect(&self.url).await?;
        let server = source.server().await?;
        let keys = Keys { seal: source.seal_key().await?, application: self.application_secret.clone() };
        let known = source.known(&self.rules.slot()).await?;
        let (rules, status) = (Arc::clone(&self.rules), Arc::clone(&self.status));
        let mut appender = Appender::start(self.indelible.clone(), Arc::clone(&rules), home, status)?;
        let mut teller = Teller {
            rules,
            tables: Tables::new(known),
            keys,
            system: server.system.clone(),
            database: server.database.clone(),
        };
        self.status.running(true);
        let work = async {
            loop {
                if self.take(&source, &mut teller, &mut appender).await? == 0 {
                    tokio::time::sleep(LOOK).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = super::asked_to(stop) => Ok(()),
            failed = work => failed,
        }
    }

    /// Takes what has ended, and says how many transactions that were.
    async fn take(
        &self,
        source: &Source,
        teller: &mut Teller,
        appender: &mut Appender,
    ) -> Result<usize, CaptureError> {
        const WHAT: &str = "reading the queue";
        let failed = |error: tokio_postgres::Error| source.failed(WHAT, &error);
        let ended = source.client.query(ENDED, &[&TRANSACTIONS_AT_ONCE]).await.map_err(failed)?;
        let mut xids = Vec::new();
        for row in &ended {
            let (xid, last, at): (String, i64, std::time::SystemTime) = (
                row.try_get(0).map_err(failed)?,
                row.try_get(1).map_err(failed)?,
                row.try_get(2).map_err(failed)?,
            );
            let commit = Commit {
                xid: low_half(&xid)?,
                lsn: u64::try_from(last).unwrap_or_default(),
                at: Timestamp::try_from(at).map_err(|error| CaptureError::Stream(error.to_string()))?,
            };
            let transaction = read(source, teller, commit, &xid).await?;
            let mut pile = Pile::default();
            let mut telling = Telling::new(transaction, teller)?;
            loop {
                let has_ended = telling.some(teller, &mut pile)?;
                appender.send(Batch { ready: pile.take(), standing: None, position: 0 }).await?;
                if has_ended {
                    break;
                }
            }
            self.status.transaction();
            xids.push(xid);
        }
        if !xids.is_empty() {
            // Only what is durable leaves the queue.
            appender.all().await?;
            let gone = "DELETE FROM indelible_capture.queue WHERE xid = ANY ($1::text[]::xid8[])";
            source.client.execute(gone, &[&xids]).await.map_err(failed)?;
        }
        Ok(xids.len())
    }
}

/// The number of a transaction as the seal has it.
fn low_half(xid: &str) -> Result<u32, CaptureError> {
    let odd = || CaptureError::Stream(format!("the queue has a transaction of number `{xid}`"));
    let xid: u64 = xid.parse().map_err(|_| odd())?;
    u32::try_from(xid & u64::from(u32::MAX)).map_err(|_| odd())
}

/// A transaction's lines as a transaction of the stream.
async fn read(
    source: &Source,
    teller: &Teller,
    commit: Commit,
    xid: &str,
) -> Result<Transaction, CaptureError> {
    let failed = |error: tokio_postgres::Error| source.failed("reading the queue", &error);
    let mut transaction = Transaction::new(commit);
    let mut described = HashMap::new();
    let mut last = 0_i64;
    loop {
        let lines = source.client.query(LINES, &[&xid, &last]).await.map_err(failed)?;
        if lines.is_empty() {
            return Ok(transaction);
        }
        for line in &lines {
            last = line.try_get(0).map_err(failed)?;
            let kind: String = line.try_get(1).map_err(failed)?;
            if kind == "context" {
                let claim: &[u8] = line.try_get(2).map_err(failed)?;
                transaction.claim(claim, is_sealed(claim, &teller.keys.seal));
                continue;
            }
            let messages = messages(line, teller, &kind, &mut described).map_err(CaptureError::Stream)?;
            for message in messages {
                transaction
                    .push(Part::Plugin, &message)
                    .map_err(|error| CaptureError::Spool(error.to_string()))?;
            }
        }
    }
}

#[derive(Deserialize)]
struct QueuedColumn(String, u32, bool);

#[derive(Deserialize)]
struct QueuedRow(Option<Texts>, Option<Texts>);

/// A line of the queue as messages of the stream.
fn messages(
    line: &Row,
    teller: &Teller,
    kind: &str,
    described: &mut HashMap<u32, String>,
) -> Result<Vec<Vec<u8>>, String> {
    let read = |error: tokio_postgres::Error| format!("a line of the queue does not read: {error}");
    let relation: u32 = line.try_get(3).map_err(read)?;
    let (schema, name): (String, String) = (line.try_get(4).map_err(read)?, line.try_get(5).map_err(read)?);
    let columns: String =
        line.try_get::<_, Option<String>>(6).map_err(read)?.unwrap_or_else(|| "[]".to_owned());
    let mut messages = Vec::new();
    // A table that is emptied is told by its name alone, which must be known.
    let is_new = if kind == "rows" {
        described.insert(relation, columns.clone()).as_ref() != Some(&columns)
    } else {
        !described.contains_key(&relation) && teller.tables.get(relation).is_none()
    };
    if is_new {
        let columns: Vec<QueuedColumn> = serde_json::from_str(&columns).map_err(|error| error.to_string())?;
        messages.push(relation_message(relation, &schema, &name, &columns)?);
    }
    if kind == "truncate" {
        let mut message = b"T\0\0\0\x01\0".to_vec();
        message.extend(relation.to_be_bytes());
        messages.push(message);
        return Ok(messages);
    }
    let rows: String = line.try_get(7).map_err(read)?;
    let rows: Vec<QueuedRow> = serde_json::from_str(&rows).map_err(|error| error.to_string())?;
    for QueuedRow(old, new) in paired(rows) {
        let mut message = Vec::new();
        match (&old, &new) {
            (None, Some(_)) => message.push(b'I'),
            (Some(_), Some(_)) => message.push(b'U'),
            (Some(_), None) => message.push(b'D'),
            (None, None) => continue,
        }
        message.extend(relation.to_be_bytes());
        for (mark, row) in [(b'O', &old), (b'N', &new)] {
            let Some(row) = row else { continue };
            message.push(mark);
            tuple(&mut message, row)?;
        }
        messages.push(message);
    }
    Ok(messages)
}

/// A row whose key changed has two halves that stand alone. Where a statement changed one key only, they belong together.
fn paired(mut rows: Vec<QueuedRow>) -> Vec<QueuedRow> {
    let alone = |wanted: fn(&QueuedRow) -> bool| {
        let mut places = rows.iter().enumerate().filter(|(_, row)| wanted(row)).map(|(place, _)| place);
        (places.next(), places.next())
    };
    let olds = alone(|row| row.0.is_some() && row.1.is_none());
    let news = alone(|row| row.0.is_none() && row.1.is_some());
    let ((Some(old), None), (Some(new), None)) = (olds, news) else {
        // What is gone goes first: a new row may have its key.
        rows.sort_by_key(|row| row.1.is_some());
        return rows;
    };
    let moved = rows.get_mut(new).and_then(|row| row.1.take());
    if let Some(row) = rows.get_mut(old) {
        row.1 = moved;
    }
    rows
}

fn relation_message(id: u32, schema: &str, name: &str, columns: &[QueuedColumn]) -> Result<Vec<u8>, String> {
    let mut message = b"R".to_vec();
    message.extend(id.to_be_bytes());
    for text in [schema, name] {
        message.extend(text.as_bytes());
        message.push(0);
    }
    message.push(b'f');
    message.extend(count(columns.len())?.to_be_bytes());
    for QueuedColumn(name, type_id, is_key) in columns {
        message.push(u8::from(*is_key));
        message.extend(name.as_bytes());
        message.push(0);
        message.extend(type_id.to_be_bytes());
        message.extend(u32::MAX.to_be_bytes());
    }
    Ok(message)
}

fn tuple(message: &mut Vec<u8>, row: &Texts) -> Result<(), String> {
    message.extend(count(row.len())?.to_be_bytes());
    for value in row {
        let Some(text) = value else {
            message.push(b'n');
            continue;
        };
        message.push(b't');
        let length = u32::try_from(text.len()).map_err(|_| "a value of more than 4 GiB".to_owned())?;
        message.extend(length.to_be_bytes());
        message.extend(text.as_bytes());
    }
    Ok(())
}

fn count(columns: usize) -> Result<u16, String> {
    u16::try_from(columns).map_err(|_| "more columns than a table can have".to_owned())
}
