//! Tests of the stored forms.

use super::*;

const SECRET: [u8; 32] = [7; 32];

fn sealed(json: &str) -> Sealed {
    let draft = crate::parse(json.as_bytes()).unwrap();
    draft.seal(Uuid::from_u128(42), "2026-11-21T04:15:15.123456789Z".parse().unwrap(), "token", &SECRET)
}

const FULL: &str = r#"{"action":"page.update","entity":{"type":"page","id":"1","title":"Home"},
    "actor":{"type":"user","id":"42","name":"Ana"},"origin":{"ip":"2001:db8::1"},"summary":"s",
    "before":{"n":12345678901234567890123,"a":{"x":[1,2]}},"after":{"n":1.10},"data":{"k":"\u0041"}}"#;

#[test]
fn what_is_sealed_opens_the_same() {
    let site: SiteId = "acme.www".parse().unwrap();
    let (bytes, leaf) = sealed(FULL).place(1_790_000_000_123).unwrap();
    let stored = StoredEntry::decode(&bytes).unwrap();
    assert_eq!(stored.leaf(), leaf);
    let entry = stored.open(&site, 9).unwrap();
    assert_eq!(entry.recorded_at.as_millisecond(), 1_790_000_000_123);
    assert_eq!(entry.occurred_at.to_string(), "2026-11-21T04:15:15.123456789Z");
    assert_eq!(entry.before.unwrap().get(), r#"{"n":12345678901234567890123,"a":{"x":[1,2]}}"#);
    assert_eq!(entry.data.unwrap().get(), "{\"k\":\"\\u0041\"}");
    assert_eq!(entry.source, "token");
    assert_eq!(entry.index, 9);
}

#[test]
fn the_same_entry_may_be_spelt_differently() {
    let (bytes, _) = sealed(FULL).place(1).unwrap();
    let stored = StoredEntry::decode(&bytes).unwrap();
    assert!(sealed(FULL).says_the_same(&stored));
    let respelt = FULL.replace(
        r#""before":{"n":12345678901234567890123,"a":{"x":[1,2]}}"#,
        r#""before": {"a": {"x": [1, 2]}, "n": 12345678901234567890123}"#,
    );
    assert_ne!(respelt, FULL);
    assert!(sealed(&respelt).says_the_same(&stored));
    for (old, new) in
        [("0123,", "0124,"), ("Home", "Hem"), ("\"s\"", "\"t\""), ("db8::1", "db8::2"), ("1.10", "1.1")]
    {
        assert!(!sealed(&FULL.replace(old, new)).says_the_same(&stored), "{old}");
    }
    let timed = FULL.replacen('{', r#"{"occurred_at":"2026-01-01T00:00:00Z","#, 1);
    assert!(!sealed(&timed).says_the_same(&stored));
}

#[test]
fn absent_sections_are_not_listed() {
    let (_, leaf) = sealed(r#"{"action":"a","entity":{"type":"t","id":"1"}}"#).place(0).unwrap();
    let names: Vec<_> = leaf.commitments.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, [SectionName::Actor, SectionName::Entity, SectionName::Source]);
}

#[test]
fn every_flipped_bit_is_an_error_or_another_leaf() {
    let (bytes, leaf) = sealed(FULL).place(1).unwrap();
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << bit;
            if let Ok(stored) = StoredEntry::decode(&damaged) {
                assert_ne!(stored.leaf(), leaf, "byte {place}, bit {bit}");
            }
        }
    }
}

#[test]
fn truncation_and_trailing_bytes_are_errors() {
    let (bytes, _) = sealed(FULL).place(1).unwrap();
    for end in 0..bytes.len() {
        assert!(StoredEntry::decode(&bytes[..end]).is_err(), "{end}");
    }
    let longer: Vec<u8> = bytes.iter().copied().chain([0]).collect();
    assert_eq!(StoredEntry::decode(&longer), Err(StoredError::TrailingBytes(1)));
}

#[test]
fn integrity_costs_at_most_64_bytes() {
    let (bytes, leaf) = sealed(FULL).place(1).unwrap();
    assert_eq!(leaf.commitments.len(), 6);
    let stored = StoredEntry::decode(&bytes).unwrap();
    let content: usize = stored.sections().map(|(_, bytes)| bytes.len()).sum();
    let header = 1 + 8 + 16 + 2; // form, time, id, class: what any log keeps
    assert!(bytes.len() - content - header <= 64, "{}", bytes.len() - content - header);
}

