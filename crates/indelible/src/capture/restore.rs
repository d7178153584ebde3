//! Taking back a captured change in the database that it comes from, with a role that may.

use std::sync::Arc;

use model::diff;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::context::mac;
use super::pgoutput::Datum;
use super::rules::Rules;
use super::source::{Source, described, quoted};
use super::table::Table;
use super::{Capture, CaptureError};
use crate::config::Hidden;
use crate::hosts::{Order, Reply, RevertHandler};
use crate::store::DatabaseUrl;
use crate::{Indelible, clock};

/// An order waits for a row and for the server only so long: its sender waits for ten seconds.
const PATIENCE: &str = "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '8s'";

/// Puts rows back.
#[derive(Debug)]
pub struct RowReverts {
    rules: Arc<Rules>,
    url: DatabaseUrl,
    application_secret: Option<Hidden>,
    runtime: Handle,
}

/// Why nothing was done.
enum Not {
    Conflict(Option<Box<RawValue>>),
    Cannot(String),
}

impl From<CaptureError> for Not {
    fn from(error: CaptureError) -> Self {
        Self::Cannot(error.to_string())
    }
}

impl From<tokio_postgres::Error> for Not {
    fn from(error: tokio_postgres::Error) -> Self {
        let said = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
        Self::Cannot(format!("the database says: {said}"))
    }
}

impl Capture {
    /// Has reverts of this capture's entries carried out by a user of the database who may change rows. Must be called
    /// within a runtime, on which they run.
    ///
    /// # Errors
    /// When the store fails, or the capture's site is not there.
    pub fn revert_with(&self, url: DatabaseUrl) -> Result<(), CaptureError> {
        let reverts = Arc::new(RowReverts {
            rules: Arc::clone(&self.rules),
            url,
            application_secret: self.application_secret.clone(),
            runtime: Handle::current(),
        });
        let indelible: &Indelible = &self.indelible;
        let has_sites_of_rows = self.rules.tables.iter().any(|table| table.site.is_some());
        let sites = indelible.sites().all().map_err(|error| CaptureError::Log(error.to_string()))?;
        let home = self.home()?;
        for site in sites.into_iter().filter(|site| has_sites_of_rows || site.log == home.log) {
            indelible.revert_handlers().set(site.id, super::CONNECTOR, reverts.clone());
        }
        Ok(())
    }
}

impl RevertHandler for RowReverts {
    fn revert(&self, order: &Order) -> Reply {
        match self.runtime.block_on(self.carry_out(order)) {
            Ok((before, after)) => Reply::Done { before, after },
            Err(Not::Conflict(current)) => Reply::Conflict { current },
            Err(Not::Cannot(why)) => Reply::Cannot { why },
        }
    }
}

/// The states that an order found and left.
type States = (Option<Box<RawValue>>, Option<Box<RawValue>>);

impl RowReverts {
    async fn carry_out(&self, order: &Order) -> Result<States, Not> {
        let mut source = Source::connect(&self.url).await?;
        let tables = source.captured(&self.rules).await?;
        let of_type = tables.iter().filter(|table| {
            self.rules
                .of(&table.schema, &table.name)
                .is_some_and(|(_, rule)| rule.entity_type(&table.schema, &table.name) == order.entity.kind)
        });
        let [found] = of_type.collect::<Vec<_>>()[..] else {
            return Err(Not::Cannot(format!(
                "no table, or more than one, has the rows of type {}",
                order.entity.kind
            )));
        };
        let table = described(&source, &self.rules, found).await?;
        if table.key.is_empty() {
            return Err(Not::Cannot(format!(
                "{} has no primary key: its rows cannot be told apart",
                table.name
            )));
        }
        let transaction = source.client.transaction().await?;
        transaction.batch_execute(PATIENCE).await?;
        if let Some(answered) = answered(&transaction, order.idempotency_key).await? {
            return Ok(answered);
        }
        let before = row(&transaction, &table, &order.entity.id).await?;
        let (before, after) = match order.carry_out(before.as_deref()) {
            Reply::Done { before, after } => (before, after),
            Reply::Conflict { current } => return Err(Not::Conflict(current)),
            Reply::Cannot { why } => return Err(Not::Cannot(why)),
        };
        let Some(wanted) = after else { return Err(Not::Cannot("the order leaves nothing".to_owned())) };
        self.say_who(&transaction, order).await?;
        write(&transaction, &table, order, before.is_some(), &wanted).await?;
        let after = row(&transaction, &table, &order.entity.id).await?;
        // A trigger, a default or a type may have made something else of it.
        if !after.as_ref().is_some_and(|after| diff::same(after, &wanted)) {
            return Err(Not::Cannot(format!(
                "{} does not keep the values as they were: nothing was changed",
                table.name
            )));
        }
        remember(&transaction, order.idempotency_key, before.as_deref(), after.as_deref()).await?;
        transaction.commit().await?;
        Ok((before, after))
    }

    /// The change is captured like any other; whoever asked for it is its actor.
    async fn say_who(&self, transaction: &Transaction<'_>, order: &Order) -> Result<(), Not> {
        let may = "SELECT has_function_privilege('indelible_capture.set_context(text, text)', 'EXECUTE')";
        if !transaction.query_one(may, &[]).await?.get::<_, bool>(0) {
            return Ok(());
        }
        let pid: i32 = transaction.query_one("SELECT pg_backend_pid()", &[]).await?.get(0);
        let mut said = json!({
            "actor": {"type": "user", "name": order.requested_by},
            "reason": order.reason.clone().unwrap_or_else(|| format!("Revert of {}", order.entry_id)),
            "origin": {"channel": "indelible"},
        });
        let signature = self.application_secret.as_ref().map(|secret| {
            if let Some(said) = said.as_object_mut() {
                said.insert("pid".to_owned(), json!(pid));
                said.insert("at".to_owned(), json!(clock::now().to_string()));
            }
            mac(secret.reveal().as_bytes(), said.to_string().as_bytes())
        });
        let say = "SELECT indelible_capture.set_context($1, $2)";
        transaction.execute(say, &[&said.to_string(), &signature]).await?;
        Ok(())
    }
}

