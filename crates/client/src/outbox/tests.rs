//! The outbox against a log that is away, loses answers and refuses, and on disks that fail.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use super::disk::{Disk, RealDisk, SegmentFile};
use super::segments::wide;
use super::*;
use crate::answer::Receipt;
use crate::entry::Entry;
use crate::error::{Error, Problem, Refusal};
use crate::transport::Results;

const PATIENCE: Duration = Duration::from_mins(1);

/// A log that takes an id once.
#[derive(Debug, Default)]
struct FakeLog {
    entries: Mutex<Vec<Outgoing>>,
    /// Nobody answers.
    away: AtomicBool,
    /// So many batches are taken without an answer.
    answers_to_lose: AtomicU64,
    /// Entities of this id are refused.
    refuses_bad: AtomicBool,
    /// The site `forbidden` is not forbidden any more.
    permits: AtomicBool,
    /// A batch with an entity `poison` is refused as a whole.
    batches: AtomicU64,
    tries: AtomicU64,
}

impl FakeLog {
    fn ids(&self) -> Vec<Uuid> {
        self.entries.lock().unwrap().iter().map(|entry| entry.id).collect()
    }

    fn jsons(&self, action: &str) -> Vec<Value> {
        let entries = self.entries.lock().unwrap();
        let jsons = entries.iter().map(|entry| serde_json::from_slice::<Value>(&entry.entry).unwrap());
        jsons.filter(|json| json["action"] == action).collect()
    }
}

fn unreachable() -> Error {
    Error::Unreachable { url: "http://log".into(), tries: 1, source: "connection refused".into() }
}

fn entity(entry: &Outgoing) -> String {
    let json: Value = serde_json::from_slice(&entry.entry).unwrap();
    json["entity"]["id"].as_str().unwrap().to_owned()
}

impl Transport for FakeLog {
    fn append(&self, site: &str, batch: &[Outgoing]) -> Result<Results, Error> {
        self.tries.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(unreachable());
        }
        let problem = |status, code: &str| {
            Error::Refused(Problem {
                status,
                code: code.to_owned(),
                detail: "no".to_owned(),
                errors: Vec::new(),
            })
        };
        if site == "forbidden" && !self.permits.load(Ordering::SeqCst) {
            return Err(problem(403, "forbidden"));
        }
        if batch.iter().any(|entry| entity(entry) == "poison") {
            return Err(problem(422, "invalid"));
        }
        let mut entries = self.entries.lock().unwrap();
        let mut results = Vec::new();
        for entry in batch {
            assert_eq!(entry.site, site);
            if self.refuses_bad.load(Ordering::SeqCst) && entity(entry) == "bad" {
                let (code, field) = ("invalid_value".to_owned(), "entity.id".to_owned());
                results.push(Err(Refusal { code, field, message: "is bad".to_owned() }));
                continue;
            }
            let known = entries.iter().position(|known| known.id == entry.id);
            let index = known.unwrap_or_else(|| {
                entries.push(entry.clone());
                entries.len() - 1
            });
            assert_eq!(&entries[index], entry, "sent again, it is the same");
            results.push(Ok(Receipt {
                id: entry.id,
                index: wide(index),
                recorded_at: None,
                leaf_hash: String::new(),
                known: known.is_some(),
            }));
        }
        self.batches.fetch_add(1, Ordering::SeqCst);
        let lost =
            self.answers_to_lose.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if lost.is_ok() { Err(unreachable()) } else { Ok(results) }
    }
}

fn outgoing(site: &str, entity: &str) -> Outgoing {
    let entry = Entry::new("page.edit", "page", entity);
    Outgoing { id: entry.uuid(), site: site.to_owned(), entry: entry.to_line().unwrap() }
}

fn settings() -> OutboxSettings {
    let wait = Duration::from_millis(1);
    OutboxSettings {
        backoff_first: wait,
        backoff_max: wait,
        group_interval: wait,
        ..OutboxSettings::default()
    }
}

struct Bench {
    directory: TempDir,
    log: Arc<FakeLog>,
}

impl Bench {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), log: Arc::default() }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("outbox")
    }

    fn open(&self, settings: OutboxSettings) -> Outbox {
        Outbox::open(self.path(), self.log.clone(), settings).unwrap()
    }

    fn away(&self, away: bool) {
        self.log.away.store(away, Ordering::SeqCst);
    }
}

