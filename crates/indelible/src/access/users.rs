//! People who sign in with a name and a password.

use model::{Role, SiteId};

use super::passwords::{self, BadPassword};
use crate::clock;
use crate::entropy::{self, NoEntropy, Secret};
use crate::store::User;

/// Characters of a user's name, at most.
const NAME_CHARS_MAX: usize = 100;

/// Why somebody cannot become a user, or have this password.
#[derive(Debug, thiserror::Error)]
pub enum BadUser {
    /// The name.
    #[error("must have 1 to {NAME_CHARS_MAX} of the characters a-z, 0-9, `.`, `_`, `-`, `+` and `@`")]
    Name,
    /// The password.
    #[error(transparent)]
    Password(#[from] BadPassword),
    /// No id could be made.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

impl BadUser {
    /// Which field of a user is wrong.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Password(_) | Self::Entropy(_) => "password",
        }
    }
}

/// A name as it is kept: two names that look the same to people are the same.
#[must_use]
pub fn user_name(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Makes a user; it can sign in once its [`Change`](crate::store::Change) is committed. Hashes: takes a while.
///
/// # Errors
/// When the name or the password cannot be one.
pub fn new_user(name: &str, password: &str, role: Role, site: Option<SiteId>) -> Result<User, BadUser> {
    let name = user_name(name);
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-+@".contains(c);
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(fits) {
        return Err(BadUser::Name);
    }
    let now = clock::now();
    Ok(User {
        id: entropy::uuid_v7(clock::now_ms(), &entropy::bytes()?),
        password: passwords::hash(&name, password)?,
        name,
        role,
        site,
        created_at: now,
        changed_at: now,
        removed_at: None,
    })
}

/// The user with another password. Hashes: takes a while.
///
/// # Errors
/// When it cannot be one.
pub fn with_password(user: &User, password: &str) -> Result<User, BadUser> {
    let hash = passwords::hash(&user.name, password)?;
    Ok(User { password: hash, changed_at: clock::now(), ..user.clone() })
}

/// A password that nobody can guess, for whoever does not bring one.
pub fn random_password() -> Result<Secret, NoEntropy> {
    Secret::new("")
}