/// Every way to remove something leaves the leaf as it was, and of what is removed nothing but its commitment.
#[test]
fn what_is_reduced_has_the_same_leaf_and_none_of_what_was_removed() {
    let (bytes, leaf) = sealed(FULL).place(1_790_000_000_123).unwrap();
    let stored = StoredEntry::decode(&bytes).unwrap();
    let site: SiteId = "acme.www".parse().unwrap();
    let removable = &SectionName::ALL[..5];
    for chosen in 0_u32..1 << removable.len() {
        let removed: Vec<SectionName> = removable
            .iter()
            .enumerate()
            .filter(|(bit, _)| chosen >> bit & 1 == 1)
            .map(|(_, name)| *name)
            .collect();
        let reduced = stored.without(&removed);
        let read = StoredEntry::decode(&reduced).unwrap();
        assert_eq!(read.leaf(), leaf, "{removed:?}");
        assert_eq!(read.erased().collect::<Vec<_>>(), removed);
        let entry = read.open(&site, 3).unwrap();
        assert_eq!(entry.erased, removed);
        assert_eq!(entry.actor.is_none(), removed.contains(&SectionName::Actor));
        assert_eq!(entry.before.is_none(), removed.contains(&SectionName::Change));
        assert!(!contains(&reduced, &SECRET), "the secret would give every salt");
        for (name, content) in stored.sections().filter(|(name, _)| removed.contains(name)) {
            assert!(!contains(&reduced, content), "{name}");
            assert!(!contains(&reduced, &crate::salt(&SECRET, name)), "{name}");
        }
        // Bit by bit is the same as at once.
        let one_by_one = removed
            .iter()
            .fold(bytes.clone(), |bytes, name| StoredEntry::decode(&bytes).unwrap().without(&[*name]));
        if !removed.is_empty() {
            assert_eq!(one_by_one, reduced);
        }
        assert!(sealed(FULL).says_the_same(&read), "sending it again is still known");
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn an_expired_entry_is_its_leaf_and_at_most_its_claimed_time() {
    let (bytes, leaf) = sealed(FULL).place(5).unwrap();
    let stored = StoredEntry::decode(&bytes).unwrap();
    let (whole, claimed) = (stored.expired(false), stored.expired(true));
    let site = SiteId::system();
    for reduced in [&whole, &claimed] {
        let read = StoredEntry::decode(reduced).unwrap();
        assert_eq!(read.leaf(), leaf);
        assert!(read.is_expired());
        assert_eq!(read.open(&site, 0).unwrap_err(), StoredError::Expired);
        assert_eq!(read.expired(false), whole);
        assert!(sealed(FULL).says_the_same(&read));
    }
    assert_eq!(StoredEntry::decode(&claimed).unwrap().occurred_at().unwrap(), stored.occurred_at().unwrap());
    assert!(StoredEntry::decode(&whole).unwrap().sections().next().is_none());
    assert_eq!(whole.len(), 28 + 6 * 34, "an expired entry takes no more than this");
}

#[test]
fn a_reduced_entry_is_still_compared_by_what_is_left() {
    let (bytes, _) = sealed(FULL).place(1).unwrap();
    let reduced = StoredEntry::decode(&bytes).unwrap().without(&[SectionName::Origin]);
    let read = StoredEntry::decode(&reduced).unwrap();
    assert!(sealed(&FULL.replace("db8::1", "db8::2")).says_the_same(&read), "the address is gone");
    assert!(!sealed(&FULL.replace("Home", "Hem")).says_the_same(&read));
}

#[test]
fn a_class_of_the_log_itself_is_in_the_leaf_and_in_what_is_stored() {
    let (bytes, leaf) = sealed(FULL).of_class(Class::ERASURE).place(1).unwrap();
    assert_eq!(leaf.header.class, Class::ERASURE);
    assert_eq!(StoredEntry::decode(&bytes).unwrap().leaf(), leaf);
}

#[test]
fn every_flipped_bit_of_a_reduced_entry_is_an_error_or_another_leaf_or_form() {
    let (bytes, leaf) = sealed(FULL).place(1).unwrap();
    let reduced = StoredEntry::decode(&bytes).unwrap().without(&[SectionName::Actor]);
    for place in 0..reduced.len() {
        for bit in 0..8 {
            let mut damaged = reduced.clone();
            damaged[place] ^= 1 << bit;
            let Ok(read) = StoredEntry::decode(&damaged) else { continue };
            // The form is no part of the leaf: whether an entry may have expired is for the log's entries to say.
            assert!(read.leaf() != leaf || read.is_expired(), "byte {place}, bit {bit}");
        }
    }
}

#[test]
fn whatever_bit_flips_after_the_commitment_is_noticed() {
    let whole = sealed(FULL);
    assert!(whole.clone().place(1).is_ok());
    for bit in 0..whole.bytes.len() * 8 {
        // What the log fills in is not the sender's.
        if RECORDED_AT.contains(&(bit / 8)) {
            continue;
        }
        let mut flipped = whole.clone();
        flipped.bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(flipped.place(1).unwrap_err(), Flipped, "bit {bit}");
    }
}