fn record(outbox: &Outbox, site: &str, entity: &str) -> Uuid {
    match outbox.accept(outgoing(site, entity)).unwrap() {
        Recorded::Kept(id) => id,
        Recorded::Gap(_) => panic!("no room"),
    }
}

#[test]
fn entries_arrive_once_in_their_order_and_leave_nothing_behind() {
    let bench = Bench::new();
    let outbox = bench.open(OutboxSettings { segment_bytes: 500, batch_entries: 7, ..settings() });
    let ids: Vec<_> = (0..100).map(|n| record(&outbox, "www", &n.to_string())).collect();
    outbox.close(PATIENCE).unwrap();
    assert_eq!(bench.log.ids(), ids);
    assert!(segments::numbers(&bench.path()).unwrap().len() <= 1, "segments are given back");
    let report = inspect(&bench.path()).unwrap();
    assert_eq!((report.waiting, report.has_findings()), (0, false));
    assert!(matches!(outbox.accept(outgoing("www", "1")), Err(OutboxError::Closed)));
}

#[test]
fn a_server_that_is_away_gets_everything_when_it_is_back() {
    let bench = Bench::new();
    bench.away(true);
    let outbox = bench.open(settings());
    let ids: Vec<_> = (0..50).map(|n| record(&outbox, "www", &n.to_string())).collect();
    let error = outbox.flush(Duration::from_millis(50)).unwrap_err();
    assert!(error.to_string().contains("50 entries have not arrived yet"), "{error}");
    while bench.log.tries.load(Ordering::SeqCst) < 20 {
        std::thread::yield_now();
    }
    let report = outbox.inspect().unwrap();
    assert_eq!(report.waiting, 50);
    assert!(report.failing.as_ref().unwrap().error.contains("connection refused"), "{report}");
    assert!(report.has_findings() && report.oldest.is_none());
    bench.away(false);
    outbox.flush(PATIENCE).unwrap();
    assert_eq!(bench.log.ids(), ids);
    assert_eq!(outbox.inspect().unwrap().failing, None);
}

#[test]
fn what_waits_is_sent_by_the_next_process() {
    let bench = Bench::new();
    bench.away(true);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let outbox = bench.open(settings());
        ids.extend((0..10).map(|n| record(&outbox, "www", &n.to_string())));
        outbox.close(Duration::ZERO).unwrap_err();
    }
    bench.away(false);
    bench.open(settings()).close(PATIENCE).unwrap();
    assert_eq!(bench.log.ids(), ids);
}

#[test]
fn lost_answers_double_nothing() {
    let bench = Bench::new();
    bench.log.answers_to_lose.store(5, Ordering::SeqCst);
    let outbox = bench.open(settings());
    let ids: Vec<_> = (0..20).map(|n| record(&outbox, "www", &n.to_string())).collect();
    outbox.flush(PATIENCE).unwrap();
    assert_eq!(bench.log.ids(), ids);
    assert!(bench.log.batches.load(Ordering::SeqCst) > 5);
}

#[test]
fn what_is_refused_is_set_aside_and_the_rest_goes_on() {
    let bench = Bench::new();
    bench.log.refuses_bad.store(true, Ordering::SeqCst);
    bench.away(true);
    let outbox = bench.open(settings());
    let bad = record(&outbox, "www", "bad");
    let poison = record(&outbox, "www", "poison");
    let forbidden = record(&outbox, "forbidden", "1");
    let good: Vec<_> = (0..10).map(|n| record(&outbox, "www", &n.to_string())).collect();
    bench.away(false);
    outbox.flush(PATIENCE).unwrap();
    assert_eq!(bench.log.ids(), good);

    let report = outbox.inspect().unwrap();
    assert_eq!(report.waiting, 0);
    let reasons: HashMap<Uuid, (&str, &str)> =
        report.set_aside.iter().map(|kept| (kept.id, (kept.code.as_str(), kept.field.as_str()))).collect();
    assert_eq!(
        reasons,
        HashMap::from([
            (bad, ("invalid_value", "entity.id")),
            (poison, ("invalid", "")),
            (forbidden, ("forbidden", ""))
        ])
    );
    let text = report.to_string();
    assert!(text.contains("set aside     3 entries") && text.contains("`entity.id`: is bad"), "{text}");

    // Somebody looked after one of the reasons.
    bench.log.refuses_bad.store(false, Ordering::SeqCst);
    assert_eq!(outbox.send_set_aside_again().unwrap(), 3);
    outbox.flush(PATIENCE).unwrap();
    assert!(bench.log.ids().contains(&bad));
    let still: HashSet<_> = outbox.inspect().unwrap().set_aside.iter().map(|kept| kept.id).collect();
    assert_eq!(still, HashSet::from([poison, forbidden]));
    // Also a line that a crash cut is no harm.
    outbox.close(PATIENCE).unwrap();
    let file = bench.path().join("set-aside.ndjson");
    let mut content = fs::read(&file).unwrap();
    content.truncate(content.len() - 3);
    fs::write(&file, content).unwrap();
    assert_eq!(inspect(&bench.path()).unwrap().set_aside.len(), 1);
    // What was set aside for its site is on its way again until its log has refused it once more.
    let outbox = bench.open(settings());
    outbox.flush(PATIENCE).unwrap();
    assert_eq!(outbox.inspect().unwrap().set_aside.len(), 1);
}

