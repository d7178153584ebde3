//! What a log knows of a table's rows: which there are, and what each was last like, in few bytes.

use std::collections::HashMap;
use std::hash::Hasher as _;

use jiff::Timestamp;
use model::diff;
use model::json::write_string;
use model::{Entry, Filter, Kind, mask};
use siphasher::sip::SipHasher13;

use super::CaptureError;
use super::pgoutput::Datum;
use super::table::Table;
use super::value;
use crate::Indelible;
use crate::store::{LogNumber, Site};

/// A value of which nothing can be said: it is masked, or no entry has it.
const UNKNOWN: u64 = 0;

/// What a log knows of a table's rows.
#[derive(Debug, Default)]
pub(super) struct KnownRows {
    rows: HashMap<String, KnownRow>,
    /// When the table was emptied last.
    emptied_at: Option<Timestamp>,
}

/// A row that should be there, or should not.
#[derive(Debug)]
pub(super) struct KnownRow {
    pub(super) log: LogNumber,
    at: Timestamp,
    is_there: bool,
    /// A hash of each column's value.
    values: Vec<u64>,
}

impl KnownRow {
    /// Whether a row of the table may be what the log knows.
    pub(super) fn is_like(&self, table: &Table, row: &[Datum<'_>]) -> bool {
        let mut text = String::new();
        table.columns.iter().zip(row).zip(&self.values).all(|((column, datum), known)| {
            if *known == UNKNOWN || !column.is_told || column.is_noise {
                return true;
            }
            text.clear();
            value::write(&mut text, column.type_id, *datum);
            hash(&text) == *known
        })
    }
}

impl KnownRows {
    /// Reads all that this capture has told of a table in the logs of these sites. Blocks.
    pub(super) fn read(
        indelible: &Indelible,
        sites: &[Site],
        table: &Table,
        source: &str,
    ) -> Result<Self, CaptureError> {
        let failed = |error: &dyn std::error::Error| CaptureError::Log(error.to_string());
        let mut kind = String::new();
        write_string(&mut kind, &table.kind);
        let question = format!("entity.type:{kind} OR action:postgres.truncate");
        let filter = Filter::parse(&question).map_err(|error| failed(&error))?;
        let names: Vec<String> = std::iter::once(&table.name)
            .chain(&table.was)
            .map(|name| {
                let mut member = String::from("\"table\":");
                write_string(&mut member, name);
                member
            })
            .collect();
        let mut known = Self::default();
        let logs: HashMap<String, LogNumber> =
            sites.iter().map(|site| (site.id.to_string(), site.log)).collect();
        let mut scan = indelible.search().scan(sites, &filter).map_err(|error| failed(&error))?;
        while let Some(entries) = scan.step().map_err(|error| failed(&error))? {
            for entry in entries.iter().filter(|entry| entry.source == source) {
                let Some(log) = logs.get(&entry.site.to_string()) else { continue };
                if entry.action == "postgres.truncate" {
                    known.emptied(entry, table);
                } else if entry
                    .data
                    .as_ref()
                    .is_some_and(|data| names.iter().any(|name| data.get().contains(name)))
                {
                    known.tell(entry, table, *log);
                }
            }
        }
        Ok(known)
    }

    /// Logs of several sites come one after another, so an older entry can come later.
    fn emptied(&mut self, entry: &Entry, table: &Table) {
        let Some(entity) = &entry.entity else { return };
        if entity.id == table.name || table.was.contains(&entity.id) {
            self.emptied_at = self.emptied_at.max(Some(entry.occurred_at));
            self.rows.retain(|_, row| row.at > entry.occurred_at);
        }
    }

    fn tell(&mut self, entry: &Entry, table: &Table, log: LogNumber) {
        let (Some(entity), at) = (&entry.entity, entry.occurred_at) else { return };
        if self.emptied_at.is_some_and(|emptied| emptied > at) {
            return;
        }
        let nothing = || vec![UNKNOWN; table.columns.len()];
        let was = entity.previous_id.as_ref().and_then(|id| self.rows.remove(id));
        let row = self.rows.entry(entity.id.clone()).or_insert_with(|| {
            was.unwrap_or_else(|| KnownRow { log, at, is_there: false, values: nothing() })
        });
        if row.at > at {
            return;
        }
        (row.log, row.at, row.is_there) = (log, at, entry.kind != Kind::Delete);
        // What a part does not tell may have changed, too.
        if !row.is_there || entry.partial == Some(true) {
            row.values = nothing();
        }
        let Some(fields) = entry.after.as_ref().and_then(|after| diff::fields(after)) else { return };
        for (name, value) in fields {
            let place = table.columns.iter().position(|column| column.name == name);
            if let Some(known) = place.and_then(|place| row.values.get_mut(place)) {
                *known = if is_masked(value.get()) { UNKNOWN } else { hash(value.get()) };
            }
        }
    }

    /// Takes a row out that should be there.
    pub(super) fn take(&mut self, id: &str) -> Option<KnownRow> {
        self.rows.remove(id).filter(|row| row.is_there)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Those that are left and should be there.
    pub(super) fn rest(self) -> impl Iterator<Item = (String, KnownRow)> {
        self.rows.into_iter().filter(|(_, row)| row.is_there)
    }
}

/// Whether a marker stands in a value, which may be deep inside of it, or in JSON that is a text.
fn is_masked(json: &str) -> bool {
    json.contains('"') && json.split(['"', '\\']).any(mask::is_marker)
}

fn hash(text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    hasher.finish().max(1)
}
