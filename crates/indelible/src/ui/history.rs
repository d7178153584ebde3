//! `/sites/{site}/entities/{type}/{id}`: all entries of one entity, oldest first.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use jiff::Timestamp;
use model::diff::Extent;
use model::state::State as EntityState;
use model::{Entry, Order, Permission};
use serde_json::value::RawValue;

use super::entry;
use super::shape;
use super::view::{Diff, HistoryDay, HistoryEntry, HistoryPage, Link, Shape, Time, Told, text, url};
use super::visit::Visit;
use crate::api::of_entity;
use crate::api::{App, Problem, query_pairs};
use crate::clock;
use crate::search::{self, Question};
use crate::store::Site;

/// Entries on one page of a history.
const ENTRIES_SHOWN: usize = 200;

pub(super) async fn history(
    State(app): State<App>,
    visit: Visit,
    Path((site, entity_type, entity_id)): Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let make = move |visit: &Visit| {
        let part = visit.caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        let filter = of_entity(&app.indelible, &part, &entity_type, &entity_id)?;
        // States rest on entries that may be outside of the part.
        let tells_states = part.only.is_none();
        let site = part.site;
        let pairs = query_pairs(query.as_deref())?;
        let sealed = pairs.iter().find(|(name, _)| name == "cursor").map_or("", |(_, text)| text);
        let cursor = Some(sealed).filter(|text| !text.is_empty());
        let sites = std::slice::from_ref(&site);
        let cursor = search::open_cursor(cursor, &app.cursor_key, sites, &filter, Order::OLDEST_FIRST)?;
        let question = Question {
            sites,
            filter: &filter,
            order: Order::OLDEST_FIRST,
            cursor,
            limit: ENTRIES_SHOWN,
            patience: search::PATIENCE,
        };
        let page = app.indelible.search().page(&question)?;
        let points = if tells_states { page.entries.len() } else { 0 };
        let asked = Asked::of(&pairs, points);
        let Some(latest) = page.entries.last() else {
            return Err(Problem::not_found("this entity has no entries"));
        };
        let id = site.id.as_str();
        let entity = latest.entity.as_ref();
        let title = entity.and_then(|entity| entity.title.clone()).filter(|title| *title != entity_id);
        let name = title.clone().unwrap_or_else(|| entity_id.clone());
        let here = url::entity(id, &entity_type, &entity_id);
        let to = |label: &str, cursor: Option<&model::Cursor>| {
            cursor.map(|cursor| Link {
                label: label.to_owned(),
                href: url::with_query(&here, &[("cursor", cursor.seal(&app.cursor_key))]),
            })
        };
        let told = told(&app, &site, &page.entries, (&entity_type, &entity_id), &asked)?;
        Ok(HistoryPage {
            told,
            here: here.clone(),
            cursor: sealed.to_owned(),
            points,
            point: asked.point.unwrap_or(points),
            frame: visit.frame(&app, &format!("History of {name}"), Some(&site), ""),
            entity_url: entity.and_then(|entity| entity.url.as_deref()).and_then(url::external),
            title,
            total: total(&page),
            list_href: url::with_query(
                &url::site(id),
                &[("entity_type", &entity_type), ("entity_id", &entity_id)],
            ),
            days: days(&page.entries, &asked),
            earlier: to("Earlier entries", page.prev.as_ref()),
            later: to("Later entries", page.next.as_ref()),
            entity_type,
            entity_id,
        })
    };
    visit.page(make).await
}

/// Which states of the entity are asked for: after the entries of this number on the page.
#[derive(Default)]
struct Asked {
    point: Option<usize>,
    compared: Vec<usize>,
}

impl Asked {
    fn of(pairs: &[(String, String)], points: usize) -> Self {
        let all = |wanted: &str| -> Vec<usize> {
            let values =
                pairs.iter().filter(|(name, _)| name == wanted).filter_map(|(_, value)| value.parse().ok());
            values.filter(|point| (1..=points).contains(point)).collect()
        };
        let compares = pairs.iter().any(|(name, value)| name == "show" && value == "compare");
        Self {
            point: all("point").pop().filter(|_| !compares),
            compared: if compares { all("compare") } else { Vec::new() },
        }
    }
}