#[test]
fn entries_for_a_site_that_took_none_are_sent_again_by_the_next_process() {
    let bench = Bench::new();
    bench.log.refuses_bad.store(true, Ordering::SeqCst);
    let outbox = bench.open(settings());
    let forbidden = record(&outbox, "forbidden", "1");
    let bad = record(&outbox, "www", "bad");
    outbox.close(PATIENCE).unwrap();
    let set_aside = || -> HashSet<Uuid> {
        inspect(&bench.path()).unwrap().set_aside.iter().map(|kept| kept.id).collect()
    };
    bench.open(settings()).close(PATIENCE).unwrap();
    assert_eq!(set_aside(), HashSet::from([forbidden, bad]), "the reason is still there");
    bench.log.permits.store(true, Ordering::SeqCst);
    bench.open(settings()).close(PATIENCE).unwrap();
    assert_eq!(set_aside(), HashSet::from([bad]), "an entry that is bad itself stays");
    assert_eq!(bench.log.ids(), [forbidden]);
}

#[test]
fn a_full_outbox_refuses_or_leaves_a_gap() {
    let bench = Bench::new();
    bench.away(true);
    let strict = OutboxSettings { bytes_max: 1000, on_failure: OnFailure::Refuse, ..settings() };
    let outbox = bench.open(strict);
    let mut ids = Vec::new();
    let error = loop {
        match outbox.accept(outgoing("www", "1")) {
            Ok(kept) => ids.push(kept.id()),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, OutboxError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("indelible doctor --outbox"), "{error}");
    assert!((3..12).contains(&ids.len()), "{}", ids.len());
    outbox.close(Duration::ZERO).unwrap_err();

    let outbox = bench.open(OutboxSettings { bytes_max: 1000, ..settings() });
    for n in 0..100 {
        let recorded = outbox.accept(outgoing(if n % 10 == 0 { "docs" } else { "www" }, "1")).unwrap();
        assert!(matches!(recorded, Recorded::Gap(_)));
    }
    bench.away(false);
    outbox.flush(PATIENCE).unwrap();
    outbox.close(PATIENCE).unwrap();
    bench.open(settings()).close(PATIENCE).unwrap();
    assert!(ids.iter().all(|id| bench.log.ids().contains(id)), "what was kept has arrived");
    let missing = bench
        .log
        .jsons("indelible.gap")
        .iter()
        .map(|gap| gap["data"]["entries"].as_u64().unwrap())
        .sum::<u64>();
    assert_eq!(missing, 100, "and what was not is told");
    assert!(!bench.path().join("gaps.json").exists());
}

/// Cuts the only segment after so many bytes, or flips a bit there, and says which entries come out of it.
fn damaged(bytes: &[u8], place: usize, cut: bool) -> (Vec<Uuid>, Report) {
    let bench = Bench::new();
    fs::create_dir(bench.path()).unwrap();
    let mut content = bytes.to_vec();
    if cut {
        content.truncate(place);
    } else {
        content[place] ^= 0x10;
    }
    fs::write(segments::path(&bench.path(), 1), content).unwrap();
    bench.away(true);
    let outbox = bench.open(settings());
    let report = outbox.inspect().unwrap();
    bench.away(false);
    outbox.close(PATIENCE).unwrap();
    bench.open(settings()).close(PATIENCE).unwrap();
    let entries = bench.log.entries.lock().unwrap();
    let own = entries.iter().filter(|entry| !entry.entry.windows(13).any(|w| w == b"indelible.gap"));
    (own.map(|entry| entry.id).collect(), report)
}

#[test]
fn torn_tails_are_cut_and_damage_is_told() {
    let bench = Bench::new();
    bench.away(true);
    let outbox = bench.open(settings());
    let ids: Vec<_> = (0..3).map(|n| record(&outbox, "www", &n.to_string())).collect();
    outbox.close(Duration::ZERO).unwrap_err();
    let bytes = fs::read(segments::path(&bench.path(), 1)).unwrap();
    let frame = (bytes.len() - 19) / 3;
    for place in (0..=bytes.len()).step_by(7) {
        let (found, report) = damaged(&bytes, place, true);
        let whole = place.saturating_sub(19) / frame;
        assert_eq!(found, ids[..whole], "cut at {place}");
        assert!(report.damaged.is_empty());
    }
    for place in (19..bytes.len()).step_by(11) {
        let (found, _) = damaged(&bytes, place, false);
        let whole = (place - 19) / frame;
        assert_eq!(found, ids[..whole], "flipped at {place}");
    }
    let (found, report) = damaged(&bytes, 19 + frame + 20, false);
    assert_eq!(found, ids[..1]);
    assert_eq!(report.damaged.len(), 1, "{report}");
}

#[test]
fn one_process_uses_it_at_a_time() {
    let bench = Bench::new();
    let outbox = bench.open(settings());
    let error = Outbox::open(bench.path(), bench.log.clone(), settings()).unwrap_err();
    assert!(matches!(error, OutboxError::InUse(_)), "{error}");
    outbox.close(PATIENCE).unwrap();
    drop(outbox);
    drop(bench.open(settings()));
    let file = bench.directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Outbox::open(&file, bench.log.clone(), settings()).unwrap_err();
    assert!(error.to_string().contains("cannot be used"), "{error}");
}

/// A disk with room for so many bytes; each byte that is written takes one.
#[derive(Clone, Default)]
struct SmallDisk(Arc<AtomicI64>);

struct SmallFile(Box<dyn SegmentFile>, Arc<AtomicI64>);

impl Disk for SmallDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn SegmentFile>> {
        Ok(Box::new(SmallFile(RealDisk.create(path)?, Arc::clone(&self.0))))
    }
}

