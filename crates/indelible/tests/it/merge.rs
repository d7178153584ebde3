//! Merging blocks: nothing that can be read changes, whoever reads or writes at the same time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use indelible::jobs::verify_site;
use indelible::store::{BlockInfo, EmbeddedStore, Merge, Store, StoreError, Walk};
use indelible::{Indelible, OpenOptions};
use proptest::prelude::*;
use rusqlite::Connection;

use crate::filled::{append, create_site, data_file};
use crate::store::{ALL, Ledger, batch, commit, create, embedded, grow, publish, walk};

const LOG: u32 = 1;

/// Merges until nothing is left to merge; how many tiles were.
fn merge_all(store: &dyn Store) -> usize {
    let (mut next, mut merges) = (0, 0);
    loop {
        let step = store.merge_blocks(LOG, next).unwrap();
        if !step.merged {
            return merges;
        }
        (next, merges) = (step.next, merges + 1);
    }
}

/// A store with a log of this many entries, in blocks of `each`.
fn small_blocks(directory: &Path, count: usize, each: usize) -> (EmbeddedStore, Ledger) {
    let store = embedded(directory);
    let mut ledger = create(&store, LOG, "acme.www");
    for first in (0..count).step_by(each) {
        grow(&store, &mut ledger, each.min(count - first));
    }
    (store, ledger)
}

/// The blocks in the order of the log: where each begins and ends.
fn ranges(store: &dyn Store) -> Vec<(u64, u64)> {
    let mut blocks = walk(store, LOG, Walk::OldestFirst);
    blocks.sort_by_key(|block| block.first);
    blocks.iter().map(|block| (block.first, block.range().end)).collect()
}

fn data(directory: &Path) -> Connection {
    Connection::open(data_file(directory)).unwrap()
}

#[test]
fn full_tiles_are_merged_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut ledger) = small_blocks(directory.path(), 600, 5);
    assert_eq!(merge_all(&store), 2);
    let found = ranges(&store);
    assert_eq!(found[..4], [(0, 128), (128, 256), (256, 384), (384, 512)]);
    assert_eq!(found.len(), 4 + 18, "the last tile is not full: {found:?}");
    ledger.check(&store);
    for block in walk(&store, LOG, Walk::NewestFirst) {
        let range = usize::try_from(block.first).unwrap()..usize::try_from(block.range().end).unwrap();
        let times = || ledger.entries[range.clone()].iter().map(|entry| entry.occurred_at.as_microsecond());
        assert_eq!(Some(block.occurred_min_us), times().min());
        assert_eq!(Some(block.occurred_max_us - 1), times().max(), "rounded as blocks are");
    }
    assert_eq!(store.merge_blocks(LOG, 0).unwrap(), Merge { next: 512, merged: false });
    // And when the log has grown, that is merged too.
    for _ in 0..200 {
        grow(&store, &mut ledger, 1);
    }
    assert_eq!(store.merge_blocks(LOG, 512).unwrap(), Merge { next: 768, merged: true });
    ledger.check(&store);
    drop(store);
    ledger.check(&embedded(directory.path()));
}

#[test]
fn batches_stay_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let (store, _) = small_blocks(directory.path(), 1100, 100);
    let before = ranges(&store);
    assert_eq!(merge_all(&store), 0);
    assert_eq!(ranges(&store), before);
}

#[test]
fn staged_entries_are_neither_merged_nor_lost_sight_of() {
    let directory = tempfile::tempdir().unwrap();
    let (store, ledger) = small_blocks(directory.path(), 500, 4);
    let staged = ledger.clone().grow(100, 1);
    let lock = store.lock(ALL).unwrap();
    store.persist(&batch(vec![staged])).unwrap();
    drop(lock);
    assert_eq!(store.merge_blocks(LOG, 0).unwrap(), Merge { next: 256, merged: true });
    assert_eq!(store.merge_blocks(LOG, 256).unwrap(), Merge { next: 256, merged: false }, "full, and staged");
    drop(store.lock(ALL).unwrap());
    ledger.check(&store);
}

