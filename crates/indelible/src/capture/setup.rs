//! Setting up a database for a capture: the SQL, to be shown before it is run.

use std::fmt::Write as _;

use super::columns::named_in_vain;
use super::rules::{Mode, Rules};
use super::source::{Server, Source, SourceTable, literal, quoted};
use super::{CaptureError, table};
use crate::store::DatabaseUrl;

const COMMON: &str = include_str!("sql/common.sql");
const REPLICATION: &str = include_str!("sql/replication.sql");
const EVENTS: &str = include_str!("sql/events.sql");
const TRIGGERS: &str = include_str!("sql/triggers.sql");
const CLOSED: &str = include_str!("sql/closed.sql");

/// Something that is done at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What for.
    pub what: String,
    /// The SQL.
    pub sql: String,
}

impl Step {
    fn new(what: &str, sql: impl Into<String>) -> Self {
        Self { what: what.to_owned(), sql: sql.into() }
    }
}

/// What must be done so that a capture can run as `user`. `administrator` is who would do it.
///
/// # Errors
/// When the database cannot be asked, no table fits the rules or has a column that they name, or the server cannot be
/// captured from.
pub async fn steps(
    rules: &Rules,
    administrator: &DatabaseUrl,
    user: &str,
) -> Result<Vec<Step>, CaptureError> {
    let source = Source::connect(administrator).await?;
    let server = source.server().await?;
    let tables = source.captured(rules).await?;
    if tables.is_empty() {
        return Err(CaptureError::Refused(format!(
            "no table at {} fits the rules: `match` is a table with its schema, such as `public.order` or `public.*`",
            source.place
        )));
    }
    let in_vain = named_in_vain(&source, rules, &tables).await?;
    if let Some(column) = in_vain.columns.into_iter().next() {
        return Err(CaptureError::Refused(column));
    }
    let mut steps = vec![Step::new("the capture's own schema, with the key of its seal", COMMON)];
    match rules.mode {
        Mode::Replication => replication(&mut steps, rules, &source, &server, &tables, user).await?,
        Mode::Triggers => triggers(&mut steps, &source, &tables, user)?,
    }
    steps.push(Step::new("who may say who acts", context_grants(&rules.context_users)));
    if let Some(user) = &rules.revert_user {
        steps.push(Step::new("who takes changes back", revert_grants(&tables, user)));
    }
    steps.retain(|step| !step.sql.trim().is_empty());
    Ok(steps)
}

/// Runs the steps, one after another.
///
/// # Errors
/// The first that fails. All can be run again.
pub async fn apply(steps: &[Step], administrator: &DatabaseUrl) -> Result<(), CaptureError> {
    let source = Source::connect(administrator).await?;
    for step in steps {
        source.execute(&step.sql, &step.what).await?;
    }
    Ok(())
}

async fn replication(
    steps: &mut Vec<Step>,
    rules: &Rules,
    source: &Source,
    server: &Server,
    tables: &[SourceTable],
    user: &str,
) -> Result<(), CaptureError> {
    if server.wal_level != "logical" {
        return Err(CaptureError::Refused(format!(
            "wal_level is `{}` at {}: set wal_level = logical in postgresql.conf and restart PostgreSQL, then run this again. \
             Where that is not possible, put mode = \"triggers\" into the rules",
            server.wal_level, source.place
        )));
    }
    steps.push(Step::new("what applications and definitions tell the capture", REPLICATION));
    let is_superuser: bool =
        source.one("SELECT current_setting('is_superuser') = 'on'", &[], "asking who we are").await?.get(0);
    if is_superuser {
        steps.push(Step::new("changed definitions are told", EVENTS));
    }
    let may_replicate =
        "SELECT coalesce((SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = $1), false)";
    if !source.one(may_replicate, &[&user], "asking what the capture's user may").await?.get::<_, bool>(0) {
        steps.push(Step::new(
            "the capture's user may replicate",
            format!("ALTER ROLE {} REPLICATION;\n", quoted(user)),
        ));
    }
    steps.push(Step::new("nobody else has any of it", CLOSED));
    let mut own = grants(tables, user, "SELECT ON indelible_capture.seal");
    _ = writeln!(own, "GRANT SELECT, INSERT, UPDATE ON indelible_capture.slot TO {};", quoted(user));
    steps.push(Step::new("the capture's user may read", own));
    steps.push(Step::new("old rows are told in full", identities(source, tables).await?));
    steps.push(Step::new("the tables are published", publication(rules, source, tables).await?));
    if source.slot(&rules.slot()).await?.is_none() {
        let slot = literal(&rules.slot());
        let sql = format!(
            "SELECT pg_create_logical_replication_slot({slot}, 'pgoutput');\n\
             INSERT INTO indelible_capture.slot VALUES ({slot}, gen_random_uuid())\n    \
             ON CONFLICT (name) DO UPDATE SET made = excluded.made;\n"
        );
        steps.push(Step::new("the server keeps what has not been read", sql));
    }
    Ok(())
}

