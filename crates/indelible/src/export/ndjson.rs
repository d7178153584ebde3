//! Our own form: what a list shows of an entry, and its states.
//!
//! ```text
//! {"id":"…","site":"acme.www","index":3,"occurred_at":"…",…,"leaf_hash":"…","before":{…},"after":{…}}
//! ```

use model::Entry;
use serde::Serialize;
use serde_json::value::RawValue;
use tlog::Hash;

use super::push_json_line;
use crate::form::EntryOut;

/// A list leaves the states out because they can be large; an export must be complete.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    entry: EntryOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a RawValue>,
}

pub(super) fn entry(entry: &Entry, leaf_hash: &Hash, out: &mut Vec<u8>) {
    let line = Line {
        entry: EntryOut::new(entry.clone(), *leaf_hash),
        before: entry.before.as_deref(),
        after: entry.after.as_deref(),
    };
    push_json_line(&line, out);
}
