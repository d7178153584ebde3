//! From a transaction to its entries, some at a time.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use model::Entity;
use model::json::{self, write_string};
use serde::Deserialize;

use super::CaptureError;
use super::context::{Context, Keys, open};
use super::entry::{Happened, Header, Pile};
use super::pgoutput::{Message, Old};
use super::row::{Change, Weight, site_of, weight};
use super::rules::Rules;
use super::table::{Known, Table, Tables};
use super::transaction::{Commit, Part, Parts, Transaction};

/// The entity type of tables as a whole.
const TABLE: &str = "postgres table";

/// What a teller knows of its source.
pub(super) struct Teller {
    pub(super) rules: Arc<Rules>,
    pub(super) tables: Tables,
    pub(super) keys: Keys,
    /// The identifier that the server made for itself.
    pub(super) system: String,
    pub(super) database: String,
}

/// What our event trigger says of a changed definition.
#[derive(Deserialize)]
struct Definition {
    xid: u32,
    by: String,
    tag: String,
    #[serde(rename = "type")]
    kind: String,
    identity: String,
    /// The table that it belongs to.
    schema: String,
    name: String,
    /// What is known of that table now; nothing where something was dropped.
    table: Option<TableDefinition>,
}

#[derive(Deserialize)]
struct TableDefinition {
    id: u32,
    key: Vec<String>,
    partitioned_by: Vec<String>,
    columns: Box<serde_json::value::RawValue>,
}

/// A transaction that is being told.
pub(super) struct Telling {
    header: Header,
    commit: Commit,
    parts: Parts,
    /// Changes so far, told or not: what numbers them.
    ordinal: u64,
    /// A deletion from a partition, until it is known whether the row was moved.
    held: Option<(Vec<u8>, u64)>,
    /// Changes of noise, by table.
    folded: BTreeMap<String, (String, u64)>,
}

impl Telling {
    pub(super) fn new(transaction: Transaction, teller: &Teller) -> Result<Self, CaptureError> {
        let commit = transaction.commit;
        let (parts, claims) = transaction.read().map_err(|error| spooling(&error))?;
        let context = Context::of(&claims, commit.xid, commit.at, &teller.keys, &teller.database);
        Ok(Self {
            header: Header::new(&teller.system, commit, context),
            commit,
            parts,
            ordinal: 0,
            held: None,
            folded: BTreeMap::new(),
        })
    }

