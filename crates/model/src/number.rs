//! Numbers compared by their digits: what a 64-bit float cannot hold still differs.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

/// A decimal number of any size and precision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// Where the decimal point stands: the value is 0.DIGITS × 10^`point`.
    point: i64,
}

impl Decimal {
    /// Reads a number as JSON writes it; a sign `+`, too.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.as_bytes().first()? {
            b'-' => (true, text.get(1..)?),
            b'+' => (false, text.get(1..)?),
            _ => (false, text),
        };
        let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
            Some(place) => (unsigned.get(..place)?, unsigned.get(place + 1..)?.parse::<i32>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !is_number(whole) || !is_number(fraction) || mantissa.ends_with('.') {
            return None;
        }
        let all: String = [whole, fraction].concat();
        let significant = all.trim_start_matches('0');
        let leading_zeros = i64::try_from(all.len() - significant.len()).ok()?;
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, point: 0 });
        }
        let point = i64::try_from(whole.len()).ok()? - leading_zeros + i64::from(exponent);
        Some(Self { negative, digits, point })
    }
}

impl From<u64> for Decimal {
    fn from(number: u64) -> Self {
        let text = number.to_string();
        let digits = text.trim_end_matches('0').to_owned();
        let point = if digits.is_empty() { 0 } else { i64::try_from(text.len()).unwrap_or_default() };
        Self { negative: false, digits, point }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitude = || {
            // Zero is below everything, whatever its point.
            (!self.digits.is_empty(), self.point, &self.digits).cmp(&(
                !other.digits.is_empty(),
                other.point,
                &other.digits,
            ))
        };
        match (self.negative, other.negative) {
            (false, false) => magnitude(),
            (true, true) => magnitude().reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One text per number, whatever it was written like.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        write!(f, "{sign}.{}e{}", self.digits, self.point)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).expect(text)
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let ascending = [
            "-1e400",
            "-100",
            "-99.5",
            "-1",
            "-0.001",
            "0",
            "1e-400",
            "0.05",
            "0.5",
            "1",
            "1.5",
            "2",
            "10",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "1e20",
            "1e400",
        ];
        for (place, small) in ascending.iter().enumerate() {
            for large in &ascending[place + 1..] {
                assert!(number(small) < number(large), "{small} < {large}");
            }
        }
        for (one, other) in
            [("5", "5.0"), ("5", "+5"), ("500", "5e2"), ("0.50", "5e-1"), ("-0", "0"), ("0e9", "0.0")]
        {
            assert_eq!(number(one), number(other));
            assert_eq!(number(one).to_string(), number(other).to_string());
        }
        for integer in [0, 7, 10, 1200, u64::MAX] {
            assert_eq!(Decimal::from(integer), number(&integer.to_string()));
        }
    }

    #[test]
    fn what_is_no_number() {
        for text in [
            "",
            "-",
            "+",
            ".",
            "1.",
            ".5",
            "1e",
            "1e+",
            "e5",
            "0x10",
            "1,5",
            "1 ",
            "NaN",
            "--1",
            "1e99999999999",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }
}
