//! From a change of a row to the text of an entry, as any other sender would write it.

use std::fmt::Write as _;

use model::SiteId;
use model::limits::{ENTRY_BYTES_MAX, ID_BYTES_MAX};
use sha2::{Digest, Sha256};
use uuid::{Uuid, uuid};

use super::context::{Context, hex};
use super::pgoutput::{Datum, Old};
use super::rules::Rules;
use super::table::Table;
use super::transaction::Commit;
use super::value;

/// Namespace of all ids that follow from where a change stands in a server's log.
const NAMESPACE: Uuid = uuid!("0e9d3a64-7c0b-5d57-8a55-3f3a5f1b2c90");

/// The connector of all captured entries: by it a revert finds its way back into the database.
pub const CONNECTOR: &str = "postgres";

/// Bytes that an entry may have before its large values are left out; the rest is for what it says beside them.
const STATES_BYTES_MAX: usize = ENTRY_BYTES_MAX - 64 * 1024;

/// Bytes from which on a value is large.
const LARGE_BYTES: usize = 8 * 1024;

/// Characters of a title.
const TITLE_CHARS_MAX: usize = 200;

/// An entry that is ready for the door of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    /// The site that the row names, if it names one.
    pub(super) site: Option<SiteId>,
    /// The rule of its table, for what must be masked.
    pub(super) rule: Option<usize>,
    pub(super) id: Uuid,
    pub(super) text: String,
}

/// Entries that are enough for one append, and their bytes.
const ENTRIES_AT_ONCE: usize = 4_000;
const BYTES_AT_ONCE: usize = 16 * 1024 * 1024;

/// Entries that gather for one append.
#[derive(Debug, Default)]
pub(super) struct Pile {
    ready: Vec<Ready>,
    bytes: usize,
}

impl Pile {
    pub(super) fn push(&mut self, ready: Ready) {
        self.bytes += ready.text.len();
        self.ready.push(ready);
    }

    pub(super) const fn is_full(&self) -> bool {
        self.ready.len() >= ENTRIES_AT_ONCE || self.bytes >= BYTES_AT_ONCE
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<Ready> {
        self.bytes = 0;
        std::mem::take(&mut self.ready)
    }
}

/// What a comparison found of a row.
pub(super) struct FoundRow<'a> {
    pub(super) id: &'a str,
    /// What the log knew, as JSON.
    pub(super) before: Option<&'a str>,
    /// What the table has.
    pub(super) row: Option<&'a [Datum<'a>]>,
}

