//! The host behind the demo: it holds the present states of the entities that the entries tell of, and takes reverts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use model::diff::{self, Patched};
use model::{Entry, Kind, Outcome};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::hosts::{Order, Reply, RevertHandler};

/// Site, type and id.
type Name = (String, String, String);

/// A host of invented entities.
#[derive(Debug, Default)]
pub struct DemoHost(Mutex<Content>);

#[derive(Debug, Default)]
struct Content {
    entities: HashMap<Name, Box<RawValue>>,
    answered: HashMap<Uuid, Reply>,
}

impl DemoHost {
    /// Has an entity become what an entry of it says; called for one entry after another, oldest first.
    pub fn learn(&self, site: &str, entry: &Entry) {
        let Some(entity) = entry.entity.as_ref().filter(|_| entry.outcome == Outcome::Success) else {
            return;
        };
        let name = (site.to_owned(), entity.kind.clone(), entity.id.clone());
        let mut content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &entry.after {
            Some(after) if entry.extent().is_partial() => {
                let known = content.entities.get(&name).or(entry.before.as_ref());
                let mut state = known.map_or_else(Patched::empty, |known| Patched::new(known));
                for (field, value) in diff::fields(after).unwrap_or_default() {
                    // A field of an object can always be set.
                    drop(state.set(&diff::pointer(&field), value));
                }
                content.entities.insert(name, state.to_raw());
            }
            Some(after) => drop(content.entities.insert(name, after.clone())),
            None if entry.kind == Kind::Delete => drop(content.entities.remove(&name)),
            None => {}
        }
    }

    /// The present state of an entity.
    #[must_use]
    pub fn state(&self, site: &str, entity_type: &str, id: &str) -> Option<Box<RawValue>> {
        let name = (site.to_owned(), entity_type.to_owned(), id.to_owned());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entities.get(&name).cloned()
    }
}

impl RevertHandler for DemoHost {
    fn revert(&self, order: &Order) -> Reply {
        let mut content = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reply) = content.answered.get(&order.idempotency_key) {
            return reply.clone();
        }
        let name = (order.site.clone(), order.entity.kind.clone(), order.entity.id.clone());
        let before = content.entities.get(&name).cloned();
        let reply = order.carry_out(before.as_deref());
        if let Reply::Done { after: Some(after), .. } = &reply {
            content.entities.insert(name, after.clone());
            content.answered.insert(order.idempotency_key, reply.clone());
        }
        reply
    }
}
