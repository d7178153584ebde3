//! `POST /viewer-tokens`

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::Timestamp;
use model::{Permission, Role, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::problem::Problem;
use super::{App, blocking};
use crate::access::{Caller, new_token};
use crate::clock;
use crate::store::TokenLimits;

/// How long a viewer token works, if nothing else is asked for.
const USUAL_SECONDS: u32 = 3_600;

/// How long a viewer token works, at most: it stands in the address of a frame.
const LONGEST_SECONDS: u32 = 86_400;

/// A viewer token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewViewerToken {
    #[schema(value_type = String)]
    site: SiteId,
    /// It shows only what this filter finds; everything of the site when left out.
    filter: Option<String>,
    /// It shows only these: `time`, `actor`, `action`, `entity`, `summary`, `changed`. The token works for `/embed`
    /// alone then.
    fields: Option<Vec<String>>,
    /// Seconds after which it ends: 1 to 86,400; an hour when left out.
    expires_in: Option<u32>,
}

/// A viewer token just made: the only answer that has its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedViewerToken {
    id: Uuid,
    /// The secret. It is not shown again.
    token: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// The address for a frame.
    url: String,
}

/// Makes a short-lived token that shows a part of a site's log, for `/embed` in a page of yours. `DELETE
/// /tokens/{id}` ends it earlier.
#[utoipa::path(post, path = "/viewer-tokens", tag = "tokens", request_body = NewViewerToken,
    responses((status = 201, body = CreatedViewerToken), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: axum::http::HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Permission::Govern)?;
    let new: NewViewerToken = super::query::json(body).await?;
    let seconds = new.expires_in.unwrap_or(USUAL_SECONDS);
    if seconds == 0 || seconds > LONGEST_SECONDS {
        return Err(Problem::invalid(
            "expires_in",
            "invalid_value",
            format!("must be 1 to {LONGEST_SECONDS}"),
        ));
    }
    let base = app.public_url(&headers);
    blocking(move || {
        caller.on_site(Permission::Govern, new.site.as_str(), app.indelible.sites())?;
        caller.may_manage_tokens(Role::Auditor, Some(&new.site))?;
        let expires_at = clock::now() + Duration::from_secs(seconds.into());
        let limits = TokenLimits {
            filter: new.filter,
            fields: new.fields,
            viewer: true,
            expires_at: Some(expires_at),
            ..TokenLimits::default()
        };
        let made = new_token(&format!("viewer of {}", new.site), Role::Auditor, Some(new.site))?
            .limited(limits)
            .map_err(|bad| Problem::invalid(bad.field, "invalid_value", bad.message))?;
        app.indelible.create_token(&made.token, &caller)?;
        let token = made.secret.reveal().to_owned();
        let url = format!("{base}/embed?token={token}");
        let created = CreatedViewerToken { id: made.token.id, token, expires_at, url };
        Ok::<_, Problem>((StatusCode::CREATED, Json(created)))
    })
    .await
}
