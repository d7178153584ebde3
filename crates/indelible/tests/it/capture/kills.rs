//! kill -9 of the capture and of PostgreSQL under load: no change is lost, and none is told twice.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::source::{LOGICAL, Source};
use crate::postgres::Cluster;

const ROUNDS: usize = 50;

fn start(source: &Source) -> Child {
    Command::new(env!("CARGO_BIN_EXE_indelible"))
        .args(["capture", "postgres", "--data"])
        .arg(source.directory())
        .arg("--rules")
        .arg(source.rules_file())
        .args(["--source", &source.cluster.address("capturer", &source.database)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn nothing_is_lost_or_doubled_by_kills_under_load() {
    let cluster = Arc::new(Cluster::start(&LOGICAL));
    let tables = "CREATE TABLE tally (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, round int)";
    let source = Source::on(cluster, tables, "[[table]]\nmatch = \"public.tally\"");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..2 {
            let (source, over) = (&source, &over);
            scope.spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    // Whether a commit without an answer was one, the table says in the end.
                    let insert =
                        format!("INSERT INTO tally (round) SELECT {writer} FROM generate_series(1, 50)");
                    drop(source.cluster.sql_as("shop", &source.database, &insert));
                }
            });
        }
        let mut capture = start(&source);
        for round in 0..ROUNDS {
            thread::sleep(Duration::from_millis(u64::try_from(100 + round * 37 % 200).unwrap()));
            if round % 2 == 0 {
                capture.kill().unwrap();
                capture.wait().unwrap();
                capture = start(&source);
            } else {
                source.cluster.end("QUIT");
                source.cluster.run(&LOGICAL);
            }
        }
        over.store(true, Ordering::SeqCst);
        capture.kill().unwrap();
        capture.wait().unwrap();
    });
    let running = source.start();
    source.sync();
    running.stop();
    let there: BTreeSet<String> = source.sql("SELECT n FROM tally").lines().map(ToOwned::to_owned).collect();
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for entry in source.changes() {
        *told.entry(entry.entity.unwrap().id).or_default() += 1;
    }
    assert!(there.len() > ROUNDS * 10, "{} rows", there.len());
    let doubled: Vec<_> = told.iter().filter(|(_, count)| **count > 1).collect();
    assert!(doubled.is_empty(), "{doubled:?}");
    assert_eq!(told.into_keys().collect::<BTreeSet<_>>(), there);
    let actions = source.actions();
    assert!(
        actions.keys().all(|action| !action.starts_with("postgres.found") && action != "postgres.gap"),
        "{actions:?}"
    );
}
