use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use model::SiteId;

use super::serve::{bind, block_on, run_until_stopped, start_log};
use super::{Failure, output};
use crate::access::{Caller, Gate};
use crate::api::App;
use crate::demo::DemoHost;
use crate::files::make_private_directory;
use crate::journal::{self, Append, Outcome};
use crate::settings::Rules;
use crate::store::Site;
use crate::umbrella::Cadence;
use crate::{Indelible, OpenOptions, clock, demo, entropy};

/// Entries appended at once.
const ENTRIES_AT_ONCE: usize = 1000;

/// What the demo's data grow from; the same seed makes the same entries.
const SEED: u64 = 2026;

/// Start a server full of real entries to look at; it is gone when it stops
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Address and port; only this machine can be let in
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// An empty directory to keep the data in, so that they stay [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Demo {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        if !self.listen.ip().is_loopback() {
            return Err(Failure::Usage(format!(
                "the demo signs everybody in as super admin, so it listens only on a loopback address, \
                 not on {}. For a server that others reach: indelible serve",
                self.listen.ip()
            )));
        }
        start_log();
        let directory = Directory::new(self.data)?;
        let options = OpenOptions { origin: Some("indelible.demo".to_owned()), ..OpenOptions::default() };
        let indelible = Indelible::open(directory.path(), &options)?;
        // Listen first: a taken port is told before the work, not after it.
        let address = self.listen;
        let where_data_are = directory.told();
        let done = block_on(async move {
            let listener = bind(address).await?;
            let address = listener.local_addr()?;
            let filled = indelible.clone();
            let count = tokio::task::spawn_blocking(move || fill(&filled))
                .await
                .map_err(|error| Failure::Other(error.to_string()))??;
            output::data(&format!(
                "Indelible demo: {count} entries of {} sites, you are super admin\n\n  http://{address}/\n\n\
                 {where_data_are}",
                demo::sites().len()
            ))?;
            let _rounds = indelible.umbrella().keep_up(Cadence::default());
            let visitor = Caller::local("Demo visitor");
            let gate = Gate::with_visitor(indelible.store().clone(), visitor);
            let app = App::new(indelible.clone(), gate, None);
            run_until_stopped(listener, app, &indelible).await
        });
        drop(directory);
        done
    }
}

/// Creates the demo's sites and appends its entries. Blocks.
fn fill(indelible: &Indelible) -> Result<u64, Failure> {
    let caller = Caller::local("demo");
    let mut sites: HashMap<&str, Site> = HashMap::new();
    for site in demo::sites() {
        let id: SiteId =
            site.id.parse().map_err(|error: model::NameError| Failure::Other(error.to_string()))?;
        sites.insert(site.id, indelible.create_site(id, site.name, &caller)?);
    }
    let host = Arc::new(DemoHost::default());
    for (site, connector) in demo::connectors() {
        if let Some(site) = sites.get(site) {
            indelible.revert_handlers().set(site.id.clone(), connector, host.clone());
        }
    }
    let mut waiting: HashMap<&str, Vec<String>> = HashMap::new();
    let mut count = 0;
    for (site, json) in demo::entries(clock::now(), SEED) {
        count += 1;
        if let Ok(entry) = model::parse(json.as_bytes()) {
            host.learn(site, &entry.preview());
        }
        let entries = waiting.entry(site).or_default();
        entries.push(json);
        if entries.len() == ENTRIES_AT_ONCE {
            append(indelible, sites.get(site), &std::mem::take(entries))?;
        }
    }
    for (site, entries) in waiting {
        append(indelible, sites.get(site), &entries)?;
    }
    Ok(count)
}

fn append(indelible: &Indelible, site: Option<&Site>, entries: &[String]) -> Result<(), Failure> {
    let refused = |reason: String| Failure::Other(format!("an entry of the demo was refused: {reason}"));
    let site = site.ok_or_else(|| refused("its site is unknown".to_owned()))?.clone();
    let admissions =
        journal::admit_all(entries.iter().map(String::as_bytes), "demo", None, &Rules::default())
            .map_err(|error| refused(error.to_string()))?;
    let sealed: Result<Vec<_>, _> = admissions.into_iter().collect();
    let entries = sealed
        .map_err(|violations| refused(violations.first().map(ToString::to_string).unwrap_or_default()))?;
    let append = Append { site, entries, atomic: true, change: None };
    for outcome in indelible.journal().append_blocking(append)? {
        if let Outcome::Refused(violation) = outcome {
            return Err(refused(violation.to_string()));
        }
    }
    Ok(())
}

/// Where the demo's data are.
enum Directory {
    /// Removed with everything in it when this is dropped.
    Temporary(PathBuf),
    Kept(PathBuf),
}

impl Directory {
    /// The directory of this name, which must be empty or not there yet, or a temporary one.
    fn new(kept: Option<PathBuf>) -> Result<Self, Failure> {
        if let Some(path) = kept {
            let has_something = std::fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
            if has_something {
                return Err(Failure::Usage(format!(
                    "{} is not empty: the demo fills a directory of its own. For what is there: indelible serve --data {}",
                    path.display(),
                    path.display()
                )));
            }
            return Ok(Self::Kept(path));
        }
        let random = entropy::bytes::<8>().map_err(|error| Failure::Other(error.to_string()))?;
        let name = format!("indelible-demo-{:016x}", u64::from_be_bytes(random));
        let path = std::env::temp_dir().join(name);
        make_private_directory(&path)?;
        Ok(Self::Temporary(path))
    }

    fn path(&self) -> &Path {
        let (Self::Temporary(path) | Self::Kept(path)) = self;
        path
    }

    /// Where the data are, and what becomes of them.
    fn told(&self) -> String {
        match self {
            Self::Temporary(_) => {
                "The data are in a temporary directory and go when you stop this (Ctrl-C).".to_owned()
            }
            Self::Kept(path) => {
                format!("The data are in {} and stay when you stop this (Ctrl-C).", path.display())
            }
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let Self::Temporary(path) = self else { return };
        if let Err(error) = std::fs::remove_dir_all(&*path) {
            output::message(&format!("{} could not be removed: {error}", path.display()));
        }
    }
}
