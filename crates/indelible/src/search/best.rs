use std::cmp::Reverse;
use std::collections::BTreeMap;

use model::SortKey;

/// The best places found so far, never more than the page needs: memory stays bounded however much is read.
pub(super) struct Best<T> {
    limit: usize,
    places: Places<T>,
}

enum Places<T> {
    Ascending(BTreeMap<SortKey, T>),
    Descending(BTreeMap<Reverse<SortKey>, T>),
}

impl<T> Best<T> {
    pub(super) const fn new(limit: usize, descending: bool) -> Self {
        let places =
            if descending { Places::Descending(BTreeMap::new()) } else { Places::Ascending(BTreeMap::new()) };
        Self { limit, places }
    }

    pub(super) fn put(&mut self, key: SortKey, item: T) {
        match &mut self.places {
            Places::Ascending(places) => {
                places.insert(key, item);
                if places.len() > self.limit {
                    places.pop_last();
                }
            }
            Places::Descending(places) => {
                places.insert(Reverse(key), item);
                if places.len() > self.limit {
                    places.pop_last();
                }
            }
        }
    }

    /// The last of the best places, once there are as many as the page needs.
    pub(super) fn last_if_full(&self) -> Option<&SortKey> {
        let (count, last) = match &self.places {
            Places::Ascending(places) => (places.len(), places.last_key_value().map(|(key, _)| key)),
            Places::Descending(places) => (places.len(), places.last_key_value().map(|(key, _)| &key.0)),
        };
        last.filter(|_| count >= self.limit)
    }

    pub(super) fn into_page(self) -> Vec<(SortKey, T)> {
        match self.places {
            Places::Ascending(places) => places.into_iter().collect(),
            Places::Descending(places) => places.into_iter().map(|(key, item)| (key.0, item)).collect(),
        }
    }
}
