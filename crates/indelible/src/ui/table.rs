//! The columns of a list: which there are, which are shown, and what an entry has in each.
//!
//! The address says which are shown (`columns=user.action.entity`); where it does not, a cookie does, which the form sets.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::Timestamp;
use model::{Entry, Order, SortColumn};

use super::columns::Parameters;
use super::form::Form;
use super::shape;
use super::view::{Cell, Column, ColumnChoice, ColumnsForm, Link, Place, Sorted, Time, text, url};
use super::visit::Visit;
use crate::api::{Problem, query_pairs};

/// Where a browser keeps the columns that were chosen last.
const COOKIE: &str = "indelible_columns";
/// And how long, in seconds: a year.
const COOKIE_SECONDS: u32 = 365 * 24 * 60 * 60;

/// A column that a list can have. The time is no such column, as every list has it.
pub(super) struct Known {
    code: &'static str,
    class: &'static str,
    label: &'static str,
    sort: Option<SortColumn>,
}

const fn known(
    code: &'static str,
    class: &'static str,
    label: &'static str,
    sort: Option<SortColumn>,
) -> Known {
    Known { code, class, label, sort }
}

/// The columns of all the systems that send entries; the first ones are shown unless others are asked for.
const ALL: [Known; 23] = [
    known("site", "site", "Site", Some(SortColumn::Site)),
    known("user", "user", "User", Some(SortColumn::User)),
    known("action", "action", "Action", Some(SortColumn::Action)),
    known("entity_type", "type", "Entity type", Some(SortColumn::EntityType)),
    known("entity", "entity", "Entity", Some(SortColumn::Entity)),
    known("details", "details", "Details", Some(SortColumn::Details)),
    known("ip", "ip", "IP address", Some(SortColumn::Ip)),
    known("entity_id", "id", "Entity id", Some(SortColumn::EntityId)),
    known("changed", "changed", "Changed fields", None),
    known("kind", "short", "Kind", Some(SortColumn::Kind)),
    known("outcome", "short", "Outcome", Some(SortColumn::Outcome)),
    known("recorded_at", "moment", "Recorded", Some(SortColumn::Recorded)),
    known("duration_ms", "number", "Duration (ms)", Some(SortColumn::Duration)),
    known("method", "short", "Method", Some(SortColumn::Method)),
    known("route", "text", "Route", Some(SortColumn::Route)),
    known("path", "text", "Path", Some(SortColumn::Path)),
    known("ref", "text", "Ref", Some(SortColumn::Ref)),
    known("errors", "text", "Errors", None),
    known("reason", "text", "Reason", None),
    known("channel", "text", "Channel", Some(SortColumn::Channel)),
    known("connector", "text", "Connector", Some(SortColumn::Connector)),
    known("source", "text", "Source", Some(SortColumn::Source)),
    known("user_agent", "text", "Agent", None),
];

/// How many of them are shown unless others are asked for; the first one only where there are several sites.
const SHOWN: usize = 6;

/// Between the names in an address and in the cookie. Not a comma, which addresses escape.
const BETWEEN: char = '.';

/// The columns that a list shows, in order.
pub(super) fn shown(parameters: &Parameters, remembered: &str, is_network: bool) -> Vec<&'static Known> {
    let named = |names: &str| -> Vec<&'static Known> {
        let mut found: Vec<&'static Known> = Vec::new();
        for name in names.split(BETWEEN) {
            let column = ALL.iter().find(|column| column.code == name);
            found.extend(column.filter(|column| found.iter().all(|other| other.code != column.code)));
        }
        found
    };
    let of_address = named(parameters.get("columns"));
    let mut columns = if of_address.is_empty() { named(remembered) } else { of_address };
    if columns.is_empty() {
        columns = ALL.iter().take(SHOWN).collect();
    } else if is_network && columns.iter().all(|column| column.code != "site") {
        // Of whose entry it is, nothing else tells.
        columns.extend(ALL.iter().find(|column| column.code == "site"));
        columns.rotate_right(1);
    }
    columns.retain(|column| is_network || column.code != "site");
    columns
}

/// The columns in the cookie.
pub(super) fn remembered(headers: &HeaderMap) -> String {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned()).next().unwrap_or_default()
}

/// The headings, that of the time first.
pub(super) fn headings(columns: &[&Known], parameters: &Parameters, order: Order) -> Vec<Column> {
    let heading = |class, label, sort: Option<SortColumn>| {
        let sorted = match sort {
            Some(column) if column == order.column && order.descending => Sorted::Descending,
            Some(column) if column == order.column => Sorted::Ascending,
            _ => Sorted::No,
        };
        let href = sort.map(|column| {
            // Times and durations begin with the last, names with the first letter; a second click turns them round.
            let is_amount =
                matches!(column, SortColumn::Timestamp | SortColumn::Recorded | SortColumn::Duration);
            let descending = match sorted {
                Sorted::No => is_amount,
                Sorted::Ascending => true,
                Sorted::Descending => false,
            };
            parameters.with("sort", &format!("{}{}", if descending { "-" } else { "" }, column.as_str()))
        });
        Column { class, label, href, sorted }
    };
    let time = heading("time", "Timestamp", Some(SortColumn::Timestamp));
    [time]
        .into_iter()
        .chain(columns.iter().map(|column| heading(column.class, column.label, column.sort)))
        .collect()
}

