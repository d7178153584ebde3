//! The same question has the same answer in every store.

use indelible::{Indelible, OpenOptions};

use super::Fresh;
use crate::oracle::Dice;
use crate::search::{PATIENT, answers_as_the_filter_means_it, append, check_many, create, entry};

#[test]
fn whatever_is_asked_of_a_database_is_answered_as_the_filter_means_it() {
    let fresh = Fresh::new();
    answers_as_the_filter_means_it(|| fresh.process(fresh.directory.path()));
}

/// Each process has an index of its own, which follows what the others write.
#[test]
fn what_one_process_writes_the_others_find() {
    let fresh = Fresh::new();
    let first = fresh.process(fresh.directory.path());
    let sites = [create(&first, "one"), create(&first, "two")];
    let directory = fresh.another_directory();
    let second = fresh.process(directory.path());
    let mut dice = Dice::new(29);
    for round in 0..6 {
        let (writer, reader) = if round % 2 == 0 { (&first, &second) } else { (&second, &first) };
        for site in &sites {
            let entries: Vec<_> = (0..=dice.below(20)).map(|_| entry(&mut dice)).collect();
            append(writer, site, &entries);
        }
        check_many(reader, &sites, &mut dice, 10);
        if round % 3 == 1 {
            assert!(reader.search().catch_up(PATIENT).unwrap());
            check_many(reader, &sites, &mut dice, 10);
        }
    }
}

#[test]
fn a_process_with_another_seed_is_refused() {
    let fresh = Fresh::new();
    drop(fresh.process(fresh.directory.path()));
    let other = tempfile::tempdir().unwrap();
    let options = OpenOptions { database: Some(fresh.url()), ..OpenOptions::default() };
    let refused = Indelible::open(other.path(), &options).unwrap_err().to_string();
    assert!(refused.contains("keys"), "{refused}");
    // A seed, but not the one.
    let another = Fresh::new();
    drop(another.process(other.path()));
    drop(std::fs::remove_file(other.path().join("heads-seen.json")));
    let refused = Indelible::open(other.path(), &options).unwrap_err().to_string();
    assert!(refused.contains("is not the one that the logs in this database are signed with"), "{refused}");
}
