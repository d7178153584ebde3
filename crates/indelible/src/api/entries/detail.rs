//! `GET /sites/{site}/entries/{id}`

use axum::Json;
use axum::extract::State;
use model::{Entry, Permission};

use super::{find_in_part, reverted_by};
use crate::Indelible;
use crate::access::{Caller, Part, Parts};
use crate::api::form::EntryDetail;
use crate::api::problem::Problem;
use crate::api::{App, Path, blocking};
use crate::removal::{self, Verdict};
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
        let part = caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        let entry = find_in_part(&app.indelible, &part, &id)?;
        detail_in_part(&app.indelible, part, entry).map(Json)
    })
    .await
}

/// An entry with everything that is known of it.
pub(crate) fn entry_detail(indelible: &Indelible, site: &Site, entry: Entry) -> Result<EntryDetail, Problem> {
    detail_in_part(indelible, Part { site: site.clone(), only: None, entity_types: None }, entry)
}

/// The same for a caller who may read a part of the log: nothing of it follows from what is outside.
pub(crate) fn detail_in_part(
    indelible: &Indelible,
    part: Part,
    entry: Entry,
) -> Result<EntryDetail, Problem> {
    let is_limited = part.only.is_some();
    let site = &part.site.clone();
    let parts = Parts::from(part);
    let size = indelible.published().size(site.log)?;
    let entries = std::slice::from_ref(&entry);
    let hash = crate::search::leaf_hashes(indelible.store().as_ref(), &parts.sites, entries)?.pop();
    let hash = hash.ok_or_else(|| Problem::internal(&"an entry without a leaf hash"))?;
    let mut verdict = removal::verdict(indelible, site, entry.index)?;
    if is_limited && matches!(verdict, Verdict::Erased(_)) {
        // Which entries tell of it is not in the part.
        verdict = Verdict::Erased(Vec::new());
    }
    let reverted_by = reverted_by(indelible, &parts, entries)?.pop().flatten();
    if is_limited {
        // Whether it can be reverted depends on other entries.
        let why = "only a part of this log is yours to see: a preview of the revert tells".to_owned();
        return Ok(EntryDetail::new(entry, hash, size, reverted_by, Err(why), &verdict));
    }
    let checked = match reverted_by {
        Some(_) => revert::check_again(indelible, site, &entry),
        None => revert::check(indelible, site, &entry).map(drop),
    };
    let revert = match checked {
        Ok(()) => Ok(()),
        Err(RevertError::Impossible(why)) => Err(why),
        Err(error) => return Err(error.into()),
    };
    Ok(EntryDetail::new(entry, hash, size, reverted_by, revert, &verdict))
}

/// An entry as a list shows it, as JSON on one line.
pub(crate) fn entry_json(indelible: &Indelible, site: &Site, entry: Entry) -> Result<String, StoreError> {
    let shown = super::shown(indelible, &Parts::from(site.clone()), vec![entry])?;
    let entry = shown.first().and_then(|entry| serde_json::to_string(entry).ok());
    entry.ok_or_else(|| StoreError::Corrupt("an entry that cannot be written as JSON".to_owned()))
}
