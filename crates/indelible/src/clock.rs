//! The one place where the time is read.

use jiff::Timestamp;

/// The present time, cut to milliseconds: as precise as the time in a leaf, so that the two compare.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// The present time in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    u64::try_from(now().as_millisecond()).unwrap_or_default()
}
