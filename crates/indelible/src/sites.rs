use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use model::SiteId;

use crate::store::{Site, Store, StoreError};

/// The sites of the installation by their ids. Sites are never removed, so what was found once stays true;
/// what was not found is looked for again, because another process may have created it.
#[derive(Debug)]
pub struct Sites {
    store: Arc<dyn Store>,
    known: RwLock<HashMap<SiteId, Site>>,
}

impl Sites {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: RwLock::default() }
    }

    /// Where they lie, with their settings.
    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// The site with this id.
    pub fn find(&self, id: &SiteId) -> Result<Option<Site>, StoreError> {
        if let Some(site) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(id) {
            return Ok(Some(site.clone()));
        }
        Ok(self.all()?.into_iter().find(|site| site.id == *id))
    }

    /// Every site, in the order of their creation.
    pub fn all(&self) -> Result<Vec<Site>, StoreError> {
        let sites = self.store.sites()?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for site in &sites {
            known.entry(site.id.clone()).or_insert_with(|| site.clone());
        }
        Ok(sites)
    }
}