impl SegmentFile for SmallFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = usize::try_from(self.1.load(Ordering::SeqCst)).unwrap_or(0);
        let fits = bytes.len().min(room);
        self.0.append(&bytes[..fits])?;
        self.1.fetch_sub(i64::try_from(fits).unwrap(), Ordering::SeqCst);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }
}

fn open_small(bench: &Bench, room: &Arc<AtomicI64>, settings: OutboxSettings) -> Outbox {
    let disk = Box::new(SmallDisk(Arc::clone(room)));
    Outbox::open_on(disk, bench.path(), bench.log.clone(), settings).unwrap()
}

#[test]
fn a_full_disk_fails_those_who_must_know_and_loses_nothing_that_was_kept() {
    let bench = Bench::new();
    let room = Arc::new(AtomicI64::new(1000));
    let outbox = open_small(&bench, &room, OutboxSettings { on_failure: OnFailure::Refuse, ..settings() });
    let (mut kept, mut refused) = (Vec::new(), Vec::new());
    for n in 0..20 {
        let entry = outgoing("www", &n.to_string());
        let id = entry.id;
        match outbox.accept(entry) {
            Ok(_) => kept.push(id),
            Err(OutboxError::Unwritable { .. }) => refused.push(id),
            Err(other) => panic!("{other}"),
        }
    }
    assert!(!kept.is_empty() && !refused.is_empty());
    room.store(100_000, Ordering::SeqCst);
    kept.push(record(&outbox, "www", "after"));
    outbox.close(PATIENCE).unwrap();
    bench.open(settings()).close(PATIENCE).unwrap();
    assert_eq!(bench.log.ids(), kept, "what was refused is not logged either");
}

