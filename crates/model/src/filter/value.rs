//! From a name, an operator and a value to a condition.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::error::FilterError;
use super::field::{Field, NAMES, Named, Part};
use super::parser::{expected, mistake};
use super::scanner::RawName;
use super::span::Span;
use super::suggest::nearest;
use super::{Filter, Test};
use crate::action::Kind;
use crate::number::Decimal;
use crate::text::{Glob, fold};

/// What stands between a name and a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Is,
    IsNot,
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// A value as it is written.
pub(super) struct Value {
    pub(super) text: String,
    pub(super) at: usize,
    pub(super) length: usize,
    /// In quotation marks: every character stands for itself.
    pub(super) quoted: bool,
}

impl Value {
    pub(super) fn mistake(&self, message: String) -> FilterError {
        mistake(self.at, self.length, message)
    }

    fn glob(&self) -> Glob {
        if self.quoted { Glob::literal(&self.text) } else { Glob::parse(&self.text) }
    }

    fn has_wildcard(&self) -> bool {
        !self.quoted && self.text.contains('*')
    }

    /// The two sides of `from..to`.
    fn range(&self) -> Option<(&str, &str)> {
        if self.quoted { None } else { self.text.split_once("..") }
    }
}

/// A name that means something.
pub(super) struct Name {
    written: String,
    at: usize,
    length: usize,
    meaning: Meaning,
}

enum Meaning {
    Named(Named),
    Inside(Part, Vec<String>),
}

impl Name {
    /// Finds out what a name stands for.
    pub(super) fn resolve(raw: RawName) -> Result<Self, FilterError> {
        let RawName { parts, at, length } = raw;
        let written = parts.join(".");
        let part = parts.first().and_then(|first| Part::ALL.into_iter().find(|part| part.as_str() == first));
        let meaning = match part {
            Some(part) => {
                let path: Vec<String> = parts.into_iter().skip(1).collect();
                if path.iter().any(String::is_empty) {
                    let message = format!("`{written}` has an empty part between its dots");
                    return Err(mistake(at, length, message));
                }
                Meaning::Inside(part, path)
            }
            None => match NAMES.iter().find(|(name, _)| *name == written) {
                Some((_, named)) => Meaning::Named(*named),
                None => return Err(unknown(&written, at, length)),
            },
        };
        Ok(Self { written, at, length, meaning })
    }
}

fn unknown(written: &str, at: usize, length: usize) -> FilterError {
    let names = NAMES.iter().map(|(name, _)| *name).chain(Part::ALL.map(Part::as_str));
    let hint = match nearest(written, names) {
        Some(name) => format!("Did you mean `{name}`?"),
        None => format!(
            "Fields inside states and data are named `before.{written}`, `after.{written}` and `data.{written}`; \
             to look for a text with such a sign, put it in quotes."
        ),
    };
    FilterError { hint: Some(hint), ..mistake(at, length, format!("there is no field `{written}`")) }
}

/// The condition that a name, an operator and a value make.
pub(super) fn condition(name: &Name, operator: Operator, value: &Value) -> Result<Filter, FilterError> {
    if operator == Operator::IsNot {
        return condition(name, Operator::Is, value).map(|filter| Filter::Not(Box::new(filter)));
    }
    match &name.meaning {
        Meaning::Named(Named::Text(field)) => {
            unordered(name, operator)?;
            text(*field, value)
        }
        Meaning::Named(Named::Changed) => {
            unordered(name, operator)?;
            Ok(Filter::Changed(value.glob().folded()))
        }
        Meaning::Named(Named::Created) => times(operator, value).map(Filter::Occurred),
        Meaning::Named(Named::Recorded) => times(operator, value).map(Filter::Recorded),
        Meaning::Named(Named::Duration) => numbers(operator, value).map(Filter::Duration),
        Meaning::Named(Named::Index) => numbers(operator, value).map(Filter::Index),
        Meaning::Inside(part, path) => {
            let test = inside(operator, value)?;
            Ok(Filter::Inside { part: *part, path: path.clone(), test })
        }
    }
}

fn unordered(name: &Name, operator: Operator) -> Result<(), FilterError> {
    if operator == Operator::Is {
        return Ok(());
    }
    let message = format!("`{}` is text and has no order", name.written);
    Err(expected(mistake(name.at, name.length, message), &["`:`", "`!=`"]))
}

