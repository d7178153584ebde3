use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tlog::VerifierKey;

use super::serve::{bind, block_on, signalled, start_log};
use super::{Failure, output};
use crate::witness::{self, Opening, Witness};

/// Be a witness for the logs of others: cosign checkpoints that extend what was seen
#[derive(Debug, Args)]
pub(super) struct WitnessCommand {
    /// The witness's own directory, with its key and what it has seen
    #[arg(long, value_name = "DIR", default_value = "./indelible-witness")]
    data: PathBuf,
    /// Its name, under which it is known; needed when the directory is new
    #[arg(long)]
    name: Option<String>,
    /// The verifier key of a log that it knows, beside those in DIR/logs; may be repeated
    #[arg(long, value_name = "VKEY")]
    log: Vec<VerifierKey>,
    /// Address and port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
}

impl WitnessCommand {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        start_log();
        let opening = Opening { name: self.name, logs: self.log };
        let witness =
            Witness::open(&self.data, &opening).map_err(|error| Failure::Other(error.to_string()))?;
        block_on(async move {
            let listener = bind(self.listen).await?;
            output::data(&format!("Witness at http://{}/", listener.local_addr()?))?;
            output::data(&witness.verifier_key().to_string())?;
            if witness.origins().next().is_none() {
                output::message(&format!(
                    "it knows no log yet: write verifier keys into {}, one a line, and start it again",
                    self.data.join("logs").display()
                ));
            }
            for origin in witness.origins() {
                output::message(&format!("knows {origin}"));
            }
            witness::serve(listener, Arc::new(witness), signalled()).await?;
            Ok(ExitCode::SUCCESS)
        })
    }
}
