//! An entry as a list here tells it: the fields of that CMS, and beside them what it lacks.

use jiff::Timestamp;
use model::{Entry, diff};
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use uuid::Uuid;

use super::action;

/// An entry in a list.
#[derive(Debug, Serialize)]
pub(super) struct Item {
    id: Uuid,
    user_id: Option<String>,
    action: String,
    entity_type: Option<String>,
    entity_id: Option<String>,
    ip_address: Option<String>,
    metadata: Option<Box<RawValue>>,
    created_at: String,
    /// The entity's title as it was at the time.
    entity_display: Option<String>,

    // What that CMS does not tell.
    site_id: String,
    user_name: Option<String>,
    user_agent: Option<String>,
    /// One sentence for people.
    details: Option<String>,
    changed_fields: Vec<String>,
    /// Position in the site's log.
    index: u64,
    /// Where the entry is told with its states before and after, and what changed.
    url: String,
}

impl From<Entry> for Item {
    fn from(entry: Entry) -> Self {
        let (actor, entity, origin) = (entry.actor.as_ref(), entry.entity.as_ref(), entry.origin.as_ref());
        Self {
            id: entry.id,
            user_id: actor.and_then(|actor| actor.id.clone()),
            action: action::name(&entry),
            entity_type: entity.map(|entity| entity.kind.clone()),
            entity_id: entity.map(|entity| entity.id.clone()),
            ip_address: origin.and_then(|origin| origin.ip).map(|ip| ip.to_string()),
            metadata: metadata(&entry),
            created_at: told(entry.occurred_at),
            entity_display: entity.and_then(|entity| entity.title.clone()),
            site_id: entry.site.to_string(),
            user_name: actor.map(|actor| actor.display_name().to_owned()),
            user_agent: origin.and_then(|origin| origin.user_agent.clone()),
            details: entry.summary.clone(),
            changed_fields: entry.changed(),
            index: entry.index,
            url: format!("/api/v1/sites/{}/entries/{}", entry.site, entry.id),
        }
    }
}

/// A time as this API writes it: UTC, always with milliseconds.
pub(super) fn told(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// What the entry has as its data; of our own entries what that CMS has there.
fn metadata(entry: &Entry) -> Option<Box<RawValue>> {
    match entry.action.as_str() {
        "indelible.revert" => {
            let fields: Vec<String> = reverted_fields(entry);
            to_raw_value(&json!({"reverted_fields": fields, "reverts": entry.reverts})).ok()
        }
        "indelible.site.settings" => to_raw_value(&json!({"changed_keys": entry.changed()})).ok(),
        _ => entry.data.clone(),
    }
}

/// The fields that a revert put back.
pub(super) fn reverted_fields(entry: &Entry) -> Vec<String> {
    let fields = entry.data.as_deref().and_then(diff::fields).unwrap_or_default();
    let paths = fields.iter().find(|(name, _)| name == "reverted_fields").map(|(_, paths)| paths.get());
    let paths: Vec<String> = paths.and_then(|paths| serde_json::from_str(paths).ok()).unwrap_or_default();
    paths.iter().map(|path| field_name(path)).collect()
}

/// A field's name: a JSON pointer without the slash that it begins with.
pub(super) fn field_name(path: &str) -> String {
    path.strip_prefix('/').unwrap_or(path).to_owned()
}
