//! What a start does about what a crash, a restore or a mistake has left.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use indelible::jobs::verify_site;
use indelible::store::{Batch, Change, EmbeddedStore, Head, SignedHead, Store};
use indelible::{Indelible, OpenError, OpenOptions};
use model::Role;
use reqwest::header::AUTHORIZATION;
use rusqlite::{Connection, TransactionBehavior};

use crate::filled::{Filled, OTHER, SITE, append, copy_directory, create_site, data_file, fold, head_file};
use crate::process::{Process, run};
use crate::store::{ALL, Ledger, batch, create, embedded, grow};
use crate::support::{entry, json, token};

fn open(directory: &Path) -> Result<Indelible, OpenError> {
    Indelible::open(directory, &OpenOptions::default())
}

/// Waits until an installation that was just dropped has closed its files.
fn settle(directory: &Path) {
    fold(&data_file(directory));
    fold(&head_file(directory));
}

fn verifies(indelible: &Indelible) {
    for site in indelible.sites().all().unwrap() {
        let report = verify_site(indelible, &site, &|_| ()).unwrap();
        assert!(report.findings.is_empty(), "{}: {:?}", site.id, report.findings);
    }
}

/// Everything that a store holds of a log, for comparison.
fn dump(directory: &Path) -> Vec<String> {
    let connection = Connection::open(data_file(directory)).unwrap();
    let queries = [
        "SELECT number || ' ' || size || hex(root) FROM log ORDER BY 1",
        "SELECT log || ' ' || first || ' ' || count || hex(content) FROM block ORDER BY log, first",
        "SELECT log || ' ' || hex(id) || position FROM entry_id ORDER BY log, id",
        "SELECT log || ' ' || level || ' ' || number || hex(hashes) FROM tile ORDER BY log, level, number",
        "SELECT hex(id) || name || ifnull(revoked_ms, '') FROM token ORDER BY id",
    ];
    let read = |sql: &&str| {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.collect::<rusqlite::Result<Vec<_>>>().unwrap()
    };
    queries.iter().flat_map(read).collect()
}

#[test]
fn a_staged_run_is_cut_off_exactly_at_every_width_of_a_tile() {
    let directory = tempfile::tempdir().unwrap();
    let store = embedded(directory.path());
    let mut ledger = create(&store, 1, "acme.www");
    let sizes = [0, 1, 254, 255, 256, 257, 511, 65_535, 65_536, 65_537];
    for size in sizes {
        let missing = size - usize::try_from(ledger.head().size).unwrap();
        if missing > 0 {
            grow(&store, &mut ledger, missing);
        }
        let before = dump(directory.path());
        for staged in [1, 2, 3, 258] {
            let run = ledger.clone().grow(staged, 1);
            let lock = store.lock(ALL).unwrap();
            store.persist(&batch(vec![run])).unwrap();
            drop(lock);
            drop(store.lock(ALL).unwrap());
            assert!(dump(directory.path()) == before, "{staged} staged on {size}");
        }
    }
    ledger.check(&store);
}

#[test]
fn a_staged_batch_of_several_logs_and_changes_is_discarded_at_start() {
    let directory = tempfile::tempdir().unwrap();
    let indelible = open(directory.path()).unwrap();
    let site = create_site(&indelible, SITE);
    append(&indelible, &site, 0..300);
    drop(indelible);
    settle(directory.path());
    let before = dump(directory.path());

    // As the journal does it, up to the crash.
    let store = EmbeddedStore::open(directory.path(), &directory.path().join("head")).unwrap();
    let heads: Vec<SignedHead> = store.heads(0).unwrap().unwrap().1;
    let head_of = |log| heads.iter().find(|head| head.log == log).map(|head| head.head).unwrap();
    let run = |log| {
        // Right in everything but the root, which recovery must not need.
        let mut run = Ledger::new(log).grow(300, 1);
        let base: Head = head_of(log);
        run.base = base;
        run.next.size = base.size + 300;
        run.tiles.clear();
        run
    };
    let change = Change::CreateSite(crate::store::site(7, "acme.ghost"));
    let lock = store.lock(ALL).unwrap();
    store.persist(&Batch { runs: vec![run(0), run(site.log)], changes: vec![change] }).unwrap();
    drop(lock);
    drop(store);
    assert!(dump(directory.path()) != before);

    let indelible = open(directory.path()).unwrap();
    assert!(dump(directory.path()) == before);
    verifies(&indelible);
    let again = append(&indelible, &site, 300..310);
    assert!(again.iter().map(|receipt| receipt.index).eq(300..310), "indexes go on where they were");
    assert_eq!(create_site(&indelible, "acme.ghost").id.as_str(), "acme.ghost");
    verifies(&indelible);
}

