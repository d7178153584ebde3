//! The way of captured entries into their logs: one thread admits them, another appends and says what is durable, so that
//! neither waits for the other's work.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use model::mask::MaskRules;
use model::{Code, Draft, Entity, SiteId, Violation};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::CaptureError;
use super::entry::{CONNECTOR, Ready, raw};
use super::rules::Rules;
use super::status::Status;
use crate::Indelible;
use crate::journal::{Append, JournalError, Outcome, admit_drafts};
use crate::settings::{self, SiteSettings};
use crate::store::{Change, Site};

/// Batches that wait while one is admitted, and while one is written.
const BATCHES_WAITING_MAX: usize = 1;

/// How long to wait before a log that is busy, full or away is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Entries on their way, and what holds once they are durable.
pub(super) struct Batch {
    pub(super) ready: Vec<Ready>,
    /// A change of the capture's own standing, made with them.
    pub(super) standing: Option<String>,
    /// Up to where in the server's log everything is durable then; zero where nothing new is.
    pub(super) position: u64,
}

/// How far the threads have come.
#[derive(Clone, Debug, Default)]
pub(super) struct Durable {
    /// Up to where in the server's log everything is in our logs.
    pub(super) position: u64,
    /// Batches that are.
    pub(super) batches: u64,
}

/// The threads' handle.
pub(super) struct Appender {
    queue: mpsc::Sender<Batch>,
    sent: u64,
    durable: watch::Receiver<Result<Durable, CaptureError>>,
}

impl Appender {
    pub(super) fn start(
        indelible: Indelible,
        rules: Arc<Rules>,
        home: Site,
        status: Arc<Status>,
    ) -> Result<Self, CaptureError> {
        let (queue, mut batches) = mpsc::channel::<Batch>(BATCHES_WAITING_MAX);
        let (pass_on, mut admitted) = mpsc::channel(BATCHES_WAITING_MAX);
        let (tell, durable) = watch::channel(Ok(Durable::default()));
        let appending = Appending { indelible, rules, status };
        let mut door = Door { appending: appending.clone(), home, sites: HashMap::new() };
        let admit = move || {
            while let Some(batch) = batches.blocking_recv() {
                let admitted = door.admit(batch);
                let failed = admitted.is_err();
                if pass_on.blocking_send(admitted).is_err() || failed {
                    return;
                }
            }
        };
        let append = move || {
            let mut reached = Durable::default();
            while let Some(batch) = admitted.blocking_recv() {
                let done = batch.and_then(|batch| {
                    let position = batch.position;
                    appending.append_all(batch).map(|()| position)
                });
                let failed = done.is_err();
                let done = done.map(|position| {
                    reached.position = reached.position.max(position);
                    reached.batches += 1;
                    reached.clone()
                });
                drop(tell.send_replace(done));
                if failed {
                    return;
                }
            }
        };
        let failed = |error| CaptureError::Spool(format!("no thread for appending: {error}"));
        thread::Builder::new().name("capture-admit".to_owned()).spawn(admit).map_err(failed)?;
        thread::Builder::new().name("capture-append".to_owned()).spawn(append).map_err(failed)?;
        Ok(Self { queue, sent: 0, durable })
    }

    /// Hands a batch over; waits while one is waiting already.
    pub(super) async fn send(&mut self, batch: Batch) -> Result<(), CaptureError> {
        self.sent += 1;
        if self.queue.send(batch).await.is_ok() {
            return Ok(());
        }
        self.position()?;
        Err(CaptureError::Log("the thread that appends has ended".to_owned()))
    }

    /// Up to where everything is durable.
    pub(super) fn position(&self) -> Result<u64, CaptureError> {
        self.durable.borrow().clone().map(|durable| durable.position)
    }

