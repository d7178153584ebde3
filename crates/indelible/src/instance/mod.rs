//! An open installation: how it is opened, what it has, and how it is configured.

mod configure;
mod open;

use std::sync::{Arc, Mutex};

use model::{CursorKey, Retention};

use crate::hosts::Handlers;
use crate::journal::{Journal, Published};
use crate::keys::Keys;
use crate::search::Search;
use crate::settings::{Rules, RulesAtHand};
use crate::sites::Sites;
use crate::store::{Site, Store, StoreError};
use crate::trail::Trail;
use crate::umbrella::Umbrella;
use crate::witnessing::Witnesses;

pub use configure::ConfigureError;
pub(crate) use open::BACKUP_FILE;
pub use open::{OpenError, OpenOptions};

/// An open installation: the handle that the API, the screens and the commands share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Indelible {
    store: Arc<dyn Store>,
    keys: Arc<Keys>,
    sites: Arc<Sites>,
    journal: Journal,
    search: Arc<Search>,
    umbrella: Arc<Umbrella>,
    trail: Arc<Trail>,
    witnesses: Arc<Witnesses>,
    revert_handlers: Handlers,
    rules: Arc<RulesAtHand>,
    /// Held from reading settings to committing what they became, so that no change is lost to another.
    configuring: Arc<Mutex<()>>,
    retention: Retention,
}

impl Indelible {
    /// Where the truth lies.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The installation's keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The key that authenticates cursors.
    #[must_use]
    pub fn cursor_key(&self) -> CursorKey {
        self.keys.cursor_key()
    }

    /// The sites.
    #[must_use]
    pub fn sites(&self) -> &Sites {
        &self.sites
    }

    /// The way in for entries.
    #[must_use]
    pub const fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The way to find entries.
    #[must_use]
    pub const fn search(&self) -> &Arc<Search> {
        &self.search
    }

    /// The log over all sites' logs.
    #[must_use]
    pub const fn umbrella(&self) -> &Arc<Umbrella> {
        &self.umbrella
    }

    /// Where sign-ins and readings are noted.
    #[must_use]
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Who cosigns the heads of the umbrella log.
    #[must_use]
    pub const fn witnesses(&self) -> &Arc<Witnesses> {
        &self.witnesses
    }

    /// Who carries out reverts in this process, beside the endpoints of connectors.
    #[must_use]
    pub const fn revert_handlers(&self) -> &Handlers {
        &self.revert_handlers
    }

    /// What is asked of entries on their way into a site's log.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn rules(&self, site: &Site) -> Result<Arc<Rules>, StoreError> {
        self.rules.of(self.store.as_ref(), site.log)
    }

    /// The same where they are at hand and need not be read: never blocks.
    pub(crate) fn rules_at_hand(&self, site: &Site) -> Option<Arc<Rules>> {
        self.rules.fresh(site.log)
    }

    /// Has every log looked at for small blocks to be merged in the background: what a server does when it
    /// starts, for what was written before. Logs that grow are looked at anyway.
    ///
    /// # Errors
    /// When the sites cannot be read.
    pub fn merge_blocks(&self) -> Result<(), StoreError> {
        self.journal.merge_blocks_of(self.store.sites()?.into_iter().map(|site| site.log));
        Ok(())
    }

    /// What readers may see.
    #[must_use]
    pub fn published(&self) -> &Published {
        self.journal.published()
    }
}