/// The real server, killed between persist and publish: its head store is held until it waits for it there.
#[test]
fn a_server_killed_between_persist_and_publish_loses_only_what_it_never_acknowledged() {
    let filled = Filled::new();
    let directory = filled.path();
    let indelible = open(directory).unwrap();
    let secret = token(&indelible, "root", Role::SuperAdmin, None);
    drop(indelible);
    settle(directory);
    let before = dump(directory);

    let server = Process::serve(directory);
    let mut heads = Connection::open(head_file(directory)).unwrap();
    let held = heads.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
    let url = format!("http://{}/api/v1/sites/{SITE}/entries", server.address);
    let body = entry(r#","id":"00000000-0000-7000-8000-000000000001""#);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let request = reqwest::Client::new().post(&url).header(AUTHORIZATION, format!("Bearer {secret}"));
    let sending = runtime.spawn(request.body(body.clone()).send());
    while dump(directory) == before {
        assert!(!sending.is_finished(), "the server answered without having written");
    }
    server.kill();
    drop(held);
    runtime.block_on(sending).unwrap().unwrap_err();

    let indelible = open(directory).unwrap();
    assert!(dump(directory) == before, "exactly the staged batch is gone");
    verifies(&indelible);
    let server = Process::serve(directory);
    let url = format!("http://{}/api/v1/sites/{SITE}/entries", server.address);
    let request = reqwest::Client::new().post(&url).header(AUTHORIZATION, format!("Bearer {secret}"));
    let (status, answer) = runtime.block_on(async { json(request.body(body).send().await.unwrap()).await });
    assert_eq!(status, 201, "the id is free again");
    assert_eq!(answer["index"], 700);
    verifies(&indelible);
}

/// Asserts that a directory does not open, in process and at the terminal, and that the message says so much.
fn refused(directory: &Path, says: &[&str]) {
    let message = open(directory).unwrap_err().to_string();
    let ran = run(directory, &["verify"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for text in says.iter().chain(&["refusing to start", "Way forward"]) {
        assert!(message.contains(text), "`{text}` is not in: {message}");
        assert!(ran.stderr.contains(text), "`{text}` is not in: {}", ran.stderr);
    }
}

#[test]
fn data_older_than_their_head_are_refused() {
    let filled = Filled::new();
    let older = filled.copy();
    let indelible = open(filled.path()).unwrap();
    let site = indelible.sites().find(&SITE.parse().unwrap()).unwrap().unwrap();
    append(&indelible, &site, 700..701);
    drop(indelible);
    settle(filled.path());
    fs::copy(data_file(older.path()), filled.data_file()).unwrap();
    refused(filled.path(), &[SITE, "end at 700 entries", "701 were published", "older than their head"]);
}

/// One publication back looks like a crash between persist and publish, and is none: the batch was
/// acknowledged.
#[test]
fn a_head_store_put_back_is_refused_even_by_one_publication() {
    for steps in 1..=3 {
        let filled = Filled::new();
        let older = filled.copy();
        let indelible = open(filled.path()).unwrap();
        let site = indelible.sites().find(&OTHER.parse().unwrap()).unwrap().unwrap();
        for step in 0..steps {
            append(&indelible, &site, 260 + step * 2..262 + step * 2);
        }
        drop(indelible);
        settle(filled.path());
        let before = dump(filled.path());
        fs::copy(head_file(older.path()), filled.head_file()).unwrap();
        refused(filled.path(), &[OTHER, "disagree", "260 entries"]);
        assert!(dump(filled.path()) == before, "nothing was discarded");
    }
}

#[test]
fn a_log_that_only_the_head_store_knows_is_refused() {
    let filled = Filled::new();
    let older = filled.copy();
    let indelible = open(filled.path()).unwrap();
    create_site(&indelible, "acme.shop");
    drop(indelible);
    settle(filled.path());
    fs::copy(data_file(older.path()), filled.data_file()).unwrap();
    refused(filled.path(), &["older than their head"]);
}

#[test]
fn a_missing_half_is_refused() {
    let filled = Filled::new();
    let copy = filled.copy();
    fs::remove_dir_all(copy.path().join("head")).unwrap();
    refused(copy.path(), &["no head store at", "must not be made anew", "APP__STORE__HEAD_PATH"]);
    assert!(!head_file(copy.path()).exists(), "and none is made");

    let copy = filled.copy();
    fs::remove_file(data_file(copy.path())).unwrap();
    let message = open(copy.path()).unwrap_err().to_string();
    assert!(message.contains("holds heads, but there are no data"), "{message}");
    assert!(message.contains("newest backup"), "{message}");
    assert!(!data_file(copy.path()).exists(), "no new log begins under old heads");

    let copy = filled.copy();
    fs::remove_file(copy.path().join("keys/seed")).unwrap();
    let message = open(copy.path()).unwrap_err().to_string();
    assert!(message.contains("put it back from a backup"), "{message}");
    assert!(!copy.path().join("keys/seed").exists());
}

#[test]
fn halves_of_two_installations_are_refused() {
    let (filled, other) = (Filled::new(), Filled::new());
    fs::copy(other.head_file(), filled.head_file()).unwrap();
    refused(filled.path(), &["belongs to another installation"]);
}

#[test]
fn a_restart_shows_the_same_log() {
    let filled = Filled::new();
    let state = |indelible: &Indelible| {
        let sites = indelible.sites().all().unwrap();
        let of = |site: &indelible::store::Site| {
            let head = indelible.published().head(site.log).unwrap().unwrap();
            (head.clone(), indelible.store().entries(site.log, 0..head.head.size).unwrap())
        };
        sites.iter().map(of).collect::<Vec<_>>()
    };
    let first = open(filled.path()).unwrap();
    let seen = state(&first);
    drop(first);
    for _ in 0..3 {
        let again = open(filled.path()).unwrap();
        assert!(state(&again) == seen);
    }
    // A copy made while nothing runs is the same installation at another place.
    let copy = tempfile::tempdir().unwrap();
    settle(filled.path());
    copy_directory(filled.path(), copy.path());
    assert!(state(&open(copy.path()).unwrap()) == seen);
}

/// Two that create sites at the same moment must neither stop the log nor share a number.
#[test]
fn sites_made_at_the_same_time_get_logs_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    // Two handles, as two processes have them.
    let handles = [Arc::new(open(directory.path()).unwrap()), Arc::new(open(directory.path()).unwrap())];
    let made: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|number| {
                let indelible = &handles[number % 2];
                // Every id is asked for twice.
                let id = format!("acme.s{}", number / 2);
                let caller = indelible::access::Caller::local("test");
                scope.spawn(move || indelible.create_site(id.parse().unwrap(), &id, &caller))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (good, bad): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    let mut numbers: Vec<_> = good.into_iter().map(|site| site.unwrap().log).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    for error in bad {
        assert!(matches!(error.unwrap_err(), indelible::ConfigureError::Exists(_)));
    }
    assert_eq!(handles[0].journal().stopped(), None);
    verifies(&handles[1]);
    let system = handles[0].sites().find(&model::SiteId::system()).unwrap().unwrap();
    assert_eq!(handles[0].published().size(system.log).unwrap(), 6, "one entry for each site made");
}
