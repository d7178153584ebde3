//! What a record of Stream is about.
//!
//! Stream's `object_id` means another thing for every connector and is often missing: settings are known by
//! name, plugins by slug, widgets by an id in `meta`.

use serde_json::Value;

use super::fields::{Object, Problem, key, text, words};
use super::wire::WireEntity;

/// Keys of `meta` that name an object, best first, for connectors we know nothing about.
const NAMING_KEYS: &[&str] = &["id", "slug", "key", "option", "name", "title", "label"];

/// Keys of `meta` that hold a title, best first.
const TITLE_KEYS: &[&str] = &[
    "post_title",
    "display_name",
    "term_name",
    "site_name",
    "title",
    "label",
    "name",
    "topic_title",
    "action_title",
    "domain",
];

pub(super) fn subject(connector: &str, record: &Object, meta: &Object) -> Result<WireEntity, Problem> {
    let context = text(record, "context")?.filter(|context| !context.is_empty());
    let id = entity_id(connector, record, meta)?;
    let kind = entity_type(connector, context, meta);
    // With nothing to name it by, the entry is about its context as a whole.
    let id = id.or_else(|| context.map(str::to_owned)).unwrap_or_else(|| connector.to_owned());
    Ok(WireEntity { kind: kind.to_owned(), id, title: title(connector, meta) })
}

fn entity_type<'a>(connector: &'a str, context: Option<&'a str>, meta: &Object) -> &'a str {
    match (connector, context) {
        ("comments", _) => "comment",
        ("media", _) => "attachment",
        ("menus", _) => "menu",
        ("users", _) => "user",
        ("settings", _) => "option",
        ("installer", Some("plugins")) => "plugin",
        ("installer", Some("themes")) => "theme",
        ("installer", Some("wordpress")) => "core",
        ("editor", _) => "file",
        ("widgets", _) if meta.contains_key("widget_id") => "widget",
        ("widgets", _) => "sidebar",
        ("blogs", _) => "site",
        ("mercator", _) => "domain",
        // Posts and taxonomies have the type's own slug here: page, book, category.
        (_, Some(context)) => context,
        (other, None) => other,
    }
}

fn entity_id(connector: &str, record: &Object, meta: &Object) -> Result<Option<String>, Problem> {
    if let Some(id) = key(record, "object_id")?.filter(|id| id != "0") {
        return Ok(Some(id));
    }
    let of = |field: &str| key(meta, field).ok().flatten();
    Ok(match connector {
        "settings" => of("option").map(|option| match of("option_key") {
            // One option may hold a whole array of settings; the record is about one of its keys.
            Some(part) => format!("{option}[{part}]"),
            None => option,
        }),
        "widgets" => of("widget_id").or_else(|| of("sidebar_id")),
        "installer" => of("slug").or_else(|| of("name")),
        "editor" => of("file_path").or_else(|| of("file")),
        "menus" => of("menu_id").or_else(|| of("location_id")),
        "taxonomies" => of("term_id"),
        "mercator" => of("domain"),
        _ => NAMING_KEYS.iter().find_map(|name| of(name)),
    })
}

fn title(connector: &str, meta: &Object) -> Option<String> {
    if connector == "comments" {
        let post = words(meta, "post_title").map(|title| title.trim_matches('"'));
        let who = words(meta, "user_name");
        return match (who, post) {
            (Some(who), Some(post)) => Some(format!("{who} on {post}")),
            (Some(only), None) | (None, Some(only)) => Some(only.to_owned()),
            (None, None) => None,
        };
    }
    let text = |name: &&str| meta.get(*name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let title = TITLE_KEYS.iter().find_map(text).or_else(|| words(meta, "widget_id"));
    title.map(str::to_owned)
}