fn text(field: Field, value: &Value) -> Result<Filter, FilterError> {
    if field == Field::Ip {
        return address(value);
    }
    if matches!(field, Field::Id | Field::CorrelationId) {
        return uuid(field, value);
    }
    let words = fixed_words(field);
    if words.is_empty() {
        return Ok(Filter::Text { field, pattern: value.glob().into() });
    }
    let written = fold(&value.text);
    if !value.has_wildcard() && !words.contains(&written.as_ref()) {
        debug_assert!(field != Field::Kind || words.iter().all(|word| word.parse::<Kind>().is_ok()));
        let error =
            expected(value.mistake(format!("there is no {} `{}`", field.as_str(), value.text)), words);
        let hint = nearest(&written, words.iter().copied()).map(|word| format!("Did you mean `{word}`?"));
        return Err(FilterError { hint, ..error });
    }
    Ok(Filter::Text { field, pattern: value.glob().folded().into() })
}

/// The words that are all a field can have; none where it can have any text.
fn fixed_words(field: Field) -> &'static [&'static str] {
    const WORDS: [(Field, &[&str]); 3] = [
        (Field::Kind, &["create", "update", "delete", "read", "access", "other"]),
        (Field::Outcome, &["success", "failure"]),
        (Field::ActorType, &["user", "service", "system"]),
    ];
    WORDS.iter().find(|(known, _)| *known == field).map_or(&[], |(_, words)| words)
}

fn address(value: &Value) -> Result<Filter, FilterError> {
    if value.text.contains('/') {
        let network = value.text.parse().map_err(|reason| value.mistake(reason))?;
        return Ok(Filter::Ip(network));
    }
    if value.has_wildcard() {
        return Ok(Filter::Text { field: Field::Ip, pattern: value.glob().into() });
    }
    let address: IpAddr = value.text.parse().map_err(|_| {
        let error = value.mistake(format!("`{}` is not an IPv4 or IPv6 address", value.text));
        expected(
            error,
            &["an address", "a network such as `203.0.113.0/24`", "a beginning such as `203.0.*`"],
        )
    })?;
    // In the one form that entries have: `2001:DB8::0:1` is `2001:db8::1`.
    Ok(Filter::equals(Field::Ip, &address.to_string()))
}

fn uuid(field: Field, value: &Value) -> Result<Filter, FilterError> {
    if value.has_wildcard() {
        return Ok(Filter::Text { field, pattern: value.glob().into() });
    }
    let id = Uuid::try_parse(&value.text).map_err(|_| {
        let error = value.mistake(format!("`{}` is not a UUID", value.text));
        expected(error, &["a UUID", "its beginning with `*`"])
    })?;
    Ok(Filter::equals(field, &id.to_string()))
}

fn times(operator: Operator, value: &Value) -> Result<Span<Timestamp>, FilterError> {
    let side = |text: &str| time(text).map_err(|reason| not_a_time(value, text, &reason));
    if operator == Operator::Is {
        if let Some((from, to)) = value.range() {
            let from = if from.is_empty() { None } else { Some(side(from)?.0) };
            let to = if to.is_empty() { None } else { Some(side(to)?.1) };
            return ordered(Span::closed(from, to), value);
        }
        if value.text == "*" && !value.quoted {
            return Ok(Span::all());
        }
    }
    let (first, last) = side(&value.text)?;
    let nanosecond = jiff::SignedDuration::from_nanos(1);
    Ok(match operator {
        Operator::Is | Operator::IsNot => Span::closed(Some(first), Some(last)),
        Operator::AtLeast => Span::closed(Some(first), None),
        Operator::Above => Span::closed(Some(last.saturating_add(nanosecond).unwrap_or(last)), None),
        Operator::AtMost => Span::closed(None, Some(last)),
        Operator::Below => Span::closed(None, Some(first.saturating_sub(nanosecond).unwrap_or(first))),
    })
}

fn not_a_time(value: &Value, text: &str, reason: &str) -> FilterError {
    let error = value.mistake(format!("`{text}` is not a time{reason}"));
    expected(
        error,
        &["a day such as `2026-11-21`", "a time such as `2026-11-21T04:15:15Z`", "a range `FROM..TO`"],
    )
}

