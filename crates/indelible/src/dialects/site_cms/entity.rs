//! `GET /audit/entity/{type}/{id}`, `GET /audit/history/{type}/{id}`: one entity, oldest first, or with `order=desc` as that
//! CMS answers.
//!
//! An answer tells of up to `limit` entries. When there are more, its header `Link` has the address of the rest.

use axum::Json;
use axum::extract::{OriginalUri, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::{Cursor, Entry, Field, Filter, Order, SortColumn};

use super::asked::Asked;
use super::caller::{Authenticated, Path, blocking};
use super::change;
use super::item::Item;
use super::problem::Problem;
use crate::access::{Caller, Parts};
use crate::api::App;
use crate::search::{self, FacetsQuestion, PATIENCE, Question};
use crate::store::Site;

/// Sites in which one entity can be; it is one of one site, unless two of them use the same ids.
const SITES_MAX: usize = 100;

/// The entries of an entity, on every site that the caller may read.
pub(super) async fn entries(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path((kind, id)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let found = find(app, caller, (kind, id), query.clone()).await?;
    let link = link(uri.path(), query.as_deref(), found.next.as_deref());
    let items: Vec<Item> = found.entries.into_iter().map(Item::from).collect();
    Ok((link, Json(items)).into_response())
}

/// The changes of an entity, likewise.
pub(super) async fn changes(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path((kind, id)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let found = find(app, caller, (kind, id), query.clone()).await?;
    let link = link(uri.path(), query.as_deref(), found.next.as_deref());
    let log = |entry: &Entry| found.sites.iter().find(|site| site.id == entry.site).map(|site| site.log);
    let changes = |entry: &Entry| log(entry).map(|log| change::changes(log, entry)).unwrap_or_default();
    let changes: Vec<_> = found.entries.iter().flat_map(changes).collect();
    Ok((link, Json(changes)).into_response())
}

/// Entries of an entity.
struct Found {
    entries: Vec<Entry>,
    sites: Vec<Site>,
    next: Option<String>,
}

async fn find(
    app: App,
    caller: Caller,
    (kind, id): (String, String),
    query: Option<String>,
) -> Result<Found, Problem> {
    let asked = Asked::parse(query.as_deref())?;
    blocking(move || {
        let parts = caller.parts(app.indelible.sites())?;
        let (sites, entity) = of_entity(&app, parts.clone(), &kind, &id)?;
        let filter = parts.within(entity.and(asked.filter(&app, &sites)?));
        if sites.is_empty() {
            return Ok(Found { entries: Vec::new(), sites, next: None });
        }
        let order = Order { column: SortColumn::Timestamp, descending: asked.newest_first };
        let cursor = asked.cursor.as_deref();
        let cursor = search::open_cursor(cursor, &app.cursor_key, &sites, &filter, order)
            .map_err(|error| Problem::bad("cursor", error.to_string()))?;
        let question = Question {
            sites: &sites,
            filter: &filter,
            order,
            cursor,
            limit: asked.limit,
            patience: PATIENCE,
        };
        let page = app.indelible.search().page(&question)?;
        let next = page.next.map(|next: Cursor| next.seal(&app.cursor_key));
        Ok(Found { entries: page.entries, sites, next })
    })
    .await
}

/// The sites that know an entity, and which entries are its own there, those under its other ids included. For a caller who
/// reads only a part these are not told, as what is outside of it may say that two ids are one entity.
fn of_entity(app: &App, parts: Parts, kind: &str, id: &str) -> Result<(Vec<Site>, Filter), Problem> {
    let named = Filter::equals(Field::EntityType, kind).and(Filter::equals(Field::EntityId, id));
    let known = if parts.sites.len() > 1 { Some(sites_with(app, &parts, &named)?) } else { None };
    let is_known =
        |site: &Site| known.as_ref().is_none_or(|known| known.iter().any(|id| *id == site.id.as_str()));
    let is_whole = parts.only.is_none();
    let sites: Vec<Site> = parts.sites.into_iter().filter(is_known).collect();
    if !is_whole {
        return Ok((sites, named));
    }
    let mut any = Vec::new();
    for site in &sites {
        let own = app.indelible.search().of_entity(site, kind, id)?;
        any.push(Filter::equals(Field::Site, site.id.as_str()).and(own));
    }
    Ok((sites, Filter::Or(any)))
}

/// Ids of the sites that have such entries.
fn sites_with(app: &App, parts: &Parts, filter: &Filter) -> Result<Vec<String>, Problem> {
    let filter = parts.within(filter.clone());
    let question = Question::newest(&parts.sites, &filter, 1);
    let asked = FacetsQuestion { columns: &[SortColumn::Site], bucket: None, values_max: SITES_MAX };
    let facets = app.indelible.search().facets(&question, &asked)?;
    Ok(facets.columns.into_iter().flat_map(|(_, values, _)| values).map(|found| found.value).collect())
}

/// The address of what comes after an answer (RFC 8288).
fn link(path: &str, query: Option<&str>, next: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let Some(next) = next else { return headers };
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(query.unwrap_or_default()).unwrap_or_default();
    let others = pairs.into_iter().filter(|(name, _)| name != "cursor");
    let pairs: Vec<_> = others.chain([("cursor".to_owned(), next.to_owned())]).collect();
    let query = serde_urlencoded::to_string(pairs).unwrap_or_default();
    if let Ok(value) = HeaderValue::from_str(&format!("<{path}?{query}>; rel=\"next\"")) {
        headers.insert(header::LINK, value);
    }
    headers
}
