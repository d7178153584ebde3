//! Comma-separated values (RFC 4180) that a spreadsheet can open without danger.
//!
//! A spreadsheet takes a cell that begins with `=` and the like for a formula, and whoever writes the title
//! of a page would write a program for whoever reads the log. Such a cell gets a `'` in front (OWASP, "CSV
//! Injection"); so does a cell that would look like one that already got it. Whoever reads the values by
//! program takes away one `'` where what follows the leading ones is such a beginning, and has the text as it was.

use std::borrow::Cow;

use model::{Entry, Origin};
use serde_json::value::RawValue;
use tlog::Hash;

use super::joined;

/// The columns. Programs rely on names and order: new ones go to the end.
pub(super) const HEADINGS: [&str; 44] = [
    "timestamp",
    "recorded_at",
    "site",
    "index",
    "id",
    "actor_type",
    "actor_id",
    "actor_name",
    "actor_email",
    "actor_roles",
    "on_behalf_of",
    "action",
    "kind",
    "outcome",
    "entity_type",
    "entity_id",
    "entity_title",
    "entity_url",
    "summary",
    "reason",
    "changed",
    "ip",
    "user_agent",
    "method",
    "route",
    "path",
    "query",
    "ref",
    "request_id",
    "session_id",
    "channel",
    "correlation_id",
    "connector",
    "source",
    "duration_ms",
    "errors",
    "before",
    "after",
    "data",
    "leaf_hash",
    "entity_previous_id",
    "partial",
    "reverts",
    "erased",
];

/// RFC 4180 §2.1.
const LINE_END: &[u8] = b"\r\n";

/// One line without its end. A cell that a spreadsheet would take for a formula is made harmless.
pub(crate) fn line<T: AsRef<str>>(cells: impl IntoIterator<Item = T>) -> String {
    let mut line = String::new();
    for (number, cell) in cells.into_iter().enumerate() {
        if number > 0 {
            line.push(',');
        }
        push_cell(cell.as_ref(), &mut line);
    }
    line
}

fn push_cell(text: &str, line: &mut String) {
    let prefix = if is_formula(text) { "'" } else { "" };
    // White space at the ends would be trimmed by some readers.
    if text.contains([',', '"', '\n', '\r']) || text.trim() != text {
        line.push('"');
        line.push_str(prefix);
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(prefix);
        line.push_str(text);
    }
}

/// Whether a spreadsheet might take this for a formula. What it skips before it looks is skipped here:
/// white space, characters that cannot be seen, and a `'` of the text's own, which could be taken away.
pub(super) fn is_formula(text: &str) -> bool {
    // The full-width forms are formulas to spreadsheets set to Chinese, Japanese or Korean.
    const TRIGGERS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    let text = text.trim_start_matches('\'');
    let seen = text.trim_start_matches(|c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    });
    text.starts_with(['\t', '\r', '\n']) || seen.starts_with(TRIGGERS)
}

/// The line of the headings.
pub(super) fn header() -> Vec<u8> {
    with_end(line(HEADINGS))
}

pub(super) fn entry(entry: &Entry, leaf_hash: &Hash, out: &mut Vec<u8>) {
    out.extend(with_end(line(cells(entry, leaf_hash))));
}

fn with_end(line: String) -> Vec<u8> {
    let mut bytes = line.into_bytes();
    bytes.extend(LINE_END);
    bytes
}

/// In the order of [`HEADINGS`]. What is not there or was erased is an empty cell.
fn cells<'a>(entry: &'a Entry, leaf_hash: &Hash) -> [Cow<'a, str>; 44] {
    let actor = entry.actor.as_ref();
    let entity = entry.entity.as_ref();
    let on_behalf_of = actor.and_then(|actor| actor.on_behalf_of.as_ref());
    let from = |field: fn(&Origin) -> Option<&String>| text(entry.origin.as_ref().and_then(field));
    let ip = entry.origin.as_ref().and_then(|origin| origin.ip);
    [
        entry.occurred_at.to_string().into(),
        entry.recorded_at.to_string().into(),
        entry.site.as_str().into(),
        entry.index.to_string().into(),
        entry.id.to_string().into(),
        actor.map_or("", |actor| actor.kind.as_str()).into(),
        text(actor.and_then(|actor| actor.id.as_ref())),
        text(actor.and_then(|actor| actor.name.as_ref())),
        text(actor.and_then(|actor| actor.email.as_ref())),
        actor.map(|actor| joined(&actor.roles)).unwrap_or_default().into(),
        on_behalf_of.and_then(|person| serde_json::to_string(person).ok()).unwrap_or_default().into(),
        entry.action.as_str().into(),
        entry.kind.as_str().into(),
        entry.outcome.as_str().into(),
        text(entity.map(|entity| &entity.kind)),
        text(entity.map(|entity| &entity.id)),
        text(entity.and_then(|entity| entity.title.as_ref())),
        text(entity.and_then(|entity| entity.url.as_ref())),
        text(entry.summary.as_ref()),
        text(entry.reason.as_ref()),
        joined(&entry.changed()).into(),
        ip.map(|ip| ip.to_string()).unwrap_or_default().into(),
        from(|origin| origin.user_agent.as_ref()),
        from(|origin| origin.method.as_ref()),
        from(|origin| origin.route.as_ref()),
        from(|origin| origin.path.as_ref()),
        from(|origin| origin.query.as_ref()),
        from(|origin| origin.r#ref.as_ref()),
        from(|origin| origin.request_id.as_ref()),
        from(|origin| origin.session_id.as_ref()),
        from(|origin| origin.channel.as_ref()),
        entry.correlation_id.map(|id| id.to_string()).unwrap_or_default().into(),
        text(entry.connector.as_ref()),
        entry.source.as_str().into(),
        entry.duration_ms.map(|ms| ms.to_string()).unwrap_or_default().into(),
        joined(&entry.errors).into(),
        json(entry.before.as_deref()),
        json(entry.after.as_deref()),
        json(entry.data.as_deref()),
        leaf_hash.to_string().into(),
        text(entity.and_then(|entity| entity.previous_id.as_ref())),
        entry.partial.map(|partial| partial.to_string()).unwrap_or_default().into(),
        entry.reverts.map(|id| id.to_string()).unwrap_or_default().into(),
        joined(&entry.erased.iter().map(ToString::to_string).collect::<Vec<_>>()).into(),
    ]
}

fn text(value: Option<&String>) -> Cow<'_, str> {
    value.map_or("", String::as_str).into()
}

fn json(value: Option<&RawValue>) -> Cow<'_, str> {
    value.map_or("", RawValue::get).into()
}
