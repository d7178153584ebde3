use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Failure, Place, output};
use crate::copy::{CopyError, Location, copy};
use crate::store::{DatabaseUrl, init_database};

/// Move an installation from a data directory to a `PostgreSQL` database, or back
///
/// Copies everything with the same ids, indexes, roots, checkpoints and receipts. Stop what writes to the source first. A
/// copy that was cut off goes on when the command is run again, and is not served before it is complete.
#[derive(Debug, Args)]
pub(super) struct Copy {
    /// Where the installation is: a data directory, or postgres://…
    #[arg(long, value_name = "PLACE")]
    from: String,
    /// Where it is to be: a data directory, or postgres://… for the database's administrator
    #[arg(long, value_name = "PLACE")]
    to: String,
    #[command(flatten)]
    place: Place,
}

impl Copy {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let (from, to) = (location(&self.from), location(&self.to));
        // A database has no keys: they are in the data directory of a process that works with it.
        let keys = match &from {
            Location::Directory(directory) => directory.clone(),
            Location::Database(_) => self.place.settings()?.store.data_dir,
        };
        if let Location::Database(url) = &to {
            init_database(url)?;
        }
        let bar = output::progress(Some(0), "copying");
        let progress = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let copied = copy(&from, &to, &keys, &progress)?;
        bar.finish_and_clear();
        output::data(&format!("{} entries of {} sites are in {}.", copied.entries, copied.sites, name(&to)))?;
        output::message(match &to {
            Location::Directory(_) => "Verify it with `indelible verify --data DIR`, then serve it.",
            Location::Database(_) => {
                "Copy the directory `keys` into the data directory of each process that is to work with it, and verify with \
                 `indelible verify --database-url … --data DIR`."
            }
        });
        Ok(ExitCode::SUCCESS)
    }
}

fn location(text: &str) -> Location {
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        Location::Database(DatabaseUrl::new(text))
    } else {
        Location::Directory(PathBuf::from(text))
    }
}

fn name(location: &Location) -> String {
    match location {
        Location::Directory(directory) => directory.display().to_string(),
        Location::Database(url) => url.to_string(),
    }
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        Self::Other(error.to_string())
    }
}
