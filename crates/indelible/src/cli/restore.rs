use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Failure, Place, local_user, open_options, output};
use crate::backup::{Plan, Restoration};

/// Bring a backup back: verified, compared with what is known outside, and told of in the log
///
/// Where entries are lost, or may be, the logs go on in a new epoch: under other origins and keys, so that nothing
/// which was signed since the backup is contradicted. Stop the server first.
#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// A file with a checkpoint that somebody kept of one of the logs; may be repeated
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Why it is restored, for the entries that tell of it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Move data that are there aside; nothing is deleted
    #[arg(long)]
    replace: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    place: Place,
}

impl Restore {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let settings = self.place.settings()?;
        let restoration = Restoration {
            backup: self.from,
            directory: settings.store.data_dir.clone(),
            options: open_options(&settings),
            checkpoints: self.checkpoint,
            replace: self.replace,
            reason: self.reason,
        };
        let progress = output::progress(None, "verifying");
        let plan = restoration.plan(&|entries| progress.inc(entries))?;
        progress.finish_and_clear();
        describe(&plan)?;
        if self.dry_run {
            restoration.give_up()?;
            return Ok(ExitCode::SUCCESS);
        }
        let restored = restoration.carry_out(&plan, &local_user())?;
        for moved in &restored.moved {
            output::message(&format!("what was there before is in {}", moved.display()));
        }
        output::data(&format!(
            "{} is restored, in epoch {}",
            restoration.directory.display(),
            restored.epoch
        ))?;
        if restored.is_new_epoch {
            output::message(
                "the logs have new origins and keys: give them to your auditors (`/logs/SITE/log.v1.json` has them), and \
                 put the umbrella log's new key into the witness policy and to the witnesses",
            );
        }
        output::message(
            "tokens, users and settings are as they were at the time of the backup: those revoked since are valid again. \
             `indelible token list` and `indelible user list` show them",
        );
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(plan: &Plan) -> std::io::Result<()> {
    let entries: u64 = plan.backup.logs.iter().map(|log| log.size).sum();
    let (sites, taken_at) = (plan.backup.logs.len(), plan.backup.taken_at);
    output::data(&format!("backup of {taken_at}: {entries} entries of {sites} sites, which verify"))?;
    for lost in &plan.lost {
        output::data(&format!(
            "LOST: {} had {} entries or more, the backup has {} (known to {})",
            lost.log, lost.known, lost.kept, lost.whose
        ))?;
    }
    for unheard in &plan.unheard {
        output::data(&format!("not heard: {unheard}"))?;
    }
    output::data(if plan.is_new_epoch() {
        "the logs go on in a new epoch"
    } else {
        "nothing is lost: the logs go on in the same epoch"
    })
}
