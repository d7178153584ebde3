//! `/sites/{site}/settings`: how long content is kept, the hold, what entries must say, who reads, and which fields are
//! masked or folded, and where reverts go. Each form sets what it shows and nothing else, so that an entry tells of one decision.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use model::diff::NoiseRules;
use model::retention::LOWERING_DELAY;
use model::{Permission, Retention};
use serde_json::{Map, Value as Json};

use super::endpoints;
use super::form::Form;
use super::view::{
    FieldError, FieldsPart, ReadingPart, ReasonPart, RetentionPart, SettingsPage, Time, Tone, text, url,
};
use super::visit::Visit;
use crate::access::Caller;
use crate::api::{App, Problem, blocking};
use crate::clock;
use crate::removal::{self, Outlook, PolicySource};
use crate::settings::{RequireReason, SiteSettings};
use crate::store::Site;

/// How long the page waits for a count of what would expire.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path(site): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let make = move |visit: &Visit| {
        let site = visit.caller.on_site(Permission::Configure, &site, app.indelible.sites())?.site;
        let asked = Form::read(query.unwrap_or_default().as_bytes())?;
        Made::of(&app, visit, &site)?.page(&asked, &[])
    };
    visit.page(make).await
}

/// Where retention had a page of its own.
pub(super) async fn moved(State(app): State<App>, visit: Visit, Path(site): Path<String>) -> Response {
    let known = {
        let caller = visit.caller.clone();
        blocking(move || {
            Ok::<_, Problem>(caller.on_site(Permission::Configure, &site, app.indelible.sites())?.site)
        })
    };
    match known.await {
        Ok(site) => {
            Redirect::permanent(&format!("{}#retention", url::settings(site.id.as_str()))).into_response()
        }
        Err(problem) => visit.failed(&problem),
    }
}

/// Sets what was posted, and leads back; where a value cannot be, shows the form again as it was sent.
pub(super) async fn save(
    State(app): State<App>,
    visit: Visit,
    Path(site): Path<String>,
    body: Bytes,
) -> Response {
    let tried = {
        let (app, caller) = (app.clone(), visit.caller.clone());
        blocking(move || try_save(&app, &caller, &site, &body)).await
    };
    match tried {
        Ok(Tried::Saved(address)) => Redirect::to(&address).into_response(),
        Ok(Tried::Refused { site, form, errors }) => {
            let make = move |visit: &Visit| Made::of(&app, visit, &site)?.page(&form, &errors);
            visit.page_with(StatusCode::UNPROCESSABLE_ENTITY, make).await
        }
        Err(problem) => visit.failed(&problem),
    }
}

enum Tried {
    /// It is set; where to go.
    Saved(String),
    /// A value cannot be.
    Refused { site: Site, form: Form, errors: Vec<crate::api::FieldError> },
}

fn try_save(app: &App, caller: &Caller, site: &str, body: &[u8]) -> Result<Tried, Problem> {
    let site = caller.on_site(Permission::Configure, site, app.indelible.sites())?.site;
    let form = Form::read(body)?;
    let part = form.get("part").to_owned();
    let set = if part == "endpoints" {
        endpoints::save(app, &site, &form, caller)
    } else {
        changes(&part, &form).and_then(|changes| {
            app.indelible.change_settings(&site, &changes, caller)?;
            Ok(())
        })
    };
    match set {
        Ok(()) => {
            let address = url::with_query(&url::settings(site.id.as_str()), &[("saved", &part)]);
            Ok(Tried::Saved(format!("{address}#{part}")))
        }
        Err(problem) if !problem.errors().is_empty() => {
            Ok(Tried::Refused { site, form, errors: problem.errors().to_vec() })
        }
        Err(problem) => Err(problem),
    }
}

