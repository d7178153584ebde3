//! The changes of an entry, field by field, each with an id of its own that leads back to it.
//!
//! An id is a version 8 UUID: where the entry is, which of its changes it is, and a check. So it needs no table, and it
//! means the same change for ever, as an entry never moves.
//!
//! | bits | are |
//! |---|---|
//! | 32 | the log's number |
//! | 40 | the entry's index |
//! | 16 | the change's place among those of the entry |
//! | 34 | the beginning of the SHA-256 of the entry's id and the field's path |

use model::revert::{self, Restored};
use model::{Entry, diff};
use serde::Serialize;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::item::{field_name, told};
use crate::store::LogNumber;

const INDEX_BITS: u32 = 40;
const PLACE_BITS: u32 = 16;
const CHECK_BITS: u32 = 34;

/// One field's change.
#[derive(Debug, Serialize)]
pub(super) struct ChangeOut {
    id: Uuid,
    entity_type: Option<String>,
    entity_id: Option<String>,
    field_name: String,
    old_value: Option<Box<RawValue>>,
    new_value: Option<Box<RawValue>>,
    changed_by: Option<String>,
    changed_at: String,

    // What that CMS does not tell.
    entry_id: Uuid,
    /// `add`, `change` or `remove`: a null that was there is not the same as nothing.
    op: &'static str,
}

/// A field of an entry that changed.
#[derive(Debug)]
pub(super) struct Field {
    /// Where, as a JSON pointer.
    pub(super) path: String,
    old: Option<Box<RawValue>>,
    new: Option<Box<RawValue>>,
}

/// The fields that an entry changed; all of them where it tells of a beginning or an end.
pub(super) fn fields(entry: &Entry) -> Vec<Field> {
    if entry.before.is_some() {
        let field = |Restored { path, left, to, .. }| Field { path, old: to, new: left };
        return revert::restored(entry).into_iter().map(field).collect();
    }
    let after = entry.after.as_deref().and_then(diff::fields).unwrap_or_default();
    let field = |(name, value): (std::borrow::Cow<'_, str>, &RawValue)| Field {
        path: diff::pointer(&name),
        old: None,
        new: Some(value.to_owned()),
    };
    after.into_iter().map(field).collect()
}

/// The changes of an entry.
pub(super) fn changes(log: LogNumber, entry: &Entry) -> Vec<ChangeOut> {
    let entity = entry.entity.as_ref();
    let change = |(place, field): (usize, Field)| ChangeOut {
        id: ChangeId::of(log, entry, place, &field.path).to_uuid(),
        entity_type: entity.map(|entity| entity.kind.clone()),
        entity_id: entity.map(|entity| entity.id.clone()),
        field_name: field_name(&field.path),
        op: match (&field.old, &field.new) {
            (None, _) => "add",
            (Some(_), None) => "remove",
            (Some(_), Some(_)) => "change",
        },
        old_value: field.old,
        new_value: field.new,
        changed_by: entry.actor.as_ref().and_then(|actor| actor.id.clone()),
        changed_at: told(entry.occurred_at),
        entry_id: entry.id,
    };
    fields(entry).into_iter().enumerate().map(change).collect()
}

/// Which change of which entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ChangeId {
    pub(super) log: LogNumber,
    pub(super) index: u64,
    place: u64,
    check: u64,
}

impl ChangeId {
    fn of(log: LogNumber, entry: &Entry, place: usize, path: &str) -> Self {
        let place = u64::try_from(place).unwrap_or(u64::MAX) & mask(PLACE_BITS);
        Self { log, index: entry.index & mask(INDEX_BITS), place, check: check(entry.id, path) }
    }

    fn to_uuid(self) -> Uuid {
        let mut bits = u128::from(self.log);
        for (value, width) in [(self.index, INDEX_BITS), (self.place, PLACE_BITS), (self.check, CHECK_BITS)] {
            bits = bits << width | u128::from(value);
        }
        // Version and variant stand between them (RFC 9562 §5.8).
        let (first, second, third) = (bits >> 74, bits >> 62 & 0xfff, bits & ((1 << 62) - 1));
        Uuid::from_u128(first << 80 | 8 << 76 | second << 64 | 2 << 62 | third)
    }