/// The form that chooses others.
pub(super) fn form(columns: &[&Known], parameters: &Parameters, is_network: bool) -> ColumnsForm {
    let last = columns.len().saturating_sub(1);
    let shown = columns.iter().enumerate().map(|(place, column)| ColumnChoice {
        code: column.code,
        label: column.label,
        is_shown: true,
        has_before: place > 0,
        has_after: place < last,
    });
    let is_other = |column: &&Known| {
        columns.iter().all(|shown| shown.code != column.code) && (is_network || column.code != "site")
    };
    let others = ALL.iter().filter(is_other).map(|column| ColumnChoice {
        code: column.code,
        label: column.label,
        is_shown: false,
        has_before: false,
        has_after: false,
    });
    ColumnsForm { choices: shown.chain(others).collect(), here: parameters.with("cursor", "") }
}

/// Remembers what the form chose, and leads back to the list with these columns.
pub(super) async fn choose(visit: Visit, body: Bytes) -> Response {
    match try_choose(&body) {
        Ok(response) => response,
        Err(problem) => visit.failed(&problem),
    }
}

fn try_choose(body: &[u8]) -> Result<Response, Problem> {
    let form = Form::read(body)?;
    let mut chosen: Vec<&str> = Vec::new();
    for name in form.all("column") {
        if ALL.iter().any(|column| column.code == name) && !chosen.contains(&name) {
            chosen.push(name);
        }
    }
    let moved = form.get("move").split_once(':');
    if let Some((name, towards)) = moved
        && let Some(place) = chosen.iter().position(|other| *other == name)
    {
        let other = if towards == "before" { place.checked_sub(1) } else { Some(place + 1) };
        if let Some(other) = other.filter(|other| *other < chosen.len()) {
            chosen.swap(place, other);
        }
    }
    let is_reset = form.all("reset").next().is_some();
    let names = if is_reset { String::new() } else { chosen.join(&BETWEEN.to_string()) };
    let (path, query) =
        url::local(form.get("next")).split_once('?').unwrap_or((url::local(form.get("next")), ""));
    let list = Parameters::new(path.to_owned(), query_pairs(Some(query))?).with("columns", &names);
    // The browser opens the form again at the column that was moved.
    let fragment = moved.map(|(name, _)| format!("#column-{}", url::encode(name))).unwrap_or_default();
    let mut response = Redirect::to(&format!("{list}{fragment}")).into_response();
    let seconds = if names.is_empty() { 0 } else { COOKIE_SECONDS };
    let cookie = format!("{COOKIE}={names}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// What an entry has in each of these columns.
pub(super) fn cells(
    columns: &[&Known],
    entry: &Entry,
    now: Timestamp,
    site: &Link,
    by_user: impl Fn(&str) -> String,
) -> Vec<Cell> {
    let origin = entry.origin.as_ref();
    let of_origin = |text: Option<&String>| text.cloned().unwrap_or_default();
    let cell = |column: &Known| {
        let code =
            |value: String| Cell::Text { label: column.label, class: column.class, value, is_code: true };
        let words =
            |value: String| Cell::Text { label: column.label, class: column.class, value, is_code: false };
        match column.code {
            "site" => Cell::Site(site.clone()),
            "user" => Cell::User(shape::actor(entry, &by_user)),
            "action" => Cell::Action(shape::action(entry)),
            "entity_type" => Cell::EntityType(entry.entity.as_ref().map(|entity| entity.kind.clone())),
            "entity" => Cell::Entity(shape::entity(entry)),
            "details" => Cell::Details { summary: shape::summary(entry), changed: shape::changed(entry) },
            "changed" => Cell::Changed(shape::changed(entry)),
            "recorded_at" => Cell::Time(Time::new(now, entry.recorded_at)),
            "ip" => code(origin.and_then(|origin| origin.ip).map(|ip| ip.to_string()).unwrap_or_default()),
            "entity_id" => code(entry.entity.as_ref().map(|entity| entity.id.clone()).unwrap_or_default()),
            "kind" => words(shape::kind(entry).word().to_owned()),
            "outcome" => words(entry.outcome.as_str().to_owned()),
            "duration_ms" => words(entry.duration_ms.map(text::thousands).unwrap_or_default()),
            "method" => code(of_origin(origin.and_then(|origin| origin.method.as_ref()))),
            "route" => code(of_origin(origin.and_then(|origin| origin.route.as_ref()))),
            "path" => code(of_origin(origin.and_then(|origin| origin.path.as_ref()))),
            "ref" => code(of_origin(origin.and_then(|origin| origin.r#ref.as_ref()))),
            "errors" => words(entry.errors.join("; ")),
            "reason" => words(entry.reason.clone().unwrap_or_default()),
            "channel" => words(of_origin(origin.and_then(|origin| origin.channel.as_ref()))),
            "connector" => words(entry.connector.clone().unwrap_or_default()),
            "source" => words(entry.source.clone()),
            _ => words(of_origin(origin.and_then(|origin| origin.user_agent.as_ref()))),
        }
    };
    columns.iter().map(|column| cell(column)).collect()
}

/// Where each entry stands among those of its user action that follow each other on one day.
pub(super) fn places(entries: &[Entry], is_new_day: impl Fn(usize) -> bool) -> Vec<Place> {
    let same = |place: usize| match (
        place.checked_sub(1).and_then(|before| entries.get(before)),
        entries.get(place),
    ) {
        (Some(before), Some(entry)) => {
            let is_same = entry.correlation_id.is_some() && before.correlation_id == entry.correlation_id;
            is_same && before.site == entry.site && !is_new_day(place)
        }
        _ => false,
    };
    let place = |at: usize| match (same(at), same(at + 1)) {
        (false, false) => Place::Alone,
        (true, true) => Place::Member,
        (true, false) => Place::Last,
        (false, true) => {
            let count = 1 + (at + 1..entries.len()).take_while(|next| same(*next)).count();
            Place::First(format!("{count} changes"))
        }
    };
    (0..entries.len()).map(place).collect()
}