/// The settings that a form sets.
fn changes(part: &str, form: &Form) -> Result<Map<String, Json>, Problem> {
    let is_on = |name: &str| Json::Bool(form.get(name) == "on");
    let pairs = match part {
        "retention" => {
            let kept = retention_of(form)?.map_or(Json::Null, Retention::to_json);
            vec![("audit_log_retention_days", kept)]
        }
        "hold" => vec![("hold", is_on("hold"))],
        "reasons" => vec![("require_reason", reason_of(form))],
        "reading" => vec![("network_only", is_on("network_only")), ("public_log", is_on("public_log"))],
        "visibility" => vec![("visibility", rules_of(form)?)],
        "masked" => vec![("mask_fields", lines(form.get("mask_fields")).into())],
        "noise" => {
            let fields = lines(form.get("noise_fields"));
            // Who leaves the list as it is goes on to follow it.
            let is_default = form.get("reset") == "yes" || fields == NoiseRules::DEFAULT;
            vec![("noise_fields", if is_default { Json::Null } else { fields.into() })]
        }
        _ => return Err(Problem::invalid("part", "invalid_value", "is no part of the settings")),
    };
    Ok(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What the form for the retention asks for; `None` is the default of all sites.
fn retention_of(form: &Form) -> Result<Option<Retention>, Problem> {
    let refused = |message: String| Problem::invalid("audit_log_retention_days", "invalid_value", message);
    match form.get("keep") {
        "default" => Ok(None),
        "forever" => Ok(Some(Retention::Forever)),
        _ => {
            let kept: Result<Retention, _> = form.get("days").trim().parse();
            kept.map(Some).map_err(|error| refused(error.to_string()))
        }
    }
}

fn reason_of(form: &Form) -> Json {
    match form.get("reason") {
        "changes" => Json::Bool(true),
        "when" => Json::String(form.get("filter").trim().to_owned()),
        _ => Json::Bool(false),
    }
}

/// Rules by role, one a line: `auditor: entity.type:page`.
fn rules_of(form: &Form) -> Result<Json, Problem> {
    let refused = |message: String| Problem::invalid("visibility", "invalid_value", message);
    let mut rules = Map::new();
    for line in lines(form.get("visibility")) {
        let (role, rule) = line.split_once(':').ok_or_else(|| {
            refused(format!(
                "`{line}` must be a role, a colon and a filter, such as auditor: entity.type:page"
            ))
        })?;
        if rules.insert(role.trim().to_owned(), rule.trim().into()).is_some() {
            return Err(refused(format!("the role `{}` has two rules: join them with OR", role.trim())));
        }
    }
    Ok(rules.into())
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect()
}

/// What the page is made from.
struct Made<'a> {
    app: &'a App,
    visit: &'a Visit,
    site: &'a Site,
    now: Timestamp,
    settings: SiteSettings,
    outlook: Outlook,
}

impl<'a> Made<'a> {
    fn of(app: &'a App, visit: &'a Visit, site: &'a Site) -> Result<Self, Problem> {
        let now = clock::now();
        let settings = SiteSettings::load(app.indelible.store().as_ref(), site.log)?;
        let outlook = removal::outlook(&app.indelible, site, now, PATIENCE)?;
        Ok(Self { app, visit, site, now, settings, outlook })
    }

    /// The page. `sent` is what the address or a refused form says, `sent_errors` what is wrong with it.
    fn page(&self, sent: &Form, sent_errors: &[crate::api::FieldError]) -> Result<SettingsPage, Problem> {
        let id = self.site.id.as_str();
        let error = |error: &crate::api::FieldError| FieldError {
            field: error.field.clone(),
            message: error.message.clone(),
            place: None,
        };
        let mut errors: Vec<FieldError> = sent_errors.iter().map(error).collect();
        let retention = self.retention(sent, &mut errors);
        let changes = [("action", "indelible.site.settings")];
        Ok(SettingsPage {
            frame: self.visit.frame(
                self.app,
                &format!("Settings of {}", self.site.name),
                Some(self.site),
                "Settings",
            ),
            here: url::settings(id),
            saved: sent.get("saved").to_owned(),
            changes_href: url::with_query(&url::site(id), &changes),
            retention,
            governs: self.visit.caller.on_site(Permission::Govern, id, self.app.indelible.sites()).is_ok(),
            is_held: self.settings.hold,
            reason: self.reason(sent),
            reading: self.reading(sent),
            visibility: self.visibility(sent),
            masked: FieldsPart { lines: self.masked(sent), is_default: self.settings.mask_fields.is_empty() },
            noise: FieldsPart { lines: self.noise(sent), is_default: self.settings.noise_fields.is_none() },
            endpoints: endpoints::parts(self.app, self.site, sent, sent_errors)?,
            errors,
        })
    }

    fn retention(&self, sent: &Form, errors: &mut Vec<FieldError>) -> RetentionPart {
        let own = self.settings.audit_log_retention_days;
        let policy = self.outlook.policy;
        let lowered = own.lowered.filter(|lowered| self.now < lowered.until);
        let (tone, sentence) = sentence(&self.outlook);
        let is_sent = !sent.get("keep").is_empty();
        let asked = if is_sent { retention_of(sent) } else { Ok(own.value) };
        let preview = match &asked {
            Ok(value) if sent.get("preview") == "yes" => self.preview(*value),
            Err(problem) if errors.is_empty() => {
                errors.extend(problem.errors().iter().map(|error| FieldError {
                    field: error.field.clone(),
                    message: error.message.clone(),
                    place: None,
                }));
                None
            }
            Ok(_) | Err(_) => None,
        };
        let days = match asked.as_ref().ok().copied().flatten().unwrap_or(policy.default) {
            _ if is_sent => sent.get("days").to_owned(),
            Retention::Days(days) => days.to_string(),
            Retention::Forever => String::new(),
        };
        let keep = match (sent.get("keep"), own.value) {
            ("", None) | ("default", _) => "default",
            ("", Some(Retention::Forever)) | ("forever", _) => "forever",
            _ => "days",
        };
        RetentionPart {
            tone,
            sentence,
            in_force: policy.retention_days.to_string(),
            source: match policy.source {
                PolicySource::Site => "set for this site",
                PolicySource::System => "the default of all sites",
            },
            default: policy.default.to_string(),
            lowered: lowered.map(|_| own.value.unwrap_or(policy.default).to_string()),
            lowered_until: lowered.map(|lowered| Time::new(self.now, lowered.until)),
            keep,
            days,
            preview,
            is_system: self.site.id.is_system(),
        }
    }

    /// What would go if the site had this value.
    fn preview(&self, value: Option<Retention>) -> Option<String> {
        let looked = removal::outlook_if(&self.app.indelible, self.site, value, self.now, PATIENCE);
        let outlook = looked
            .inspect_err(|error| tracing::error!(%error, "what would expire cannot be counted"))
            .ok()?;
        let kept = outlook.policy.retention_days;
        let Some(cutoff) = kept.cutoff(self.now) else {
            return Some("Kept for ever: nothing would go.".to_owned());
        };
        let count = text::count(outlook.count, "entry", "entries");
        let older = format!("all that is older than {}", text::exact_time(cutoff));
        let goes = match (outlook.count, outlook.is_cut_short) {
            (0, false) => format!("Kept for {kept}: nothing is that old, so nothing would go."),
            (_, false) => format!("Kept for {kept}: the content of {count} would go, {older}."),
            (_, true) => format!("Kept for {kept}: the content of more than {count} would go, {older}."),
        };
        let when = if kept < self.outlook.policy.retention_days {
            let from = self.now.checked_add(LOWERING_DELAY).unwrap_or(self.now);
            format!(" Saved now, it holds from {} on.", text::exact_time(from))
        } else {
            String::new()
        };
        let held = if outlook.held { " The hold keeps all of it until it is lifted." } else { "" };
        Some(format!("{goes}{when}{held}"))
    }

    fn reason(&self, sent: &Form) -> ReasonPart {
        let (rule, filter) = match &self.settings.require_reason {
            RequireReason::Always(false) => ("never", String::new()),
            RequireReason::Always(true) => ("changes", String::new()),
            RequireReason::When(filter) => ("when", filter.clone()),
        };
        match sent.get("reason") {
            "" => ReasonPart { rule, filter },
            "changes" => ReasonPart { rule: "changes", filter: sent.get("filter").to_owned() },
            "when" => ReasonPart { rule: "when", filter: sent.get("filter").to_owned() },
            _ => ReasonPart { rule: "never", filter: sent.get("filter").to_owned() },
        }
    }

    fn reading(&self, sent: &Form) -> ReadingPart {
        if sent.get("part") == "reading" {
            let is_on = |name: &str| sent.get(name) == "on";
            return ReadingPart { network_only: is_on("network_only"), public_log: is_on("public_log") };
        }
        ReadingPart { network_only: self.settings.network_only, public_log: self.settings.public_log }
    }

    fn visibility(&self, sent: &Form) -> String {
        if sent.get("part") == "visibility" {
            return sent.get("visibility").to_owned();
        }
        let lines = self.settings.visibility.iter().map(|(role, rule)| format!("{role}: {rule}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn masked(&self, sent: &Form) -> String {
        if sent.get("part") == "masked" {
            return sent.get("mask_fields").to_owned();
        }
        self.settings.mask_fields.join("\n")
    }

    fn noise(&self, sent: &Form) -> String {
        if sent.get("part") == "noise" {
            return sent.get("noise_fields").to_owned();
        }
        self.settings.noise_fields().join("\n")
    }
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
