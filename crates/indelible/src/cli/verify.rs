use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use model::UMBRELLA;
use tlog::{Policy, VerifierKey};

use super::serve::block_on;
use super::{Failure, Place, find_site, output};
use crate::Indelible;
use crate::auditor::{self, Audit};
use crate::jobs::{SiteReport, verify_site, verify_umbrella};

/// Derive every leaf, tile, root and signature again and compare
///
/// On the server it reads the data directory. With --url it reads a log over HTTP, as an auditor does who has
/// nothing but the log's key.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// One site only [default: all of them]; `_umbrella` with --url is the log of all sites' heads
    #[arg(long)]
    site: Option<String>,
    /// Verify from outside: the address of the server
    #[arg(long, requires_all = ["site", "key"], conflicts_with_all = ["data", "config"])]
    url: Option<String>,
    /// Verify an evidence bundle: the file
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with_all = ["url", "site", "data", "config"])]
    bundle: Option<PathBuf>,
    /// The log's verifier key, from a trusted place; with --url or --bundle
    #[arg(long, value_name = "VKEY")]
    key: Option<VerifierKey>,
    /// The umbrella log's key: compares every head of the site in that, or follows receipts into it
    #[arg(long, value_name = "VKEY", requires = "key")]
    umbrella_key: Option<VerifierKey>,
    /// A trust policy: which witnesses must have cosigned the umbrella log's head that is verified against
    #[arg(long, value_name = "FILE", requires = "key")]
    policy: Option<PathBuf>,
    /// A file with a checkpoint kept from earlier: the log must extend it
    #[arg(long, value_name = "FILE", requires = "url")]
    since: Option<PathBuf>,
    /// Write the newest checkpoint to this file when all is well, for --since next time
    #[arg(long, value_name = "FILE", requires = "url")]
    keep: Option<PathBuf>,
    /// An access token, where the log is not public
    #[arg(long, env = "INDELIBLE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    place: Place,
}

