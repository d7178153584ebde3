//! The store alone: batches that are ready are packed, written and committed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use indelible::clock;
use indelible::journal::admit_all;
use indelible::settings::Rules;
use indelible::store::{
    Batch, Change, CreateOptions, Database, Head, NewEntry, Run, Scope, SignedHead, Site, Store, TileData,
};
use tlog::{RightEdge, TILE_HEIGHT, TILE_WIDTH};
use uuid::Uuid;

use crate::Outcome;
use crate::cluster::Cluster;
use crate::common::ENTRIES_AT_ONCE;
use crate::entries::Generator;

/// The log that is written to.
const LOG: u32 = 1;

/// The time for all batches.
pub(crate) fn appended(cluster: &Cluster, generator: &Generator, entries: u64) -> Outcome<Duration> {
    let mut database = Database::connect(&cluster.url("app", &cluster.database()))?;
    let create =
        CreateOptions { origin: "bench".to_owned(), installation: Uuid::nil(), epoch: 1, now: clock::now() };
    database.create(&create, b"bench")?;
    let directory = tempfile::tempdir()?;
    let store = database.open(directory.path(), None)?;
    let site = Site { log: LOG, id: "acme.www".parse()?, name: "Acme".to_owned(), created_at: clock::now() };
    let changes = vec![Change::CreateSite(site)];
    commit(&store, &Batch { runs: Vec::new(), changes }, Head::empty(), Head::empty())?;
    let batches = batches(generator, entries)?;
    let start = Instant::now();
    for batch in batches {
        for (base, next) in batch.runs.iter().map(|run| (run.base, run.next)).collect::<Vec<_>>() {
            commit(&store, &batch, base, next)?;
        }
    }
    Ok(start.elapsed())
}

fn commit(store: &dyn Store, batch: &Batch, base: Head, next: Head) -> Outcome<()> {
    let lock = store.lock(Scope::Logs(&[LOG]))?;
    store.persist(batch)?;
    store.publish(&[(base, SignedHead { log: LOG, head: next, checkpoint: "signed".repeat(40) })])?;
    drop(lock);
    Ok(())
}

/// Batches as the journal makes them.
fn batches(generator: &Generator, entries: u64) -> Outcome<Vec<Batch>> {
    let mut edge = RightEdge::new();
    let mut tiles: BTreeMap<(u8, u64), Vec<u8>> = BTreeMap::new();
    let mut batches = Vec::new();
    for first in (0..entries).step_by(usize::try_from(ENTRIES_AT_ONCE)?) {
        let texts = (first..entries.min(first + ENTRIES_AT_ONCE))
            .map(|number| Ok(generator.entry(usize::try_from(number)?)))
            .collect::<Outcome<Vec<String>>>()?;
        let base = Head { size: edge.size(), root: edge.root() };
        let mut touched = std::collections::BTreeSet::new();
        let mut run = Vec::new();
        for admitted in admit_all(texts.iter().map(String::as_bytes), "bench", None, &Rules::default())? {
            let mut sealed = admitted.map_err(|error| format!("{error:?}"))?;
            let (id, occurred_at, links) = (sealed.id, sealed.occurred_at, std::mem::take(&mut sealed.links));
            let (bytes, leaf) = sealed.place(clock::now_ms())?;
            edge.push_with(tlog::leaf_hash(&leaf.to_bytes()), |level, index, hash| {
                if level % TILE_HEIGHT == 0 {
                    let place = (level / TILE_HEIGHT, index / u64::from(TILE_WIDTH));
                    tiles.entry(place).or_default().extend(hash.as_bytes());
                    touched.insert(place);
                }
            });
            run.push(NewEntry { id, occurred_at, links, bytes });
        }
        let next = Head { size: edge.size(), root: edge.root() };
        let tiles = touched.into_iter().map(|(level, number)| TileData {
            level,
            number,
            hashes: tiles.get(&(level, number)).cloned().unwrap_or_default(),
        });
        let run = Run { log: LOG, base, next, entries: run, tiles: tiles.collect() };
        batches.push(Batch { runs: vec![run], changes: Vec::new() });
    }
    Ok(batches)
}
