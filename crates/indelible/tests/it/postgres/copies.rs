//! An installation that moves to a database and back: everything is what it was.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use indelible::access::{Caller, new_token};
use indelible::copy::{CopyError, Location, copy};
use indelible::jobs::verify_site;
use indelible::removal::{Wanted, erase, expire};
use indelible::store::SavedSearch;
use indelible::{Indelible, OpenOptions, receipts};
use jiff::{SignedDuration, Timestamp};
use model::{Retention, Role, SectionName};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Fresh;
use crate::process::run;
use crate::search::{PATIENT, append, create};

/// An installation with something of everything.
fn filled(directory: &Path) {
    let options = OpenOptions {
        origin: Some("moves.test".to_owned()),
        retention: Retention::Days(365),
        ..OpenOptions::default()
    };
    let indelible = Indelible::open(directory, &options).unwrap();
    let caller = Caller::local("test");
    let now = indelible::clock::now();
    for (id, count) in [("acme.www", 700), ("acme.docs", 40), ("acme.none", 0)] {
        let site = create(&indelible, id);
        let entry = |number: usize| {
            let days = if number < 300 { 400 } else { 3 };
            json!({
                "occurred_at": now - SignedDuration::from_hours(24 * days), "action": "page.update",
                "actor": {"type": "user", "id": "7", "name": format!("Person {number}")},
                "entity": {"type": "page", "id": format!("p{}", number % 50)},
                "before": {"text": format!("before {number}")}, "after": {"text": format!("after {number}")},
            })
        };
        let entries: Vec<Value> = (0..count).map(entry).collect();
        for some in entries.chunks(90) {
            append(&indelible, &site, some);
        }
        if count > 600 {
            let wanted = [Wanted { index: 431, sections: vec![SectionName::Actor] }];
            erase(&indelible, &site, &wanted, "request 7", &caller).unwrap();
            expire(&indelible, &site, false, now, &caller).unwrap();
        }
        indelible.umbrella().round(false).unwrap();
    }
    for name in ["one", "two"] {
        indelible.create_token(&new_token(name, Role::Auditor, None).unwrap().token, &caller).unwrap();
    }
    let site = indelible.sites().find(&"acme.www".parse().unwrap()).unwrap().unwrap();
    let settings = json!({"hold": true, "mask_fields": ["iban"]});
    indelible.change_settings(&site, settings.as_object().unwrap(), &caller).unwrap();
    let search = SavedSearch {
        id: Uuid::from_u128(9),
        owner: "Ana".to_owned(),
        site: None,
        name: "mine".to_owned(),
        query: "kind=delete".to_owned(),
        created_at: Timestamp::from_second(50).unwrap(),
    };
    indelible.store().put_saved_search(&search).unwrap();
    indelible.umbrella().round(false).unwrap();
}

/// Everything that can be said of an installation.
fn said(indelible: &Indelible) -> Value {
    let store = indelible.store();
    let sites = store.sites().unwrap();
    let of_site = |site: &indelible::store::Site| {
        let head = indelible.published().head(site.log).unwrap();
        let size = head.as_ref().map_or(0, |head| head.head.size);
        let report = verify_site(indelible, site, &|_| ()).unwrap();
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        let entries: Vec<String> =
            store.entries(site.log, 0..size).unwrap().iter().map(|bytes| format!("{bytes:?}")).collect();
        let some = [0, 299, 431, size.saturating_sub(1)].into_iter().filter(|index| *index < size);
        let receipts: Vec<String> =
            some.map(|index| receipts::receipt(indelible, site, index).unwrap()).collect();
        let reasons = store.reasons(site.log, 7).unwrap();
        json!({
            "site": site.id, "name": site.name, "at": site.created_at, "checkpoint": head.map(|head| head.checkpoint.clone()),
            "entries": entries, "receipts": receipts, "reasons": reasons, "counted": [report.erased, report.expired],
            "settings": store.configurations(site.log).unwrap(),
        })
    };
    let umbrella = store.umbrella_head().unwrap().unwrap();
    json!({
        "sites": sites.iter().map(of_site).collect::<Vec<_>>(),
        "umbrella": umbrella.1,
        "leaves": indelible.umbrella().leaves(0..umbrella.0.size).unwrap(),
        "tokens": format!("{:?}", store.tokens().unwrap()),
        "users": format!("{:?}", store.users().unwrap()),
        "searches": format!("{:?}", store.all_saved_searches().unwrap()),
        "id": [store.installation().to_string(), store.origin().to_owned(), store.epoch().to_string()],
    })
}

fn open(directory: &Path) -> Result<Indelible, indelible::OpenError> {
    let options = OpenOptions { without_indexing: true, ..OpenOptions::default() };
    Indelible::open_existing(directory, &options)
}

#[test]
fn an_installation_moves_to_a_database_and_back() {
    let source = tempfile::tempdir().unwrap();
    filled(source.path());
    let before = said(&open(source.path()).unwrap());
    let fresh = Fresh::new();
    let administrator = Location::Database(fresh.cluster.url("admin", &fresh.database));
    let from = Location::Directory(source.path().to_owned());

    // Cut off in the middle of it: it is not served, and goes on.
    let steps = Cell::new(0);
    let cut = catch_unwind(AssertUnwindSafe(|| {
        copy(&from, &administrator, source.path(), &|_, _| {
            steps.set(steps.get() + 1);
            assert!(steps.get() < 5, "cut off");
        })
    }));
    assert!(cut.is_err());
    let options = OpenOptions { database: Some(fresh.url()), ..OpenOptions::default() };
    let refused = Indelible::open_existing(source.path(), &options).unwrap_err().to_string();
    assert!(refused.contains("cut off in the making"), "{refused}");
    let copied = copy(&from, &administrator, source.path(), &|_, _| ()).unwrap();
    assert_eq!(copied.sites, 4);
    let process = tempfile::tempdir().unwrap();
    crate::filled::copy_directory(&source.path().join("keys"), &process.path().join("keys"));
    let moved = Indelible::open_existing(process.path(), &options).unwrap();
    assert_eq!(said(&moved), before);

    // A copy that is complete is an installation of its own.
    let again = copy(&from, &administrator, source.path(), &|_, _| ()).unwrap_err();
    assert!(matches!(again, CopyError::Taken(_)), "{again}");

    // It goes on there, and moves back with what was written.
    let site = moved.sites().find(&"acme.docs".parse().unwrap()).unwrap().unwrap();
    append(
        &moved,
        &site,
        &[
            json!({"occurred_at": "2026-11-21T04:15:15Z", "action": "page.update", "entity": {"type": "page", "id": "1"}}),
        ],
    );
    assert!(moved.search().catch_up(PATIENT).unwrap());
    moved.umbrella().round(false).unwrap();
    let after = said(&moved);
    drop(moved);
    let back = tempfile::tempdir().unwrap();
    let (to, address) = (back.path().join("data"), fresh.address());
    let ran = run(process.path(), &["copy", "--from", &address, "--to", to.to_str().unwrap()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("entries of 4 sites are in"), "{ran:?}");
    assert_eq!(said(&open(&to).unwrap()), after);
    let verified = run(&to, &["verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}
