use std::process::ExitCode;

use clap::{Args, Subcommand};
use model::SiteId;

use super::{Failure, Place, local_user, output};

/// Create and list sites
#[derive(Debug, Args)]
pub(super) struct SiteCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a site with an empty log
    Create {
        /// `name`, or `org.name`: a-z, 0-9 and `-`
        id: String,
        /// Its name for people [default: the id]
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List the sites
    List {
        #[command(flatten)]
        place: Place,
    },
}

impl SiteCommand {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match self.action {
            Action::Create { id, name, place } => create(&id, name, &place),
            Action::List { place } => list(&place),
        }
    }
}

fn create(id: &str, name: Option<String>, place: &Place) -> Result<ExitCode, Failure> {
    let id: SiteId = id.parse().map_err(|error: model::NameError| Failure::Usage(error.to_string()))?;
    let indelible = place.open()?;
    let name = name.unwrap_or_else(|| id.to_string());
    let site = indelible.create_site(id, &name, &local_user())?;
    output::message(&format!("created the site `{}`", site.id));
    Ok(ExitCode::SUCCESS)
}

fn list(place: &Place) -> Result<ExitCode, Failure> {
    let indelible = place.open()?;
    let mut rows = Vec::new();
    for site in indelible.sites().all()? {
        let size = indelible.published().size(site.log)?;
        rows.push(vec![
            site.id.to_string(),
            site.name,
            size.to_string(),
            site.created_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        ]);
    }
    output::data(&output::table(&["site", "name", "entries", "created"], rows))?;
    Ok(ExitCode::SUCCESS)
}