    /// Reads an id; nothing for one that is none of ours.
    pub(super) fn read(id: Uuid) -> Option<Self> {
        let all = id.as_u128();
        if all >> 76 & 0xf != 8 || all >> 62 & 3 != 2 {
            return None;
        }
        let mut bits = (all >> 80) << 74 | (all >> 64 & 0xfff) << 62 | (all & ((1 << 62) - 1));
        let mut take = |width: u32| {
            let value = u64::try_from(bits & u128::from(mask(width))).unwrap_or_default();
            bits >>= width;
            value
        };
        let (check, place, index) = (take(CHECK_BITS), take(PLACE_BITS), take(INDEX_BITS));
        Some(Self { log: LogNumber::try_from(bits).ok()?, index, place, check })
    }

    /// The field it means, if this is its entry.
    pub(super) fn path_in(self, entry: &Entry) -> Option<String> {
        let field = fields(entry).into_iter().nth(usize::try_from(self.place).ok()?)?;
        let is_own = self.index == entry.index && self.check == check(entry.id, &field.path);
        is_own.then_some(field.path)
    }
}

const fn mask(width: u32) -> u64 {
    (1 << width) - 1
}

fn check(entry: Uuid, path: &str) -> u64 {
    let digest: [u8; 32] = Sha256::new().chain_update(entry.as_bytes()).chain_update(path).finalize().into();
    let first = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
    first >> (64 - CHECK_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(states: &str) -> Entry {
        let json = format!(r#"{{"action":"cms.update","entity":{{"type":"page","id":"1"}}{states}}}"#);
        let id = Uuid::from_u128(7);
        let draft = model::parse(json.as_bytes()).unwrap();
        draft
            .seal(id, Timestamp::UNIX_EPOCH, "t", &[0; 32])
            .preview(&"www".parse().unwrap(), 5_000_000)
            .unwrap()
    }
    use jiff::Timestamp;

    #[test]
    fn ids_lead_back_to_their_change_alone() {
        let entry = entry(r#","before":{"a":1,"b":{"c":null},"d":0},"after":{"a":"1","b":{"c":2},"e":null}"#);
        let changes = changes(77, &entry);
        let fields: Vec<_> = changes.iter().map(|change| (change.field_name.as_str(), change.op)).collect();
        assert_eq!(fields, [("a", "change"), ("b/c", "change"), ("d", "remove"), ("e", "add")]);
        for change in &changes {
            let id = ChangeId::read(change.id).unwrap();
            assert_eq!((id.log, id.index, change.id.get_version_num()), (77, 5_000_000, 8));
            assert_eq!(id.path_in(&entry).map(|path| field_name(&path)).as_ref(), Some(&change.field_name));
            let other = Uuid::from_u128(change.id.as_u128() ^ 1);
            assert_eq!(ChangeId::read(other).unwrap().path_in(&entry), None);
        }
        assert_eq!(ChangeId::read(entry.id), None);
    }

    #[test]
    fn the_ends_of_all_ranges_fit() {
        let id = ChangeId {
            log: u32::MAX,
            index: mask(INDEX_BITS),
            place: mask(PLACE_BITS),
            check: mask(CHECK_BITS),
        };
        assert_eq!(ChangeId::read(id.to_uuid()), Some(id));
    }

    #[test]
    fn beginnings_and_ends_have_all_their_fields() {
        let told = |states: &str| {
            let raw = |value: Option<Box<RawValue>>| value.map(|value| value.get().to_owned());
            let changes = changes(1, &entry(states)).into_iter();
            changes
                .map(|change| (change.field_name, raw(change.old_value), raw(change.new_value)))
                .collect::<Vec<_>>()
        };
        let one = || Some("1".to_owned());
        assert_eq!(told(r#","after":{"a":1}"#), [("a".to_owned(), None, one())]);
        assert_eq!(told(r#","before":{"a":1}"#), [("a".to_owned(), one(), None)]);
    }
}
