//! `POST /sites/{site}/entries`

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use model::{Permission, Violation};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::access::Caller;
use crate::api::body::{Submitted, submitted};
use crate::api::problem::{FieldError, Problem};
use crate::api::{App, Path, query};
use crate::journal::{self, Admission, Append, IdempotencyKey, Outcome, Receipt};
use crate::receipts;
use crate::settings::Rules;
use crate::store::Site;

/// Where an appended entry is.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct Appended {
    id: Uuid,
    /// Position in the site's log, from 0.
    index: u64,
    /// When the log took it.
    #[schema(value_type = String, format = DateTime)]
    recorded_at: Timestamp,
    /// The hash of the entry's leaf, in hexadecimal.
    leaf_hash: String,
    /// Its receipt in tlog-proof form, with `?receipt=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct BatchResult {
    /// Entries that are in the log, those that were there already included.
    accepted: usize,
    /// Entries that are not.
    rejected: usize,
    /// What became of each entry, in order.
    results: Vec<ItemResult>,
}

/// What became of one entry of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(in crate::api) enum ItemResult {
    /// It is in the log.
    Appended(Appended),
    /// It is not.
    Refused {
        /// The first thing wrong with it.
        error: FieldError,
        /// Everything wrong with it, when that is more than one thing.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        errors: Vec<FieldError>,
    },
}

impl From<Receipt> for Appended {
    fn from(receipt: Receipt) -> Self {
        Self {
            id: receipt.id,
            index: receipt.index,
            recorded_at: receipt.recorded_at,
            leaf_hash: receipt.leaf_hash.to_string(),
            receipt: None,
        }
    }
}

/// Appends an entry (a JSON object) or a batch (a JSON array, or NDJSON with its content type).
///
/// When this answers, what it says is appended survives a power cut, is in the tree, and the next read sees
/// it. Sending an entry with an `id` again is harmless.
#[utoipa::path(post, path = "/sites/{site}/entries", tag = "entries",
    params(("site" = String, Path),
        ("atomic" = Option<bool>, Query, description = "all of the batch or nothing"),
        ("receipt" = Option<bool>, Query, description = "answer each entry's receipt, in tlog-proof form"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "gives entries without `id` one that follows from this key, so that sending the request again is harmless")),
    request_body(content = Object, description = "an entry, an array of entries, or NDJSON"),
    responses((status = 201, description = "appended", body = Appended),
        (status = 200, description = "it was there already; or what became of a batch", body = BatchResult),
        (status = 207, description = "some of the batch was refused", body = BatchResult),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "the id is taken by another entry", body = Problem),
        (status = 413, body = Problem), (status = 422, body = Problem), (status = 503, body = Problem),
        (status = 507, body = Problem)))]
