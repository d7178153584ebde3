//! What the index holds of an entry: columns to sort, count and compare by, and terms to find it by. None of
//! its content: entries are read from the log.

use model::filter::{Part, each_text, is_nobody};
use model::inside::{Scalar, walk};
use model::text::{fold, words};
use model::{Decimal, Entry, SortColumn, SortValue};
use tantivy::TantivyDocument;
use tantivy::schema::{BytesOptions, FAST, Field as Slot, NumericOptions, Schema, TextOptions};

use super::terms::{self, Terms};
use crate::store::LogNumber;

/// Changes with every change of what is written here. An index of another format is made anew.
pub(super) const FORMAT: u32 = 2;

/// The columns of texts but the site, which the log says: each a sorted dictionary of the shard's values.
pub(super) const TEXT_COLUMNS: [SortColumn; 16] = [
    SortColumn::User,
    SortColumn::Action,
    SortColumn::Kind,
    SortColumn::EntityType,
    SortColumn::Entity,
    SortColumn::EntityId,
    SortColumn::Ip,
    SortColumn::Outcome,
    SortColumn::Connector,
    SortColumn::Details,
    SortColumn::Source,
    SortColumn::Channel,
    SortColumn::Method,
    SortColumn::Route,
    SortColumn::Path,
    SortColumn::Ref,
];

/// Names of the other columns.
pub(super) const LOG: &str = "log";
pub(super) const INDEX: &str = "index";
pub(super) const OCCURRED_US: &str = "occurred_us";
pub(super) const OCCURRED_NS: &str = "occurred_ns";
pub(super) const RECORDED_MS: &str = "recorded_ms";
pub(super) const DURATION_MS: &str = "duration_ms";
pub(super) const TERM: &str = "term";

/// The index' fields.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    schema: Schema,
    log: Slot,
    index: Slot,
    occurred_us: Slot,
    occurred_ns: Slot,
    recorded_ms: Slot,
    duration_ms: Slot,
    texts: Vec<(SortColumn, Slot)>,
    pub(super) term: Slot,
}

impl Slots {
    pub(super) fn new() -> Self {
        let mut schema = Schema::builder();
        let number = || NumericOptions::default().set_fast();
        let log = schema.add_u64_field(LOG, number());
        let index = schema.add_u64_field(INDEX, number());
        let occurred_us = schema.add_i64_field(OCCURRED_US, number());
        let occurred_ns = schema.add_u64_field(OCCURRED_NS, number());
        let recorded_ms = schema.add_i64_field(RECORDED_MS, number());
        let duration_ms = schema.add_u64_field(DURATION_MS, number());
        let text =
            |column: SortColumn| (column, schema.add_text_field(column.as_str(), TextOptions::from(FAST)));
        let texts = TEXT_COLUMNS.into_iter().map(text).collect();
        let term = schema.add_bytes_field(TERM, BytesOptions::default().set_indexed());
        Self {
            schema: schema.build(),
            log,
            index,
            occurred_us,
            occurred_ns,
            recorded_ms,
            duration_ms,
            texts,
            term,
        }
    }

    pub(super) fn schema(&self) -> Schema {
        self.schema.clone()
    }

    /// What the index holds of an entry.
    pub(super) fn document(&self, log: LogNumber, entry: &Entry, terms: &mut Terms) -> TantivyDocument {
        let mut document = TantivyDocument::new();
        document.add_u64(self.log, u64::from(log));
        document.add_u64(self.index, entry.index);
        let (us, ns) = split_time(entry.occurred_at);
        document.add_i64(self.occurred_us, us);
        if ns > 0 {
            // Seldom there, and then it takes no room.
            document.add_u64(self.occurred_ns, ns);
        }
        document.add_i64(self.recorded_ms, entry.recorded_at.as_millisecond());
        if let Some(duration) = entry.duration_ms {
            document.add_u64(self.duration_ms, duration);
        }
        for (column, slot) in &self.texts {
            if let SortValue::Text(text) = column.value(entry) {
                document.add_text(*slot, text);
            }
        }
        collect(log, entry, terms);
        for term in terms.distinct() {
            document.add_bytes(self.term, term);
        }
        document
    }
}

/// A time as whole microseconds since 1970, rounded down, and the nanoseconds beyond them.
pub(super) fn split_time(time: jiff::Timestamp) -> (i64, u64) {
    let ns = time.as_nanosecond();
    let us = i64::try_from(ns.div_euclid(1000)).unwrap_or_default();
    (us, u64::try_from(ns.rem_euclid(1000)).unwrap_or_default())
}

/// Every term that an entry is found by.
fn collect(log: LogNumber, entry: &Entry, terms: &mut Terms) {
    terms.clear();
    terms.log(log);
    for (field, ..) in terms::FIELDS {
        field.any(entry, |value, case| {
            terms.value(field, value, case);
            false
        });
    }
    if let Some(actor) = entry.actor.as_ref().filter(|actor| is_nobody(actor)) {
        terms.nobody(actor.kind.as_str());
    }
    each_text(entry, &mut |text| {
        words(text).for_each(|word| terms.word(&word));
        false
    });
    for name in entry.changed() {
        terms.changed(&fold(&name));
    }
    for part in Part::ALL {
        let Some(json) = part.of(entry) else { continue };
        walk(json, |path, scalar| {
            terms.path(part, path);
            match scalar {
                Scalar::Text(text) => terms.inside_text(part, path, &fold(&text)),
                Scalar::Number(text) => {
                    if let Some(number) = Decimal::parse(text) {
                        terms.inside_number(part, path, &number);
                    }
                }
                Scalar::Bool(truth) => terms.inside_text(part, path, if truth { "true" } else { "false" }),
                Scalar::Null => terms.inside_text(part, path, "null"),
                Scalar::Empty => {}
            }
            true
        });
    }
}
