//! `GET /sites/{site}/entries`, `GET /entries`

use axum::extract::{RawQuery, State};
use axum::{Extension, Json};
use model::{Order, Permission};
use serde::Serialize;
use utoipa::ToSchema;

use super::shown;
use crate::access::{Caller, Parts};
use crate::api::parameters::{FilterParameters, PageParameters};
use crate::api::problem::Problem;
use crate::api::query::ListQuery;
use crate::api::{App, Noted, Path, blocking};
use crate::form::EntryOut;
use crate::search::{self, Question};

/// A page of entries.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct EntriesOut {
    data: Vec<EntryOut>,
    page: PageOut,
}

/// Where the pages beside this one are.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PageOut {
    /// `cursor` of the next page; null on the last one.
    next: Option<String>,
    /// `cursor` of the page before; null on the first one.
    prev: Option<String>,
    limit: usize,
    /// Matching entries, with `count=exact`.
    total: Option<u64>,
}

/// Entries of a site, newest first.
#[utoipa::path(get, path = "/sites/{site}/entries", tag = "entries",
    params(("site" = String, Path), FilterParameters, PageParameters),
    responses((status = 200, body = EntriesOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(in crate::api) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
    noted: Option<Extension<Noted>>,
    RawQuery(query): RawQuery,
) -> Result<Json<EntriesOut>, Problem> {
    let query = ListQuery::parse(query.as_deref(), Order::NEWEST_FIRST)?;
    let page = blocking(move || {
        let part = caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        answer(&app, &Parts::from(part), query)
    })
    .await?;
    Ok(shown_page(page, noted))
}

fn shown_page(page: EntriesOut, noted: Option<Extension<Noted>>) -> Json<EntriesOut> {
    if let Some(Extension(noted)) = noted {
        noted.found(page.data.len());
    }
    Json(page)
}

/// Entries of every site the caller may see, newest first.
#[utoipa::path(get, path = "/entries", tag = "entries", params(FilterParameters, PageParameters),
    responses((status = 200, body = EntriesOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem), (status = 503, body = Problem)))]
pub(in crate::api) async fn list_everywhere(
    State(app): State<App>,
    caller: Caller,
    noted: Option<Extension<Noted>>,
    RawQuery(query): RawQuery,
) -> Result<Json<EntriesOut>, Problem> {
    let query = ListQuery::parse(query.as_deref(), Order::NEWEST_FIRST)?;
    let page = blocking(move || {
        let parts = caller.parts(app.indelible.sites())?;
        answer(&app, &parts, query)
    })
    .await?;
    Ok(shown_page(page, noted))
}

pub(super) fn answer(app: &App, parts: &Parts, mut query: ListQuery) -> Result<EntriesOut, Problem> {
    query.filter = parts.within(query.filter);
    let sites = parts.sites.as_slice();
    let cursor = query.cursor.as_deref();
    let cursor = search::open_cursor(cursor, &app.cursor_key, sites, &query.filter, query.order)?;
    let question = Question {
        sites,
        filter: &query.filter,
        order: query.order,
        cursor,
        limit: query.limit,
        patience: search::PATIENCE,
    };
    let page = app.indelible.search().page(&question)?;
    let total = if query.exact_count { Some(app.indelible.search().count(&question)?) } else { None };
    let seal = |cursor: model::Cursor| cursor.seal(&app.cursor_key);
    Ok(EntriesOut {
        data: shown(&app.indelible, parts, page.entries)?,
        page: PageOut { next: page.next.map(seal), prev: page.prev.map(seal), limit: query.limit, total },
    })
}
