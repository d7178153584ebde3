//! SIGKILL while entries are recorded: what `record()` has returned for is there afterwards.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::outbox::{Durability, Outbox, OutboxSettings};
use client::{Actor, EntityRef, Error, Logger, Outgoing, Receipt, Registry, Results, Transport};
use serde_json::Value;

const DIRECTORY: &str = "INDELIBLE_TEST_OUTBOX";
const GROUPED: &str = "INDELIBLE_TEST_GROUPED";
const CHILD: &str = "outbox_crash::child_that_is_killed";

#[derive(Debug, Default)]
struct Log {
    entries: Mutex<Vec<Outgoing>>,
    is_away: bool,
}

impl Transport for Log {
    fn append(&self, _site: &str, batch: &[Outgoing]) -> Result<Results, Error> {
        if self.is_away {
            let source = "connection refused".into();
            return Err(Error::Unreachable { url: "http://log".to_owned(), tries: 1, source });
        }
        let mut entries = self.entries.lock().unwrap();
        let receipt = |(entry, index): (&Outgoing, u64)| {
            let leaf_hash = String::new();
            Ok(Receipt { id: entry.id, index, recorded_at: None, leaf_hash, known: false })
        };
        entries.extend(batch.iter().cloned());
        Ok(batch.iter().zip(0..).map(receipt).collect())
    }
}

fn open(directory: &Path, log: Arc<Log>, durability: Durability) -> Outbox {
    let settings = OutboxSettings { durability, segment_bytes: 2000, ..OutboxSettings::default() };
    Outbox::open(directory, log, settings).unwrap()
}

/// What the other tests run in a process of its own. Without being asked to, it does nothing.
#[test]
fn child_that_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let durability =
        if std::env::var_os(GROUPED).is_some() { Durability::WithinGroup } else { Durability::BeforeReturn };
    let log = Arc::new(Log { is_away: true, ..Log::default() });
    let outbox = open(Path::new(&directory), log, durability);
    let logger = Logger::with_outbox("acme.www", Registry::any(), outbox);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let logger = logger.clone();
            scope.spawn(move || {
                for n in 0.. {
                    let page = EntityRef::new("page", format!("{thread}-{n}"));
                    let recorded = logger.log(&page, "page.edit").actor(Actor::user("42")).record().unwrap();
                    println!("recorded {}", recorded.id());
                }
            });
        }
    });
}

/// Has a child record, and kills it once it has recorded so many; the ids.
fn killed_after(directory: &Path, entries: usize, grouped: bool) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([CHILD, "--exact", "--nocapture", "--test-threads=1"]).env(DIRECTORY, directory);
    if grouped {
        command.env(GROUPED, "1");
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut ids = Vec::new();
    while ids.len() < entries {
        let line = lines.next().expect("it records until it is killed").unwrap();
        ids.extend(line.strip_prefix("recorded ").map(str::to_owned));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it had said before it was killed counts, too; a last line may be cut.
    let rest =
        lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("recorded ").map(str::to_owned));
    ids.extend(rest.filter(|id| id.len() == 36));
    ids
}

#[test]
fn what_was_recorded_survives_sigkill() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("outbox");
    let mut recorded = Vec::new();
    for round in 0..15 {
        recorded.extend(killed_after(&path, 1 + round * 13, false));
    }
    let log = Arc::new(Log::default());
    open(&path, log.clone(), Durability::BeforeReturn).close(Duration::from_mins(1)).unwrap();
    let entries = log.entries.lock().unwrap();
    let arrived: HashSet<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
    assert_eq!(arrived.len(), entries.len(), "none is doubled");
    assert!(recorded.len() > 1000 && recorded.iter().all(|id| arrived.contains(id)));
    assert!(entries.iter().all(|entry| serde_json::from_slice::<Value>(&entry.entry).is_ok()));
    let gaps = entries.iter().filter(|entry| entry.entry.windows(13).any(|part| part == b"indelible.gap"));
    assert_eq!(gaps.count(), 0, "nothing was lost, and nothing says so");
}

#[test]
fn what_gathered_when_the_program_was_killed_is_told_as_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("outbox");
    killed_after(&path, 20_000, true);
    let log = Arc::new(Log::default());
    let outbox = open(&path, log.clone(), Durability::WithinGroup);
    outbox.close(Duration::from_mins(1)).unwrap();
    drop(outbox);
    // The gap itself may have been told after the last batch.
    open(&path, log.clone(), Durability::WithinGroup).close(Duration::from_mins(1)).unwrap();
    let entries = log.entries.lock().unwrap();
    let jsons: Vec<Value> =
        entries.iter().map(|entry| serde_json::from_slice(&entry.entry).unwrap()).collect();
    let gaps: Vec<&Value> = jsons.iter().filter(|json| json["action"] == "indelible.gap").collect();
    assert_eq!(gaps.len(), 1, "one crash, one gap");
    assert!(gaps[0]["summary"].as_str().unwrap().starts_with("Entries may be missing: the program ended"));
    assert!(jsons.len() > 1);
}
