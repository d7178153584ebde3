//! `GET /searches`, `POST /searches`, `GET /searches/{id}`, `PUT /searches/{id}`, `DELETE /searches/{id}`
//!
//! A saved search gives nobody a right: it names a list, and whoever opens it sees of that list what they
//! may. Its id cannot be guessed, so it is shared by giving the id away; but not even its name is told to
//! those who may not read its site.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::Timestamp;
use model::{Order, Permission, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::entries::ID_CHARS_SHOWN;
use super::problem::Problem;
use super::query::{ListQuery, json, pairs};
use super::{App, Path, blocking};
use crate::access::{Caller, Denied};
use crate::store::SavedSearch;
use crate::{clock, entropy};

/// Characters of a name, at most: what fits on a line.
const NAME_CHARS_MAX: usize = 100;

/// Bytes of a query, at most: with an address before it, what every browser and proxy takes.
const QUERY_BYTES_MAX: usize = 2_000;

/// Parameters that say where in a list somebody is and not which list it is.
const NOT_SAVED: [&str; 3] = ["cursor", "limit", "count"];

/// A saved search.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SavedSearchOut {
    id: Uuid,
    name: String,
    /// The site whose list it is; null for the list of all sites.
    #[schema(value_type = Option<String>)]
    site: Option<SiteId>,
    /// The list's parameters: the query of `GET /sites/{site}/entries` or `GET /entries`.
    query: String,
    /// Name of the credential it was made with, the only one that may change or delete it.
    owner: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Where the list is shown: a path of this server.
    url: String,
}

/// Saved searches.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SavedSearchesOut {
    data: Vec<SavedSearchOut>,
}

/// A search to save.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSearch {
    /// 1 to 100 characters; another one of the caller's on this site may not have it.
    pub(crate) name: String,
    /// The site whose list it is; null or left out for the list of all sites.
    #[schema(value_type = Option<String>)]
    pub(crate) site: Option<SiteId>,
    /// The list's parameters, without `cursor`, `limit` and `count`; 2,000 bytes at most.
    pub(crate) query: String,
}

/// What to replace in a saved search; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchChange {
    name: Option<String>,
    query: Option<String>,
}

impl From<SavedSearch> for SavedSearchOut {
    fn from(search: SavedSearch) -> Self {
        let url = address(&search);
        let SavedSearch { id, owner, site, name, query, created_at } = search;
        Self { id, name, site, query, owner, created_at, url }
    }
}

/// The caller's saved searches, by their names.
#[utoipa::path(get, path = "/searches", tag = "searches",
    responses((status = 200, body = SavedSearchesOut), (status = 401, body = Problem),
        (status = 403, body = Problem)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<SavedSearchesOut>, Problem> {
    blocking(move || {
        let own = own_searches(&app, &caller)?;
        let data = own.into_iter().map(SavedSearchOut::from).collect();
        Ok::<_, Problem>(Json(SavedSearchesOut { data }))
    })
    .await
}

/// Saves a search of a site's entries, or of the entries of all sites.
#[utoipa::path(post, path = "/searches", tag = "searches", request_body = NewSearch,
    responses((status = 201, body = SavedSearchOut), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Permission::Read)?;
    let new: NewSearch = json(body).await?;
    blocking(move || {
        let search = save_search(&app, &caller, new)?;
        Ok::<_, Problem>((StatusCode::CREATED, Json(SavedSearchOut::from(search))))
    })
    .await
}

