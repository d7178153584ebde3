//! SIGKILL under load, again and again on one directory: what was acknowledged stays, where it was.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use indelible::store::{Head, LogNumber, Store};
use indelible::{Indelible, OpenOptions};
use model::{Role, StoredEntry};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use tlog::{Tile, TileNodes};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::filled::create_site;
use crate::process::{Process, run};
use crate::support::token;

const ROUNDS: usize = 50;
const WRITERS: u64 = 8;
const SITES: [&str; 2] = ["acme.www", "acme.docs"];

/// `SplitMix64`: the same rounds every time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

type Id = (usize, Uuid);

/// What the senders know when the server is gone.
#[derive(Default)]
struct Sent {
    acknowledged: HashMap<Id, (u64, String)>,
    /// Sent, and nothing was heard.
    open: HashSet<Id>,
}

/// What is known of the log of a site from one round to the next.
struct Log {
    number: LogNumber,
    heads: Vec<Head>,
    /// Id and leaf hash at each index.
    entries: Vec<(Uuid, String)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_moved() {
    let directory = tempfile::tempdir().unwrap();
    let indelible = Indelible::open(directory.path(), &OpenOptions::default()).unwrap();
    let mut logs = SITES.map(|site| {
        // The journal's blocking calls must not run on a thread of the async runtime.
        let number =
            std::thread::scope(|scope| scope.spawn(|| create_site(&indelible, site).log).join().unwrap());
        Log { number, heads: vec![Head::empty()], entries: Vec::new() }
    });
    let secret = token(&indelible, "writer", Role::Writer, None);
    drop(indelible);

    let mut known = Sent::default();
    for round in 0..ROUNDS {
        let server = Process::serve(directory.path());
        check(directory.path(), &mut logs, &known);
        // Nobody knows what became of these: the senders send them again.
        let again: Vec<Id> = known.open.iter().copied().take(40).collect();
        let kill_at = 3 + usize::try_from(Random(round.try_into().unwrap()).below(60)).unwrap();
        let sent = load(server, &secret, round, kill_at, again).await;
        for (id, place) in sent.acknowledged {
            known.open.remove(&id);
            assert_eq!(known.acknowledged.entry(id).or_insert_with(|| place.clone()), &place);
        }
        known.open.extend(sent.open.into_iter().filter(|id| !known.acknowledged.contains_key(id)));
        if round % 10 == 9 {
            let verified = run(directory.path(), &["verify"]);
            assert_eq!(verified.code, 0, "{verified:?}");
        }
    }
    check(directory.path(), &mut logs, &known);
    for log in &logs {
        assert!(log.heads.len() > ROUNDS / 2, "the log grew in most rounds");
    }
    assert!(known.acknowledged.len() > ROUNDS * 10);
    let data = rusqlite::Connection::open(crate::filled::data_file(directory.path())).unwrap();
    let merges: i64 = data.query_row("SELECT COUNT(*) FROM merge", [], |row| row.get(0)).unwrap();
    assert!(merges > 0, "blocks were merged while the servers were killed");
}

/// Writes until the server is killed at an acknowledgement.
async fn load(server: Process, secret: &str, round: usize, kill_at: usize, again: Vec<Id>) -> Sent {
    let (count, enough) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        let seed = u64::try_from(round).unwrap() << 8 | number;
        let mut writer = Writer {
            address: server.address,
            secret: secret.to_owned(),
            client: reqwest::Client::new(),
            random: Random(seed),
            sent: Sent::default(),
        };
        let again = if number == 0 { again.clone() } else { Vec::new() };
        let (count, enough) = (Arc::clone(&count), Arc::clone(&enough));
        writers.spawn(async move {
            for id in again {
                if !writer.send(id.0, &[id.1]).await {
                    return writer.sent;
                }
            }
            while writer.write().await {
                if count.fetch_add(1, Ordering::Relaxed) + 1 == kill_at {
                    enough.notify_one();
                }
            }
            writer.sent
        });
    }
    tokio::select! {
        () = enough.notified() => {}
        ended = writers.join_next() => {
            let sent = ended.unwrap().unwrap();
            panic!("a writer ended before the server was killed, with {} answers open", sent.open.len());
        }
    }
    server.kill();
    let mut all = Sent::default();
    while let Some(sent) = writers.join_next().await {
        let sent = sent.unwrap();
        all.acknowledged.extend(sent.acknowledged);
        all.open.extend(sent.open);
    }
    all
}

struct Writer {
    address: SocketAddr,
    secret: String,
    client: reqwest::Client,
    random: Random,
    sent: Sent,
}

