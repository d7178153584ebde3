use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Failure, Place, open_options, output};
use crate::store::init_database;

/// Set up a `PostgreSQL` database
#[derive(Debug, Args)]
pub(super) struct DatabaseCommand {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Init),
}

/// Make roles and tables, or bring them to what this version needs; run it as the database's administrator
///
/// Makes the roles `indelible_owner`, `indelible_service` and `indelible_retention`, and the schema `indelible`. Can be
/// repeated.
#[derive(Debug, Args)]
struct Init {
    #[command(flatten)]
    place: Place,
}

/// What is left to the administrator: passwords are nobody else's to know.
const USERS: &str = "Now let Indelible sign in as members of one role each:
  CREATE ROLE app LOGIN PASSWORD '…' IN ROLE indelible_service;         -- APP__STORE__URL
  CREATE ROLE janitor LOGIN PASSWORD '…' IN ROLE indelible_retention;   -- APP__STORE__RETENTION_URL, for one process";

impl DatabaseCommand {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Command::Init(init) = self.command;
        let database = open_options(&init.place.settings()?).database.ok_or_else(|| {
            Failure::Usage("name the database: --database-url postgres://…, or APP__STORE__URL".to_owned())
        })?;
        match init_database(&database)? {
            0 => output::data(&format!("{database} is up to date."))?,
            1 => output::data(&format!("{database} is ready: 1 migration applied."))?,
            applied => output::data(&format!("{database} is ready: {applied} migrations applied."))?,
        }
        output::message(USERS);
        Ok(ExitCode::SUCCESS)
    }
}