#[test]
fn a_full_disk_leaves_a_gap_where_that_is_wanted() {
    let bench = Bench::new();
    let room = Arc::new(AtomicI64::new(0));
    let outbox = open_small(&bench, &room, settings());
    for n in 0..20 {
        assert!(matches!(outbox.accept(outgoing("www", &n.to_string())).unwrap(), Recorded::Gap(_)));
    }
    room.store(100_000, Ordering::SeqCst);
    let after = record(&outbox, "www", "after");
    outbox.close(PATIENCE).unwrap();
    bench.open(settings()).close(PATIENCE).unwrap();
    assert!(bench.log.ids().contains(&after));
    let gaps = bench.log.jsons("indelible.gap");
    assert_eq!(gaps.iter().map(|gap| gap["data"]["entries"].as_u64().unwrap()).sum::<u64>(), 20);
    assert_eq!(gaps[0]["data"]["reason"], UNWRITABLE);
    assert_eq!(gaps[0]["entity"]["type"], "outbox");
}

#[test]
fn a_group_waits_for_room_on_the_disk() {
    let bench = Bench::new();
    let room = Arc::new(AtomicI64::new(300));
    let grouped = OutboxSettings { durability: Durability::WithinGroup, ..settings() };
    let outbox = open_small(&bench, &room, grouped);
    let ids: Vec<_> = (0..50).map(|n| record(&outbox, "www", &n.to_string())).collect();
    while outbox.0.shared.lock().unwritable.is_none() {
        std::thread::yield_now();
    }
    room.store(100_000, Ordering::SeqCst);
    outbox.close(PATIENCE).unwrap();
    assert_eq!(bench.log.ids(), ids);
    assert!(!bench.path().join("running").exists());
}

#[test]
fn memory_is_bounded_while_entries_gather() {
    let small =
        OutboxSettings { durability: Durability::WithinGroup, gathered_bytes_max: 1000, ..settings() };
    // A disk that takes entries: whoever comes too fast waits for it.
    let bench = Bench::new();
    bench.away(true);
    let outbox = bench.open(OutboxSettings { gathered_bytes_max: 1, ..small.clone() });
    for n in 1..=20 {
        record(&outbox, "www", "1");
        assert_eq!(outbox.inspect().unwrap().waiting, n, "it is on the disk");
    }
    // One that takes none: there is room for so much, and what comes then is missing.
    let bench = Bench::new();
    let room = Arc::new(AtomicI64::new(0));
    let outbox = open_small(&bench, &room, small);
    let kept = (0..1000).map(|_| outbox.accept(outgoing("www", "1")).unwrap());
    let kept = kept.filter(|recorded| matches!(recorded, Recorded::Kept(_))).count();
    assert!((1..1000).contains(&kept), "{kept}");
    room.store(1_000_000, Ordering::SeqCst);
    outbox.close(PATIENCE).unwrap();
    bench.open(settings()).close(PATIENCE).unwrap();
    let missing: u64 =
        bench.log.jsons("indelible.gap").iter().map(|gap| gap["data"]["entries"].as_u64().unwrap()).sum();
    assert_eq!(missing, 1000 - wide(kept));
    assert_eq!(bench.log.jsons("page.edit").len(), kept);
}

#[test]
fn many_threads_and_a_log_that_comes_and_goes() {
    for durability in [Durability::BeforeReturn, Durability::WithinGroup] {
        let bench = Bench::new();
        let outbox =
            bench.open(OutboxSettings { durability, segment_bytes: 4000, batch_entries: 9, ..settings() });
        let sites = ["www", "docs"];
        std::thread::scope(|scope| {
            for thread in 0..8_usize {
                let (outbox, bench) = (&outbox, &bench);
                scope.spawn(move || {
                    for n in 0..100_usize {
                        bench.away((n / 10 + thread) % 3 == 0);
                        bench.log.answers_to_lose.store(u64::from(n % 17 == 0), Ordering::SeqCst);
                        record(outbox, sites[n % 2], &format!("{thread}-{n}"));
                    }
                });
            }
        });
        bench.away(false);
        outbox.close(PATIENCE).unwrap();
        let entries = bench.log.entries.lock().unwrap();
        let found: HashSet<_> = entries.iter().map(entity).collect();
        assert_eq!((entries.len(), found.len()), (800, 800));
        for thread in 0..8 {
            for site in sites {
                let own = entries.iter().filter(|entry| entry.site == site).map(entity);
                let numbers: Vec<usize> = own
                    .filter_map(|name| name.strip_prefix(&format!("{thread}-")).map(|n| n.parse().unwrap()))
                    .collect();
                assert!(numbers.is_sorted(), "each thread's entries are in its order");
            }
        }
    }
}
