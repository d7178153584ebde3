use std::process::ExitCode;

use clap::Args;

use super::{Failure, Place, find_site, output};
use crate::jobs::{Finding, SiteReport, verify_site};

/// Derive every leaf, tile, root and signature again and compare
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// One site only [default: all of them]
    #[arg(long)]
    site: Option<String>,
    #[command(flatten)]
    place: Place,
}

impl Verify {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let indelible = self.place.open()?;
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
        if findings > 0 {
            output::message(&format!("{findings} findings in {entries} entries of {} sites", sites.len()));
            return Ok(ExitCode::FAILURE);
        }
        output::message(&format!("all {entries} entries of {} sites verify", sites.len()));
        Ok(ExitCode::SUCCESS)
    }
}

fn print(report: &SiteReport) -> std::io::Result<()> {
    let site = &report.site.id;
    if report.findings.is_empty() {
        return output::data(&format!(
            "{site}: {} entries verify, root {}",
            report.entries, report.head.root
        ));
    }
    report.findings.iter().try_for_each(|finding| output::data(&format!("{site}: {}", line(finding))))
}

/// `entry 7: …`, `entries 512 to 767: …`
fn line(finding: &Finding) -> String {
    match &finding.entries {
        Some(range) if range.end - range.start == 1 => format!("entry {}: {}", range.start, finding.what),
        Some(range) => {
            format!("entries {} to {}: {}", range.start, range.end.saturating_sub(1), finding.what)
        }
        None => finding.what.clone(),
    }
}
