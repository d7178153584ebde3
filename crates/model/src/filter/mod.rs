//! Which entries are asked for.
//!
//! ```text
//! actor:ana -action:wagtail.edit entity.type:page after.status:published
//! ip:203.0.113.0/24 created>=2026-11-01 (kind:delete OR changed:title) "free words" ingress*
//! ```
//!
//! [`Filter::parse`] reads this language, [`Filter::matches`] is the meaning. Whatever finds entries faster
//! must find exactly these.

mod error;
mod field;
mod matching;
mod parser;
mod scanner;
mod span;
mod suggest;
mod value;

use jiff::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::entry::Entry;
use crate::number::Decimal;
use crate::text::{Glob, Phrase};

pub use error::FilterError;
pub use field::{Case, Field, Part, is_nobody, names};
pub use matching::each_text;
pub use span::{Network, Span};

/// A condition on entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Filter {
    /// All of these; every entry when there is none.
    And(Vec<Filter>),
    /// Any of these; no entry when there is none.
    Or(Vec<Filter>),
    /// Not this.
    Not(Box<Filter>),
    /// A field of texts has a value that fits.
    Text {
        /// Which field.
        field: Field,
        /// What fits, as it was written: how it is compared is the field's matter.
        pattern: Pattern,
    },
    /// It happened within a span of time.
    Occurred(Span<Timestamp>),
    /// The log took it within a span of time.
    Recorded(Span<Timestamp>),
    /// It took this long, in milliseconds.
    Duration(Span<Decimal>),
    /// Its position in its log.
    Index(Span<Decimal>),
    /// It came from an address in this network.
    Ip(Network),
    /// A field was changed: the path of a change fits, or is below one that fits.
    Changed(Glob),
    /// A value inside a state or the data.
    Inside {
        /// Inside of what.
        part: Part,
        /// The keys on the way to the value; none for any value in the part.
        path: Vec<String>,
        /// What it must be.
        test: Test,
    },
    /// Words that follow each other in one of the entry's texts, or the entry's id.
    Words(Phrase),
}

/// A pattern, ready for texts that are compared as written and for those compared in any case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pattern {
    /// For what is compared as written.
    pub written: Glob,
    /// For what is compared in any case.
    pub folded: Glob,
}

impl From<Glob> for Pattern {
    fn from(written: Glob) -> Self {
        Self { folded: written.folded(), written }
    }
}

/// What a value inside a state or the data must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Test {
    /// There, whatever it is.
    Exists,
    /// A string that fits in any case; a number, `true`, `false` or `null` that is written so.
    Fits(Glob),
    /// That string, or a number of that value.
    Equals(Glob, Decimal),
    /// A number, or a string that is one, within a span.
    Number(Span<Decimal>),
    /// A string that is an RFC 3339 time within a span.
    Time(Span<Timestamp>),
}

impl Filter {
    /// Every entry.
    #[must_use]
    pub const fn all() -> Self {
        Self::And(Vec::new())
    }

    /// Reads the filter language.
    ///
    /// # Errors
    /// The first mistake, with its place, what was expected there, and a hint.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        parser::parse(text)
    }

    /// A field has a value; each `*` in it stands for any characters.
    #[must_use]
    pub fn is(field: Field, value: &str) -> Self {
        Self::Text { field, pattern: Glob::parse(value).into() }
    }

    /// A field has exactly a value, whatever characters it has.
    #[must_use]
    pub fn equals(field: Field, value: &str) -> Self {
        Self::Text { field, pattern: Glob::literal(value).into() }
    }

    /// Happened at or after the one and at or before the other.
    #[must_use]
    pub const fn occurred(from: Option<Timestamp>, to: Option<Timestamp>) -> Self {
        Self::Occurred(Span::closed(from, to))
    }

    /// At these positions in its log, both included.
    #[must_use]
    pub fn indexes(from: Option<u64>, to: Option<u64>) -> Self {
        Self::Index(Span::closed(from.map(Decimal::from), to.map(Decimal::from)))
    }

    /// Both this and another.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::And(none), other) | (other, Self::And(none)) if none.is_empty() => other,
            (Self::And(mut filters), Self::And(others)) => {
                filters.extend(others);
                Self::And(filters)
            }
            (Self::And(mut filters), other) => {
                filters.push(other);
                Self::And(filters)
            }
            (filter, other) => Self::And(vec![filter, other]),
        }
    }

    /// Whether the entry is asked for.
    #[must_use]
    pub fn matches(&self, entry: &Entry) -> bool {
        matching::matches(self, entry)
    }

    /// The earliest and the latest time that a matching entry can have happened at.
    #[must_use]
    pub fn times(&self) -> Span<Timestamp> {
        match self {
            Self::And(filters) => filters.iter().map(Self::times).fold(Span::all(), Span::and),
            Self::Or(filters) => filters.iter().map(Self::times).reduce(Span::or).unwrap_or_default(),
            Self::Occurred(span) => span.clone(),
            Self::Not(_)
            | Self::Text { .. }
            | Self::Recorded(_)
            | Self::Duration(_)
            | Self::Index(_)
            | Self::Ip(_)
            | Self::Changed(_)
            | Self::Inside { .. }
            | Self::Words(_) => Span::all(),
        }
    }

    /// A short hash of the filter, by which a cursor is bound to it.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 16] {
        let text = serde_json::to_vec(self).unwrap_or_default();
        let hash: [u8; 32] = Sha256::digest(text).into();
        let mut short = [0; 16];
        short.copy_from_slice(hash.split_at(16).0);
        short
    }
}

#[cfg(test)]
mod tests;
