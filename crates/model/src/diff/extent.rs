//! Whether a state after is all of the entity or only what was submitted.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Fields, fields};
use crate::action::Kind;

/// How much of the entity a state after holds.
///
/// A host that saves a form often records the body it got: the fields of the form, not those that were not
/// on it. A field that such a state lacks has not changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// All of it: what it lacks is not there.
    #[default]
    Full,
    /// Only the submitted fields; the entry says so.
    Partial,
    /// Only the submitted fields, as far as one can tell: see [`Extent::inferred`].
    PartialInferred,
}

/// Keys that hold an entity's identity. An update cannot take them away.
const IDENTITY_KEYS: [&str; 6] = ["id", "ID", "_id", "uuid", "guid", "pk"];

impl Extent {
    /// Whether fields that are missing are unchanged.
    #[must_use]
    pub const fn is_partial(self) -> bool {
        matches!(self, Self::Partial | Self::PartialInferred)
    }

    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::PartialInferred => "partial_inferred",
        }
    }

    /// What the states themselves suggest, where the entry says nothing: an update whose state after has no
    /// field that was not there before, and lacks the one that says which entity it is.
    #[must_use]
    pub fn inferred(kind: Kind, entity_id: Option<&str>, before: &RawValue, after: &RawValue) -> Self {
        if kind != Kind::Update {
            return Self::Full;
        }
        match (fields(before), fields(after)) {
            (Some(old), Some(new)) => Self::inferred_of(entity_id, &old, &new),
            _ => Self::Full,
        }
    }

    /// The same for the fields of an update's states.
    pub(super) fn inferred_of(entity_id: Option<&str>, old: &Fields<'_>, new: &Fields<'_>) -> Self {
        if new.is_empty() || new.len() >= old.len() {
            return Self::Full;
        }
        let is_identity = |name: &str, value: &RawValue| {
            let text = value.get();
            let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
            let is_key = name.ends_with("id") || name.ends_with("Id") || name.ends_with("key");
            IDENTITY_KEYS.contains(&name) || (is_key && entity_id == Some(bare))
        };
        let lacks_identity = old
            .iter()
            .any(|(name, value)| is_identity(name, value) && new.iter().all(|(other, _)| other != name));
        let is_part = new.iter().all(|(name, _)| old.iter().any(|(other, _)| other == name));
        if lacks_identity && is_part { Self::PartialInferred } else { Self::Full }
    }
}
