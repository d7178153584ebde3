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
    #[arg(long = "entry", value_name = "ID", required = true, value_parser = id)]
    entries: Vec<Uuid>,
    /// Which sections: actor, origin, entity, change, context
    #[arg(long = "section", value_name = "NAMES", required = true, value_delimiter = ',', value_parser = erasable)]
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

fn id(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text)
        .map_err(|_| "not the id of an entry, a UUID such as 0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c".to_owned())
}

fn erasable(text: &str) -> Result<SectionName, String> {
    match text.parse() {
        Ok(SectionName::Source) => Err("it is what an entry keeps to stay one".to_owned()),
        Ok(section) => Ok(section),
        Err(_) => Err("use actor, origin, entity, change or context".to_owned()),
    }
}