/// Whatever goes wrong within the transaction, it is as if it had not begun.
#[test]
fn a_merge_that_fails_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let (store, ledger) = small_blocks(directory.path(), 256, 4);
    let before = ranges(&store);
    for event in ["DELETE ON block", "INSERT ON block", "INSERT ON merge"] {
        let trap = format!("CREATE TRIGGER trap AFTER {event} BEGIN SELECT RAISE(ABORT, 'trapped'); END");
        data(directory.path()).execute_batch(&trap).unwrap();
        assert!(matches!(store.merge_blocks(LOG, 0), Err(StoreError::Engine { .. })), "{event}");
        assert_eq!(ranges(&store), before, "{event}");
        ledger.check(&store);
        data(directory.path()).execute_batch("DROP TRIGGER trap").unwrap();
    }
    assert_eq!(merge_all(&store), 1);
    ledger.check(&store);
}

/// What is damaged is left for `verify` to find, and keeps nothing else from being merged.
#[test]
fn damaged_blocks_are_left_as_they_are() {
    let damages = [
        "UPDATE block SET content = substr(content, 1, length(content) - 1) WHERE log = 1 AND first = 300",
        "UPDATE block SET content = (SELECT content FROM block WHERE log = 1 AND first = 0) \
         WHERE log = 1 AND first = 300",
        "UPDATE block SET occurred_max_us = occurred_min_us - 1 WHERE log = 1 AND first = 300",
        "UPDATE block SET count = count - 1 WHERE log = 1 AND first = 300",
        "UPDATE block SET count = count + 1 WHERE log = 1 AND first = 300",
        "DELETE FROM block WHERE log = 1 AND first = 300",
        "UPDATE block SET first = 301 WHERE log = 1 AND first = 300",
    ];
    let filled = tempfile::tempdir().unwrap();
    drop(small_blocks(filled.path(), 768, 4));
    for damage in damages {
        let directory = tempfile::tempdir().unwrap();
        crate::filled::copy_directory(filled.path(), directory.path());
        assert_eq!(data(directory.path()).execute(damage, []).unwrap(), 1);
        let store = embedded(directory.path());
        let of_tile = || ranges(&store).into_iter().filter(|(first, _)| first / 256 == 1).collect::<Vec<_>>();
        let before = of_tile();
        assert_eq!(merge_all(&store), 2, "{damage}");
        assert_eq!(of_tile(), before, "{damage}");
    }
}

#[test]
fn an_installation_of_the_version_before_is_merged_too() {
    let directory = tempfile::tempdir().unwrap();
    let (store, ledger) = small_blocks(directory.path(), 256, 4);
    drop(store);
    data(directory.path())
        .execute_batch(
            "ALTER TABLE installation DROP COLUMN epoch; DROP TABLE user; DROP INDEX session_account; \
             ALTER TABLE session DROP COLUMN account; ALTER TABLE session DROP COLUMN opened_ms; \
             ALTER TABLE session DROP COLUMN opened_from; \
             DROP TABLE removal; DROP INDEX block_newest; DROP INDEX block_oldest; \
             ALTER TABLE block DROP COLUMN expired; \
             CREATE INDEX block_newest ON block (log, occurred_max_us, first); \
             CREATE INDEX block_oldest ON block (log, occurred_min_us, first); \
             DROP TABLE merge; DROP TABLE link; DROP TABLE configuration; \
             DROP TABLE umbrella_leaf; DROP TABLE umbrella_tile; ALTER TABLE token DROP COLUMN limits; \
             ALTER TABLE token DROP COLUMN used_ms; \
             DELETE FROM migration WHERE name >= '0003'",
        )
        .unwrap();
    let store = embedded(directory.path());
    assert_eq!(merge_all(&store), 1);
    ledger.check(&store);
}

