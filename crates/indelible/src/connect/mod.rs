//! Connectors of files: foreign entries in, entries in our own form out.
//!
//! A reader turns an input into [`Imported`] entries one after another, each in the contract's "Entry (in)"
//! form, ready for the same door every other entry passes. Readers only translate: limits, lengths and
//! addresses are checked at the door, so that an entry is judged alike whichever way it came.
//!
//! | format | accepts | id of an entry is derived from |
//! |---|---|---|
//! | [`Format::Ndjson`] | our own form and exports of it, one entry a line | its `id`, else the line's hash |
//! | [`Format::Wagtail`] | rows of Wagtail's log models | log model and primary key |
//! | [`Format::Stream`] | records of the `WordPress` plugin Stream | `ID`, else the record's hash |
//! | [`Format::Aem`] | records of the AEM Edge Delivery log | the record's hash |
//!
//! The foreign three may come as a JSON list, as an object that holds the list (`entries`, for Stream also
//! `driver_payloads`), or one record a line.
//!
//! Three promises hold for all of them. **Ids are deterministic**: reading the same input again yields the
//! same ids, so an import can be repeated without doubling anything. **One bad record costs one record**:
//! it is reported with its place and field, and the reader goes on. **Memory does not grow with the
//! input**, save for a few bytes per record without an id of its own.
//!
//! ```text
//! {"timestamp":1777881600123,"duration":467,"method":"POST","route":"live","path":"/news","user":"ana@example.com"}
//!
//! {"id":"…","occurred_at":"2026-05-04T08:00:00.123Z","action":"aem.publish","connector":"aem","duration_ms":467,
//!  "actor":{"type":"user","id":"ana@example.com","email":"ana@example.com"},"entity":{"type":"page","id":"/news"},
//!  "origin":{"method":"POST","route":"live","path":"/news"},"data":{…the record…}}
//! ```

use std::fmt;
use std::io::BufRead;
use std::str::FromStr;

mod aem;
mod fields;
mod ids;
mod ndjson;
mod source;
mod stream;
mod stream_subject;
mod wagtail;
mod wire;

pub(crate) use aem::Operation as AemOperation;
pub use ids::Namespace;

use fields::Problem;
use ids::Ids;
use source::Source;

/// What an input is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Our own entries, one JSON object a line.
    Ndjson,
    /// Rows of Wagtail's `PageLogEntry`, `ModelLogEntry` and other log models.
    Wagtail,
    /// Records of Stream, the activity log of `WordPress` and Altis.
    Stream,
    /// Flat records of the AEM Edge Delivery log API.
    Aem,
}

impl Format {
    /// All formats, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::Ndjson, Self::Wagtail, Self::Stream, Self::Aem];

    /// The word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Wagtail => "wagtail",
            Self::Stream => "stream",
            Self::Aem => "aem",
        }
    }

    /// Names of the key that holds the list, where an input is one JSON object.
    const fn list_keys(self) -> &'static [&'static str] {
        match self {
            Self::Ndjson => &[],
            Self::Wagtail | Self::Aem => &["entries"],
            Self::Stream => &["driver_payloads", "entries", "records"],
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
#[error("`{given}` is not a format: use ndjson, wagtail, stream or aem")]
pub struct UnknownFormat {
    given: String,
}

/// One entry, translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// Where in the input it stood: `line 12`, `entries[3]`, `[3]`.
    pub place: String,
    /// One JSON object in the contract's "Entry (in)" form, always with an `id`.
    pub json: String,
}

/// One record that could not be translated. The others are not affected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConnectError {
    /// Where in the input it stood: `line 12`, `entries[3]`, `[3]`.
    pub at: String,
    /// The field that is wrong, as a path such as `meta.user_meta`; empty when it is the record as a whole.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, field, message } = self;
        if field.is_empty() { write!(f, "{at}: {message}") } else { write!(f, "{at}: `{field}`: {message}") }
    }
}

/// Reads `input` record by record. Nothing is read before the first call of `next`.
pub fn read<R: BufRead>(format: Format, namespace: Namespace, input: R) -> Reader<R> {
    Reader { format, ids: Ids::new(namespace), source: Source::new(format.list_keys(), input) }
}

/// The entries of an input; see [`read`].
pub struct Reader<R> {
    format: Format,
    ids: Ids,
    source: Source<R>,
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("format", &self.format).finish_non_exhaustive()
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Imported, ConnectError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.source.next()?;
        let at = record.place;
        let translated = record.bytes.and_then(|bytes| self.translate(&bytes));
        Some(match translated {
            Ok(json) => Ok(Imported { place: at, json }),
            Err(Problem { field, message }) => Err(ConnectError { at, field, message }),
        })
    }
}

impl<R> Reader<R> {
    fn translate(&mut self, bytes: &[u8]) -> Result<String, Problem> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| Problem::whole(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
        let entry = match self.format {
            Format::Ndjson => return ndjson::complete(text, &mut self.ids),
            Format::Wagtail => wagtail::translate(&fields::object(text)?, &mut self.ids)?,
            Format::Stream => stream::translate(fields::object(text)?, &mut self.ids)?,
            Format::Aem => aem::translate(fields::object(text)?, &mut self.ids)?,
        };
        entry.to_json()
    }
}

#[cfg(test)]
mod tests;
