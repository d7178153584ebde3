//! The auditor: verifies a log from outside, with nothing but HTTP and a key. It trusts no byte that it is sent
//! before the signed root confirms it, and needs no more memory for a large log than for a small one.
//!
//! 1. The newest checkpoint must be a note of this log, signed with the key given.
//! 2. Every leaf is read and hashed, every hash compared with its tile, and the tree built anew from the hashes.
//! 3. On the way the tree passes the size of the checkpoint that was kept from earlier: it must have the root
//!    that was signed then, so that nothing before it was changed, dropped, moved or slipped in.
//! 4. With the umbrella's key: it has the root of every head of the site that the umbrella log has.
//! 5. At the end it must have the root of the newest checkpoint, and every upper tile the hashes that follow.

mod bundle;
mod heads;
mod http;
mod leaves;
mod receipt;
mod tree;

use std::ops::Range;

use model::{HeadLeaf, Leaf, UMBRELLA};
use tlog::{Checkpoint, CheckpointError, Hash, Note, NoteError, Policy, VerifierKey};

use crate::jobs::Finding;
use heads::Heads;
use http::Log;
use leaves::{Leaves, Piece};
use tree::Tree;

pub use bundle::{BundleReport, NoBundle, verify_bundle};
pub use receipt::{BadReceipt, Proven, verify_receipt};

/// Findings beyond which a log is not looked at any further.
const FINDINGS_MAX: usize = 100;

/// What to verify.
#[derive(Clone, Debug)]
pub struct Audit {
    /// Where the server is.
    pub url: String,
    /// Which log: a site's id, or [`UMBRELLA`].
    pub site: String,
    /// The log's key, from a trusted place. Its name is the log's origin.
    pub key: VerifierKey,
    /// The key of the umbrella log, where the site's heads in that are to be compared.
    pub umbrella: Option<VerifierKey>,
    /// Which witnesses must have cosigned the umbrella's head that is verified against: needs the umbrella's key,
    /// unless the log is the umbrella.
    pub policy: Option<Policy>,
    /// A checkpoint that was kept from earlier.
    pub since: Option<String>,
    /// An access token, where the log is not public.
    pub token: Option<String>,
}

/// What an audit found.
#[derive(Clone, Debug)]
pub struct Report {
    /// The newest checkpoint, whose signature holds.
    pub head: Checkpoint,
    /// The same as it was signed, to be kept.
    pub note: String,
    /// The first leaf that was read: those before it were pruned.
    pub first: u64,
    /// The size of the checkpoint that was kept from earlier.
    pub since: Option<u64>,
    /// How many heads of the site the umbrella log has, where they were compared.
    pub heads: Option<u64>,
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
}

/// Why a log could not be verified at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The address is none.
    #[error("`{url}` is not the address of a server, such as https://audit.example.org: {reason}")]
    Url {
        /// As given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not answer.
    #[error("{url}: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The server answers with something else.
    #[error("{url}: {answer}")]
    Refused {
        /// What was asked for.
        url: String,
        /// Status and detail, and what to do.
        answer: String,
    },
    /// A checkpoint does not verify.
    #[error("{whose}: {reason}")]
    Checkpoint {
        /// The server's or the kept one.
        whose: &'static str,
        /// What is wrong, and what that means.
        reason: String,
    },
}

const NEWEST: &str = "the newest checkpoint";
const KEPT: &str = "the checkpoint given with --since";

