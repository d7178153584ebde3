//! Cut networks, crashes and fail-overs: what was acknowledged stays, what was not is known or sent again, and a database
//! that is behind is refused.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indelible::journal::{Append, JournalError, Outcome, admit_all};
use indelible::store::{DatabaseUrl, Site};
use indelible::{Indelible, OpenOptions};
use uuid::Uuid;

use super::processes::{Acknowledged, End, SITES, check, entry};
use super::proxy::Proxy;
use super::{Cluster, Fresh};
use crate::filled::create_site;

/// How often the network is cut.
const CUTS: usize = 40;

fn open(directory: &Path, address: &str) -> Indelible {
    let database = Some(DatabaseUrl::new(address));
    let options = OpenOptions { database, without_indexing: true, ..OpenOptions::default() };
    Indelible::open(directory, &options).unwrap()
}

/// Appends entries; `None` when the database could not be reached, and none of it is in the log.
fn append(indelible: &Indelible, site: &Site, ids: &[Uuid]) -> Option<Vec<Outcome>> {
    let texts: Vec<String> = ids.iter().map(entry).collect();
    let rules = indelible::settings::Rules::default();
    let admitted = admit_all(texts.iter().map(String::as_bytes), "test", None, &rules).unwrap();
    let entries = admitted.into_iter().map(Result::unwrap).collect();
    let append = Append { site: site.clone(), entries, atomic: false, change: None };
    match indelible.journal().append_blocking(append) {
        Ok(outcomes) => Some(outcomes),
        Err(JournalError::Unavailable(_)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Appends until it is told to end, each batch as often as it takes; what was acknowledged, and whether it ever had to
/// try again.
fn write(indelible: &Indelible, site: usize, over: &AtomicBool) -> (Acknowledged, bool) {
    let log = indelible.sites().find(&SITES[site].parse().unwrap()).unwrap().unwrap();
    let (mut acknowledged, mut again, mut number) = (Acknowledged::new(), false, 0);
    while !over.load(Ordering::SeqCst) {
        let ids: Vec<Uuid> = (0..=number % 20)
            .map(|_| {
                number += 1;
                Uuid::from_u64_pair(u64::try_from(site).unwrap(), number)
            })
            .collect();
        let outcomes = loop {
            if let Some(outcomes) = append(indelible, &log, &ids) {
                break outcomes;
            }
            again = true;
            if over.load(Ordering::SeqCst) {
                return (acknowledged, again);
            }
            thread::sleep(Duration::from_millis(5));
        };
        for outcome in outcomes {
            // Known where it was said that it was not written: that would have been wrong.
            let Outcome::Appended(receipt) = outcome else { panic!("{outcome:?}") };
            acknowledged.insert(receipt.id, (site, receipt.index, receipt.leaf_hash.to_string()));
        }
    }
    (acknowledged, again)
}

/// Writes to all sites while something happens to the database.
fn under_load(indelible: &Indelible, happens: impl FnOnce()) -> (Acknowledged, bool) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let over = &over;
        let writers: Vec<_> =
            (0..SITES.len()).map(|site| scope.spawn(move || write(indelible, site, over))).collect();
        let end = End(over);
        happens();
        drop(end);
        let mut all = (Acknowledged::new(), false);
        for writer in writers {
            let (acknowledged, again) = writer.join().unwrap();
            all.0.extend(acknowledged);
            all.1 |= again;
        }
        all
    })
}

#[test]
fn what_became_of_a_commit_is_found_out_when_the_network_is_cut() {
    let fresh = Fresh::new();
    let proxy = Proxy::to(fresh.cluster.port);
    let address = format!("postgres://app@127.0.0.1:{}/{}", proxy.port, fresh.database);
    let indelible = open(fresh.directory.path(), &address);
    for site in SITES {
        create_site(&indelible, site);
    }
    let (all, again) = under_load(&indelible, || {
        for cut in 0..CUTS {
            thread::sleep(Duration::from_millis(u64::try_from(60 + cut % 17 * 5).unwrap()));
            if cut % 20 == 19 {
                // Long enough for the committer to ask and to find nobody.
                proxy.down(true);
                thread::sleep(Duration::from_millis(700));
                proxy.down(false);
            } else {
                proxy.cut();
            }
        }
        thread::sleep(Duration::from_millis(300));
    });
    assert!(again, "some batches met a cut");
    assert!(all.len() > CUTS / 2, "{} entries were acknowledged", all.len());
    assert_eq!(indelible.journal().stopped(), None);
    check(&indelible, &all);
}

