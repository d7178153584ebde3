use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use tokio::sync::watch;

use super::serve::{block_on, signalled, start_log};
use super::{Failure, Place, output};
use crate::capture::{Capture, CaptureError, Rules, Severity, apply, examine, steps};
use crate::config::{Hidden, Settings};
use crate::store::DatabaseUrl;

/// Capture changes from a database, whatever made them
///
/// The rules are a TOML file: docs/guides/capture.md. The server captures by itself where `APP__CAPTURE__RULES` names one.
#[derive(Debug, Args)]
pub(super) struct CaptureCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Postgres(Postgres),
    Init(Init),
    Doctor(Doctor),
}

/// Which capture, and from where.
#[derive(Debug, Args)]
struct Which {
    /// The rules [default: `APP__CAPTURE__RULES`]
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// The database to capture from, as the user that captures [default: `APP__CAPTURE__URL`]
    #[arg(long, value_name = "URL")]
    source: Option<String>,
}

/// Capture from `PostgreSQL` until stopped
#[derive(Debug, Args)]
struct Postgres {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    which: Which,
}

/// Show the SQL that sets a database up for a capture, or run it
#[derive(Debug, Args)]
struct Init {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    which: Which,
    /// The same database as its administrator, who runs the SQL [default: the user that captures]
    #[arg(long, value_name = "URL")]
    administrator: Option<String>,
    /// Run it
    #[arg(long)]
    apply: bool,
}

/// Say what is captured and what is not; exits with 1 where changes are not captured
#[derive(Debug, Args)]
struct Doctor {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    which: Which,
}

impl Which {
    fn rules(&self, settings: &Settings) -> Result<Rules, Failure> {
        let path = self.rules.as_ref().or(settings.capture.rules.as_ref()).ok_or_else(|| {
            Failure::Usage("name the rules: --rules FILE, or APP__CAPTURE__RULES".to_owned())
        })?;
        Ok(Rules::load(path)?)
    }

    fn source(&self, settings: &Settings) -> Result<DatabaseUrl, Failure> {
        let set = settings.capture.url.as_ref().map(Hidden::reveal);
        self.source.as_deref().or(set).map(DatabaseUrl::new).ok_or_else(|| {
            Failure::Usage(
                "name the database to capture from: --source postgres://…, or APP__CAPTURE__URL".to_owned(),
            )
        })
    }
}

impl CaptureCommand {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            Command::Postgres(command) => command.run(),
            Command::Init(command) => command.run(),
            Command::Doctor(command) => command.run(),
        }
    }
}

impl Postgres {
    fn run(self) -> Result<ExitCode, Failure> {
        start_log();
        let settings = self.place.settings()?;
        let (rules, source) = (self.which.rules(&settings)?, self.which.source(&settings)?);
        let (name, from) = (rules.name.clone(), source.to_string());
        let indelible = self.place.open()?;
        let secret = settings.capture.context_secret.clone();
        let capture = Capture::new(indelible.clone(), rules, source, secret);
        let done = block_on(async move {
            output::message(&format!("Capturing {name} from {from} until stopped (Ctrl-C)"));
            let (stop, asked) = watch::channel(false);
            let running = capture.run(asked);
            tokio::pin!(running);
            tokio::select! {
                done = &mut running => done?,
                () = signalled() => {
                    stop.send_replace(true);
                    running.await?;
                }
            }
            let figures = capture.status().figures();
            output::message(&format!(
                "Stopped: {} entries of {} transactions, {} were in the log already",
                figures.appended, figures.transactions, figures.known
            ));
            Ok(ExitCode::SUCCESS)
        });
        drop(indelible);
        done
    }
}

impl Init {
    fn run(self) -> Result<ExitCode, Failure> {
        let settings = self.place.settings()?;
        let (rules, source) = (self.which.rules(&settings)?, self.which.source(&settings)?);
        let user = source.user().ok_or_else(|| {
            Failure::Usage("the address of the database must name the user that captures".to_owned())
        })?;
        let administrator = self.administrator.as_deref().map_or_else(|| source.clone(), DatabaseUrl::new);
        block_on(async move {
            let steps = steps(&rules, &administrator, &user).await?;
            for step in &steps {
                output::data(&format!("-- {}\n{}", step.what, step.sql.trim_end()))?;
                output::data("")?;
            }
            if self.apply {
                apply(&steps, &administrator).await?;
                output::message(&format!("{administrator} is set up. Start: indelible capture postgres"));
            } else {
                output::message("Nothing was run. Run it with --apply, or give it to psql.");
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

impl Doctor {
    fn run(self) -> Result<ExitCode, Failure> {
        let settings = self.place.settings()?;
        let (rules, source) = (self.which.rules(&settings)?, self.which.source(&settings)?);
        block_on(async move {
            let findings = examine(&rules, &source).await?;
            let mut worst = Severity::Fine;
            for finding in findings {
                worst = worst.max(finding.severity);
                let mark = match finding.severity {
                    Severity::Fine => "ok      ",
                    Severity::Note => "note    ",
                    Severity::Warning => "warning ",
                    Severity::Wrong => "WRONG   ",
                };
                output::data(&format!("{mark}{}", finding.text))?;
            }
            Ok(ExitCode::from(u8::from(worst == Severity::Wrong)))
        })
    }
}

impl From<CaptureError> for Failure {
    fn from(error: CaptureError) -> Self {
        if matches!(error, CaptureError::Rules { .. }) {
            return Self::Usage(error.to_string());
        }
        Self::Other(error.to_string())
    }
}
