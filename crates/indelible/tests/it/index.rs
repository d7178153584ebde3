//! The search index when it is missing, damaged, or another's: answers stay right, and it is made anew.

use std::path::Path;

use crate::oracle::Dice;
use crate::search::{PATIENT, append, check_many, create, entry, filled, open};

/// Opens a filled installation and compares all of its answers, before and after the index is up to date.
#[track_caller]
fn answers_rightly(directory: &Path, published: u64) {
    let indelible = open(directory);
    let site = |id: &str| indelible.sites().find(&id.parse().unwrap()).unwrap().unwrap();
    let sites = [site("one"), site("two")];
    let mut dice = Dice::new(5);
    check_many(&indelible, &sites, &mut dice, 8);
    assert!(indelible.search().catch_up(PATIENT).unwrap());
    assert_eq!(indelible.search().progress().unwrap().indexed, published);
    check_many(&indelible, &sites, &mut dice, 15);
}

/// Every file of the index but the locks, largest first.
fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let found = std::fs::read_dir(directory.join("index")).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> =
        found.filter(|path| path.extension().is_none_or(|extension| extension != "lock")).collect();
    files.sort_by_key(|path| std::cmp::Reverse(std::fs::metadata(path).unwrap().len()));
    files
}

#[test]
fn an_index_that_is_missing_torn_or_foreign_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let published = filled(directory.path());
    let index = directory.path().join("index");

    std::fs::remove_dir_all(&index).unwrap();
    answers_rightly(directory.path(), published);

    // Without its list of shards, with half of it, and with one of another format.
    let meta = index.join("meta.json");
    let text = std::fs::read_to_string(&meta).unwrap();
    std::fs::remove_file(&meta).unwrap();
    answers_rightly(directory.path(), published);
    std::fs::write(&meta, &text[..text.len() / 2]).unwrap();
    answers_rightly(directory.path(), published);
    let other = std::fs::read_to_string(&meta).unwrap().replace("\\\"format\\\":2", "\\\"format\\\":0");
    assert!(other.contains("\\\"format\\\":0"), "{other}");
    std::fs::write(&meta, other).unwrap();
    answers_rightly(directory.path(), published);

    // Files that were cut, emptied or lost, and bits that flipped in all of them.
    for round in 0..6 {
        let damaged = files(directory.path());
        assert!(damaged.len() > 3);
        for file in
            damaged.iter().filter(|file| !file.ends_with("meta.json")).take(if round < 3 { 2 } else { 9 })
        {
            let bytes = std::fs::read(file).unwrap();
            let mut flipped = bytes.clone();
            match round {
                // A bit in the middle, near the beginning, near the end.
                3 => flipped[bytes.len() / 2] ^= 1,
                4 => flipped[bytes.len() / 16] ^= 8,
                5 => flipped[bytes.len() * 7 / 8] ^= 64,
                _ => {}
            }
            match round {
                3.. => std::fs::write(file, flipped).unwrap(),
                0 => std::fs::write(file, &bytes[..bytes.len() / 2]).unwrap(),
                1 => std::fs::write(file, b"").unwrap(),
                _ => std::fs::remove_file(file).unwrap(),
            }
        }
        answers_rightly(directory.path(), published);
    }

    // One that is no directory at all.
    std::fs::remove_dir_all(&index).unwrap();
    std::fs::write(&index, b"not an index").unwrap();
    answers_rightly(directory.path(), published);
}

#[test]
fn an_index_of_another_installation_is_not_believed() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let published = filled(one.path());
    {
        let indelible = open(other.path());
        let site = create(&indelible, "one");
        create(&indelible, "two");
        let mut dice = Dice::new(99);
        let entries: Vec<_> = (0..30).map(|_| entry(&mut dice)).collect();
        append(&indelible, &site, &entries);
        assert!(indelible.search().catch_up(PATIENT).unwrap());
    }
    std::fs::remove_dir_all(one.path().join("index")).unwrap();
    std::fs::rename(other.path().join("index"), one.path().join("index")).unwrap();
    answers_rightly(one.path(), published);
}

/// An index that is ahead of the log was made from a log that was put back meanwhile: what it says of the
/// entries that came in their place is wrong.
#[test]
fn an_index_that_is_ahead_of_the_log_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let published = filled(directory.path());
    let kept = tempfile::tempdir().unwrap();
    let copy = |from: &Path, to: &Path| {
        let status = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
        assert!(status.success());
    };
    let parts = ["indelible.sqlite", "indelible.sqlite-wal", "indelible.sqlite-shm", "head"];
    let there = |from: &Path| parts.map(|part| from.join(part)).into_iter().filter(|path| path.exists());
    there(directory.path()).for_each(|part| copy(&part, kept.path()));
    {
        let indelible = open(directory.path());
        let site = indelible.sites().find(&"one".parse().unwrap()).unwrap().unwrap();
        let mut dice = Dice::new(1);
        append(&indelible, &site, &(0..9).map(|_| entry(&mut dice)).collect::<Vec<_>>());
        assert!(indelible.search().catch_up(PATIENT).unwrap());
    }
    for path in there(directory.path()) {
        if path.is_dir() {
            std::fs::remove_dir_all(&path).unwrap();
        } else {
            std::fs::remove_file(&path).unwrap();
        }
    }
    there(kept.path()).for_each(|part| copy(&part, directory.path()));
    answers_rightly(directory.path(), published);
}
