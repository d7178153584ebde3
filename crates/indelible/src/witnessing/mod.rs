//! Outside witnesses of the umbrella log: whom we ask to cosign its checkpoints, and what they have cosigned.
//!
//! A policy (C2SP tlog-policy) names the witnesses and says how many of them make a quorum. Cosignatures come after
//! the fact and never hold up a write: an entry is acknowledged when it is durable, cosigned some seconds later.

mod kept;
mod rounds;
mod seen;
mod submit;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tlog::{Checkpoint, Note, NoteSignature, Policy, VerifierKey, cosigned_at};

use kept::Kept;

pub use rounds::Asking;
pub use submit::{Submitter, Unwitnessed};

/// Heads whose cosignatures are gathered; witnesses that are further behind are asked for a newer head.
const HEADS_MAX: usize = 16;

/// Seconds that a witness's clock may be ahead of ours.
const CLOCK_SKEW: u64 = 300;

/// See the [module's documentation](self).
#[derive(Debug)]
pub struct Witnesses {
    policy: Option<Policy>,
    directory: PathBuf,
    board: Mutex<Board>,
}

/// What is known of cosignatures.
#[derive(Debug, Default)]
struct Board {
    /// The newest heads with what was gathered for each, by size.
    notes: BTreeMap<u64, Note>,
    /// The newest head that has the quorum.
    reached: Option<(u64, Note)>,
    /// One for each witness of the policy.
    standings: Vec<Standing>,
}

/// How it stands with a witness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Its name in the policy.
    pub name: String,
    /// Its verifier key.
    pub vkey: String,
    /// Where it is asked; `None` where the policy has no address, so that it is not.
    pub url: Option<String>,
    /// The size of the newest head that it cosigned, and when, in seconds since 1970 by its own clock.
    pub newest: Option<(u64, u64)>,
    /// Why it did not cosign when it was last asked.
    pub problem: Option<String>,
}

/// Why a policy cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadPolicy {
    /// The file cannot be read.
    #[error("the witness policy {path}: {reason}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// It is no policy.
    #[error("the witness policy {path}: {reason}", path = path.display())]
    Policy {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: tlog::PolicyError,
    },
    /// It is for other logs.
    #[error(
        "the witness policy {path} is for other logs: none of its `log` lines has the key of our umbrella log, {key}",
        path = path.display()
    )]
    OtherLog {
        /// Which file.
        path: PathBuf,
        /// Our key.
        key: Box<VerifierKey>,
    },
    /// An address is none.
    #[error("the witness policy {path}: `{url}` is not an http or https address", path = path.display())]
    Url {
        /// Which file.
        path: PathBuf,
        /// The address.
        url: String,
    },
}

/// Why an answer of a witness is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadAnswer(pub(super) String);

impl Witnesses {
    /// The witnesses of a policy file, for the umbrella log with these keys; what they cosigned is kept in `directory`.
    ///
    /// # Errors
    /// When the policy cannot be used.
    pub fn open(policy: Option<&Path>, log: &[VerifierKey], directory: PathBuf) -> Result<Self, BadPolicy> {
        let policy = policy.map(|path| read_policy(path, log)).transpose()?;
        let mut board = Board::default();
        if let Some(policy) = &policy {
            let standing = |witness: &tlog::PolicyWitness| Standing {
                name: witness.label(),
                vkey: witness.key.to_string(),
                url: witness.url.clone(),
                ..Standing::default()
            };
            board.standings = policy.witnesses().iter().map(standing).collect();
            Kept::load(&directory).restore(&mut board, policy, log);
        }
        Ok(Self { policy, directory, board: Mutex::new(board) })
    }

    /// The policy, if there is one.
    #[must_use]
    pub const fn policy(&self) -> Option<&Policy> {
        self.policy.as_ref()
    }

    /// How it stands with each witness, in the order of the policy.
    #[must_use]
    pub fn standings(&self) -> Vec<Standing> {
        self.board().standings.clone()
    }

    /// A checkpoint of the umbrella with every cosignature of it that has come so far.
    #[must_use]
    pub fn with_cosignatures(&self, checkpoint: &str) -> String {
        let Ok(note) = Note::parse(checkpoint) else { return checkpoint.to_owned() };
        let board = self.board();
        let gathered = board.notes.values().chain(board.reached.as_ref().map(|(_, note)| note));
        let same = gathered.filter(|gathered| gathered.text() == note.text());
        let signatures: Vec<NoteSignature> = same.flat_map(|note| note.signatures().to_vec()).collect();
        note.with_signatures(signatures).map_or_else(|_| checkpoint.to_owned(), |note| note.to_string())
    }

