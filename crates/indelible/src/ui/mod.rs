//! The web screens: server-rendered HTML, one file per page.
//!
//! Handlers here call what the API's handlers call, fill the plain structs of [`view`] and render them.
//! Nothing is read without the caller's [`Scope`](crate::access::Scope) or [`Grant`](crate::access::Grant).

pub mod view;

mod assets;
mod visit;

mod columns;
mod counts;
mod form;
mod pulse;
mod shape;
mod table;

mod access;
mod account;
mod activity;
mod actor;
mod connectors;
mod embed;
mod endpoints;
mod entry;
mod find;
mod history;
mod integrity;
mod oidc;
mod revert;
mod searches;
mod settings;
mod sign_in;
mod sites;

use axum::Router;
use axum::routing::{get, post};

use crate::api::App;

/// The screens' routes, to be mounted at the root of an application. What is no route is a page that says so.
pub fn router() -> Router<App> {
    Router::new()
        .route("/", get(sites::sites))
        .route("/activity", get(activity::everywhere))
        .route("/sites/{site}", get(activity::of_site))
        .route("/sites/{site}/entries/{id}", get(entry::entry))
        .route("/sites/{site}/entries/{id}/revert", get(revert::preview).post(revert::carry_out))
        .route("/sites/{site}/entities/{type}/{id}", get(history::history))
        .route("/sites/{site}/integrity", get(integrity::integrity))
        .route("/sites/{site}/actors/{type}/{id}", get(actor::actor))
        .route("/sites/{site}/connectors", get(connectors::connectors))
        .route("/sites/{site}/settings", get(settings::show).post(settings::save))
        .route("/sites/{site}/retention", get(settings::moved))
        .route("/embed", get(embed::embed))
        .route("/columns", post(table::choose))
        .route("/find", get(find::find))
        .route("/searches", post(searches::save))
        .route("/searches/{id}", get(searches::open))
        .route("/searches/{id}/delete", post(searches::delete))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-in/oidc", get(oidc::begin))
        .route("/sign-in/oidc/callback", get(oidc::finish))
        .route("/account", get(account::account))
        .route("/account/password", post(account::change_password))
        .route("/account/sign-out-everywhere", post(account::sign_out_everywhere))
        .route("/access", get(access::access))
        .route("/access/users", post(access::add_user))
        .route("/access/users/{name}/remove", post(access::remove_user))
        .route("/access/tokens/{id}/revoke", post(access::revoke_token))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/assets/{file}", get(assets::serve))
        .fallback(visit::nothing_here)
}
