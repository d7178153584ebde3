use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Failure, Place, local_user, output};
use crate::backup::{BackupError, back_up};

/// Copy everything, consistent with itself, while a server runs
///
/// The copy holds the signing keys: guard it as you guard the data. It is verified with `indelible verify --data DIR`
/// and brought back with `indelible restore --from DIR`.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The directory for the copy: empty, or yet to be made
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Leave the signing keys out; without them nothing can be restored
    #[arg(long)]
    without_keys: bool,
    #[command(flatten)]
    place: Place,
}

impl Backup {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let settings = self.place.settings()?;
        let indelible = self.place.open()?;
        let bar = output::progress(Some(0), "copying");
        let progress = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let with_keys = !self.without_keys;
        let copied =
            back_up(&indelible, &settings.store.data_dir, &self.to, with_keys, &local_user(), &progress)?;
        bar.finish_and_clear();
        let entries: u64 = copied.logs.iter().map(|log| log.size).sum();
        output::data(&format!(
            "{}: {entries} entries of {} sites, as of {}",
            self.to.display(),
            copied.logs.len(),
            copied.taken_at
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        Self::Other(error.to_string())
    }
}
