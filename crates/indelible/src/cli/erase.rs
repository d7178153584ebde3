use std::process::ExitCode;

use clap::Args;
use model::SectionName;
use uuid::Uuid;

use super::{Failure, Place, find_site, follow_removals, local_user, output};
use crate::removal::{self, Wanted};
use crate::search::Found;

/// Erase sections of entries for ever; every proof stays valid
#[derive(Debug, Args)]
pub(super) struct Erase {
    /// The site whose log they are in
    #[arg(long)]
    site: String,
    /// The entry's id; may be given more than once
    #[arg(long = "entry", value_name = "ID", required = true)]
    entries: Vec<Uuid>,
    /// Which sections: actor, origin, entity, change, context
    #[arg(long = "section", value_name = "NAMES", required = true, value_delimiter = ',')]
    sections: Vec<SectionName>,
    /// Why; it is kept for ever, so it should name nobody
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    place: Place,
}

impl Erase {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let indelible = self.place.open_with_index()?;
        let site = find_site(&indelible, &self.site)?;
        let mut wanted = Vec::with_capacity(self.entries.len());
        for id in &self.entries {
            let index = match indelible.search().found(&site, *id)? {
                Some(Found::Entry(entry)) => entry.index,
                Some(Found::Expired(_, index)) => index,
                None => {
                    return Err(Failure::Other(format!(
                        "there is no entry `{id}` in the site `{}`",
                        site.id
                    )));
                }
            };
            wanted.push(Wanted { index, sections: self.sections.clone() });
        }
        let told = removal::erase(&indelible, &site, &wanted, &self.reason, &local_user())?;
        follow_removals(&indelible)?;
        output::message(&format!("erased; the entry {told} of `{}` tells of it", site.id));
        Ok(ExitCode::SUCCESS)
    }
}
