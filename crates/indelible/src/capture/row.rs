//! From a change of a row to its entry.

use std::fmt::Write as _;

use model::json::write_string;
use model::limits::ENTRY_BYTES_MAX;
use model::{Draft, Entity, SiteId};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::context::hex;
use super::entry::{Header, Ready, raw};
use super::pgoutput::{Datum, Old};
use super::rules::Rules;
use super::table::{Table, TableColumn};

/// Bytes that an entry may have before its large values are left out; the rest is for what it says beside them.
const STATES_BYTES_MAX: usize = ENTRY_BYTES_MAX - 64 * 1024;

/// Bytes from which on a value is large.
const LARGE_BYTES: usize = 8 * 1024;

/// What happened to a row.
#[derive(Debug)]
pub(super) enum Change<'a> {
    Insert { new: Vec<Datum<'a>> },
    Update { old: Option<Old<'a>>, new: Vec<Datum<'a>> },
    Delete { old: Old<'a> },
}

impl<'a> Change<'a> {
    /// An update, in which large values that were not sent again are those of the old row.
    pub(super) fn update(old: Option<Old<'a>>, mut new: Vec<Datum<'a>>) -> Self {
        if let Some(Old::Row(old)) = &old {
            for (new, old) in new.iter_mut().zip(old).filter(|(new, _)| **new == Datum::Unchanged) {
                *new = *old;
            }
        }
        Change::Update { old, new }
    }
}

/// What a comparison found of a row.
pub(super) struct FoundRow<'a> {
    pub(super) id: &'a str,
    /// What the log knew.
    pub(super) before: Option<Box<RawValue>>,
    /// What the table has.
    pub(super) row: Option<&'a [Datum<'a>]>,
}

impl Header {
    /// The entry of a change of a row. `ordinal` is its place among the changes of its transaction, `about` what its id
    /// follows from.
    pub(super) fn row(
        &self,
        table: &Table,
        rules: &Rules,
        change: &Change<'_>,
        ordinal: u64,
        about: &str,
    ) -> Ready {
        let (action, old, new) = match change {
            Change::Insert { new } => ("postgres.insert", None, Some(new.as_slice())),
            Change::Update { old, new } => ("postgres.update", old.as_ref(), Some(new.as_slice())),
            Change::Delete { old } => ("postgres.delete", Some(old), None),
        };
        let (before, is_before_full) = match old {
            Some(Old::Row(row)) => (Some(row.as_slice()), true),
            Some(Old::Identity(row)) => (Some(row.as_slice()), false),
            None => (None, false),
        };
        let row = new.or(before).unwrap_or_default();
        let entity_id = table.entity_id(row);
        let told = before.filter(|_| is_told_by_key(table, is_before_full));
        let previous_id = told.map(|before| table.entity_id(before)).filter(|was| *was != entity_id);
        let entity =
            Entity { previous_id, title: table.title_of(row), ..Entity::new(&table.kind, &entity_id) };
        let id = self.id(about);
        let draft = small_enough(|size| {
            let mut states = States::new(table, size);
            let before = before.map(|row| states.write(row, !is_before_full, "before"));
            let after = new.map(|row| states.write(row, false, "after"));
            let is_partial = states.lacks || (before.is_some() && !is_before_full);
            let data = data(table, Some(row), &states);
            Draft {
                before,
                after,
                // Said in either case, so that nobody has to guess.
                partial: Some(is_partial),
                ..self.draft(id, action, entity.clone(), &data, Some(ordinal))
            }
        });
        Ready { site: site_of(table, rules, row), rule: Some(table.rule), id, draft: Box::new(draft) }
    }

    /// The entry of a row that is not as the log knows it.
    pub(super) fn found(&self, table: &Table, rules: &Rules, found: &FoundRow<'_>) -> Ready {
        let (action, summary) = match (&found.before, found.row) {
            (None, Some(_)) => {
                ("postgres.found_create", "Was there when the capture began, or came in a gap")
            }
            (_, Some(_)) => ("postgres.found_update", "Changed in a gap, as a comparison shows"),
            (_, None) => ("postgres.found_delete", "Went in a gap, as a comparison shows"),
        };
        let title = found.row.and_then(|row| table.title_of(row));
        let entity = Entity { title, ..Entity::new(&table.kind, found.id) };
        let about = format!("found {} {}", table.name, hex(&Sha256::digest(found.id.as_bytes())));
        let id = self.id(&about);
        let draft = small_enough(|size| {
            let mut states = States::new(table, size);
            let after = found.row.map(|row| states.write(row, false, "after"));
            let is_kept = |before: &RawValue| matches!(size, Size::All) || before.get().len() <= LARGE_BYTES;
            let data = data(table, None, &states);
            Draft {
                summary: Some(summary.to_owned()),
                before: found.before.clone().filter(|before| is_kept(before)),
                after,
                partial: Some(states.lacks),
                ..self.draft(id, action, entity.clone(), &data, None)
            }
        });
        let site = found.row.and_then(|row| site_of(table, rules, row));
        Ready { site, rule: Some(table.rule), id, draft: Box::new(draft) }
    }
}

