//! The log of the log: who signed in, who read what, who took what away, as entries of `_system`.
//!
//! Whoever reads does not wait for it. What is to be recorded goes into a bounded queue; one thread folds what is the
//! same and appends the rest, many entries with one commit. What finds the queue full, or cannot be appended, is
//! counted, and the count becomes an entry as soon as one can be written.
//!
//! It cannot feed itself: it reads nothing, and the same reading by the same caller is recorded once in
//! `FOLDED_FOR`, however often it is repeated. That holds for the reading of `_system` too.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::{Origin, Role, Sealed, SiteId};
use serde_json::{Value as Json, json};

use crate::access::Caller;
use crate::clock;
use crate::journal::{self, Append, Journal, Outcome};
use crate::settings::Rules;
use crate::sites::Sites;

/// Notes that wait, at most.
const WAITING_MAX: usize = 8_192;

/// Entries that are appended with one commit, at most.
const TOGETHER_MAX: usize = 1_000;

/// How long a note may wait for others to be appended with.
const GATHERED_FOR: Duration = Duration::from_millis(250);

/// For so long the same thing by the same caller is recorded once; repetitions are counted, and the count is recorded
/// when the time is over.
const FOLDED_FOR: Duration = Duration::from_mins(10);

/// Things that are remembered for folding, at most; what is more is recorded each time.
const FOLDS_MAX: usize = 10_000;

/// Something to be recorded.
#[derive(Clone, Debug)]
pub struct Note {
    action: &'static str,
    actor: Json,
    origin: Option<Origin>,
    succeeded: bool,
    entity: Json,
    data: Json,
    source: String,
    at: Timestamp,
    /// What makes it the same as another; `None` for what is never folded.
    same: Option<String>,
}

impl Note {
    /// A caller did something to the log as a whole or to a part of it.
    #[must_use]
    pub fn of(caller: &Caller, action: &'static str, entity_type: &str, entity_id: &str) -> Self {
        Self {
            action,
            actor: actor(&caller.name, Some(caller.role)),
            origin: caller.from.clone(),
            succeeded: true,
            entity: json!({"type": entity_type, "id": entity_id}),
            data: Json::Null,
            source: caller.name.clone(),
            at: clock::now(),
            same: None,
        }
    }

    /// Somebody was refused who said to be `name`, or nothing that is known.
    #[must_use]
    pub fn refused(name: Option<&str>, means: &str, from: Option<Origin>) -> Self {
        let name = name.unwrap_or("unknown");
        let address = from.as_ref().and_then(|from| from.ip).map(|ip| ip.to_string());
        Self {
            action: "indelible.sign_in",
            actor: actor(name, None),
            succeeded: false,
            entity: json!({"type": "installation", "id": "indelible"}),
            data: json!({ "means": means }),
            source: "indelible".to_owned(),
            at: clock::now(),
            // By address: whoever guesses must not fill the log.
            same: Some(format!("refused\n{means}\n{name}\n{}", address.unwrap_or_default())),
            origin: from,
        }
    }

    /// The same with more about it.
    #[must_use]
    pub fn with(mut self, data: Json) -> Self {
        self.data = data;
        self
    }

    /// The same, folded with what the same caller does with the same `what`.
    #[must_use]
    pub fn folded_by(mut self, what: &str) -> Self {
        self.same = Some(format!("{}\n{}\n{}\n{what}", self.action, self.source, self.entity));
        self
    }

    /// The entry, with how often it was repeated if it tells of that.
    fn entry(&self, repeated: Option<(u64, Timestamp)>) -> Json {
        let mut data = self.data.clone();
        let mut at = self.at;
        if let Some((times, last)) = repeated {
            at = last;
            if !data.is_object() {
                data = json!({});
            }
            if let Some(data) = data.as_object_mut() {
                data.insert("repeated".to_owned(), json!(times));
                data.insert("since".to_owned(), json!(self.at));
            }
        }
        let mut entry = json!({
            "action": self.action,
            "outcome": if self.succeeded { "success" } else { "failure" },
            "actor": self.actor,
            "entity": self.entity,
            "occurred_at": at,
            "connector": "indelible",
        });
        if let Some(fields) = entry.as_object_mut() {
            if !data.is_null() {
                fields.insert("data".to_owned(), data);
            }
            if let Some(origin) = &self.origin {
                fields.insert("origin".to_owned(), json!(origin));
            }
        }
        entry
    }
}

fn actor(name: &str, role: Option<Role>) -> Json {
    let roles: Vec<&str> = role.iter().map(|role| role.as_str()).collect();
    json!({"type": "user", "name": name, "roles": roles})
}

enum Message {
    Note(Box<Note>),
    /// Append what waits, folds included, then say so.
    Flush(SyncSender<()>),
}

/// Takes notes. Its thread ends with it.
pub struct Trail {
    queue: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

impl fmt::Debug for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trail").finish_non_exhaustive()
    }
}

