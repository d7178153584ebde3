//! Posts, pages, media, users and settings; an admin to change them; the audit log of all that, its screens and its API under `/audit`,
//! and reverts from the admin's own pages.
//!
//! | what | how |
//! |---|---|
//! | who and from where | `AuditLayer` around the admin |
//! | what there is, and what can happen to it | `documents.rs` |
//! | what changed | `#[derive(Audited)]`, `log(…).was(…)` |
//! | taking it back | `RevertHandler for Content`, `revert()` |
//! | reading the log | `history()`, and `server::application` under `/audit` |

mod documents;

use std::collections::HashMap;
use std::error::Error;
use std::path::Path as FilePath;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use client::{Actor, AuditLayer, Audited, LogContext, LogError, Logger, log};
use indelible::access::{Caller, Gate, new_token};
use indelible::api::App;
use indelible::hosts::{Order, Reply, RevertHandler};
use indelible::revert::{self, RevertError};
use indelible::search::{PATIENCE, Question};
use indelible::store::Site;
use indelible::{Indelible, OpenOptions, server};
use model::{Filter, Role, SiteId};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use documents::{Document, Media, Page, Post, Settings, Shelves, User, registry};

const SITE: &str = "cms";

/// The content, and the orders that were carried out on it.
#[derive(Default)]
struct Content {
    shelves: Mutex<Shelves>,
    answered: Mutex<HashMap<Uuid, Reply>>,
}

/// The system. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Cms {
    content: Arc<Content>,
    indelible: Indelible,
    site: Site,
    logger: Logger,
    auditor_token: String,
}

impl Cms {
    /// Opens it in a directory, with a new one for the log. Blocks.
    pub(crate) fn open(directory: &FilePath) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let indelible = Indelible::open(&directory.join("audit"), &OpenOptions::default())?;
        let (id, us): (SiteId, Caller) = (SITE.parse()?, Caller::local("small-cms"));
        let site = match indelible.sites().find(&id)? {
            Some(site) => site,
            None => indelible.create_site(id.clone(), "Small CMS", &us)?,
        };
        let auditor = new_token("auditor", Role::Auditor, Some(id.clone()))?;
        indelible.create_token(&auditor.token, &us)?;
        let logger = indelible.logger(SITE, registry()?, "small-cms", directory.join("outbox"))?;
        let content = Arc::new(Content::default());
        indelible.revert_handlers().set(id, "small-cms", content.clone());
        let auditor_token = auditor.secret.reveal().to_owned();
        let cms = Self { content, indelible, site, logger, auditor_token };
        // What the program does by itself is the system's.
        LogContext::new().system().logger(cms.logger.clone()).sync_scope(|| {
            let settings = Settings { id: "site".into(), name: "Small CMS".into(), language: "en".into() };
            log(&settings, Settings::CREATE).record().map(drop)?;
            cms.content.shelves().settings.insert(settings.id.clone(), settings);
            Ok::<(), LogError>(())
        })?;
        Ok(cms)
    }

    /// A token that may read the log.
    pub(crate) fn auditor_token(&self) -> &str {
        &self.auditor_token
    }

    /// Waits until the log has everything, and stops. Blocks.
    pub(crate) fn close(&self, patience: Duration) -> Result<(), client::outbox::OutboxError> {
        self.logger.close(patience)
    }

    /// The admin, and the log's screens and API.
    pub(crate) fn router(&self) -> Router {
        let audit = AuditLayer::new().logger(self.logger.clone()).channel("admin").actor(|request| {
            // Stands for your sign-in.
            let name = request.headers.get("x-user")?.to_str().ok()?;
            Some(Actor::user(name).name(name).role("editor"))
        });
        let admin = routes::<Post>()
            .merge(routes::<Page>())
            .merge(routes::<Media>())
            .merge(routes::<User>())
            .merge(routes::<Settings>())
            .route("/admin/entries/{id}/revert", post(revert))
            .route_layer(audit)
            .with_state(self.clone());
        let app = App::new(self.indelible.clone(), Gate::new(self.indelible.store().clone()), None);
        admin.nest_service("/audit", server::application(app))
    }
}

fn routes<T: Document>() -> Router<Cms> {
    let all = format!("/admin/{}", T::PLURAL);
    let one = format!("{all}/{{id}}");
    Router::new()
        .route(&all, post(create::<T>))
        .route(&one, get(read::<T>).patch(edit::<T>).delete(delete::<T>))
        .route(&format!("{one}/history"), get(history::<T>))
}