impl Writer {
    /// One request, a single entry or a batch; false once the server is gone.
    async fn write(&mut self) -> bool {
        let site = usize::try_from(self.random.below(2)).unwrap();
        let count = if self.random.below(2) == 0 { 1 } else { 2 + self.random.below(40) };
        let ids: Vec<Uuid> =
            (0..count).map(|_| Uuid::from_u64_pair(self.random.below(u64::MAX), self.random.0)).collect();
        self.send(site, &ids).await
    }

    async fn send(&mut self, site: usize, ids: &[Uuid]) -> bool {
        let texts: Vec<String> = ids.iter().map(entry).collect();
        let (kind, body) = match texts.as_slice() {
            [one] => ("application/json", one.clone()),
            many => ("application/x-ndjson", many.join("\n")),
        };
        let request = self
            .client
            .post(format!("http://{}/api/v1/sites/{}/entries", self.address, SITES[site]))
            .header(AUTHORIZATION, format!("Bearer {}", self.secret))
            .header(CONTENT_TYPE, kind);
        self.sent.open.extend(ids.iter().map(|id| (site, *id)));
        let Ok(answer) = request.body(body).send().await else { return false };
        let status = answer.status();
        let Ok(answer) = answer.json::<Value>().await else { return false };
        assert!(status.is_success(), "{status}: {answer}");
        let results = answer["results"].as_array().cloned().unwrap_or_else(|| vec![answer]);
        assert_eq!(results.len(), ids.len());
        for (id, result) in ids.iter().zip(results) {
            assert_eq!(result["id"], id.to_string());
            let place = (result["index"].as_u64().unwrap(), result["leaf_hash"].as_str().unwrap().to_owned());
            self.sent.open.remove(&(site, *id));
            self.sent.acknowledged.insert((site, *id), place);
        }
        true
    }
}

fn entry(id: &Uuid) -> String {
    let words =
        "some text that was there before and is longer now ".repeat(1 + usize::from(id.as_bytes()[0]) / 40);
    format!(
        r#"{{"id":"{id}","occurred_at":"2026-11-21T04:15:15Z","action":"page.update","entity":{{"type":"page","id":"1"}},"after":{{"body":"{words}"}}}}"#
    )
}

/// Compares the log as it lies there with everything that was ever said of it.
fn check(directory: &Path, logs: &mut [Log; 2], known: &Sent) {
    let indelible = Indelible::open_existing(directory, &OpenOptions::default()).unwrap();
    for (site, log) in logs.iter_mut().enumerate() {
        let store = indelible.store().as_ref();
        let head = indelible.published().head(log.number).unwrap().map_or_else(Head::empty, |head| head.head);
        extends_every_earlier(store, log, head);
        let first = u64::try_from(log.entries.len()).unwrap();
        // Fails if there is a gap.
        for bytes in store.entries(log.number, first..head.size).unwrap() {
            let stored = StoredEntry::decode(&bytes).unwrap();
            let hash = tlog::leaf_hash(&stored.leaf().to_bytes());
            log.entries.push((stored.header().id, hash.to_string()));
        }
        let ids: HashSet<Uuid> = log.entries.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids.len(), log.entries.len(), "no id is there twice");
        let mut acknowledged = 0;
        for ((of, id), (index, hash)) in &known.acknowledged {
            if *of == site {
                acknowledged += 1;
                let place = usize::try_from(*index).unwrap();
                assert_eq!(log.entries.get(place), Some(&(*id, hash.clone())), "at index {index}");
            }
        }
        // What is there and was not acknowledged was at least sent.
        let open = known.open.iter().filter(|(of, id)| *of == site && ids.contains(id)).count();
        assert_eq!(acknowledged + open, ids.len());
    }
}

/// No head is ever smaller than one before, nor another past.
fn extends_every_earlier(store: &dyn Store, log: &mut Log, head: Head) {
    let nodes = TileNodes::new(head.size, |tile: Tile| {
        let hashes = store.tile(log.number, tile.level(), tile.index()).unwrap();
        hashes.ok_or_else(|| format!("{tile} is missing"))
    });
    for earlier in &log.heads {
        assert!(head.size >= earlier.size);
        let proof = tlog::consistency_proof(&nodes, earlier.size, head.size).unwrap();
        tlog::verify_consistency(earlier.size, &earlier.root, head.size, &head.root, &proof).unwrap();
    }
    if log.heads.last() != Some(&head) {
        log.heads.push(head);
    }
}
