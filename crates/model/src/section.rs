//! The sections of an entry: the units that are committed to, disclosed and erased one by one.
//!
//! Each holds what people ask to have removed together: "drop address and browser, keep who and what".
//! The section `source` holds what an entry must keep to stay an entry: action, kind, outcome, claimed
//! time, and who sent it. None of that names a person.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::action::Kind;
use crate::entry::{Draft, Outcome};

/// Name of a section. The numbers are part of the leaf format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum SectionName {
    /// Who.
    Actor = 1,
    /// From where.
    Origin = 2,
    /// On what.
    Entity = 3,
    /// Before and after.
    Change = 4,
    /// Summary, reason, correlation, data, what is reverted.
    Context = 5,
    /// Action, kind, outcome, claimed time, connector, credential.
    Source = 6,
}

impl SectionName {
    /// All sections in the order of their numbers.
    pub const ALL: [Self; 6] =
        [Self::Actor, Self::Origin, Self::Entity, Self::Change, Self::Context, Self::Source];

    /// The section's number in the leaf.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Actor => 1,
            Self::Origin => 2,
            Self::Entity => 3,
            Self::Change => 4,
            Self::Context => 5,
            Self::Source => 6,
        }
    }

    /// The section with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.number() == number)
    }

    /// The word in JSON, commands and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Origin => "origin",
            Self::Entity => "entity",
            Self::Change => "change",
            Self::Context => "context",
            Self::Source => "source",
        }
    }
}

impl fmt::Display for SectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for SectionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or_else(|| {
            format!("`{text}` is not a section: use actor, origin, entity, change, context or source")
        })
    }
}

/// A section's name and its exact bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Which section it is.
    pub name: SectionName,
    /// The bytes that are stored and committed to: one JSON object.
    pub bytes: Vec<u8>,
}

/// Content of [`SectionName::Change`].
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partial: Option<bool>,
}

/// Content of [`SectionName::Context`].
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) correlation_id: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) duration_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reverts: Option<Uuid>,
}

/// Content of [`SectionName::Source`].
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) action: String,
    pub(crate) kind: Kind,
    pub(crate) outcome: Outcome,
    pub(crate) occurred_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) connector: Option<String>,
    #[serde(rename = "source")]
    pub(crate) credential: String,
}

/// Of [`Source`], what most often is wanted alone.
#[derive(Deserialize)]
pub(crate) struct OccurredAt {
    pub(crate) occurred_at: Timestamp,
}

/// The sections of a draft, absent ones left out, in the order of their numbers.
pub(crate) fn sections(draft: Draft, occurred_at: Timestamp, source: &str) -> Vec<Section> {
    let mut sections = Vec::with_capacity(SectionName::ALL.len());
    let mut put = |name, bytes| sections.push(Section { name, bytes });
    put(SectionName::Actor, to_bytes(&draft.actor));
    if let Some(origin) = &draft.origin {
        put(SectionName::Origin, to_bytes(origin));
    }
    put(SectionName::Entity, to_bytes(&draft.entity));
    if draft.before.is_some() || draft.after.is_some() {
        let change = Change { before: draft.before, after: draft.after, partial: draft.partial };
        put(SectionName::Change, to_bytes(&change));
    }
    let context = to_bytes(&Context {
        summary: draft.summary,
        reason: draft.reason,
        correlation_id: draft.correlation_id,
        duration_ms: draft.duration_ms,
        errors: draft.errors,
        data: draft.data,
        reverts: draft.reverts,
    });
    if context != b"{}" {
        put(SectionName::Context, context);
    }
    put(
        SectionName::Source,
        to_bytes(&Source {
            action: draft.action,
            kind: draft.kind,
            outcome: draft.outcome,
            occurred_at,
            connector: draft.connector,
            credential: source.to_owned(),
        }),
    );
    sections
}

#[expect(clippy::expect_used, reason = "writing plain structs with string keys to memory cannot fail")]
fn to_bytes(content: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(content).expect("a section is serialisable")
}
