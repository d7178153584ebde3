//! Erasure and expiry in a database: by the retention's role alone, and every leaf stays what it was.

use indelible::access::Caller;
use indelible::jobs::verify_site;
use indelible::removal::{Expiring, Verdict, Wanted, erase, expire, verdict};
use indelible::search::Question;
use indelible::store::Site;
use indelible::{Indelible, OpenOptions, receipts};
use jiff::SignedDuration;
use model::{Retention, SectionName};
use serde_json::json;

use super::Fresh;
use crate::search::{PATIENT, append, create};

#[test]
fn content_is_removed_by_the_retentions_user_and_verifies() {
    let fresh = Fresh::new();
    let open = |directory: &std::path::Path, removes: bool| {
        let options = OpenOptions {
            database: Some(fresh.url()),
            retention_database: removes.then(|| fresh.cluster.url("janitor", &fresh.database)),
            retention: Retention::Days(365),
            ..OpenOptions::default()
        };
        Indelible::open(directory, &options).unwrap()
    };
    let indelible = open(fresh.directory.path(), true);
    let site = create(&indelible, "acme.www");
    let now = indelible::clock::now();
    let entry = |number: usize, days: i64| {
        json!({
            "occurred_at": now - SignedDuration::from_hours(24 * days), "action": "page.update",
            "actor": {"type": "user", "id": format!("u{}", number % 7), "name": format!("Person {number}")},
            "entity": {"type": "page", "id": format!("p{number}")}, "origin": {"ip": "203.0.113.77"},
            "before": {"text": "before"}, "after": {"text": "after"},
        })
    };
    let old: Vec<_> = (0..300).map(|number| entry(number, 400)).collect();
    let new: Vec<_> = (300..600).map(|number| entry(number, 3)).collect();
    append(&indelible, &site, &old);
    append(&indelible, &site, &new);
    let keys = indelible.keys().verifier_keys(&site.id).unwrap();
    let saved: Vec<_> =
        [0, 299, 300, 431].map(|index| (index, receipts::receipt(&indelible, &site, index).unwrap())).into();
    let caller = Caller::local("test");
    let wanted = [Wanted { index: 431, sections: vec![SectionName::Actor, SectionName::Origin] }];

    // A process that has the service's credentials alone is told what it lacks, and orders nothing.
    let directory = fresh.another_directory();
    let other = open(directory.path(), false);
    let refused = erase(&other, &site, &wanted, "request 7", &caller).unwrap_err().to_string();
    assert!(refused.contains("APP__STORE__RETENTION_URL"), "{refused}");
    let refused = expire(&other, &site, false, now, &caller).unwrap_err().to_string();
    assert!(refused.contains("APP__STORE__RETENTION_URL"), "{refused}");
    assert_eq!(other.published().size(site.log).unwrap(), 600);

    erase(&indelible, &site, &wanted, "request 7", &caller).unwrap();
    let Expiring::Entries(expired) = expire(&indelible, &site, false, now, &caller).unwrap().expiring else {
        panic!("nothing expired")
    };
    assert_eq!((expired.first, expired.last, expired.count), (0, 299, 300));
    assert!(matches!(verdict(&indelible, &site, 431).unwrap(), Verdict::Erased(_)));
    assert!(matches!(verdict(&indelible, &site, 7).unwrap(), Verdict::Expired(..)));
    for process in [&indelible, &other] {
        finds_what_is_left(process, &site);
    }
    // What was saved before still proves.
    for (index, receipt) in saved {
        let stored = indelible.store().entries(site.log, index..index + 1).unwrap();
        let hash = tlog::leaf_hash(&model::StoredEntry::decode(&stored[0]).unwrap().leaf().to_bytes());
        assert_eq!(indelible::auditor::verify_receipt(&receipt, &hash, &keys[0], None).unwrap().index, index);
    }
}

/// A process verifies, counts and lists what is left, whether its index has followed or not.
fn finds_what_is_left(process: &Indelible, site: &Site) {
    let report = verify_site(process, site, &|_| ()).unwrap();
    assert_eq!((report.findings, report.erased, report.expired), (vec![], 1, 300));
    for follows in [false, true] {
        for (query, count) in
            [("ip:203.0.113.77", 299), ("entity:p7", 0), ("entity:p431", 1), ("actor:\"Person 431\"", 0)]
        {
            let filter = model::Filter::parse(query).unwrap();
            let question = Question {
                sites: std::slice::from_ref(site),
                filter: &filter,
                order: model::Order::NEWEST_FIRST,
                cursor: None,
                limit: 1000,
                patience: PATIENT,
            };
            assert_eq!(process.search().count(&question).unwrap(), count, "{query}, {follows}");
            let found = process.search().page(&question).unwrap().entries.len();
            assert_eq!(found, usize::try_from(count).unwrap(), "{query}, {follows}");
        }
        assert!(process.search().follow_removals(PATIENT).unwrap());
    }
}