/// Verifies a log. `progress` hears of how many leaves were read.
///
/// # Errors
/// When there is nothing to compare: no answer, or no checkpoint that the key signed. All else is a finding.
pub async fn audit(audit: &Audit, progress: &(dyn Fn(u64) + Sync)) -> Result<Report, AuditError> {
    let since = audit.since.as_deref().map(|note| verify(KEPT, note, &audit.key)).transpose()?;
    let token = audit.token.as_deref();
    let log = Log::new(&audit.url, &audit.site, token)?;
    let mut heads = match &audit.umbrella {
        Some(key) => Some({
            let policy = audit.policy.as_ref();
            Heads::begin(&audit.url, token, key, &log, audit.key.name(), policy).await?
        }),
        None => None,
    };
    let policy = audit.policy.as_ref().filter(|_| audit.site == UMBRELLA);
    let note = log.newest(policy).await?;
    let head = verify(NEWEST, &note, &audit.key)?;
    let first = log.minimum_index().await?.min(head.size()) / leaves::WIDTH * leaves::WIDTH;
    let mut auditor = Auditor {
        judge: Judge::of(&log, first, head.size(), audit.site == UMBRELLA).await?,
        since: since.as_ref(),
        next_head: None,
    };
    if let Some(policy) = policy {
        auditor.judge.quorum(policy, &note);
    }
    if auditor.comparable(&head, first) {
        auditor.walk(&log, &head, first, heads.as_mut(), progress).await?;
    }
    let mut findings = auditor.judge.findings;
    let count = match heads {
        Some(heads) => {
            let umbrella = heads.umbrella.size();
            let count = heads.count;
            findings.extend(heads.finish().await?);
            if count == 0 && umbrella > 0 && head.size() > 0 {
                let what = "the umbrella log has no head of this log".to_owned();
                findings.push(Finding { entries: None, what });
            }
            Some(count)
        }
        None => None,
    };
    let since = since.as_ref().map(Checkpoint::size);
    Ok(Report { head, note, first, since, heads: count, findings })
}

/// Verifies a checkpoint of the log whose key this is, and says what it means when it is none.
fn verify(whose: &'static str, note: &str, key: &VerifierKey) -> Result<Checkpoint, AuditError> {
    Checkpoint::verify(note, key.name(), std::slice::from_ref(key)).map_err(|error| {
        let stated = note.lines().next().unwrap_or_default();
        let is_unknown = matches!(error, CheckpointError::Note(NoteError::NoKnownKey));
        let is_changed = matches!(error, CheckpointError::Note(NoteError::BadSignature { .. }));
        let reason = if matches!(error, CheckpointError::OtherOrigin { .. }) {
            error.to_string()
        } else if is_unknown && is_other_epoch(stated, key.name()) {
            format!(
                "it is of `{stated}`, and the key is that of `{}`: the log was restored from a backup, and goes on in a \
                 new epoch. Its key history in log.v1.json says how many entries were kept and which checkpoint was the \
                 last before; the log's `indelible.restore` entry proves it",
                key.name()
            )
        } else if is_unknown && stated != key.name() {
            format!("it is of the log `{stated}`, but the key is that of `{}`", key.name())
        } else if is_unknown {
            format!(
                "it is not signed with the key {}+{}: either this is not the log's key (its key history is in \
                 log.v1.json), or somebody else signed",
                key.name(),
                key.id()
            )
        } else if is_changed {
            format!("{error}: it was changed after it was signed")
        } else {
            format!("it is malformed: {error}")
        };
        AuditError::Checkpoint { whose, reason }
    })
}

/// Whether two origins are of one log, before and after a restore: they differ in the number at their end.
fn is_other_epoch(one: &str, other: &str) -> bool {
    let split = |origin: &str| {
        let (log, epoch) = origin.rsplit_once('/')?;
        epoch.parse::<u32>().is_ok().then(|| log.to_owned())
    };
    one != other && split(one).is_some_and(|log| Some(log) == split(other))
}

/// Whether the witnesses that a policy asks for cosigned a head of the umbrella log.
fn quorum(policy: &Policy, note: Option<&str>) -> Result<(), String> {
    let Some(note) = note else {
        return Err(
            "NO QUORUM: it does not lead to a head of the umbrella log, which is what witnesses cosign"
                .to_owned(),
        );
    };
    let note = Note::parse(note).map_err(|error| error.to_string())?;
    if policy.is_reached(&note) {
        return Ok(());
    }
    let by: Vec<String> = policy.cosigned_by(&note).iter().map(|(witness, _)| witness.label()).collect();
    let by =
        if by.is_empty() { "no witness of the policy".to_owned() } else { format!("only {}", by.join(", ")) };
    Err(format!("NO QUORUM: {by} cosigned the head of the umbrella log"))
}