    /// Waits until more is durable.
    pub(super) async fn progressed(&mut self) {
        // When the thread is gone its last word is there.
        if self.durable.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until all that was sent is durable.
    pub(super) async fn all(&mut self) -> Result<(), CaptureError> {
        let sent = self.sent;
        let reached = |state: &Result<Durable, CaptureError>| {
            state.as_ref().map_or(true, |state| state.batches >= sent)
        };
        match self.durable.wait_for(reached).await {
            Ok(state) => state.clone().map(|_| ()),
            Err(_) => Err(CaptureError::Log("the thread that appends has ended".to_owned())),
        }
    }
}

/// A batch that its logs can take.
struct Admitted {
    runs: Vec<Run>,
    position: u64,
}

/// Entries for one log, in order.
struct Run {
    append: Append,
    ids: Vec<Uuid>,
}

/// Admits.
struct Door {
    appending: Appending,
    home: Site,
    /// Sites that rows name; those that there are none of are looked for again each time.
    sites: HashMap<SiteId, Site>,
}

impl Door {
    fn admit(&mut self, batch: Batch) -> Result<Admitted, CaptureError> {
        let mut by_site: Vec<(Site, Vec<Ready>)> = Vec::new();
        for ready in batch.ready {
            let (site, ready) = self.addressed(ready)?;
            match by_site.iter_mut().find(|(of, _)| of.log == site.log) {
                Some((_, run)) => run.push(ready),
                None => by_site.push((site, vec![ready])),
            }
        }
        // A change of standing is made with the entries that tell of it or not at all.
        let mut standing = batch.standing.map(|value| Change::Configure {
            log: self.home.log,
            name: super::standing::name(&self.appending.rules.name),
            value: Some(value),
        });
        let mut runs = Vec::with_capacity(by_site.len());
        for (site, run) in by_site {
            let change = if site.log == self.home.log { standing.take() } else { None };
            runs.push(self.appending.admitted(&site, run, change)?);
        }
        Ok(Admitted { runs, position: batch.position })
    }

    /// The site that an entry goes to. Where a row names one that there is none of, it goes home and says so.
    fn addressed(&mut self, mut ready: Ready) -> Result<(Site, Ready), CaptureError> {
        let Some(id) = ready.site.clone() else { return Ok((self.home.clone(), ready)) };
        if let Some(site) = self.sites.get(&id) {
            return Ok((site.clone(), ready));
        }
        if let Some(site) = self.appending.indelible.sites().find(&id).map_err(|error| log(&error))? {
            self.sites.insert(id, site.clone());
            return Ok((site, ready));
        }
        if self.appending.status.is_first_miss(&id) {
            tracing::warn!(site = %id, home = %self.home.id, "rows name a site that there is none of: they go home");
        }
        ready.wanted(&id);
        Ok((self.home.clone(), ready))
    }
}

/// Appends.
#[derive(Clone)]
struct Appending {
    indelible: Indelible,
    rules: Arc<Rules>,
    status: Arc<Status>,
}

impl Appending {
    /// Entries as one log takes them.
    fn admitted(&self, site: &Site, run: Vec<Ready>, change: Option<Change>) -> Result<Run, CaptureError> {
        let ids: Vec<Uuid> = run.iter().map(|ready| ready.id).collect();
        let mut entries = Vec::with_capacity(run.len());
        let mut rest = run.into_iter().peekable();
        while let Some(rule) = rest.peek().map(|ready| ready.rule) {
            let of_rule: Vec<Box<Draft>> = std::iter::from_fn(|| rest.next_if(|ready| ready.rule == rule))
                .map(|ready| ready.draft)
                .collect();
            let rules = self.rules_of(site, rule)?;
            let admissions =
                admit_drafts(of_rule.into_iter().map(|draft| *draft), &self.rules.source(), &rules)
                    .map_err(|error| CaptureError::Log(error.to_string()))?;
            for admission in admissions {
                let id = ids.get(entries.len()).copied().unwrap_or_default();
                entries.push(match admission {
                    Ok(sealed) => sealed,
                    Err(violations) => self.refused(site, id, violations.first())?,
                });
            }
        }
        Ok(Run { append: Append { site: site.clone(), entries, atomic: change.is_some(), change }, ids })
    }