impl Content {
    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn create<T: Document>(State(cms): State<Cms>, Json(fields): Json<Value>) -> Result<Response, Failure> {
    let document: T = serde_json::from_value(fields).map_err(Failure::invalid)?;
    let id = document.entity_id().unwrap_or_default();
    let mut shelves = cms.content.shelves();
    let shelf = T::shelf(&mut shelves);
    if shelf.contains_key(&id) {
        return Err(Failure(StatusCode::CONFLICT, format!("there is a document `{id}` already")));
    }
    // First the log: what cannot be logged is not done.
    log(&document, T::CREATE).record()?;
    let shown = shown(&document)?;
    shelf.insert(id, document);
    Ok((StatusCode::CREATED, shown).into_response())
}

async fn read<T: Document>(State(cms): State<Cms>, Path(id): Path<String>) -> Result<Response, Failure> {
    let mut shelves = cms.content.shelves();
    let document = T::shelf(&mut shelves).get(&id).ok_or_else(|| Failure::unknown(&id))?;
    Ok(shown(document)?.into_response())
}

async fn edit<T: Document>(
    State(cms): State<Cms>,
    Path(id): Path<String>,
    Json(fields): Json<Map<String, Value>>,
) -> Result<Response, Failure> {
    let mut shelves = cms.content.shelves();
    let shelf = T::shelf(&mut shelves);
    let before = shelf.get(&id).ok_or_else(|| Failure::unknown(&id))?;
    let mut value = serde_json::to_value(before).map_err(Failure::invalid)?;
    if let Some(object) = value.as_object_mut() {
        object.extend(fields.into_iter().filter(|(name, _)| name != "id"));
    }
    let after: T = serde_json::from_value(value).map_err(Failure::invalid)?;
    let pending = log(&after, T::EDIT);
    match before.state() {
        Some(state) => pending.was(state).record()?,
        None => pending.record()?,
    };
    let shown = shown(&after)?;
    shelf.insert(id, after);
    Ok(shown.into_response())
}

async fn delete<T: Document>(State(cms): State<Cms>, Path(id): Path<String>) -> Result<StatusCode, Failure> {
    let mut shelves = cms.content.shelves();
    let shelf = T::shelf(&mut shelves);
    let document = shelf.get(&id).ok_or_else(|| Failure::unknown(&id))?;
    log(document, T::DELETE).record()?;
    shelf.remove(&id);
    Ok(StatusCode::NO_CONTENT)
}

/// As the state tells it: without the id, secrets masked.
fn shown<T: Document>(document: &T) -> Result<Json<Value>, Failure> {
    let state = document.state().map(|state| state.to_json()).transpose().map_err(Failure::invalid)?;
    let id = document.entity_id();
    Ok(Json(json!({"id": id, "fields": state})))
}

/// What happened to a document, newest first.
async fn history<T: Document>(State(cms): State<Cms>, Path(id): Path<String>) -> Result<Response, Failure> {
    let kind = T::CREATE.trim_end_matches(".create");
    let entries = tokio::task::spawn_blocking(move || {
        // What was recorded a moment ago is on its way.
        cms.logger.flush(Duration::from_secs(5)).map_err(Failure::internal)?;
        let filter = cms.indelible.search().of_entity(&cms.site, kind, &id).map_err(Failure::internal)?;
        entries(&cms, &filter)
    });
    let entries = entries.await.map_err(Failure::internal)??;
    Ok(Json(entries).into_response())
}

fn entries(cms: &Cms, filter: &Filter) -> Result<Vec<Value>, Failure> {
    let question = Question {
        sites: std::slice::from_ref(&cms.site),
        filter,
        order: model::Order::NEWEST_FIRST,
        cursor: None,
        limit: 100,
        patience: PATIENCE,
    };
    let page = cms.indelible.search().page(&question).map_err(Failure::internal)?;
    let told = |entry: &model::Entry| {
        let actor = entry.actor.as_ref().and_then(|actor| actor.name.clone());
        json!({"id": entry.id, "action": entry.action, "actor": actor, "summary": entry.summary,
            "before": entry.before, "after": entry.after})
    };
    Ok(page.entries.iter().map(told).collect())
}

#[derive(Deserialize)]
struct RevertForm {
    reason: Option<String>,
}

/// Takes a change back: planned by the log, carried out here (see [`RevertHandler`] below), and logged.
async fn revert(
    State(cms): State<Cms>,
    Path(id): Path<Uuid>,
    Json(form): Json<RevertForm>,
) -> Result<Response, Failure> {
    let who = LogContext::current()
        .and_then(|context| context.who().and_then(|actor| actor.label().map(str::to_owned)));
    let caller = Caller::local(&who.ok_or(Failure(StatusCode::UNAUTHORIZED, "sign in first".to_owned()))?);
    let planning = cms.clone();
    let plan = tokio::task::spawn_blocking(move || {
        let found = planning.indelible.search().by_id(&planning.site, id).map_err(Failure::internal)?;
        let entry = found.ok_or_else(|| Failure::unknown(&id.to_string()))?;
        revert::plan(&planning.indelible, &planning.site, entry).map_err(Failure::from)
    });
    let plan = plan.await.map_err(Failure::internal)??;
    let order = plan.order(&caller, form.reason.as_deref(), &[])?;
    let reverting = plan.carry_out(&cms.indelible, &caller, &order).await?;
    Ok((StatusCode::CREATED, Json(json!({"id": reverting}))).into_response())
}

/// Whoever reverts, here or through the log's API, has it carried out by this.
impl RevertHandler for Content {
    fn revert(&self, order: &Order) -> Reply {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reply) = answered.get(&order.idempotency_key) {
            return reply.clone();
        }
        let mut shelves = self.shelves();
        let reply = match order.entity.kind.as_str() {
            "post" => put_back::<Post>(&mut shelves, order),
            "page" => put_back::<Page>(&mut shelves, order),
            "media" => put_back::<Media>(&mut shelves, order),
            "user" => put_back::<User>(&mut shelves, order),
            "settings" => put_back::<Settings>(&mut shelves, order),
            _ => Reply::Cannot { why: "the CMS has no documents of this type".to_owned() },
        };
        if matches!(reply, Reply::Done { .. }) {
            answered.insert(order.idempotency_key, reply.clone());
        }
        reply
    }
}