pub(in crate::api) async fn append(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
    RawQuery(raw_query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let asked = Asked::read(raw_query.as_deref())?;
    let part = caller.on_part_of_site(Permission::Append, &site, app.indelible.sites())?;
    let (site, entity_types) = (part.site, part.entity_types);
    let (log, source) = (site.log, caller.name.clone());
    let taken = take(&app, caller, site, entity_types, asked, &headers, body).await;
    if let Err(problem) = &taken
        && problem.status().is_client_error()
    {
        app.refusals.note(log, &source, 1, &problem.why());
    }
    taken
}

async fn take(
    app: &App,
    caller: Caller,
    site: Site,
    entity_types: Option<Vec<String>>,
    asked: Asked,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let key = idempotency_key(headers, &caller.name)?;
    match submitted(headers, body).await? {
        Submitted::One(bytes) => {
            let rules = rules(app, &site, entity_types).await?;
            let admission = journal::admit(&bytes, &caller.name, key.as_ref(), &rules)?;
            append_one(app, site, admission, asked).await
        }
        Submitted::Batch { bytes, places } => {
            let rules = rules(app, &site, entity_types).await?;
            let source = caller.name.clone();
            let admissions = crate::api::blocking(move || {
                let texts = places.into_iter().map(|place| bytes.get(place).unwrap_or_default());
                journal::admit_all(texts, &source, key.as_ref(), &rules)
            })
            .await?;
            append_batch(app, site, &caller.name, admissions, asked).await
        }
    }
}

/// The site's rules for what is written to it, and the credential's own.
async fn rules(app: &App, site: &Site, entity_types: Option<Vec<String>>) -> Result<Arc<Rules>, Problem> {
    let rules = if let Some(rules) = app.indelible.rules_at_hand(site) {
        rules
    } else {
        let (indelible, site) = (app.indelible.clone(), site.clone());
        crate::api::blocking(move || indelible.rules(&site)).await?
    };
    Ok(match entity_types {
        Some(types) => Arc::new(rules.for_entity_types(types)),
        None => rules,
    })
}

async fn append_one(app: &App, site: Site, admission: Admission, asked: Asked) -> Result<Response, Problem> {
    let sealed = admission.map_err(|violations| Problem::refused(&violations))?;
    let append = Append { site: site.clone(), entries: vec![sealed], atomic: false, change: None };
    let outcome = app.indelible.journal().append(append).await?.pop();
    let (status, receipt) = match outcome {
        Some(Outcome::Appended(receipt)) => (StatusCode::CREATED, receipt),
        Some(Outcome::Known(receipt)) => (StatusCode::OK, receipt),
        Some(Outcome::Refused(violation)) => return Err(Problem::refused(&[violation])),
        None => return Err(Problem::internal(&"the journal gave no outcome")),
    };
    let mut appended = [Appended::from(receipt)];
    if asked.receipt {
        give_receipts(app, site, appended.iter_mut()).await?;
    }
    let [appended] = appended;
    Ok((status, Json(appended)).into_response())
}

/// Puts to each appended entry its receipt, of the head that is published now.
async fn give_receipts(
    app: &App,
    site: Site,
    appended: impl Iterator<Item = &mut Appended>,
) -> Result<(), Problem> {
    let appended: Vec<&mut Appended> = appended.collect();
    let indexes: Vec<u64> = appended.iter().map(|appended| appended.index).collect();
    let indelible = app.indelible.clone();
    let made = crate::api::blocking(move || receipts::newest(&indelible, &site, &indexes)).await?;
    for (appended, receipt) in appended.into_iter().zip(made) {
        appended.receipt = Some(receipt);
    }
    Ok(())
}

async fn append_batch(
    app: &App,
    site: Site,
    source: &str,
    admissions: Vec<Admission>,
    Asked { atomic, receipt }: Asked,
) -> Result<Response, Problem> {
    let log = site.log;
    if atomic && let Some(problem) = all_refused(&admissions) {
        return Err(problem);
    }
    let mut entries = Vec::with_capacity(admissions.len());
    let mut refused = Vec::with_capacity(admissions.len());
    for admission in admissions {
        match admission {
            Ok(sealed) => {
                entries.push(sealed);
                refused.push(None);
            }
            Err(violations) => refused.push(Some(violations)),
        }
    }
    let append = Append { site: site.clone(), entries, atomic, change: None };
    let outcomes = app.indelible.journal().append(append).await?;
    if atomic && let Some(problem) = conflicts(&outcomes) {
        return Err(problem);
    }
    let mut outcomes = outcomes.into_iter();
    let mut results: Vec<ItemResult> = refused
        .into_iter()
        .filter_map(|violations| match violations {
            Some(violations) => Some(ItemResult::refused(&violations)),
            None => outcomes.next().map(ItemResult::from),
        })
        .collect();
    if receipt {
        let appended = results.iter_mut().filter_map(|result| match result {
            ItemResult::Appended(appended) => Some(appended),
            ItemResult::Refused { .. } => None,
        });
        give_receipts(app, site, appended).await?;
    }
    let refusals = || {
        results.iter().filter_map(|result| match result {
            ItemResult::Refused { error, .. } => Some(error),
            ItemResult::Appended(_) => None,
        })
    };
    let rejected = refusals().count();
    if let Some(last) = refusals().next_back() {
        app.refusals.note(log, source, u64::try_from(rejected).unwrap_or(u64::MAX), &last.into());
    }
    let status = if rejected == 0 { StatusCode::OK } else { StatusCode::MULTI_STATUS };
    let result = BatchResult { accepted: results.len() - rejected, rejected, results };
    Ok((status, Json(result)).into_response())
}

impl ItemResult {
    fn refused(violations: &[Violation]) -> Self {
        let errors: Vec<FieldError> = violations.iter().map(FieldError::from).collect();
        let first = errors.first().cloned().unwrap_or_else(|| FieldError {
            field: String::new(),
            code: "invalid".to_owned(),
            message: "the entry was refused".to_owned(),
            place: None,
        });
        Self::Refused { error: first, errors: if errors.len() > 1 { errors } else { Vec::new() } }
    }
}

impl From<Outcome> for ItemResult {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Appended(receipt) | Outcome::Known(receipt) => Self::Appended(receipt.into()),
            Outcome::Refused(violation) => Self::refused(&[violation]),
        }
    }
}

