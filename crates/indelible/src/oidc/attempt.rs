//! A sign-in that was begun: what the browser keeps until it comes back from the provider.
//!
//! One secret of the browser's, from which everything follows that the provider sees: `state` binds the answer to the
//! browser, `nonce` the ID token to the question, the verifier the code to whoever asked for it (PKCE). The provider
//! and whoever reads along learn none of the others from one of them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Membership;
use crate::entropy::{NoEntropy, Secret};

/// Bytes of the address to go to afterwards, at most: a browser keeps no more than 4 KiB.
const NEXT_BYTES_MAX: usize = 1_500;

/// Bytes of a browser's text that are looked at.
const TEXT_BYTES_MAX: usize = 4_096;

/// A sign-in that was begun.
#[derive(Debug)]
pub struct Attempt {
    secret: Secret,
    aim: Aim,
}

/// Where it is to lead.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Aim {
    next: String,
    wanted: Option<String>,
}

impl Attempt {
    /// A new one, that leads to `next` as the membership that is wanted.
    pub(super) fn new(next: &str, wanted: Option<Membership>) -> Result<Self, NoEntropy> {
        // Too long an address leads to the start.
        let next = if next.len() > NEXT_BYTES_MAX { String::new() } else { next.to_owned() };
        let aim = Aim { next, wanted: wanted.map(|wanted| wanted.to_string()) };
        Ok(Self { secret: Secret::new("")?, aim })
    }

    /// What the browser keeps.
    #[must_use]
    pub fn text(&self) -> String {
        let aim = serde_json::to_vec(&self.aim).unwrap_or_default();
        format!("{}.{}", self.secret.reveal(), URL_SAFE_NO_PAD.encode(aim))
    }

    /// What a browser kept, if it reads.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (secret, aim) = text.split_once('.').filter(|_| text.len() <= TEXT_BYTES_MAX)?;
        let secret = Secret::known(secret)?;
        let aim = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(aim).ok()?).ok()?;
        Some(Self { secret, aim })
    }

    /// Where to go once somebody is signed in. It comes from a browser: it may be any text.
    #[must_use]
    pub fn next(&self) -> &str {
        &self.aim.next
    }

    /// As what somebody wants to sign in, of several things that they are.
    #[must_use]
    pub fn wanted(&self) -> Option<Membership> {
        self.aim.wanted.as_deref()?.parse().ok()
    }

    pub(super) fn state(&self) -> String {
        self.derived(b"state")
    }

    pub(super) fn nonce(&self) -> String {
        self.derived(b"nonce")
    }

    /// RFC 7636 §4.1: 43 characters.
    pub(super) fn verifier(&self) -> String {
        self.derived(b"verifier")
    }

    /// RFC 7636 §4.2.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier()))
    }

    fn derived(&self, what: &[u8]) -> String {
        let key = Sha256::digest(self.secret.reveal());
        // A key of 32 bytes fits.
        let mac =
            Hmac::<Sha256>::new_from_slice(&key).map(|mac| mac.chain_update(what).finalize().into_bytes());
        mac.map(|bytes| URL_SAFE_NO_PAD.encode(bytes)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_brings_back_what_it_was_given() {
        let wanted: Membership = "auditor:acme.www".parse().unwrap();
        let attempt = Attempt::new("/activity?q=a%20b", Some(wanted.clone())).unwrap();
        let text = attempt.text();
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)), "{text}");
        let back = Attempt::read(&text).unwrap();
        assert_eq!((back.next(), back.wanted()), ("/activity?q=a%20b", Some(wanted)));
        assert_eq!(
            (back.state(), back.nonce(), back.verifier()),
            (attempt.state(), attempt.nonce(), attempt.verifier())
        );
        assert_eq!(back.verifier().len(), 43);
        assert!(!format!("{back:?}").contains(attempt.secret.reveal()));
    }

    #[test]
    fn what_others_learn_says_nothing_of_the_rest() {
        let (one, two) = (Attempt::new("", None).unwrap(), Attempt::new("", None).unwrap());
        let all = [&one, &two]
            .map(|attempt| [attempt.state(), attempt.nonce(), attempt.verifier(), attempt.challenge()]);
        let distinct: std::collections::HashSet<String> = all.into_iter().flatten().collect();
        assert_eq!(distinct.len(), 8);
    }

    #[test]
    fn what_was_not_given_does_not_read() {
        let long = format!("{}.e30", "a".repeat(5_000));
        for text in ["", ".", "a.e30", "!.e30", long.as_str()] {
            assert!(Attempt::read(text).is_none(), "{text}");
        }
        let far = Attempt::new(&"/".repeat(NEXT_BYTES_MAX + 1), None).unwrap();
        assert_eq!(far.next(), "");
    }
}
