//! Making records harmless for the clients that there are. Their log viewer stays on its spinner for ever when one entry
//! of the page has what it does not expect, and makes links of what records say.
//!
//! What breaks nothing is left as it is, and markup is data: nothing is escaped beyond JSON.

use serde_json::value::RawValue;

use super::record::{Record, quoted};

/// The routes whose path the viewer appends to the site's address.
const LINKED: [&str; 3] = ["live", "preview", "index"];

/// Puts what a record has into forms that break no client.
pub(super) fn make_harmless(record: &mut Record) {
    let route = make_class(record, "route");
    let source = make_class(record, "source");
    if let Some(user) = record.get("user").filter(|user| !is_string(user)) {
        let user = quoted(user);
        record.set("user", user);
    }
    if let Some(errors) = record.get("errors").and_then(without_nulls) {
        record.set("errors", errors);
    }
    let route = route.as_deref().map(|route| route.trim_start_matches('/')).unwrap_or_default();
    let is_job = matches!(route, "job" | "config" | "status") || route.ends_with("-job");
    if is_job && !record.get("path").is_some_and(is_string) {
        let path = first_path(record).unwrap_or_else(|| quoted("/"));
        record.set("path", path);
    }
    let is_linked = LINKED.contains(&route) || source.as_deref() == Some("sitemap");
    if let Some(path) = record.get("path").filter(|path| is_linked && *path != "null") {
        let path = rooted(path);
        record.set("path", path);
    }
    if let Some(updated) = record.get("updated").and_then(rooted_all) {
        record.set("updated", updated);
    }
}

/// Makes the value one CSS class, which it becomes, or leaves the key out where nothing remains; the class.
fn make_class(record: &mut Record, key: &str) -> Option<String> {
    let value = record.get(key)?;
    let text = if is_string(value) { text(value).unwrap_or_default() } else { value.to_owned() };
    let text = if value == "null" { String::new() } else { text };
    let is_harmless = is_string(value) && !text.is_empty() && !text.contains(is_gap);
    if !is_harmless {
        let words = text.split(is_gap).filter(|word| !word.is_empty());
        let class = words.collect::<Vec<_>>().join("-");
        if class.is_empty() {
            record.remove(key);
            return None;
        }
        record.set(key, quoted(&class));
        return Some(class);
    }
    Some(text)
}

/// What no CSS class can have in it.
fn is_gap(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn is_string(json: &str) -> bool {
    json.starts_with('"')
}

/// The text of a JSON string; nothing where it is none that has a meaning, as with half a surrogate pair.
fn text(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

fn items(json: &str) -> Option<Vec<&RawValue>> {
    if json.starts_with('[') { serde_json::from_str(json).ok() } else { None }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// A list without its nulls, if it has any.
fn without_nulls(json: &str) -> Option<String> {
    let items = items(json)?;
    let is_null = |item: &&RawValue| item.get() == "null";
    items
        .iter()
        .any(is_null)
        .then(|| list(items.iter().filter(|item| !is_null(item)).map(|item| item.get().to_owned())))
}

fn first_path(record: &Record) -> Option<String> {
    let paths = items(record.get("paths")?)?;
    paths.first().map(|path| path.get()).filter(|path| is_string(path)).map(ToOwned::to_owned)
}

/// A path that stays on the host it is appended to: one that begins with a slash.
fn rooted(json: &str) -> String {
    if !is_string(json) {
        return quoted(&format!("/{json}"));
    }
    let is_rooted = json.starts_with("\"/") || text(json).is_some_and(|path| path.starts_with('/'));
    match json.split_at_checked(1) {
        Some((quote, rest)) if !is_rooted => format!("{quote}/{rest}"),
        _ => json.to_owned(),
    }
}

/// A list, and lists in it, with each text rooted; nothing for what is no list.
fn rooted_all(json: &str) -> Option<String> {
    let items = items(json)?;
    let one = |item: &&RawValue| {
        let item = item.get();
        if is_string(item) { rooted(item) } else { rooted_all(item).unwrap_or_else(|| item.to_owned()) }
    };
    Some(list(items.iter().map(one)))
}