    fn append_all(&self, batch: Admitted) -> Result<(), CaptureError> {
        for Run { append, ids } in batch.runs {
            let outcomes = self.append(&append)?;
            for (outcome, id) in outcomes.iter().zip(ids) {
                match outcome {
                    Outcome::Appended(_) => self.status.appended(),
                    Outcome::Known(_) => self.status.known(),
                    Outcome::Refused(violation) => self.not_appended(&append.site, id, violation)?,
                }
            }
        }
        Ok(())
    }

    /// The log has another entry by that id. If it is this capture's own, from a time with other rules, the change is told
    /// already; else somebody has put something in its place, and it is told all the same.
    fn not_appended(&self, site: &Site, id: Uuid, violation: &Violation) -> Result<(), CaptureError> {
        if violation.code == Code::IdConflict {
            let found = self.indelible.search().by_id(site, id).map_err(|error| log(&error))?;
            if found.is_some_and(|entry| entry.source == self.rules.source()) {
                self.status.known();
                return Ok(());
            }
        }
        let entries = vec![self.refused(site, id, Some(violation))?];
        self.append(&Append { site: site.clone(), entries, atomic: false, change: None })
            .map(|_| self.status.appended())
    }

    /// An entry in the place of one that the log does not take.
    fn refused(&self, site: &Site, id: Uuid, why: Option<&Violation>) -> Result<model::Sealed, CaptureError> {
        self.status.refused();
        let why = why.map_or_else(
            || "for no reason that is known".to_owned(),
            |violation| format!("{} {}: {}", violation.code.as_str(), violation.field, violation.message),
        );
        tracing::warn!(%id, why, "a captured change could not be told in full");
        let data = json!({"entry": id, "why": why});
        let refused = Draft {
            id: Some(Uuid::new_v5(&id, b"refused")),
            outcome: model::Outcome::Failure,
            summary: Some(format!("A change was captured that the log does not take: {why}")),
            connector: Some(CONNECTOR.to_owned()),
            data: Some(raw(data.to_string())),
            ..Draft::new("postgres.refused", Entity::new("postgres capture", &self.rules.name))
        };
        let admitted = admit_drafts([refused].into_iter(), &self.rules.source(), &settings::Rules::default())
            .map_err(|error| CaptureError::Log(error.to_string()))?;
        match admitted.into_iter().next() {
            Some(Ok(sealed)) => Ok(sealed),
            _ => {
                Err(CaptureError::Log(format!("{} takes neither a change nor that it was refused", site.id)))
            }
        }
    }

    /// A site's rules, with the columns that the table's rule masks.
    fn rules_of(&self, site: &Site, rule: Option<usize>) -> Result<settings::Rules, CaptureError> {
        let rules = self.indelible.rules(site).map_err(|error| log(&error))?.for_imports();
        let masked = rule.and_then(|place| self.rules.tables.get(place)).filter(|rule| !rule.mask.is_empty());
        let Some(rule) = masked else { return Ok(rules) };
        let of_site =
            SiteSettings::load(self.indelible.store().as_ref(), site.log).map_err(|error| log(&error))?;
        let mask = MaskRules::new(of_site.mask_fields.iter().chain(&rule.mask))
            .map_err(|error| CaptureError::Log(error.to_string()))?;
        Ok(rules.masking(mask))
    }

    /// Appends, and waits for a log that cannot take anything at the moment: meanwhile the server keeps what comes next.
    fn append(&self, append: &Append) -> Result<Vec<Outcome>, CaptureError> {
        let mut told = false;
        loop {
            match self.indelible.journal().append_blocking(append.clone()) {
                Ok(outcomes) => return Ok(outcomes),
                Err(JournalError::Stopped(reason)) => return Err(CaptureError::Log(reason)),
                Err(error) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%error, "capture waits for the log");
                    }
                    thread::sleep(PAUSE);
                }
            }
        }
    }
}

fn log(error: &dyn std::error::Error) -> CaptureError {
    CaptureError::Log(crate::causes::chain(error))
}
