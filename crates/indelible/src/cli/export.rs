use std::io::{BufWriter, IsTerminal as _, Write as _, stdout};
use std::process::ExitCode;

use clap::Args;

use super::query::parse_filter;
use super::{Failure, Place, find_site, output};
use crate::export::{Format, Writer};
use crate::search;

/// Write everything that matches, oldest first, as a stream
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The site to export
    #[arg(long)]
    site: String,
    /// What to export, in the filter language, for example `kind:delete created>=2026-11-01`
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// ndjson, csv, ocsf or cef
    #[arg(long, default_value = "ndjson")]
    format: Format,
    #[command(flatten)]
    place: Place,
}

impl Export {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let filter = parse_filter(&self.filter)?.filter;
        let indelible = self.place.open()?;
        let site = find_site(&indelible, &self.site)?;
        let mut scan = indelible.search().scan(std::slice::from_ref(&site), &filter)?;
        // On a terminal the entries themselves show that it goes on.
        let progress = if stdout().is_terminal() {
            indicatif::ProgressBar::hidden()
        } else {
            output::progress(Some(scan.size()), "exporting")
        };
        let writer = Writer::new(self.format);
        let mut out = BufWriter::new(stdout().lock());
        out.write_all(&writer.header())?;
        let mut count = 0_u64;
        let failed = |error: search::SearchError| Failure::Other(error.to_string());
        while let Some(entries) = scan.step().map_err(failed)? {
            let hashes =
                search::leaf_hashes(indelible.store().as_ref(), std::slice::from_ref(&site), &entries)?;
            let mut piece = Vec::new();
            for (entry, hash) in entries.iter().zip(&hashes) {
                writer.entry(entry, hash, &mut piece);
                count += 1;
            }
            out.write_all(&piece)?;
            progress.set_position(scan.looked_at());
        }
        out.flush()?;
        progress.finish_and_clear();
        output::message(&format!("{count} entries of `{}` exported", site.id));
        Ok(ExitCode::SUCCESS)
    }
}
