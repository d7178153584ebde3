//! Messages as data: a small template engine.
//!
//! A template is a text with placeholders, `Moved from '{source.title}' to '{destination.title}'`:
//!
//! | placeholder | stands for |
//! |---|---|
//! | `{a.b.c}` | the text at this path of the entry's `data` |
//! | `{a.b\|id}` | the number or text there |
//! | `{a.b\|time}` | the point in time there, as in "Nov. 21, 2026, 4:17 a.m.", in UTC |
//! | `{a.b\|field}` | the label of the field that the content path there begins with |
//! | `{a.b\|language}` | the English name of the language code there |
//! | `{$type}`, `{$title}` | the entity's type and title, from the context |
//!
//! A placeholder that does not resolve (nothing there, null, another type) makes its whole template
//! unusable. That is the only failure there is, and the caller answers it with the next template.
//! Templates are ours and few, so there is no escape for braces.

use std::borrow::Cow;

use serde_json::Value;

use super::{guess, language, time};

/// What a message may be made from, beside the action itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct MessageContext<'a> {
    /// The entry's `data`.
    pub data: Option<&'a Value>,
    /// The entity's type or the label of it.
    pub entity_type: &'a str,
    /// The entity's title.
    pub title: Option<&'a str>,
    /// Whether the entity is a page. Wagtail's words differ for pages: saving one is "Draft saved" rather
    /// than "Edited", and every page type is called "Page".
    pub is_page: bool,
}

impl<'a> MessageContext<'a> {
    /// A context in which everything whose type's name ends in "page" counts as a page: `page`,
    /// `acme.standardpage`, `BlogPage`. Whoever knows better sets `is_page`.
    #[must_use]
    pub fn new(entity_type: &'a str, title: Option<&'a str>, data: Option<&'a Value>) -> Self {
        const SUFFIX: &str = "page";
        let is_page = entity_type
            .len()
            .checked_sub(SUFFIX.len())
            .and_then(|start| entity_type.get(start..))
            .is_some_and(|end| end.eq_ignore_ascii_case(SUFFIX));
        Self { data, entity_type, title, is_page }
    }

    fn at(&self, path: &str) -> Option<&'a Value> {
        path.split('.').try_fold(self.data?, |value, key| value.as_object()?.get(key))
    }

    /// `acme.PlainThing` is called "Plain thing".
    fn type_label(&self) -> Cow<'a, str> {
        if self.is_page {
            return Cow::Borrowed("Page");
        }
        let name = self.entity_type.rsplit('.').next().unwrap_or_default();
        if name.is_empty() { Cow::Borrowed("Entity") } else { guess::readable(name) }
    }
}

/// A wording and the condition under which it may be used.
#[derive(Debug, Clone, Copy)]
pub struct Template {
    /// The condition.
    pub only: Only,
    /// The text with its placeholders.
    pub text: &'static str,
}

/// When a [`Template`] may be used, apart from its placeholders.
#[derive(Debug, Clone, Copy)]
pub enum Only {
    /// Always.
    Always,
    /// If the entity is a page.
    Page,
    /// If there is something at this path: an object, or `true`.
    With(&'static str),
    /// If the data says that there is nothing at this path: null, or `false`. A path that is missing says
    /// nothing, so it is neither with nor without.
    Without(&'static str),
}

/// A wording without condition.
pub(super) const fn text(text: &'static str) -> Template {
    Template { only: Only::Always, text }
}

/// A wording with its condition.
pub(super) const fn when(only: Only, text: &'static str) -> Template {
    Template { only, text }
}

impl Template {
    /// The finished message, or nothing if the template does not fit.
    pub(super) fn render(&self, context: &MessageContext<'_>) -> Option<String> {
        let fits = match self.only {
            Only::Always => true,
            Only::Page => context.is_page,
            Only::With(path) => matches!(context.at(path)?, Value::Object(_) | Value::Bool(true)),
            Only::Without(path) => matches!(context.at(path)?, Value::Null | Value::Bool(false)),
        };
        if fits { render(self.text, context) } else { None }
    }
}

/// Fills in a text, or nothing if one of its placeholders does not resolve.
pub(super) fn render(template: &str, context: &MessageContext<'_>) -> Option<String> {
    let mut done = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, after) = after.split_once('}')?;
        done.push_str(before);
        done.push_str(&resolve(placeholder, context)?);
        rest = after;
    }
    done.push_str(rest);
    Some(done)
}