/// A saved search, for whoever was given its id and may read its site.
#[utoipa::path(get, path = "/searches/{id}", tag = "searches", params(("id" = Uuid, Path)),
    responses((status = 200, body = SavedSearchOut), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn detail(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<SavedSearchOut>, Problem> {
    blocking(move || find_search(&app, &caller, &id).map(|search| Json(search.into()))).await
}

/// Gives a saved search of the caller's another name or query.
#[utoipa::path(put, path = "/searches/{id}", tag = "searches", params(("id" = Uuid, Path)),
    request_body = SearchChange,
    responses((status = 200, body = SavedSearchOut), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn replace(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Body,
) -> Result<Json<SavedSearchOut>, Problem> {
    caller.may(Permission::Read)?;
    let change: SearchChange = json(body).await?;
    blocking(move || {
        let mut search = own_search(&app, &caller, &id)?;
        if let Some(name) = change.name {
            search.name = checked_name(&name)?;
        }
        if let Some(query) = change.query {
            search.query = checked_query(&query)?;
        }
        app.indelible.store().put_saved_search(&search)?;
        Ok::<_, Problem>(Json(search.into()))
    })
    .await
}

/// Deletes a saved search of the caller's.
#[utoipa::path(delete, path = "/searches/{id}", tag = "searches", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    blocking(move || delete_search(&app, &caller, &id).map(|()| StatusCode::NO_CONTENT)).await
}

/// The caller's searches on sites that it may still read: a name alone does not prove that they are its own,
/// because credentials of two sites may share one. Blocks.
pub(crate) fn own_searches(app: &App, caller: &Caller) -> Result<Vec<SavedSearch>, Problem> {
    let sites = caller.scope(app.indelible.sites())?.all();
    let mut own = app.indelible.store().saved_searches(&caller.name)?;
    own.retain(|search| search.site.as_ref().is_none_or(|id| sites.iter().any(|site| site.id == *id)));
    Ok(own)
}

/// Saves a search for the caller. Blocks.
pub(crate) fn save_search(app: &App, caller: &Caller, new: NewSearch) -> Result<SavedSearch, Problem> {
    may_read(app, caller, new.site.as_ref())?;
    let search = SavedSearch {
        id: entropy::uuid_v7(clock::now_ms(), &entropy::bytes()?),
        owner: caller.name.clone(),
        site: new.site,
        name: checked_name(&new.name)?,
        query: checked_query(&new.query)?,
        created_at: clock::now(),
    };
    app.indelible.store().put_saved_search(&search)?;
    Ok(search)
}

/// The saved search with this id, if the caller may read what it is about. Blocks.
pub(crate) fn find_search(app: &App, caller: &Caller, id: &str) -> Result<SavedSearch, Problem> {
    caller.may(Permission::Read)?;
    let unknown = || {
        let id: String = id.chars().take(ID_CHARS_SHOWN).collect();
        Problem::not_found(format!("there is no saved search `{id}`"))
    };
    let wanted = Uuid::try_parse(id).map_err(|_| unknown())?;
    let search = app.indelible.store().saved_search(wanted)?.ok_or_else(unknown)?;
    match may_read(app, caller, search.site.as_ref()) {
        Ok(()) => Ok(search),
        Err(Denied::Store(error)) => Err(error.into()),
        // The answer is the same as for an id that there is not.
        Err(_) => Err(unknown()),
    }
}

/// Deletes a saved search of the caller's. Blocks.
pub(crate) fn delete_search(app: &App, caller: &Caller, id: &str) -> Result<(), Problem> {
    let search = own_search(app, caller, id)?;
    // That somebody was faster makes no difference: it is gone.
    app.indelible.store().delete_saved_search(&caller.name, search.id)?;
    Ok(())
}

/// Where the list of a saved search is shown.
pub(crate) fn address(search: &SavedSearch) -> String {
    // The characters of a site's id need no encoding.
    let list = search.site.as_ref().map_or_else(|| "/activity".to_owned(), |site| format!("/sites/{site}"));
    if search.query.is_empty() { list } else { format!("{list}?{}", search.query) }
}

/// A list's parameters in the one form in which they are kept: encoded alike, without what is empty, and
/// without what says where in the list somebody is.
pub(crate) fn list_parameters(query: &str) -> Result<String, Problem> {
    let mut given = pairs(Some(query))?;
    given.retain(|(name, value)| !value.is_empty() && !NOT_SAVED.contains(&name.as_str()));
    serde_urlencoded::to_string(given).map_err(|error| Problem::internal(&error))
}

fn own_search(app: &App, caller: &Caller, id: &str) -> Result<SavedSearch, Problem> {
    let search = find_search(app, caller, id)?;
    if search.owner != caller.name {
        let detail = "this saved search is somebody else's: only its owner may change or delete it";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    Ok(search)
}

fn may_read(app: &App, caller: &Caller, site: Option<&SiteId>) -> Result<(), Denied> {
    // A search holds no entries: whoever sees a part of a site finds that part with it.
    caller.scope(app.indelible.sites())?;
    match site {
        Some(site) => {
            caller.on_part_of_site(Permission::Read, site.as_str(), app.indelible.sites()).map(|_| ())
        }
        None => Ok(()),
    }
}

fn checked_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains(char::is_control) {
        let message = format!("must have 1 to {NAME_CHARS_MAX} characters, and no control characters");
        return Err(Problem::invalid("name", "invalid_value", message));
    }
    Ok(name.to_owned())
}

/// A query that a list takes, in the form in which it is kept.
fn checked_query(query: &str) -> Result<String, Problem> {
    let query = query.strip_prefix('?').unwrap_or(query);
    let given = pairs(Some(query)).map_err(|problem| problem.within("query"))?;
    let is_not_saved = |name: &str, value: &str| !value.is_empty() && NOT_SAVED.contains(&name);
    if let Some((name, _)) = given.iter().find(|(name, value)| is_not_saved(name, value)) {
        let message = "says where in a list somebody is, and is not saved: leave it out";
        return Err(Problem::invalid(name, "invalid_value", message).within("query"));
    }
    ListQuery::parse(Some(query), Order::NEWEST_FIRST).map_err(|problem| problem.within("query"))?;
    let kept = list_parameters(query)?;
    if kept.len() > QUERY_BYTES_MAX {
        let message = format!("has {} bytes in an address; {QUERY_BYTES_MAX} are allowed", kept.len());
        return Err(Problem::invalid("query", "too_long", message));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_kept_in_one_form() {
        for (query, kept) in [
            ("", ""),
            ("?", ""),
            ("?user=Ana%20Lima&action=&kind=update", "user=Ana+Lima&kind=update"),
            ("from=2026-11-21T00:00:00Z&limit=", "from=2026-11-21T00%3A00%3A00Z"),
            ("action=a.b&action=%C3%A9&sort=-user", "action=a.b&action=%C3%A9&sort=-user"),
        ] {
            assert_eq!(checked_query(query).unwrap(), kept);
            assert_eq!(checked_query(kept).unwrap(), kept);
        }
    }

    #[test]
    fn what_is_wrong_with_a_query_is_named() {
        for (query, field) in [
            ("colour=red", "query.colour"),
            ("name=x", "query.name"),
            ("kind=upsert", "query.kind"),
            ("from=yesterday", "query.from"),
            ("user=a&cursor=x", "query.cursor"),
            ("limit=50", "query.limit"),
            ("count=exact", "query.count"),
            (&format!("user={}", "a".repeat(QUERY_BYTES_MAX)), "query"),
        ] {
            let problem = checked_query(query).unwrap_err();
            assert_eq!(problem.errors()[0].field, field);
            assert!(problem.detail().starts_with(&format!("`{field}`: ")), "{}", problem.detail());
        }
    }
}
