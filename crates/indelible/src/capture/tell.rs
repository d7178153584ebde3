//! From a transaction to its entries, some at a time.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::Deserialize;

use super::CaptureError;
use super::context::{Context, Keys, open};
use super::entry::{Change, Header, Pile, Weight, weight};
use super::pgoutput::{Datum, Message, Old};
use super::rules::Rules;
use super::table::{Known, Table, Tables};
use super::transaction::{Commit, Part, Parts, Transaction};
use super::value;

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
            header: Header::new(&teller.system, commit, &context),
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
        let members =
            table_members("postgres.truncate", &table.name, "Emptied the table, with all of its rows");
        let mut data = String::from("\"rows_type\":");
        value::string(&mut data, &table.kind);
        ready.push(self.header.other(&ordinal.to_string(), &members, &data));
        Ok(())
    }

    fn tell_folded(&mut self, ready: &mut Pile) {
        for (name, (kind, count)) in std::mem::take(&mut self.folded) {
            let rows = if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
            let members =
                table_members("postgres.noise", &name, &format!("{rows} changed in nothing but noise"));
            let mut data = format!("\"rows\":{count},\"rows_type\":");
            value::string(&mut data, &kind);
            ready.push(self.header.other(&format!("noise {name}"), &members, &data));
        }
    }

    /// A definition that changed: learnt from, and told.
    fn definition(&mut self, teller: &mut Teller, bytes: &[u8], ready: &mut Pile) {
        let ordinal = self.ordinal;
        self.ordinal = self.ordinal.saturating_add(1);
        // One that was sealed in another transaction is as little ours here as one without a seal.
        let sealed = open::<Definition>(bytes, &teller.keys.seal);
        let Some(definition) = sealed.filter(|definition| definition.xid == self.commit.xid) else {
            let members = table_members(
                "postgres.refused",
                "definition",
                "Somebody told of a definition without the seal",
            );
            ready.push(self.header.other(
                &ordinal.to_string(),
                &members,
                "\"why\":\"indelible_capture did not seal it in this transaction\"",
            ));
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
        let mut members = String::from("\"action\":\"postgres.define\",\"entity\":{\"type\":");
        value::string(&mut members, &format!("postgres {}", definition.kind));
        members.push_str(",\"id\":");
        value::string(&mut members, &definition.identity);
        members.push_str("},\"summary\":");
        value::string(&mut members, &format!("{} {}", definition.tag, definition.identity));
        if let Some(table) = &definition.table {
            members.push_str(",\"after\":{\"columns\":");
            members.push_str(table.columns.get());
            members.push('}');
        }
        let mut data = String::from("\"table\":");
        value::string(&mut data, &format!("{}.{}", definition.schema, definition.name));
        data.push_str(",\"command\":");
        value::string(&mut data, &definition.tag);
        data.push_str(",\"database_user\":");
        value::string(&mut data, &definition.by);
        ready.push(self.header.other(&ordinal.to_string(), &members, &data));
    }
}

/// An update by which a row goes from one site to another, as what each of them sees.
fn moved<'a>(table: &Table, rules: &Rules, change: &Change<'a>) -> Option<(Change<'a>, Change<'a>)> {
    let rule = rules.tables.get(table.rule).filter(|rule| rule.site.is_some())?;
    let Change::Update { old: Some(Old::Row(old)), new } = change else { return None };
    let site = |row: &[Datum<'a>]| rule.site_of(|name| table.text(row, name).map(ToOwned::to_owned));
    (site(old) != site(new))
        .then(|| (Change::Delete { old: Old::Row(old.clone()) }, Change::Insert { new: new.clone() }))
}

/// The members of an entry about a table as a whole.
pub(super) fn table_members(action: &str, table: &str, summary: &str) -> String {
    let mut members = format!("\"action\":\"{action}\",\"entity\":{{\"type\":\"postgres table\",\"id\":");
    value::string(&mut members, table);
    members.push_str("},\"summary\":");
    value::string(&mut members, summary);
    members
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
