//! What a capture remembers between runs, kept with the settings of its site: which server it is of, and which tables its
//! log is complete for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::CaptureError;
use crate::store::{LogNumber, Store};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// The identifier that the server made for itself.
    pub(super) system: String,
    /// When its slot was made anew.
    pub(super) made: Option<Uuid>,
    /// Tables, by name with object id, of which the log has had everything since they were compared with it.
    pub(super) complete: BTreeMap<String, u32>,
    /// Tables that were complete before a gap, and are not compared yet.
    #[serde(default)]
    pub(super) torn: BTreeSet<String>,
    /// Tables that the rules capture and no publication has, which was told.
    #[serde(default)]
    pub(super) missing: BTreeSet<String>,
}

/// Under which name a store keeps it.
pub(super) fn name(capture: &str) -> String {
    format!("capture/{capture}")
}

impl Standing {
    /// What is remembered; `None` where this capture has never run.
    pub(super) fn load(
        store: &dyn Store,
        log: LogNumber,
        capture: &str,
    ) -> Result<Option<Self>, CaptureError> {
        let kept =
            store.configuration(log, &name(capture)).map_err(|error| CaptureError::Log(error.to_string()))?;
        kept.map(|json| serde_json::from_str(&json)).transpose().map_err(|error| {
            CaptureError::Log(format!("what capture {capture} remembers does not read: {error}"))
        })
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
