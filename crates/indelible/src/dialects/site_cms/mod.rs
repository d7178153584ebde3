//! The audit API of a multi-site CMS, under `/api/v1`.
//!
//! | route | answers | takes |
//! |---|---|---|
//! | `GET /sites/{site}/audit` | a page of entries | `Read` on the site |
//! | `GET /sites/{site}/audit/ai-usage` | how often the CMS' AI was used | `Read` on the site |
//! | `GET /audit/entity/{type}/{id}` | the entries of an entity | `Read`, on each site |
//! | `GET /audit/history/{type}/{id}` | its changes, field by field | `Read`, on each site |
//! | `POST /audit/history/revert` | puts fields back | `Revert` on the entity's site |
//! | `GET /audit/user/{user}` | a page of somebody's entries | `Read`, on each site |
//!
//! The settings of a site are our own route, which is the same.

mod action;
mod asked;
mod caller;
mod change;
mod entity;
mod item;
mod list;
mod problem;
mod revert;

use axum::Router;
use axum::routing::{get, post};

use crate::api::App;

/// The dialect's routes, to be mounted at the root of an application.
pub fn router() -> Router<App> {
    Router::new()
        .route("/api/v1/sites/{site}/audit", get(list::of_site))
        .route("/api/v1/sites/{site}/audit/ai-usage", get(list::ai_usage))
        .route("/api/v1/audit/entity/{type}/{id}", get(entity::entries))
        .route("/api/v1/audit/history/{type}/{id}", get(entity::changes))
        .route("/api/v1/audit/history/revert", post(revert::revert))
        .route("/api/v1/audit/user/{user}", get(list::of_user))
        .method_not_allowed_fallback(|| async { problem::Problem::method_not_allowed() })
}
