//! People who sign in with a password.

use std::fmt;

use jiff::Timestamp;
use model::{Role, SiteId};
use uuid::Uuid;

/// Somebody who signs in with a name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: Uuid,
    /// The name it signs in with.
    pub name: String,
    /// Its password's hash, as a PHC string.
    pub password: String,
    /// What it may do.
    pub role: Role,
    /// On which site; `None` for every site that its role reaches.
    pub site: Option<SiteId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its password, role or site was last set.
    pub changed_at: Timestamp,
    /// When it was removed, if it was.
    pub removed_at: Option<Timestamp>,
}

impl User {
    /// Whose sessions its sessions are.
    #[must_use]
    pub fn account(&self) -> String {
        format!("user/{}", self.id)
    }
}

/// Without the hash, which could be guessed at.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}