    /// The newest checkpoint of the umbrella that the quorum has cosigned.
    #[must_use]
    pub fn cosigned(&self) -> Option<(Checkpoint, String)> {
        let (_, note) = self.board().reached.clone()?;
        Some((Checkpoint::parse(note.text()).ok()?, note.to_string()))
    }

    /// Takes in what a witness answered to a checkpoint: its signature lines.
    fn take(&self, place: usize, checkpoint: &str, lines: &str, now: u64) -> Result<u64, BadAnswer> {
        let bad = |reason: &dyn fmt::Display| BadAnswer(reason.to_string());
        let Some((policy, witness)) =
            self.policy.as_ref().and_then(|policy| Some((policy, policy.witnesses().get(place)?)))
        else {
            return Err(BadAnswer("there is no such witness in the policy".to_owned()));
        };
        let note = Note::parse(checkpoint).map_err(|error| bad(&error))?;
        let size = Checkpoint::parse(note.text()).map_err(|error| bad(&error))?.size();
        // Whatever else is there is nobody's that we know.
        let mut own = Vec::new();
        for line in lines.lines() {
            let signature = NoteSignature::parse(line)
                .map_err(|fault| BadAnswer(format!("its answer is not signature lines: {fault}")))?;
            if signature.key_name() == witness.key.name() && signature.key_id() == witness.key.id() {
                own.push(signature);
            }
        }
        let cosigned = note.clone().with_signatures(own.clone()).map_err(|error| bad(&error))?;
        let Some(seconds) = cosigned_at(&cosigned, &witness.key) else {
            return Err(BadAnswer("its answer has no cosignature of the key in the policy".to_owned()));
        };
        cosigned.verify(std::slice::from_ref(&witness.key)).map_err(|error| bad(&error))?;
        if seconds > now.saturating_add(CLOCK_SKEW) {
            return Err(BadAnswer(format!(
                "it cosigned at {seconds} seconds since 1970, and here it is {now}: one of the clocks is wrong"
            )));
        }
        let mut board = self.board();
        board.gather(policy, size, note, own);
        if let Some(standing) = board.standings.get_mut(place) {
            standing.newest = Some((size, seconds));
            standing.problem = None;
        }
        Kept::of(&board).store(&self.directory);
        Ok(size)
    }

    fn told(&self, place: usize, problem: String) {
        if let Some(standing) = self.board().standings.get_mut(place) {
            standing.problem = Some(problem);
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board {
    fn gather(&mut self, policy: &Policy, size: u64, note: Note, signatures: Vec<NoteSignature>) {
        let gathered = self.notes.remove(&size).unwrap_or(note);
        let Ok(gathered) = gathered.with_signatures(signatures) else { return };
        let is_newer = self.reached.as_ref().is_none_or(|(reached, _)| *reached <= size);
        if is_newer && policy.is_reached(&gathered) {
            self.reached = Some((size, gathered.clone()));
        }
        self.notes.insert(size, gathered);
        while self.notes.len() > HEADS_MAX {
            self.notes.pop_first();
        }
    }
}

fn read_policy(path: &Path, log: &[VerifierKey]) -> Result<Policy, BadPolicy> {
    let path = path.to_owned();
    let file = match std::fs::read(&path) {
        Ok(file) => file,
        Err(reason) => return Err(BadPolicy::File { path, reason }),
    };
    let policy = match Policy::parse(file) {
        Ok(policy) => policy,
        Err(reason) => return Err(BadPolicy::Policy { path, reason }),
    };
    let is_ours = policy.logs().is_empty() || policy.logs().iter().any(|known| log.contains(known));
    if !is_ours && let Some(newest) = log.first() {
        return Err(BadPolicy::OtherLog { path, key: Box::new(newest.clone()) });
    }
    for url in policy.witnesses().iter().filter_map(|witness| witness.url.as_ref()) {
        if submit::address(url).is_none() {
            return Err(BadPolicy::Url { path, url: url.clone() });
        }
    }
    Ok(policy)
}
