//! `GET /sites/{site}/audit`, `GET /sites/{site}/audit/ai-usage`, `GET /audit/user/{user}`

use std::time::Duration;

use axum::Json;
use axum::extract::{RawQuery, State};
use model::{Field, Filter, Order, Permission};
use serde::Serialize;

use super::asked::{AI_TYPE, Asked};
use super::caller::{Authenticated, Path, blocking};
use super::item::Item;
use super::problem::Problem;
use crate::access::Parts;
use crate::api::App;
use crate::clock;
use crate::search::{PATIENCE, Question};

/// Entries that may be before a page. Pages are found by counting; whoever goes further narrows the time.
const BEFORE_MAX: u64 = 50_000;

/// What "lately" means for the use of AI.
const LATELY: Duration = Duration::from_hours(30 * 24);

/// A page.
#[derive(Serialize)]
pub(super) struct PageOut {
    data: Vec<Item>,
    meta: Meta,
}

#[derive(Serialize)]
struct Meta {
    page: u64,
    page_size: u64,
    total_pages: u64,
    total_items: u64,
}

/// How often AI was used.
#[derive(Serialize)]
pub(super) struct AiUsage {
    total: u64,
    last_30_days: u64,
}

/// The entries of a site, but for those of the CMS' AI unless they are asked for.
pub(super) async fn of_site(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(site): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<PageOut>, Problem> {
    let asked = Asked::parse(query.as_deref())?;
    blocking(move || {
        let part = caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        let parts = Parts::from(part);
        let mut filter = asked.filter(&app, &parts.sites)?;
        if !asked.wants_ai() {
            filter = filter.and(Filter::Not(Box::new(of_ai())));
        }
        page(&app, &parts, filter, &asked).map(Json)
    })
    .await
}

/// Everything that somebody did, on every site that the caller may read.
pub(super) async fn of_user(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(user): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<PageOut>, Problem> {
    let asked = Asked::parse(query.as_deref())?;
    blocking(move || {
        let parts = caller.parts(app.indelible.sites())?;
        let filter = asked.filter(&app, &parts.sites)?.and(Filter::equals(Field::Actor, &user));
        page(&app, &parts, filter, &asked).map(Json)
    })
    .await
}

/// Counts entries of the CMS' AI.
pub(super) async fn ai_usage(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Path(site): Path<String>,
) -> Result<Json<AiUsage>, Problem> {
    blocking(move || {
        let part = caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        let parts = Parts::from(part);
        let lately = of_ai().and(Filter::occurred(Some(clock::now() - LATELY), None));
        Ok(Json(AiUsage { total: count(&app, &parts, of_ai())?, last_30_days: count(&app, &parts, lately)? }))
    })
    .await
}

fn of_ai() -> Filter {
    Filter::equals(Field::EntityType, AI_TYPE)
}

fn count(app: &App, parts: &Parts, filter: Filter) -> Result<u64, Problem> {
    let filter = parts.within(filter);
    Ok(app.indelible.search().count(&question(parts, &filter, Order::NEWEST_FIRST, 1))?)
}

const fn question<'a>(parts: &'a Parts, filter: &'a Filter, order: Order, limit: usize) -> Question<'a> {
    Question { sites: parts.sites.as_slice(), filter, order, cursor: None, limit, patience: PATIENCE }
}

fn page(app: &App, parts: &Parts, filter: Filter, asked: &Asked) -> Result<PageOut, Problem> {
    let total_items = count(app, parts, filter.clone())?;
    let Asked { page, page_size, order, .. } = *asked;
    let before = (page - 1).saturating_mul(page_size);
    let meta = Meta { page, page_size, total_pages: total_items.div_ceil(page_size), total_items };
    if before >= total_items {
        return Ok(PageOut { data: Vec::new(), meta });
    }
    if before > BEFORE_MAX {
        let message = format!(
            "there are {before} entries before this page, {BEFORE_MAX} may be: narrow `from_date` and `to_date`, or \
             use `/api/v1/sites/{{site}}/entries` with its cursors"
        );
        return Err(Problem::invalid("page", message));
    }
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let filter = parts.within(filter);
    let question = question(parts, &filter, order, size(page_size));
    let found = app.indelible.search().slice(&question, size(before))?;
    Ok(PageOut { data: found.into_iter().map(Item::from).collect(), meta })
}