/// Two that merge the same log at the same time, as two processes do, while a third writes to it.
#[test]
fn several_may_merge_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut ledger) = small_blocks(directory.path(), 1024, 8);
    let others = [embedded(directory.path()), embedded(directory.path())];
    std::thread::scope(|scope| {
        for other in &others {
            scope.spawn(|| merge_all(other));
        }
        for _ in 0..20 {
            grow(&store, &mut ledger, 1);
        }
    });
    merge_all(&store);
    ledger.check(&store);
    let found: Vec<(u64, u64)> = ranges(&store).into_iter().filter(|(_, end)| *end <= 1024).collect();
    assert!(found.iter().copied().eq((0..8).map(|block| (block * 128, (block + 1) * 128))), "{found:?}");
}

/// One walk, which must meet each entry that there was when it began exactly once, in order.
struct Walker {
    order: Walk,
    max: usize,
    size: usize,
    last: Option<BlockInfo>,
    seen: BTreeMap<u64, BlockInfo>,
    done: bool,
}

impl Walker {
    fn new(order: Walk, max: usize, size: usize) -> Self {
        Self { order, max, size, last: None, seen: BTreeMap::new(), done: false }
    }

    fn step(&mut self, store: &dyn Store, ledger: &Ledger) {
        if self.done {
            return;
        }
        let blocks = store.blocks(LOG, self.order, self.last, self.max).unwrap();
        self.done = blocks.len() < self.max;
        for block in blocks {
            if let Some(last) = self.last {
                let is_after = match self.order {
                    Walk::NewestFirst => {
                        (block.occurred_max_us, block.first) < (last.occurred_max_us, last.first)
                    }
                    Walk::OldestFirst | Walk::ByIndex => {
                        (block.occurred_min_us, block.first) > (last.occurred_min_us, last.first)
                    }
                };
                assert!(is_after, "{block:?} after {last:?}");
            }
            self.last = Some(block);
            let range = block.first..block.range().end.min(self.size.try_into().unwrap());
            for (index, bytes) in range.clone().zip(store.entries(LOG, range).unwrap()) {
                let known = &ledger.entries[usize::try_from(index).unwrap()];
                assert_eq!(bytes, known.bytes);
                let us = known.occurred_at.as_microsecond();
                assert!((block.occurred_min_us..=block.occurred_max_us).contains(&us), "{block:?}");
                assert_eq!(self.seen.insert(index, block), None, "entry {index} twice");
            }
        }
        if self.done {
            assert_eq!(self.seen.len(), self.size, "entries were skipped");
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Append(Vec<i64>),
    Merge,
    Begin(bool, usize),
    Step(usize),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    // Few different times, so that blocks overlap and tie; and wild ones.
    let time = prop_oneof![4 => 0_i64..6, 1 => 0_i64..100_000];
    let op = prop_oneof![
        3 => prop::collection::vec(time, 1..24).prop_map(Op::Append),
        1 => Just(Op::Merge),
        2 => (any::<bool>(), 1_usize..9).prop_map(|(newest, max)| Op::Begin(newest, max)),
        6 => any::<usize>().prop_map(Op::Step),
    ];
    prop::collection::vec(op, 60..140)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Any interleaving of appends, merges and the steps of several walks.
    #[test]
    fn no_walk_skips_or_doubles_an_entry(ops in ops(), seed in 0_i64..7) {
        let directory = tempfile::tempdir().unwrap();
        let (store, mut ledger) = (embedded(directory.path()), Ledger::new(LOG));
        let mut more = create(&store, LOG, "acme.www");
        std::mem::swap(&mut ledger, &mut more);
        let append = |ledger: &mut Ledger, seconds: &[i64]| {
            let run = ledger.grow_at(seconds, 0);
            publish(&store, ledger, run);
        };
        // Two tiles that are about to be full, in blocks that overlap each other in time.
        for number in 0..50 {
            let seconds: Vec<i64> = (0..10).map(|place| (number * seed + place * number) % 11).collect();
            append(&mut ledger, &seconds);
        }
        let mut walkers: Vec<Walker> = Vec::new();
        for op in ops {
            match op {
                Op::Append(seconds) => append(&mut ledger, &seconds),
                Op::Merge => drop(store.merge_blocks(LOG, 0).unwrap()),
                Op::Begin(newest, max) => {
                    let order = if newest { Walk::NewestFirst } else { Walk::OldestFirst };
                    let mut walker = Walker::new(order, max, ledger.entries.len());
                    walker.step(&store, &ledger);
                    walkers.push(walker);
                }
                Op::Step(number) => {
                    let count = walkers.len();
                    if let Some(walker) = walkers.get_mut(number % count.max(1)) {
                        walker.step(&store, &ledger);
                    }
                }
            }
        }
        merge_all(&store);
        for walker in &mut walkers {
            while !walker.done {
                walker.step(&store, &ledger);
            }
        }
        ledger.check(&store);
    }
}

/// The same with threads that know nothing of each other.
#[test]
fn walks_and_merges_may_race() {
    let directory = tempfile::tempdir().unwrap();
    let (store, ledger) = small_blocks(directory.path(), 2048, 8);
    let merged = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (order, max) in [(Walk::NewestFirst, 7), (Walk::OldestFirst, 7), (Walk::NewestFirst, 64)] {
            let (store, ledger, merged) = (&store, &ledger, &merged);
            scope.spawn(move || {
                loop {
                    let last = merged.load(Ordering::SeqCst);
                    let mut walker = Walker::new(order, max, ledger.entries.len());
                    while !walker.done {
                        walker.step(store, ledger);
                    }
                    if last {
                        break;
                    }
                }
            });
        }
        assert_eq!(merge_all(&store), 8);
        merged.store(true, Ordering::SeqCst);
    });
}