/// Everything that is wrong with an atomic batch at the door; fields begin with the entry's place.
fn all_refused(admissions: &[Admission]) -> Option<Problem> {
    let errors: Vec<FieldError> = admissions
        .iter()
        .enumerate()
        .filter_map(|(place, admission)| admission.as_ref().err().map(|violations| (place, violations)))
        .flat_map(|(place, violations)| violations.iter().map(move |violation| at_place(place, violation)))
        .collect();
    (!errors.is_empty()).then(|| batch_refused(StatusCode::UNPROCESSABLE_ENTITY, errors))
}

/// The ids of an atomic batch that are taken.
fn conflicts(outcomes: &[Outcome]) -> Option<Problem> {
    let errors: Vec<FieldError> = outcomes
        .iter()
        .enumerate()
        .filter_map(|(place, outcome)| match outcome {
            Outcome::Refused(violation) if violation.code == model::Code::IdConflict => {
                Some(at_place(place, violation))
            }
            Outcome::Refused(_) | Outcome::Appended(_) | Outcome::Known(_) => None,
        })
        .collect();
    (!errors.is_empty()).then(|| batch_refused(StatusCode::CONFLICT, errors))
}

fn at_place(place: usize, violation: &Violation) -> FieldError {
    let error = FieldError::from(violation);
    let field =
        if error.field.is_empty() { format!("[{place}]") } else { format!("[{place}].{}", error.field) };
    FieldError { field, ..error }
}

fn batch_refused(status: StatusCode, errors: Vec<FieldError>) -> Problem {
    let first =
        errors.first().map(|error| format!("`{}`: {}", error.field, error.message)).unwrap_or_default();
    let detail =
        format!("nothing of this atomic batch was taken; {} errors, the first at {first}", errors.len());
    Problem::new(status, "batch_refused", detail).with_errors(errors)
}

/// What the query asks for.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// One refused entry refuses all.
    atomic: bool,
    /// Each entry's receipt in the answer.
    receipt: bool,
}

impl Asked {
    fn read(raw_query: Option<&str>) -> Result<Self, Problem> {
        let mut asked = Self::default();
        for (name, value) in query::pairs(raw_query)? {
            let flag = match name.as_str() {
                "atomic" => &mut asked.atomic,
                "receipt" => &mut asked.receipt,
                other => {
                    let message = "not a parameter of this route: only `atomic` and `receipt` are";
                    return Err(Problem::invalid(other, "unknown_parameter", message));
                }
            };
            *flag = match value.as_str() {
                "true" | "1" | "" => true,
                "false" | "0" => false,
                _ => return Err(Problem::invalid(&name, "invalid_value", "is neither true nor false")),
            };
        }
        Ok(asked)
    }
}

fn idempotency_key(headers: &HeaderMap, source: &str) -> Result<Option<IdempotencyKey>, Problem> {
    let refused = |message| Problem::invalid("Idempotency-Key", "invalid_value", message);
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused("is given more than once"));
    }
    let text = value.to_str().ok().filter(|text| (1..=255).contains(&text.len()));
    let text = text.ok_or_else(|| refused("must be 1 to 255 visible ASCII characters"))?;
    Ok(Some(IdempotencyKey::new(source, text)))
}
