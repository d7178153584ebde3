//! Retention and erasure: what is removed is gone from every file, what is left verifies, and nothing goes missing unnoticed.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use indelible::access::Caller;
use indelible::auditor::verify_receipt;
use indelible::jobs::{SiteReport, verify_site};
use indelible::journal::{Append, Outcome, Receipt, admit_all};
use indelible::removal::{
    self, Expiring, PolicySource, RemovalError, Verdict, Wanted, erase, expire, outlook, resume, verdict,
};
use indelible::settings::Rules;
use indelible::store::{Content, Reduction, Removal, Site, StoreError, Walk};
use indelible::{Indelible, OpenOptions, receipts};
use jiff::{SignedDuration, Timestamp};
use model::{Retention, SectionName, StoredEntry};
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

/// Every file of the installation, with its bytes.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    // Only places with the first byte are compared: the files are large.
    let first = part[0];
    let mut rest = bytes;
    while let Some(place) = rest.iter().position(|byte| *byte == first) {
        rest = &rest[place..];
        if rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// The shards of the search index: the beginning of their files' names, and how many entries they have.
fn shards(directory: &Path) -> Vec<(String, u64)> {
    let meta = fs::read(directory.join("index/meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_slice(&meta).unwrap();
    let shard = |segment: &serde_json::Value| {
        let id = segment["segment_id"].as_str().unwrap().replace('-', "");
        (id, segment["max_doc"].as_u64().unwrap())
    };
    meta["segments"].as_array().unwrap().iter().map(shard).collect()
}

/// None of these shards' files is left, nor one of no shard.
fn no_old_shards(directory: &Path, before: &[(String, u64)]) {
    let after = shards(directory);
    let all = files(directory);
    for (shard, entries) in before.iter().filter(|(_, entries)| *entries > 50) {
        let is_left = all.iter().any(|(name, _)| name.contains(shard.as_str()));
        assert!(!is_left, "the shard {shard} with {entries} entries was written before the erasure");
    }
    let is_column = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "fast");
    for (name, _) in all.iter().filter(|(name, _)| name.contains("/index/") && is_column(name)) {
        assert!(after.iter().any(|(shard, _)| name.contains(shard.as_str())), "{name} is of no shard");
    }
}

/// What stays of an erased address: the leaf, and in it a commitment of which nobody can test a guess. Not the address,
/// not its salt, not the secret that the salt came from, not the old packed block, in no file.
#[test]
fn of_an_erased_address_no_file_has_a_byte_but_its_commitment() {
    let opened = Opened::new(&OpenOptions::default());
    // Values that nothing else in the files looks like.
    let marked = |number: usize| {
        let fill =
            format!("{:x}", 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::try_from(number).unwrap() + 1));
        json!({
            "action": "page.update",
            "actor": {"type": "user", "name": format!("Quirin {number} {fill}")},
            "entity": {"type": "page", "id": number.to_string()},
            "origin": {"ip": format!("2001:db8:{number:x}::abcd"), "user_agent": format!("Zyx/{number} {fill}")},
        })
        .to_string()
    };
    let texts: Vec<String> = (0..300).map(marked).collect();
    opened.append(&texts[..200]);
    assert!(opened.indelible.search().catch_up(PATIENCE).unwrap());
    opened.append(&texts[200..]);
    assert!(opened.indelible.search().catch_up(PATIENCE).unwrap());

    let secret_and_salt = |index: u64| {
        let bytes = opened.stored(index);
        let salt = StoredEntry::decode(&bytes).unwrap().salt_of(SectionName::Origin).unwrap();
        (bytes[27..59].to_vec(), salt.to_vec())
    };
    let erased = [7_u64, 150, 250];
    let secrets: Vec<_> = erased.iter().map(|index| secret_and_salt(*index)).collect();
    let old: Vec<u8> = opened
        .data()
        .query_row("SELECT content FROM block WHERE log = 1 AND first = 0", [], |row| row.get(0))
        .unwrap();
    // The index packs what it has in its own way. Those with a few entries are of the system's log.
    let before = shards(opened.directory.path());
    assert!(before.iter().any(|(_, entries)| *entries > 50));

    assert!(
        files(opened.directory.path()).iter().any(|(_, bytes)| has(bytes, &old[100..132])),
        "in the database"
    );

    for index in erased {
        opened.erase(index, &[SectionName::Origin, SectionName::Actor]).unwrap();
    }
    assert!(opened.indelible.search().follow_removals(PATIENCE).unwrap());

    let new: Vec<u8> = opened
        .data()
        .query_row("SELECT content FROM block WHERE log = 1 AND first = 0", [], |row| row.get(0))
        .unwrap();
    let all = files(opened.directory.path());
    no_old_shards(opened.directory.path(), &before);
    for (index, (secret, salt)) in erased.iter().zip(&secrets) {
        let address = format!("2001:db8:{index:x}::abcd");
        for (name, bytes) in &all {
            assert!(!has(bytes, address.as_bytes()), "{name} has {address}");
            assert!(!has(bytes, format!("Zyx/{index} ").as_bytes()), "{name}");
            assert!(!has(bytes, format!("Quirin {index} ").as_bytes()), "{name}");
            assert!(!has(bytes, secret), "{name} has the secret");
            assert!(!has(bytes, salt), "{name} has the salt");
        }
    }
    // The old packed block would unpack to all of it.
    for (place, piece) in
        old.chunks(32).enumerate().filter(|(_, piece)| piece.len() == 32 && !has(&new, piece))
    {
        for (name, bytes) in &all {
            assert!(!has(bytes, piece), "{name} has the old block's bytes from {}", place * 32);
        }
    }
    // What remains of the entry.
    let bytes = opened.stored(7);
    let left = StoredEntry::decode(&bytes).unwrap();
    assert_eq!(left.erased().collect::<Vec<_>>(), [SectionName::Actor, SectionName::Origin]);
    let names: Vec<SectionName> = left.sections().map(|(name, _)| name).collect();
    assert_eq!(names, [SectionName::Entity, SectionName::Source]);
    assert_eq!(opened.verified().erased, 3);
}

/// A number from 0 below a bound, the same in every run.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

#[test]
fn after_a_thousand_erasures_and_a_retention_run_everything_saved_verifies() {
    let opened = Opened::quick();
    let old = ago(400);
    for part in 0..4 {
        opened.append(&entries(300, if part < 2 { old } else { ago(3) }));
    }
    let size = opened.indelible.published().size(opened.site.log).unwrap();
    let indexes: Vec<u64> = (0..size).collect();
    let saved = receipts::newest(&opened.indelible, &opened.site, &indexes).unwrap();
    let key = opened.indelible.keys().verifier_key(&opened.site.id).unwrap();
    let hashes: Vec<_> = indexes
        .iter()
        .map(|index| tlog::leaf_hash(&StoredEntry::decode(&opened.stored(*index)).unwrap().leaf().to_bytes()))
        .collect();

    let removable = &SectionName::ALL[..5];
    let (mut state, mut done) = (7, 0);
    let mut gone: BTreeSet<(u64, SectionName)> = BTreeSet::new();
    while done < 1000 {
        let mut wanted: Vec<Wanted> = Vec::new();
        while wanted.len() < 50 {
            let index = random(&mut state, size);
            let section = removable[usize::try_from(random(&mut state, 5)).unwrap()];
            if !gone.contains(&(index, section)) && !wanted.iter().any(|other| other.index == index) {
                gone.insert((index, section));
                wanted.push(Wanted { index, sections: vec![section] });
            }
        }
        done += wanted.len();
        erase(&opened.indelible, &opened.site, &wanted, "request 7", &caller()).unwrap();
    }
    let erased_entries: BTreeSet<u64> = gone.iter().map(|(index, _)| *index).collect();
    let report = opened.verified();
    assert_eq!((report.erased, report.expired), (u64::try_from(erased_entries.len()).unwrap(), 0));

    let Expiring::Entries(expiry) = opened.expire(indelible::clock::now()) else { panic!("nothing expired") };
    assert_eq!((expiry.first, expiry.last, expiry.count), (0, 599, 600));
    let report = opened.verified();
    let still = erased_entries.iter().filter(|index| **index >= 600).count();
    assert_eq!((report.erased, report.expired), (u64::try_from(still).unwrap(), 600));

    for ((index, receipt), hash) in indexes.iter().zip(&saved).zip(&hashes) {
        let now = tlog::leaf_hash(&StoredEntry::decode(&opened.stored(*index)).unwrap().leaf().to_bytes());
        assert_eq!(now, *hash, "{index}");
        assert_eq!(verify_receipt(receipt, &now, &key, None).unwrap().index, *index);
        let fresh = receipts::receipt(&opened.indelible, &opened.site, *index).unwrap();
        verify_receipt(&fresh, &now, &key, None).unwrap();
        match verdict(&opened.indelible, &opened.site, *index).unwrap() {
            Verdict::Expired(because, policy) => {
                assert!(*index < 600 && because.index >= size);
                assert_eq!(policy.retention_days, Retention::Days(365));
            }
            Verdict::Erased(sections) => {
                assert!(*index >= 600);
                assert!(sections.iter().all(|(section, _)| gone.contains(&(*index, *section))));
            }
            Verdict::Present => assert!(!erased_entries.contains(index)),
            Verdict::Missing(sections) => panic!("{index}: {sections:?}"),
        }
    }
    // A log that was reduced still grows and opens.
    opened.append(&entries(300, ago(1)));
    let Opened { indelible, site, directory } = opened;
    drop(indelible);
    let options = OpenOptions { without_indexing: true, ..OpenOptions::default() };
    let indelible = Indelible::open(directory.path(), &options).unwrap();
    assert_eq!(verify_site(&indelible, &site, &|_| ()).unwrap().findings, []);
}

#[test]
fn searches_find_what_is_left_and_nothing_else() {
    let opened = Opened::new(&OpenOptions::default());
    opened.append(&entries(400, ago(400)));
    opened.append(&entries(400, ago(3)));
    assert!(opened.indelible.search().catch_up(PATIENCE).unwrap());
    assert_eq!(opened.count_of("ip:10.0.7.9"), 2);
    opened.erase(407, &[SectionName::Origin]).unwrap();
    // At once, whether the index has followed or not.
    assert_eq!(opened.count_of("ip:10.0.7.9"), 1);
    assert_eq!(opened.count_of("actor:\"Person 7\""), 2);
    assert!(opened.indelible.search().follow_removals(PATIENCE).unwrap());
    assert_eq!(opened.count_of("ip:10.0.7.9"), 1);
    assert_eq!(opened.count_of("\"person 7\" kind:update"), 2);
    assert_eq!(opened.count_of(""), 801, "800 and the one that tells of the erasure");

    assert!(matches!(opened.expire(indelible::clock::now()), Expiring::Entries(_)));
    for _ in 0..2 {
        assert_eq!(opened.count_of("action:page.update created<2026-01-01"), 0);
        let newest = model::Filter::parse("entity.type:page").unwrap();
        let question = |order, cursor| indelible::search::Question {
            sites: std::slice::from_ref(&opened.site),
            filter: &newest,
            order,
            cursor,
            limit: 150,
            patience: PATIENCE,
        };
        for order in [model::Order::NEWEST_FIRST, model::Order::OLDEST_FIRST] {
            let (mut cursor, mut seen) = (None, Vec::new());
            loop {
                let page = opened.indelible.search().page(&question(order, cursor)).unwrap();
                seen.extend(page.entries.iter().map(|entry| entry.index));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, (400..800).collect::<Vec<_>>());
        }
        assert!(opened.indelible.search().follow_removals(PATIENCE).unwrap());
    }
    assert_eq!(opened.count_of("kind:update entity.type:page"), 400);
    // Blocks without anything to show are walked by index only.
    let walked = |walk| {
        let blocks = opened.indelible.store().blocks(opened.site.log, walk, None, 100).unwrap();
        blocks
            .into_iter()
            .filter(|block| block.content == Content::Entries)
            .map(|block| block.count)
            .sum::<u64>()
    };
    assert_eq!(walked(Walk::OldestFirst), walked(Walk::ByIndex));
    assert!(walked(Walk::OldestFirst) < 802);
}

#[test]
fn an_erasure_that_a_crash_cut_short_is_completed_later() {
    let opened = Opened::quick();
    opened.append(&entries(20, ago(1)));
    // The disk fails between the entry and the removal.
    opened
        .data()
        .execute_batch("CREATE TRIGGER fails BEFORE UPDATE ON block BEGIN SELECT RAISE(ABORT, 'crash'); END")
        .unwrap();
    opened.erase(7, &[SectionName::Origin]).unwrap_err();
    assert_eq!(StoredEntry::decode(&opened.stored(7)).unwrap().erased().count(), 0);
    assert_eq!(opened.verified().entries, 21, "the entry that tells of it is there, and so is the content");
    let Opened { indelible, site, directory } = opened;
    drop(indelible);
    let data = Connection::open(data_file(directory.path())).unwrap();
    data.execute_batch("DROP TRIGGER fails").unwrap();
    let options = OpenOptions { without_indexing: true, ..OpenOptions::default() };
    let indelible = Indelible::open(directory.path(), &options).unwrap();
    assert_eq!(resume(&indelible).unwrap(), removal::Resumed { done: 1, held: 0 });
    assert_eq!(resume(&indelible).unwrap(), removal::Resumed::default(), "once");
    let opened = Opened { indelible, site, directory };
    assert_eq!(opened.verified().erased, 1);
    assert!(matches!(verdict(&opened.indelible, &opened.site, 7).unwrap(), Verdict::Erased(_)));
    assert_eq!(
        opened
            .data()
            .query_row("SELECT COUNT(*) FROM configuration WHERE name LIKE 'removal/%'", [], |row| row
                .get::<_, i64>(0))
            .unwrap(),
        0
    );
}

#[test]
fn a_hold_blocks_both_ways_and_what_was_begun_waits_for_it() {
    let opened = Opened::quick();
    opened.append(&entries(20, ago(400)));
    opened.set(&json!({"hold": true}));
    assert!(matches!(opened.erase(7, &[SectionName::Origin]), Err(RemovalError::Held)));
    assert_eq!(opened.expire(indelible::clock::now()), Expiring::Held);
    assert_eq!(opened.would_expire(indelible::clock::now()), Expiring::Held);
    assert!(outlook(&opened.indelible, &opened.site, indelible::clock::now(), PATIENCE).unwrap().held);
    assert_eq!(opened.verified().expired, 0);
    // An expiry is cut short, and then a hold is set.
    opened.set(&json!({"hold": false}));
    let fail = "CREATE TRIGGER fails BEFORE UPDATE ON block BEGIN SELECT RAISE(ABORT, 'crash'); END";
    opened.data().execute_batch(fail).unwrap();
    expire(&opened.indelible, &opened.site, false, indelible::clock::now(), &caller()).unwrap_err();
    opened.data().execute_batch("DROP TRIGGER fails").unwrap();
    opened.set(&json!({"hold": true}));
    assert_eq!(resume(&opened.indelible).unwrap(), removal::Resumed { done: 0, held: 1 });
    assert_eq!(opened.verified().expired, 0);
    opened.set(&json!({"hold": false}));
    assert_eq!(resume(&opened.indelible).unwrap(), removal::Resumed { done: 1, held: 0 });
    assert_eq!(opened.verified().expired, 20);
    // Had the retention become longer meanwhile, nothing would have gone: see the next test.
}

#[test]
fn a_longer_retention_goes_before_an_expiry_that_was_begun() {
    let opened = Opened::quick();
    opened.append(&entries(20, ago(400)));
    let fail = "CREATE TRIGGER fails BEFORE UPDATE ON block BEGIN SELECT RAISE(ABORT, 'crash'); END";
    opened.data().execute_batch(fail).unwrap();
    expire(&opened.indelible, &opened.site, false, indelible::clock::now(), &caller()).unwrap_err();
    opened.data().execute_batch("DROP TRIGGER fails").unwrap();
    opened.set(&json!({"audit_log_retention_days": "forever"}));
    assert_eq!(resume(&opened.indelible).unwrap(), removal::Resumed { done: 1, held: 0 });
    assert_eq!(opened.verified().expired, 0);
    assert!(matches!(verdict(&opened.indelible, &opened.site, 7).unwrap(), Verdict::Present));
}

#[test]
fn a_lowered_retention_waits_for_a_day_and_the_default_too() {
    let opened = Opened::quick();
    opened.append(&entries(20, ago(40)));
    opened.set(&json!({"audit_log_retention_days": 30}));
    let (soon, next_day) = (
        indelible::clock::now() + SignedDuration::from_hours(23),
        indelible::clock::now() + SignedDuration::from_hours(25),
    );
    assert_eq!(opened.would_expire(soon), Expiring::Nothing);
    assert!(matches!(opened.would_expire(next_day), Expiring::Entries(expiry) if expiry.count == 20));
    assert_eq!(opened.expire(indelible::clock::now()), Expiring::Nothing);
    // Back to the default: nothing is old enough for it.
    opened.set(&json!({"audit_log_retention_days": null}));
    assert_eq!(opened.would_expire(next_day), Expiring::Nothing);

    // The default that this process was given is taken up by a run, and a lower one waits as well.
    removal::expire_all(&opened.indelible, false, indelible::clock::now(), &caller()).unwrap();
    let Opened { indelible, site, directory } = opened;
    drop(indelible);
    let lower =
        OpenOptions { without_indexing: true, retention: Retention::Days(10), ..OpenOptions::default() };
    let indelible = Indelible::open(directory.path(), &lower).unwrap();
    let opened = Opened { indelible, site, directory };
    let now = indelible::clock::now();
    assert_eq!(opened.indelible.retention(now).unwrap(), Retention::Days(365), "no run has taken it up");
    let system: Vec<_> = removal::expire_all(&opened.indelible, true, now, &caller()).unwrap();
    assert!(
        system.iter().all(|ran| ran.policy.retention_days == Retention::Days(365)),
        "a dry run takes nothing up"
    );
    removal::expire_all(&opened.indelible, false, now, &caller()).unwrap();
    assert_eq!(opened.verified().expired, 0);
    assert_eq!(opened.indelible.retention(now).unwrap(), Retention::Days(365));
    assert_eq!(opened.indelible.retention(next_day).unwrap(), Retention::Days(10));
    let ran = removal::expire_all(&opened.indelible, true, next_day, &caller()).unwrap();
    assert!(ran.iter().all(|ran| ran.policy.source == PolicySource::System));
    assert!(
        ran.iter().any(|ran| ran.site.id.is_system() && ran.policy.retention_days == Retention::Days(10))
    );
    assert!(matches!(opened.would_expire(next_day), Expiring::Entries(expiry) if expiry.count == 20));
}

#[test]
fn what_expired_by_its_claimed_time_keeps_that_until_the_recorded_one_shows_it() {
    let opened = Opened::quick();
    opened.append(&entries(5, ago(400)));
    assert!(matches!(opened.expire(indelible::clock::now()), Expiring::Entries(expiry) if expiry.count == 5));
    let left = |index| {
        StoredEntry::decode(&opened.stored(index))
            .unwrap()
            .sections()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(left(3), [SectionName::Source]);
    assert_eq!(opened.expire(indelible::clock::now()), Expiring::Nothing, "once is enough");
    assert_eq!(opened.verified().expired, 5);
    // With a clock that runs ahead all goes, but for what tells of removals; and it shows.
    let ahead = indelible::clock::now() + SignedDuration::from_hours(24 * 366);
    assert!(matches!(opened.expire(ahead), Expiring::Entries(expiry) if expiry.count == 5));
    assert!(StoredEntry::decode(&opened.stored(3)).unwrap().sections().next().is_none());
    let findings = opened.findings();
    assert!(
        findings.iter().any(|line| line.contains("it tells of an expiry of what is older than")),
        "{findings:?}"
    );
    assert!(findings.iter().any(|line| line.starts_with("Some(0..5): MISSING")), "{findings:?}");
    assert!(!StoredEntry::decode(&opened.stored(5)).unwrap().is_expired(), "what tells of an expiry is kept");
}

/// Whoever can write to the files can take content away, and even keep the leaf: it shows all the same.
#[test]
fn content_that_is_gone_without_an_entry_is_missing() {
    let opened = Opened::quick();
    opened.append(&entries(20, ago(400)));
    opened.erase(3, &[SectionName::Origin]).unwrap();
    let forge = |index: usize, new: &dyn Fn(&StoredEntry<'_>) -> Vec<u8>| {
        let data = opened.data();
        let content: Vec<u8> = data
            .query_row("SELECT content FROM block WHERE log = 1 AND first = 0", [], |row| row.get(0))
            .unwrap();
        let plain = zstd::decode_all(content.as_slice()).unwrap();
        let (mut packed, mut rest, mut place) = (Vec::new(), plain.as_slice(), 0);
        while let Some((length, others)) = rest.split_first_chunk::<4>() {
            let (bytes, others) = others.split_at(usize::try_from(u32::from_le_bytes(*length)).unwrap());
            let bytes =
                if place == index { new(&StoredEntry::decode(bytes).unwrap()) } else { bytes.to_vec() };
            packed.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            packed.extend(bytes);
            rest = others;
            place += 1;
        }
        let packed = zstd::encode_all(packed.as_slice(), 1).unwrap();
        data.execute("UPDATE block SET content = ?1 WHERE log = 1 AND first = 0", [packed]).unwrap();
    };
    forge(3, &|entry| entry.without(&[SectionName::Actor]));
    forge(5, &|entry| entry.without(&[SectionName::Change]));
    forge(9, &|entry| entry.expired(true));
    let findings = opened.findings();
    assert_eq!(findings.len(), 3, "{findings:?}");
    assert!(findings[0].starts_with("Some(3..4): MISSING") && findings[0].ends_with("actor"), "{findings:?}");
    assert!(
        findings[1].starts_with("Some(5..6): MISSING") && findings[1].ends_with("change"),
        "{findings:?}"
    );
    assert!(findings[2].starts_with("Some(9..10): MISSING"), "{findings:?}");
    for index in [3, 5, 9] {
        assert!(
            matches!(verdict(&opened.indelible, &opened.site, index).unwrap(), Verdict::Missing(_)),
            "{index}"
        );
    }
    // A later expiry tells of what was there to expire; what was taken away before is among it by then.
    assert!(
        matches!(opened.expire(indelible::clock::now()), Expiring::Entries(expiry) if expiry.count == 19)
    );
}

/// The store looks after itself, whoever asks.
#[test]
fn a_store_removes_nothing_without_a_reason_and_nothing_that_is_damaged() {
    let opened = Opened::quick();
    opened.append(&entries(20, ago(400)));
    opened.erase(3, &[SectionName::Origin]).unwrap();
    let store = opened.indelible.store();
    let log = opened.site.log;
    let sections = || Reduction::Sections(vec![SectionName::Actor]);
    let expired = || Reduction::Expired { keeps_source: false };
    for (reason, index, reduction, words) in [
        (2, 4, sections(), "does not tell of such a removal"),
        (999, 4, sections(), "is not published"),
        (20, 4, expired(), "does not tell of such a removal"),
        (20, 999, sections(), "no entry 999"),
        (20, 20, sections(), "is kept"),
    ] {
        let removal = Removal { log, reason, entries: vec![(4, reduction.clone()), (index, reduction)] };
        let error = store.remove(&removal).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(opened.verified().erased, 1, "all of it or nothing");
    // An entry that is not what was signed stays, so that it is found.
    opened
        .data()
        .execute("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE log = 1 AND level = 0", [])
        .unwrap();
    let removal = Removal { log, reason: 20, entries: vec![(4, sections())] };
    let error = store.remove(&removal).unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupt(reason) if reason.contains("not the one that was signed")),
        "{error}"
    );
    assert_eq!(StoredEntry::decode(&opened.stored(4)).unwrap().erased().count(), 0);
}

#[test]
fn what_cannot_be_erased_is_told() {
    let opened = Opened::quick();
    opened.append(&entries(3, ago(400)));
    opened.append(&[r#"{"action":"a.b","entity":{"type":"t","id":"1"}}"#.to_owned()]);
    let told = opened.erase(0, &[SectionName::Origin]).unwrap();
    let place = opened.indelible.store().positions(opened.site.log, &[told]).unwrap()[0].unwrap();
    let refused = |index, sections: &[SectionName]| opened.erase(index, sections).unwrap_err();
    assert!(matches!(refused(0, &[SectionName::Origin]), RemovalError::Nothing { index: 0 }));
    assert!(matches!(refused(3, &[SectionName::Change]), RemovalError::Nothing { index: 3 }));
    assert!(matches!(refused(1, &[SectionName::Source]), RemovalError::Source));
    assert!(matches!(refused(1, &[]), RemovalError::NoSections));
    assert!(matches!(refused(place, &[SectionName::Actor]), RemovalError::Kept { .. }));
    assert!(matches!(refused(999, &[SectionName::Actor]), RemovalError::Store(_)));
    let wanted = [Wanted { index: 1, sections: vec![SectionName::Actor] }];
    let erased = erase(&opened.indelible, &opened.site, &wanted, "  ", &caller());
    assert!(matches!(erased, Err(RemovalError::NoReason)));
    let erased = erase(&opened.indelible, &opened.site, &[], "r", &caller());
    assert!(matches!(erased, Err(RemovalError::Entries)));
    opened.expire(indelible::clock::now());
    assert!(matches!(refused(1, &[SectionName::Actor]), RemovalError::Expired { index: 1 }));
    assert_eq!(opened.verified().expired, 3, "nothing else was taken");
}

/// What came one by one is merged after it expired as before.
#[test]
fn expired_blocks_are_merged_and_merged_blocks_expire() {
    let opened = Opened::quick();
    for number in 0..256 {
        opened.append(&[entry(number, ago(400))]);
    }
    opened.expire(indelible::clock::now());
    let merge = || opened.indelible.store().merge_blocks(opened.site.log, 0).unwrap();
    for _ in 0..1000 {
        if !merge().merged {
            break;
        }
    }
    let blocks = opened.indelible.store().blocks(opened.site.log, Walk::ByIndex, None, 1000).unwrap();
    assert!(blocks.len() < 20, "{}", blocks.len());
    assert!(blocks.iter().any(|block| block.content == Content::ClaimedTimes));
    assert_eq!(opened.verified().expired, 256);
}
