use std::process::ExitCode;

use clap::Args;

use super::{Failure, output};
use crate::api;

/// Print the API document (OpenAPI)
#[derive(Debug, Args)]
pub(super) struct Openapi {}

impl Openapi {
    #[expect(clippy::unused_self, reason = "every command runs on itself")]
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let text = api::document().to_pretty_json().map_err(|error| Failure::Other(error.to_string()))?;
        output::data(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