/// Entries that come one by one through the journal are merged while more come, and all of it verifies.
#[test]
fn the_journal_merges_in_the_background() {
    let directory = tempfile::tempdir().unwrap();
    let indelible = Indelible::open(directory.path(), &OpenOptions::default()).unwrap();
    let site = create_site(&indelible, "acme.www");
    let store = indelible.store().as_ref();
    let mut number = 0;
    while !walk(store, site.log, Walk::OldestFirst).iter().any(|block| block.count == 128) {
        assert!(number < 20_000, "nothing was merged");
        append(&indelible, &site, number..number + 20);
        number += 20;
    }
    let report = verify_site(&indelible, &site, &|_| ()).unwrap();
    assert_eq!((report.entries, report.findings), (number.try_into().unwrap(), Vec::new()));
}

/// What an earlier process has left is merged when a server asks for it.
#[test]
fn what_was_left_is_merged_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let (store, ledger) = small_blocks(directory.path(), 256, 4);
    drop(store);
    let unmerged = |indelible: &Indelible| walk(indelible.store().as_ref(), LOG, Walk::OldestFirst).len() > 2;
    let keys = indelible::keys::Keys::create(directory.path());
    keys.unwrap();
    let indelible = Indelible::open_existing(directory.path(), &OpenOptions::default()).unwrap();
    assert!(unmerged(&indelible), "not before");
    indelible.merge_blocks().unwrap();
    let merged = (0..200_000).any(|_| !unmerged(&indelible));
    assert!(merged, "nothing was merged");
    ledger.check(indelible.store().as_ref());
}

/// A walk over a log without entries, and over one that was merged as a whole.
#[test]
fn a_walk_over_merged_blocks_alone() {
    let directory = tempfile::tempdir().unwrap();
    let (store, mut ledger) = small_blocks(directory.path(), 256, 4);
    assert_eq!(merge_all(&store), 1);
    assert_eq!(walk(&store, LOG, Walk::NewestFirst).len(), 2);
    assert_eq!(walk(&store, 0, Walk::NewestFirst), []);
    let run = ledger.grow(1, 0);
    let base = run.base;
    commit(&store, &batch(vec![run]), &[(base, ledger.signed())]);
    assert_eq!(walk(&store, LOG, Walk::OldestFirst).len(), 3);
}
