//! Passwords: what they must be like, and how they are kept.

use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

/// Characters of a password, at least: length is what makes guessing hard.
pub const PASSWORD_CHARS_MIN: usize = 12;

/// Bytes of a password, at most.
pub(super) const PASSWORD_BYTES_MAX: usize = 1_000;

/// Passwords that are compared at the same time, at most: each takes 19 MiB and a processor for a while.
const AT_ONCE_MAX: usize = 4;

/// What is compared with where there is no such user, so that it takes as long: Argon2id of nothing that anybody
/// knows, with the same parameters.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keS0wMA$\
                      3Wm2N0P2mvC4XgvRTlZ8mO8Cmx8d1kQkqgrVQm0nUeQ";

/// What is wrong with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPassword {
    /// It can be guessed.
    #[error("must have at least {PASSWORD_CHARS_MIN} characters")]
    TooShort,
    /// It is longer than anything that people keep.
    #[error("must have at most {PASSWORD_BYTES_MAX} bytes")]
    TooLong,
    /// It says who it is of.
    #[error("must not be made of the user's name")]
    Name,
    /// It could not be hashed.
    #[error("could not be kept: the operating system gave no random bytes")]
    Unkept,
}

/// The hash of a new password, as a PHC string with a salt of its own.
///
/// # Errors
/// When it is no good one.
pub(super) fn hash(name: &str, password: &str) -> Result<String, BadPassword> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(BadPassword::TooShort);
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(BadPassword::TooLong);
    }
    let rest = password.to_lowercase().replace(name, "");
    if rest.chars().count() < PASSWORD_CHARS_MIN / 2 {
        return Err(BadPassword::Name);
    }
    let hashed = argon2().hash_password(password.as_bytes()).map_err(|_| BadPassword::Unkept)?;
    Ok(hashed.to_string())
}

/// Argon2id with 19 MiB, two passes and one lane, the least that OWASP's cheat sheet asks for.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// Compares passwords, a few at a time.
#[derive(Debug, Default)]
pub(super) struct Comparing(AtomicUsize);

impl Comparing {
    /// Whether the password has this hash; without a hash it has none, and finding out takes as long. `None` when
    /// too many are being compared. Blocks.
    pub(super) fn fits(&self, password: &str, hash: Option<&str>) -> Option<bool> {
        let _turn = Turn::take(&self.0)?;
        let is_known = hash.is_some();
        let hash = PasswordHash::new(hash.unwrap_or(NOBODY)).ok();
        let fits = hash.is_some_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok());
        Some(fits && is_known)
    }
}

/// A place among those who compare.
struct Turn<'a>(&'a AtomicUsize);

impl<'a> Turn<'a> {
    fn take(count: &'a AtomicUsize) -> Option<Self> {
        let turn = Self(count);
        (count.fetch_add(1, Ordering::SeqCst) < AT_ONCE_MAX).then_some(turn)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_passwords() {
        assert_eq!(hash("ana", "short"), Err(BadPassword::TooShort));
        assert_eq!(hash("ana", &"x".repeat(PASSWORD_BYTES_MAX + 1)), Err(BadPassword::TooLong));
        assert_eq!(hash("ana", "Anaanaana-ana"), Err(BadPassword::Name));
        let kept = hash("ana", "correct horse battery").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(hash("ana", "correct horse battery").unwrap(), kept, "each has a salt of its own");
        let comparing = Comparing::default();
        assert_eq!(comparing.fits("correct horse battery", Some(&kept)), Some(true));
        assert_eq!(comparing.fits("correct horse batterx", Some(&kept)), Some(false));
        assert_eq!(comparing.fits("correct horse battery", None), Some(false));
    }

    #[test]
    fn nobody_takes_the_same_work() {
        let nobody = PasswordHash::new(NOBODY).unwrap();
        let somebody = hash("ana", "correct horse battery").unwrap();
        let somebody = PasswordHash::new(&somebody).unwrap();
        assert_eq!(nobody.params, somebody.params);
        assert_eq!(nobody.hash.unwrap().len(), somebody.hash.unwrap().len());
    }

    #[test]
    fn only_a_few_are_compared_at_once() {
        let count = AtomicUsize::new(0);
        let turns: Vec<_> = (0..AT_ONCE_MAX).map(|_| Turn::take(&count).unwrap()).collect();
        assert!(Turn::take(&count).is_none());
        drop(turns);
        assert!(Turn::take(&count).is_some());
    }
}