impl Verify {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        match (&self.url, &self.bundle, &self.site, &self.key) {
            (Some(url), _, Some(site), Some(key)) => self.over_http(url, site, key),
            (None, Some(bundle), _, Some(key)) => self.bundle(bundle, key),
            (None, None, _, Some(_)) => Err(Failure::Usage(
                "--key is for --url or --bundle: say what is to be verified with it".to_owned(),
            )),
            _ => self.data(),
        }
    }

    fn over_http(&self, url: &str, site: &str, key: &VerifierKey) -> Result<ExitCode, Failure> {
        let since = self.since.as_deref().map(read_checkpoint).transpose()?;
        let (policy, umbrella) = self.trust(site == UMBRELLA)?;
        let has_policy = policy.is_some();
        let audit = Audit {
            url: url.to_owned(),
            site: site.to_owned(),
            key: key.clone(),
            umbrella: if site == UMBRELLA { self.umbrella_key.clone() } else { umbrella },
            policy,
            since,
            token: self.token.clone(),
        };
        let progress = output::progress(None, "verifying");
        let report = block_on(async {
            let audited = auditor::audit(&audit, &|leaves| progress.inc(leaves)).await;
            audited.map_err(|error| Failure::Other(error.to_string()))
        })?;
        progress.finish_and_clear();
        let (size, findings) = (report.head.size(), report.findings.len());
        if findings > 0 {
            report.findings.iter().try_for_each(|finding| output::data(&format!("{site}: {finding}")))?;
            let findings = output::counted(findings, "finding", "findings");
            output::message(&format!("{findings} in the log of `{site}` up to entry {size}"));
            return Ok(ExitCode::FAILURE);
        }
        let of = if report.first > 0 { format!("from {} on, ", report.first) } else { String::new() };
        output::data(&format!("{site}: {size} leaves {of}verify, root {}", report.head.root()))?;
        if let Some(since) = report.since {
            output::data(&format!("{site}: it extends the checkpoint of size {since}"))?;
        }
        if let Some(heads) = report.heads {
            output::data(&format!("{site}: it has all {heads} heads that the umbrella log has of it"))?;
        }
        if has_policy {
            output::data(&format!("{site}: the quorum of witnesses is reached"))?;
        }
        if let Some(path) = &self.keep {
            std::fs::write(path, &report.note)
                .map_err(|error| Failure::Other(format!("{}: {error}", path.display())))?;
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The policy, and the umbrella's key: as given, else the one that the policy has. Witnesses cosign the umbrella,
    /// so that a policy says nothing without it.
    fn trust(&self, is_umbrella: bool) -> Result<(Option<Policy>, Option<VerifierKey>), Failure> {
        let Some(path) = &self.policy else { return Ok((None, self.umbrella_key.clone())) };
        let failed = |error: &dyn std::fmt::Display| Failure::Other(format!("{}: {error}", path.display()));
        let policy = Policy::parse(std::fs::read(path).map_err(|error| failed(&error))?)
            .map_err(|error| failed(&error))?;
        let umbrella = match (&self.umbrella_key, policy.logs()) {
            (None, [only]) => Some(only.clone()),
            (key, _) => key.clone(),
        };
        if umbrella.is_none() && !is_umbrella {
            return Err(Failure::Usage(
                "--policy needs the umbrella log's key, which witnesses cosign: give --umbrella-key, or one `log` line \
                 in the policy"
                    .to_owned(),
            ));
        }
        Ok((Some(policy), umbrella))
    }

    fn bundle(&self, path: &Path, key: &VerifierKey) -> Result<ExitCode, Failure> {
        let failed = |error: &dyn std::fmt::Display| Failure::Other(format!("{}: {error}", path.display()));
        let file = BufReader::new(File::open(path).map_err(|error| failed(&error))?);
        let (policy, umbrella) = self.trust(false)?;
        let report = auditor::verify_bundle(file, key, umbrella.as_ref(), policy.as_ref())
            .map_err(|error| failed(&error))?;
        let site: String = report.description.site.chars().filter(|c| !c.is_control()).take(130).collect();
        if report.findings.is_empty() {
            output::data(&format!("{site}: {} entries verify", report.entries))?;
            if policy.is_some() {
                output::data(&format!("{site}: the quorum of witnesses is reached for each of them"))?;
            }
            if report.erased > 0 {
                output::data(&format!("{site}: {} sections of them were erased", report.erased))?;
            }
            if report.withheld > 0 {
                output::data(&format!("{site}: {} sections of them are not in the bundle", report.withheld))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        report.findings.iter().try_for_each(|finding| output::data(&format!("{site}: {finding}")))?;
        let findings = output::counted(report.findings.len(), "finding", "findings");
        output::message(&format!(
            "{findings}; {}",
            output::counted(report.entries, "entry verifies", "entries verify")
        ));
        Ok(ExitCode::FAILURE)
    }

    fn data(&self) -> Result<ExitCode, Failure> {
        let indelible = self.place.open_or_backup()?;
        let sites = match &self.site {
            Some(id) => vec![find_site(&indelible, id)?],
            None => indelible.sites().all()?,
        };
        let mut total = 0;
        for site in &sites {
            total += indelible.published().size(site.log)?;
        }
        let progress = output::progress(Some(total), "verifying");
        let mut findings = 0;
        let mut entries = 0;
        for site in &sites {
            let report = verify_site(&indelible, site, &|done| progress.inc(done))?;
            entries += report.entries;
            findings += report.findings.len();
            progress.suspend(|| print(&report))?;
        }
        progress.finish_and_clear();
        if self.site.is_none() {
            findings += umbrella(&indelible)?;
        }
        if findings > 0 {
            output::message(&format!(
                "{}; {} of {} looked at",
                output::counted(findings, "finding", "findings"),
                output::counted(entries, "entry", "entries"),
                output::counted(sites.len(), "site", "sites")
            ));
            return Ok(ExitCode::FAILURE);
        }
        output::message(&format!(
            "all {entries} entries of {} verify",
            output::counted(sites.len(), "site", "sites")
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Verifies the umbrella log, if there is one, and returns the number of findings.
fn umbrella(indelible: &Indelible) -> Result<usize, Failure> {
    let Some(report) = verify_umbrella(indelible)? else { return Ok(0) };
    if report.findings.is_empty() {
        output::data(&format!("{UMBRELLA}: {} heads verify, root {}", report.head.size, report.head.root))?;
    }
    report.findings.iter().try_for_each(|finding| output::data(&format!("{UMBRELLA}: {finding}")))?;
    Ok(report.findings.len())
}

fn read_checkpoint(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::Other(format!("{}: {error}", path.display())))
}

fn print(report: &SiteReport) -> std::io::Result<()> {
    let site = &report.site.id;
    if report.findings.is_empty() {
        return output::data(&format!(
            "{site}: {} entries verify{}, root {}",
            report.entries,
            gone(report),
            report.head.root
        ));
    }
    report.findings.iter().try_for_each(|finding| output::data(&format!("{site}: {finding}")))
}

/// What of the entries is gone, and has its reason in the log.
fn gone(report: &SiteReport) -> String {
    match (report.erased, report.expired) {
        (0, 0) => String::new(),
        (erased, 0) => format!(" ({erased} with erased sections)"),
        (0, expired) => format!(" ({expired} of them expired)"),
        (erased, expired) => format!(" ({erased} with erased sections, {expired} expired)"),
    }
}
