//! A captured table: the stream's description of it, what the catalogue knows, and its rule.

use std::collections::HashMap;
use std::sync::Arc;

use model::json::{self, write_string};
use model::limits::ID_BYTES_MAX;
use sha2::{Digest, Sha256};

use super::context::hex;
use super::pgoutput::{Datum, Relation};
use super::rules::{Rules, TableRule};
use super::source::quoted;
use super::value;

/// Characters of a title.
const TITLE_CHARS_MAX: usize = 200;

/// Room for a state of the usual size, in bytes.
const STATE_BYTES: usize = 512;

/// What the catalogue knows of a table and the stream does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// The columns of its primary key.
    pub(super) key: Vec<String>,
    /// The columns that say in which partition a row lies; empty where there are none.
    pub(super) partitioned_by: Vec<String>,
}

/// A captured table.
#[derive(Debug)]
pub(super) struct Table {
    /// `schema.name`.
    pub(super) name: String,
    schema: String,
    relation: String,
    /// The type of its rows as entities.
    pub(super) kind: String,
    /// The place of its rule.
    pub(super) rule: usize,
    /// Of a table in partitions, the columns of the key that stay as they are when a row moves to another.
    staying: Vec<usize>,
    pub(super) columns: Vec<TableColumn>,
    /// Which columns tell a row from others, in the order of their names; empty where none do.
    pub(super) key: Vec<usize>,
    pub(super) title: Option<usize>,
    /// Names that it had before.
    pub(super) was: Vec<String>,
}

/// A column, and what becomes of it.
#[derive(Debug)]
pub(super) struct TableColumn {
    pub(super) name: String,
    /// Its name as a member of a JSON object begins: `"name":`.
    member: String,
    pub(super) type_id: u32,
    /// Whether it is in entries at all.
    pub(super) is_told: bool,
    /// Whether its changes alone are no entry.
    pub(super) is_noise: bool,
    pub(super) is_identity: bool,
}

/// The tables that the stream has described, by their object ids; `None` for those that are not captured.
#[derive(Debug, Default)]
pub(super) struct Tables {
    described: HashMap<u32, Option<Arc<Table>>>,
    relations: HashMap<u32, Relation>,
    pub(super) known: HashMap<u32, Known>,
}

impl Tables {
    /// What the catalogue knows, and no descriptions yet.
    pub(super) fn new(known: HashMap<u32, Known>) -> Self {
        Self { known, ..Self::default() }
    }

    /// Takes in what the stream says of a table.
    pub(super) fn describe(&mut self, relation: Relation, rules: &Rules) {
        let known = self.known.get(&relation.id).cloned().unwrap_or_default();
        let rule = rules.of(&relation.schema, &relation.name);
        let table = rule.map(|(place, rule)| Arc::new(Table::new(&relation, place, rule, &known)));
        self.described.insert(relation.id, table);
        self.relations.insert(relation.id, relation);
    }

    /// Takes in what the catalogue, or our trigger, says of a table.
    pub(super) fn learn(&mut self, id: u32, known: Known, rules: &Rules) {
        if self.known.insert(id, known.clone()) == Some(known) {
            return;
        }
        if let Some(relation) = self.relations.get(&id).cloned() {
            self.describe(relation, rules);
        }
    }

    /// A table that the stream has described; `None` where it has not.
    pub(super) fn get(&self, id: u32) -> Option<&Option<Arc<Table>>> {
        self.described.get(&id)
    }
}

impl Table {
    pub(super) fn new(relation: &Relation, place: usize, rule: &TableRule, known: &Known) -> Self {
        let has = |list: &[String], name: &str| list.iter().any(|listed| listed == name);
        let columns: Vec<TableColumn> = relation
            .columns
            .iter()
            .map(|column| TableColumn {
                name: column.name.clone(),
                member: member(&column.name),
                type_id: column.type_id,
                is_told: !has(&rule.leave_out, &column.name),
                is_noise: has(&rule.noise, &column.name),
                is_identity: column.is_identity,
            })
            .collect();
        let named = if rule.key.is_empty() { &known.key } else { &rule.key };
        let place_of = |name: &String| columns.iter().position(|column| column.name == *name);
        let mut key: Vec<usize> = named.iter().filter_map(place_of).collect();
        // Without all of its columns it is no key.
        if key.len() != named.len() {
            key.clear();
        }
        let name_at = |place: &usize| columns.get(*place).map(|column| column.name.clone());
        key.sort_by_key(name_at);
        Self {
            name: format!("{}.{}", relation.schema, relation.name),
            schema: relation.schema.clone(),
            relation: relation.name.clone(),
            was: rule.was.clone(),
            kind: rule.entity_type(&relation.schema, &relation.name),
            rule: place,
            staying: if known.partitioned_by.is_empty() {
                Vec::new()
            } else {
                key.iter()
                    .copied()
                    .filter(|place| !name_at(place).is_some_and(|name| known.partitioned_by.contains(&name)))
                    .collect()
            },
            title: rule.title.as_ref().and_then(place_of),
            columns,
            key,
        }
    }