fn resolve<'a>(placeholder: &str, context: &MessageContext<'a>) -> Option<Cow<'a, str>> {
    match placeholder {
        "$type" => return Some(context.type_label()),
        "$title" => return context.title.map(Cow::Borrowed),
        _ => {}
    }
    let (path, form) = placeholder.split_once('|').unwrap_or((placeholder, ""));
    let value = context.at(path)?;
    match form {
        "" => value.as_str().map(Cow::Borrowed),
        "id" => match value {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        },
        "time" => time::in_words(value.as_str()?).map(Cow::Owned),
        "field" => value.as_str()?.split('.').next().map(guess::readable),
        "language" => value.as_str().map(language::name),
        _ => None,
    }
}

/// The short form of a message, from a verb: "signed in to" says "Signed in".
pub(super) fn sentence(verb: &str) -> String {
    // What a verb ends in to take an object must go where no object follows.
    const PREPOSITIONS: [&str; 9] = [" to", " of", " as", " into", " from", " for", " at", " with", " on"];
    let verb = PREPOSITIONS.iter().find_map(|word| verb.strip_suffix(word)).unwrap_or(verb);
    guess::capitalised(verb)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(template: &str, data: &Value, expected: Option<&str>) {
        let context = MessageContext::new("acme.PlainThing", Some("Home"), Some(data));
        assert_eq!(render(template, &context).as_deref(), expected, "{template} with {data}");
    }

    #[test]
    fn placeholders_resolve() {
        let data = json!({"a": {"b": "x"}, "n": 12_345_678_901_234_567_890_u64, "t": "2026-11-21T04:00:00Z",
            "path": "body_text.3f.heading", "lang": "pt-br"});
        check("no placeholder", &data, Some("no placeholder"));
        check("'{a.b}' and '{a.b}'", &data, Some("'x' and 'x'"));
        check("{n|id}, {a.b|id}", &data, Some("12345678901234567890, x"));
        check("{t|time}", &data, Some("Nov. 21, 2026, 4 a.m."));
        check("{path|field}", &data, Some("Body text"));
        check("{lang|language}", &data, Some("Brazilian Portuguese"));
        check("{$type} {$title}", &data, Some("Plain thing Home"));
    }

    #[test]
    fn anything_else_makes_the_template_unusable() {
        let data = json!({"a": {"b": "x"}, "n": 1, "z": null, "list": ["x"], "t": "yesterday"});
        for template in [
            "{c}",
            "{a}",
            "{a.c}",
            "{a.b.c}",
            "{n}",
            "{z}",
            "{z|id}",
            "{list}",
            "{list.0}",
            "{a|id}",
            "{n|time}",
            "{t|time}",
            "{n|field}",
            "{z|language}",
            "{a.b|unheard}",
            "{a.b",
            "{}",
        ] {
            check(template, &data, None);
        }
        assert_eq!(render("{$title}", &MessageContext::default()), None);
        assert_eq!(render("{a}", &MessageContext::default()), None);
    }

    #[test]
    fn conditions_tell_nothing_from_unsaid() {
        let check = |only: Only, data: Value, expected: bool| {
            let context = MessageContext { data: Some(&data), ..MessageContext::default() };
            assert_eq!(when(only, "yes").render(&context).is_some(), expected, "{only:?} with {data}");
        };
        check(Only::With("a"), json!({"a": {}}), true);
        check(Only::With("a"), json!({"a": true}), true);
        check(Only::With("a"), json!({"a": null}), false);
        check(Only::Without("a"), json!({"a": null}), true);
        check(Only::Without("a"), json!({"a": false}), true);
        for unsaid in [json!({}), json!({"a": "x"}), json!({"a": [1]}), json!([]), json!(null)] {
            check(Only::With("a"), unsaid.clone(), false);
            check(Only::Without("a"), unsaid, false);
        }
    }

    #[test]
    fn pages_are_known_by_their_type() {
        for (entity_type, expected) in [
            ("page", true),
            ("acme.standardpage", true),
            ("BlogPage", true),
            ("", false),
            ("pages", false),
            ("é", false),
        ] {
            assert_eq!(MessageContext::new(entity_type, None, None).is_page, expected, "{entity_type}");
        }
    }

    #[test]
    fn short_forms_drop_what_would_take_an_object() {
        assert_eq!(sentence("published"), "Published");
        assert_eq!(sentence("signed in to"), "Signed in");
        assert_eq!(sentence("changed settings of"), "Changed settings");
    }
}