/// Compares what is served of one log, and keeps what is wrong with it.
struct Judge {
    tree: Tree,
    is_umbrella: bool,
    last_recorded_ms: u64,
    findings: Vec<Finding>,
}

impl Judge {
    /// For the leaves from `first` on of a log of `size` leaves.
    async fn of(log: &Log, first: u64, size: u64, is_umbrella: bool) -> Result<Self, AuditError> {
        let tree = Tree::begin(log, first, size).await?;
        Ok(Self { tree, is_umbrella, last_recorded_ms: 0, findings: Vec::new() })
    }

    /// Judges a piece and adds it to the tree.
    fn piece(&mut self, piece: &Piece) {
        for hash in self.hashes(piece).unwrap_or_default() {
            self.tree.push(hash);
        }
    }

    /// Compares leaves with their hashes in the tile; `None` when there is no hash to go on with.
    fn hashes(&mut self, piece: &Piece) -> Option<Vec<Hash>> {
        let range = piece.range();
        let leaves = piece.leaves().map_err(|reason| self.find(range.clone(), &reason)).ok();
        let hashes = piece.hashes().map_err(|reason| self.find(range.clone(), &reason)).ok();
        let Some(leaves) = leaves else { return hashes };
        for (leaf, index) in leaves.iter().zip(range.clone()) {
            self.leaf(leaf, index);
        }
        let derived: Vec<_> = leaves.iter().map(|leaf| tlog::leaf_hash(leaf)).collect();
        let Some(hashes) = hashes else { return Some(derived) };
        for ((derived, hash), index) in derived.iter().zip(&hashes).zip(range) {
            if derived != hash {
                self.find(index..index + 1, "the leaf does not have the hash that its tile has for it");
            }
        }
        Some(hashes)
    }

    /// A leaf must be one, and none may be older than the one before it.
    fn leaf(&mut self, leaf: &[u8], index: u64) {
        if self.is_umbrella {
            if let Err(error) = HeadLeaf::parse(leaf) {
                self.find(index..index + 1, &error.to_string());
            }
            return;
        }
        match Leaf::parse(leaf) {
            Ok(leaf) if leaf.header.recorded_ms < self.last_recorded_ms => {
                self.find(
                    index..index + 1,
                    "BACK-DATED: it claims to be recorded before the entry before it",
                );
            }
            Ok(leaf) => self.last_recorded_ms = leaf.header.recorded_ms,
            Err(error) => self.find(index..index + 1, &error.to_string()),
        }
    }

    /// Compares the upper tiles that were filled since the last call.
    async fn compare_full(&mut self, log: &Log) -> Result<(), AuditError> {
        self.findings.extend(self.tree.compare_full(log).await?);
        Ok(())
    }

    /// Compares what is left at the end of the log.
    async fn finish(&mut self, log: &Log, head: &Checkpoint) -> Result<(), AuditError> {
        self.findings.extend(self.tree.compare_partial(log).await?);
        if self.tree.root() != *head.root() {
            self.tell(format!(
                "the leaves do not have the root that is signed: {} instead of {}",
                self.tree.root(),
                head.root()
            ));
        }
        Ok(())
    }

    fn quorum(&mut self, policy: &Policy, note: &str) {
        if let Err(reason) = quorum(policy, Some(note)) {
            self.tell(reason);
        }
    }

    fn find(&mut self, entries: Range<u64>, what: &str) {
        self.findings.push(Finding { entries: Some(entries), what: what.to_owned() });
    }

    fn tell(&mut self, what: String) {
        self.findings.push(Finding { entries: None, what });
    }
}

