//! The meaning of a filter.

use std::borrow::Cow;

use jiff::Timestamp;

use super::field::{Case, Field, Part};
use super::{Filter, Pattern, Test};
use crate::diff;
use crate::entry::{Entry, OnBehalfOf};
use crate::inside::{Scalar, walk};
use crate::number::Decimal;
use crate::text::{Glob, Phrase, fold};

pub(super) fn matches(filter: &Filter, entry: &Entry) -> bool {
    match filter {
        Filter::And(filters) => filters.iter().all(|filter| matches(filter, entry)),
        Filter::Or(filters) => filters.iter().any(|filter| matches(filter, entry)),
        Filter::Not(filter) => !matches(filter, entry),
        Filter::Text { field, pattern } => field.any(entry, |value, case| pattern.matches(value, case)),
        Filter::Occurred(span) => span.contains(&entry.occurred_at),
        Filter::Recorded(span) => span.contains(&entry.recorded_at),
        Filter::Duration(span) => {
            entry.duration_ms.is_some_and(|duration| span.contains(&Decimal::from(duration)))
        }
        Filter::Index(span) => span.contains(&Decimal::from(entry.index)),
        Filter::Ip(network) => {
            let ip = entry.origin.as_ref().and_then(|origin| origin.ip);
            ip.is_some_and(|ip| network.contains(ip))
        }
        Filter::Changed(glob) => is_changed(entry, glob),
        Filter::Inside { part, path, test } => {
            let mut found = false;
            if let Some(json) = part.of(entry) {
                walk(json, |at, scalar| {
                    found = leads_to(path, at, matches!(test, Test::Exists)) && test.matches(&scalar);
                    !found
                });
            }
            found
        }
        Filter::Words(phrase) => each_text(entry, &mut |text| phrase.matches(text)) || is_id(entry, phrase),
    }
}

impl Pattern {
    fn matches(&self, value: &str, case: Case) -> bool {
        match case {
            Case::Written => self.written.matches(value),
            Case::Folded => self.folded.matches(&fold(value)),
        }
    }
}

impl Test {
    fn matches(&self, scalar: &Scalar<'_>) -> bool {
        match (self, scalar) {
            (Self::Exists, _) => true,
            (_, Scalar::Empty) => false,
            (Self::Fits(glob), Scalar::Bool(truth)) => glob.matches(if *truth { "true" } else { "false" }),
            (Self::Fits(glob), Scalar::Null) => glob.matches("null"),
            (Self::Fits(glob), _) => scalar.as_text().is_some_and(|text| glob.matches(&fold(text))),
            (Self::Equals(glob, _), Scalar::Text(text)) => glob.matches(&fold(text)),
            (Self::Equals(_, number), Scalar::Number(text)) => Decimal::parse(text).as_ref() == Some(number),
            (Self::Number(span), _) => {
                scalar.as_text().and_then(Decimal::parse).is_some_and(|number| span.contains(&number))
            }
            (Self::Time(span), Scalar::Text(text)) => {
                text.parse::<Timestamp>().is_ok_and(|time| span.contains(&time))
            }
            (Self::Equals(..) | Self::Time(_), _) => false,
        }
    }
}

/// Whether a path of a filter leads to the value at `at`. A filter without a path asks about every value; one
/// that asks whether something exists also means what holds values.
fn leads_to(path: &[String], at: &[Cow<'_, str>], or_above: bool) -> bool {
    if path.is_empty() {
        return true;
    }
    let reaches = if or_above { path.len() <= at.len() } else { path.len() == at.len() };
    reaches && path.iter().zip(at).all(|(wanted, found)| wanted == found)
}

/// Whether a changed field fits: by its name, by the path to it, or by the path to what it is part of.
fn is_changed(entry: &Entry, glob: &Glob) -> bool {
    if entry.changed().iter().any(|name| glob.matches(&fold(name))) {
        return true;
    }
    // Most filters name a top-level field; only a path needs the whole difference.
    if glob.pieces().iter().all(|piece| !piece.contains('.')) && glob.as_literal().is_some() {
        return false;
    }
    entry.changes().iter().any(|change| {
        let path = fold(&diff::dotted(&change.path)).into_owned();
        let ends = path.char_indices().filter(|(_, c)| *c == '.').map(|(end, _)| end).chain([path.len()]);
        ends.into_iter().any(|end| path.get(..end).is_some_and(|path| glob.matches(path)))
    })
}

/// A whole id of an entry is found like a word of its texts.
fn is_id(entry: &Entry, phrase: &Phrase) -> bool {
    match phrase.globs() {
        [only] => only.as_literal().is_some_and(|word| word.len() == 36 && word == entry.id.to_string()),
        _ => false,
    }
}

/// Shows the texts that free words are looked for in to `see`, until that says `true`; whether it did.
///
/// These are all that a sender says in words, names and ids: everything but keys, times and codes of our own.
pub fn each_text(entry: &Entry, see: &mut dyn FnMut(&str) -> bool) -> bool {
    let fields = [
        Field::Summary,
        Field::EntityTitle,
        Field::EntityId,
        Field::EntityType,
        Field::EntityUrl,
        Field::Action,
        Field::ActorName,
        Field::ActorEmail,
        Field::ActorId,
        Field::ActorRole,
        Field::Ip,
        Field::Reason,
        Field::Error,
        Field::CorrelationId,
        Field::UserAgent,
        Field::Method,
        Field::Route,
        Field::Path,
        Field::Query,
        Field::Ref,
        Field::RequestId,
        Field::SessionId,
        Field::Channel,
        Field::Connector,
        Field::Source,
    ];
    if fields.into_iter().any(|field| field.any(entry, |value, _| see(value))) || person(entry, see) {
        return true;
    }
    let mut found = false;
    for json in Part::ALL.into_iter().filter_map(|part| part.of(entry)) {
        walk(json, |_, scalar| {
            found = scalar.as_text().is_some_and(&mut *see);
            !found
        });
        if found {
            break;
        }
    }
    found
}

fn person(entry: &Entry, see: &mut dyn FnMut(&str) -> bool) -> bool {
    let person = entry.actor.as_ref().and_then(|actor| actor.on_behalf_of.as_ref());
    person.is_some_and(|OnBehalfOf { id, name, email, .. }| {
        [id, name, email].into_iter().flatten().any(|text| see(text))
    })
}
