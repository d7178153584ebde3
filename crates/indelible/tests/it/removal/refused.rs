//! What is refused, and what is missing because nothing tells of it.

use indelible::removal::{Expiring, RemovalError, Verdict, Wanted, erase, verdict};
use indelible::store::{Reduction, Removal, StoreError};
use model::{SectionName, StoredEntry};

use super::{Opened, ago, caller, entries};

/// Whoever can write to the files can take content away, and even keep the leaf: it shows all the same.
#[test]
fn content_that_is_gone_without_an_entry_is_missing() {
    let opened = Opened::quick();
    opened.append(&entries(20, ago(400)));
    opened.erase(3, &[SectionName::Origin]).unwrap();
    let forge = |index: usize, new: &dyn Fn(&StoredEntry<'_>) -> Vec<u8>| {
        let data = opened.data();
        let content: Vec<u8> = data
            .query_row("SELECT content FROM block WHERE log = 1 AND first = 0", [], |row| row.get(0))
            .unwrap();
        let plain = zstd::decode_all(content.as_slice()).unwrap();
        let (mut packed, mut rest, mut place) = (Vec::new(), plain.as_slice(), 0);
        while let Some((length, others)) = rest.split_first_chunk::<4>() {
            let (bytes, others) = others.split_at(usize::try_from(u32::from_le_bytes(*length)).unwrap());
            let bytes =
                if place == index { new(&StoredEntry::decode(bytes).unwrap()) } else { bytes.to_vec() };
            packed.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            packed.extend(bytes);
            rest = others;
            place += 1;
        }
        let packed = zstd::encode_all(packed.as_slice(), 1).unwrap();
        data.execute("UPDATE block SET content = ?1 WHERE log = 1 AND first = 0", [packed]).unwrap();
    };
    forge(3, &|entry| entry.without(&[SectionName::Actor]));
    forge(5, &|entry| entry.without(&[SectionName::Change]));
    forge(9, &|entry| entry.expired(true));
    let findings = opened.findings();
    assert_eq!(findings.len(), 3, "{findings:?}");
    assert!(findings[0].starts_with("Some(3..4): MISSING") && findings[0].ends_with("actor"), "{findings:?}");
    assert!(
        findings[1].starts_with("Some(5..6): MISSING") && findings[1].ends_with("change"),
        "{findings:?}"
    );
    assert!(findings[2].starts_with("Some(9..10): MISSING"), "{findings:?}");
    for index in [3, 5, 9] {
        assert!(
            matches!(verdict(&opened.indelible, &opened.site, index).unwrap(), Verdict::Missing(_)),
            "{index}"
        );
    }
    // A later expiry tells of what was there to expire; what was taken away before is among it by then.
    assert!(
        matches!(opened.expire(indelible::clock::now()), Expiring::Entries(expiry) if expiry.count == 19)
    );
}

/// The store looks after itself, whoever asks.
#[test]
fn a_store_removes_nothing_without_a_reason_and_nothing_that_is_damaged() {
    let opened = Opened::quick();
    opened.append(&entries(20, ago(400)));
    opened.erase(3, &[SectionName::Origin]).unwrap();
    let store = opened.indelible.store();
    let log = opened.site.log;
    let sections = || Reduction::Sections(vec![SectionName::Actor]);
    let expired = || Reduction::Expired { keeps_source: false };
    for (reason, index, reduction, words) in [
        (2, 4, sections(), "does not tell of such a removal"),
        (999, 4, sections(), "is not published"),
        (20, 4, expired(), "does not tell of such a removal"),
        (20, 999, sections(), "no entry 999"),
        (20, 20, sections(), "is kept"),
    ] {
        let removal = Removal { log, reason, entries: vec![(4, reduction.clone()), (index, reduction)] };
        let error = store.remove(&removal).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    assert_eq!(opened.verified().erased, 1, "all of it or nothing");
    // An entry that is not what was signed stays, so that it is found.
    opened
        .data()
        .execute("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE log = 1 AND level = 0", [])
        .unwrap();
    let removal = Removal { log, reason: 20, entries: vec![(4, sections())] };
    let error = store.remove(&removal).unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupt(reason) if reason.contains("not the one that was signed")),
        "{error}"
    );
    assert_eq!(StoredEntry::decode(&opened.stored(4)).unwrap().erased().count(), 0);
}

#[test]
fn what_cannot_be_erased_is_told() {
    let opened = Opened::quick();
    opened.append(&entries(3, ago(400)));
    opened.append(&[r#"{"action":"a.b","entity":{"type":"t","id":"1"}}"#.to_owned()]);
    let told = opened.erase(0, &[SectionName::Origin]).unwrap();
    let place = opened.indelible.store().positions(opened.site.log, &[told]).unwrap()[0].unwrap();
    let refused = |index, sections: &[SectionName]| opened.erase(index, sections).unwrap_err();
    assert!(matches!(refused(0, &[SectionName::Origin]), RemovalError::Nothing { index: 0 }));
    assert!(matches!(refused(3, &[SectionName::Change]), RemovalError::Nothing { index: 3 }));
    assert!(matches!(refused(1, &[SectionName::Source]), RemovalError::Source));
    assert!(matches!(refused(1, &[]), RemovalError::NoSections));
    assert!(matches!(refused(place, &[SectionName::Actor]), RemovalError::Kept { .. }));
    assert!(matches!(refused(999, &[SectionName::Actor]), RemovalError::Store(_)));
    let wanted = [Wanted { index: 1, sections: vec![SectionName::Actor] }];
    let erased = erase(&opened.indelible, &opened.site, &wanted, "  ", &caller());
    assert!(matches!(erased, Err(RemovalError::NoReason)));
    let erased = erase(&opened.indelible, &opened.site, &[], "r", &caller());
    assert!(matches!(erased, Err(RemovalError::Entries)));
    opened.expire(indelible::clock::now());
    assert!(matches!(refused(1, &[SectionName::Actor]), RemovalError::Expired { index: 1 }));
    assert_eq!(opened.verified().expired, 3, "nothing else was taken");
}
