//! `GET /sites/{site}/connectors`, `PUT` and `DELETE /sites/{site}/connectors/{name}`

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use model::Permission;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use super::query::json;
use super::{App, Path, blocking};
use crate::access::Caller;
use crate::hosts::Connector;

/// A connector of a site. Its secret is never shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectorOut {
    /// Its name, as entries carry it.
    name: String,
    /// Where it takes reverts.
    revert_url: Option<String>,
    /// Whether orders to it are signed.
    has_secret: bool,
}

/// The connectors of a site.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConnectorsOut {
    data: Vec<ConnectorOut>,
}

/// What to set for a connector.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewConnector {
    /// Where it takes reverts: an https address, or http within a network of your own.
    revert_url: Option<String>,
    /// What orders to it are signed with; when it is left out, the one that is set stays.
    revert_secret: Option<String>,
}

impl From<Connector> for ConnectorOut {
    fn from(connector: Connector) -> Self {
        let has_secret = connector.has_secret();
        Self { name: connector.name, revert_url: connector.revert_url, has_secret }
    }
}

/// The connectors that were set for a site, by name.
#[utoipa::path(get, path = "/sites/{site}/connectors", tag = "connectors", params(("site" = String, Path)),
    responses((status = 200, body = ConnectorsOut), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
) -> Result<Json<ConnectorsOut>, Problem> {
    blocking(move || {
        let site = caller.on_site(Permission::Configure, &site, app.indelible.sites())?.site;
        let connectors = Connector::all(app.indelible.store().as_ref(), site.log)?;
        Ok::<_, Problem>(Json(ConnectorsOut { data: connectors.into_iter().map(Into::into).collect() }))
    })
    .await
}

/// Sets where a connector takes reverts, and what orders to it are signed with.
#[utoipa::path(put, path = "/sites/{site}/connectors/{name}", tag = "connectors",
    params(("site" = String, Path), ("name" = String, Path)), request_body = NewConnector,
    responses((status = 200, body = ConnectorOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn set(
    State(app): State<App>,
    caller: Caller,
    Path((site, name)): Path<(String, String)>,
    body: Body,
) -> Result<Json<ConnectorOut>, Problem> {
    let site = caller.on_site(Permission::Configure, &site, app.indelible.sites())?.site;
    let new: NewConnector = json(body).await?;
    blocking(move || {
        let old = Connector::load(app.indelible.store().as_ref(), site.log, &name)?;
        let connector =
            Connector::new(&name, new.revert_url.as_deref(), new.revert_secret.as_deref(), old.as_ref())
                .map_err(|error| Problem::invalid(error.field, "invalid_value", error.message))?;
        app.indelible.set_connector(&site, &name, Some(&connector), &caller)?;
        Ok::<_, Problem>(Json(connector.into()))
    })
    .await
}

/// Forgets what was set for a connector. Its entries stay.
#[utoipa::path(delete, path = "/sites/{site}/connectors/{name}", tag = "connectors",
    params(("site" = String, Path), ("name" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path((site, name)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    blocking(move || {
        let site = caller.on_site(Permission::Configure, &site, app.indelible.sites())?.site;
        if Connector::load(app.indelible.store().as_ref(), site.log, &name)?.is_none() {
            return Err(Problem::not_found("nothing is set for a connector of this name"));
        }
        app.indelible.set_connector(&site, &name, None, &caller)?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
