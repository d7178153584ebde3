//! `GET /sites`, `POST /sites`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::Timestamp;
use model::{Permission, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;
use super::{App, blocking};
use crate::access::Caller;
use crate::store::Site;

/// A site.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SiteOut {
    /// Its id: `name` or `org.name`.
    id: String,
    /// The org it belongs to.
    org: String,
    /// Its name for people.
    name: String,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Entries in its log; null for who sees a part of them only.
    entries: Option<u64>,
}

/// The sites the caller may see.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SitesOut {
    data: Vec<SiteOut>,
}

/// A site to create.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSite {
    /// Its id: `name` or `org.name`.
    id: String,
    /// Its name for people; the id when it is left out.
    name: Option<String>,
}

impl SiteOut {
    fn new(site: Site, entries: Option<u64>) -> Self {
        Self {
            org: site.id.org().to_owned(),
            id: site.id.into(),
            name: site.name,
            created_at: site.created_at,
            entries,
        }
    }
}

/// The sites the caller may see.
#[utoipa::path(get, path = "/sites", tag = "sites",
    responses((status = 200, body = SitesOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<SitesOut>, Problem> {
    blocking(move || {
        let scope = caller.scope(app.indelible.sites())?;
        let published = app.indelible.published();
        let is_whole = |site: &Site| scope.sites.iter().any(|whole| whole.log == site.log);
        let size = |site: Site| {
            let entries = if is_whole(&site) { Some(published.size(site.log)?) } else { None };
            Ok(SiteOut::new(site, entries))
        };
        let data = scope.all().into_iter().map(size).collect::<Result<_, Problem>>()?;
        Ok::<_, Problem>(Json(SitesOut { data }))
    })
    .await
}

/// Creates a site with an empty log.
#[utoipa::path(post, path = "/sites", tag = "sites", request_body = NewSite,
    responses((status = 201, body = SiteOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    body: axum::body::Body,
) -> Result<impl IntoResponse, Problem> {
    caller.anywhere(Permission::CreateSites)?;
    let new: NewSite = super::query::json(body).await?;
    let id: SiteId = new
        .id
        .parse()
        .map_err(|error: model::NameError| Problem::invalid("id", "invalid_value", error.to_string()))?;
    let name = new.name.unwrap_or_else(|| id.to_string());
    super::query::check_name(&name)?;
    blocking(move || {
        let site = app.indelible.create_site(id, &name, &caller)?;
        Ok::<_, Problem>((StatusCode::CREATED, Json(SiteOut::new(site, Some(0)))))
    })
    .await
}
