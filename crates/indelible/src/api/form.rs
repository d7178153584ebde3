//! Entries as the API shows them.

use jiff::Timestamp;
use model::{Entry, diff};
use serde::Serialize;
use serde_json::value::RawValue;
use tlog::Hash;
use utoipa::ToSchema;
use uuid::Uuid;

/// An entry in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryOut {
    /// The entry's id.
    id: Uuid,
    /// The site whose log holds it.
    site: String,
    /// Position in the site's log, from 0.
    index: u64,
    /// When it happened, as its sender says.
    #[schema(value_type = String, format = DateTime)]
    occurred_at: Timestamp,
    /// When the log took it.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// Who did it.
    #[schema(value_type = Object)]
    actor: Option<model::Actor>,
    /// What was done.
    action: String,
    /// create, update, delete, read, access or other.
    kind: &'static str,
    /// success or failure.
    outcome: &'static str,
    /// What it was done to.
    #[schema(value_type = Object)]
    entity: Option<model::Entity>,
    /// One sentence for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<String>,
    /// Why it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Names of the changed fields.
    changed: Vec<String>,
    /// From where it was done.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<model::Origin>,
    /// Shared by the entries of one user action.
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation_id: Option<Uuid>,
    /// What carried the entry in.
    #[serde(skip_serializing_if = "Option::is_none")]
    connector: Option<String>,
    /// Name of the credential that sent it.
    source: String,
    /// How long the operation took, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
    /// Anything else.
    #[schema(value_type = Option<Object>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    /// The hash of the entry's leaf, in hexadecimal.
    leaf_hash: String,
}

impl EntryOut {
    pub(super) fn new(entry: Entry, leaf_hash: Hash) -> Self {
        Self {
            id: entry.id,
            site: entry.site.to_string(),
            index: entry.index,
            occurred_at: entry.occurred_at,
            recorded_at: entry.recorded_at,
            changed: diff::changed(entry.before.as_deref(), entry.after.as_deref()),
            actor: entry.actor,
            action: entry.action,
            kind: entry.kind.as_str(),
            outcome: entry.outcome.as_str(),
            entity: entry.entity,
            summary: entry.summary,
            reason: entry.reason,
            origin: entry.origin,
            correlation_id: entry.correlation_id,
            connector: entry.connector,
            source: entry.source,
            duration_ms: entry.duration_ms,
            errors: entry.errors,
            data: entry.data,
            leaf_hash: leaf_hash.to_string(),
        }
    }

    /// Position in the site's log.
    pub(super) const fn index(&self) -> u64 {
        self.index
    }
}

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
    why: Option<&'static str>,
}

impl EntryDetail {
    pub(super) fn new(entry: Entry, leaf_hash: Hash, checkpoint_size: u64) -> Self {
        let (before, after) = (entry.before.clone(), entry.after.clone());
        let changes = match (&entry.before, &entry.after) {
            (Some(before), Some(after)) => diff::changes(before, after),
            _ => Vec::new(),
        };
        let url = format!("/api/v1/sites/{}/entries/{}/proof", entry.site, entry.id);
        let proof = ProofState { state: "signed", checkpoint_size, url };
        let why = if before.is_none() {
            "no before state was recorded"
        } else {
            "no connector of this site takes reverts"
        };
        Self {
            entry: EntryOut::new(entry, leaf_hash),
            before,
            after,
            changes,
            proof,
            revert: RevertState { possible: false, why: Some(why) },
        }
    }
}