/// `REPLICA IDENTITY FULL` for tables that do not have it, partitions included.
async fn identities(source: &Source, tables: &[SourceTable]) -> Result<String, CaptureError> {
    const LACKING: &str = "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind IN ('r', 'p') AND c.relreplident <> 'f' AND (c.oid = ANY ($1) OR EXISTS ( \
            SELECT FROM unnest($1) AS root (id) JOIN LATERAL pg_partition_ancestors(c.oid) a ON a.relid = root.id)) \
        ORDER BY 1, 2";
    let ids: Vec<u32> = tables.iter().map(|table| table.id).collect();
    let rows = source
        .client
        .query(LACKING, &[&ids])
        .await
        .map_err(|error| source.failed("asking how old rows are told", &error))?;
    let mut sql = String::new();
    for row in rows {
        let (schema, name): (String, String) = (row.get(0), row.get(1));
        // Writing into a string cannot fail.
        _ = writeln!(sql, "ALTER TABLE {}.{} REPLICA IDENTITY FULL;", quoted(&schema), quoted(&name));
    }
    Ok(sql)
}

async fn publication(rules: &Rules, source: &Source, tables: &[SourceTable]) -> Result<String, CaptureError> {
    let exists = "SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1)";
    let exists: bool = source.one(exists, &[&rules.slot()], "looking for the publication").await?.get(0);
    let name = quoted(&rules.slot());
    let list: Vec<String> = tables.iter().map(quoted_table).collect();
    let list = list.join(",\n    ");
    if !exists {
        return Ok(format!(
            "CREATE PUBLICATION {name} FOR TABLE\n    {list}\n    WITH (publish_via_partition_root = true);\n"
        ));
    }
    if tables.iter().all(|table| table.is_published) {
        return Ok(String::new());
    }
    Ok(format!("ALTER PUBLICATION {name} SET TABLE\n    {list};\n"))
}

fn triggers(
    steps: &mut Vec<Step>,
    source: &Source,
    tables: &[SourceTable],
    user: &str,
) -> Result<(), CaptureError> {
    steps.push(Step::new("the queue, and what fills it", TRIGGERS));
    let mut sql = String::new();
    for table in tables {
        if table.key.is_empty() {
            return Err(CaptureError::Refused(format!(
                "{} at {} has no primary key, by which triggers tell which new row was which old one: give it one, or leave \
                 it out with capture = false",
                table.full_name(),
                source.place
            )));
        }
        trigger(&mut sql, table);
    }
    steps.push(Step::new("the tables tell of their changes", sql));
    steps.push(Step::new("nobody else has any of it", CLOSED));
    let own = "SELECT ON indelible_capture.seal, indelible_capture.queue";
    let mut grants = grants(tables, user, own);
    _ = writeln!(grants, "GRANT DELETE ON indelible_capture.queue TO {};", quoted(user));
    steps.push(Step::new("the capture's user may read, and take from the queue", grants));
    Ok(())
}

fn trigger(sql: &mut String, table: &SourceTable) {
    let key: Vec<String> = table.key.iter().map(|column| literal(column)).collect();
    let (name, key) = (quoted_table(table), key.join(", "));
    for (event, transition) in [
        ("INSERT", "REFERENCING NEW TABLE AS new_rows"),
        ("UPDATE", "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"),
        ("DELETE", "REFERENCING OLD TABLE AS old_rows"),
        ("TRUNCATE", ""),
    ] {
        let trigger = format!("indelible_capture_{}", event.to_ascii_lowercase());
        _ = writeln!(
            sql,
            "DROP TRIGGER IF EXISTS {trigger} ON {name};\n\
             CREATE TRIGGER {trigger} AFTER {event} ON {name} {transition}\n    \
             FOR EACH STATEMENT EXECUTE FUNCTION indelible_capture.tell_rows({key});"
        );
    }
}

/// What the capture's user must be able to read. `own` is what it must of the capture's own schema.
fn grants(tables: &[SourceTable], user: &str, own: &str) -> String {
    let user = quoted(user);
    let mut sql = format!("GRANT USAGE ON SCHEMA indelible_capture TO {user};\nGRANT {own} TO {user};\n");
    let mut schemas: Vec<&str> = tables.iter().map(|table| table.schema.as_str()).collect();
    schemas.dedup();
    for schema in schemas {
        _ = writeln!(sql, "GRANT USAGE ON SCHEMA {} TO {user};", quoted(schema));
    }
    for table in tables {
        _ = writeln!(sql, "GRANT SELECT ON {} TO {user};", quoted_table(table));
    }
    if tables.iter().any(|table| table.has_row_security) {
        _ = writeln!(sql, "ALTER ROLE {user} BYPASSRLS;");
    }
    sql
}

fn context_grants(users: &[String]) -> String {
    let mut sql = String::new();
    for user in users {
        let user = quoted(user);
        _ = writeln!(
            sql,
            "GRANT USAGE ON SCHEMA indelible_capture TO {user};\n\
             GRANT EXECUTE ON FUNCTION indelible_capture.set_context(text, text) TO {user};"
        );
    }
    sql
}

fn revert_grants(tables: &[SourceTable], user: &str) -> String {
    let mut sql = grants(tables, user, "SELECT, INSERT ON indelible_capture.reverted");
    sql.push_str(&context_grants(&[user.to_owned()]));
    for table in tables {
        _ = writeln!(sql, "GRANT INSERT, UPDATE ON {} TO {};", quoted_table(table), quoted(user));
    }
    sql
}

fn quoted_table(table: &SourceTable) -> String {
    table::quoted_name(&table.schema, &table.name)
}
