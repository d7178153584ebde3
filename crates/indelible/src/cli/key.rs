use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::UMBRELLA;

use super::{Failure, Place, local_user, output};
use crate::keys::KeyError;
use crate::rotation::{PastKey, RotationError, past_keys, past_umbrella_keys, retire, rotate};

/// Show and change the keys that sign the logs
#[derive(Debug, Args)]
pub(super) struct KeyCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the keys of every log, those of earlier times included
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Begin to sign with new keys beside the present ones; every log tells of it
    Rotate {
        /// Why, for the entries that tell of it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// Stop signing with the old keys, 30 days after the rotation or later
    Retire {
        /// Do it now, although readers may not know the new keys yet
        #[arg(long)]
        now: bool,
        /// Why, for the entries that tell of it
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        place: Place,
    },
}

impl KeyCommand {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.action {
            Action::List { place } => list(&place)?,
            Action::Rotate { reason, place } => {
                rotate(&place.open()?, reason.as_deref(), &local_user())?;
                list(&place)?;
                output::message(
                    "both keys of each log sign from now on. Give the new ones to your auditors and witnesses, then end \
                     the old ones with `indelible key retire`",
                );
            }
            Action::Retire { now, reason, place } => {
                retire(&place.open()?, now, reason.as_deref(), &local_user())?;
                list(&place)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(place: &Place) -> Result<(), Failure> {
    let indelible = place.open()?;
    let (store, keys) = (indelible.store().as_ref(), indelible.keys());
    let mut rows = Vec::new();
    for site in indelible.sites().all()? {
        rows.extend(of_log(site.id.as_str(), &keys.verifier_keys(&site.id)?, &past_keys(store, site.log)?));
    }
    rows.extend(of_log(UMBRELLA, &keys.umbrella_verifier_keys()?, &past_umbrella_keys(store)?));
    output::data(&output::table(&["log", "state", "key"], rows))?;
    Ok(())
}

fn of_log(log: &str, present: &[tlog::VerifierKey], past: &[PastKey]) -> Vec<Vec<String>> {
    let row = |state: String, key: String| vec![log.to_owned(), state, key];
    let present = present.iter().enumerate().map(|(age, key)| {
        let state = if age == 0 { "signs" } else { "signs, to be retired" };
        row(state.to_owned(), key.to_string())
    });
    let past = past.iter().map(|key| {
        let until = key.at.strftime("%F");
        row(format!("{} {until}", key.ended), key.vkey.clone())
    });
    present.chain(past).collect()
}

impl From<RotationError> for Failure {
    fn from(error: RotationError) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::Other(error.to_string())
    }
}
