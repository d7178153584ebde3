//! Messages as data: texts with placeholders.

use serde_json::Value;

/// What messages are made from.
///
/// ```
/// use client::{Action, Kind, Registry, Telling};
///
/// let mut registry = Registry::new();
/// registry.register(Action::new("page.lock", Kind::Update, "Lock").message_with(|telling: &Telling<'_>| {
///     Some(format!("Locked the {} {}", telling.entity_type, telling.title?))
/// }))?;
/// let telling = Telling { action: "page.lock", entity_type: "page", title: Some("Home"), data: None };
/// assert_eq!(registry.message(&telling), "Locked the page Home");
/// # Ok::<(), client::RegistryError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// The code of the action.
    pub action: &'a str,
    /// The type of the entity.
    pub entity_type: &'a str,
    /// The entity's title.
    pub title: Option<&'a str>,
    /// The entry's `data`.
    pub data: Option<&'a Value>,
}

/// Whether all braces of a template are in pairs.
pub(super) fn check(template: &str) -> Result<(), &'static str> {
    let mut rest = template;
    loop {
        let Some((before, after)) = rest.split_once('{') else {
            return if rest.contains('}') { Err("has a `}` without its `{`") } else { Ok(()) };
        };
        let Some((placeholder, after)) = after.split_once('}') else {
            return Err("has a `{` without its `}`");
        };
        if before.contains('}') || placeholder.contains('{') {
            return Err("has braces that are not in pairs");
        }
        if placeholder.is_empty() {
            return Err("has a placeholder that names nothing");
        }
        rest = after;
    }
}

/// Fills in a template, or nothing where a placeholder finds no text and no number.
pub(super) fn render(template: &str, telling: &Telling<'_>) -> Option<String> {
    let mut done = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, after) = after.split_once('}')?;
        done.push_str(before);
        match placeholder {
            "$title" => done.push_str(telling.title?),
            "$type" => done.push_str(telling.entity_type),
            path => match at(telling.data?, path)? {
                Value::String(text) => done.push_str(text),
                Value::Number(number) => done.push_str(&number.to_string()),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
            },
        }
        rest = after;
    }
    done.push_str(rest);
    Some(done)
}

fn at<'a>(data: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(data, |value, key| value.as_object()?.get(key))
}
