//! JSON Schemas of entries' data.

use std::fmt;
use std::sync::Arc;

use jsonschema::Validator;
use serde_json::Value;

/// A schema, read and ready.
#[derive(Clone)]
pub(super) struct Schema(Arc<Validator>);

impl Schema {
    pub(super) fn of(schema: Option<&Value>) -> Result<Option<Self>, String> {
        let Some(schema) = schema else { return Ok(None) };
        let validator = jsonschema::validator_for(schema)
            .map_err(|error| format!("its schema cannot be used: {error}"))?;
        Ok(Some(Self(Arc::new(validator))))
    }

    /// The first thing that does not fit, with its place.
    pub(super) fn misfit(&self, data: &Value) -> Option<String> {
        let error = self.0.iter_errors(data).next()?;
        let place = error.instance_path().to_string();
        let place = if place.is_empty() { "the data as a whole".to_owned() } else { format!("`{place}`") };
        // Without the value, which may be nobody's business.
        Some(format!("{place}: {}", error.masked()))
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}
