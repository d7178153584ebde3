use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Failure, Place, follow_removals, local_user, output};
use crate::clock;
use crate::removal::{self, Expiring, Ran};

/// What has become too old expires
#[derive(Debug, Args)]
pub(super) struct RetentionCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// The daily expiry, now: content that is older than its site's retention is removed, its leaves stay
    Run {
        /// Only tell what would expire
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        place: Place,
    },
}

impl RetentionCommand {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let Action::Run { dry_run, place } = self.action;
        let indelible = if dry_run { place.open()? } else { place.open_with_index()? };
        if !dry_run {
            removal::resume(&indelible)?;
        }
        let ran = removal::expire_all(&indelible, dry_run, clock::now(), &local_user())?;
        if !dry_run {
            follow_removals(&indelible)?;
        }
        let rows = ran.iter().map(|ran| row(ran, dry_run)).collect();
        output::data(&output::table(&["site", "retention", "says", "expiry"], rows))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn row(ran: &Ran, dry_run: bool) -> Vec<String> {
    let what = match &ran.expiring {
        Expiring::Held => "a hold is on: nothing expires".to_owned(),
        Expiring::Nothing => "nothing is old enough".to_owned(),
        Expiring::Entries(expiry) => {
            let would = if dry_run { "would expire" } else { "expired" };
            let (count, first, last) = (expiry.count, expiry.first, expiry.last);
            format!("{count} entries from {first} to {last} {would}, older than {}", expiry.cutoff)
        }
    };
    let policy = ran.policy;
    vec![ran.site.id.to_string(), policy.retention_days.to_string(), policy.source.as_str().to_owned(), what]
}
