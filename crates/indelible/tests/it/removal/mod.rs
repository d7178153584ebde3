//! Retention and erasure: what is removed is gone from every file, what is left verifies, and nothing goes missing unnoticed.

mod begun;
mod expired;
mod gone;
mod refused;

use std::time::Duration;

use indelible::access::Caller;
use indelible::jobs::{SiteReport, verify_site};
use indelible::journal::{Append, Outcome, Receipt, admit_all};
use indelible::removal::{Expiring, RemovalError, Wanted, erase, expire};
use indelible::settings::Rules;
use indelible::store::Site;
use indelible::{Indelible, OpenOptions};
use jiff::{SignedDuration, Timestamp};
use model::SectionName;
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;

use crate::filled::data_file;

const PATIENCE: Duration = Duration::from_mins(1);

/// An open installation with one site.
struct Opened {
    indelible: Indelible,
    site: Site,
    directory: TempDir,
}

fn caller() -> Caller {
    Caller::local("test")
}

impl Opened {
    fn new(options: &OpenOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let indelible = Indelible::open(directory.path(), options).unwrap();
        let site = indelible.create_site("acme.www".parse().unwrap(), "Acme", &caller()).unwrap();
        Self { indelible, site, directory }
    }

    /// Without a search index, for what is not about it.
    fn quick() -> Self {
        Self::new(&OpenOptions { without_indexing: true, ..OpenOptions::default() })
    }

    fn append(&self, texts: &[String]) -> Vec<Receipt> {
        let texts = texts.iter().map(String::as_bytes);
        let entries = admit_all(texts, "test", None, &Rules::default()).unwrap();
        let entries = entries.into_iter().map(Result::unwrap).collect();
        let append = Append { site: self.site.clone(), entries, atomic: true, change: None };
        let outcomes = self.indelible.journal().append_blocking(append).unwrap();
        let receipt = |outcome| match outcome {
            Outcome::Appended(receipt) => receipt,
            other @ (Outcome::Known(_) | Outcome::Refused(_)) => panic!("{other:?}"),
        };
        outcomes.into_iter().map(receipt).collect()
    }

    fn set(&self, settings: &serde_json::Value) {
        self.indelible.change_settings(&self.site, settings.as_object().unwrap(), &caller()).unwrap();
    }

    fn erase(&self, index: u64, sections: &[SectionName]) -> Result<uuid::Uuid, RemovalError> {
        let wanted = [Wanted { index, sections: sections.to_vec() }];
        erase(&self.indelible, &self.site, &wanted, "request 7", &caller())
    }

    fn expire(&self, now: Timestamp) -> Expiring {
        expire(&self.indelible, &self.site, false, now, &caller()).unwrap().expiring
    }

    fn would_expire(&self, now: Timestamp) -> Expiring {
        expire(&self.indelible, &self.site, true, now, &caller()).unwrap().expiring
    }

    #[track_caller]
    fn verified(&self) -> SiteReport {
        let report = verify_site(&self.indelible, &self.site, &|_| ()).unwrap();
        assert_eq!(report.findings, []);
        report
    }

    fn findings(&self) -> Vec<String> {
        let report = verify_site(&self.indelible, &self.site, &|_| ()).unwrap();
        let line = |finding: indelible::jobs::Finding| format!("{:?}: {}", finding.entries, finding.what);
        report.findings.into_iter().map(line).collect()
    }

    fn data(&self) -> Connection {
        Connection::open(data_file(self.directory.path())).unwrap()
    }

    fn stored(&self, index: u64) -> Vec<u8> {
        self.indelible.store().entries(self.site.log, index..index + 1).unwrap().remove(0)
    }

    fn count_of(&self, query: &str) -> u64 {
        let filter = model::Filter::parse(query).unwrap();
        let question = indelible::search::Question {
            sites: std::slice::from_ref(&self.site),
            filter: &filter,
            order: model::Order::NEWEST_FIRST,
            cursor: None,
            limit: 1000,
            patience: PATIENCE,
        };
        let count = self.indelible.search().count(&question).unwrap();
        let page = self.indelible.search().page(&question).unwrap();
        assert_eq!(u64::try_from(page.entries.len()).unwrap(), count.min(1000), "{query}");
        count
    }
}

fn ago(days: i64) -> Timestamp {
    indelible::clock::now() - SignedDuration::from_hours(24 * days)
}

fn entry(number: usize, occurred_at: Timestamp) -> String {
    json!({
        "action": "page.update",
        "occurred_at": occurred_at,
        "actor": {"type": "user", "id": format!("u{}", number % 7), "name": format!("Person {number}")},
        "entity": {"type": "page", "id": format!("p{}", number % 11), "title": format!("Title {number}")},
        "origin": {"ip": format!("10.{}.{}.9", number / 250, number % 250), "user_agent": "Lynx"},
        "before": {"text": format!("before {number}")},
        "after": {"text": format!("after {number}")},
        "summary": format!("Changed {number}"),
    })
    .to_string()
}

fn entries(count: usize, occurred_at: Timestamp) -> Vec<String> {
    (0..count).map(|number| entry(number, occurred_at)).collect()
}
