//! `GET /tokens`, `POST /tokens`, `DELETE /tokens/{id}`

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

use super::entries::ID_CHARS_SHOWN;
use super::problem::Problem;
use super::{App, Path, blocking};
use crate::access::{Caller, new_token};
use crate::clock;
use crate::store::{Token, TokenLimits};

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokenOut {
    id: Uuid,
    /// Its name: the `source` of the entries it sends.
    name: String,
    /// `super_admin`, `owner`, `admin`, `auditor`, `writer`, or a role name of the AEM audit log API.
    #[schema(value_type = String)]
    role: Role,
    /// The site it is for; null for every site its role reaches.
    #[schema(value_type = Option<String>)]
    site: Option<SiteId>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked_at: Option<Timestamp>,
    /// When it was last used, to the minute; null for never.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    /// When it ends by itself; null for never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// It reads only what this filter finds; null for everything its role may.
    filter: Option<String>,
    /// It sends only entries about entities of these types; null for all.
    entity_types: Option<Vec<String>>,
}

/// The tokens the caller may manage.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TokensOut {
    data: Vec<TokenOut>,
}

/// A token to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    name: String,
    #[schema(value_type = String)]
    role: Role,
    #[schema(value_type = Option<String>)]
    site: Option<SiteId>,
    /// For the role auditor: it reads only what this filter finds.
    filter: Option<String>,
    /// For the role writer: it sends only entries about entities of these types.
    entity_types: Option<Vec<String>>,
    /// Seconds after which it ends by itself.
    expires_in: Option<u32>,
}

/// A token just made: the only answer that has its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CreatedToken {
    #[serde(flatten)]
    token: TokenOut,
    /// The secret. It is not shown again.
    #[serde(rename = "token")]
    secret: String,
}

impl From<Token> for TokenOut {
    fn from(token: Token) -> Self {
        Self {
            id: token.id,
            name: token.name,
            role: token.role,
            site: token.site,
            created_at: token.created_at,
            revoked_at: token.revoked_at,
            last_used_at: token.used_at,
            expires_at: token.limits.expires_at,
            filter: token.limits.filter,
            entity_types: token.limits.entity_types,
        }
    }
}

/// The tokens the caller may manage, the newest first.
#[utoipa::path(get, path = "/tokens", tag = "tokens",
    responses((status = 200, body = TokensOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<TokensOut>, Problem> {
    caller.may(Permission::Govern)?;
    blocking(move || {
        let own = managed_tokens(&app, &caller)?;
        Ok::<_, Problem>(Json(TokensOut { data: own.into_iter().map(TokenOut::from).collect() }))
    })
    .await
}

/// Makes a token. Its secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken,
    responses((status = 201, body = CreatedToken), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Permission::Govern)?;
    let new: NewToken = super::query::json(body).await?;
    super::query::check_name(&new.name)?;
    blocking(move || {
        if let Some(site) = &new.site {
            caller.on_site(Permission::Govern, site.as_str(), app.indelible.sites())?;
        }
        caller.may_manage_tokens(new.role, new.site.as_ref())?;
        let lifetime = new.expires_in.map(|seconds| Duration::from_secs(seconds.into()));
        let limits = TokenLimits {
            filter: new.filter,
            entity_types: new.entity_types,
            fields: None,
            viewer: false,
            expires_at: lifetime.map(|lifetime| clock::now() + lifetime),
        };
        let made = new_token(&new.name, new.role, new.site)?
            .limited(limits)
            .map_err(|bad| Problem::invalid(bad.field, "invalid_value", bad.message))?;
        app.indelible.create_token(&made.token, &caller)?;
        let secret = made.secret.reveal().to_owned();
        let created = CreatedToken { token: made.token.into(), secret };
        Ok::<_, Problem>((StatusCode::CREATED, Json(created)))
    })
    .await
}

/// Ends a token, at once and for ever.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(("id" = Uuid, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn revoke(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Permission::Govern)?;
    blocking(move || end_token(&app, &caller, &id).map(|()| StatusCode::NO_CONTENT)).await
}

/// The tokens that the caller may manage, the newest first. Blocks.
pub(crate) fn managed_tokens(app: &App, caller: &Caller) -> Result<Vec<Token>, Problem> {
    caller.may(Permission::Govern)?;
    let may = |token: &Token| caller.may_manage_tokens(token.role, token.site.as_ref()).is_ok();
    Ok(app.indelible.store().tokens()?.into_iter().filter(may).collect())
}

/// Ends a token. Blocks.
pub(crate) fn end_token(app: &App, caller: &Caller, id: &str) -> Result<(), Problem> {
    caller.may(Permission::Govern)?;
    let unknown = || {
        let id: String = id.chars().take(ID_CHARS_SHOWN).collect();
        Problem::not_found(format!("there is no token `{id}`"))
    };
    let wanted = Uuid::try_parse(id).map_err(|_| unknown())?;
    let token = app.indelible.store().tokens()?.into_iter().find(|token| token.id == wanted);
    let token = token.ok_or_else(unknown)?;
    caller.may_manage_tokens(token.role, token.site.as_ref()).map_err(|_| unknown())?;
    if token.revoked_at.is_none() {
        app.indelible.revoke_token(&token, caller)?;
    }
    Ok(())
}