    /// Adds the next entries, until they are enough for an append or the transaction ends; says whether it has ended.
    pub(super) fn some(&mut self, teller: &mut Teller, ready: &mut Pile) -> Result<bool, CaptureError> {
        let mut bytes = Vec::new();
        while !ready.is_full() {
            match self.parts.next(&mut bytes).map_err(|error| spooling(&error))? {
                Some(Part::Plugin) => self.message(teller, &mut bytes, ready)?,
                Some(Part::Definition) => {
                    self.release(teller, ready)?;
                    self.definition(teller, &bytes, ready);
                }
                None => {
                    self.release(teller, ready)?;
                    self.tell_folded(ready);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn message(
        &mut self,
        teller: &mut Teller,
        bytes: &mut Vec<u8>,
        ready: &mut Pile,
    ) -> Result<(), CaptureError> {
        let message = read(bytes)?;
        let first = self.ordinal;
        self.ordinal = self.ordinal.saturating_add(message.changes());
        let (relation, change) = match message {
            Message::Relation(relation) => {
                teller.tables.describe(relation, &teller.rules);
                return Ok(());
            }
            Message::Other => return Ok(()),
            Message::Truncate { relations } => {
                self.release(teller, ready)?;
                for (relation, ordinal) in relations.into_iter().zip(first..) {
                    self.truncated(teller, relation, ordinal, ready)?;
                }
                return Ok(());
            }
            Message::Insert { relation, new } => (relation, Change::Insert { new }),
            Message::Update { relation, old, new } => (relation, Change::update(old, new)),
            Message::Delete { relation, old } => (relation, Change::Delete { old }),
        };
        let Some(table) = described(&teller.tables, relation)? else { return self.release(teller, ready) };
        if let Some((held, ordinal)) = self.held.take() {
            let change_held = read(&held)?;
            match (change_held, &change) {
                (Message::Delete { relation: from, old: Old::Row(old) }, Change::Insert { new })
                    if from == relation && table.is_moved(&old, new) =>
                {
                    let moved = Change::update(Some(Old::Row(old)), new.clone());
                    self.change(teller, &table, &moved, first, ready);
                    return Ok(());
                }
                _ => self.held = Some((held, ordinal)),
            }
            self.release(teller, ready)?;
        }
        // A row that moves to another partition leaves one and enters the other.
        if table.may_move() && matches!(change, Change::Delete { old: Old::Row(_) }) {
            self.held = Some((std::mem::take(bytes), first));
            return Ok(());
        }
        self.change(teller, &table, &change, first, ready);
        Ok(())
    }

    /// Tells a deletion that was held.
    fn release(&mut self, teller: &Teller, ready: &mut Pile) -> Result<(), CaptureError> {
        let Some((held, ordinal)) = self.held.take() else { return Ok(()) };
        if let Message::Delete { relation, old } = read(&held)?
            && let Some(table) = described(&teller.tables, relation)?
        {
            self.change(teller, &table, &Change::Delete { old }, ordinal, ready);
        }
        Ok(())
    }

    fn change(
        &mut self,
        teller: &Teller,
        table: &Table,
        change: &Change<'_>,
        ordinal: u64,
        ready: &mut Pile,
    ) {
        let number = ordinal.to_string();
        match weight(table, change) {
            Weight::Entry => {
                let Some((left, entered)) = moved(table, &teller.rules, change) else {
                    ready.push(self.header.row(table, &teller.rules, change, ordinal, &number));
                    return;
                };
                // It leaves one site and enters another, which must not learn what it was before.
                let about = format!("{number} left");
                ready.push(self.header.row(table, &teller.rules, &left, ordinal, &about));
                ready.push(self.header.row(table, &teller.rules, &entered, ordinal, &number));
            }
            Weight::Noise => {
                let folded = self.folded.entry(table.name.clone()).or_insert_with(|| (table.kind.clone(), 0));
                folded.1 += 1;
            }
            Weight::Nothing => {}
        }
    }

    fn truncated(
        &self,
        teller: &Teller,
        relation: u32,
        ordinal: u64,
        ready: &mut Pile,
    ) -> Result<(), CaptureError> {
        let Some(table) = described(&teller.tables, relation)? else { return Ok(()) };
        let mut data = String::from("\"rows_type\":");
        write_string(&mut data, &table.kind);
        let emptied = Happened {
            action: "postgres.truncate",
            entity: Entity::new(TABLE, &table.name),
            summary: "Emptied the table, with all of its rows".to_owned(),
            after: None,
            data,
        };
        ready.push(self.header.other(&ordinal.to_string(), emptied));
        Ok(())
    }

    fn tell_folded(&mut self, ready: &mut Pile) {
        for (name, (kind, count)) in std::mem::take(&mut self.folded) {
            let rows = if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
            let mut data = format!("\"rows\":{count},\"rows_type\":");
            write_string(&mut data, &kind);
            let folded = Happened {
                action: "postgres.noise",
                entity: Entity::new(TABLE, &name),
                summary: format!("{rows} changed in nothing but noise"),
                after: None,
                data,
            };
            ready.push(self.header.other(&format!("noise {name}"), folded));
        }
    }

    /// A definition that changed: learnt from, and told.
    fn definition(&mut self, teller: &mut Teller, bytes: &[u8], ready: &mut Pile) {
        let ordinal = self.ordinal;
        self.ordinal = self.ordinal.saturating_add(1);
        // One that was sealed in another transaction is as little ours here as one without a seal.
        let sealed = open::<Definition>(bytes, &teller.keys.seal);
        let Some(definition) = sealed.filter(|definition| definition.xid == self.commit.xid) else {
            let refused = Happened {
                action: "postgres.refused",
                entity: Entity::new(TABLE, "definition"),
                summary: "Somebody told of a definition without the seal".to_owned(),
                after: None,
                data: "\"why\":\"indelible_capture did not seal it in this transaction\"".to_owned(),
            };
            ready.push(self.header.other(&ordinal.to_string(), refused));
            return;
        };
        if let Some(table) = &definition.table {
            let known = Known { key: table.key.clone(), partitioned_by: table.partitioned_by.clone() };
            teller.tables.learn(table.id, known, &teller.rules);
        }
        // Of tables that nobody asked for, nothing is told.
        if teller.rules.of(&definition.schema, &definition.name).is_none() {
            return;
        }
        let mut data = String::from("\"table\":");
        write_string(&mut data, &format!("{}.{}", definition.schema, definition.name));
        data.push_str(",\"command\":");
        write_string(&mut data, &definition.tag);
        data.push_str(",\"database_user\":");
        write_string(&mut data, &definition.by);
        let columns = |table: &TableDefinition| {
            let columns = json::minify(table.columns.get()).ok()?;
            Some(format!("{{\"columns\":{columns}}}"))
        };
        let defined = Happened {
            action: "postgres.define",
            entity: Entity::new(&format!("postgres {}", definition.kind), &definition.identity),
            summary: format!("{} {}", definition.tag, definition.identity),
            after: definition.table.as_ref().and_then(columns),
            data,
        };
        ready.push(self.header.other(&ordinal.to_string(), defined));
    }
}

/// An update by which a row goes from one site to another, as what each of them sees.
fn moved<'a>(table: &Table, rules: &Rules, change: &Change<'a>) -> Option<(Change<'a>, Change<'a>)> {
    rules.tables.get(table.rule).filter(|rule| rule.site.is_some())?;
    let Change::Update { old: Some(Old::Row(old)), new } = change else { return None };
    (site_of(table, rules, old) != site_of(table, rules, new))
        .then(|| (Change::Delete { old: Old::Row(old.clone()) }, Change::Insert { new: new.clone() }))
}

fn read(bytes: &[u8]) -> Result<Message<'_>, CaptureError> {
    Message::read(bytes).map_err(|error| CaptureError::Stream(error.to_string()))
}

fn described(tables: &Tables, relation: u32) -> Result<Option<Arc<Table>>, CaptureError> {
    tables.get(relation).cloned().ok_or_else(|| {
        CaptureError::Stream(format!(
            "PostgreSQL tells of a change of table {relation} and not what that table is"
        ))
    })
}

fn spooling(error: &io::Error) -> CaptureError {
    CaptureError::Spool(error.to_string())
}
