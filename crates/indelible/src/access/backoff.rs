//! Waiting longer after each failure: what keeps guessing slow.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures that cost nothing: people mistype.
const FREE: u32 = 5;

/// The wait after the first failure that is not free; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// The longest wait, so that nobody is locked out for good by somebody else.
const LONGEST_WAIT: Duration = Duration::from_mins(15);

/// After so long without a failure everything is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

/// Names and addresses that are remembered, at most.
const KNOWN_MAX: usize = 20_000;

/// Addresses behind which many people are may fail more often before they wait.
const FREE_OF_ADDRESS: u32 = 30;

/// Who failed how often, in this process.
#[derive(Debug, Default)]
pub(super) struct Backoff(Mutex<HashMap<Key, Failures>>);

/// What failures are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Name(String),
    Address(IpAddr),
}

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(self, free: u32) -> Duration {
        let beyond = self.count.saturating_sub(free);
        match beyond.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => {
                FIRST_WAIT.saturating_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).min(LONGEST_WAIT)
            }
        }
    }
}

impl Backoff {
    /// Counts an attempt as failed before it is made, so that attempts at the same time all count.
    ///
    /// # Errors
    /// How long to wait first; the attempt is not counted then and must not be made.
    pub(super) fn attempt(&self, name: &str, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.retain(|_, failures| now.duration_since(failures.last) < FORGOTTEN_AFTER);
        }
        let keys = keys(name, address);
        for (key, free) in &keys {
            let Some(failures) = known.get(key).copied() else { continue };
            if now.duration_since(failures.last) >= FORGOTTEN_AFTER {
                known.remove(key);
                continue;
            }
            let wait = failures.wait(*free).saturating_sub(now.duration_since(failures.last));
            if !wait.is_zero() {
                return Err(wait);
            }
        }
        // Names and addresses without number, all within the hour: nobody new may fail until some are forgotten.
        if known.len() >= KNOWN_MAX && !keys.iter().all(|(key, _)| known.contains_key(key)) {
            return Err(FIRST_WAIT);
        }
        for (key, _) in keys {
            let failures = known.entry(key).or_insert(Failures { count: 0, last: now });
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
        }
        Ok(())
    }

    /// The attempt succeeded: its name is believed again. An address keeps its other failures, so that an own
    /// account does not make guessing others' passwords free.
    pub(super) fn succeeded(&self, name: &str, address: Option<IpAddr>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&Key::Name(name.to_owned()));
        if let Some(failures) = address.and_then(|address| known.get_mut(&Key::Address(network(address)))) {
            failures.count = failures.count.saturating_sub(1);
        }
    }
}

fn keys(name: &str, address: Option<IpAddr>) -> Vec<(Key, u32)> {
    let mut keys = vec![(Key::Name(name.to_owned()), FREE)];
    keys.extend(address.map(|address| (Key::Address(network(address)), FREE_OF_ADDRESS)));
    keys
}

/// An IPv6 client has 2^64 addresses of its own: they count as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff::default();
        let mut now = Instant::now();
        for _ in 0..=FREE {
            backoff.attempt("ana", None, now).unwrap();
        }
        let mut expected = FIRST_WAIT;
        for _ in 0..12 {
            assert_eq!(backoff.attempt("ana", None, now), Err(expected));
            assert_eq!(backoff.attempt("ben", None, now), Ok(()), "others do not wait");
            backoff.succeeded("ben", None);
            now += expected;
            backoff.attempt("ana", None, now).unwrap();
            expected = (expected * 2).min(LONGEST_WAIT);
        }
        assert_eq!(expected, LONGEST_WAIT);
        now += FORGOTTEN_AFTER;
        for _ in 0..FREE {
            backoff.attempt("ana", None, now).unwrap();
        }
        backoff.succeeded("ana", None);
        assert_eq!(backoff.attempt("ana", None, now), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_names_waits_too() {
        let backoff = Backoff::default();
        let now = Instant::now();
        let at = |text: &str| Some(text.parse().unwrap());
        for number in 0..=FREE_OF_ADDRESS {
            backoff.attempt(&number.to_string(), at("2001:db8::1"), now).unwrap();
        }
        assert_eq!(backoff.attempt("x", at("2001:db8::2"), now), Err(FIRST_WAIT));
        assert_eq!(backoff.attempt("x", at("2001:db8:0:1::2"), now), Ok(()));
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let backoff = Backoff::default();
        let now = Instant::now();
        for number in 0..KNOWN_MAX {
            backoff.attempt(&number.to_string(), None, now).unwrap();
        }
        assert_eq!(backoff.attempt("one more", None, now), Err(FIRST_WAIT));
        assert_eq!(backoff.attempt("one more", None, now + FORGOTTEN_AFTER), Ok(()));
    }
}
