//! What was begun: completed after a crash, kept back by a hold, given up for a longer retention.

use indelible::removal::{self, Expiring, RemovalError, Verdict, expire, outlook, resume, verdict};
use indelible::{Indelible, OpenOptions};
use model::{SectionName, StoredEntry};
use rusqlite::Connection;
use serde_json::json;

use crate::filled::data_file;

use super::{Opened, PATIENCE, ago, caller, entries};

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
