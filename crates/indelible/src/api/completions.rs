//! `GET /sites/{site}/completions`, `GET /completions`: how a filter may go on.

use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use model::{Filter, Permission, SortColumn};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::{App, Path, blocking, query};
use crate::access::{Caller, Parts};
use crate::search::{FacetsQuestion, Question, SearchError};

/// Nobody waits longer for what may come next.
const PATIENCE: Duration = Duration::from_millis(300);
/// Ways to go on that are told.
const OPTIONS_MAX: usize = 12;
/// Values among which those that fit are looked for: the most frequent ones.
const VALUES_MAX: usize = 1000;
/// Longer ones are no filters, see the limits of the filter language.
const TEXT_CHARS_MAX: usize = 4096;

/// How a filter may go on.
#[derive(Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct CompletionsOut {
    /// The end of the text, in place of which the options are.
    replaces: String,
    /// The best first.
    options: Vec<OptionOut>,
}

/// One way to go on.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct OptionOut {
    /// What is put in place of the end of the text.
    text: String,
    /// The field or value in it.
    label: String,
    /// Entries that have this value; null for a field.
    count: Option<u64>,
}

/// How a filter may go on whose text is this up to the cursor: names of fields, and values that entries of the site have.
#[utoipa::path(get, path = "/sites/{site}/completions", tag = "entries",
    params(("site" = String, Path), ("text" = Option<String>, Query, description = "the filter up to the cursor")),
    responses((status = 200, body = CompletionsOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn completions(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<CompletionsOut>, Problem> {
    let text = text_of(query.as_deref())?;
    blocking(move || {
        let part = caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        complete(&app, &Parts::from(part), &text).map(Json)
    })
    .await
}

/// The same with values of all entries that the caller may see.
#[utoipa::path(get, path = "/completions", tag = "entries",
    params(("text" = Option<String>, Query, description = "the filter up to the cursor")),
    responses((status = 200, body = CompletionsOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn completions_everywhere(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<CompletionsOut>, Problem> {
    let text = text_of(query.as_deref())?;
    blocking(move || {
        let parts = caller.parts(app.indelible.sites())?;
        complete(&app, &parts, &text).map(Json)
    })
    .await
}

fn text_of(query: Option<&str>) -> Result<String, Problem> {
    let mut text = String::new();
    for (name, value) in query::pairs(query)? {
        match name.as_str() {
            "text" if value.chars().count() > TEXT_CHARS_MAX => {
                let message = format!("is longer than {TEXT_CHARS_MAX} characters");
                return Err(Problem::invalid("text", "invalid_value", message));
            }
            "text" => text = value,
            other => {
                let message = "not a parameter of this route: only `text` is";
                return Err(Problem::invalid(other, "unknown_parameter", message));
            }
        }
    }
    Ok(text)
}

fn complete(app: &App, parts: &Parts, text: &str) -> Result<CompletionsOut, Problem> {
    let word = last_word(text);
    let Some(at) = word.find([':', '=', '<', '>']) else { return Ok(fields(word)) };
    let (name, rest) = word.split_at(at);
    let start = rest.trim_start_matches([':', '=', '<', '>', '"']);
    let Some(column) = column(name) else { return Ok(CompletionsOut::default()) };
    let filter = parts.within(Filter::all());
    let question = Question { patience: PATIENCE, ..Question::newest(&parts.sites, &filter, 0) };
    let counted = FacetsQuestion { columns: &[column], bucket: None, values_max: VALUES_MAX };
    let found = match app.indelible.search().facets(&question, &counted) {
        Ok(found) => found,
        // Without values one goes on typing.
        Err(SearchError::TooLong) => return Ok(CompletionsOut::default()),
        Err(error) => return Err(error.into()),
    };
    let values = found.columns.into_iter().flat_map(|(_, values, _)| values);
    let fitting = values.filter(|value| !value.value.is_empty() && contains(&value.value, start));
    let options = fitting.take(OPTIONS_MAX).map(|value| OptionOut {
        text: format!("{name}:{} ", quoted(&value.value)),
        label: value.value,
        count: Some(value.count),
    });
    Ok(CompletionsOut { replaces: word.to_owned(), options: options.collect() })
}

/// The names of fields that begin like a word, then those of which a part does.
fn fields(word: &str) -> CompletionsOut {
    let names = || model::filter::names().chain(["before.", "after.", "data."]);
    let is_start = |name: &str| name.starts_with(&word.to_ascii_lowercase());
    let is_inside = |name: &str| !is_start(name) && contains(name, word);
    let fitting = names().filter(|name| is_start(name)).chain(names().filter(|name| is_inside(name)));
    let options = fitting.take(OPTIONS_MAX).map(|name| OptionOut {
        text: if name.ends_with('.') { name.to_owned() } else { format!("{name}:") },
        label: name.to_owned(),
        count: None,
    });
    CompletionsOut { replaces: word.to_owned(), options: options.collect() }
}

/// What stands after the last space, parenthesis or minus that no quotation marks enclose.
fn last_word(text: &str) -> &str {
    let (mut start, mut is_quoted) = (0, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if !is_quoted && (c.is_whitespace() || c == '(') => start = at + c.len_utf8(),
            '-' if !is_quoted && at == start => start = at + 1,
            _ => {}
        }
    }
    text.get(start..).unwrap_or_default()
}

fn contains(value: &str, part: &str) -> bool {
    value.to_lowercase().contains(&part.to_lowercase())
}

/// A value as the filter language takes it.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/@".contains(c);
    if value.chars().all(is_plain) && !value.starts_with('-') {
        value.to_owned()
    } else {
        format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// The column whose values a field has; `None` where they are not counted.
fn column(name: &str) -> Option<SortColumn> {
    let name = match name {
        "actor.name" | "username" => "user",
        "entity.type" | "type" | "table" => "entity_type",
        "entity.id" | "key" => "entity_id",
        "entity.title" | "title" => "entity",
        "message" => "summary",
        other => other.strip_prefix("origin.").unwrap_or(other),
    };
    let column = SortColumn::ALL.iter().find(|(known, _)| *known == name).map(|(_, column)| *column);
    column.filter(|column| {
        !matches!(column, SortColumn::Timestamp | SortColumn::Recorded | SortColumn::Duration)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_found() {
        for (text, word) in [
            ("", ""),
            ("act", "act"),
            ("kind:update act", "act"),
            ("(kind:update OR -act", "act"),
            ("actor:\"Ana L", "actor:\"Ana L"),
            ("actor:\"Ana L\" ", ""),
            ("entity-id", "entity-id"),
        ] {
            assert_eq!(last_word(text), word, "{text}");
        }
    }

    #[test]
    fn fields_that_begin_so_come_first() {
        let labels =
            |word: &str| fields(word).options.into_iter().map(|option| option.label).collect::<Vec<_>>();
        assert_eq!(labels("entity.t"), ["entity.type", "entity.title"]);
        assert_eq!(labels("email"), ["actor.email"]);
        assert_eq!(labels("no such"), Vec::<String>::new());
        assert_eq!(fields("af").options[0].text, "after.");
        assert_eq!(fields("Act").options[0].text, "actor:");
    }

    #[test]
    fn whatever_is_put_in_is_a_filter() {
        for value in ["a", "wagtail.publish", "Ana \"the\" Boss", "back\\slash", "-x", "", "a:b", "(a)", "ü"]
        {
            let filter = Filter::parse(&format!("user:{}", quoted(value)));
            assert!(filter.is_ok() || value.is_empty(), "{value}: {filter:?}");
        }
    }
}
