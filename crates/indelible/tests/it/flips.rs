//! Bits that flip anywhere in the database file: found, or without consequence.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use indelible::jobs::verify_site;
use indelible::store::{Store, Walk};
use indelible::{Indelible, OpenOptions};
use tempfile::TempDir;

use crate::filled::{Filled, OTHER, SITE, data_file};
use crate::store::walk;

const FLIPS: u64 = 160;

#[test]
fn a_flipped_bit_is_found_or_changes_nothing() {
    let filled = Filled::new();
    let bytes = fs::read(filled.data_file()).unwrap();
    let whole = everything(&Indelible::open(filled.path(), &OpenOptions::default()).unwrap());
    let next = AtomicU64::new(0);
    let found = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < FLIPS) {
                    // A multiple of an odd fraction of the length: spread over the whole file.
                    let length = u64::try_from(bytes.len()).unwrap();
                    let place =
                        usize::try_from((number * 2 + 1) * length / (2 * FLIPS) + number % 13).unwrap();
                    let mut flipped = bytes.clone();
                    flipped[place] ^= 1 << (number % 8);
                    let copy = filled.copy();
                    fs::write(data_file(copy.path()), flipped).unwrap();
                    match judge(&copy) {
                        None => drop(found.fetch_add(1, Ordering::Relaxed)),
                        Some(seen) => assert!(seen == whole, "byte {place}: unnoticed and not the same"),
                    }
                }
            });
        }
    });
    assert!(found.into_inner() > FLIPS / 3, "most of the file is entries, ids and hashes");
}

/// `None` when the damage is noticed; else all there is to see.
fn judge(directory: &TempDir) -> Option<Vec<String>> {
    let indelible = Indelible::open(directory.path(), &OpenOptions::default()).ok()?;
    for site in indelible.sites().all().ok()? {
        let report = verify_site(&indelible, &site, &|_| ()).ok()?;
        if !report.findings.is_empty() {
            return None;
        }
    }
    Some(everything(&indelible))
}

/// What readers can see: entries, and every way to them.
fn everything(indelible: &Indelible) -> Vec<String> {
    let mut all = Vec::new();
    for id in ["_system", SITE, OTHER] {
        let site = indelible.sites().find(&id.parse().unwrap()).unwrap().expect("every site is there");
        let head = indelible.published().head(site.log).unwrap().unwrap();
        let store: &dyn Store = indelible.store().as_ref();
        let entries =
            indelible::search::read_entries(store, indelible.published(), &site, 0..head.head.size).unwrap();
        let ids: Vec<_> = entries.iter().map(|entry| entry.id).collect();
        all.push(format!("{} {}", site.id, head.checkpoint));
        all.push(format!("{:?}", store.positions(site.log, &ids).unwrap()));
        all.push(format!("{:?}", walk(store, site.log, Walk::NewestFirst)));
        all.push(format!("{:?}", walk(store, site.log, Walk::OldestFirst)));
        all.push(format!("{entries:?}"));
    }
    all
}