/// What happened to a row.
#[derive(Debug)]
pub(super) enum Change<'a> {
    Insert { new: Vec<Datum<'a>> },
    Update { old: Option<Old<'a>>, new: Vec<Datum<'a>> },
    Delete { old: Old<'a> },
}

/// What all entries of a transaction share.
pub(super) struct Header {
    commit: Commit,
    /// The end of every entry: when, who, from where, in which transaction.
    members: String,
    standing: String,
    namespace: Uuid,
}

impl Header {
    /// `system` is the identifier that the server made for itself.
    pub(super) fn new(system: &str, commit: Commit, context: &Context) -> Self {
        // The server's log can branch when a standby takes over; the same place is another there, but not at the same
        // moment with the same number.
        let name = format!("{system}/{}/{}/{}", commit.lsn, commit.xid, commit.at.as_microsecond());
        let namespace = Uuid::new_v5(&NAMESPACE, name.as_bytes());
        let mut members =
            format!("\"occurred_at\":\"{}\",{},\"correlation_id\":", commit.at, context.members);
        match &context.correlation {
            Some(correlation) => value::string(&mut members, correlation),
            None => _ = write!(members, "\"{namespace}\""),
        }
        _ = write!(members, ",\"connector\":\"{CONNECTOR}\"");
        Self { commit, members, standing: context.standing.clone(), namespace }
    }

    /// The id of a transaction's entry by what it is about.
    pub(super) fn id(&self, about: &str) -> Uuid {
        Uuid::new_v5(&self.namespace, about.as_bytes())
    }

    /// An entry about something else than a row. `members` are those of the entry that tell what happened.
    pub(super) fn other(&self, about: &str, members: &str, data: &str) -> Ready {
        let id = self.id(about);
        let mut text = format!("{{\"id\":\"{id}\",{members},{},\"data\":{{", self.members);
        if !data.is_empty() {
            text.push_str(data);
            text.push(',');
        }
        self.write_position(&mut text, None);
        text.push_str("}}");
        Ready { site: None, rule: None, id, text }
    }

    fn write_position(&self, out: &mut String, ordinal: Option<u64>) {
        _ = write!(out, "\"xid\":{},\"lsn\":\"{}\",", self.commit.xid, Lsn(self.commit.lsn));
        if let Some(ordinal) = ordinal {
            _ = write!(out, "\"ordinal\":{ordinal},");
        }
        out.push_str("\"context\":");
        out.push_str(&self.standing);
    }

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
        let id = self.id(about);
        small_enough(|size| self.row_with(table, rules, change, ordinal, id, &size))
    }

    fn row_with(
        &self,
        table: &Table,
        rules: &Rules,
        change: &Change<'_>,
        ordinal: u64,
        id: Uuid,
        size: &Size,
    ) -> Ready {
        let (action, old, new) = match change {
            Change::Insert { new } => ("insert", None, Some(new)),
            Change::Update { old, new } => ("update", old.as_ref(), Some(new)),
            Change::Delete { old } => ("delete", Some(old), None),
        };
        let (before, is_before_full) = match old {
            Some(Old::Row(row)) => (Some(row), true),
            Some(Old::Identity(row)) => (Some(row), false),
            None => (None, false),
        };
        let row = new.or(before).map_or(&[][..], Vec::as_slice);
        let mut states = States { table, left_out: String::new(), lacks: false };
        let mut text = String::with_capacity(1024);
        _ = write!(text, "{{\"id\":\"{id}\",\"action\":\"postgres.{action}\",\"entity\":{{\"type\":");
        value::string(&mut text, &table.kind);
        text.push_str(",\"id\":");
        value::string(&mut text, &entity_id(table, row));
        if let Some(before) = before {
            let (was, is) = (entity_id(table, before), entity_id(table, row));
            if is_told_by_key(table, is_before_full) && was != is {
                text.push_str(",\"previous_id\":");
                value::string(&mut text, &was);
            }
        }
        if let Some(Datum::Text(title)) = table.title.and_then(|place| row.get(place)) {
            text.push_str(",\"title\":");
            value::string(&mut text, &title.chars().take(TITLE_CHARS_MAX).collect::<String>());
        }
        text.push('}');
        if let Some(before) = before {
            text.push_str(",\"before\":");
            states.write(&mut text, before, !is_before_full, size, "before");
        }
        if let Some(new) = new {
            text.push_str(",\"after\":");
            states.write(&mut text, new, false, size, "after");
        }
        let is_partial = states.lacks || (before.is_some() && !is_before_full);
        // Said in either case, so that nobody has to guess.
        _ = write!(text, ",\"partial\":{is_partial},");
        text.push_str(&self.members);
        text.push_str(",\"data\":{\"table\":");
        value::string(&mut text, &table.name);
        if !table.key.is_empty() {
            text.push_str(",\"primary_key\":");
            table.write_key(&mut text, row);
        }
        if !states.left_out.is_empty() {
            _ = write!(text, ",\"left_out\":{{{}}}", states.left_out);
        }
        text.push(',');
        self.write_position(&mut text, Some(ordinal));
        text.push_str("}}");
        let rule = rules.tables.get(table.rule);
        let site = rule.and_then(|rule| rule.site_of(|name| table.text(row, name).map(ToOwned::to_owned)));
        Ready { site, rule: Some(table.rule), id, text }
    }
}

impl Header {
    /// The entry of a row that is not as the log knows it.
    pub(super) fn found(&self, table: &Table, rules: &Rules, found: &FoundRow<'_>) -> Ready {
        small_enough(|size| self.found_with(table, rules, found, &size))
    }

