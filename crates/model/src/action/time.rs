//! Points in time as Wagtail's messages show them: `Nov. 21, 2026, 4:17 a.m.`
//!
//! Always in UTC: a message is stored and searched, so it must not depend on who reads it.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// The form of dates inside `data` before Wagtail's migrations to ISO 8601: `21 Nov 2026 04:17`. It was
/// written in the site's local time, which nobody recorded; it is taken as UTC.
const LEGACY_FORM: &str = "%d %b %Y %H:%M";

/// Newspaper style: the short months are spelled out, September has four letters.
const MONTHS: [&str; 12] =
    ["Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."];

/// The time in words, or nothing if the text is no point in time.
pub(super) fn in_words(text: &str) -> Option<String> {
    let time = parse(text)?;
    let month = usize::try_from(time.month()).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?))?;
    Some(format!("{month} {}, {}, {}", time.day(), time.year(), clock(time)))
}

fn parse(text: &str) -> Option<DateTime> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(Offset::UTC.to_datetime(timestamp));
    }
    text.parse().or_else(|_| DateTime::strptime(LEGACY_FORM, text)).ok()
}

/// `4:17 a.m.`, `4 a.m.`, and words for the two times that have no clear half of the day.
fn clock(time: DateTime) -> String {
    let half = if time.hour() < 12 { "a.m." } else { "p.m." };
    let hour = match time.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    match (time.hour(), time.minute()) {
        (0, 0) => "midnight".to_owned(),
        (12, 0) => "noon".to_owned(),
        (_, 0) => format!("{hour} {half}"),
        (_, minute) => format!("{hour}:{minute:02} {half}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(in_words(text).as_deref(), expected, "{text}");
    }

    #[test]
    fn times_read_as_in_wagtail() {
        check("2026-11-21T04:17:28.100Z", Some("Nov. 21, 2026, 4:17 a.m."));
        check("2026-03-01T13:05:00Z", Some("March 1, 2026, 1:05 p.m."));
        check("2026-09-09T16:00:59Z", Some("Sept. 9, 2026, 4 p.m."));
        check("2026-05-31T00:00:00Z", Some("May 31, 2026, midnight"));
        check("2026-05-31T12:00:00Z", Some("May 31, 2026, noon"));
        check("2026-05-31T00:30:00Z", Some("May 31, 2026, 12:30 a.m."));
        check("2026-12-31T12:30:00Z", Some("Dec. 31, 2026, 12:30 p.m."));
    }

    #[test]
    fn other_forms_are_read_too() {
        check("2026-11-21T05:17:28+01:00", Some("Nov. 21, 2026, 4:17 a.m."));
        check("2026-11-21T04:17:28", Some("Nov. 21, 2026, 4:17 a.m."));
        check("21 Nov 2026 04:17", Some("Nov. 21, 2026, 4:17 a.m."));
    }

    #[test]
    fn what_is_no_time_is_nothing() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "1777881600123", "31 Foo 2026 04:17"] {
            check(text, None);
        }
    }
}
