//! An entry by itself, as the API shows it.

use model::{Entry, diff};
use serde::Serialize;
use serde_json::value::RawValue;
use tlog::Hash;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::form::EntryOut;

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
    /// Entries in that checkpoint.
    checkpoint_size: u64,
    /// Where the receipt is.
    url: String,
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
    pub(super) fn new(
        entry: Entry,
        leaf_hash: Hash,
        checkpoint_size: u64,
        reverted_by: Option<Uuid>,
        revert: Result<(), String>,
    ) -> Self {
        let (before, after) = (entry.before.clone(), entry.after.clone());
        let changes = entry.changes();
        let url = format!("/api/v1/sites/{}/entries/{}/proof", entry.site, entry.id);
        let proof = ProofState { state: "signed", checkpoint_size, url };
        Self {
            after_is: after.as_ref().map(|_| entry.extent().as_str()),
            entry: EntryOut::new(entry, leaf_hash).reverted_by(reverted_by),
            before,
            after,
            changes,
            proof,
            revert: RevertState { possible: revert.is_ok(), why: revert.err() },
        }
    }
}
