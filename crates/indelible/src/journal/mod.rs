//! The journal: how an entry gets into its log. Read from top to bottom.
//!
//! ```text
//! admit        parse, check, encode and commit to sections     many threads
//! batch        everything that waits becomes one commit        one committer
//! assign       ids known already are answered, the rest get time and index
//! hash         leaves, tiles, root; what will be stored is what was committed to
//! persist      one transaction: the batch is staged
//! sign         after our own verifier accepted the new head
//! publish      the heads are swapped: from here on the batch is part of the log
//! acknowledge  the senders are told, and readers see it
//! ```
//!
//! What came entry by entry is then merged in the background (`merger`), which changes no entry.
//!
//! A crash before *publish* leaves a staged batch that nobody was told of; the next committer discards it.
//! A crash after it loses nothing. No checkpoint exists outside this process before its head is safe.

mod admit;
mod assign;
mod merger;
mod published;
mod tree;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::{Sealed, SiteId, Violation};
use tlog::{Checkpoint, Hash, SigningKey};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::keys::Keys;
use crate::metrics::Commits;
use crate::store::{Batch, Change, CommitLock, Head, LogNumber, Scope, SignedHead, Site, Store, StoreError};
use assign::Assignment;
use merger::{Merger, Work};
use tree::Tree;

pub use admit::{Admission, IdempotencyKey, admit, admit_all, admit_drafts};
pub use published::Published;
pub(crate) use tree::{edge_at, stored_nodes, unread};

/// Submissions that may wait for the committer. More senders than this wait at the door.
const QUEUE_SUBMISSIONS_MAX: usize = 1024;

/// How long a sender waits at the door before it is told to come back.
const QUEUE_PATIENCE: Duration = Duration::from_secs(10);

/// Entries in one commit beyond which no further submission joins it: bounds memory and the time to
/// acknowledge.
const COMMIT_ENTRIES_MAX: usize = 16_384;

/// Bytes of stored forms in one commit beyond which no further submission joins it.
const COMMIT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Logs whose trees are kept at hand, about 10 KiB each. When there are more, all are let go.
const TREES_KEPT: usize = 4096;

/// Appends entries. Cheap to clone; all clones feed one committer.
#[derive(Clone, Debug)]
pub struct Journal {
    queue: mpsc::Sender<Submission>,
    published: Arc<Published>,
    stopped: Arc<OnceLock<String>>,
    commits: Commits,
    /// Ends with the last clone.
    merger: Arc<Merger>,
}

/// How often [`Journal::until_stopped`] looks.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What is submitted to the log of one site, to be committed together.
#[derive(Clone, Debug)]
pub struct Append {
    /// The site whose log it goes to.
    pub site: Site,
    /// The entries in order.
    pub entries: Vec<Sealed>,
    /// Whether one refused entry refuses all.
    pub atomic: bool,
    /// A change of configuration that the entries tell of. It is made only if they are all new.
    pub change: Option<Change>,
}

/// What became of one entry.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is in the log.
    Appended(Receipt),
    /// It was there already, with the same content.
    Known(Receipt),
    /// It is not in the log.
    Refused(Violation),
}

/// Where an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its id.
    pub id: Uuid,
    /// Its position in its log.
    pub index: u64,
    /// When the log took it.
    pub recorded_at: Timestamp,
    /// The hash of its leaf.
    pub leaf_hash: Hash,
}

/// Why a whole submission was not taken. None of its entries is in the log.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// Too much waits already.
    #[error("the log is busy: too many writes are waiting. Send it again in a moment")]
    Busy,
    /// No room.
    #[error("{0}")]
    Full(String),
    /// The store cannot be reached now.
    #[error("{0}")]
    Unavailable(String),
    /// The log has stopped, because its state is unknown or damaged.
    #[error("the log has stopped and takes nothing more: {0}")]
    Stopped(String),
}

struct Submission {
    append: Append,
    reply: oneshot::Sender<Result<Vec<Outcome>, JournalError>>,
}

