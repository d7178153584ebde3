//! How long content is kept, and which entries are old enough to expire.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::stored::{StoredEntry, StoredError};

/// Days beyond which nobody means days: a hundred years. Whoever wants more wants `forever`.
pub const DAYS_MAX: u32 = 36_525;

/// How long after a retention was lowered the longer one still holds: time for others to see it and to object.
pub const LOWERING_DELAY: SignedDuration = SignedDuration::from_hours(24);

const HOURS_PER_DAY: i64 = 24;

/// How long content is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retention {
    /// So many days of 24 hours, 1 at least.
    Days(u32),
    /// Without end.
    Forever,
}

impl Default for Retention {
    /// A year.
    fn default() -> Self {
        Self::Days(365)
    }
}

impl Retention {
    /// So many days; less than one becomes one.
    ///
    /// # Errors
    /// Above [`DAYS_MAX`].
    pub fn days(days: i64) -> Result<Self, BadRetention> {
        match u32::try_from(days.max(1)) {
            Ok(days) if days <= DAYS_MAX => Ok(Self::Days(days)),
            _ => Err(BadRetention),
        }
    }

    /// Reads a setting's value: a whole number, or `"forever"`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn from_json(value: &Json) -> Result<Self, BadRetention> {
        match value {
            // As text, so that no number is narrowed or rounded on the way.
            Json::Number(number) => whole(&number.to_string()),
            Json::String(text) if text == "forever" => Ok(Self::Forever),
            Json::Null | Json::Bool(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => {
                Err(BadRetention)
            }
        }
    }

    /// The value in JSON.
    #[must_use]
    pub fn to_json(self) -> Json {
        match self {
            Self::Days(days) => days.into(),
            Self::Forever => "forever".into(),
        }
    }

    /// The time before which content has expired; `None` where it never does.
    #[must_use]
    pub fn cutoff(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Days(days) => {
                let age = SignedDuration::from_hours(i64::from(days).saturating_mul(HOURS_PER_DAY));
                Some(now.checked_sub(age).unwrap_or(Timestamp::MIN))
            }
            Self::Forever => None,
        }
    }
}

/// Decimal digits with an optional sign, and nothing else: `1.0` and `1e2` are no whole numbers here.
fn whole(text: &str) -> Result<Retention, BadRetention> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadRetention);
    }
    // Whatever is negative, however far, is below one.
    let days = if text.starts_with('-') { 0 } else { text.parse().map_err(|_| BadRetention)? };
    Retention::days(days)
}

impl FromStr for Retention {
    type Err = BadRetention;

    /// As in the environment: `90`, `forever`.
    fn from_str(text: &str) -> Result<Self, BadRetention> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("forever") { Ok(Self::Forever) } else { whole(text) }
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Days(1) => f.write_str("1 day"),
            Self::Days(days) => write!(f, "{days} days"),
            Self::Forever => f.write_str("forever"),
        }
    }
}

impl Serialize for Retention {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Retention {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_json(&Json::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// No retention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number of days from 1 to {DAYS_MAX} (less becomes 1), or \"forever\"")]
pub struct BadRetention;

/// A retention that somebody may change: lowering it takes effect only after [`LOWERING_DELAY`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changeable {
    /// What was set; `None` where the default holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Retention>,
    /// What still holds after it was lowered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowered: Option<Lowered>,
}

/// A retention that was longer, and still holds for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lowered {
    /// What held before.
    pub from: Retention,
    /// Until when it goes on to hold.
    pub until: Timestamp,
}

impl Changeable {
    /// What is in force.
    #[must_use]
    pub fn in_force(&self, default: Retention, now: Timestamp) -> Retention {
        let wanted = self.value.unwrap_or(default);
        match self.lowered {
            Some(lowered) if now < lowered.until => wanted.max(lowered.from),
            Some(_) | None => wanted,
        }
    }

    /// The same after it was set to another value.
    #[must_use]
    pub fn set(self, value: Option<Retention>, default: Retention, now: Timestamp) -> Self {
        if value == self.value {
            return self;
        }
        let from = self.in_force(default, now);
        let is_lower = value.unwrap_or(default) < from;
        let until = now.checked_add(LOWERING_DELAY).unwrap_or(Timestamp::MAX);
        Self { value, lowered: is_lower.then_some(Lowered { from, until }) }
    }
}

/// Whether an entry is old enough to expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// It is not, or it explains what happened to others, or nothing is left that could expire.
    Kept,
    /// By the time that its sender claimed, which only the section `source` shows.
    Claimed,
    /// By the time at which the log took it, which the leaf shows.
    Recorded,
}

