use std::process::ExitCode;

use clap::Args;

use super::{Anywhere, Failure, output};
use crate::api;

/// Print the API document (OpenAPI)
#[derive(Debug, Args)]
pub(super) struct Openapi {
    #[command(flatten)]
    anywhere: Anywhere,
}

impl Openapi {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Anywhere { .. } = self.anywhere;
        let text = api::document().to_pretty_json().map_err(|error| Failure::Other(error.to_string()))?;
        output::data(&text)?;
        Ok(ExitCode::SUCCESS)
    }
}
