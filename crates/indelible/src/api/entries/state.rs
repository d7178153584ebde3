//! `GET /sites/{site}/entities/{type}/{id}/state`

use axum::Json;
use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use model::state::{Source, Unknown};
use model::{Entity, Permission};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::sees_whole_entity;
use crate::access::Caller;
use crate::api::problem::Problem;
use crate::api::{App, Path, blocking, query};
use crate::clock;

/// The state of an entity at a time, as the log tells it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct StateOut {
    /// The site.
    site: String,
    /// The entity as its last entry until then names it.
    #[schema(value_type = Object)]
    entity: Entity,
    /// The time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Whether it was there; null where no entry tells.
    exists: Option<bool>,
    /// Its fields; null where it was not there, or nothing is known of them.
    #[schema(value_type = Option<Object>)]
    state: Option<Box<RawValue>>,
    /// Whether these are all of its fields and nothing is in doubt, as far as the entries say.
    complete: bool,
    /// The entries that this rests on, the newest first, each with the fields that come from it.
    #[schema(value_type = Vec<Object>)]
    rests_on: Vec<Source>,
    /// What is not known, or not certain: a place and why.
    #[schema(value_type = Vec<Object>)]
    unknown: Vec<Unknown>,
}

/// The state of an entity at a time, with the entries it rests on and what is not known of it.
#[utoipa::path(get, path = "/sites/{site}/entities/{type}/{id}/state", tag = "entities",
    params(("site" = String, Path), ("type" = String, Path), ("id" = String, Path),
        ("at" = Option<String>, Query, description = "RFC 3339; now, when it is left out")),
    responses((status = 200, body = StateOut), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(in crate::api) async fn state(
    State(app): State<App>,
    caller: Caller,
    Path((site, entity_type, entity_id)): Path<(String, String, String)>,
    RawQuery(raw_query): RawQuery,
) -> Result<Json<StateOut>, Problem> {
    let mut at = None;
    for (name, value) in query::pairs(raw_query.as_deref())? {
        match name.as_str() {
            "at" if at.is_some() => {
                return Err(Problem::invalid("at", "invalid_value", "is given more than once"));
            }
            "at" => at = Some(query::time("at", &value)?),
            other => {
                let message = "not a parameter of this route: only `at` is";
                return Err(Problem::invalid(other, "unknown_parameter", message));
            }
        }
    }
    blocking(move || {
        let part = caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
        sees_whole_entity(&app.indelible, &part, Permission::Read, &entity_type, &entity_id)?;
        let site = part.site;
        let found = app.indelible.search().state(&site, &entity_type, &entity_id, at)?;
        let (entity, state) = found.ok_or_else(|| Problem::not_found("this entity has no entries"))?;
        Ok::<_, Problem>(Json(StateOut {
            site: site.id.to_string(),
            entity,
            at: at.unwrap_or_else(clock::now),
            exists: state.exists,
            state: state.state,
            complete: state.complete,
            rests_on: state.rests_on,
            unknown: state.unknown,
        }))
    })
    .await
}
