//! Dates as clients of this API write them: the forms that JavaScript reads, but for its curiosities.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

/// Reads a date. Nothing for what is none, and for 1970-01-01T00:00:00Z, which JavaScript cannot tell from none.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let time = iso(text).or_else(|| mail(text))?;
    let time =
        Timestamp::from_millisecond(time.as_nanosecond().div_euclid(1_000_000).try_into().ok()?).ok()?;
    (time != Timestamp::UNIX_EPOCH).then_some(time)
}

/// `2023-09`, `2023-09-22`, `2023-09-22T10:00`, `2023-09-22 10:00:00.5+02:00`. Without a zone it is UTC.
fn iso(text: &str) -> Option<Timestamp> {
    let is_day = |byte: u8| byte.is_ascii_digit() || byte == b'-';
    let end = text.bytes().position(|byte| !is_day(byte)).unwrap_or(text.len());
    let (day, rest) = text.split_at_checked(end)?;
    let parts: Vec<&str> = day.split('-').collect();
    let (year, month, day) = match parts.as_slice() {
        [year] => (number(year, 4)?, 1, 1),
        [year, month] => (number(year, 4)?, number(month, 2)?, 1),
        [year, month, day] => (number(year, 4)?, number(month, 2)?, number(day, 2)?),
        _ => return None,
    };
    let Some(rest) = rest.strip_prefix(['T', 't', ' ']) else {
        return rest.is_empty().then(|| at((year, month, day), Clock::default(), 0)).flatten();
    };
    let zone_start = rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(zone_start)?;
    let offset = if zone.is_empty() { 0 } else { offset(zone)? };
    at((year, month, day), Clock::parse(clock, 2)?, offset)
}

/// `22 Sep 2023`, `Fri, 22 Sep 2023 10:00:00 GMT`.
fn mail(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let text = match text.split_once(',') {
        Some((day, rest)) if DAYS.iter().any(|name| name.eq_ignore_ascii_case(day.trim())) => rest,
        Some(_) => return None,
        None => text,
    };
    let mut words = text.split_ascii_whitespace();
    let day = words.next().filter(|day| (1..=2).contains(&day.len()))?;
    let day = number(day, day.len())?;
    let month = words.next()?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))?;
    let year = number(words.next()?, 4)?;
    let clock = words.next().map_or(Some(Clock::default()), |clock| Clock::parse(clock, 1))?;
    let offset = match words.next() {
        None => 0,
        Some(zone) if ["gmt", "utc", "ut"].iter().any(|name| name.eq_ignore_ascii_case(zone)) => 0,
        Some(zone) => offset(zone)?,
    };
    let date = (year, i16::try_from(month + 1).ok()?, day);
    if words.next().is_some() { None } else { at(date, clock, offset) }
}

/// A time of day.
#[derive(Clone, Copy, Default)]
struct Clock {
    hour: i16,
    minute: i16,
    second: i16,
    nanosecond: i32,
}

impl Clock {
    fn parse(text: &str, hour_digits_min: usize) -> Option<Self> {
        let (whole, fraction) = text.split_once(['.', ',']).map_or((text, None), |(w, f)| (w, Some(f)));
        let parts: Vec<&str> = whole.split(':').collect();
        let (hour, minute, second) = match parts.as_slice() {
            [hour, minute] if fraction.is_none() => (hour, minute, "00"),
            [hour, minute, second] => (hour, minute, *second),
            _ => return None,
        };
        let nanosecond = match fraction {
            None => 0,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                let digits: String = digits.chars().chain("000000000".chars()).take(9).collect();
                digits.parse().ok()?
            }
            Some(_) => return None,
        };
        let hour_digits = hour.len().clamp(hour_digits_min, 2);
        let (hour, minute) = (number(hour, hour_digits)?, number(minute, 2)?);
        Some(Self { hour, minute, second: number(second, 2)?, nanosecond })
    }
}

/// `Z`, `+02:00`, `-0500`: seconds east of Greenwich.
fn offset(text: &str) -> Option<i32> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').or_else(|| digits.split_at_checked(2))?;
    let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
    let is_offset = hours < 24 && minutes < 60;
    is_offset.then(|| sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
}

/// A number of exactly so many digits.
fn number(text: &str, digits: usize) -> Option<i16> {
    let is_number = text.len() == digits && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

fn at((year, month, day): (i16, i16, i16), clock: Clock, offset_seconds: i32) -> Option<Timestamp> {
    let small = |number: i16| i8::try_from(number).ok();
    let (hour, minute, second) = (small(clock.hour)?, small(clock.minute)?, small(clock.second)?);
    let time =
        DateTime::new(year, small(month)?, small(day)?, hour, minute, second, clock.nanosecond).ok()?;
    Offset::from_seconds(offset_seconds).ok()?.to_timestamp(time).ok()
}

/// A time as this API writes it: UTC, always with milliseconds.
pub(super) fn written(time: Timestamp) -> String {
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_contract() {
        for (text, iso) in [
            ("2023-09", "2023-09-01T00:00:00.000Z"),
            ("2023-09-22", "2023-09-22T00:00:00.000Z"),
            ("2023-09-22T10:00", "2023-09-22T10:00:00.000Z"),
            ("2023-09-22 10:00:00", "2023-09-22T10:00:00.000Z"),
            ("2023-09-22T10:00:00.1239Z", "2023-09-22T10:00:00.123Z"),
            ("2023-09-22T10:00:00.5+02:00", "2023-09-22T08:00:00.500Z"),
            ("2023-09-22T10:00:00-05:30", "2023-09-22T15:30:00.000Z"),
            ("2023-09-22T10:00:00Z", "2023-09-22T10:00:00.000Z"),
            ("22 Sep 2023", "2023-09-22T00:00:00.000Z"),
            ("2 Sep 2023 10:00 +0200", "2023-09-02T08:00:00.000Z"),
            ("Fri, 22 Sep 2023 10:00:00 GMT", "2023-09-22T10:00:00.000Z"),
            ("0001-01-01T00:00:00.000Z", "0001-01-01T00:00:00.000Z"),
            ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(parse(text).map(written).as_deref(), Some(iso), "{text}");
        }
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "",
            "boo",
            "1695376800000",
            "0",
            "2023-13-01",
            "2023-02-30",
            "20230922",
            "2023-W38-5",
            "2023-9-1",
            "2023-09-22T",
            "2023-09-22T10",
            "2023-09-22T25:00",
            "2023-09-22T10:60",
            "2023-09-22T10:00:00.",
            "2023-09-22T10:00:00 02:00",
            "2023-09-22,2023-09-23",
            "1970-01-01T00:00:00Z",
            "1970",
            "22 Foo 2023",
            "Fri 22 Sep 2023 10:00:00 GMT x",
            "2023-09-22T10:00:00+2",
            "é",
            "2023-09-22é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
