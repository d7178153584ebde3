//! An entry by itself, as the API shows it.

use jiff::Timestamp;
use model::{Entry, SectionName, diff};
use serde::Serialize;
use serde_json::value::RawValue;
use tlog::Hash;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::form::EntryOut;
use crate::removal::{Because, Verdict};

/// An entry by itself.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryDetail {
    #[serde(flatten)]
    entry: EntryOut,
    /// The state before, if it is known.
    #[schema(value_type = Option<Object>)]
    before: Option<Box<RawValue>>,
    /// The state after, if it is known.
    #[schema(value_type = Option<Object>)]
    after: Option<Box<RawValue>>,
    /// How much of the entity `after` holds: `full`, `partial` (only the submitted fields, as the sender says) or
    /// `partial_inferred` (as far as one can tell).
    #[serde(skip_serializing_if = "Option::is_none")]
    after_is: Option<&'static str>,
    /// What leads from the one to the other.
    #[schema(value_type = Vec<Object>)]
    changes: Vec<diff::Change>,
    /// What was erased, and by which entry.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    erasures: Vec<ErasedSection>,
    /// How it is proven.
    proof: ProofState,
    /// Whether it can be reverted.
    revert: RevertState,
}

/// How an entry is proven.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProofState {
    /// `signed`: included in a checkpoint signed by the log.
    state: &'static str,
    /// `present`; `erased`: sections of it, and entries of the log say so; `missing`: content is gone and no entry says
    /// why, which is an alarm.
    content: &'static str,
    /// Entries in that checkpoint.
    checkpoint_size: u64,
    /// Where the receipt is.
    url: String,
}

/// A section that was erased.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErasedSection {
    /// Which.
    section: &'static str,
    /// Index of the entry that tells of it.
    by_index: u64,
    /// Its id.
    by_id: Uuid,
    /// When the log took it.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ErasedSection {
    fn all(verdict: &Verdict) -> Vec<Self> {
        let Verdict::Erased(sections) = verdict else { return Vec::new() };
        let erased = |(section, because): &(SectionName, Because)| Self {
            section: section.as_str(),
            by_index: because.index,
            by_id: because.id,
            at: because.at,
            reason: because.reason.clone(),
        };
        sections.iter().map(erased).collect()
    }
}

/// Whether an entry can be reverted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RevertState {
    /// Whether.
    possible: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl EntryDetail {
    /// Why it cannot be reverted; `None` where it can.
    pub(crate) fn why_not_revertible(&self) -> Option<&str> {
        self.revert.why.as_deref()
    }

    pub(super) fn new(
        entry: Entry,
        leaf_hash: Hash,
        checkpoint_size: u64,
        reverted_by: Option<Uuid>,
        revert: Result<(), String>,
        verdict: &Verdict,
    ) -> Self {
        let (before, after) = (entry.before.clone(), entry.after.clone());
        let changes = entry.changes();
        let url = format!("/api/v1/sites/{}/entries/{}/proof", entry.site, entry.id);
        let proof = ProofState { state: "signed", content: verdict.as_str(), checkpoint_size, url };
        Self {
            after_is: after.as_ref().map(|_| entry.extent().as_str()),
            entry: EntryOut::new(entry, leaf_hash).reverted_by(reverted_by),
            before,
            after,
            changes,
            erasures: ErasedSection::all(verdict),
            proof,
            revert: RevertState { possible: revert.is_ok(), why: revert.err() },
        }
    }
}
