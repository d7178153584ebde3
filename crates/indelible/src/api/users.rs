//! `GET /users`, `POST /users`, `PUT /users/{name}`, `DELETE /users/{name}`

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::Timestamp;
use model::{Permission, Role, SiteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::entries::ID_CHARS_SHOWN;
use super::problem::Problem;
use super::{App, Path, blocking};
use crate::access::{BadUser, Caller, new_user, user_name, with_password};
use crate::store::User;

/// Somebody who signs in with a password, which is not shown.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserOut {
    name: String,
    #[schema(value_type = String)]
    role: Role,
    /// The site it is for; null for every site its role reaches.
    #[schema(value_type = Option<String>)]
    site: Option<SiteId>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When its password, role or site was last set.
    #[schema(value_type = String, format = DateTime)]
    changed_at: Timestamp,
}

/// The users the caller may manage.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UsersOut {
    data: Vec<UserOut>,
}

/// A user to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// 1 to 100 of the characters a-z, 0-9, `.`, `_`, `-`, `+` and `@`.
    pub(crate) name: String,
    /// At least 12 characters.
    pub(crate) password: String,
    #[schema(value_type = String)]
    pub(crate) role: Role,
    #[schema(value_type = Option<String>)]
    pub(crate) site: Option<SiteId>,
}

/// Another password for a user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    password: String,
}

impl From<User> for UserOut {
    fn from(user: User) -> Self {
        let User { name, role, site, created_at, changed_at, .. } = user;
        Self { name, role, site, created_at, changed_at }
    }
}

impl From<BadUser> for Problem {
    fn from(bad: BadUser) -> Self {
        match bad {
            BadUser::Entropy(error) => error.into(),
            bad @ (BadUser::Name | BadUser::Password(_)) => {
                Self::invalid(bad.field(), "invalid_value", bad.to_string())
            }
        }
    }
}

/// The users the caller may manage, by name.
#[utoipa::path(get, path = "/users", tag = "users",
    responses((status = 200, body = UsersOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<UsersOut>, Problem> {
    caller.may(Permission::Govern)?;
    blocking(move || {
        let users = managed_users(&app, &caller)?;
        Ok::<_, Problem>(Json(UsersOut { data: users.into_iter().map(UserOut::from).collect() }))
    })
    .await
}

/// Adds somebody who signs in with a name and a password.
#[utoipa::path(post, path = "/users", tag = "users", request_body = NewUser,
    responses((status = 201, body = UserOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    caller.may(Permission::Govern)?;
    let new: NewUser = super::query::json(body).await?;
    blocking(move || {
        let user = add_user(&app, &caller, new)?;
        Ok::<_, Problem>((StatusCode::CREATED, Json(UserOut::from(user))))
    })
    .await
}

/// Sets another password for a user. Its sessions end.
#[utoipa::path(put, path = "/users/{name}", tag = "users", params(("name" = String, Path)),
    request_body = NewPassword,
    responses((status = 200, body = UserOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    body: Body,
) -> Result<Json<UserOut>, Problem> {
    caller.may(Permission::Govern)?;
    let new: NewPassword = super::query::json(body).await?;
    blocking(move || {
        let user = managed_user(&app, &caller, &name)?;
        let user = with_password(&user, &new.password)?;
        app.indelible.change_user(&user, &caller)?;
        Ok::<_, Problem>(Json(user.into()))
    })
    .await
}

/// Removes a user. Its sessions end.
#[utoipa::path(delete, path = "/users/{name}", tag = "users", params(("name" = String, Path)),
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.may(Permission::Govern)?;
    blocking(move || remove_user(&app, &caller, &name).map(|()| StatusCode::NO_CONTENT)).await
}

/// The users that the caller may manage, by name. Blocks.
pub(crate) fn managed_users(app: &App, caller: &Caller) -> Result<Vec<User>, Problem> {
    caller.may(Permission::Govern)?;
    let may = |user: &User| caller.may_manage_tokens(user.role, user.site.as_ref()).is_ok();
    Ok(app.indelible.store().users()?.into_iter().filter(may).collect())
}

/// Adds a user. Blocks.
pub(crate) fn add_user(app: &App, caller: &Caller, new: NewUser) -> Result<User, Problem> {
    if let Some(site) = &new.site {
        caller.on_site(Permission::Govern, site.as_str(), app.indelible.sites())?;
    }
    caller.may_manage_tokens(new.role, new.site.as_ref())?;
    let user = new_user(&new.name, &new.password, new.role, new.site)?;
    app.indelible.add_user(&user, caller)?;
    Ok(user)
}

/// Removes a user. Blocks.
pub(crate) fn remove_user(app: &App, caller: &Caller, name: &str) -> Result<(), Problem> {
    let user = managed_user(app, caller, name)?;
    Ok(app.indelible.remove_user(&user, caller)?)
}

fn managed_user(app: &App, caller: &Caller, name: &str) -> Result<User, Problem> {
    caller.may(Permission::Govern)?;
    let unknown = || {
        let name: String = name.chars().take(ID_CHARS_SHOWN).collect();
        Problem::not_found(format!("there is no user `{name}`"))
    };
    let user = app.indelible.store().user(&user_name(name))?.ok_or_else(unknown)?;
    caller.may_manage_tokens(user.role, user.site.as_ref()).map_err(|_| unknown())?;
    Ok(user)
}