/// The key that an id of an entity stands for, as the JSON of a row.
fn key_of(table: &Table, id: &str) -> Option<String> {
    let name = |place: &usize| table.columns.get(*place).map(|column| column.name.as_str());
    let mut fields = serde_json::Map::new();
    if let [only] = table.key.as_slice() {
        fields.insert(name(only)?.to_owned(), json!(id));
        return Some(serde_json::Value::Object(fields).to_string());
    }
    let mut rest = id;
    for (number, place) in table.key.iter().enumerate() {
        let after = rest.strip_prefix(&format!("{}=", name(place)?))?;
        let next = table.key.get(number + 1).and_then(name);
        let (value, left) = match next {
            Some(next) => after.split_once(&format!(",{next}="))?,
            None => (after, ""),
        };
        fields.insert(name(place)?.to_owned(), json!(value));
        // The name of the next column is read again.
        rest =
            if let Some(next) = next { rest.get(rest.len() - left.len() - next.len() - 1..)? } else { left };
    }
    Some(serde_json::Value::Object(fields).to_string())
}

/// The condition that a row has a key, `$1`.
fn has_key(table: &Table) -> String {
    let name = |place: &usize| table.columns.get(*place).map_or("", |column| column.name.as_str());
    let conditions: Vec<String> =
        table.key.iter().map(|place| format!("t.{0} = wanted.{0}", quoted(name(place)))).collect();
    conditions.join(" AND ")
}

/// Reads a row, and keeps others from changing it until the end of the transaction.
async fn row(transaction: &Transaction<'_>, table: &Table, id: &str) -> Result<Option<Box<RawValue>>, Not> {
    let key = key_of(table, id).ok_or_else(|| Not::Cannot(format!("`{id}` is no key of {}", table.name)))?;
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            format!(
                "CASE WHEN t.{0} IS DISTINCT FROM NULL THEN format('%s', t.{0}) END",
                quoted(&column.name)
            )
        })
        .collect();
    let (name, condition) = (table.quoted_name(), has_key(table));
    let read = format!(
        "SELECT {} FROM {name} t, jsonb_populate_record(NULL::{name}, $1::text::jsonb) wanted WHERE {condition} FOR UPDATE OF t",
        columns.join(", ")
    );
    let rows = transaction.query(&read, &[&key]).await?;
    let Some(found) = rows.first() else { return Ok(None) };
    let texts: Vec<Option<String>> = (0..found.len()).map(|place| found.get(place)).collect();
    let datums: Vec<Datum<'_>> =
        texts.iter().map(|text| text.as_deref().map_or(Datum::Null, Datum::Text)).collect();
    if table.entity_id(&datums) != id {
        return Err(Not::Cannot(format!("`{id}` may mean more than one row of {}", table.name)));
    }
    RawValue::from_string(table.state(&datums)).map(Some).map_err(|error| Not::Cannot(error.to_string()))
}

/// Writes the columns that an order changes, or a row that is gone.
async fn write(
    transaction: &Transaction<'_>,
    table: &Table,
    order: &Order,
    is_there: bool,
    wanted: &RawValue,
) -> Result<(), Not> {
    let name = table.quoted_name();
    let in_state = |column: &str| {
        diff::fields(wanted).is_some_and(|fields| fields.iter().any(|(name, _)| *name == column))
    };
    let is_changed = |column: &str| {
        order.paths().any(|path| {
            path == diff::pointer(column) || path.starts_with(&format!("{}/", diff::pointer(column)))
        })
    };
    let columns: Vec<String> = table
        .columns
        .iter()
        .filter(|column| if is_there { is_changed(&column.name) } else { in_state(&column.name) })
        .map(|column| quoted(&column.name))
        .collect();
    if columns.is_empty() {
        return Err(Not::Cannot(format!("{} has none of the columns", table.name)));
    }
    let columns = columns.join(", ");
    let source = format!("jsonb_populate_record(NULL::{name}, $1::text::jsonb) wanted");
    let statement = if is_there {
        let condition = has_key(table);
        format!(
            "UPDATE {name} t SET ({columns}) = (SELECT {columns} FROM {source}) FROM {source} WHERE {condition}"
        )
    } else {
        format!("INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {source}")
    };
    match transaction.execute(&statement, &[&wanted.get()]).await? {
        1 => Ok(()),
        rows => Err(Not::Cannot(format!("{rows} rows of {} have this key", table.name))),
    }
}

/// What an order was answered before.
async fn answered(transaction: &Transaction<'_>, key: Uuid) -> Result<Option<States>, Not> {
    let known = "SELECT before, after FROM indelible_capture.reverted WHERE key = $1";
    let rows = transaction.query(known, &[&key]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let state =
        |place: usize| row.get::<_, Option<String>>(place).and_then(|text| RawValue::from_string(text).ok());
    Ok(Some((state(0), state(1))))
}

async fn remember(
    transaction: &Transaction<'_>,
    key: Uuid,
    before: Option<&RawValue>,
    after: Option<&RawValue>,
) -> Result<(), Not> {
    let put = "INSERT INTO indelible_capture.reverted (key, before, after) VALUES ($1, $2, $3)";
    transaction.execute(put, &[&key, &before.map(RawValue::get), &after.map(RawValue::get)]).await?;
    Ok(())
}
