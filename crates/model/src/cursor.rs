//! The place where a page of a list ends, as an opaque text that only we can make.
//!
//! A cursor is bound to the filter and the order it was made for, and pins the logs at the size they had
//! when the first page was read: all pages together are exactly the entries of that moment, however fast
//! the logs grow.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::filter::Filter;
use crate::order::{Order, SortKey};

const TAG_BYTES: usize = 16;

/// Where a page ends, and what it was a page of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Which way the next page lies.
    pub direction: Direction,
    /// The last entry seen.
    pub key: SortKey,
    /// Number of each log that is read, with the size it is pinned at.
    pub sizes: Vec<(u32, u64)>,
    order: Order,
    filter: [u8; 16],
}

/// Which way a page lies from its cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Onwards in the list's order.
    Next,
    /// Back towards its beginning.
    Prev,
}

impl Cursor {
    /// A cursor for a page of this filter in this order.
    #[must_use]
    pub fn new(
        filter: &Filter,
        order: Order,
        direction: Direction,
        key: SortKey,
        sizes: Vec<(u32, u64)>,
    ) -> Self {
        Self { direction, key, sizes, order, filter: filter.fingerprint() }
    }

    /// The text form.
    #[must_use]
    pub fn seal(&self, key: &CursorKey) -> String {
        let body = serde_json::to_vec(self).unwrap_or_default();
        let mut bytes = key.tag(&body).to_vec();
        bytes.extend(body);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a text form and checks that it belongs to this filter and order.
    ///
    /// # Errors
    /// When it is not a cursor of ours, or one of another list.
    pub fn open(text: &str, key: &CursorKey, filter: &Filter, order: Order) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError::Foreign)?;
        let (tag, body) = bytes.split_at_checked(TAG_BYTES).ok_or(CursorError::Foreign)?;
        if !bool::from(subtle::ConstantTimeEq::ct_eq(tag, key.tag(body).as_slice())) {
            return Err(CursorError::Foreign);
        }
        let cursor: Self = serde_json::from_slice(body).map_err(|_| CursorError::Foreign)?;
        if cursor.filter != filter.fingerprint() || cursor.order != order {
            return Err(CursorError::Mismatch);
        }
        Ok(cursor)
    }
}

/// A text that cannot be used as a cursor here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not made by this installation, or damaged.
    #[error("not a cursor of this server: take `page.next` or `page.prev` of an answer as it is")]
    Foreign,
    /// Made for other sites, another filter or another order.
    #[error("the cursor belongs to a list of another site, filter or order: keep them while paging")]
    Mismatch,
}

/// The key that authenticates cursors.
#[derive(Clone)]
pub struct CursorKey([u8; 32]);

impl CursorKey {
    /// A key from secret bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    fn tag(&self, body: &[u8]) -> [u8; TAG_BYTES] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(body);
        let full: [u8; 32] = mac.finalize().into_bytes().into();
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(full.split_at(TAG_BYTES).0);
        tag
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Field;
    use crate::order::SortColumn;

    #[test]
    fn only_ours_and_only_here() {
        let key = CursorKey::new([1; 32]);
        let filter = Filter::is(Field::Action, "a");
        let draft = crate::parse(br#"{"action":"a","entity":{"type":"t","id":"1"}}"#).unwrap();
        let entry = draft
            .seal(uuid::Uuid::max(), jiff::Timestamp::UNIX_EPOCH, "t", &[0; 32])
            .preview(&"www".parse().unwrap(), 1)
            .unwrap();
        let place = SortKey::of(&entry, SortColumn::Timestamp);
        let cursor = Cursor::new(&filter, Order::NEWEST_FIRST, Direction::Next, place, vec![(1, 5)]);
        let text = cursor.seal(&key);
        let open =
            |text: &str, key: &CursorKey, filter: &Filter, order| Cursor::open(text, key, filter, order);
        assert_eq!(open(&text, &key, &filter, Order::NEWEST_FIRST), Ok(cursor));
        assert_eq!(open(&text, &key, &Filter::all(), Order::NEWEST_FIRST), Err(CursorError::Mismatch));
        assert_eq!(open(&text, &key, &filter, Order::OLDEST_FIRST), Err(CursorError::Mismatch));
        assert_eq!(
            open(&text, &CursorKey::new([2; 32]), &filter, Order::NEWEST_FIRST),
            Err(CursorError::Foreign)
        );
        for bad in ["", "x", "AAAA", &text[1..], &format!("{text}A")] {
            assert_eq!(open(bad, &key, &filter, Order::NEWEST_FIRST), Err(CursorError::Foreign), "{bad}");
        }
    }
}
