//! The auditor: verifies a log from outside, with nothing but HTTP and a key. It trusts no byte that it is sent
//! before the signed root confirms it, and needs no more memory for a large log than for a small one.
//!
//! 1. The newest checkpoint must be a note of this log, signed with the key given.
//! 2. Every leaf is read and hashed, every hash compared with its tile, and the tree built anew from the hashes.
//! 3. On the way the tree passes the size of the checkpoint that was kept from earlier: it must have the root
//!    that was signed then, so that nothing before it was changed, dropped, moved or slipped in.
//! 4. At the end it must have the root of the newest checkpoint, and every upper tile the hashes that follow.

mod http;
mod leaves;
mod tree;

use model::{HeadLeaf, Leaf};
use tlog::{Checkpoint, CheckpointError, NoteError, VerifierKey};

use crate::jobs::Finding;
use http::Log;
use leaves::{Leaves, Piece};
use tree::Tree;

/// The name in place of a site's under which the umbrella log is read.
pub const UMBRELLA: &str = "_umbrella";

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
    let log = Log::new(&audit.url, &audit.site, audit.token.as_deref())?;
    let note = log.checkpoint().await?;
    let head = verify(NEWEST, &note, &audit.key)?;
    let first = log.minimum_index().await?.min(head.size()) / leaves::WIDTH * leaves::WIDTH;
    let mut auditor =
        Auditor { findings: Vec::new(), is_umbrella: audit.site == UMBRELLA, last_recorded_ms: 0 };
    if auditor.comparable(since.as_ref(), &head, first) {
        auditor.walk(&log, &head, since.as_ref(), first, progress).await?;
    }
    let since = since.map(|since| since.size());
    Ok(Report { head, note, first, since, findings: auditor.findings })
}

/// Verifies a checkpoint of the log whose key this is, and says what it means when it is none.
fn verify(whose: &'static str, note: &str, key: &VerifierKey) -> Result<Checkpoint, AuditError> {
    Checkpoint::verify(note, key.name(), std::slice::from_ref(key)).map_err(|error| {
        let stated = note.lines().next().unwrap_or_default();
        let is_unknown = matches!(error, CheckpointError::Note(NoteError::NoKnownKey));
        let is_changed = matches!(error, CheckpointError::Note(NoteError::BadSignature { .. }));
        let reason = if matches!(error, CheckpointError::OtherOrigin { .. }) {
            error.to_string()
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

struct Auditor {
    findings: Vec<Finding>,
    is_umbrella: bool,
    last_recorded_ms: u64,
}

impl Auditor {
    /// Whether the kept checkpoint can be compared with the newest one by walking over the log. What already
    /// contradicts it is a finding.
    fn comparable(&mut self, since: Option<&Checkpoint>, head: &Checkpoint, first: u64) -> bool {
        let Some(since) = since else { return true };
        if since.size() > head.size() {
            self.find(
                head.size()..since.size(),
                "MISSING: the kept checkpoint has them, the newest one does not: the log was truncated or rolled back",
            );
            return false;
        }
        if since.size() == head.size() && since.root() != head.root() {
            self.tell(format!(
                "two checkpoints of size {} have different roots, and the log's key signed both: kept {}, now {}. \
                 The log was rewritten, or shows different readers different entries",
                head.size(),
                since.root(),
                head.root()
            ));
            return false;
        }
        if since.size() < first && since.size() > 0 {
            self.tell(format!(
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
        since: Option<&Checkpoint>,
        first: u64,
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<(), AuditError> {
        let mut tree = Tree::begin(log, first, head.size()).await?;
        let mut leaves = Leaves::new(log.clone(), first, head.size());
        self.compare_kept(&tree, since);
        while let Some(piece) = leaves.next().await? {
            let Some(hashes) = self.piece(&piece) else { return Ok(()) };
            for hash in hashes {
                tree.push(hash);
                self.compare_kept(&tree, since);
            }
            progress(piece.tile.width().into());
            self.findings.extend(tree.compare_full(log).await?);
            if self.findings.len() >= FINDINGS_MAX {
                self.tell(format!("{FINDINGS_MAX} findings: the rest of the log was not looked at"));
                return Ok(());
            }
        }
        self.findings.extend(tree.compare_partial(log).await?);
        if tree.root() != *head.root() {
            self.tell(format!(
                "the leaves do not have the root that is signed: {} instead of {}",
                tree.root(),
                head.root()
            ));
        }
        Ok(())
    }

    /// Compares leaves with their hashes in the tile; `None` when there is no hash to go on with.
    fn piece(&mut self, piece: &Piece) -> Option<Vec<tlog::Hash>> {
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

    fn compare_kept(&mut self, tree: &Tree, since: Option<&Checkpoint>) {
        if let Some(since) = since.filter(|since| since.size() == tree.size())
            && tree.root() != *since.root()
        {
            self.tell(format!(
                "the log does not extend the kept checkpoint: its first {} leaves have the root {} now, {} was \
                 signed then. Something among them was changed, dropped, moved or slipped in",
                since.size(),
                tree.root(),
                since.root()
            ));
        }
    }

    fn find(&mut self, entries: std::ops::Range<u64>, what: &str) {
        self.findings.push(Finding { entries: Some(entries), what: what.to_owned() });
    }

    fn tell(&mut self, what: String) {
        self.findings.push(Finding { entries: None, what });
    }
}
