//! Looking after a capture: gaps, tables that came or are missing, how far behind it is.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use model::Entity;
use model::json::write_string;

use super::CaptureError;
use super::compare::Comparison;
use super::context::Context;
use super::entry::{Happened, Header, Ready};
use super::source::{Slot, SourceTable};
use super::standing::Standing;
use super::stream::Stream;
use super::transaction::Commit;
use crate::clock;
use crate::entropy;

/// Tables that one entry names, at most.
const NAMED_MAX: usize = 50;

/// How long until a comparison that could not be prepared is tried again: the stream waits while it is.
const COMPARE_AGAIN: Duration = Duration::from_mins(5);

impl Stream<'_> {
    /// Sees that the slot is there and has lost nothing; else tells of a gap and begins anew.
    pub(super) async fn begin(&mut self, was: Option<Standing>) -> Result<(), CaptureError> {
        let name = self.capture.rules.slot();
        let slot = self.source.slot(&name).await?;
        let made = self.source.slot_made(&name).await?;
        let Some(was) = was else {
            return match slot {
                Some(slot) if !slot.is_lost => {
                    self.standing =
                        Standing { system: self.server.system.clone(), made, ..Standing::default() };
                    let started = self.about_capture("postgres.start", "Began to capture changes", "");
                    self.put_down(vec![started]).await
                }
                _ => Err(CaptureError::Refused(format!(
                    "there is no replication slot {name} that works at {}: run `indelible capture init`, which sets up what \
                     this capture needs",
                    self.source.place
                ))),
            };
        };
        let why = match &slot {
            _ if was.system != self.server.system => "the database is on another server than before",
            None => "the replication slot is gone",
            Some(slot) if slot.is_lost => {
                "the server threw away its log before it was read (max_slot_wal_keep_size)"
            }
            Some(_) if was.made != made => "the replication slot is another than before",
            Some(_) => return Ok(()),
        };
        self.tell_gap(slot.as_ref(), why).await
    }

    /// Told before anything is made anew: whoever dies in between tells it again, and nobody forgets it.
    async fn tell_gap(&mut self, slot: Option<&Slot>, why: &str) -> Result<(), CaptureError> {
        let name = self.capture.rules.slot();
        tracing::error!(
            capture = self.capture.rules.name,
            why,
            "ALARM: changes were lost; the tables are compared with the log"
        );
        let mut data = String::from("\"why\":");
        write_string(&mut data, why);
        if let Some(slot) = slot {
            _ = write!(data, ",\"slot_lsn\":\"{}\"", slot.confirmed);
        }
        let id = entropy::bytes().map_err(|error| CaptureError::Log(error.to_string()))?;
        let made = uuid::Builder::from_random_bytes(id).into_uuid();
        let mut torn = std::mem::take(&mut self.standing.torn);
        torn.extend(std::mem::take(&mut self.standing.complete).into_keys());
        self.standing =
            Standing { system: self.server.system.clone(), made: Some(made), torn, ..Standing::default() };
        self.capture.status.gap();
        let summary = format!("Changes were lost: {why}. The tables are compared with the log next");
        let gap = self.about_capture("postgres.gap", &summary, &data);
        self.put_down(vec![gap]).await?;
        if slot.is_some_and(|slot| slot.is_lost) {
            let drop = "SELECT pg_drop_replication_slot($1)";
            self.source.run(drop, &[&name], "dropping the lost slot").await?;
        }
        if slot.is_none_or(|slot| slot.is_lost) {
            let create = "SELECT pg_create_logical_replication_slot($1, 'pgoutput')";
            self.source.run(create, &[&name], "creating the slot anew").await?;
        }
        let mark = "INSERT INTO indelible_capture.slot VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET made = excluded.made";
        self.source.run(mark, &[&name, &made], "marking the slot").await
    }

    /// An entry about the capture itself.
    pub(super) fn about_capture(&self, action: &'static str, summary: &str, data: &str) -> Ready {
        let now = clock::now();
        let commit = Commit { xid: 0, lsn: self.told(), at: now };
        let context = Context::of_capture(&self.server.database);
        let happened = Happened {
            action,
            entity: Entity::new("postgres capture", &self.capture.rules.name),
            summary: summary.to_owned(),
            after: None,
            data: data.to_owned(),
        };
        Header::new(&self.server.system, commit, context).other(&format!("{action} {now}"), happened)
    }

    /// Looks at the slot and at the tables.
    pub(super) async fn look(&mut self) -> Result<(), CaptureError> {
        if let Some(slot) = self.source.slot(&self.capture.rules.slot()).await? {
            self.capture.status.slot(&slot);
        }
        let tables = self.source.captured(&self.capture.rules).await?;
        let (published, missing): (Vec<_>, Vec<_>) = tables.into_iter().partition(|table| table.is_published);
        self.tell_missing(&missing).await?;
        self.begin_without_baseline(&published).await?;
        let is_incomplete =
            |table: &SourceTable| self.standing.complete.get(&table.full_name()) != Some(&table.id);
        let incomplete: Vec<_> =
            published.into_iter().filter(|table| table.may_be_read && is_incomplete(table)).collect();
        let is_time = self.compare_again.is_none_or(|time| Instant::now() >= time);
        if !incomplete.is_empty() && self.comparison.is_none() && is_time {
            self.comparison = Comparison::prepare(self, incomplete).await?;
            self.compare_again = Some(Instant::now() + COMPARE_AGAIN);
        }
        Ok(())
    }

    /// Takes in tables whose rows from before nobody asks for: what comes, comes by the stream, and after a gap they are
    /// compared like any other.
    async fn begin_without_baseline(&mut self, published: &[SourceTable]) -> Result<(), CaptureError> {
        let rules = &self.capture.rules;
        let is_without = |table: &&SourceTable| {
            let rule = rules.of(&table.schema, &table.name);
            let name = table.full_name();
            rule.is_some_and(|(_, rule)| !rule.baseline)
                && !self.standing.complete.contains_key(&name)
                && !self.standing.torn.contains(&name)
        };
        let new: Vec<(String, u32)> =
            published.iter().filter(is_without).map(|table| (table.full_name(), table.id)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let names: Vec<&String> = new.iter().map(|(name, _)| name).collect();
        let data = format!("\"tables\":{}", serde_json::to_string(&names).unwrap_or_default());
        let began = self.about_capture("postgres.start", "Began to capture tables without a baseline", &data);
        self.standing.complete.extend(new);
        self.put_down(vec![began]).await
    }

    /// Tells of tables that the rules capture and no publication has.
    async fn tell_missing(&mut self, missing: &[SourceTable]) -> Result<(), CaptureError> {
        let missing: Vec<String> = missing.iter().map(SourceTable::full_name).collect();
        let new: Vec<String> =
            missing.iter().filter(|name| !self.standing.missing.contains(*name)).cloned().collect();
        self.standing.missing = missing.iter().cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        let names = new.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
        tracing::error!(tables = names, "ALARM: not captured, because no publication has them");
        let data = format!("\"tables\":{}", serde_json::to_string(&new).unwrap_or_default());
        let summary = format!(
            "Not captured, because no publication has them: {names}. Run `indelible capture init` again"
        );
        // What happens to them until they are published is not known.
        for name in &missing {
            if self.standing.complete.remove(name).is_some() {
                self.standing.torn.insert(name.clone());
            }
        }
        let entry = self.about_capture("postgres.uncaptured", &summary, &data);
        self.put_down(vec![entry]).await
    }
}