/// The first and the last moment of a year, month, day, minute, second or moment. Without a zone it is UTC.
fn time(text: &str) -> Result<(Timestamp, Timestamp), String> {
    let plain = |_: jiff::Error| String::new();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok((moment, moment));
    }
    let number = |text: &str| text.parse::<i16>().ok();
    let month = |text: &str| text.parse::<i8>().ok();
    let (first, next) = match text.len() {
        4 if number(text).is_some() => {
            let first = Date::new(number(text).unwrap_or_default(), 1, 1).map_err(plain)?;
            (first.at(0, 0, 0, 0), first.last_of_year().tomorrow().map_err(plain)?.at(0, 0, 0, 0))
        }
        7 => {
            let (year, month) = text
                .split_once('-')
                .and_then(|(year, text)| Some((number(year)?, month(text)?)))
                .ok_or_else(String::new)?;
            let first = Date::new(year, month, 1).map_err(|_| ": there is no such month".to_owned())?;
            (first.at(0, 0, 0, 0), first.last_of_month().tomorrow().map_err(plain)?.at(0, 0, 0, 0))
        }
        10 => {
            let day: Date = text.parse().map_err(|_| {
                let is_day = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
                if is_day { ": there is no such day".to_owned() } else { String::new() }
            })?;
            (day.at(0, 0, 0, 0), day.tomorrow().map_err(plain)?.at(0, 0, 0, 0))
        }
        16 | 19 => {
            let first: DateTime = text.parse().map_err(plain)?;
            let step =
                if text.len() == 16 { jiff::Span::new().minutes(1) } else { jiff::Span::new().seconds(1) };
            (first, first.checked_add(step).map_err(plain)?)
        }
        _ => return Err(String::new()),
    };
    let moment = |civil: DateTime| civil.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let last =
        moment(next).map_err(plain)?.checked_sub(jiff::SignedDuration::from_nanos(1)).map_err(plain)?;
    Ok((moment(first).map_err(plain)?, last))
}

fn numbers(operator: Operator, value: &Value) -> Result<Span<Decimal>, FilterError> {
    let side = |text: &str| {
        Decimal::parse(text).ok_or_else(|| {
            let error = value.mistake(format!("`{text}` is not a number"));
            expected(error, &["a number", "a range such as `10..20`"])
        })
    };
    if operator == Operator::Is {
        if let Some((from, to)) = value.range() {
            let bound = |text: &str| if text.is_empty() { Ok(None) } else { side(text).map(Some) };
            return ordered(Span::closed(bound(from)?, bound(to)?), value);
        }
        if value.text == "*" && !value.quoted {
            return Ok(Span::all());
        }
        let number = side(&value.text)?;
        return Ok(Span::closed(Some(number.clone()), Some(number)));
    }
    let number = side(&value.text)?;
    let open = matches!(operator, Operator::Above | Operator::Below);
    Ok(match operator {
        Operator::Below | Operator::AtMost => Span { from: None, to: Some(number), open },
        Operator::Above | Operator::AtLeast | Operator::Is | Operator::IsNot => {
            Span { from: Some(number), to: None, open }
        }
    })
}

fn ordered<T: Ord>(span: Span<T>, value: &Value) -> Result<Span<T>, FilterError> {
    match (&span.from, &span.to) {
        (Some(from), Some(to)) if from > to => {
            Err(value.mistake("the range ends before it begins".to_owned()))
        }
        (None, None) => {
            Err(expected(value.mistake("the range has no bound".to_owned()), &["`FROM..`", "`..TO`"]))
        }
        _ => Ok(span),
    }
}

fn inside(operator: Operator, value: &Value) -> Result<Test, FilterError> {
    if operator == Operator::Is {
        if value.text == "*" && !value.quoted {
            return Ok(Test::Exists);
        }
        if let Some((from, to)) = value.range() {
            let is_bound = |text: &str| text.is_empty() || Decimal::parse(text).is_some();
            if is_bound(from) && is_bound(to) && !(from.is_empty() && to.is_empty()) {
                return numbers(operator, value).map(Test::Number);
            }
            let is_bound = |text: &str| text.is_empty() || time(text).is_ok();
            if is_bound(from) && is_bound(to) && !(from.is_empty() && to.is_empty()) {
                return times(operator, value).map(Test::Time);
            }
        }
        let glob = value.glob().folded();
        return Ok(match Decimal::parse(&value.text).filter(|_| !value.quoted) {
            Some(number) => Test::Equals(glob, number),
            None => Test::Fits(glob),
        });
    }
    if Decimal::parse(&value.text).is_some() {
        return numbers(operator, value).map(Test::Number);
    }
    times(operator, value).map(Test::Time).map_err(|error| {
        let message = format!("`{}` is neither a number nor a time", value.text);
        expected(FilterError { message, ..error }, &["a number", "a time such as `2026-11-21`"])
    })
}
