//! `POST /audit/history/revert`: puts fields of an entity back.

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use model::revert::Standing;
use model::{Entry, Permission, diff};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::caller::{Authenticated, blocking};
use super::change::{ChangeId, fields};
use super::item::{field_name, reverted_fields};
use super::problem::Problem;
use crate::access::{Caller, Denied};
use crate::api::{self, App, collect_body};
use crate::revert::{self, Chosen, Plan};
use crate::search::read_entries;
use crate::store::Site;

/// Changes of one request, at most.
const CHANGES_MAX: usize = 1000;

/// Bytes of a body, at most.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Fields that the CMS keeps for itself.
const SYSTEM_FIELDS: [&str; 8] =
    ["id", "content_id", "site_id", "created_at", "updated_at", "created_by", "is_deleted", "published_at"];

/// What is to be put back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Ids of changes, or of entries for all that they changed.
    change_ids: Vec<String>,
    /// Fields to put back although they were changed since.
    #[serde(default)]
    overwrite: Vec<String>,
    /// Why; some sites ask for it.
    reason: Option<String>,
}

/// What was put back.
#[derive(Serialize)]
struct Done {
    entity_type: String,
    entity_id: String,
    fields_reverted: Vec<String>,
    /// The entry that tells of it.
    entry_id: Uuid,
}

/// What would be put back.
#[derive(Serialize)]
struct Preview {
    entity_type: String,
    entity_id: String,
    fields: Vec<FieldPreview>,
    conflicts: Vec<String>,
    reason_required: bool,
}

#[derive(Serialize)]
struct FieldPreview {
    field_name: String,
    current_value: Option<Box<RawValue>>,
    restored_value: Option<Box<RawValue>>,
    /// `unchanged`, `already_back`, `conflict` or `unknown`.
    standing: Standing,
}

pub(super) async fn revert(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    RawQuery(query): RawQuery,
    body: Body,
) -> Result<Response, Problem> {
    // Whoever may revert nowhere is told so before anything is looked up.
    caller.may(Permission::Revert)?;
    let is_preview = preview(query.as_deref())?;
    let wanted = read(body).await?;
    let ids = wanted.ids()?;
    let (asked, by) = (app.clone(), caller.clone());
    let (site, plan) = blocking(move || plan(&asked, &by, &ids)).await?;
    if is_preview {
        return Ok(Json(Preview::of(plan)).into_response());
    }
    let overwrite: Vec<String> = wanted.overwrite.iter().map(|field| pointer(field)).collect();
    let order = plan.order(&caller, wanted.reason.as_deref(), &overwrite)?;
    let entry_id = plan.carry_out(&app.indelible, &caller, &order).await?;
    blocking(move || {
        let entry = app.indelible.search().by_id(&site, entry_id)?;
        let entry = entry.ok_or_else(|| api::Problem::internal(&"the entry of a revert is missing"))?;
        let (entity_type, entity_id) = (plan.entity.kind, plan.entity.id);
        let done = Done { entity_type, entity_id, fields_reverted: reverted_fields(&entry), entry_id };
        Ok(Json(done).into_response())
    })
    .await
}

/// A field's pointer, from its name here or as it is.
fn pointer(field: &str) -> String {
    if field.starts_with('/') { field.to_owned() } else { format!("/{field}") }
}

fn preview(query: Option<&str>) -> Result<bool, Problem> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(query.unwrap_or_default()).unwrap_or_default();
    match pairs.iter().find(|(name, _)| name == "preview").map(|(_, value)| value.as_str()) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1" | "") => Ok(true),
        Some(_) => Err(Problem::bad("preview", "is neither true nor false")),
    }
}

async fn read(body: Body) -> Result<Wanted, Problem> {
    let too_large = || api::Problem::too_large(format!("the body is larger than {BODY_BYTES_MAX} bytes"));
    let bytes = collect_body(body, BODY_BYTES_MAX, too_large).await?;
    serde_json::from_slice(&bytes).map_err(|error| Problem::bad("body", format!("does not fit: {error}")))
}

