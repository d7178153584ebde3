use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;

use super::{Failure, Place, find_site, output};
use crate::Indelible;
use crate::connect::{self, Format, Imported, Namespace};
use crate::journal::{self, Append, Outcome};
use crate::store::Site;

/// Entries appended at once.
const ENTRIES_AT_ONCE: usize = 1000;

/// Refused entries that are named one by one; the others are counted.
const REFUSALS_SHOWN: u64 = 100;

/// Read entries in from a file; repeating it doubles nothing
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The site whose log they go to
    #[arg(long)]
    site: String,
    /// ndjson, wagtail, stream or aem
    #[arg(long)]
    format: Format,
    /// The file, or `-` for standard input
    file: PathBuf,
    #[command(flatten)]
    place: Place,
}

impl Import {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let indelible = self.place.open()?;
        let site = find_site(&indelible, &self.site)?;
        let input = open(&self.file)?;
        let progress = output::progress(None, "importing");
        let mut import = Running { indelible: &indelible, site, progress, counts: Counts::default() };
        let namespace = Namespace::of_site(self.format, import.site.id.as_str());
        let mut waiting = Vec::with_capacity(ENTRIES_AT_ONCE);
        for read in connect::read(self.format, namespace, input) {
            match read {
                Ok(entry) => waiting.push(entry),
                Err(error) => import.refuse(&error.to_string()),
            }
            if waiting.len() == ENTRIES_AT_ONCE {
                import.append(&std::mem::take(&mut waiting))?;
            }
        }
        import.append(&waiting)?;
        Ok(import.finish())
    }
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(stdin().lock()));
    }
    let opened = File::open(file)
        .map_err(|error| Failure::Other(format!("cannot read {}: {error}", file.display())))?;
    Ok(Box::new(BufReader::new(opened)))
}

#[derive(Default)]
struct Counts {
    new: u64,
    known: u64,
    refused: u64,
}

struct Running<'a> {
    indelible: &'a Indelible,
    site: Site,
    progress: ProgressBar,
    counts: Counts,
}

impl Running<'_> {
    fn append(&mut self, imported: &[Imported]) -> Result<(), Failure> {
        let texts = imported.iter().map(|entry| entry.json.as_bytes());
        let rules = self.indelible.rules(&self.site)?.for_imports();
        let admissions = journal::admit_all(texts, "import", None, &rules)
            .map_err(|error| Failure::Other(error.to_string()))?;
        let mut entries = Vec::with_capacity(imported.len());
        let mut places = Vec::with_capacity(imported.len());
        for (entry, admission) in imported.iter().zip(admissions) {
            match admission {
                Ok(sealed) => {
                    entries.push(sealed);
                    places.push(entry.place.as_str());
                }
                Err(violations) => {
                    let reasons: Vec<_> = violations.iter().map(ToString::to_string).collect();
                    self.refuse(&format!("{}: {}", entry.place, reasons.join("; ")));
                }
            }
        }
        let append = Append { site: self.site.clone(), entries, atomic: false, change: None };
        let outcomes = self.indelible.journal().append_blocking(append)?;
        for (place, outcome) in places.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Appended(_) => self.counts.new += 1,
                Outcome::Known(_) => self.counts.known += 1,
                Outcome::Refused(violation) => self.refuse(&format!("{place}: {violation}")),
            }
        }
        self.progress.inc(u64::try_from(imported.len()).unwrap_or_default());
        Ok(())
    }

    fn refuse(&mut self, reason: &str) {
        self.counts.refused += 1;
        if self.counts.refused <= REFUSALS_SHOWN {
            self.progress.suspend(|| output::message(&format!("refused {reason}")));
        }
    }

    fn finish(self) -> ExitCode {
        self.progress.finish_and_clear();
        let Counts { new, known, refused } = self.counts;
        if refused > REFUSALS_SHOWN {
            output::message(&format!("… and {} more refused", refused - REFUSALS_SHOWN));
        }
        output::message(&format!(
            "{new} appended to `{}`, {known} there already, {refused} refused",
            self.site.id
        ));
        if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::export::{self, Writer, samples};

    /// What the door makes of an exported line is what was exported: the id and everything the sender said.
    #[test]
    fn an_export_is_read_back() {
        for exported in [samples::full(), samples::minimal()] {
            let mut line = Vec::new();
            Writer::new(export::Format::Ndjson).entry(&exported, &samples::hash(), &mut line);
            let namespace = Namespace::of_site(Format::Ndjson, "another");
            let read = connect::read(Format::Ndjson, namespace, line.as_slice()).next().unwrap().unwrap();
            let draft = model::parse(read.json.as_bytes()).unwrap();
            let text = |raw: &Option<Box<RawValue>>| raw.as_deref().map(|raw| raw.get().to_owned());
            assert_eq!(draft.id, Some(exported.id));
            assert_eq!(draft.occurred_at, Some(exported.occurred_at));
            assert_eq!(Some(draft.actor), exported.actor);
            assert_eq!(draft.action, exported.action);
            assert_eq!((draft.kind, draft.outcome), (exported.kind, exported.outcome));
            assert_eq!(Some(draft.entity), exported.entity);
            assert_eq!((draft.summary, draft.reason), (exported.summary, exported.reason));
            assert_eq!(text(&draft.before), text(&exported.before));
            assert_eq!(text(&draft.after), text(&exported.after));
            assert_eq!(text(&draft.data), text(&exported.data));
            assert_eq!(draft.origin, exported.origin);
            assert_eq!(draft.correlation_id, exported.correlation_id);
            assert_eq!((draft.connector, draft.duration_ms), (exported.connector, exported.duration_ms));
            assert_eq!(draft.errors, exported.errors);
        }
    }

    /// The largest entries become longer lines than a sender may write: the names of the fields are in there twice.
    #[test]
    fn the_largest_export_is_read_back() {
        let names = (0..1000).map(|number| format!("\"{number}{}\":0", "n".repeat(1000)));
        let state = format!("{{{}}}", names.collect::<Vec<_>>().join(","));
        let exported = model::Entry {
            before: Some(samples::raw(&state)),
            after: Some(samples::raw("{}")),
            ..samples::minimal()
        };
        let mut line = Vec::new();
        Writer::new(export::Format::Ndjson).entry(&exported, &samples::hash(), &mut line);
        assert!(line.len() > 3 * model::limits::ENTRY_BYTES_MAX / 2);
        let namespace = Namespace::of_site(Format::Ndjson, "another");
        let read = connect::read(Format::Ndjson, namespace, line.as_slice()).next().unwrap().unwrap();
        let draft = model::parse(read.json.as_bytes()).unwrap();
        assert_eq!(draft.before.unwrap().get(), state);
    }
}
