use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use model::Retention;

use super::{Failure, Place, open_options, output};
use crate::search::Progress;
use crate::witnessing::Standing;
use crate::{Indelible, OpenOptions};

/// A retention below this is seldom meant.
const SHORT_RETENTION: Retention = Retention::Days(7);

/// Say what is wrong with this installation
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    place: Place,
    /// Look into the outbox of a program that sends entries, instead
    #[arg(long, value_name = "DIR")]
    outbox: Option<PathBuf>,
}

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        if let Some(outbox) = &self.outbox {
            return of_outbox(outbox);
        }
        let settings = self.place.settings()?;
        let directory = &settings.store.data_dir;
        output::data(&format!("version       {}", env!("CARGO_PKG_VERSION")))?;
        output::data(&format!("data          {}", directory.display()))?;
        let options = OpenOptions { without_indexing: true, ..open_options(&settings) };
        if let Some(database) = &options.database {
            output::data(&format!("database      {database}"))?;
        }
        let head = settings.store.head_path.clone().unwrap_or_else(|| directory.join("head"));
        if options.database.is_none() {
            output::data(&format!("head store    {}", head.display()))?;
        }
        if !Indelible::exists(directory, &options)? {
            output::data("installation  none yet: `indelible serve` makes one")?;
            return Ok(ExitCode::SUCCESS);
        }
        let indelible = Indelible::open_existing(directory, &options)?;
        output::data(&format!("log origin    {}", indelible.store().origin()))?;
        let sites = indelible.sites().all()?;
        let mut entries = 0;
        for site in &sites {
            entries += indelible.published().size(site.log)?;
        }
        output::data(&format!("sites         {}", sites.len()))?;
        output::data(&format!("entries       {entries}"))?;
        output::data(&format!("search index  {}", index_state(indelible.search().progress()?)))?;
        let retention = settings.audit.retention_days;
        output::data(&format!("retention     {retention}, where a site says nothing else"))?;
        if retention < SHORT_RETENTION {
            output::data(&format!(
                "advice        content goes after {retention}: see that APP__AUDIT__RETENTION_DAYS is meant to be that short"
            ))?;
        }
        let tokens = indelible.store().tokens()?;
        let valid = tokens.iter().filter(|token| token.revoked_at.is_none()).count();
        output::data(&format!("tokens        {valid} valid"))?;
        let umbrella = indelible.umbrella().head()?.map_or(0, |(head, _)| head.size);
        for standing in indelible.witnesses().standings() {
            output::data(&format!("witness       {}", witness_state(&standing, umbrella)))?;
        }
        if options.database.is_none() && head.starts_with(directory) {
            output::data(
                "advice        put the head store on other storage (APP__STORE__HEAD_PATH): then an old copy \
                 of the data cannot pass for the present",
            )?;
        }
        output::data("state         opens, and data and heads belong together")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What waits in an outbox, what was refused and why, and what is missing. 1 when somebody should look.
fn of_outbox(directory: &Path) -> Result<ExitCode, Failure> {
    let report = client::outbox::inspect(directory).map_err(|error| Failure::Other(error.to_string()))?;
    output::data(&report.to_string())?;
    if !report.has_findings() {
        output::data("state         nothing to look after")?;
        return Ok(ExitCode::SUCCESS);
    }
    output::data("state         somebody should look: see above")?;
    Ok(ExitCode::FAILURE)
}

fn witness_state(standing: &Standing, umbrella: u64) -> String {
    let name = &standing.name;
    match standing.newest {
        None if standing.url.is_none() => {
            format!("{name}: the policy has no address of it, so it is not asked")
        }
        None => format!("{name}: has cosigned nothing yet; a server asks it"),
        Some((size, seconds)) => {
            let at = i64::try_from(seconds).ok().and_then(|at| jiff::Timestamp::from_second(at).ok());
            let at = at.map_or_else(|| seconds.to_string(), |at| at.to_string());
            format!("{name}: cosigned at {at}, {} heads behind", umbrella.saturating_sub(size))
        }
    }
}

fn index_state(progress: Progress) -> String {
    let behind = progress.published - progress.indexed;
    match (progress.indexed, behind) {
        (_, 0) => "up to date".to_owned(),
        (0, _) => "none yet: a server makes it, and until then searches read the log".to_owned(),
        (_, behind) => {
            format!("{behind} entries behind: a server takes them in, and until then searches read them")
        }
    }
}
