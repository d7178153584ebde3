//! What is captured and what is not, and what is wrong or will be.

use super::CaptureError;
use super::columns::named_in_vain;
use super::rules::{Mode, Rules};
use super::source::{Server, Slot, Source, SourceTable};
use crate::store::DatabaseUrl;

const MEGABYTE: i64 = 1024 * 1024;

/// How much something matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is as it should be.
    Fine,
    /// It is so, and somebody may want to know.
    Note,
    /// It will go wrong, or less is told than could be.
    Warning,
    /// Changes are not captured.
    Wrong,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What is so, and what to do about it.
    pub text: String,
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, severity: Severity, text: impl Into<String>) {
        self.0.push(Finding { severity, text: text.into() });
    }
}

/// Looks at a capture from the database's side, as the user that captures.
///
/// # Errors
/// When the database cannot be asked.
pub async fn examine(rules: &Rules, url: &DatabaseUrl) -> Result<Vec<Finding>, CaptureError> {
    let source = Source::connect(url).await?;
    let server = source.server().await?;
    let mut findings = Findings(Vec::new());
    findings.add(
        Severity::Fine,
        format!("{} is PostgreSQL {}, and {} signs in", source.place, server.version / 10_000, server.user),
    );
    let tables = source.tables(&rules.slot()).await?;
    match rules.mode {
        Mode::Replication => {
            stream(&mut findings, rules, &server, source.slot(&rules.slot()).await?);
            definitions(&mut findings, &source).await?;
        }
        Mode::Triggers => {
            findings.add(
                Severity::Note,
                "changes come by triggers: changed definitions are not told, and whoever may disable triggers is not seen",
            );
        }
    }
    contexts(&mut findings, rules, &source).await?;
    let captured: Vec<SourceTable> =
        tables.iter().filter(|table| table.is_captured_by(rules)).cloned().collect();
    let in_vain = named_in_vain(&source, rules, &captured).await?;
    for (severity, texts) in [(Severity::Warning, in_vain.columns), (Severity::Note, in_vain.masks)] {
        for text in texts {
            findings.add(severity, text);
        }
    }
    for table in &tables {
        told_of(&mut findings, rules, table, triggered(&source, rules, table).await?);
    }
    findings.add(
        Severity::Note,
        "never captured: sequences, large objects, temporary tables, and roles and databases of the server as a whole",
    );
    Ok(findings.0)
}

fn stream(findings: &mut Findings, rules: &Rules, server: &Server, slot: Option<Slot>) {
    if server.wal_level != "logical" {
        let text =
            format!("wal_level is `{}`: set wal_level = logical and restart PostgreSQL", server.wal_level);
        findings.add(Severity::Wrong, text);
    }
    if server.is_standby {
        findings.add(Severity::Wrong, "this is a standby: capture from its primary");
    }
    if !server.may_replicate {
        findings
            .add(Severity::Wrong, format!("{} may not replicate: run `indelible capture init`", server.user));
    }
    let limit = rules.lag_megabytes_max;
    match u64::try_from(server.slot_megabytes_max) {
        Ok(megabytes) => findings.add(
            Severity::Fine,
            format!("the server keeps {megabytes} MB for a capture that stands still, then gives it up (max_slot_wal_keep_size)"),
        ),
        Err(_) => findings.add(
            Severity::Warning,
            format!(
                "max_slot_wal_keep_size is -1: a capture that stands still fills the server's disk. Set it to {limit}MB: what is \
                 lost then is told as a gap, and found by comparing"
            ),
        ),
    }
    let Some(slot) = slot else {
        let text = format!("there is no replication slot {}: run `indelible capture init`", rules.slot());
        findings.add(Severity::Wrong, text);
        return;
    };
    let megabytes = |bytes: i64| bytes / MEGABYTE;
    let (behind, kept) = (megabytes(slot.behind), megabytes(slot.kept));
    let state =
        format!("the slot {} is {behind} MB behind, and keeps {kept} MB of the server's log", rules.slot());
    let is_far = u64::try_from(behind).is_ok_and(|behind| behind > limit / 2);
    if slot.is_lost {
        findings.add(
            Severity::Wrong,
            format!("the slot {} is lost: the next start tells of a gap and compares", rules.slot()),
        );
    } else if slot.active_pid.is_none() {
        findings.add(
            Severity::Warning,
            format!("{state}, and nobody reads it: start `indelible capture postgres`"),
        );
    } else {
        findings.add(if is_far { Severity::Warning } else { Severity::Fine }, state);
    }
    if let Some(safe) = slot.safe {
        let severity = if safe < 256 * MEGABYTE { Severity::Warning } else { Severity::Fine };
        findings.add(severity, format!("{} MB until the server gives the slot up", megabytes(safe)));
    }
}

