//! The one place where the time is read.

use jiff::Timestamp;

/// The present time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The present time in milliseconds since 1970.
#[must_use]
pub fn now_ms() -> u64 {
    u64::try_from(now().as_millisecond()).unwrap_or_default()
}