/// The site that a row names.
pub(super) fn site_of(table: &Table, rules: &Rules, row: &[Datum<'_>]) -> Option<SiteId> {
    let rule = rules.tables.get(table.rule)?;
    rule.site_of(|name| table.text(row, name).map(ToOwned::to_owned))
}

/// What stands in the data of a row's entry, as members of an object.
fn data(table: &Table, row: Option<&[Datum<'_>]>, states: &States<'_>) -> String {
    let mut data = String::with_capacity(256);
    data.push_str("\"table\":");
    write_string(&mut data, &table.name);
    if let Some(row) = row.filter(|_| !table.key.is_empty()) {
        data.push_str(",\"primary_key\":");
        table.write_key(&mut data, row);
    }
    if !states.left_out.is_empty() {
        // Writing into a string cannot fail.
        _ = write!(data, ",\"left_out\":{{{}}}", states.left_out);
    }
    data
}

/// Leaves larger values out of an entry that is too large, and tells them by length and hash.
fn small_enough(make: impl Fn(Size) -> Draft) -> Draft {
    let mut draft = make(Size::All);
    for smaller in [LARGE_BYTES, 0] {
        if draft.json_bytes() <= STATES_BYTES_MAX {
            break;
        }
        draft = make(Size::Below(smaller));
    }
    draft
}

/// Which values are in a state.
#[derive(Clone, Copy)]
enum Size {
    All,
    Below(usize),
}

impl Size {
    const fn allows(self, value: &str) -> bool {
        match self {
            Self::All => true,
            Self::Below(max) => value.len() <= max,
        }
    }
}

/// The states of one entry.
struct States<'a> {
    table: &'a Table,
    size: Size,
    /// What was left out for its size, as members of an object.
    left_out: String,
    /// Whether a state lacks something.
    lacks: bool,
}

impl<'a> States<'a> {
    const fn new(table: &'a Table, size: Size) -> Self {
        Self { table, size, left_out: String::new(), lacks: false }
    }

    fn write(&mut self, row: &[Datum<'_>], only_identity: bool, state: &str) -> Box<RawValue> {
        let table = self.table;
        raw(table.state_of(row, |place, column, datum| {
            if only_identity && !column.is_identity {
                return false;
            }
            match datum {
                Datum::Null => true,
                // It was not sent again, and what it was is not known.
                Datum::Unchanged => {
                    self.lacks = true;
                    false
                }
                Datum::Text(text) => {
                    let is_small = self.size.allows(text) || table.key.contains(&place);
                    if !is_small {
                        self.leave_out(state, column, text);
                    }
                    is_small
                }
            }
        }))
    }

    fn leave_out(&mut self, state: &str, column: &TableColumn, text: &str) {
        self.lacks = true;
        if !self.left_out.is_empty() {
            self.left_out.push(',');
        }
        write_string(&mut self.left_out, &format!("{state}.{}", column.name));
        let digest = hex(&Sha256::digest(text.as_bytes()));
        _ = write!(self.left_out, ":{{\"bytes\":{},\"sha256\":\"{digest}\"}}", text.len());
    }
}

/// Whether the old row says by which key the row was known.
fn is_told_by_key(table: &Table, is_full: bool) -> bool {
    let is_identity = |place: &usize| table.columns.get(*place).is_some_and(|column| column.is_identity);
    is_full || (!table.key.is_empty() && table.key.iter().all(is_identity))
}

/// How a change of a row is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// By an entry.
    Entry,
    /// By a count: only what is noise changed.
    Noise,
    /// Not at all: nothing changed.
    Nothing,
}

/// How much a change says.
pub(super) fn weight(table: &Table, change: &Change<'_>) -> Weight {
    let Change::Update { old: Some(Old::Row(old)), new } = change else { return Weight::Entry };
    let mut weight = Weight::Nothing;
    for ((column, old), new) in table.columns.iter().zip(old).zip(new) {
        if old == new || !column.is_told {
            continue;
        }
        if !column.is_noise {
            return Weight::Entry;
        }
        weight = Weight::Noise;
    }
    weight
}