    /// What a row is known by: the value of its only key column, or `name=value` of each. Without a key, by all that it
    /// holds.
    fn id_of(&self, row: &[Datum<'_>]) -> String {
        match self.key.as_slice() {
            [] => self.id_of_content(row),
            [only] => text_at(row, *only).to_owned(),
            several => {
                let part = |place: &usize| {
                    let name = self.columns.get(*place).map_or("", |column| column.name.as_str());
                    format!("{name}={}", text_at(row, *place))
                };
                several.iter().map(part).collect::<Vec<_>>().join(",")
            }
        }
    }

    fn id_of_content(&self, row: &[Datum<'_>]) -> String {
        let mut digest = Sha256::new();
        for (column, datum) in self.columns.iter().zip(row) {
            digest.update(column.name.as_bytes());
            match datum {
                Datum::Text(text) => {
                    digest.update([1]);
                    digest.update(text.len().to_le_bytes());
                    digest.update(text.as_bytes());
                }
                Datum::Null | Datum::Unchanged => digest.update([0]),
            }
        }
        let digest = digest.finalize();
        format!("row:{}", hex(digest.get(..12).unwrap_or_default()))
    }

    /// Whether a row that was deleted may have moved to another partition.
    pub(super) fn may_move(&self) -> bool {
        !self.staying.is_empty()
    }

    /// Whether one of two rows may be the other in another partition.
    pub(super) fn is_moved(&self, from: &[Datum<'_>], to: &[Datum<'_>]) -> bool {
        self.may_move() && self.staying.iter().all(|place| from.get(*place) == to.get(*place))
    }

    /// What an entity is known by in its log, which allows fewer bytes than a key can have.
    pub(super) fn entity_id(&self, row: &[Datum<'_>]) -> String {
        let id = self.id_of(row);
        if id.is_empty() {
            return "(empty)".to_owned();
        }
        if id.len() <= ID_BYTES_MAX { id } else { format!("sha256:{}", hex(&Sha256::digest(id.as_bytes()))) }
    }

    /// The title of a row, if it has one.
    pub(super) fn title_of(&self, row: &[Datum<'_>]) -> Option<String> {
        match row.get(self.title?) {
            Some(Datum::Text(title)) => Some(title.chars().take(TITLE_CHARS_MAX).collect()),
            _ => None,
        }
    }

    /// The key of a row as JSON.
    pub(super) fn write_key(&self, out: &mut String, row: &[Datum<'_>]) {
        let fields = self.key.iter().filter_map(|place| self.columns.get(*place).zip(row.get(*place)));
        write_object(out, fields.map(|(column, datum)| (column, *datum)));
    }

    /// Its name as SQL writes it.
    pub(super) fn quoted_name(&self) -> String {
        quoted_name(&self.schema, &self.relation)
    }

    /// A row in full as the state of an entity.
    pub(super) fn state(&self, row: &[Datum<'_>]) -> String {
        self.state_of(row, |_, _, _| true)
    }

    /// The state of an entity: those columns of a row that are told, and wanted.
    pub(super) fn state_of(
        &self,
        row: &[Datum<'_>],
        mut is_wanted: impl FnMut(usize, &TableColumn, Datum<'_>) -> bool,
    ) -> String {
        let mut state = String::with_capacity(STATE_BYTES);
        let fields = self.columns.iter().zip(row.iter().copied()).enumerate();
        let fields =
            fields.filter(|(place, (column, datum))| column.is_told && is_wanted(*place, column, *datum));
        write_object(&mut state, fields.map(|(_, field)| field));
        state
    }

    /// The text of a column by its name.
    pub(super) fn text<'a>(&self, row: &[Datum<'a>], name: &str) -> Option<&'a str> {
        let place = self.columns.iter().position(|column| column.name == name)?;
        match row.get(place) {
            Some(Datum::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// Appends columns and their values as a JSON object.
fn write_object<'a>(out: &mut String, fields: impl Iterator<Item = (&'a TableColumn, Datum<'a>)>) {
    out.push('{');
    for (number, (column, datum)) in fields.enumerate() {
        if number > 0 {
            out.push(',');
        }
        out.push_str(&column.member);
        value::write(out, column.type_id, datum);
    }
    out.push('}');
}

/// How a member of a JSON object begins. A name that no sender may use is told with `_` before it.
fn member(name: &str) -> String {
    let mut member = String::with_capacity(name.len() + 4);
    if json::is_reserved(name) {
        write_string(&mut member, &format!("_{name}"));
    } else {
        write_string(&mut member, name);
    }
    member.push(':');
    member
}

/// A table's name as SQL writes it.
pub(super) fn quoted_name(schema: &str, name: &str) -> String {
    format!("{}.{}", quoted(schema), quoted(name))
}

fn text_at<'a>(row: &[Datum<'a>], place: usize) -> &'a str {
    match row.get(place) {
        Some(Datum::Text(text)) => text,
        _ => "",
    }
}
