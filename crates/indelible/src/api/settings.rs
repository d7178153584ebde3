//! `GET /sites/{site}/settings`, `PUT /sites/{site}/settings`

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use model::Permission;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::query::json;
use super::{App, Path, blocking};
use crate::access::Caller;
use crate::settings::{RequireReason, SiteSettings};

/// The settings of a site.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingsOut {
    /// Which entries must say why: false, true (every creation, update and deletion by a person), or a filter.
    /// Unless it is false, reverts must say why too.
    #[schema(value_type = Object)]
    require_reason: RequireReason,
    /// Fields whose values are never stored, beside the built-in ones: names, or paths with dots.
    mask_fields: Vec<String>,
    /// Whether anybody may read the log's checkpoint, tiles and leaves under `/logs/{site}`, which name nobody.
    public_log: bool,
    /// Whether only super admins read the site. Whoever may append or configure still does.
    network_only: bool,
}

impl From<SiteSettings> for SettingsOut {
    fn from(settings: SiteSettings) -> Self {
        let SiteSettings { require_reason, mask_fields, public_log, network_only } = settings;
        Self { require_reason, mask_fields, public_log, network_only }
    }
}

/// The settings of a site, those that were never set by their defaults.
#[utoipa::path(get, path = "/sites/{site}/settings", tag = "settings", params(("site" = String, Path)),
    responses((status = 200, body = SettingsOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn read(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
) -> Result<Json<SettingsOut>, Problem> {
    blocking(move || {
        let site = caller.on_site(Permission::Configure, &site, app.indelible.sites())?.site;
        let settings = SiteSettings::load(app.indelible.store().as_ref(), site.log)?;
        Ok::<_, Problem>(Json(settings.into()))
    })
    .await
}

/// Sets the given keys and leaves the others; `null` puts back a default. Answers all.
#[utoipa::path(put, path = "/sites/{site}/settings", tag = "settings", params(("site" = String, Path)),
    request_body = Object,
    responses((status = 200, body = SettingsOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
    body: Body,
) -> Result<Json<SettingsOut>, Problem> {
    let site = caller.on_site(Permission::Configure, &site, app.indelible.sites())?.site;
    let changes: serde_json::Map<String, serde_json::Value> = json(body).await?;
    blocking(move || {
        let settings = app.indelible.change_settings(&site, &changes, &caller)?;
        Ok::<_, Problem>(Json(settings.into()))
    })
    .await
}