impl Age {
    /// Judges a stored entry. It is as old as the earlier of the two times says: what happened long ago is not kept
    /// longer for having been imported late, and nobody keeps anything by claiming that it happens in the future.
    ///
    /// # Errors
    /// When the entry does not read.
    pub fn of(stored: &StoredEntry<'_>, cutoff: Timestamp) -> Result<Self, StoredError> {
        let header = stored.header();
        if header.class.is_kept() || (stored.is_expired() && stored.sections().next().is_none()) {
            return Ok(Self::Kept);
        }
        let recorded_ms = i64::try_from(header.recorded_ms).unwrap_or(i64::MAX);
        let recorded_at = Timestamp::from_millisecond(recorded_ms).map_err(|_| StoredError::Time)?;
        if recorded_at < cutoff {
            return Ok(Self::Recorded);
        }
        // What expired by its claimed time waits for the recorded one.
        let is_claimed = !stored.is_expired() && stored.occurred_at()? < cutoff;
        Ok(if is_claimed { Self::Claimed } else { Self::Kept })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn values_are_whole_days_or_forever_and_never_narrowed() {
        for (value, expected) in [
            (json!(90), Some(Retention::Days(90))),
            (json!(0), Some(Retention::Days(1))),
            (json!(-5), Some(Retention::Days(1))),
            (json!("forever"), Some(Retention::Forever)),
            (json!(36_525), Some(Retention::Days(36_525))),
            (json!(36_526), None),
            (json!(4_294_967_296_i64), None),
            (json!(1.5), None),
            (json!("90"), None),
            (json!(true), None),
            (json!(null), None),
            (json!([1]), None),
        ] {
            assert_eq!(Retention::from_json(&value).ok(), expected, "{value}");
        }
        let huge: Json = serde_json::from_str("18446744073709551616").unwrap();
        assert_eq!(Retention::from_json(&huge), Err(BadRetention));
        let low: Json = serde_json::from_str("-18446744073709551616").unwrap();
        assert_eq!(Retention::from_json(&low), Ok(Retention::Days(1)));
        for (text, expected) in [
            ("365", Some(Retention::Days(365))),
            ("0", Some(Retention::Days(1))),
            ("-1", Some(Retention::Days(1))),
            (" Forever ", Some(Retention::Forever)),
            ("1e3", None),
            ("12.0", None),
            ("", None),
            ("-", None),
            ("a year", None),
        ] {
            assert_eq!(text.parse::<Retention>().ok(), expected, "{text}");
        }
    }

    #[test]
    fn lowering_waits_for_a_day_and_raising_does_not() {
        let default = Retention::default();
        let (noon, soon, next_day) =
            (at("2026-11-01T12:00:00Z"), at("2026-11-02T11:59:59Z"), at("2026-11-02T12:00:00Z"));
        let lowered = Changeable::default().set(Some(Retention::Days(30)), default, noon);
        assert_eq!(lowered.in_force(default, soon), Retention::Days(365));
        assert_eq!(lowered.in_force(default, next_day), Retention::Days(30));
        // Raising within the delay, but not up to what still holds, does not end it early.
        let again = lowered.set(Some(Retention::Days(40)), default, soon);
        assert_eq!(again.in_force(default, at("2026-11-03T11:00:00Z")), Retention::Days(365));
        let raised = lowered.set(Some(Retention::Forever), default, soon);
        assert_eq!(raised.in_force(default, soon), Retention::Forever);
        // Back to a default that is shorter is lowering, too.
        let back = raised.set(None, default, next_day);
        assert_eq!(back.in_force(default, at("2026-11-03T11:00:00Z")), Retention::Forever);
        assert_eq!(back.in_force(default, at("2026-11-03T12:00:00Z")), default);
        // Setting the same again changes nothing, so that it cannot put off the day either.
        assert_eq!(lowered.set(Some(Retention::Days(30)), default, soon), lowered);
    }

    #[test]
    fn the_cutoff_never_leaves_the_calendar() {
        assert_eq!(Retention::Days(DAYS_MAX).cutoff(Timestamp::MIN), Some(Timestamp::MIN));
        assert_eq!(Retention::Forever.cutoff(at("2026-11-01T12:00:00Z")), None);
        assert_eq!(Retention::Days(1).cutoff(at("2026-11-02T12:00:00Z")), Some(at("2026-11-01T12:00:00Z")));
    }
}
