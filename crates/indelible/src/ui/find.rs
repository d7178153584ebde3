//! `/find?id=`: what has this id, whatever it is.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::{Entry, Field, Filter};
use uuid::Uuid;

use super::shape;
use super::view::{FindPage, Hit, Link, Time, url};
use super::visit::Visit;
use crate::access::Parts;
use crate::api::{App, Problem, blocking, query_pairs};
use crate::clock;
use crate::search::{Question, SearchError};

/// Entries looked at for each sort of id.
const HITS_MAX: usize = 50;

/// How long to look for an id that may not exist.
const PATIENCE: Duration = Duration::from_secs(3);

pub(super) async fn find(State(app): State<App>, visit: Visit, RawQuery(query): RawQuery) -> Response {
    let looked = {
        let (app, visit) = (app.clone(), visit.clone());
        blocking(move || {
            let pairs = query_pairs(query.as_deref())?;
            let id = pairs.into_iter().find(|(name, _)| name == "id").map_or(String::new(), |(_, id)| id);
            let id = id.trim().to_owned();
            let parts = visit.caller.parts(app.indelible.sites())?;
            let hits = if id.is_empty() { Vec::new() } else { hits(&app, &parts, &id)? };
            Ok::<_, Problem>((id, hits))
        })
        .await
    };
    match looked {
        Ok((_, hits)) if hits.len() == 1 => {
            let only = hits.first().map_or("/", |hit| hit.link.href.as_str());
            Redirect::to(only).into_response()
        }
        Ok((id, hits)) => {
            let make = move |visit: &Visit| {
                let mut frame = visit.frame(&app, "Find", None, "");
                frame.find.clone_from(&id);
                Ok(FindPage { frame, id, hits })
            };
            visit.page(make).await
        }
        Err(problem) => visit.failed(&problem),
    }
}

fn hits(app: &App, parts: &Parts, id: &str) -> Result<Vec<Hit>, Problem> {
    let now = clock::now();
    let hit = |sort: &str, label: String, href: String, entry: &Entry| Hit {
        sort: sort.to_owned(),
        link: Link { label, href },
        site: entry.site.to_string(),
        time: Some(Time::new(now, entry.occurred_at)),
    };
    let mut hits = Vec::new();
    if let Ok(uuid) = Uuid::try_parse(id) {
        for site in &parts.sites {
            let found = app.indelible.search().by_id(site, uuid)?;
            if let Some(entry) = found.filter(|entry| parts.hold(entry)) {
                hits.push(hit("Entry", shape::line(&entry), shape::href(&entry), &entry));
            }
        }
        // An id of an entry is nothing else: no need to search further.
        if !hits.is_empty() {
            return Ok(hits);
        }
        if let Some(entry) = matching(app, parts, Field::CorrelationId, id)?.first() {
            let list = url::site(entry.site.as_str());
            let href = url::with_query(&list, &[("correlation_id", id)]);
            hits.push(hit("User action", shape::line(entry), href, entry));
        }
    }
    for entry in matching(app, parts, Field::EntityId, id)? {
        let Some(entity) = &entry.entity else { continue };
        let href = url::entity(entry.site.as_str(), &entity.kind, &entity.id);
        if hits.iter().all(|hit: &Hit| hit.link.href != href) {
            let label = format!("{} ({})", entity.display_title(), entity.kind);
            hits.push(hit("Entity", label, href, &entry));
        }
    }
    Ok(hits)
}

fn matching(app: &App, parts: &Parts, field: Field, id: &str) -> Result<Vec<Entry>, Problem> {
    let filter = parts.within(Filter::equals(field, id));
    let question = Question { patience: PATIENCE, ..Question::newest(&parts.sites, &filter, HITS_MAX) };
    match app.indelible.search().page(&question) {
        Ok(page) => Ok(page.entries),
        Err(SearchError::TooLong) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
