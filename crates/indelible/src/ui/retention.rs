//! `/sites/{site}/retention`: how long content is kept, what the next run would remove, and the hold.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use model::{Permission, Retention};
use serde_json::{Map, Value as Json};

use super::form::Form;
use super::view::{RetentionPage, Time, Tone, text, url};
use super::visit::Visit;
use crate::api::{App, Problem, blocking};
use crate::clock;
use crate::removal::{self, Outlook, PolicySource};
use crate::settings::SiteSettings;
use crate::store::Site;

/// How long the page waits for the count of what would expire.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn show(State(app): State<App>, visit: Visit, Path(site): Path<String>) -> Response {
    let make = move |visit: &Visit| {
        let site = visit.caller.on_site(Permission::Configure, &site, app.indelible.sites())?.site;
        page(&app, visit, &site)
    };
    visit.page(make).await
}

/// Sets what was posted, and leads back.
pub(super) async fn set(
    State(app): State<App>,
    visit: Visit,
    Path(site): Path<String>,
    body: Bytes,
) -> Response {
    let caller = visit.caller.clone();
    let done = blocking(move || {
        let form = Form::read(&body)?;
        let site = caller.on_site(Permission::Configure, &site, app.indelible.sites())?.site;
        let mut changes = Map::new();
        match form.get("hold") {
            "" => {
                changes.insert("audit_log_retention_days".to_owned(), asked(&form)?);
            }
            hold => {
                caller.on_site(Permission::Govern, site.id.as_str(), app.indelible.sites())?;
                changes.insert("hold".to_owned(), Json::Bool(hold == "on"));
            }
        }
        app.indelible.change_settings(&site, &changes, &caller)?;
        Ok::<_, Problem>(url::retention(site.id.as_str()))
    })
    .await;
    match done {
        Ok(address) => Redirect::to(&address).into_response(),
        Err(problem) => visit.failed(&problem),
    }
}

/// The retention that was chosen.
fn asked(form: &Form) -> Result<Json, Problem> {
    match form.get("keep") {
        "default" => Ok(Json::Null),
        "forever" => Ok(Retention::Forever.to_json()),
        _ => form
            .get("days")
            .parse::<Retention>()
            .map(Retention::to_json)
            .map_err(|error| Problem::invalid("days", "invalid_value", error.to_string())),
    }
}

fn page(app: &App, visit: &Visit, site: &Site) -> Result<RetentionPage, Problem> {
    let now = clock::now();
    let settings = SiteSettings::load(app.indelible.store().as_ref(), site.log)?;
    let outlook = removal::outlook(&app.indelible, site, now, PATIENCE)?;
    let own = settings.audit_log_retention_days;
    let (tone, sentence) = sentence(&outlook);
    let lowered = own.lowered.filter(|lowered| now < lowered.until);
    Ok(RetentionPage {
        frame: visit.frame(app, &format!("Retention of {}", site.name), Some(site), "Integrity"),
        tone,
        sentence,
        in_force: outlook.policy.retention_days.to_string(),
        source: match outlook.policy.source {
            PolicySource::Site => "set for this site",
            PolicySource::System => "the default of all sites",
        },
        default: outlook.policy.default.to_string(),
        lowered: lowered.map(|_| own.value.unwrap_or(outlook.policy.default).to_string()),
        lowered_until: lowered.map(|lowered| Time::new(now, lowered.until)),
        is_default: own.value.is_none(),
        is_forever: own.value == Some(Retention::Forever),
        days: match own.value.unwrap_or(outlook.policy.default) {
            Retention::Days(days) => days.to_string(),
            Retention::Forever => String::new(),
        },
        is_system: site.id.is_system(),
        is_held: outlook.held,
        may_hold: visit.caller.may(Permission::Govern).is_ok(),
        integrity_href: url::integrity(site.id.as_str()),
    })
}

/// What the next run would do.
fn sentence(outlook: &Outlook) -> (Tone, String) {
    let count = text::count(outlook.count, "entry", "entries");
    match (outlook.held, outlook.count, outlook.is_cut_short) {
        (true, ..) => (Tone::Warning, "A hold is on: nothing expires and nothing can be erased.".to_owned()),
        (false, 0, false) => (Tone::Good, "Nothing is old enough to expire.".to_owned()),
        (false, _, true) => {
            (Tone::Quiet, format!("The next daily run removes the content of more than {count}."))
        }
        (false, _, false) => (Tone::Quiet, format!("The next daily run removes the content of {count}.")),
    }
}
