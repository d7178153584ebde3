//! What is wrong with a database is said clearly, and none of it is a crash.

use std::time::Duration;

use indelible::journal::JournalError;
use indelible::store::{Database, DatabaseUrl, Store, StoreError, init_database};
use indelible::{Indelible, OpenOptions};
use serde_json::json;

use super::{Cluster, Fresh};
use crate::process::run;
use crate::search::{append, create};
use crate::store::ALL;
use crate::support::{Server, entry};

fn refusal(address: &str) -> StoreError {
    Database::connect(&DatabaseUrl::new(address)).unwrap_err()
}

#[track_caller]
fn says(error: &StoreError, words: &[&str]) {
    let said = error.to_string();
    for word in words {
        assert!(said.contains(word), "{said}");
    }
    assert!(!said.contains("hush"), "no password: {said}");
}

#[test]
fn a_database_that_cannot_be_used_says_why() {
    let fresh = Fresh::new();
    let port = fresh.cluster.port;
    says(&refusal("postgres://app:hush@127.0.0.1:1/x"), &["PostgreSQL at 127.0.0.1:1/x", "refused", "runs"]);
    says(&refusal("postgres://app:hush@no-such-host.invalid/x"), &["no-such-host.invalid"]);
    says(&refusal("mysql://app:hush@127.0.0.1/x"), &["does not read", "postgres://USER:PASSWORD@HOST"]);
    says(&refusal(&format!("postgres://app:hush@127.0.0.1:{port}/nowhere")), &["nowhere", "APP__STORE__URL"]);
    says(&refusal(&format!("postgres://nobody:hush@127.0.0.1:{port}/{}", fresh.database)), &["nobody"]);

    // Somebody who is not a member of the service's role.
    fresh.cluster.sql(
        "postgres",
        "DO $$ BEGIN CREATE ROLE stranger LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    );
    says(
        &refusal(&fresh.cluster.address("stranger", &fresh.database)),
        &["permission denied", "indelible database init", "indelible_service"],
    );

    // A database without a schema, and the command that makes it.
    let bare = format!("{}_bare", fresh.database);
    fresh.cluster.sql("postgres", &format!("CREATE DATABASE {bare}"));
    let address = fresh.cluster.address("app", &bare);
    says(&refusal(&address), &["has schema 0", "indelible database init"]);
    assert!(
        matches!(init_database(&DatabaseUrl::new(&address)), Err(StoreError::Refused(_))),
        "not its to make"
    );
    let empty = tempfile::tempdir().unwrap();
    let administrator = fresh.cluster.address("admin", &bare);
    let made = run(empty.path(), &["database", "init", "--database-url", &administrator]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.stdout.contains("is ready: 1 migration applied"), "{made:?}");
    assert!(made.stderr.contains("IN ROLE indelible_service"), "{made:?}");
    let again = run(empty.path(), &["database", "init", "--database-url", &administrator]);
    assert!(again.stdout.contains("is up to date"), "{again:?}");
    let without = run(empty.path(), &["database", "init"]);
    assert_eq!(without.code, 2, "{without:?}");

    // A schema of a later version, and one that is not what it was.
    fresh.cluster.sql(&bare, "INSERT INTO indelible.migration VALUES (2, '0002_later', '\\x00')");
    says(&refusal(&address), &["written by a newer version of Indelible (schema 2, this one knows 1)"]);
    fresh.cluster.sql(
        &bare,
        "DELETE FROM indelible.migration WHERE number = 2; UPDATE indelible.migration SET sha256 = '\\x00'",
    );
    says(&refusal(&address), &["applied with other content"]);
    fresh.cluster.sql("postgres", &format!("DROP DATABASE {bare}"));

    // A retention that is none.
    let options = OpenOptions {
        database: Some(fresh.url()),
        retention_database: Some(fresh.url()),
        ..OpenOptions::default()
    };
    let refused = Indelible::open(fresh.directory.path(), &options).unwrap_err().to_string();
    assert!(refused.contains("APP__STORE__RETENTION_URL"), "{refused}");
}

#[test]
fn any_number_of_administrators_make_the_schema_at_once() {
    let cluster = Cluster::shared();
    cluster.sql("postgres", "CREATE DATABASE many");
    let url = cluster.url("admin", "many");
    let applied: usize = std::thread::scope(|scope| {
        let made: Vec<_> = (0..6).map(|_| scope.spawn(|| init_database(&url).unwrap())).collect();
        made.into_iter().map(|made| made.join().unwrap()).sum()
    });
    assert_eq!(applied, 1);
    cluster.sql("postgres", "DROP DATABASE many");
}

#[test]
fn a_server_that_would_lose_what_it_acknowledges_is_refused() {
    let fresh = Fresh::new();
    let asked = format!("{}?options=-c%20synchronous_commit%3Doff", fresh.address());
    says(&refusal(&asked), &["synchronous_commit=off", "power cut"]);
}

#[test]
fn a_full_disk_refuses_what_does_not_fit_and_writing_resumes() {
    let fresh = Fresh::new();
    let indelible = fresh.process(fresh.directory.path());
    let site = create(&indelible, "acme.www");
    let one = json!({"occurred_at": "2026-11-21T04:15:15Z", "action": "page.update", "entity": {"type": "page", "id": "1"}});
    append(&indelible, &site, std::slice::from_ref(&one));
    // What the server says when there is no room, at the same place.
    fresh.cluster.sql(
        &fresh.database,
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION \
         'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$; \
         CREATE TRIGGER full_disk BEFORE INSERT ON indelible.block EXECUTE FUNCTION full_disk()",
    );
    let text = one.to_string();
    let admit = || {
        let rules = indelible::settings::Rules::default();
        let admitted =
            indelible::journal::admit_all([text.as_bytes()].into_iter(), "test", None, &rules).unwrap();
        let entries = admitted.into_iter().map(Result::unwrap).collect();
        indelible::journal::Append { site: site.clone(), entries, atomic: false, change: None }
    };
    let refused = indelible.journal().append_blocking(admit()).unwrap_err();
    assert!(
        matches!(&refused, JournalError::Full(said) if said.contains("nothing was written")),
        "{refused}"
    );
    fresh.cluster.sql(&fresh.database, "DROP TRIGGER full_disk ON indelible.block");
    indelible.journal().append_blocking(admit()).unwrap();
    assert_eq!(indelible.published().size(site.log).unwrap(), 2);
}

#[test]
fn whoever_waits_too_long_is_told_to_come_back() {
    let fresh = Fresh::new();
    let (one, other) = (fresh.open(), fresh.open());
    // Another process stands still within a commit.
    let held = one.lock(ALL).unwrap();
    let began = std::time::Instant::now();
    let waited = other.lock(ALL).unwrap_err();
    assert!(matches!(&waited, StoreError::Unavailable(said) if said.contains("lock timeout")), "{waited}");
    assert!(began.elapsed() >= Duration::from_secs(1));
    drop(held);
    drop(other.lock(ALL).unwrap());
}

#[test]
fn when_all_connections_are_busy_it_is_said() {
    let fresh = Fresh::new();
    let store = fresh.open();
    // Somebody keeps everybody from reading the sites.
    let locked = std::thread::scope(|scope| {
        let lock = "BEGIN; LOCK TABLE indelible.site IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(14); ROLLBACK";
        scope.spawn(|| fresh.cluster.sql(&fresh.database, lock));
        let held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = \
                    'indelible.site'::regclass AND granted";
        while fresh.cluster.sql(&fresh.database, held) != "1" {
            std::thread::sleep(Duration::from_millis(20));
        }
        let readers: Vec<_> = (0..20).map(|_| scope.spawn(|| store.sites())).collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
    });
    let told = locked.iter().filter_map(|read| read.as_ref().err()).map(ToString::to_string);
    let told: Vec<String> = told.collect();
    assert_eq!(told.len(), 4, "those beyond the pool: {told:?}");
    assert!(told.iter().all(|said| said.contains("all 16 connections of this process")), "{told:?}");
    assert_eq!(store.sites().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_requests_are_told_to_come_back() {
    let cluster = Cluster::start(&[]);
    let database = cluster.database();
    let options = OpenOptions { database: Some(cluster.url("app", &database)), ..OpenOptions::default() };
    let server = Server::start_with(tempfile::tempdir().unwrap(), &options).await;
    server.create_site("acme.www");
    server.appended(entry("")).await;
    cluster.end("INT");
    let (status, problem) = server.append(entry("")).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (503, Some("unavailable")), "{problem}");
    let (status, problem) = server.get("/api/v1/sites/acme.www/entries").await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (503, Some("unavailable")), "{problem}");
    assert!(
        !problem.to_string().contains("127.0.0.1"),
        "what is behind the server is nobody's business: {problem}"
    );
    cluster.run(&[]);
    server.appended(entry("")).await;
    assert_eq!(server.size("acme.www").await, 2);
}
