//! An entry as readers get it: the one form that lists, the tail, the detail and exports share, so that an
//! entry reads the same wherever it is met.

use jiff::Timestamp;
use model::{Entry, SectionName};
use serde::Serialize;
use serde_json::value::RawValue;
use tlog::Hash;
use utoipa::ToSchema;
use uuid::Uuid;

/// An entry in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryOut {
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
    /// Whether `after` holds only the submitted fields, where the sender says.
    #[serde(skip_serializing_if = "Option::is_none")]
    partial: Option<bool>,
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
    /// The entry that this one takes back.
    #[serde(skip_serializing_if = "Option::is_none")]
    reverts: Option<Uuid>,
    /// The last entry that took this one back; in lists and the detail.
    #[serde(skip_serializing_if = "Option::is_none")]
    reverted_by: Option<Uuid>,
    /// The sections whose content was erased: their fields are empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    erased: Vec<SectionName>,
    /// The hash of the entry's leaf, in hexadecimal.
    leaf_hash: String,
}

impl EntryOut {
    /// The form of an entry whose leaf has this hash.
    pub(crate) fn new(entry: Entry, leaf_hash: Hash) -> Self {
        Self {
            id: entry.id,
            site: entry.site.to_string(),
            index: entry.index,
            occurred_at: entry.occurred_at,
            recorded_at: entry.recorded_at,
            changed: entry.changed(),
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
            partial: entry.partial,
            reverts: entry.reverts,
            reverted_by: None,
            erased: entry.erased,
            leaf_hash: leaf_hash.to_string(),
        }
    }

    /// The same, with the entry that took it back.
    pub(crate) fn reverted_by(mut self, id: Option<Uuid>) -> Self {
        self.reverted_by = id;
        self
    }

    /// Position in the site's log.
    pub(crate) const fn index(&self) -> u64 {
        self.index
    }
}
