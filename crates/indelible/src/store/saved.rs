//! Searches that people keep: a list of entries under a name.

use jiff::Timestamp;
use model::SiteId;
use uuid::Uuid;

use super::StoreError;

/// How many searches one owner may keep: far more than anybody finds a way through, and few enough that a
/// program which makes one at every run is stopped before it fills the store.
pub const SAVED_SEARCHES_MAX: usize = 200;

/// A list of entries under a name.
///
/// It is a personal setting and not part of the installation's configuration: it changes nothing that
/// somebody else sees or may do. So, unlike a [`Change`](super::Change), it is kept without an entry in the
/// installation's own log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedSearch {
    /// Its id, by which it is shared.
    pub id: Uuid,
    /// Name of the credential it was made with; the only one that may change or delete it.
    pub owner: String,
    /// The site whose list it is; `None` for the list of all sites.
    pub site: Option<SiteId>,
    /// Its name, which no other search of its owner on this site has.
    pub name: String,
    /// The list's parameters as in its address.
    pub query: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why a search was not kept. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The owner has another one of this name on this site.
    #[error(
        "there is a saved search of this name already: choose another name, or change or delete that one"
    )]
    NameTaken {
        /// The other one.
        id: Uuid,
    },
    /// The owner has as many as are kept.
    #[error("{SAVED_SEARCHES_MAX} saved searches are there already, and no more are kept: delete one first")]
    TooMany,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