/// Walks over a site's log and compares it with what is known of it from elsewhere.
struct Auditor<'a> {
    judge: Judge,
    since: Option<&'a Checkpoint>,
    /// The next head that the umbrella has.
    next_head: Option<(u64, Hash)>,
}

impl Auditor<'_> {
    /// Whether the kept checkpoint can be compared with the newest one by walking over the log. What already
    /// contradicts it is a finding.
    fn comparable(&mut self, head: &Checkpoint, first: u64) -> bool {
        let Some(since) = self.since else { return true };
        if since.size() > head.size() {
            self.judge.find(
                head.size()..since.size(),
                "MISSING: the kept checkpoint has them, the newest one does not: the log was truncated or rolled back",
            );
            return false;
        }
        if since.size() == head.size() && since.root() != head.root() {
            self.judge.tell(format!(
                "two checkpoints of size {} have different roots, and the log's key signed both: kept {}, now {}. \
                 The log was rewritten, or shows different readers different entries",
                head.size(),
                since.root(),
                head.root()
            ));
            return false;
        }
        if since.size() < first && since.size() > 0 {
            self.judge.tell(format!(
                "the kept checkpoint has size {}, but the log was pruned up to {first}: it cannot be compared. \
                 Use one that you kept later",
                since.size()
            ));
            return false;
        }
        true
    }

    async fn walk(
        &mut self,
        log: &Log,
        head: &Checkpoint,
        first: u64,
        mut heads: Option<&mut Heads>,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), AuditError> {
        let mut leaves = Leaves::new(log.clone(), first, head.size());
        if let Some(heads) = heads.as_deref_mut() {
            self.next_head = heads.next().await?;
        }
        self.compare(heads.as_deref_mut()).await?;
        while let Some(piece) = leaves.next().await? {
            let Some(hashes) = self.judge.hashes(&piece) else { return Ok(()) };
            for hash in hashes {
                self.judge.tree.push(hash);
                self.compare(heads.as_deref_mut()).await?;
            }
            progress(piece.tile.width().into());
            self.judge.compare_full(log).await?;
            if self.judge.findings.len() >= FINDINGS_MAX {
                self.judge.tell(format!("{FINDINGS_MAX} findings: the rest of the log was not looked at"));
                return Ok(());
            }
        }
        if let Some((size, _)) = self.next_head {
            self.judge.find(
                head.size()..size,
                "MISSING: the umbrella log has a head with them, the newest checkpoint has not: the log was truncated \
                 or rolled back",
            );
        }
        self.judge.finish(log, head).await
    }

    /// Compares the tree with what is known of it at its present size.
    async fn compare(&mut self, mut heads: Option<&mut Heads>) -> Result<(), AuditError> {
        let (size, root) =
            (self.judge.tree.size(), self.is_known(self.judge.tree.size()).then(|| self.judge.tree.root()));
        let Some(root) = root else { return Ok(()) };
        if let Some(since) = self.since.filter(|since| since.size() == size && *since.root() != root) {
            self.judge.tell(format!(
                "the log does not extend the kept checkpoint: its first {size} leaves have the root {root} now, {} \
                 was signed then. Something among them was changed, dropped, moved or slipped in",
                since.root()
            ));
        }
        while let Some((of_head, expected)) = self.next_head.filter(|(of_head, _)| *of_head <= size) {
            // Heads that lie in the pruned part were compared when it was still there.
            if of_head == size && expected != root {
                self.judge.tell(format!(
                    "the umbrella log has a head of size {size} with the root {expected}, this log has the root \
                     {root}: it was rewritten, or shows different readers different entries"
                ));
            }
            self.next_head = match heads.as_deref_mut() {
                Some(heads) => heads.next().await?,
                None => None,
            };
        }
        Ok(())
    }

    /// Whether anything is known of the tree at this size.
    fn is_known(&self, size: u64) -> bool {
        self.since.is_some_and(|since| since.size() == size)
            || self.next_head.is_some_and(|(head, _)| head <= size)
    }
}
