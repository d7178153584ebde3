//! `GET /sites/{site}/settings`, `PUT /sites/{site}/settings`

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use jiff::Timestamp;
use model::{Permission, Retention};
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::query::json;
use super::{App, Path, blocking};
use crate::access::Caller;
use crate::removal::Policy;
use crate::settings::{RequireReason, SiteSettings};
use crate::store::StoreError;
use crate::{Indelible, clock};

/// The settings of a site.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingsOut {
    /// Which entries must say why: false, true (every creation, update and deletion by a person), or a filter.
    /// Unless it is false, reverts must say why too.
    #[schema(value_type = Object)]
    require_reason: RequireReason,
    /// Fields whose values are never stored, beside the built-in ones: names, or paths with dots.
    mask_fields: Vec<String>,
    /// Fields whose changes say little and are folded away on pages: names, or JSON pointers. `null` puts back the
    /// default list.
    noise_fields: Vec<String>,
    /// Whether anybody may read the log's checkpoint, tiles and leaves under `/logs/{site}`, which name nobody.
    public_log: bool,
    /// Whether only super admins read the site. Whoever may append or configure still does.
    network_only: bool,
    /// What a role sees of the site: only entries that the role's filter finds. An owner's to set.
    visibility: BTreeMap<String, String>,
    /// How many days content is kept: a number, `"forever"`, or `null` where the default of all sites holds.
    #[schema(value_type = Object)]
    audit_log_retention_days: Option<Retention>,
    /// What is in force: differs for a day after a value was lowered.
    retention: RetentionOut,
    /// Whether nothing may be removed, neither by erasure nor by expiry. An owner's to set.
    hold: bool,
}

/// How long content is kept.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RetentionOut {
    /// Days, or `"forever"`.
    #[schema(value_type = Object)]
    effective: Retention,
    /// `site` for a value of its own, `system` for the default of all sites.
    source: &'static str,
    /// Until when a longer retention goes on to hold after it was lowered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    lowered_until: Option<Timestamp>,
}

impl SettingsOut {
    fn new(settings: SiteSettings, indelible: &Indelible) -> Result<Self, StoreError> {
        let now = clock::now();
        let Policy { retention_days: effective, source, .. } =
            Policy::of(&settings, indelible.retention(now)?, now);
        let noise_fields = settings.noise_fields();
        let SiteSettings {
            require_reason,
            mask_fields,
            noise_fields: _,
            public_log,
            network_only,
            visibility,
            audit_log_retention_days: own,
            hold,
        } = settings;
        let lowered_until = own.lowered.map(|lowered| lowered.until).filter(|until| now < *until);
        let retention = RetentionOut { effective, source: source.as_str(), lowered_until };
        Ok(Self {
            require_reason,
            mask_fields,
            noise_fields,
            public_log,
            network_only,
            visibility,
            audit_log_retention_days: own.value,
            retention,
            hold,
        })
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
        Ok::<_, Problem>(Json(SettingsOut::new(settings, &app.indelible)?))
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
        Ok::<_, Problem>(Json(SettingsOut::new(settings, &app.indelible)?))
    })
    .await
}