async fn definitions(findings: &mut Findings, source: &Source) -> Result<(), CaptureError> {
    let told = "SELECT count(*) = 2 FROM pg_event_trigger \
        WHERE evtname IN ('indelible_capture_definition', 'indelible_capture_drop') AND evtenabled <> 'D'";
    if source.one(told, &[], "looking for the event triggers").await?.get(0) {
        findings.add(Severity::Fine, "changed definitions are told");
    } else {
        findings.add(
            Severity::Warning,
            "changed definitions (CREATE, ALTER, DROP) are not told: let a superuser run `indelible capture init`",
        );
    }
    Ok(())
}

async fn contexts(findings: &mut Findings, rules: &Rules, source: &Source) -> Result<(), CaptureError> {
    const MAY: &str = "SELECT coalesce(array_agg(rolname::text ORDER BY rolname), '{}') FROM pg_roles \
        WHERE rolcanlogin AND NOT rolsuper \
        AND has_function_privilege(oid, 'indelible_capture.set_context(text, text)', 'EXECUTE')";
    source.seal_key().await?;
    let may: Vec<String> = source.one(MAY, &[], "asking who may say who acts").await?.get(0);
    match may.as_slice() {
        [] => findings.add(
            Severity::Note,
            "nobody may say who acts, so the actor is always the database: name users in context_users and run \
             `indelible capture init`",
        ),
        names => findings.add(Severity::Fine, format!("who acts is said by: {}", names.join(", "))),
    }
    for user in may
        .iter()
        .filter(|user| !rules.context_users.contains(user) && Some(*user) != rules.revert_user.as_ref())
    {
        let text =
            format!("{user} may say who acts and is not in context_users: REVOKE it, or name it there");
        findings.add(Severity::Warning, text);
    }
    Ok(())
}

/// Whether a table's triggers are all there.
async fn triggered(
    source: &Source,
    rules: &Rules,
    table: &SourceTable,
) -> Result<Option<bool>, CaptureError> {
    if rules.mode == Mode::Replication {
        return Ok(None);
    }
    let all = "SELECT count(*) = 4 FROM pg_trigger WHERE tgrelid = $1 AND tgname LIKE 'indelible\\_capture\\_%' AND tgenabled <> 'D'";
    Ok(Some(source.one(all, &[&table.id], "looking for a table's triggers").await?.get(0)))
}

fn told_of(findings: &mut Findings, rules: &Rules, table: &SourceTable, triggered: Option<bool>) {
    let name = table.full_name();
    if table.is_partition {
        return;
    }
    if rules.of(&table.schema, &table.name).is_none() {
        findings.add(Severity::Note, format!("not captured: {name}, which no rule captures"));
        return;
    }
    let cannot = match (table.kind, table.persistence) {
        ('f', _) => Some("a foreign table: capture it where it lies"),
        ('m', _) => Some("a materialised view: capture the tables it is made from"),
        (_, 'u') => Some("an unlogged table, which the server's log does not have"),
        _ => None,
    };
    if let Some(why) = cannot {
        findings.add(Severity::Warning, format!("not captured: {name} is {why}"));
        return;
    }
    let is_told = triggered.unwrap_or(table.is_published);
    if !is_told {
        findings.add(Severity::Wrong, format!("not captured: {name}. Run `indelible capture init` again"));
        return;
    }
    if triggered.is_none() && !table.is_full {
        findings.add(
            Severity::Warning,
            format!("{name} is captured without its old values: ALTER TABLE {name} REPLICA IDENTITY FULL, as `capture init` does"),
        );
    } else if table.key.is_empty() {
        let text = format!(
            "{name} is captured, and its rows are known by all that they hold: it has no primary key"
        );
        findings.add(Severity::Note, text);
    } else {
        findings.add(Severity::Fine, format!("captured: {name}, by {}", table.key.join(", ")));
    }
    if !table.may_be_read {
        let text = format!(
            "{name} cannot be read in full, so it could not be compared after a gap: run `indelible capture init`"
        );
        findings.add(Severity::Warning, text);
    }
}
