use std::process::ExitCode;

use clap::{Args, ValueEnum};
use model::{Entry, Filter, FilterError, Order};

use super::{Failure, Place, find_site, output};
use crate::api::{ListQuery, entry_json};
use crate::export::csv;
use crate::search::{self, Question};

/// Search from the terminal, newest first
#[derive(Debug, Args)]
pub(super) struct Query {
    /// The site to search
    #[arg(long)]
    site: String,
    /// What to look for, in the filter language, for example `actor:ana after.status:published`; also
    /// `sort=COLUMN`, `sort=-COLUMN`, `from=TIME` and `to=TIME`
    #[arg(value_name = "FILTER")]
    filter: Vec<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = PrintAs::Table)]
    format: PrintAs,
    /// How many entries, at most
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum PrintAs {
    Table,
    Ndjson,
    Csv,
}

/// The columns of a table and of CSV.
const HEADINGS: [&str; 8] = ["time", "user", "action", "kind", "type", "entity", "details", "id"];

impl Query {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let query = parse_filter(&self.filter)?;
        let indelible = self.place.open()?;
        let site = find_site(&indelible, &self.site)?;
        let mut cursor = None;
        let mut left = self.limit;
        let mut rows = Vec::new();
        if matches!(self.format, PrintAs::Csv) {
            output::data(&csv::line(HEADINGS))?;
        }
        while left > 0 {
            let question = Question {
                sites: std::slice::from_ref(&site),
                filter: &query.filter,
                order: query.order,
                cursor,
                limit: left.min(model::limits::PAGE_ENTRIES_MAX),
                patience: search::PATIENCE,
            };
            let page =
                indelible.search().page(&question).map_err(|error| Failure::Other(error.to_string()))?;
            left -= page.entries.len();
            for entry in page.entries {
                match self.format {
                    PrintAs::Table => rows.push(cells(&entry).to_vec()),
                    PrintAs::Csv => output::data(&csv::line(cells(&entry)))?,
                    PrintAs::Ndjson => output::data(&entry_json(&indelible, &site, entry)?)?,
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        if matches!(self.format, PrintAs::Table) {
            output::data(&output::table(&HEADINGS, rows))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads the words after a command: the filter language, and beside it `from=`, `to=` and `sort=` as the API's
/// lists have them.
pub(super) fn parse_filter(words: &[String]) -> Result<ListQuery, Failure> {
    let (parameters, filter): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| ["from=", "to=", "sort="].iter().any(|name| word.starts_with(name)));
    let pairs: Vec<_> = parameters.iter().filter_map(|word| word.split_once('=')).collect();
    let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
    let mut list = ListQuery::parse(Some(&query), Order::NEWEST_FIRST)
        .map_err(|problem| Failure::Usage(problem.detail().to_owned()))?;
    let text = filter.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let parsed = Filter::parse(&text).map_err(|error| Failure::Usage(pointed_out(&text, &error)))?;
    list.filter = list.filter.and(parsed);
    Ok(list)
}

/// A mistake with the text below it, and marks under its place.
fn pointed_out(text: &str, error: &FilterError) -> String {
    const CHARS_SHOWN: usize = 100;
    if text.chars().count() > CHARS_SHOWN || text.contains(char::is_control) {
        return error.to_string();
    }
    let marks = "^".repeat(error.length.max(1));
    format!("{error}\n\n  {text}\n  {}{marks}", " ".repeat(error.position))
}

fn cells(entry: &Entry) -> [String; 8] {
    let changed = entry.changed().join(", ");
    let entity = entry.entity.as_ref();
    [
        entry.occurred_at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        entry.actor.as_ref().map_or("(erased)", model::Actor::display_name).to_owned(),
        entry.action.clone(),
        entry.kind.as_str().to_owned(),
        entity.map_or("(erased)", |entity| &entity.kind).to_owned(),
        entity.map_or("(erased)", model::Entity::display_title).to_owned(),
        entry.summary.clone().unwrap_or(changed),
        entry.id.to_string(),
    ]
}
