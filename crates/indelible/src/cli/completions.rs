use std::process::ExitCode;

use clap::Args;
use clap_complete::Shell;

use super::{Anywhere, Failure, output};

/// Print a completion script for a shell
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
    #[command(flatten)]
    anywhere: Anywhere,
}

impl Completions {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Anywhere { .. } = self.anywhere;
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut super::command(), "indelible", &mut script);
        output::data(String::from_utf8_lossy(&script).trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}
