use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::query::parse_filter;
use super::{Failure, Place, find_site, output};
use crate::clock;
use crate::evidence::Bundle;

/// Write everything that matches into a file that proves itself (`verify --bundle`)
#[derive(Debug, Args)]
pub(super) struct Evidence {
    /// The site whose entries are wanted
    #[arg(long)]
    site: String,
    /// Which entries, in the filter language, for example `entity.id:1002 created>=2026-11-01`
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// The file to write, which must not be there yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Evidence {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let filter = parse_filter(&self.filter)?.filter;
        let indelible = self.place.open()?;
        let site = find_site(&indelible, &self.site)?;
        let mut scan = indelible
            .search()
            .scan(std::slice::from_ref(&site), &filter)
            .map_err(|error| Failure::Other(error.to_string()))?;
        let mut bundle = Bundle::begin(&indelible, &site, &self.filter.join(" "), clock::now())?;
        let failed = |error: std::io::Error| Failure::Other(format!("{}: {error}", self.out.display()));
        let mut out = BufWriter::new(File::create_new(&self.out).map_err(failed)?);
        let progress = output::progress(Some(scan.size()), "gathering");
        while let Some(entries) = scan.step().map_err(|error| Failure::Other(error.to_string()))? {
            bundle.add(&entries)?;
            out.write_all(&bundle.take()).map_err(failed)?;
            progress.set_position(scan.looked_at());
        }
        let count = bundle.entries();
        out.write_all(&bundle.end()?).and_then(|()| out.flush()).map_err(failed)?;
        progress.finish_and_clear();
        output::message(&format!("{count} entries of `{}` in {}", site.id, self.out.display()));
        Ok(ExitCode::SUCCESS)
    }
}
