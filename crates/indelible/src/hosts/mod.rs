//! The hosts that own the entities, and take orders to put them back.
//!
//! A host is the connector that carries a site's entries in, asked at its revert endpoint (`host`, set by `connector`), or a
//! [`RevertHandler`] in the same process. Either gets an `order` and answers with a [`Reply`].

mod connector;
mod host;
mod order;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use model::SiteId;

use crate::store::{Site, Store, StoreError};

pub use connector::{BadConnector, Connector};
pub use host::{Host, HostError};
pub use order::{Order, Reply, Target, is_signed, signature};

/// Carries out reverts in this process, for a program that holds the entities itself. Called on a thread that may block.
pub trait RevertHandler: Send + Sync {
    /// Applies the whole order or nothing of it, if the entity is as the order expects. An order with the same key is
    /// answered as the first time.
    fn revert(&self, order: &Order) -> Reply;
}

/// The handlers of this process, by site and connector.
#[derive(Clone, Default)]
pub struct Handlers(Arc<RwLock<HashMap<Place, Arc<dyn RevertHandler>>>>);

/// A site and the name of a connector.
type Place = (SiteId, String);

impl std::fmt::Debug for Handlers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handlers").finish_non_exhaustive()
    }
}

impl Handlers {
    /// Has the reverts of a site's connector carried out in this process.
    pub fn set(&self, site: SiteId, connector: &str, handler: Arc<dyn RevertHandler>) {
        let mut handlers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        handlers.insert((site, connector.to_owned()), handler);
    }

    /// Who would put an entity back that this connector's entries tell of: its handler or endpoint. For entries that no
    /// connector carried in, the site's only endpoint.
    ///
    /// # Errors
    /// When the store fails.
    pub fn host(
        &self,
        store: &dyn Store,
        site: &Site,
        connector: Option<&str>,
    ) -> Result<Option<Host>, StoreError> {
        let Some(name) = connector else {
            let mut all = Connector::all(store, site.log)?;
            all.retain(|connector| connector.revert_url.is_some());
            return Ok(if all.len() == 1 { all.pop().and_then(Host::endpoint) } else { None });
        };
        let handlers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handler) = handlers.get(&(site.id.clone(), name.to_owned())) {
            return Ok(Some(Host::Handler(Arc::clone(handler))));
        }
        drop(handlers);
        Ok(Connector::load(store, site.log, name)?.and_then(Host::endpoint))
    }
}
