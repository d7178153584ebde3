//! All entries of one entity, under every id that it had, and its state at a time.

use std::time::Duration;

use jiff::Timestamp;
use model::state::{History, State};
use model::{Entity, Entry, Field, Filter, Link, Order};
use uuid::Uuid;

use super::reader::read_at;
use super::{PATIENCE, Question, Search, SearchError};
use crate::store::{Site, StoreError};

/// Ids that one entity can have had; whoever renames it more often has its history in parts.
const NAMES_MAX: usize = 64;

/// Entries that are read for a state, at most.
const TOLD_MAX: usize = 500;
/// Entries that are read for a state at once.
const TOLD_AT_ONCE: usize = 20;

/// Under which id an entity had which part of its log.
struct Name {
    id: String,
    from: u64,
    /// The first index that is not part of it any more.
    until: Option<u64>,
}

impl Search {
    /// Exactly the entries of an entity: those under this id, and those under the ids that it had before and after.
    ///
    /// # Errors
    /// When the store fails.
    pub fn of_entity(&self, site: &Site, entity_type: &str, id: &str) -> Result<Filter, StoreError> {
        let mut names = vec![Name { id: id.to_owned(), from: 0, until: None }];
        self.follow(site, entity_type, &mut names, Towards::Past)?;
        self.follow(site, entity_type, &mut names, Towards::Future)?;
        let kind = Filter::equals(Field::EntityType, entity_type);
        let named = |name: &Name| {
            let filter = Filter::equals(Field::EntityId, &name.id);
            if name.from == 0 && name.until.is_none() {
                return filter;
            }
            let last = name.until.map(|until| until.saturating_sub(1));
            filter.and(Filter::indexes(Some(name.from), last))
        };
        Ok(match names.as_slice() {
            [only] => kind.and(named(only)),
            many => kind.and(Filter::Or(many.iter().map(named).collect())),
        })
    }

    /// Adds the ids that the last of the names came from, or became, and so on.
    fn follow(
        &self,
        site: &Site,
        entity_type: &str,
        names: &mut Vec<Name>,
        towards: Towards,
    ) -> Result<(), StoreError> {
        let Some(mut id) = names.first().map(|name| name.id.clone()) else { return Ok(()) };
        let mut bound: Option<u64> = None;
        while names.len() < NAMES_MAX {
            let link = match towards {
                Towards::Past => Link::RenamedTo(entity_type, &id),
                Towards::Future => Link::RenamedFrom(entity_type, &id),
            };
            let Some(entry) = self.rename(site, link, towards, bound)? else { return Ok(()) };
            let Some(entity) = &entry.entity else { return Ok(()) };
            let other = match towards {
                Towards::Past => entity.previous_id.clone().unwrap_or_default(),
                Towards::Future => entity.id.clone(),
            };
            if names.iter().any(|name| name.id == other) {
                return Ok(());
            }
            names.push(match towards {
                Towards::Past => Name { id: other.clone(), from: 0, until: Some(entry.index) },
                Towards::Future => Name { id: other.clone(), from: entry.index, until: None },
            });
            bound = Some(entry.index);
            id = other;
        }
        Ok(())
    }

