//! Any number of processes on one database: one log for all of them, whichever of them is killed.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use indelible::Indelible;
use indelible::jobs::verify_site;
use model::{Role, StoredEntry};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use uuid::Uuid;

use super::{Cluster, Fresh};
use crate::filled::create_site;
use crate::process::Process;
use crate::support::token;

pub(super) const SITES: [&str; 3] = ["acme.www", "acme.docs", "acme.shop"];

/// What was acknowledged: site, index and leaf hash by id.
pub(super) type Acknowledged = HashMap<Uuid, (usize, u64, String)>;

/// How often one of the processes, or the server itself, is killed.
const KILLS: usize = 12;

#[test]
fn four_processes_write_and_are_killed_and_nothing_acknowledged_is_lost() {
    let fresh = Fresh::on(Arc::new(Cluster::start(&[])));
    let indelible = fresh.process(fresh.directory.path());
    for site in SITES {
        create_site(&indelible, site);
    }
    let secret = token(&indelible, "writer", Role::Writer, None);
    let directories: Vec<_> = (0..4).map(|_| fresh.another_directory()).collect();
    let address = fresh.address();
    let over = AtomicBool::new(false);
    let (written, kills) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let all: Vec<Acknowledged> = thread::scope(|scope| {
        let writers: Vec<_> = directories
            .iter()
            .enumerate()
            .map(|(number, directory)| {
                let (secret, address, over, written) = (&secret, &address, &over, &written);
                let kills = &kills;
                scope.spawn(move || {
                    let mut writer = Writer::new(number, secret);
                    while !over.load(Ordering::SeqCst) {
                        // A server that the database does not answer yet does not come up.
                        let Some(process) = start(directory.path(), address) else { continue };
                        // Each process is killed in its turn, in the middle of its writes.
                        let rounds = 20 + number * 9;
                        let lived = writer.write(&process, rounds, over, written);
                        process.kill();
                        if lived {
                            kills.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    writer.acknowledged
                })
            })
            .collect();
        let end = End(&over);
        let deadline = Instant::now() + Duration::from_mins(10);
        let wait_for = |wanted: usize| {
            while kills.load(Ordering::SeqCst) < wanted {
                assert!(Instant::now() < deadline, "the processes do not get on");
                assert!(!writers.iter().any(ScopedJoinHandle::is_finished), "a writer has ended");
                thread::sleep(Duration::from_millis(20));
            }
        };
        // The server crashes twice meanwhile, and comes up again.
        for crash in 1..=2 {
            wait_for(KILLS / 3 * crash);
            fresh.cluster.end("QUIT");
            fresh.cluster.run(&[]);
        }
        wait_for(KILLS);
        drop(end);
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let all: Acknowledged = all.into_iter().flatten().collect();
    assert!(all.len() > KILLS * 10, "{} entries were acknowledged", all.len());
    check(&indelible, &all);
    check(&fresh.process(fresh.another_directory().path()), &all);
}

/// Says that it is over when it is dropped, be it by a failure: nobody must be waited for in vain.
pub(super) struct End<'a>(pub(super) &'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn start(directory: &Path, address: &str) -> Option<Process> {
    let database = Path::new(directory).to_owned();
    let address = address.to_owned();
    // It says why and ends when the database is not there.
    thread::spawn(move || Process::serve_on(&database, &address)).join().ok()
}

/// Sends entries to one process after another.
struct Writer {
    number: u64,
    sent: u64,
    secret: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    acknowledged: Acknowledged,
}

impl Writer {
    fn new(number: usize, secret: &str) -> Self {
        Self {
            number: u64::try_from(number).unwrap(),
            sent: 0,
            secret: secret.to_owned(),
            client: reqwest::Client::new(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            acknowledged: Acknowledged::new(),
        }
    }

    /// Sends batches to all sites in turn; false when the process does not take them.
    fn write(&mut self, process: &Process, rounds: usize, over: &AtomicBool, written: &AtomicUsize) -> bool {
        for round in 0..rounds {
            if over.load(Ordering::SeqCst) {
                return false;
            }
            let site = (round + usize::try_from(self.number).unwrap()) % SITES.len();
            let ids: Vec<Uuid> = (0..=self.sent % 40).map(|_| self.next_id()).collect();
            if !self.send(process, site, &ids) {
                return false;
            }
            written.fetch_add(ids.len(), Ordering::SeqCst);
        }
        true
    }

    fn next_id(&mut self) -> Uuid {
        self.sent += 1;
        Uuid::from_u64_pair(self.number, self.sent)
    }

    fn send(&mut self, process: &Process, site: usize, ids: &[Uuid]) -> bool {
        let texts: Vec<String> = ids.iter().map(entry).collect();
        let request = self
            .client
            .post(format!("http://{}/api/v1/sites/{}/entries", process.address, SITES[site]))
            .header(AUTHORIZATION, format!("Bearer {}", self.secret))
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(texts.join("\n"));
        let answer = self.runtime.block_on(async {
            let answer = request.send().await.ok()?;
            Some((answer.status(), answer.json::<Value>().await.ok()?))
        });
        let Some((status, answer)) = answer else { return false };
        if !status.is_success() {
            assert_eq!(status, 503, "{answer}");
            return false;
        }
        for (id, result) in ids.iter().zip(answer["results"].as_array().unwrap()) {
            assert_eq!(result["id"], id.to_string());
            let place =
                (site, result["index"].as_u64().unwrap(), result["leaf_hash"].as_str().unwrap().to_owned());
            self.acknowledged.insert(*id, place);
        }
        true
    }
}

pub(super) fn entry(id: &Uuid) -> String {
    format!(
        r#"{{"id":"{id}","occurred_at":"2026-11-21T04:15:15Z","action":"page.update","entity":{{"type":"page","id":"1"}},"after":{{"body":"written by one of several"}}}}"#
    )
}

/// Compares the logs as they lie there with everything that was acknowledged.
pub(super) fn check(indelible: &Indelible, all: &Acknowledged) {
    for (number, id) in SITES.iter().enumerate() {
        let site = indelible.sites().find(&id.parse().unwrap()).unwrap().unwrap();
        let size = indelible.published().size(site.log).unwrap();
        let stored = indelible.store().entries(site.log, 0..size).unwrap();
        let mut seen = HashMap::new();
        for (index, bytes) in (0_u64..).zip(&stored) {
            let stored = StoredEntry::decode(bytes).unwrap();
            let hash = tlog::leaf_hash(&stored.leaf().to_bytes()).to_string();
            assert!(seen.insert(stored.header().id, (index, hash)).is_none(), "no id is there twice");
        }
        for (id, (of, index, hash)) in all {
            if *of == number {
                assert_eq!(seen.get(id), Some(&(*index, hash.clone())), "{id}");
            }
        }
        let report = verify_site(indelible, &site, &|_| ()).unwrap();
        assert!(report.findings.is_empty(), "{id}: {:?}", report.findings);
        assert_eq!(report.entries, size);
    }
}
