//! The one place where the time is read.

use jiff::Timestamp;

/// The present time, cut to milliseconds, as logs keep it.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}
