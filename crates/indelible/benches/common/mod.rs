//! What the benchmarks share: an installation with one site, and entries in it.

#![allow(dead_code, reason = "each benchmark uses its part")]

use std::error::Error;
use std::path::Path;

use indelible::access::Caller;
use indelible::journal::{Append, admit_all};
use indelible::settings::Rules;
use indelible::store::Site;
use indelible::{Indelible, OpenOptions};
use model::SiteId;
use tempfile::TempDir;

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Entries of one append.
pub(crate) const ENTRIES_AT_ONCE: u64 = 1_000;

/// An open installation with one site, which is gone when this is.
pub(crate) struct Installation {
    pub(crate) indelible: Indelible,
    pub(crate) site: Site,
    directory: TempDir,
}

impl Installation {
    pub(crate) fn new() -> Outcome<Self> {
        Self::open(tempfile::tempdir()?, &OpenOptions::default(), "acme.www")
    }

    pub(crate) fn open(directory: TempDir, options: &OpenOptions, site: &str) -> Outcome<Self> {
        let indelible = Indelible::open(directory.path(), options)?;
        let id: SiteId = site.parse()?;
        let site = indelible.create_site(id, "Acme", &Caller::local("bench"))?;
        Ok(Self { indelible, site, directory })
    }

    /// Closes it and opens it again, in another way.
    pub(crate) fn reopen(&mut self, options: &OpenOptions) -> Outcome<()> {
        self.indelible = Indelible::open(self.directory.path(), options)?;
        Ok(())
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Appends entries, none of which may be refused.
    pub(crate) fn append(&self, texts: &[String]) -> Outcome<()> {
        let admissions = admit_all(texts.iter().map(String::as_bytes), "bench", None, &Rules::default())?;
        let entries =
            admissions.into_iter().collect::<Result<Vec<_>, _>>().map_err(|error| format!("{error:?}"))?;
        let append = Append { site: self.site.clone(), entries, atomic: true, change: None };
        self.indelible.journal().append_blocking(append)?;
        Ok(())
    }

    /// Appends entry after entry, as many at once as usual.
    pub(crate) fn fill(&self, entries: u64, mut entry: impl FnMut(u64) -> Outcome<String>) -> Outcome<()> {
        for first in (0..entries).step_by(usize::try_from(ENTRIES_AT_ONCE)?) {
            let texts = (first..entries.min(first + ENTRIES_AT_ONCE)).map(&mut entry);
            self.append(&texts.collect::<Outcome<Vec<_>>>()?)?;
        }
        Ok(())
    }
}

/// How many entries are asked for by `--entries`; `None` where nothing is to be measured, because
/// `cargo test --all-targets` runs benchmarks too.
pub(crate) fn entries_asked(default: u64) -> Outcome<Option<u64>> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return Ok(None);
    }
    let given = arguments.iter().position(|argument| argument == "--entries");
    let count = given.and_then(|place| arguments.get(place + 1));
    Ok(Some(count.map_or(Ok(default), |count| count.parse())?))
}
