//! Which time is asked for, and how much of it.

use std::time::Duration;

use jiff::Timestamp;

use super::answer::Refusal;
use super::date;

/// How far the window reaches back when nobody says.
const BACK: Duration = Duration::from_mins(15);

/// Entries on a page, at most, and when the caller does not say.
const LIMIT_MAX: usize = 1000;

/// A span of time, both ends included, in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// The parameters of a request, each as far as it was given. An empty one counts as absent; one that is given twice reads
/// as both with a comma between them, as AEM's parser has it.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    from: Option<String>,
    to: Option<String>,
    since: Option<String>,
    /// As it was sent: the link to the next page repeats it.
    pub(super) limit: Option<String>,
    pub(super) next_token: Option<String>,
}

impl Parameters {
    /// Reads a query string. What is not known is ignored.
    pub(super) fn parse(query: Option<&str>) -> Self {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(query.unwrap_or_default()).unwrap_or_default();
        let mut read = Self::default();
        for (name, value) in pairs {
            let field = match name.as_str() {
                "from" => &mut read.from,
                "to" => &mut read.to,
                "since" => &mut read.since,
                "limit" => &mut read.limit,
                "nextToken" => &mut read.next_token,
                _ => continue,
            };
            *field = Some(match field.take() {
                Some(first) => format!("{first},{value}"),
                None => value,
            });
        }
        let fields = [&mut read.from, &mut read.to, &mut read.since, &mut read.limit, &mut read.next_token];
        for field in fields {
            *field = field.take().filter(|value| !value.is_empty());
        }
        read
    }

    /// The window that is asked for at a moment.
    pub(super) fn window(&self, now: Timestamp) -> Result<Window, Refusal> {
        if let Some(since) = &self.since {
            if self.from.is_some() || self.to.is_some() {
                return Err(Refusal::bad("'since' should not be used with either 'from' or 'to'"));
            }
            let back = seconds(since).ok_or_else(|| {
                Refusal::bad(format!(
                    "'since' should match a number followed by 's(econds)', 'm(inutes)', 'h(ours)' or \
                     'd(ays)': {since}"
                ))
            })?;
            return Ok(Window { from: back_from(now, back), to: now });
        }
        let date = |name: &str, text: &Option<String>| match text {
            None => Ok(None),
            Some(text) => match date::parse(text) {
                Some(time) => Ok(Some(time)),
                None => Err(Refusal::bad(format!("'{name}' is not a valid date: {text}"))),
            },
        };
        let from = date("from", &self.from)?.unwrap_or_else(|| back_from(now, BACK.as_secs()));
        let to = date("to", &self.to)?.unwrap_or(now);
        if from >= to {
            let raw = |text: &Option<String>, time| text.clone().unwrap_or_else(|| date::written(time));
            return Err(Refusal::bad(format!(
                "'from' ({}) should be smaller than 'to' ({})",
                raw(&self.from, from),
                raw(&self.to, to)
            )));
        }
        Ok(Window { from, to })
    }

    /// Entries wanted on a page: the number that the text begins with, if it is one that may be.
    pub(super) fn limit(&self) -> usize {
        let text = self.limit.as_deref().unwrap_or_default().trim_start();
        let text = text.strip_prefix('+').unwrap_or(text);
        let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
        let number = text.split_at_checked(end).and_then(|(digits, _)| digits.parse().ok());
        number.filter(|limit| (1..=LIMIT_MAX).contains(limit)).unwrap_or(LIMIT_MAX)
    }
}

/// `15m`, `2d`: as seconds. A number that nobody can wait for is still one.
fn seconds(text: &str) -> Option<u64> {
    let unit = match text.as_bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        _ => return None,
    };
    let (digits, _) = text.split_at_checked(text.len() - 1)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(digits.parse().unwrap_or(u64::MAX).saturating_mul(unit))
}

/// A time so many seconds before another, or the first that can be written in four digits.
fn back_from(now: Timestamp, seconds: u64) -> Timestamp {
    /// 0001-01-01T00:00:00Z
    const FIRST: i64 = -62_135_596_800;
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let second = now.as_second().saturating_sub(seconds).max(FIRST);
    let back = Timestamp::new(second, now.subsec_nanosecond());
    back.unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        let limit = |text: &str| Parameters::parse(Some(&format!("limit={text}"))).limit();
        for (text, expected) in [
            ("", 1000),
            ("1", 1),
            ("1000", 1000),
            ("1001", 1000),
            ("0", 1000),
            ("-5", 1000),
            ("abc", 1000),
            ("10abc", 10),
            ("99999999999999999999", 1000),
            ("1.9", 1),
            ("%207", 7),
            ("5&limit=6", 5),
        ] {
            assert_eq!(limit(text), expected, "{text}");
        }
    }

    #[test]
    fn spans() {
        for (text, expected) in [("0s", 0), ("05m", 300), ("6h", 21_600), ("7d", 604_800)] {
            assert_eq!(seconds(text), Some(expected));
        }
        assert_eq!(seconds("99999999999999999999d"), Some(u64::MAX));
        for text in ["", "s", "5", "1w", "-5m", "+5m", "5 decades", "1.5h", "5M", "é"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn nobody_looks_back_beyond_the_first_year() {
        let now: Timestamp = "2026-05-04T09:30:12.454Z".parse().unwrap();
        let window = |since: &str| Parameters::parse(Some(since)).window(now).unwrap();
        assert_eq!(window("since=0s"), Window { from: now, to: now });
        assert_eq!(date::written(window("since=5m").from), "2026-05-04T09:25:12.454Z");
        assert_eq!(date::written(window("since=99999999999999d").from), "0001-01-01T00:00:00.454Z");
    }
}
