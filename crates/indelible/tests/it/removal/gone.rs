//! What is removed is gone from every file, and what is left is found and verifies.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use indelible::auditor::verify_receipt;
use indelible::jobs::verify_site;
use indelible::removal::{Expiring, Verdict, Wanted, erase, verdict};
use indelible::store::{Content, Walk};
use indelible::{Indelible, OpenOptions, receipts};
use model::{Retention, SectionName, StoredEntry};
use serde_json::json;

use super::{Opened, PATIENCE, ago, caller, entries};

/// Every file of the installation, with its bytes.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    found
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    // Only places with the first byte are compared: the files are large.
    let first = part[0];
    let mut rest = bytes;
    while let Some(place) = rest.iter().position(|byte| *byte == first) {
        rest = &rest[place..];
        if rest.starts_with(part) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// The shards of the search index: the beginning of their files' names, and how many entries they have.
fn shards(directory: &Path) -> Vec<(String, u64)> {
    let meta = fs::read(directory.join("index/meta.json")).unwrap();
    let meta: serde_json::Value = serde_json::from_slice(&meta).unwrap();
    let shard = |segment: &serde_json::Value| {
        let id = segment["segment_id"].as_str().unwrap().replace('-', "");
        (id, segment["max_doc"].as_u64().unwrap())
    };
    meta["segments"].as_array().unwrap().iter().map(shard).collect()
}

/// None of these shards' files is left, nor one of no shard.
fn no_old_shards(directory: &Path, before: &[(String, u64)]) {
    let after = shards(directory);
    let all = files(directory);
    for (shard, entries) in before.iter().filter(|(_, entries)| *entries > 50) {
        let is_left = all.iter().any(|(name, _)| name.contains(shard.as_str()));
        assert!(!is_left, "the shard {shard} with {entries} entries was written before the erasure");
    }
    let is_column = |name: &str| Path::new(name).extension().is_some_and(|extension| extension == "fast");
    for (name, _) in all.iter().filter(|(name, _)| name.contains("/index/") && is_column(name)) {
        assert!(after.iter().any(|(shard, _)| name.contains(shard.as_str())), "{name} is of no shard");
    }
}

/// What stays of an erased address: the leaf, and in it a commitment of which nobody can test a guess. Not the address,
/// not its salt, not the secret that the salt came from, not the old packed block, in no file.
#[test]
fn of_an_erased_address_no_file_has_a_byte_but_its_commitment() {
    let opened = Opened::new(&OpenOptions::default());
    // Values that nothing else in the files looks like.
    let marked = |number: usize| {
        let fill =
            format!("{:x}", 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(u64::try_from(number).unwrap() + 1));
        json!({
            "action": "page.update",
            "actor": {"type": "user", "name": format!("Quirin {number} {fill}")},
            "entity": {"type": "page", "id": number.to_string()},
            "origin": {"ip": format!("2001:db8:{number:x}::abcd"), "user_agent": format!("Zyx/{number} {fill}")},
        })
        .to_string()
    };
    let texts: Vec<String> = (0..300).map(marked).collect();
    opened.append(&texts[..200]);
    assert!(opened.indelible.search().catch_up(PATIENCE).unwrap());
    opened.append(&texts[200..]);
    assert!(opened.indelible.search().catch_up(PATIENCE).unwrap());

    let secret_and_salt = |index: u64| {
        let bytes = opened.stored(index);
        let salt = StoredEntry::decode(&bytes).unwrap().salt_of(SectionName::Origin).unwrap();
        (bytes[27..59].to_vec(), salt.to_vec())
    };
    let erased = [7_u64, 150, 250];
    let secrets: Vec<_> = erased.iter().map(|index| secret_and_salt(*index)).collect();
    let old: Vec<u8> = opened
        .data()
        .query_row("SELECT content FROM block WHERE log = 1 AND first = 0", [], |row| row.get(0))
        .unwrap();
    // The index packs what it has in its own way. Those with a few entries are of the system's log.
    let before = shards(opened.directory.path());
    assert!(before.iter().any(|(_, entries)| *entries > 50));

    assert!(
        files(opened.directory.path()).iter().any(|(_, bytes)| has(bytes, &old[100..132])),
        "in the database"
    );

    for index in erased {
        opened.erase(index, &[SectionName::Origin, SectionName::Actor]).unwrap();
    }
    assert!(opened.indelible.search().follow_removals(PATIENCE).unwrap());

    let new: Vec<u8> = opened
        .data()
        .query_row("SELECT content FROM block WHERE log = 1 AND first = 0", [], |row| row.get(0))
        .unwrap();
    let all = files(opened.directory.path());
    no_old_shards(opened.directory.path(), &before);
    for (index, (secret, salt)) in erased.iter().zip(&secrets) {
        let address = format!("2001:db8:{index:x}::abcd");
        for (name, bytes) in &all {
            assert!(!has(bytes, address.as_bytes()), "{name} has {address}");
            assert!(!has(bytes, format!("Zyx/{index} ").as_bytes()), "{name}");
            assert!(!has(bytes, format!("Quirin {index} ").as_bytes()), "{name}");
            assert!(!has(bytes, secret), "{name} has the secret");
            assert!(!has(bytes, salt), "{name} has the salt");
        }
    }
    // The old packed block would unpack to all of it.
    for (place, piece) in
        old.chunks(32).enumerate().filter(|(_, piece)| piece.len() == 32 && !has(&new, piece))
    {
        for (name, bytes) in &all {
            assert!(!has(bytes, piece), "{name} has the old block's bytes from {}", place * 32);
        }
    }
    // What remains of the entry.
    let bytes = opened.stored(7);
    let left = StoredEntry::decode(&bytes).unwrap();
    assert_eq!(left.erased().collect::<Vec<_>>(), [SectionName::Actor, SectionName::Origin]);
    let names: Vec<SectionName> = left.sections().map(|(name, _)| name).collect();
    assert_eq!(names, [SectionName::Entity, SectionName::Source]);
    assert_eq!(opened.verified().erased, 3);
}

/// A number from 0 below a bound, the same in every run.
fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

#[test]
fn after_a_thousand_erasures_and_a_retention_run_everything_saved_verifies() {
    let opened = Opened::quick();
    let old = ago(400);
    for part in 0..4 {
        opened.append(&entries(300, if part < 2 { old } else { ago(3) }));
    }
    let size = opened.indelible.published().size(opened.site.log).unwrap();
    let indexes: Vec<u64> = (0..size).collect();
    let saved = receipts::newest(&opened.indelible, &opened.site, &indexes).unwrap();
    let key = opened.indelible.keys().verifier_key(&opened.site.id).unwrap();
    let hashes: Vec<_> = indexes
        .iter()
        .map(|index| tlog::leaf_hash(&StoredEntry::decode(&opened.stored(*index)).unwrap().leaf().to_bytes()))
        .collect();

    let removable = &SectionName::ALL[..5];
    let (mut state, mut done) = (7, 0);
    let mut gone: BTreeSet<(u64, SectionName)> = BTreeSet::new();
    while done < 1000 {
        let mut wanted: Vec<Wanted> = Vec::new();
        while wanted.len() < 50 {
            let index = random(&mut state, size);
            let section = removable[usize::try_from(random(&mut state, 5)).unwrap()];
            if !gone.contains(&(index, section)) && !wanted.iter().any(|other| other.index == index) {
                gone.insert((index, section));
                wanted.push(Wanted { index, sections: vec![section] });
            }
        }
        done += wanted.len();
        erase(&opened.indelible, &opened.site, &wanted, "request 7", &caller()).unwrap();
    }
    let erased_entries: BTreeSet<u64> = gone.iter().map(|(index, _)| *index).collect();
    let report = opened.verified();
    assert_eq!((report.erased, report.expired), (u64::try_from(erased_entries.len()).unwrap(), 0));

    let Expiring::Entries(expiry) = opened.expire(indelible::clock::now()) else { panic!("nothing expired") };
    assert_eq!((expiry.first, expiry.last, expiry.count), (0, 599, 600));
    let report = opened.verified();
    let still = erased_entries.iter().filter(|index| **index >= 600).count();
    assert_eq!((report.erased, report.expired), (u64::try_from(still).unwrap(), 600));

    for ((index, receipt), hash) in indexes.iter().zip(&saved).zip(&hashes) {
        let now = tlog::leaf_hash(&StoredEntry::decode(&opened.stored(*index)).unwrap().leaf().to_bytes());
        assert_eq!(now, *hash, "{index}");
        assert_eq!(verify_receipt(receipt, &now, &key, None).unwrap().index, *index);
        let fresh = receipts::receipt(&opened.indelible, &opened.site, *index).unwrap();
        verify_receipt(&fresh, &now, &key, None).unwrap();
        match verdict(&opened.indelible, &opened.site, *index).unwrap() {
            Verdict::Expired(because, policy) => {
                assert!(*index < 600 && because.index >= size);
                assert_eq!(policy.retention_days, Retention::Days(365));
            }
            Verdict::Erased(sections) => {
                assert!(*index >= 600);
                assert!(sections.iter().all(|(section, _)| gone.contains(&(*index, *section))));
            }
            Verdict::Present => assert!(!erased_entries.contains(index)),
            Verdict::Missing(sections) => panic!("{index}: {sections:?}"),
        }
    }
    // A log that was reduced still grows and opens.
    opened.append(&entries(300, ago(1)));
    let Opened { indelible, site, directory } = opened;
    drop(indelible);
    let options = OpenOptions { without_indexing: true, ..OpenOptions::default() };
    let indelible = Indelible::open(directory.path(), &options).unwrap();
    assert_eq!(verify_site(&indelible, &site, &|_| ()).unwrap().findings, []);
}

#[test]
fn searches_find_what_is_left_and_nothing_else() {
    let opened = Opened::new(&OpenOptions::default());
    opened.append(&entries(400, ago(400)));
    opened.append(&entries(400, ago(3)));
    assert!(opened.indelible.search().catch_up(PATIENCE).unwrap());
    assert_eq!(opened.count_of("ip:10.0.7.9"), 2);
    opened.erase(407, &[SectionName::Origin]).unwrap();
    // At once, whether the index has followed or not.
    assert_eq!(opened.count_of("ip:10.0.7.9"), 1);
    assert_eq!(opened.count_of("actor:\"Person 7\""), 2);
    assert!(opened.indelible.search().follow_removals(PATIENCE).unwrap());
    assert_eq!(opened.count_of("ip:10.0.7.9"), 1);
    assert_eq!(opened.count_of("\"person 7\" kind:update"), 2);
    assert_eq!(opened.count_of(""), 801, "800 and the one that tells of the erasure");

    assert!(matches!(opened.expire(indelible::clock::now()), Expiring::Entries(_)));
    for _ in 0..2 {
        assert_eq!(opened.count_of("action:page.update created<2026-01-01"), 0);
        let newest = model::Filter::parse("entity.type:page").unwrap();
        let question = |order, cursor| indelible::search::Question {
            sites: std::slice::from_ref(&opened.site),
            filter: &newest,
            order,
            cursor,
            limit: 150,
            patience: PATIENCE,
        };
        for order in [model::Order::NEWEST_FIRST, model::Order::OLDEST_FIRST] {
            let (mut cursor, mut seen) = (None, Vec::new());
            loop {
                let page = opened.indelible.search().page(&question(order, cursor)).unwrap();
                seen.extend(page.entries.iter().map(|entry| entry.index));
                cursor = page.next;
                if cursor.is_none() {
                    break;
                }
            }
            seen.sort_unstable();
            assert_eq!(seen, (400..800).collect::<Vec<_>>());
        }
        assert!(opened.indelible.search().follow_removals(PATIENCE).unwrap());
    }
    assert_eq!(opened.count_of("kind:update entity.type:page"), 400);
    // Blocks without anything to show are walked by index only.
    let walked = |walk| {
        let blocks = opened.indelible.store().blocks(opened.site.log, walk, None, 100).unwrap();
        blocks
            .into_iter()
            .filter(|block| block.content == Content::Entries)
            .map(|block| block.count)
            .sum::<u64>()
    };
    assert_eq!(walked(Walk::OldestFirst), walked(Walk::ByIndex));
    assert!(walked(Walk::OldestFirst) < 802);
}
