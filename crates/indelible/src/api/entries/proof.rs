//! `GET /sites/{site}/entries/{id}/proof`

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use model::Permission;
use uuid::Uuid;

use super::find_in_part;
use crate::access::Caller;
use crate::api::problem::Problem;
use crate::api::{App, Path, blocking};
use crate::receipts;
use crate::search::Found;

/// The entry's receipt: a proof, in tlog-proof form, that it is in the log that the checkpoint signs. Once the
/// umbrella log covers the entry, the receipt goes on to that.
#[utoipa::path(get, path = "/sites/{site}/entries/{id}/proof", tag = "entries",
    params(("site" = String, Path), ("id" = uuid::Uuid, Path)),
    responses((status = 200, description = "the receipt", content_type = "text/plain", body = String),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(in crate::api) async fn proof(
    State(app): State<App>,
    caller: Caller,
    Path((site, id)): Path<(String, String)>,
) -> Result<impl IntoResponse, Problem> {
    let receipt = blocking(move || {
        let part = caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        // An entry that has expired is in the log all the same.
        let expired = match (&part.only, Uuid::try_parse(&id)) {
            (None, Ok(id)) => app.indelible.search().found(&part.site, id)?.and_then(|found| match found {
                Found::Expired(_, index) => Some(index),
                Found::Entry(_) => None,
            }),
            _ => None,
        };
        let index = match expired {
            Some(index) => index,
            None => find_in_part(&app.indelible, &part, &id)?.index,
        };
        receipts::receipt(&app.indelible, &part.site, index).map_err(Problem::from)
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], receipt))
}