    /// The rename that comes next: going back, the last one before the one that was followed; going on, the first after.
    fn rename(
        &self,
        site: &Site,
        link: Link<'_>,
        towards: Towards,
        bound: Option<u64>,
    ) -> Result<Option<Entry>, StoreError> {
        let mut positions = self.pointing(site, link)?;
        match towards {
            Towards::Past => {
                positions.retain(|position| bound.is_none_or(|bound| *position < bound));
                positions.reverse();
            }
            Towards::Future => positions.retain(|position| bound.is_none_or(|bound| *position > bound)),
        }
        for position in positions {
            let entry = read_at(self.store.as_ref(), &self.published, site, &[position])?.pop().flatten();
            if let Some(entry) = entry.filter(|entry| link.is_of(entry)) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// How often an entry was taken back.
    ///
    /// # Errors
    /// When the store fails.
    pub fn times_reverted(&self, site: &Site, entry: &Entry) -> Result<usize, StoreError> {
        Ok(self.pointing(site, Link::Reverts(entry.id))?.len())
    }

    /// The positions of the published entries that point somewhere, ascending.
    fn pointing(&self, site: &Site, link: Link<'_>) -> Result<Vec<u64>, StoreError> {
        let mut positions = self.store.linked(site.log, &[link.target()])?.pop().unwrap_or_default();
        let size = self.published.size(site.log)?;
        positions.retain(|position| *position < size);
        Ok(positions)
    }

    /// For each entry the last one that took it back.
    ///
    /// # Errors
    /// When the store fails.
    pub fn reverted_by(&self, sites: &[Site], entries: &[Entry]) -> Result<Vec<Option<Uuid>>, StoreError> {
        let mut reverted_by = vec![None; entries.len()];
        for site in sites {
            let own = entries
                .iter()
                .enumerate()
                .filter(|(_, entry)| entry.site == site.id && entry.before.is_some());
            let (places, targets): (Vec<usize>, Vec<Vec<u8>>) =
                own.map(|(place, entry)| (place, Link::Reverts(entry.id).target())).unzip();
            if targets.is_empty() {
                continue;
            }
            let size = self.published.size(site.log)?;
            for (place, positions) in places.into_iter().zip(self.store.linked(site.log, &targets)?) {
                let Some(last) = positions.into_iter().rfind(|position| *position < size) else { continue };
                let found = read_at(self.store.as_ref(), &self.published, site, &[last])?.pop().flatten();
                let link = entries.get(place).map(|entry| Link::Reverts(entry.id));
                let is_true = |found: &Entry| link.is_some_and(|link| link.is_of(found));
                if let Some(slot) = reverted_by.get_mut(place) {
                    *slot = found.filter(is_true).map(|entry| entry.id);
                }
            }
        }
        Ok(reverted_by)
    }

    /// Whether an entity has entries in a part of a log, and whether it has none outside of it: only then may whoever
    /// sees that part know what all of them together say.
    ///
    /// # Errors
    /// When the store fails, or it takes too long.
    pub fn within(
        &self,
        site: &Site,
        entity_type: &str,
        id: &str,
        only: &Filter,
    ) -> Result<Within, SearchError> {
        let entity = self.of_entity(site, entity_type, id)?;
        let any = |filter: Filter| {
            let question = Question::newest(std::slice::from_ref(site), &filter, 1);
            self.page(&question).map(|page| !page.entries.is_empty())
        };
        // Of another of its ids the part may tell nothing.
        let named = Filter::equals(Field::EntityType, entity_type).and(Filter::equals(Field::EntityId, id));
        if !any(named.and(only.clone()))? {
            return Ok(Within::NoEntry);
        }
        let outside = Filter::Not(Box::new(only.clone()));
        Ok(if any(entity.and(outside))? { Within::SomeEntries } else { Within::AllEntries })
    }

    /// What an entity was like at a time, or is like now, and the entity as its last entry until then names it;
    /// `None` when it has no entries at all.
    ///
    /// # Errors
    /// When the store fails, or it takes too long.
    pub fn state(
        &self,
        site: &Site,
        entity_type: &str,
        id: &str,
        at: Option<Timestamp>,
    ) -> Result<Option<(Entity, State)>, SearchError> {
        let entity = self.of_entity(site, entity_type, id)?;
        let sites = std::slice::from_ref(site);
        let until = entity.clone().and(Filter::occurred(None, at));
        let question = |filter, order, cursor, limit| Question {
            sites,
            filter,
            order,
            cursor,
            limit,
            patience: PATIENCE,
        };
        let mut history = History::default();
        let mut named = None;
        let (mut cursor, mut told) = (None, 0);
        loop {
            let page = self.page(&question(&until, Order::NEWEST_FIRST, cursor, TOLD_AT_ONCE))?;
            told += page.entries.len();
            named = named.or_else(|| page.entries.iter().find_map(|entry| entry.entity.clone()));
            let wants_more = page.entries.iter().all(|entry| history.tell(entry));
            cursor = page.next;
            if !wants_more || cursor.is_none() {
                break;
            }
            if told >= TOLD_MAX {
                history.cut_short();
                break;
            }
        }
        if let Some(at) = at {
            let after = at + Duration::from_nanos(1);
            let later = entity.and(Filter::occurred(Some(after), None));
            let page = self.page(&question(&later, Order::OLDEST_FIRST, None, TOLD_AT_ONCE))?;
            named = named.or_else(|| page.entries.iter().find_map(|entry| entry.entity.clone()));
            // The first that tells something is the one that follows.
            page.entries.iter().any(|next| history.followed_by(next));
        }
        Ok(named.map(|named| (named, history.into_state())))
    }
}

/// Which of an entity's entries are in a part of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// None that the part could know it by.
    NoEntry,
    /// Some, and others are outside.
    SomeEntries,
    /// All of them.
    AllEntries,
}

#[derive(Clone, Copy)]
enum Towards {
    Past,
    Future,
}
