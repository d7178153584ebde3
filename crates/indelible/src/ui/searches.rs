//! Saved searches: `/searches/{id}` opens one, forms on the lists save and delete them.
//!
//! As for every form here, the server refuses what a page of another site posts.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::SiteId;

use super::columns::Parameters;
use super::form::Form;
use super::view::{NewSearch, SavedLink, SavedSearches, url};
use super::visit::Visit;
use crate::api::{self, App, Problem, blocking};

/// Leads to the list that a saved search stands for.
pub(super) async fn open(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Response {
    let caller = visit.caller.clone();
    let found = blocking(move || api::find_search(&app, &caller, &id)).await;
    lead(&visit, found.map(|search| api::search_address(&search)))
}

/// Saves the list that the form was under, and leads back to it.
pub(super) async fn save(State(app): State<App>, visit: Visit, body: Bytes) -> Response {
    let caller = visit.caller.clone();
    let saved = blocking(move || {
        let form = Form::read(&body)?;
        let site = form.get("site");
        let unknown = |_| Problem::not_found("there is no such site");
        let site: Option<SiteId> =
            Some(site).filter(|id| !id.is_empty()).map(str::parse).transpose().map_err(unknown)?;
        let (name, query) = (form.get("name").to_owned(), form.get("query").to_owned());
        api::save_search(&app, &caller, api::NewSearch { name, site, query })
    })
    .await;
    lead(&visit, saved.map(|search| api::search_address(&search)))
}

/// Deletes a saved search, and leads back to where its button was.
pub(super) async fn delete(
    State(app): State<App>,
    visit: Visit,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let caller = visit.caller.clone();
    let deleted = blocking(move || {
        api::delete_search(&app, &caller, &id)?;
        Ok::<_, Problem>(url::local(Form::read(&body)?.get("next")).to_owned())
    })
    .await;
    lead(&visit, deleted)
}

/// What a list shows of the caller's saved searches. `is_filtered` says whether there is something to save.
/// Blocks.
pub(super) fn of_list(
    app: &App,
    visit: &Visit,
    site: Option<&SiteId>,
    parameters: &Parameters,
    is_filtered: bool,
) -> Result<SavedSearches, Problem> {
    let shown = api::list_parameters(&parameters.query())?;
    let own = api::own_searches(app, &visit.caller)?;
    let links: Vec<SavedLink> = own
        .into_iter()
        .filter(|search| search.site.as_ref() == site)
        .map(|search| {
            let href = url::saved_search(&search.id.to_string());
            let delete_href = format!("{href}/delete");
            SavedLink { name: search.name, href, delete_href, is_current: search.query == shown }
        })
        .collect();
    let is_new = is_filtered && !links.iter().any(|link| link.is_current);
    let site = site.map(SiteId::to_string).unwrap_or_default();
    let new = is_new.then_some(NewSearch { site, query: shown });
    Ok(SavedSearches { links, new, here: parameters.with("cursor", "") })
}

fn lead(visit: &Visit, to: Result<String, Problem>) -> Response {
    match to {
        Ok(address) => Redirect::to(&address).into_response(),
        Err(problem) => visit.failed(&problem),
    }
}
