//! The contract's "Entry (in)" form, as the translators fill it.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::fields::{Object, Problem};

/// An entry on its way to the door. Fields left empty are not written.
#[derive(Serialize)]
pub(super) struct WireEntry {
    pub(super) id: Uuid,
    pub(super) occurred_at: String,
    pub(super) actor: WireActor,
    pub(super) action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<&'static str>,
    pub(super) entity: WireEntity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) before: Option<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<Object>,
    #[serde(skip_serializing_if = "WireOrigin::is_empty")]
    pub(super) origin: WireOrigin,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) correlation_id: Option<Uuid>,
    pub(super) connector: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<String>,
    pub(super) data: Value,
}

impl WireEntry {
    /// What every entry has; the rest is set field by field.
    pub(super) fn new(
        connector: &'static str,
        id: Uuid,
        occurred_at: String,
        action: String,
        entity: WireEntity,
    ) -> Self {
        Self {
            id,
            occurred_at,
            actor: WireActor::system(),
            action,
            kind: None,
            outcome: None,
            entity,
            summary: None,
            reason: None,
            before: None,
            after: None,
            origin: WireOrigin::default(),
            correlation_id: None,
            connector,
            duration_ms: None,
            errors: Vec::new(),
            data: Value::Null,
        }
    }

    pub(super) fn to_json(&self) -> Result<String, Problem> {
        serde_json::to_string(self).map_err(|error| Problem::whole(error.to_string()))
    }
}

/// Who did it.
#[derive(Serialize)]
pub(super) struct WireActor {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) email: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) roles: Vec<String>,
}

impl WireActor {
    pub(super) const fn system() -> Self {
        Self { kind: "system", id: None, name: None, email: None, roles: Vec::new() }
    }

    pub(super) const fn user(id: String) -> Self {
        Self { kind: "user", id: Some(id), name: None, email: None, roles: Vec::new() }
    }
}

/// What it was done to.
#[derive(Serialize)]
pub(super) struct WireEntity {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) title: Option<String>,
}

/// From where it was done.
#[derive(Default, Serialize)]
pub(super) struct WireOrigin {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) query: Option<String>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub(super) git_ref: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) channel: Option<String>,
}

impl WireOrigin {
    fn is_empty(&self) -> bool {
        let texts = [&self.method, &self.route, &self.path, &self.query, &self.git_ref, &self.channel];
        self.ip.is_none() && texts.iter().all(|text| text.is_none())
    }
}