    fn found_with(&self, table: &Table, rules: &Rules, found: &FoundRow<'_>, size: &Size) -> Ready {
        let (action, summary) = match (found.before, found.row) {
            (None, Some(_)) => ("create", "Was there when the capture began, or came in a gap"),
            (_, Some(_)) => ("update", "Changed in a gap, as a comparison shows"),
            (_, None) => ("delete", "Went in a gap, as a comparison shows"),
        };
        let mut members = format!("\"action\":\"postgres.found_{action}\",\"entity\":{{\"type\":");
        value::string(&mut members, &table.kind);
        members.push_str(",\"id\":");
        value::string(&mut members, found.id);
        if let Some(Datum::Text(title)) = found.row.zip(table.title).and_then(|(row, place)| row.get(place)) {
            members.push_str(",\"title\":");
            value::string(&mut members, &title.chars().take(TITLE_CHARS_MAX).collect::<String>());
        }
        members.push_str("},\"summary\":");
        value::string(&mut members, summary);
        let mut states = States { table, left_out: String::new(), lacks: false };
        if let Some(before) =
            found.before.filter(|before| matches!(size, Size::All) || before.len() <= LARGE_BYTES)
        {
            members.push_str(",\"before\":");
            members.push_str(before);
        }
        if let Some(row) = found.row {
            members.push_str(",\"after\":");
            states.write(&mut members, row, false, size, "after");
        }
        _ = write!(members, ",\"partial\":{}", states.lacks);
        let mut data = String::from("\"table\":");
        value::string(&mut data, &table.name);
        if !states.left_out.is_empty() {
            _ = write!(data, ",\"left_out\":{{{}}}", states.left_out);
        }
        let about = format!("found {} {}", table.name, Uuid::new_v5(&Uuid::nil(), found.id.as_bytes()));
        let rule = rules.tables.get(table.rule);
        let site = found
            .row
            .zip(rule)
            .and_then(|(row, rule)| rule.site_of(|name| table.text(row, name).map(ToOwned::to_owned)));
        Ready { site, rule: Some(table.rule), ..self.other(&about, &members, &data) }
    }
}

/// Leaves larger values out of an entry that is too large, and tells them by length and hash.
fn small_enough(make: impl Fn(Size) -> Ready) -> Ready {
    let mut ready = make(Size::All);
    for smaller in [LARGE_BYTES, 0] {
        if ready.text.len() <= STATES_BYTES_MAX {
            break;
        }
        ready = make(Size::Below(smaller));
    }
    ready
}

/// Which values are in a state.
enum Size {
    All,
    Below(usize),
}

struct States<'a> {
    table: &'a Table,
    /// What was left out for its size, as members of an object.
    left_out: String,
    /// Whether a state lacks something.
    lacks: bool,
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

impl States<'_> {
    fn write(&mut self, out: &mut String, row: &[Datum<'_>], only_identity: bool, size: &Size, state: &str) {
        out.push('{');
        let mut is_first = true;
        for (place, (column, datum)) in self.table.columns.iter().zip(row).enumerate() {
            if !column.is_told || (only_identity && !column.is_identity) {
                continue;
            }
            // It was not sent again, and what it was is not known.
            if *datum == Datum::Unchanged {
                self.lacks = true;
                continue;
            }
            if let (Size::Below(max), Datum::Text(text)) = (size, datum)
                && text.len() > *max
                && !self.table.key.contains(&place)
            {
                self.leave_out(state, &column.name, text);
                continue;
            }
            if !is_first {
                out.push(',');
            }
            is_first = false;
            value::string(out, &column.name);
            out.push(':');
            value::write(out, column.type_id, *datum);
        }
        out.push('}');
    }

    fn leave_out(&mut self, state: &str, column: &str, text: &str) {
        self.lacks = true;
        if !self.left_out.is_empty() {
            self.left_out.push(',');
        }
        value::string(&mut self.left_out, &format!("{state}.{column}"));
        let digest = hex(&Sha256::digest(text.as_bytes()));
        _ = write!(self.left_out, ":{{\"bytes\":{},\"sha256\":\"{digest}\"}}", text.len());
    }
}

/// Whether the old row says by which key the row was known.
fn is_told_by_key(table: &Table, is_full: bool) -> bool {
    let is_identity = |place: &usize| table.columns.get(*place).is_some_and(|column| column.is_identity);
    is_full || (!table.key.is_empty() && table.key.iter().all(is_identity))
}

/// What the entity is known by in its log, which allows fewer bytes than a key can have.
pub(super) fn entity_id(table: &Table, row: &[Datum<'_>]) -> String {
    let id = table.id_of(row);
    if id.is_empty() {
        return "(empty)".to_owned();
    }
    if id.len() <= ID_BYTES_MAX { id } else { format!("sha256:{}", hex(&Sha256::digest(id.as_bytes()))) }
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

/// A place in a server's log as PostgreSQL writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lsn(pub(super) u64);

impl std::fmt::Display for Lsn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:X}/{:X}", self.0 >> 32, self.0 & 0xFFFF_FFFF)
    }
}

impl std::str::FromStr for Lsn {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (high, low) = text.split_once('/').unwrap_or(("0", text));
        Ok(Self((u64::from_str_radix(high, 16)? << 32) | u64::from_str_radix(low, 16)?))
    }
}
