//! `/sites/{site}/entries/{id}/revert`: what taking a change back would do, and doing it.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use model::Entry;
use model::revert::{Restored, Standing};
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::form::Form;
use super::shape;
use super::view::{FieldRow, Notice, Op, RevertPage, RevertRow, Time, Tone, text};
use super::visit::{self, Visit};
use crate::api::{App, Problem, blocking, find_revertible};
use crate::clock;
use crate::revert::{self, Plan, RevertError};
use crate::store::Site;

/// What the form says.
#[derive(Clone, Debug, Default)]
struct Wish {
    reason: String,
    overwrite: Vec<String>,
}

/// Shows the plan.
pub(super) async fn preview(
    State(app): State<App>,
    visit: Visit,
    Path((site, id)): Path<(String, String)>,
) -> Response {
    let make = move |visit: &Visit| {
        let (site, entry) = find(&app, visit, &site, &id)?;
        let plan = revert::plan(&app.indelible, &site, entry.clone());
        page(&app, visit, &site, &entry, plan.as_ref(), &Wish::default(), None)
    };
    visit.page(make).await
}

/// Carries the plan out and leads to the entry that tells of it, or shows the plan again and what stands against it.
pub(super) async fn carry_out(
    State(app): State<App>,
    visit: Visit,
    Path((site, id)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    match try_carry_out(&app, &visit, site, id, &body).await {
        Ok(response) => response,
        Err(problem) => visit.failed(&problem),
    }
}

async fn try_carry_out(
    app: &App,
    visit: &Visit,
    site: String,
    id: String,
    body: &[u8],
) -> Result<Response, Problem> {
    let form = Form::read(body)?;
    let overwrite = form.all("overwrite").map(ToOwned::to_owned).collect();
    let wish = Wish { reason: form.get("reason").to_owned(), overwrite };
    let (known, looking) = (app.clone(), visit.clone());
    let (site, entry, plan) = blocking(move || {
        let (site, entry) = find(&known, &looking, &site, &id)?;
        let plan = revert::plan(&known.indelible, &site, entry.clone());
        Ok::<_, Problem>((site, entry, plan))
    })
    .await?;
    let failed = match &plan {
        Ok(plan) => match done(app, visit, plan, &wish).await {
            Ok(new) => {
                let href = super::view::url::entry(site.id.as_str(), &new.to_string());
                return Ok(Redirect::to(&href).into_response());
            }
            Err(error) => Some(error),
        },
        Err(_) => None,
    };
    let (app, looking) = (app.clone(), visit.clone());
    let (status, page) = blocking(move || {
        let status = failed.as_ref().map_or(StatusCode::UNPROCESSABLE_ENTITY, status);
        let page = page(&app, &looking, &site, &entry, plan.as_ref(), &wish, failed.as_ref())?;
        Ok::<_, Problem>((status, page))
    })
    .await?;
    Ok(visit::render(status, &page))
}

async fn done(app: &App, visit: &Visit, plan: &Plan, wish: &Wish) -> Result<uuid::Uuid, RevertError> {
    let order = plan.order(&visit.caller, Some(&wish.reason), &wish.overwrite)?;
    plan.carry_out(&app.indelible, &visit.caller, &order).await
}

fn find(app: &App, visit: &Visit, site: &str, id: &str) -> Result<(Site, Entry), Problem> {
    let (part, entry) = find_revertible(&app.indelible, &visit.caller, site, id)?;
    Ok((part.site, entry))
}

/// As the API answers it.
fn status(error: &RevertError) -> StatusCode {
    match error {
        RevertError::Conflict(..) => StatusCode::CONFLICT,
        RevertError::Host(_) => StatusCode::BAD_GATEWAY,
        RevertError::Impossible(_)
        | RevertError::ReasonMissing
        | RevertError::NotPlanned(_)
        | RevertError::Unrecorded(_)
        | RevertError::Journal(_)
        | RevertError::Search(_)
        | RevertError::Store(_)
        | RevertError::Entropy(_) => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

fn page(
    app: &App,
    visit: &Visit,
    site: &Site,
    entry: &Entry,
    plan: Result<&Plan, &RevertError>,
    wish: &Wish,
    failed: Option<&RevertError>,
) -> Result<RevertPage, Problem> {
    let fields = plan.map_or(&[][..], |plan| plan.fields.as_slice());
    let open = fields.iter().filter(|field| field.standing != Standing::AlreadyBack).count();
    let button = match u64::try_from(open).unwrap_or(u64::MAX) {
        0 => "Revert".to_owned(),
        open => format!("Revert {}", text::count(open, "field", "fields")),
    };
    let heading = if open == 0 { button.clone() } else { format!("{button} of") };
    let mut notices = Vec::new();
    match plan {
        Err(RevertError::Impossible(why)) => {
            notices.push(warning(format!("This entry cannot be reverted: {why}.")));
        }
        Err(error) => {
            return Err(Problem::internal(error));
        }
        Ok(plan) => {
            let conflicts = u64::try_from(plan.conflicts().count()).unwrap_or(u64::MAX);
            if conflicts > 0 {
                let fields = text::count(conflicts, "field was", "fields were");
                notices.push(warning(format!(
                    "{fields} changed since this entry. What was done since stays, unless you choose to overwrite it."
                )));
            }
            if open == 0 {
                notices.push(warning("Everything that it changed is already as it was before.".to_owned()));
            }
        }
    }
    if let Some(error) = failed {
        notices = vec![Notice { tone: Tone::Danger, text: sentence(&error.to_string()), link: None }];
    }
    Ok(RevertPage {
        frame: visit.frame(app, &heading, Some(site), "Activity"),
        heading,
        button,
        entity: entry.entity.as_ref().map_or("", |entity| entity.display_title()).to_owned(),
        entry_href: shape::href(entry),
        entry_label: shape::line(entry),
        occurred: Time::new(clock::now(), entry.occurred_at),
        notices,
        rows: fields.iter().map(|field| row(field, wish)).collect(),
        can_revert: open > 0,
        reason_required: plan.is_ok_and(|plan| plan.reason_required),
        reason: wish.reason.clone(),
    })
}

fn warning(text: String) -> Notice {
    Notice { tone: Tone::Warning, text, link: None }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str().trim_end_matches('.'))
}

/// The object or array that a text holds: what is compared, whoever sent it as a text.
fn inside(value: &Json) -> Option<Json> {
    let text = value.as_str()?;
    let inside: Json = serde_json::from_str(text).ok()?;
    (inside.is_object() || inside.is_array()).then_some(inside)
}

fn row(field: &Restored, wish: &Wish) -> RevertRow {
    let json = |raw: &RawValue| serde_json::from_str::<Json>(raw.get()).unwrap_or(Json::Null);
    // Where the log does not know how things are, they should be as the entry left them.
    let now = if field.standing == Standing::Unknown { &field.left } else { &field.from };
    let (now, to) = (now.as_deref().map(json), field.to.as_deref().map(json));
    let (now_inside, to_inside) = (now.as_ref().and_then(inside), to.as_ref().and_then(inside));
    let is_text = now_inside.is_some() || to_inside.is_some();
    let (now, to) = (now_inside.or(now), to_inside.or(to));
    let op = match (&now, &to) {
        _ if field.standing == Standing::AlreadyBack => Op::Same,
        (None, _) => Op::Added,
        (_, None) => Op::Removed,
        _ => Op::Changed,
    };
    let mut shown = FieldRow::new(op, &field.path, now.as_ref(), to.as_ref());
    if is_text {
        shown.notes.push("as text".to_owned());
    }
    match field.standing {
        Standing::AlreadyBack => shown.notes.push("already back".to_owned()),
        Standing::Conflict => shown.notes.push("changed since".to_owned()),
        Standing::Unknown => shown.notes.push("its host knows".to_owned()),
        Standing::Unchanged => {}
    }
    let is_conflict = field.standing == Standing::Conflict;
    RevertRow { is_conflict, is_chosen: wish.overwrite.contains(&field.path), field: shown }
}