impl Trail {
    /// Starts to write what is noted into the log of `_system`.
    #[must_use]
    pub fn start(journal: Journal, sites: Arc<Sites>) -> Self {
        let (queue, waiting) = sync_channel(WAITING_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { journal, sites, lost: Arc::clone(&lost), folds: HashMap::new() };
        thread::spawn(move || writer.run(&waiting));
        Self { queue, lost }
    }

    /// Notes something. Never waits.
    pub fn note(&self, note: Note) {
        if self.queue.try_send(Message::Note(Box::new(note))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything that was noted is in the log, folded repetitions included.
    pub fn flush(&self) {
        let (done, flushed) = sync_channel(1);
        if self.queue.send(Message::Flush(done)).is_ok() {
            // An error says that the writer has ended, with everything written that could be.
            flushed.recv().unwrap_or_default();
        }
    }
}

/// Something that was recorded, and how often it was repeated since.
struct Fold {
    note: Note,
    until: Instant,
    repeated: u64,
    last: Timestamp,
}

struct Writer {
    journal: Journal,
    sites: Arc<Sites>,
    lost: Arc<AtomicU64>,
    folds: HashMap<String, Fold>,
}

impl Writer {
    fn run(mut self, waiting: &Receiver<Message>) {
        loop {
            let mut entries = Vec::new();
            let mut flushed = None;
            let mut is_end = false;
            let until = Instant::now() + GATHERED_FOR;
            while entries.len() < TOGETHER_MAX && flushed.is_none() && !is_end {
                match waiting.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(Message::Note(note)) => entries.extend(self.fold(*note)),
                    Ok(Message::Flush(done)) => flushed = Some(done),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => is_end = true,
                }
            }
            self.unfold(flushed.is_some() || is_end, &mut entries);
            self.append(&entries);
            if let Some(done) = flushed {
                // Whoever asked may have gone.
                done.send(()).unwrap_or_default();
            }
            if is_end {
                return;
            }
        }
    }

    /// The entry of a note, unless it repeats one.
    fn fold(&mut self, note: Note) -> Option<(Json, String)> {
        let entry = (note.entry(None), note.source.clone());
        let Some(same) = note.same.clone() else { return Some(entry) };
        if let Some(fold) = self.folds.get_mut(&same) {
            fold.repeated = fold.repeated.saturating_add(1);
            fold.last = note.at;
            return None;
        }
        if self.folds.len() < FOLDS_MAX {
            let (until, last) = (Instant::now() + FOLDED_FOR, note.at);
            self.folds.insert(same, Fold { note, until, repeated: 0, last });
        }
        Some(entry)
    }

    /// Forgets folds whose time is over, or all, and records their repetitions.
    fn unfold(&mut self, all: bool, entries: &mut Vec<(Json, String)>) {
        let now = Instant::now();
        self.folds.retain(|_, fold| {
            if !all && fold.until > now {
                return true;
            }
            if fold.repeated > 0 {
                let entry = fold.note.entry(Some((fold.repeated, fold.last)));
                entries.push((entry, fold.note.source.clone()));
            }
            false
        });
    }

    fn append(&self, entries: &[(Json, String)]) {
        let lost = self.lost.swap(0, Ordering::Relaxed);
        if entries.is_empty() && lost == 0 {
            return;
        }
        let gap = (lost > 0).then(|| {
            let entry = json!({
                "action": "indelible.gap",
                "actor": {"type": "system"},
                "entity": {"type": "log", "id": "_system"},
                "summary": format!("{lost} readings or sign-ins could not be recorded"),
                "data": {"lost": lost},
                "connector": "indelible",
            });
            (entry, "indelible".to_owned())
        });
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let all = entries.iter().chain(gap.as_ref());
        let sealed: Vec<Sealed> = all.filter_map(|(entry, source)| seal(entry, source)).collect();
        let asked = sealed.len();
        let written = self.write(sealed).unwrap_or_else(|reason| {
            tracing::warn!(reason, "readings and sign-ins could not be recorded; their number will be");
            0
        });
        if written < asked {
            self.lost.fetch_add(lost.saturating_add(count), Ordering::Relaxed);
        }
    }

    fn write(&self, entries: Vec<Sealed>) -> Result<usize, String> {
        let site = self.sites.find(&SiteId::system()).map_err(|error| error.to_string())?;
        let site = site.ok_or_else(|| "the system's site is missing".to_owned())?;
        let append = Append { site, entries, atomic: true, change: None };
        let outcomes = self.journal.append_blocking(append).map_err(|error| error.to_string())?;
        Ok(outcomes.iter().filter(|outcome| !matches!(outcome, Outcome::Refused(_))).count())
    }
}

/// An entry of ours, ready for the log.
fn seal(entry: &Json, source: &str) -> Option<Sealed> {
    match journal::admit(entry.to_string().as_bytes(), source, None, &Rules::default()) {
        Ok(Ok(sealed)) => Some(sealed),
        Ok(Err(violations)) => {
            let reason = violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            tracing::error!(reason, "an entry of the log of the log was refused");
            None
        }
        Err(error) => {
            tracing::error!(%error, "an entry of the log of the log could not be made");
            None
        }
    }
}
