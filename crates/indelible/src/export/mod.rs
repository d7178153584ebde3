//! Entries as bytes for other systems. Only translates: which entries, in which order and to whom is decided
//! by whoever calls.
//!
//! | format | one record is | complete |
//! |---|---|---|
//! | [`Format::Ndjson`] | our own form, one JSON object a line | yes, and `import` reads it back |
//! | [`Format::Csv`] | one row, RFC 4180 | yes |
//! | [`Format::Ocsf`] | one OCSF 1.9 event a line | yes; what OCSF has no place for is in `unmapped` |
//! | [`Format::Cef`] | one CEF line | yes, but for control characters |
//!
//! A record depends on its entry alone, so that a stream can be cut and continued anywhere.
//!
//! ```text
//! let writer = Writer::new("csv".parse()?);
//! let mut out = writer.header();
//! writer.entry(&entry, &leaf_hash, &mut out);
//! ```

use std::fmt;
use std::str::FromStr;

use model::Entry;
use serde::Serialize;
use tlog::Hash;

mod cef;
pub(crate) mod csv;
mod ndjson;
mod ocsf;

/// Who makes the records, as OCSF and CEF want to know. There is one product of this vendor.
const VENDOR: &str = "Indelible";
/// See [`VENDOR`].
const PRODUCT: &str = "Indelible";
/// See [`VENDOR`].
const PRODUCT_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What an export is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Our own entries, one JSON object a line.
    Ndjson,
    /// A table for spreadsheets.
    Csv,
    /// Events of the Open Cybersecurity Schema Framework, one JSON object a line.
    Ocsf,
    /// Lines of the Common Event Format.
    Cef,
}

impl Format {
    /// All formats, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Ndjson, Self::Csv, Self::Ocsf, Self::Cef];

    /// The word on the command line and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
        }
    }

    /// The media type of a whole export.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson | Self::Ocsf => "application/x-ndjson",
            // RFC 4180 §3.
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Cef => "text/plain; charset=utf-8",
        }
    }

    /// How the name of a file with an export ends, without the leading dot.
    #[must_use]
    pub const fn file_extension(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            // Two exports of one site must not overwrite each other.
            Self::Ocsf => "ocsf.ndjson",
            Self::Cef => "cef",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| UnknownFormat { given: text.chars().take(40).collect() })
    }
}

/// A word that names no [`Format`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a format: use ndjson, csv, ocsf or cef")]
pub struct UnknownFormat {
    given: String,
}

/// Writes entries in one format. It keeps nothing between them.
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    format: Format,
}

impl Writer {
    /// A writer of this format.
    #[must_use]
    pub const fn new(format: Format) -> Self {
        Self { format }
    }

    /// What an export begins with, also when no entry follows: the headings of CSV, nothing otherwise.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        match self.format {
            Format::Csv => csv::header(),
            Format::Ndjson | Format::Ocsf | Format::Cef => Vec::new(),
        }
    }

    /// Appends exactly one record, with its line end, to `out`. `leaf_hash` is the hash of the entry's leaf.
    pub fn entry(&self, entry: &Entry, leaf_hash: &Hash, out: &mut Vec<u8>) {
        match self.format {
            Format::Ndjson => ndjson::entry(entry, leaf_hash, out),
            Format::Csv => csv::entry(entry, leaf_hash, out),
            Format::Ocsf => ocsf::entry(entry, leaf_hash, out),
            Format::Cef => cef::entry(entry, leaf_hash, out),
        }
    }
}

/// Appends a value as one line of JSON. The states and data of an entry hold no line ends: white space
/// between their tokens was dropped at the door.
#[expect(clippy::expect_used, reason = "writing plain structs with string keys to memory cannot fail")]
fn push_json_line(record: &impl Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(&mut *out, record).expect("a record is serialisable");
    out.push(b'\n');
}

/// Several values in one text: joined by `; `, or a JSON array where that could be misread.
///
/// A text that begins with `[` is an array, an empty one has no values, any other is split at `; `. A value
/// therefore is only joined when it is not empty and has no `;`, and the first one has no `[` at its start.
fn joined(values: &[String]) -> String {
    let is_plain = |value: &String| !value.is_empty() && !value.contains(';');
    let is_array = values.first().is_some_and(|first| first.starts_with('['));
    if !is_array && values.iter().all(is_plain) {
        return values.join("; ");
    }
    serde_json::Value::from(values.to_vec()).to_string()
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
