//! The commands, one file each.
//!
//! Data goes to stdout, messages to stderr. Exit codes: 0 done, 1 failed or finding, 2 wrong usage.

mod backup;
mod capture;
mod completions;
mod copy;
mod database;
mod demo;
mod doctor;
mod erase;
mod evidence;
mod export;
mod import;
mod key;
mod openapi;
mod output;
mod query;
mod restore;
mod retention;
mod serve;
mod site;
mod token;
mod user;
mod verify;
mod witness;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Hidden, Settings, SettingsError};
use crate::journal::JournalError;
use crate::removal::RemovalError;
use crate::store::{DatabaseUrl, StoreError};
use crate::{BACKUP_FILE, ConfigureError, Indelible, OpenError, OpenOptions};

/// The audit log for content platforms: who changed what, when, provably.
#[derive(Debug, Parser)]
#[command(name = "indelible", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(serve::Serve),
    Import(import::Import),
    Query(query::Query),
    Export(export::Export),
    Evidence(evidence::Evidence),
    Erase(erase::Erase),
    Retention(retention::RetentionCommand),
    Verify(Box<verify::Verify>),
    Backup(backup::Backup),
    Restore(Box<restore::Restore>),
    Copy(copy::Copy),
    Database(database::DatabaseCommand),
    Capture(capture::CaptureCommand),
    Key(key::KeyCommand),
    Witness(witness::WitnessCommand),
    Site(site::SiteCommand),
    Token(token::TokenCommand),
    User(user::UserCommand),
    Openapi(openapi::Openapi),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
}

/// Where the installation is: for every command that works on one.
#[derive(Clone, Debug, Args)]
struct Place {
    /// The data directory [default: ./indelible-data, or `APP__STORE__DATA_DIR`]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The PostgreSQL database, where the truth lies there; the data directory then has keys and search index alone [default:
    /// none, or `APP__STORE__URL`]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// A settings file (TOML); environment variables `APP__SECTION__KEY` go before it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// The same for commands that need no installation, and take what every command takes: scripts may give it to all.
#[derive(Clone, Debug, Args)]
struct Anywhere {
    #[arg(long, value_name = "DIR", hide = true)]
    data: Option<PathBuf>,
    #[arg(long, value_name = "URL", hide = true)]
    database_url: Option<String>,
    #[arg(long, value_name = "FILE", hide = true)]
    config: Option<PathBuf>,
}

impl Place {
    fn settings(&self) -> Result<Settings, Failure> {
        let mut settings = Settings::load(self.config.as_deref())?;
        if let Some(directory) = &self.data {
            settings.store.data_dir.clone_from(directory);
        }
        if let Some(url) = &self.database_url {
            settings.store.url = Some(Hidden::new(url.clone()));
        }
        Ok(settings)
    }

    /// Opens the installation, which must be there.
    fn open(&self) -> Result<Indelible, Failure> {
        let settings = self.settings()?;
        let options = OpenOptions { without_indexing: true, ..open_options(&settings) };
        Ok(Indelible::open_existing(&settings.store.data_dir, &options)?)
    }
}

impl Place {
    /// The same where it may be a backup, for a command that changes nothing.
    fn open_or_backup(&self) -> Result<Indelible, Failure> {
        let settings = self.settings()?;
        let is_backup = settings.store.data_dir.join(BACKUP_FILE).exists();
        let mut options = OpenOptions { without_indexing: true, is_backup, ..open_options(&settings) };
        if is_backup {
            // Its heads are within it, and its witnesses have nothing to say of it.
            (options.head_directory, options.witness_policy) = (None, None);
        }
        Ok(Indelible::open_existing(&settings.store.data_dir, &options)?)
    }

    /// The same with the search index, for a command that removes: what is removed must leave the index, too.
    fn open_with_index(&self) -> Result<Indelible, Failure> {
        let settings = self.settings()?;
        Ok(Indelible::open_existing(&settings.store.data_dir, &open_options(&settings))?)
    }
}

/// Waits until the search index has followed, here or in the server that keeps it.
fn follow_removals(indelible: &Indelible) -> Result<(), Failure> {
    const PATIENCE: std::time::Duration = std::time::Duration::from_mins(5);
    if !indelible.search().follow_removals(PATIENCE)? {
        output::message(
            "the search index has not followed yet: what was removed is no longer found, but parts of it may be in the \
             index' files until the server runs, or until the directory `index` is deleted",
        );
    }
    Ok(())
}

fn open_options(settings: &Settings) -> OpenOptions {
    let address = |url: &Option<Hidden>| url.as_ref().map(|url| DatabaseUrl::new(url.reveal()));
    OpenOptions {
        database: address(&settings.store.url),
        retention_database: address(&settings.store.retention_url),
        head_directory: settings.store.head_path.clone(),
        origin: settings.log.origin.clone(),
        witness_policy: settings.log.witness_policy.clone(),
        without_indexing: false,
        is_backup: false,
        retention: settings.audit.retention_days,
    }
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // Libraries bring two implementations of TLS' algorithms; this is the one that we choose everywhere.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let done = match cli.command {
        Command::Demo(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Query(command) => command.run(),
        Command::Export(command) => command.run(),
        Command::Evidence(command) => command.run(),
        Command::Erase(command) => command.run(),
        Command::Retention(command) => command.run(),
        Command::Verify(command) => command.run(),
        Command::Backup(command) => command.run(),
        Command::Restore(command) => command.run(),
        Command::Copy(command) => command.run(),
        Command::Database(command) => command.run(),
        Command::Capture(command) => command.run(),
        Command::Key(command) => command.run(),
        Command::Witness(command) => command.run(),
        Command::Site(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::User(command) => command.run(),
        Command::Openapi(command) => command.run(),
        Command::Doctor(command) => command.run(),
        Command::Completions(command) => command.run(),
    };
    match done {
        Ok(code) => code,
        // Whoever reads our output has had enough: `indelible query | head`.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure);
            ExitCode::from(if matches!(failure, Failure::Usage(_)) { 2 } else { 1 })
        }
    }
}

/// The command itself, for tests and generated reference.
#[must_use]
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Other(String),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    #[error(transparent)]
    Removal(#[from] RemovalError),
    #[error("writing the output: {0}")]
    Output(#[from] std::io::Error),
}

/// Who acts at the terminal: whoever may read and write the data directory.
fn local_user() -> crate::access::Caller {
    let name = std::env::var("USER").ok().filter(|name| !name.is_empty());
    crate::access::Caller::local(&format!("{} (terminal)", name.as_deref().unwrap_or("somebody")))
}

/// The site that a command names.
fn find_site(indelible: &Indelible, id: &str) -> Result<crate::store::Site, Failure> {
    let parsed = id.parse().map_err(|error: model::NameError| Failure::Usage(error.to_string()))?;
    indelible.sites().find(&parsed)?.ok_or_else(|| {
        Failure::Other(format!("there is no site `{id}`. `indelible site list` shows those there are"))
    })
}
