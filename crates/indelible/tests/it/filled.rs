//! An installation with entries in it, closed, so that its files can be looked into and changed.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use indelible::access::Caller;
use indelible::journal::{Append, Outcome, Receipt, admit_all};
use indelible::store::Site;
use indelible::{Indelible, OpenOptions};
use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

/// A closed installation, and what is known of its entries.
pub(crate) struct Filled {
    pub(crate) directory: TempDir,
    /// Id, index and leaf hash of every entry, by site.
    pub(crate) receipts: HashMap<String, Vec<Receipt>>,
}

/// The site with several blocks: 0–127, 128–255, 256–299, 300–383, 384–511, 512–599, 600–639, 640–699.
pub(crate) const SITE: &str = "acme.www";
/// The other one, with two blocks and a bit.
pub(crate) const OTHER: &str = "acme.docs";

impl Filled {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let indelible = Indelible::open(directory.path(), &OpenOptions::default()).unwrap();
        let mut receipts = HashMap::new();
        for (site, runs) in [(SITE, &[300, 300, 100][..]), (OTHER, &[260])] {
            let site = create_site(&indelible, site);
            let mut all = Vec::new();
            for count in runs {
                all.extend(append(&indelible, &site, all.len()..all.len() + count));
            }
            receipts.insert(site.id.to_string(), all);
        }
        drop(indelible);
        let filled = Self { directory, receipts };
        for file in [filled.data_file(), filled.head_file()] {
            fold(&file);
        }
        filled
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn data_file(&self) -> PathBuf {
        data_file(self.path())
    }

    pub(crate) fn head_file(&self) -> PathBuf {
        head_file(self.path())
    }

    /// A copy to be damaged.
    pub(crate) fn copy(&self) -> TempDir {
        let copy = tempfile::tempdir().unwrap();
        copy_directory(self.path(), copy.path());
        copy
    }
}

pub(crate) fn data_file(directory: &Path) -> PathBuf {
    directory.join("indelible.sqlite")
}

pub(crate) fn head_file(directory: &Path) -> PathBuf {
    directory.join("head/heads.sqlite")
}

pub(crate) fn create_site(indelible: &Indelible, id: &str) -> Site {
    indelible.create_site(id.parse().unwrap(), id, &Caller::local("test")).unwrap()
}

/// Appends one entry for each number.
pub(crate) fn append(indelible: &Indelible, site: &Site, numbers: std::ops::Range<usize>) -> Vec<Receipt> {
    let texts: Vec<String> = numbers.map(|number| text(site.id.as_str(), number)).collect();
    let admissions =
        admit_all(texts.iter().map(String::as_bytes), "test", None, &indelible::settings::Rules::default())
            .unwrap();
    let entries = admissions.into_iter().map(Result::unwrap).collect();
    let append = Append { site: site.clone(), entries, atomic: false, change: None };
    let outcomes = indelible.journal().append_blocking(append).unwrap();
    let receipt = |outcome| match outcome {
        Outcome::Appended(receipt) => receipt,
        other @ (Outcome::Known(_) | Outcome::Refused(_)) => panic!("not appended: {other:?}"),
    };
    outcomes.into_iter().map(receipt).collect()
}

/// Entry number `number` of a site, with an id of its own and a minute between two.
pub(crate) fn text(site: &str, number: usize) -> String {
    let id = id_of(site, number);
    let (hour, minute) = (number / 60 % 24, number % 60);
    let day = 1 + number / 1440;
    format!(
        r#"{{"id":"{id}","occurred_at":"2026-11-{day:02}T{hour:02}:{minute:02}:00Z","action":"page.update",
        "actor":{{"type":"user","id":"{}","name":"Ana"}},
        "entity":{{"type":"page","id":"{}","title":"Page {number}"}},
        "before":{{"body":"before {number}"}},"after":{{"body":"after {number}"}}}}"#,
        number % 7,
        number % 50
    )
}

pub(crate) fn id_of(site: &str, number: usize) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{site} {number}").as_bytes())
}

/// Copies a directory that no process has open.
pub(crate) fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for found in fs::read_dir(from).unwrap() {
        let found = found.unwrap();
        let target = to.join(found.file_name());
        if found.file_type().unwrap().is_dir() {
            copy_directory(&found.path(), &target);
        } else {
            fs::copy(found.path(), target).unwrap();
        }
    }
}

/// Folds a database's write-ahead log into its file, waiting for whoever is just closing it.
pub(crate) fn fold(file: &Path) {
    let connection = Connection::open(file).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection.pragma_update(None, "wal_checkpoint", "truncate").unwrap();
}
