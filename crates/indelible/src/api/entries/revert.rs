//! `POST /sites/{site}/entries/{id}/revert`

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::revert::Restored;
use model::{Entity, Permission};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::detail::detail_in_part;
use super::{find, find_revertible};
use crate::access::Caller;
use crate::api::form::EntryDetail;
use crate::api::problem::Problem;
use crate::api::{App, Path, blocking, query};
use crate::revert::{self, Plan};

/// How to take an entry back.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct RevertRequest {
    /// Why; some sites ask for it.
    pub(in crate::api) reason: Option<String>,
    /// Fields that were changed since and are to be put back all the same, as JSON pointers.
    #[serde(default)]
    pub(in crate::api) overwrite: Vec<String>,
}

/// What taking an entry back would do.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct PlanOut {
    /// What it was done to.
    #[schema(value_type = Object)]
    entity: Entity,
    /// The fields that would be put back: path, what the entry left there, what is there now (`from`), what is put back
    /// (`to`), and `standing`: `unchanged`, `already_back`, `conflict` or `unknown`.
    #[schema(value_type = Vec<Object>)]
    fields: Vec<Restored>,
    /// The fields that were changed since, as JSON pointers. They are refused unless `overwrite` names them.
    conflicts: Vec<String>,
    /// Whether the site asks for a reason.
    reason_required: bool,
    /// What the host would be asked to set, by JSON pointer; without conflicts.
    #[schema(value_type = Object)]
    set: BTreeMap<String, Box<RawValue>>,
    /// What it would be asked to remove, as JSON pointers.
    remove: Vec<String>,
}

/// Takes an entry back: its connector's host puts the entity's fields back, and an entry of its own tells of it.
/// With `?preview=true` nothing is done, and the plan is answered.
#[utoipa::path(post, path = "/sites/{site}/entries/{id}/revert", tag = "entries",
    params(("site" = String, Path), ("id" = uuid::Uuid, Path),
        ("preview" = Option<bool>, Query, description = "only show what would be done")),
    request_body = RevertRequest,
    responses((status = 201, description = "the entry that tells of it", body = EntryDetail),
        (status = 200, description = "the plan", body = PlanOut), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "fields were changed since", body = Problem),
        (status = 422, description = "it cannot be reverted, and why", body = Problem),
        (status = 502, description = "the host failed; nothing is logged as reverted", body = Problem),
        (status = 504, description = "the host did not answer in time", body = Problem)))]
pub(in crate::api) async fn revert(
    State(app): State<App>,
    caller: Caller,
    Path((site, id)): Path<(String, String)>,
    RawQuery(raw_query): RawQuery,
    body: Body,
) -> Result<Response, Problem> {
    let is_preview = preview(raw_query.as_deref())?;
    let site = caller.on_part_of_site(Permission::Revert, &site, app.indelible.sites())?.site;
    let request: RevertRequest = query::json_or_nothing(body).await?;
    let (indelible, by) = (app.indelible.clone(), caller.clone());
    let (part, plan) = blocking(move || {
        let (part, entry) = find_revertible(&indelible, &by, site.id.as_str(), &id)?;
        let plan = revert::plan(&indelible, &part.site, entry)?;
        Ok::<_, Problem>((part, plan))
    })
    .await?;
    if is_preview {
        return Ok(Json(PlanOut::new(plan, &caller, &request)).into_response());
    }
    let order = plan.order(&caller, request.reason.as_deref(), &request.overwrite)?;
    let reverting = plan.carry_out(&app.indelible, &caller, &order).await?;
    let detail = blocking(move || {
        let entry = find(&app.indelible, &part.site, &reverting.to_string())?;
        detail_in_part(&app.indelible, part, entry)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(detail)).into_response())
}

impl PlanOut {
    fn new(plan: Plan, caller: &Caller, request: &RevertRequest) -> Self {
        let conflicts: Vec<String> = plan.conflicts().map(|field| field.path.clone()).collect();
        // A preview shows the order as if its conflicts were left out and a reason was given.
        let order = plan.order(caller, Some("preview"), &conflicts).ok();
        let (mut set, mut remove) = order.map(|order| (order.set, order.remove)).unwrap_or_default();
        let is_left_out = |path: &String| conflicts.contains(path) && !request.overwrite.contains(path);
        set.retain(|path, _| !is_left_out(path));
        remove.retain(|path| !is_left_out(path));
        Self {
            entity: plan.entity,
            fields: plan.fields,
            conflicts,
            reason_required: plan.reason_required,
            set,
            remove,
        }
    }
}

fn preview(raw_query: Option<&str>) -> Result<bool, Problem> {
    let mut preview = false;
    for (name, value) in query::pairs(raw_query)? {
        preview = match (name.as_str(), value.as_str()) {
            ("preview", "true" | "1" | "") => true,
            ("preview", "false" | "0") => false,
            ("preview", _) => {
                return Err(Problem::invalid("preview", "invalid_value", "is neither true nor false"));
            }
            (other, _) => {
                let message = "not a parameter of this route: only `preview` is";
                return Err(Problem::invalid(other, "unknown_parameter", message));
            }
        };
    }
    Ok(preview)
}
