//! What was refused of each sender since this process started.
//!
//! Every refusal is told to its sender when it happens. This remembers them for the administrators of the site, who see
//! there that something sends what the log cannot take. It is kept in memory, and in a bounded part of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::clock;
use crate::store::LogNumber;

/// Senders that are remembered, over all sites. Those that came first stay.
const SENDERS_MAX: usize = 1024;

/// Characters that are kept of what a sender was told.
const TEXT_CHARS_MAX: usize = 300;

/// What was refused, by site and sender. Clones count into the same.
#[derive(Clone, Debug)]
pub struct Refusals {
    since: Timestamp,
    senders: Arc<Mutex<HashMap<(LogNumber, String), Refused>>>,
}

/// What was refused of one sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The sender: its token's name.
    pub source: String,
    /// How many times, an entry of a batch and a request that could not be read alike.
    pub count: u64,
    /// When the last one was.
    pub last: Timestamp,
    /// Why the last one was refused.
    pub why: Why,
}

/// Why something was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    /// Machine-readable code.
    pub code: String,
    /// The field, empty for the whole.
    pub field: String,
    /// What the sender was told.
    pub message: String,
}

impl Default for Refusals {
    /// None so far.
    fn default() -> Self {
        Self { since: clock::now(), senders: Arc::default() }
    }
}

impl Refusals {
    /// Since when they are counted.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// Counts refusals of a sender to a site, by its log.
    pub fn note(&self, log: LogNumber, source: &str, count: u64, why: &Why) {
        let now = clock::now();
        let short = |text: &str| text.chars().take(TEXT_CHARS_MAX).collect::<String>();
        let why = Why { code: short(&why.code), field: short(&why.field), message: short(&why.message) };
        let mut senders = self.senders();
        let key = (log, source.to_owned());
        let is_full = senders.len() >= SENDERS_MAX;
        match senders.get_mut(&key) {
            Some(known) => {
                known.count = known.count.saturating_add(count);
                (known.last, known.why) = (now, why);
            }
            None if is_full => {
                tracing::warn!(source, "more senders are refused than are remembered");
            }
            None => {
                senders.insert(key, Refused { source: source.to_owned(), count, last: now, why });
            }
        }
    }

    /// What was refused to a site, by its log: the last refused sender first.
    #[must_use]
    pub fn of_site(&self, log: LogNumber) -> Vec<Refused> {
        let senders = self.senders();
        let own = senders.iter().filter(|((of, _), _)| *of == log);
        let mut own: Vec<Refused> = own.map(|(_, refused)| refused.clone()).collect();
        drop(senders);
        own.sort_by(|a, b| (b.last, &a.source).cmp(&(a.last, &b.source)));
        own
    }

    fn senders(&self) -> MutexGuard<'_, HashMap<(LogNumber, String), Refused>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(message: &str) -> Why {
        Why { code: "missing_field".to_owned(), field: "entity".to_owned(), message: message.to_owned() }
    }

    #[test]
    fn refusals_add_up_by_site_and_sender() {
        let refusals = Refusals::default();
        refusals.note(1, "shop", 2, &why("first"));
        refusals.note(1, "shop", 3, &why(&"long ".repeat(100)));
        refusals.note(1, "blog", 1, &why("other"));
        refusals.note(2, "shop", 1, &why("elsewhere"));
        let own = refusals.of_site(1);
        let counts: HashMap<&str, u64> =
            own.iter().map(|refused| (refused.source.as_str(), refused.count)).collect();
        assert_eq!(counts, HashMap::from([("shop", 5), ("blog", 1)]));
        let shop = own.iter().find(|refused| refused.source == "shop").unwrap();
        assert!(shop.why.message.starts_with("long ") && shop.why.message.len() == TEXT_CHARS_MAX);
        assert_eq!(refusals.of_site(3), []);
    }

    #[test]
    fn more_senders_than_are_remembered_cost_no_more_room() {
        let refusals = Refusals::default();
        for number in 0..=SENDERS_MAX {
            refusals.note(1, &format!("s{number}"), 1, &why("x"));
        }
        refusals.note(1, "s0", 1, &why("x"));
        assert_eq!(refusals.of_site(1).len(), SENDERS_MAX);
        assert!(refusals.of_site(1).iter().any(|refused| refused.source == "s0" && refused.count == 2));
    }
}