/// A primary, and a standby that acknowledges with it.
fn pair(is_synchronous: bool) -> (Arc<Cluster>, Cluster) {
    let primary = Arc::new(Cluster::start(&["wal_level=replica", "max_wal_senders=4"]));
    let standby = primary.standby();
    standby.run(&["hot_standby=on"]);
    if is_synchronous {
        primary.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        primary.sql("postgres", "SELECT pg_reload_conf()");
        let deadline = Instant::now() + Duration::from_secs(30);
        while primary.sql("postgres", "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")
            != "1"
        {
            assert!(Instant::now() < deadline, "the standby does not follow");
            thread::sleep(Duration::from_millis(50));
        }
    }
    (primary, standby)
}

/// Entries of all logs in a database.
fn entries(cluster: &Cluster, database: &str) -> u64 {
    cluster.sql(database, "SELECT sum(size) FROM indelible.head").parse().unwrap()
}

#[test]
fn a_synchronous_standby_takes_over_with_everything_that_was_acknowledged() {
    let (primary, standby) = pair(true);
    let fresh = Fresh::on(Arc::clone(&primary));
    let address =
        format!("postgres://app@127.0.0.1:{},127.0.0.1:{}/{}", primary.port, standby.port, fresh.database);
    let indelible = open(fresh.directory.path(), &address);
    for site in SITES {
        create_site(&indelible, site);
    }
    let (all, _) = under_load(&indelible, || {
        thread::sleep(Duration::from_millis(700));
        primary.end("QUIT");
        standby.promote();
        let before = entries(&standby, &fresh.database);
        let deadline = Instant::now() + Duration::from_mins(1);
        while entries(&standby, &fresh.database) <= before {
            assert!(Instant::now() < deadline, "writing does not go on at the standby");
            thread::sleep(Duration::from_millis(50));
        }
    });
    assert_eq!(indelible.journal().stopped(), None);
    check(&indelible, &all);
    drop(indelible);
    check(&open(fresh.directory.path(), &address), &all);
}

#[test]
fn a_standby_that_is_behind_is_refused() {
    let (primary, standby) = pair(false);
    let fresh = Fresh::on(Arc::clone(&primary));
    let address =
        format!("postgres://app@127.0.0.1:{},127.0.0.1:{}/{}", primary.port, standby.port, fresh.database);
    let indelible = open(fresh.directory.path(), &address);
    let site = create_site(&indelible, SITES[0]);
    append(&indelible, &site, &[Uuid::from_u128(1)]).unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    let has_entry =
        || standby.sql_as("admin", &fresh.database, "SELECT size FROM indelible.head WHERE log = 1");
    // The database itself has to arrive first.
    while has_entry().as_deref() != Ok("1") {
        assert!(Instant::now() < deadline, "the standby does not follow");
        thread::sleep(Duration::from_millis(50));
    }
    // It misses what is acknowledged from now on.
    standby.end("INT");
    append(&indelible, &site, &[Uuid::from_u128(2)]).unwrap();
    primary.end("QUIT");
    standby.run(&["hot_standby=on"]);
    standby.promote();
    let refused = loop {
        match indelible.published().size(site.log) {
            Err(error @ indelible::store::StoreError::Refused(_)) => break error.to_string(),
            Err(indelible::store::StoreError::Unavailable(_)) => thread::sleep(Duration::from_millis(50)),
            other => panic!("{other:?}"),
        }
    };
    assert!(refused.contains("has 1 entries, and 2 were acknowledged"), "{refused}");
    drop(indelible);
    // So is it at the next start.
    let options = OpenOptions { database: Some(DatabaseUrl::new(&address)), ..OpenOptions::default() };
    let refused = Indelible::open(fresh.directory.path(), &options).unwrap_err().to_string();
    assert!(refused.contains("the database is behind"), "{refused}");
}

#[test]
fn a_database_put_back_from_a_backup_is_refused() {
    let cluster = Arc::new(Cluster::start(&[]));
    let fresh = Fresh::on(Arc::clone(&cluster));
    let indelible = open(fresh.directory.path(), &fresh.address());
    let site = create_site(&indelible, SITES[0]);
    append(&indelible, &site, &[Uuid::from_u128(1)]).unwrap();
    drop(indelible);
    cluster.end("INT");
    let kept = tempfile::tempdir().unwrap();
    cluster.copy_data(kept.path());
    cluster.run(&[]);
    let indelible = open(fresh.directory.path(), &fresh.address());
    append(&indelible, &site, &[Uuid::from_u128(2)]).unwrap();
    drop(indelible);
    cluster.end("INT");
    cluster.put_back(&kept.path().join("data"));
    cluster.run(&[]);
    let options = OpenOptions { database: Some(fresh.url()), ..OpenOptions::default() };
    let refused = Indelible::open(fresh.directory.path(), &options).unwrap_err().to_string();
    assert!(refused.contains("has 1 entries, and 2 were acknowledged"), "{refused}");
}
