//! `GET /sites/{site}/entries/{id}`

use axum::Json;
use axum::extract::State;
use model::{Entry, Permission};

use super::find;
use crate::Indelible;
use crate::access::Caller;
use crate::api::form::EntryDetail;
use crate::api::problem::Problem;
use crate::api::{App, Path, blocking};
use crate::revert::{self, RevertError};
use crate::store::{Site, StoreError};

/// One entry with its states before and after, what changed, and how it is proven.
#[utoipa::path(get, path = "/sites/{site}/entries/{id}", tag = "entries",
    params(("site" = String, Path), ("id" = uuid::Uuid, Path)),
    responses((status = 200, body = EntryDetail), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(in crate::api) async fn detail(
    State(app): State<App>,
    caller: Caller,
    Path((site, id)): Path<(String, String)>,
) -> Result<Json<EntryDetail>, Problem> {
    blocking(move || {
        let site = caller.on_site(Permission::Read, &site, app.indelible.sites())?.site;
        let entry = find(&app.indelible, &site, &id)?;
        entry_detail(&app.indelible, &site, entry).map(Json)
    })
    .await
}

/// An entry with everything that is known of it.
pub(crate) fn entry_detail(indelible: &Indelible, site: &Site, entry: Entry) -> Result<EntryDetail, Problem> {
    let size = indelible.published().size(site.log)?;
    let sites = std::slice::from_ref(site);
    let search = indelible.search();
    let hash =
        crate::search::leaf_hashes(indelible.store().as_ref(), sites, std::slice::from_ref(&entry))?.pop();
    let hash = hash.ok_or_else(|| Problem::internal(&"an entry without a leaf hash"))?;
    let reverted_by = search.reverted_by(sites, std::slice::from_ref(&entry))?.pop().flatten();
    let revert = match revert::check(indelible, site, &entry) {
        Ok(_) => Ok(()),
        Err(RevertError::Impossible(why)) => Err(why),
        Err(error) => return Err(error.into()),
    };
    Ok(EntryDetail::new(entry, hash, size, reverted_by, revert))
}

/// An entry as a list shows it, as JSON on one line.
pub(crate) fn entry_json(indelible: &Indelible, site: &Site, entry: Entry) -> Result<String, StoreError> {
    let shown = super::shown(indelible, std::slice::from_ref(site), vec![entry])?;
    let entry = shown.first().and_then(|entry| serde_json::to_string(entry).ok());
    entry.ok_or_else(|| StoreError::Corrupt("an entry that cannot be written as JSON".to_owned()))
}
