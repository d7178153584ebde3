//! Bits that flip anywhere in the files of a store: found, or without consequence; and nothing is signed over them.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use indelible::jobs::verify_site;
use indelible::journal::{Append, Outcome, admit_all};
use indelible::store::{Store, Walk};
use indelible::{Indelible, OpenOptions};
use tempfile::TempDir;
use tlog::{Checkpoint, RightEdge};

use crate::filled::{Filled, OTHER, SITE};
use crate::store::walk;

/// How many bits flip in each file, a thousand altogether.
const DATA: u64 = 760;
const HEADS: u64 = 200;
const SEED: u64 = 40;

/// Flips that many bits of a file, each in a copy of its own, spread over the whole file. Returns how many of them
/// were noticed; the others must show everything as it was.
fn flip_each(filled: &Filled, file: &str, flips: u64) -> u64 {
    let bytes = fs::read(filled.path().join(file)).unwrap();
    let whole = everything(&Indelible::open(filled.path(), &OpenOptions::default()).unwrap());
    let next = AtomicU64::new(0);
    let found = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|n| *n < flips) {
                    // A multiple of an odd fraction of the length.
                    let length = u64::try_from(bytes.len()).unwrap();
                    let place = (number * 2 + 1) * length / (2 * flips) + number % 13;
                    let place = usize::try_from(place.min(length - 1)).unwrap();
                    let mut flipped = bytes.clone();
                    flipped[place] ^= 1 << (number % 8);
                    let copy = filled.copy();
                    fs::write(copy.path().join(file), flipped).unwrap();
                    match judge(&copy) {
                        None => drop(found.fetch_add(1, Ordering::Relaxed)),
                        Some(seen) => {
                            assert!(seen == whole, "{file}, byte {place}: unnoticed and not the same");
                        }
                    }
                    signs_nothing_else(filled, copy.path(), &format!("{file}, byte {place}"));
                }
            });
        }
    });
    found.into_inner()
}

#[test]
fn a_flipped_bit_is_found_or_changes_nothing() {
    let filled = Filled::new();
    assert!(flip_each(&filled, "indelible.sqlite", DATA) > DATA / 3, "most of it is entries, ids and hashes");
    assert!(flip_each(&filled, "head/heads.sqlite", HEADS) > 0, "the heads are in there");
    // Every digit of the seed makes other keys, and upper case is the same digit.
    assert!(flip_each(&filled, "keys/seed", SEED) > SEED * 3 / 4, "nearly every bit is a digit's");
}

/// Whatever is appended to damaged data: it is refused, or signed into the tree of the entries as they were.
fn signs_nothing_else(filled: &Filled, directory: &Path, place: &str) {
    let Ok(indelible) = Indelible::open(directory, &OpenOptions::default()) else { return };
    let Ok(Some(site)) = indelible.sites().find(&SITE.parse().unwrap()) else { return };
    let text = crate::filled::text(SITE, 5_000);
    let rules = indelible::settings::Rules::default();
    let entries = admit_all([text.as_bytes()].into_iter(), "test", None, &rules).unwrap();
    let entries = entries.into_iter().map(Result::unwrap).collect();
    let append = Append { site: site.clone(), entries, atomic: false, change: None };
    let Ok(outcomes) = indelible.journal().append_blocking(append) else { return };
    let Some(Outcome::Appended(receipt)) = outcomes.into_iter().next() else { return };
    let mut tree = RightEdge::new();
    for receipt in filled.receipts[SITE].iter().chain([&receipt]) {
        tree.push(receipt.leaf_hash);
    }
    let head = indelible.published().head(site.log).unwrap().unwrap();
    let keys = indelible.keys().verifier_keys(&site.id).unwrap();
    let signed = Checkpoint::verify(&head.checkpoint, &indelible.keys().origin(&site.id), &keys);
    if let Ok(signed) = signed {
        assert_eq!((signed.size(), *signed.root()), (tree.size(), tree.root()), "{place}: signed over");
    }
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