/// The state that is asked for, or what leads from one to another.
fn told(
    app: &App,
    site: &Site,
    entries: &[Entry],
    (entity_type, entity_id): (&str, &str),
    asked: &Asked,
) -> Result<Option<Told>, Problem> {
    let at = |point: usize| {
        point.checked_sub(1).and_then(|place| entries.get(place)).map(|entry| entry.occurred_at)
    };
    let state = |time: Timestamp| -> Result<EntityState, Problem> {
        let found = app.indelible.search().state(site, entity_type, entity_id, Some(time))?;
        Ok(found.map(|(_, state)| state).unwrap_or_default())
    };
    if let Some(time) = asked.point.and_then(at) {
        let state = state(time)?;
        let heading = format!("As of {}", text::exact_time(time));
        let note = note_of(&state);
        let nothing = || Diff { shape: Shape::AfterOnly, ..Diff::default() };
        let diff =
            state.state.as_deref().map_or_else(nothing, |state| entry::one_sided(Shape::AfterOnly, state));
        return Ok(Some(Told { heading, note, diff }));
    }
    let compared: Vec<Timestamp> = asked.compared.iter().copied().filter_map(at).collect();
    let [first, last] = compared.as_slice() else {
        let message = "Choose two entries to compare the states after them.".to_owned();
        let is_wrong = !asked.compared.is_empty();
        return Ok(is_wrong.then(|| Told {
            heading: "Nothing to compare".to_owned(),
            note: Some(message),
            diff: Diff::default(),
        }));
    };
    let (before, after) = (state(*first)?, state(*last)?);
    let note = note_of(&before).or_else(|| note_of(&after));
    let nothing = || RawValue::from_string("{}".to_owned()).map_err(|error| Problem::internal(&error));
    let (old, new) = (before.state.map_or_else(nothing, Ok)?, after.state.map_or_else(nothing, Ok)?);
    let diff = entry::between(&old, &new, Extent::Full, &entry::noise(app, site)?);
    Ok(Some(Told {
        heading: format!("From {} to {}", text::exact_time(*first), text::exact_time(*last)),
        note,
        diff,
    }))
}

/// What the reader must know of a state.
fn note_of(state: &EntityState) -> Option<String> {
    match (state.exists, state.complete) {
        (Some(false), _) => Some("It was not there.".to_owned()),
        (_, false) => Some("The entries do not tell all of it; only what they tell is shown.".to_owned()),
        _ => None,
    }
}

fn total(page: &search::Page) -> String {
    let count = u64::try_from(page.entries.len()).unwrap_or(u64::MAX);
    let entries = text::count(count, "entry", "entries");
    let since = page.entries.first().map(|entry| text::day_heading(entry.occurred_at));
    match (page.prev.is_none() && page.next.is_none(), since) {
        (true, Some(since)) => format!("{entries} since {since}"),
        (_, Some(since)) => format!("{entries} on this page, from {since}"),
        (_, None) => entries,
    }
}

fn days(entries: &[Entry], asked: &Asked) -> Vec<HistoryDay> {
    let now = clock::now();
    let mut days: Vec<HistoryDay> = Vec::new();
    for (point, entry) in (1..).zip(entries) {
        let heading = text::day_heading(entry.occurred_at);
        let line = HistoryEntry {
            point,
            is_compared: asked.compared.contains(&point),
            href: shape::href(entry),
            time: Time::new(now, entry.occurred_at),
            actor: shape::actor_linked(entry),
            action: shape::action(entry),
            summary: shape::summary(entry),
            changed: shape::changed(entry),
        };
        match days.last_mut() {
            Some(day) if day.heading == heading => day.entries.push(line),
            _ => days.push(HistoryDay { heading, entries: vec![line] }),
        }
    }
    days
}