impl Journal {
    /// Starts the committer of a store, a thread of its own, and the merger, another. They end when the last
    /// clone is dropped.
    #[must_use]
    pub fn start(store: Arc<dyn Store>, keys: Arc<Keys>) -> Self {
        let (queue, submissions) = mpsc::channel(QUEUE_SUBMISSIONS_MAX);
        let published = Arc::new(Published::new(Arc::clone(&store)));
        let stopped = Arc::new(OnceLock::new());
        let merger = Merger::start(Arc::clone(&store));
        let commits = Commits::default();
        let committer = Committer {
            store,
            keys,
            published: Arc::clone(&published),
            stopped: Arc::clone(&stopped),
            commits: commits.clone(),
            merging: Arc::clone(merger.work()),
            trees: HashMap::new(),
        };
        let spawned =
            thread::Builder::new().name("committer".to_owned()).spawn(move || committer.run(submissions));
        if let Err(error) = spawned {
            stopped.get_or_init(|| format!("no thread for the committer: {error}"));
        }
        Self { queue, published, stopped, commits, merger: Arc::new(merger) }
    }

    /// What readers may see.
    #[must_use]
    pub const fn published(&self) -> &Arc<Published> {
        &self.published
    }

    /// Has these logs looked at by the merger. It looks by itself at those that grow; this is for what an earlier
    /// process has left.
    pub fn merge_blocks_of(&self, logs: impl IntoIterator<Item = LogNumber>) {
        self.merger.work().look_at(logs);
    }

    /// What is counted of commits.
    #[must_use]
    pub const fn commits(&self) -> &Commits {
        &self.commits
    }

    /// Submissions that wait for a commit.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        let room = self.queue.capacity();
        u64::try_from(QUEUE_SUBMISSIONS_MAX.saturating_sub(room)).unwrap_or_default()
    }

    /// Why the log has stopped, if it has.
    #[must_use]
    pub fn stopped(&self) -> Option<&str> {
        self.stopped.get().map(String::as_str)
    }

    /// Waits until the log has stopped, which it does only when its state is unknown.
    pub async fn until_stopped(&self) {
        while self.stopped.get().is_none() {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Appends entries to a site's log and returns what became of each, in order. When this returns, what was
    /// appended survives a power cut, and the next read sees it.
    ///
    /// # Errors
    /// When none of it was taken.
    pub async fn append(&self, append: Append) -> Result<Vec<Outcome>, JournalError> {
        let (reply, answer) = oneshot::channel();
        let submission = Submission { append, reply };
        self.queue.send_timeout(submission, QUEUE_PATIENCE).await.map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => JournalError::Busy,
            mpsc::error::SendTimeoutError::Closed(_) => self.stopped_error(),
        })?;
        answer.await.unwrap_or_else(|_| Err(self.stopped_error()))
    }

    /// [`append`](Self::append) for threads outside an async runtime.
    pub fn append_blocking(&self, append: Append) -> Result<Vec<Outcome>, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.queue.blocking_send(Submission { append, reply }).map_err(|_| self.stopped_error())?;
        answer.blocking_recv().unwrap_or_else(|_| Err(self.stopped_error()))
    }

    fn stopped_error(&self) -> JournalError {
        JournalError::Stopped(self.stopped().unwrap_or("the committer ended").to_owned())
    }
}

/// The one that commits.
struct Committer {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    published: Arc<Published>,
    stopped: Arc<OnceLock<String>>,
    commits: Commits,
    merging: Arc<Work>,
    /// Trees at their logs' published heads.
    trees: HashMap<LogNumber, Tree>,
}

