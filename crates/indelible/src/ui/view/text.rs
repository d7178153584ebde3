//! Numbers and times as people read them. Pure: the present is an argument.

use jiff::Timestamp;
use jiff::tz::TimeZone;

const MINUTE_S: i64 = 60;
const HOUR_S: i64 = 60 * MINUTE_S;
const DAY_S: i64 = 24 * HOUR_S;
const WEEK_S: i64 = 7 * DAY_S;

/// A moment as seen from `now`: "just now", "42 s ago", "3 min ago", "5 h ago", "3 days ago", "in 2 h", then
/// the day, "12 Nov", and in another year "12 Nov 2025". Days are UTC days.
#[must_use]
pub fn relative_time(now: Timestamp, then: Timestamp) -> String {
    let ahead_s = then.as_second() - now.as_second();
    let distance_s = ahead_s.abs();
    if distance_s < 5 {
        return "just now".to_owned();
    }
    let distance = match distance_s {
        s if s < MINUTE_S => format!("{s} s"),
        s if s < HOUR_S => format!("{} min", s / MINUTE_S),
        s if s < DAY_S => format!("{} h", s / HOUR_S),
        s if s < 2 * DAY_S => "1 day".to_owned(),
        s if s < WEEK_S => format!("{} days", s / DAY_S),
        _ => return day_short(now, then),
    };
    if ahead_s > 0 { format!("in {distance}") } else { format!("{distance} ago") }
}

/// The day, with the year only when it is another than that of `now`: "12 Nov", "12 Nov 2025".
fn day_short(now: Timestamp, then: Timestamp) -> String {
    let (now, then) = (now.to_zoned(TimeZone::UTC), then.to_zoned(TimeZone::UTC));
    let form = if now.year() == then.year() { "%-d %b" } else { "%-d %b %Y" };
    then.strftime(form).to_string()
}

/// A heading for the entries of one UTC day: "Saturday, 21 November 2026".
#[must_use]
pub fn day_heading(then: Timestamp) -> String {
    then.to_zoned(TimeZone::UTC).strftime("%A, %-d %B %Y").to_string()
}

/// The exact time with its zone: "2026-11-21 04:15:15.123 UTC".
#[must_use]
pub fn exact_time(then: Timestamp) -> String {
    then.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S%.3f UTC").to_string()
}

/// The time of day in UTC: "04:15:15".
#[must_use]
pub fn clock_time(then: Timestamp) -> String {
    then.to_zoned(TimeZone::UTC).strftime("%H:%M:%S").to_string()
}

/// The form that `<time datetime>` wants: "2026-11-21T04:15:15.123Z".
#[must_use]
pub fn machine_time(then: Timestamp) -> String {
    then.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The value of an `<input type="datetime-local">`, in UTC: "2026-11-21T04:15:15".
#[must_use]
pub fn input_time(then: Timestamp) -> String {
    then.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// The number with a comma between thousands: "88,310".
#[must_use]
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The number and its noun: "1 entry", "88,310 entries".
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(number), if number == 1 { one } else { many })
}