fn put_back<T: Document>(shelves: &mut Shelves, order: &Order) -> Reply {
    let cannot = |why: String| Reply::Cannot { why };
    if order.paths().any(|path| path == "/password_hash") {
        return cannot("the log does not know passwords: have a new one set".to_owned());
    }
    let shelf = T::shelf(shelves);
    let present = shelf.get(&order.entity.id);
    let state = present.and_then(Audited::state).map(|state| state.to_json()).transpose();
    let before: Option<Box<RawValue>> = match state {
        Ok(state) => state,
        Err(error) => return cannot(error.to_string()),
    };
    let reply = order.carry_out(before.as_deref());
    let Reply::Done { after: Some(after), .. } = &reply else { return reply };
    // The state has neither the id nor secrets: they stay as they are.
    let merged = serde_json::from_str::<Map<String, Value>>(after.get()).map(|fields| {
        let own = present.and_then(|document| serde_json::to_value(document).ok());
        let mut own = own.and_then(|own| own.as_object().cloned()).unwrap_or_default();
        let secret = own.remove("password_hash");
        own.extend(fields);
        own.extend(secret.map(|secret| ("password_hash".to_owned(), secret)));
        own.insert("id".to_owned(), json!(order.entity.id));
        Value::Object(own)
    });
    match merged.and_then(serde_json::from_value::<T>) {
        Ok(document) => {
            shelf.insert(order.entity.id.clone(), document);
            reply
        }
        Err(error) => cannot(format!("that would be no document: {error}")),
    }
}

/// An answer that says what went wrong.
struct Failure(StatusCode, String);

impl Failure {
    fn unknown(id: &str) -> Self {
        Self(StatusCode::NOT_FOUND, format!("there is no `{id}`"))
    }

    fn invalid(error: impl std::fmt::Display) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
    }

    fn internal(error: impl std::fmt::Display) -> Self {
        Self(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        let status = if matches!(error, LogError::NoContext { .. }) {
            StatusCode::UNAUTHORIZED
        } else if matches!(error, LogError::Unsaved { .. }) {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Self(status, error.to_string())
    }
}

impl From<RevertError> for Failure {
    fn from(error: RevertError) -> Self {
        let status = if matches!(error, RevertError::Conflict(..)) {
            StatusCode::CONFLICT
        } else if matches!(error, RevertError::Impossible(_) | RevertError::ReasonMissing) {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}