impl Committer {
    fn run(mut self, mut queue: mpsc::Receiver<Submission>) {
        while let Some(batch) = next_batch(&mut queue) {
            let (appends, replies): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|submission| (submission.append, submission.reply)).unzip();
            let start = Instant::now();
            let outcome = self.commit(appends);
            self.count(&outcome, start.elapsed());
            let fatal = match &outcome {
                Err(StoreError::Full { .. } | StoreError::Unavailable(_)) | Ok(_) => None,
                Err(error) => Some(error.to_string()),
            };
            acknowledge(outcome, replies);
            if let Some(reason) = fatal {
                tracing::error!(reason, "the log has stopped");
                self.stopped.get_or_init(|| reason);
                return;
            }
        }
    }

    fn count(&self, outcome: &Result<Vec<Vec<Outcome>>, StoreError>, time: Duration) {
        let Ok(outcomes) = outcome else { return };
        self.commits.seconds.observe(time.as_secs_f64());
        for outcome in outcomes.iter().flatten() {
            match outcome {
                Outcome::Appended(_) => self.commits.appended.inc(),
                Outcome::Known(_) => self.commits.known.inc(),
                Outcome::Refused(_) => self.commits.refused.inc(),
            };
        }
    }

    /// From batch to published. On an error the trees at hand may be ahead of the store and are let go.
    fn commit(&mut self, appends: Vec<Append>) -> Result<Vec<Vec<Outcome>>, StoreError> {
        let result = self.try_commit(appends);
        if result.is_err() || self.trees.len() > TREES_KEPT {
            self.trees.clear();
        }
        result
    }

    fn try_commit(&mut self, appends: Vec<Append>) -> Result<Vec<Vec<Outcome>>, StoreError> {
        let store = Arc::clone(&self.store);
        let mut logs: Vec<LogNumber> = appends.iter().map(|append| append.site.log).collect();
        logs.sort_unstable();
        logs.dedup();
        let lock = store.lock(Scope::Logs(&logs))?;
        let mut sites: HashMap<LogNumber, SiteId> =
            appends.iter().map(|append| (append.site.log, append.site.id.clone())).collect();

        let mut assignment = Assignment::new(crate::clock::now_ms());
        let mut outcomes = Vec::with_capacity(appends.len());
        for append in appends {
            let tree = self.tree(append.site.log)?;
            outcomes.push(assignment.add(store.as_ref(), tree, append)?);
        }
        let batch = assignment.finish(&self.trees);
        if batch.runs.is_empty() && batch.changes.is_empty() {
            return Ok(outcomes);
        }

        sites.extend(batch.changes.iter().filter_map(created).map(|site| (site.log, site.id.clone())));
        store.persist(&batch)?;
        let heads = self.sign(&batch, &sites)?;
        self.publish(&heads, lock)?;
        self.merging.published(&batch.runs);
        Ok(outcomes)
    }

    /// The tree of a log at its published head, which another process may have moved.
    fn tree(&mut self, log: LogNumber) -> Result<&mut Tree, StoreError> {
        let head = self.published.head(log)?.map_or_else(Head::empty, |signed| signed.head);
        let at_hand = self.trees.get(&log);
        // Within one commit a tree is ahead of what is published: by its own run.
        let stale = at_hand.is_none_or(|tree| tree.size() < head.size);
        if stale {
            let tree = Tree::load(self.store.as_ref(), log, head)?;
            self.trees.insert(log, tree);
        }
        self.trees.get_mut(&log).ok_or_else(|| StoreError::Corrupt(format!("log {log} has no tree")))
    }

    /// Signs the head of each run, after proving to ourselves that it extends the head before.
    fn sign(
        &self,
        batch: &Batch,
        sites: &HashMap<LogNumber, SiteId>,
    ) -> Result<Vec<(Head, SignedHead)>, StoreError> {
        let runs = batch.runs.iter().map(|run| (run.log, run.base, run.next, run.tiles.as_slice()));
        let new_sites = batch.changes.iter().filter_map(created);
        let new_sites = new_sites.map(|site| (site.log, Head::empty(), Head::empty(), &[][..]));
        runs.chain(new_sites)
            .map(|(log, base, next, tiles)| {
                tree::check_consistency(self.store.as_ref(), log, base, next, tiles)?;
                let site = sites.get(&log).ok_or_else(|| unsigned(log, "its site is unknown"))?;
                let checkpoint =
                    checkpoint(&self.keys, site, next).map_err(|reason| unsigned(log, &reason))?;
                Ok((base, SignedHead { log, head: next, checkpoint }))
            })
            .collect()
    }

    fn publish(
        &self,
        heads: &[(Head, SignedHead)],
        lock: Box<dyn CommitLock + '_>,
    ) -> Result<(), StoreError> {
        self.store.publish(heads)?;
        drop(lock);
        match self.published.refresh() {
            // It is published; the next read asks again.
            Err(StoreError::Unavailable(_)) => Ok(()),
            refreshed => refreshed,
        }
    }
}

