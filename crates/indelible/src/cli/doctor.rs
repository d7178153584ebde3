use std::process::ExitCode;

use clap::Args;

use super::{Failure, Place, open_options, output};
use crate::search::Progress;
use crate::store::EmbeddedStore;
use crate::{Indelible, OpenOptions};

/// Say what is wrong with this installation
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    place: Place,
}

impl Doctor {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let settings = self.place.settings()?;
        let directory = &settings.store.data_dir;
        output::data(&format!("version       {}", env!("CARGO_PKG_VERSION")))?;
        output::data(&format!("data          {}", directory.display()))?;
        let head = settings.store.head_path.clone().unwrap_or_else(|| directory.join("head"));
        output::data(&format!("head store    {}", head.display()))?;
        if !EmbeddedStore::exists(directory) {
            output::data("installation  none yet: `indelible serve` makes one")?;
            return Ok(ExitCode::SUCCESS);
        }
        let indelible = Indelible::open_existing(
            directory,
            &OpenOptions { without_indexing: true, ..open_options(&settings) },
        )?;
        output::data(&format!("log origin    {}", indelible.store().origin()))?;
        let sites = indelible.sites().all()?;
        let mut entries = 0;
        for site in &sites {
            entries += indelible.published().size(site.log)?;
        }
        output::data(&format!("sites         {}", sites.len()))?;
        output::data(&format!("entries       {entries}"))?;
        output::data(&format!("search index  {}", index_state(indelible.search().progress()?)))?;
        let tokens = indelible.store().tokens()?;
        let valid = tokens.iter().filter(|token| token.revoked_at.is_none()).count();
        output::data(&format!("tokens        {valid} valid"))?;
        if head.starts_with(directory) {
            output::data(
                "advice        put the head store on other storage (APP__STORE__HEAD_PATH): then an old copy \
                 of the data cannot pass for the present",
            )?;
        }
        output::data("state         opens, and data and heads belong together")?;
        Ok(ExitCode::SUCCESS)
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
