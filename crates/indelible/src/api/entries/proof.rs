//! `GET /sites/{site}/entries/{id}/proof`

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use model::Permission;
use tlog::Receipt;

use super::find_in_part;
use crate::access::Caller;
use crate::api::problem::Problem;
use crate::api::{App, Path, blocking};
use crate::journal::stored_nodes;

/// The entry's receipt: a proof, in tlog-proof form, that it is in the log that the checkpoint signs.
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
        let entry = find_in_part(&app.indelible, &part, &id)?;
        let site = part.site;
        let unknown = || Problem::internal(&"a published entry has no signed head");
        let signed = app.indelible.published().head(site.log)?.ok_or_else(unknown)?;
        let nodes = stored_nodes(app.indelible.store().as_ref(), site.log, signed.head.size, &[]);
        let proof = tlog::inclusion_proof(&nodes, entry.index, signed.head.size)
            .map_err(|error| Problem::internal(&error))?;
        Receipt::new(entry.index, proof, signed.checkpoint.as_str())
            .map_err(|error| Problem::internal(&error))
            .map(|receipt| receipt.to_string())
    })
    .await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], receipt))
}
