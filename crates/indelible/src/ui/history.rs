//! `/sites/{site}/entities/{type}/{id}`: all entries of one entity, oldest first.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use model::{Entry, Order, Permission};

use super::shape;
use super::view::{HistoryDay, HistoryEntry, HistoryPage, Link, Time, text, url};
use super::visit::Visit;
use crate::api::of_entity;
use crate::api::{App, Problem, query_pairs};
use crate::clock;
use crate::search::{self, Question};

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
        let site = part.site;
        let cursor = query_pairs(query.as_deref())?.into_iter().find(|(name, _)| name == "cursor");
        let cursor = cursor.as_ref().map(|(_, text)| text.as_str());
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
        Ok(HistoryPage {
            frame: visit.frame(&app, &format!("History of {name}"), Some(&site), ""),
            entity_url: entity.and_then(|entity| entity.url.as_deref()).and_then(url::external),
            title,
            total: total(&page),
            list_href: url::with_query(
                &url::site(id),
                &[("entity_type", &entity_type), ("entity_id", &entity_id)],
            ),
            days: days(&page.entries, id),
            earlier: to("Earlier entries", page.prev.as_ref()),
            later: to("Later entries", page.next.as_ref()),
            entity_type,
            entity_id,
        })
    };
    visit.page(make).await
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

fn days(entries: &[Entry], site: &str) -> Vec<HistoryDay> {
    let now = clock::now();
    let mut days: Vec<HistoryDay> = Vec::new();
    for entry in entries {
        let heading = text::day_heading(entry.occurred_at);
        let line = HistoryEntry {
            href: shape::href(entry),
            time: Time::new(now, entry.occurred_at),
            actor: shape::actor(entry, |key| url::with_query(&url::site(site), &[("user", key)])),
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
