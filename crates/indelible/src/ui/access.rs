//! `/access`: the users and tokens that the caller manages.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::{Permission, Role, SiteId};

use super::form::Form;
use super::view::{AccessPage, Time, TokenRow, UserRow, url};
use super::visit::Visit;
use crate::api::{self, App, Problem, blocking};
use crate::clock;
use crate::store::{Token, User};

pub(super) async fn access(State(app): State<App>, visit: Visit) -> Response {
    let make = move |visit: &Visit| {
        let users = api::managed_users(&app, &visit.caller)?;
        let tokens = api::managed_tokens(&app, &visit.caller)?;
        let all = app.indelible.sites().all()?;
        let governs = |id: &SiteId| {
            let asked = visit.caller.on_site(Permission::Govern, id.as_str(), app.indelible.sites());
            asked.is_ok() && !id.is_system()
        };
        let may = |role: &Role, site: Option<&SiteId>| visit.caller.may_manage_tokens(*role, site).is_ok();
        let own = visit.caller.site.as_ref();
        Ok(AccessPage {
            frame: visit.frame(&app, "Users and tokens", None, ""),
            users: users.into_iter().map(user_row).collect(),
            tokens: tokens.into_iter().map(token_row).collect(),
            roles: Role::OWN.into_iter().rev().filter(|role| may(role, own)).map(Role::as_str).collect(),
            sites: all.into_iter().map(|site| site.id).filter(governs).map(|id| id.to_string()).collect(),
            all_sites: own.is_none(),
        })
    };
    visit.page(make).await
}

pub(super) async fn add_user(State(app): State<App>, visit: Visit, body: Bytes) -> Response {
    let caller = visit.caller.clone();
    let added = blocking(move || {
        let form = Form::read(&body)?;
        let unknown = |_| Problem::not_found("there is no such site");
        let site: Option<SiteId> = Some(form.get("site"))
            .filter(|id| !id.is_empty())
            .map(str::parse)
            .transpose()
            .map_err(unknown)?;
        let role =
            form.get("role").parse().map_err(|message| Problem::invalid("role", "invalid_value", message))?;
        let (name, password) = (form.get("name").to_owned(), form.get("password").to_owned());
        api::add_user(&app, &caller, api::NewUser { name, password, role, site })
    })
    .await;
    back(&visit, added.map(|_| ()))
}

pub(super) async fn remove_user(State(app): State<App>, visit: Visit, Path(name): Path<String>) -> Response {
    let caller = visit.caller.clone();
    back(&visit, blocking(move || api::remove_user(&app, &caller, &name)).await)
}

pub(super) async fn revoke_token(State(app): State<App>, visit: Visit, Path(id): Path<String>) -> Response {
    let caller = visit.caller.clone();
    back(&visit, blocking(move || api::end_token(&app, &caller, &id)).await)
}

fn back(visit: &Visit, done: Result<(), Problem>) -> Response {
    match done {
        Ok(()) => Redirect::to(url::ACCESS).into_response(),
        Err(problem) => visit.failed(&problem),
    }
}

fn user_row(user: User) -> UserRow {
    UserRow {
        remove_href: format!("{}/users/{}/remove", url::ACCESS, url::encode(&user.name)),
        name: user.name,
        role: user.role.to_string(),
        site: site_words(user.site.as_ref()),
        created: Time::new(clock::now(), user.created_at),
    }
}

fn token_row(token: Token) -> TokenRow {
    let now = clock::now();
    let state = match (token.revoked_at, token.limits.expires_at) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(end)) if end <= now => "ended".to_owned(),
        (None, Some(end)) => format!("until {}", end.strftime("%Y-%m-%d %H:%M UTC")),
        (None, None) => "valid".to_owned(),
    };
    let works = matches!(state.as_str(), "valid") || state.starts_with("until");
    let types = token.limits.entity_types.as_ref().map(|types| types.join(", "));
    TokenRow {
        revoke_href: works.then(|| format!("{}/tokens/{}/revoke", url::ACCESS, token.id)),
        name: token.name,
        role: token.role.to_string(),
        site: site_words(token.site.as_ref()),
        limits: token.limits.filter.or(types).unwrap_or_default(),
        created: Time::new(now, token.created_at),
        used: token.used_at.map(|at| Time::new(now, at)),
        state,
    }
}

fn site_words(site: Option<&SiteId>) -> String {
    site.map_or_else(|| "all".to_owned(), SiteId::to_string)
}