impl Wanted {
    fn ids(&self) -> Result<Vec<Uuid>, Problem> {
        if self.change_ids.is_empty() {
            return Err(Problem::invalid("change_ids", "must name at least one change"));
        }
        if self.change_ids.len() > CHANGES_MAX {
            return Err(Problem::invalid("change_ids", format!("must name {CHANGES_MAX} changes at most")));
        }
        let mut ids = Vec::new();
        for (place, text) in self.change_ids.iter().enumerate() {
            let id = Uuid::try_parse(text)
                .map_err(|_| Problem::bad(&format!("change_ids[{place}]"), "is not a UUID"))?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

/// What putting back these changes would do. Nothing of it is done when anything stands against a part of it. Blocks.
fn plan(app: &App, caller: &Caller, ids: &[Uuid]) -> Result<(Site, Plan), Problem> {
    let found = find_all(app, ids)?;
    let Some((site, first, _)) = found.first() else {
        return Err(Problem::not_found("there is no such change"));
    };
    let (site, first) = (site.clone(), first.clone());
    for (site, entry, _) in &found {
        may_revert(app, caller, site, entry)?;
    }
    check_entity(app, &found, &site, &first)?;
    let mut chosen: Vec<Chosen> = Vec::new();
    for (_, entry, paths) in found {
        let paths = paths.into_iter().filter(|path| !is_of_system(path)).collect::<Vec<_>>();
        match chosen.iter_mut().find(|chosen| chosen.entry.id == entry.id) {
            Some(known) => known.paths.extend(paths),
            None => chosen.push(Chosen { entry, paths }),
        }
    }
    let changes_fields = |chosen: &Chosen| !fields(&chosen.entry).is_empty();
    if chosen.iter().any(changes_fields) && chosen.iter().all(|chosen| chosen.paths.is_empty()) {
        let message = format!("only fields of the system are among them: {}", SYSTEM_FIELDS.join(", "));
        return Err(Problem::invalid("change_ids", message));
    }
    let plan = revert::plan_of_changes(&app.indelible, &site, chosen)?;
    Ok((site, plan))
}

/// An entry with its site and the fields of it that are meant.
type Found = (Site, Entry, Vec<String>);

/// The changes with these ids.
fn find_all(app: &App, ids: &[Uuid]) -> Result<Vec<Found>, Problem> {
    let sites = app.indelible.sites().all()?;
    let (mut found, mut unknown) = (Vec::new(), Vec::new());
    for id in ids {
        match find(app, &sites, *id)? {
            Some(change) => found.push(change),
            None => unknown.push(id.to_string()),
        }
    }
    if unknown.is_empty() {
        return Ok(found);
    }
    Err(Problem::not_found(format!("there is no change {}; nothing was reverted", unknown.join(", "))))
}

fn find(app: &App, sites: &[Site], id: Uuid) -> Result<Option<Found>, Problem> {
    if let Some(change) = ChangeId::read(id)
        && let Some(site) = sites.iter().find(|site| site.log == change.log)
        && change.index < app.indelible.published().size(site.log)?
    {
        let range = change.index..change.index + 1;
        let (store, published) = (app.indelible.store().as_ref(), app.indelible.published());
        let entry = read_entries(store, published, site, range)?.pop();
        let found = entry.and_then(|entry| change.path_in(&entry).map(|path| (entry, path)));
        if let Some((entry, path)) = found {
            return Ok(Some((site.clone(), entry, vec![path])));
        }
    }
    for site in sites {
        if let Some(entry) = app.indelible.search().by_id(site, id)? {
            let paths = fields(&entry).into_iter().map(|field| field.path).collect();
            return Ok(Some((site.clone(), entry, paths)));
        }
    }
    Ok(None)
}

/// Whether the caller may revert on the site of a change. Whoever has a change's id knows of its site, so that a credential
/// of another one is told that it may not, rather than that there is none.
fn may_revert(app: &App, caller: &Caller, site: &Site, entry: &Entry) -> Result<(), Problem> {
    match caller.on_part_of_site(Permission::Revert, site.id.as_str(), app.indelible.sites()) {
        // What is outside of a caller's part does not exist for it.
        Ok(part) if part.only.as_ref().is_some_and(|only| !only.matches(entry)) => {
            Err(Problem::not_found("there is no such change; nothing was reverted"))
        }
        Ok(part) => match &entry.entity {
            Some(entity) => Ok(api::sees_whole_entity(
                &app.indelible,
                &part,
                Permission::Revert,
                &entity.kind,
                &entity.id,
            )?),
            None => Ok(()),
        },
        Err(Denied::NoSuchSite(_)) => {
            Err(Denied::Forbidden { role: caller.role, permission: Permission::Revert }.into())
        }
        Err(denied) => Err(denied.into()),
    }
}

/// Whether all changes are of one entity, whatever ids it had.
fn check_entity(app: &App, found: &[Found], site: &Site, first: &Entry) -> Result<(), Problem> {
    let several =
        || Problem::invalid("change_ids", "are of more than one entity: revert one after the other");
    let Some(entity) = &first.entity else {
        return Err(Problem::invalid("change_ids", "what the entry was about was erased"));
    };
    if found.iter().all(|(other, entry, _)| other.id == site.id && entry.entity.as_ref() == Some(entity)) {
        return Ok(());
    }
    let own = app.indelible.search().of_entity(site, &entity.kind, &entity.id)?;
    let is_own = |(other, entry, _): &Found| other.id == site.id && own.matches(entry);
    if found.iter().all(is_own) { Ok(()) } else { Err(several()) }
}

fn is_of_system(path: &str) -> bool {
    let field = path.trim_start_matches('/').split('/').next().unwrap_or_default();
    SYSTEM_FIELDS.iter().any(|name| diff::pointer(name).trim_start_matches('/') == field)
}

impl Preview {
    fn of(plan: Plan) -> Self {
        let conflicts = plan.conflicts().map(|field| field_name(&field.path)).collect();
        let field = |field: model::revert::Restored| FieldPreview {
            field_name: field_name(&field.path),
            current_value: field.from,
            restored_value: field.to,
            standing: field.standing,
        };
        Self {
            entity_type: plan.entity.kind,
            entity_id: plan.entity.id,
            fields: plan.fields.into_iter().map(field).collect(),
            conflicts,
            reason_required: plan.reason_required,
        }
    }
}