/// Waits for a submission and takes with it what else is waiting: the slower a commit, the larger the next.
fn next_batch(queue: &mut mpsc::Receiver<Submission>) -> Option<Vec<Submission>> {
    let mut batch = vec![queue.blocking_recv()?];
    let (mut entries, mut bytes) = (0, 0);
    loop {
        let last = &batch.last()?.append.entries;
        entries += last.len();
        bytes += last.iter().map(Sealed::size).sum::<usize>();
        if entries >= COMMIT_ENTRIES_MAX || bytes >= COMMIT_BYTES_MAX {
            return Some(batch);
        }
        match queue.try_recv() {
            Ok(submission) => batch.push(submission),
            Err(_) => return Some(batch),
        }
    }
}

/// The site that a change creates.
const fn created(change: &Change) -> Option<&Site> {
    match change {
        Change::CreateSite(site) => Some(site),
        Change::CreateToken(_)
        | Change::RevokeToken { .. }
        | Change::PutUser(_)
        | Change::Configure { .. } => None,
    }
}

/// Signs a head of a site's log.
pub(crate) fn checkpoint(keys: &Keys, site: &SiteId, head: Head) -> Result<String, String> {
    sign(&keys.signing_keys(site).map_err(|error| error.to_string())?, head)
}

/// Signs a head with all keys of its log, and verifies each signature as a reader would. Whoever calls this has proven
/// that the head extends every one that was signed before it, or is one of them.
pub(crate) fn sign(keys: &[SigningKey], head: Head) -> Result<String, String> {
    let origin = keys.first().map(SigningKey::name).ok_or("no key signs")?;
    let note = Checkpoint::new(origin, head.size, head.root)
        .and_then(|checkpoint| checkpoint.sign_with(&keys.iter().collect::<Vec<_>>()))
        .map_err(|error| error.to_string())?;
    for key in keys {
        let verified =
            Checkpoint::verify(&note, origin, &[key.verifier_key()]).map_err(|error| error.to_string())?;
        if (verified.size(), *verified.root()) != (head.size, head.root) {
            return Err("the signed checkpoint does not say what was to be signed".to_owned());
        }
    }
    Ok(note)
}

fn unsigned(log: LogNumber, reason: &str) -> StoreError {
    StoreError::Corrupt(format!("the head of log {log} was not signed: {reason}"))
}

fn acknowledge(
    outcome: Result<Vec<Vec<Outcome>>, StoreError>,
    replies: Vec<oneshot::Sender<Result<Vec<Outcome>, JournalError>>>,
) {
    // A sender that went away meanwhile is not waiting for its answer; its entries are in the log.
    match outcome {
        Ok(outcomes) => {
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                drop(reply.send(Ok(outcome)));
            }
        }
        Err(error) => {
            let reason = error.to_string();
            let error = match error {
                StoreError::Full { .. } => JournalError::Full(reason),
                StoreError::Unavailable(_) => JournalError::Unavailable(reason),
                StoreError::Corrupt(_) | StoreError::Refused(_) | StoreError::Engine { .. } => {
                    JournalError::Stopped(reason)
                }
            };
            for reply in replies {
                drop(reply.send(Err(error.clone())));
            }
        }
    }
}
