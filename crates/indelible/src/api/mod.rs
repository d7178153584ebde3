//! The HTTP API under `/api/v1`, one file per endpoint.
//!
//! Handlers parse, ask the [gate](crate::access), call the domain and shape the answer; nothing is decided
//! here. What blocks runs in `blocking`.

mod body;
mod caller;
mod completions;
mod connectors;
mod entries;
mod erasures;
mod form;
mod health;
mod logs;
mod metrics;
mod noted;
mod openapi;
mod parameters;
mod problem;
mod query;
mod reached;
mod searches;
mod sessions;
mod settings;
mod sites;
mod throttle;
mod tokens;
mod users;
mod viewer_tokens;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, header};
use axum::routing::get;
use model::CursorKey;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Indelible;
use crate::access::Gate;
use crate::capture;
use crate::jobs::Scrubber;
use crate::metrics::Metrics;
use crate::oidc::Oidc;
use crate::refusals::Refusals;
use crate::trail::Note;
use model::filter::Network;
use throttle::Throttle;

pub use noted::{READING, Reading};
pub use openapi::document;
pub use problem::{FieldError, Problem};
pub use reached::TrustedOrigins;
pub use throttle::Rates;

pub(crate) use body::collect as collect_body;
pub(crate) use caller::{cookie_name, cookie_of, session_cookie, session_of};
pub(crate) use entries::detail::{detail_in_part, entry_json};
pub(crate) use entries::history::of_entity;
pub(crate) use entries::{find_in_part, find_revertible, sees_whole_entity};
pub(crate) use noted::{Noted, note_reading};
pub(crate) use query::{ListQuery, pairs as query_pairs};
pub(crate) use reached::{TrustedProxies, client_address, find_client, origin_of};
pub(crate) use searches::{
    NewSearch, address as search_address, delete_search, find_search, list_parameters, own_searches,
    save_search,
};
pub(crate) use throttle::{Doorman, throttle};
pub(crate) use tokens::{end_token, managed_tokens};
pub(crate) use users::{NewUser, add_user, managed_users, remove_user};

/// The parts of a route's path; a path that does not read is answered as every other problem is.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
struct Path<T>(T);

/// What every handler needs: [`AppParts`], shared. Every request is given it several times over, so that a copy must cost
/// nothing.
#[derive(Clone, Debug)]
pub struct App(Arc<AppParts>);

impl Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}

/// See [`App`].
#[derive(Clone, Debug)]
pub struct AppParts {
    /// The installation.
    pub indelible: Indelible,
    /// Who is calling.
    pub gate: Gate,
    /// Authenticates cursors.
    pub cursor_key: CursorKey,
    /// What the process counts.
    pub(crate) metrics: Metrics,
    /// What its verifications in the background found.
    pub(crate) scrubber: Arc<Scrubber>,
    pub(crate) capture: Option<Arc<capture::Status>>,
    /// What was refused of senders.
    pub(crate) refusals: Refusals,
    /// How users reach the server, if that is set; without a slash at its end.
    configured_url: Option<String>,
    trusted_proxies: TrustedProxies,
    trusted_origins: TrustedOrigins,
    embedders: Vec<String>,
    records_reading: bool,
    oidc: Option<Arc<Oidc>>,
    throttle: Throttle,
}

impl App {
    /// The state of an application around an installation.
    #[must_use]
    pub fn new(indelible: Indelible, gate: Gate, public_url: Option<&str>) -> Self {
        let cursor_key = indelible.cursor_key();
        let metrics = Metrics::new(indelible.journal().commits());
        let configured_url = public_url.map(|url| url.trim_end_matches('/').to_owned());
        Self(Arc::new(AppParts {
            indelible,
            gate,
            cursor_key,
            metrics,
            scrubber: Scrubber::new(Scrubber::SHARE),
            capture: None,
            refusals: Refusals::default(),
            configured_url,
            trusted_proxies: TrustedProxies::from([]),
            trusted_origins: TrustedOrigins::default(),
            embedders: Vec::new(),
            records_reading: false,
            oidc: None,
            throttle: Throttle::default(),
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut AppParts)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// The same, with what this scrubber finds.
    #[must_use]
    pub fn scrubbed_by(self, scrubber: Arc<Scrubber>) -> Self {
        self.with(|app| app.scrubber = scrubber)
    }

    /// The same, telling how a capture of changes is.
    #[must_use]
    pub fn capturing(self, status: Option<Arc<capture::Status>>) -> Self {
        self.with(|app| app.capture = status)
    }

    /// The same, behind proxies whose `X-Forwarded-*` headers are believed.
    #[must_use]
    pub fn behind(self, proxies: impl IntoIterator<Item = Network>) -> Self {
        self.with(|app| app.trusted_proxies = proxies.into_iter().collect())
    }

    /// The same, for browsers that may use their cookies with the AEM dialect from pages of these origins.
    #[must_use]
    pub fn trusting(self, origins: TrustedOrigins) -> Self {
        self.with(|app| app.trusted_origins = origins)
    }

    /// The same, recording sign-ins and readings in the log of `_system`, as `indelible serve` does. A program that
    /// mounts the API in its own application decides for itself.
    #[must_use]
    pub fn recording_reading(self) -> Self {
        self.with(|app| app.records_reading = true)
    }

    /// The same, signing people in with an identity provider as well.
    #[must_use]
    pub fn signing_in_with(self, oidc: Option<Oidc>) -> Self {
        self.with(|app| app.oidc = oidc.map(Arc::new))
    }

    /// The same, turning away who asks more often than this. A program that mounts the API in its own application may
    /// have limits of its own.
    #[must_use]
    pub fn limited_to(self, rates: Rates) -> Self {
        self.with(|app| app.throttle = Throttle::new(rates))
    }

    /// What was asked lately.
    pub(crate) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// The identity provider that signs people in, if there is one.
    pub(crate) fn oidc(&self) -> Option<&Arc<Oidc>> {
        self.oidc.as_ref()
    }

    /// Notes a sign-in or a reading, where they are recorded.
    pub(crate) fn note(&self, note: Note) {
        if self.records_reading {
            self.indelible.trail().note(note);
        }
    }

    /// The same, with pages of these origins that may frame `/embed`.
    #[must_use]
    pub fn embedded_by(self, origins: Vec<String>) -> Self {
        self.with(|app| app.embedders = origins)
    }

    /// Whose pages may frame `/embed`, as a content policy says it.
    pub(crate) fn framed_by(&self) -> String {
        if self.embedders.is_empty() { "'none'".to_owned() } else { self.embedders.join(" ") }
    }

    /// The proxies whose `X-Forwarded-*` headers are believed.
    pub(crate) fn trusted_proxies(&self) -> TrustedProxies {
        TrustedProxies::clone(&self.trusted_proxies)
    }

    /// From whose pages a browser may use its cookies.
    pub(crate) fn trusted_origins(&self) -> &TrustedOrigins {
        &self.trusted_origins
    }

    /// How users reach the server: as it is set, else as this request did.
    #[must_use]
    pub fn public_url(&self, headers: &HeaderMap) -> String {
        let reached = || self.configured_url.clone().or_else(|| reached::forwarded_url(headers));
        reached().unwrap_or_else(|| {
            let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
            format!("http://{}", host.unwrap_or("127.0.0.1:8080"))
        })
    }

    /// The same where the request came in under a prefix of another application.
    pub(crate) fn public_url_under(&self, headers: &HeaderMap, prefix: &str) -> String {
        let prefix = if self.configured_url.is_some() { "" } else { prefix };
        format!("{}{prefix}", self.public_url(headers))
    }

    /// Whether users reach the server over TLS, as it is set or as a trusted proxy says.
    #[must_use]
    pub fn is_https(&self, headers: &HeaderMap) -> bool {
        self.public_url(headers).starts_with("https://")
    }
}

/// The API's routes and its document.
fn documented() -> OpenApiRouter<App> {
    let v1 = OpenApiRouter::new()
        .routes(routes!(sites::list, sites::create))
        .routes(routes!(entries::append::append, entries::list::list))
        .routes(routes!(entries::list::list_everywhere))
        .routes(routes!(entries::detail::detail))
        .routes(routes!(entries::proof::proof))
        .routes(routes!(entries::tail::tail))
        .routes(routes!(entries::facets::facets))
        .routes(routes!(entries::facets::facets_everywhere))
        .routes(routes!(completions::completions))
        .routes(routes!(completions::completions_everywhere))
        .routes(routes!(entries::export::export))
        .routes(routes!(entries::export::export_everywhere))
        .routes(routes!(entries::evidence::evidence))
        .routes(routes!(entries::history::history))
        .routes(routes!(entries::state::state))
        .routes(routes!(entries::revert::revert))
        .routes(routes!(settings::read, settings::change))
        .routes(routes!(erasures::create))
        .routes(routes!(connectors::list))
        .routes(routes!(connectors::set, connectors::remove))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(viewer_tokens::create))
        .routes(routes!(users::list, users::create))
        .routes(routes!(users::change, users::remove))
        .routes(routes!(sessions::list, sessions::end_all))
        .routes(routes!(searches::list, searches::create))
        .routes(routes!(searches::detail, searches::replace, searches::delete));
    OpenApiRouter::with_openapi(openapi::Description::openapi())
        .nest("/api/v1", v1)
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
}

/// The API's routes, to be mounted at the root of an application.
pub fn router() -> Router<App> {
    let (router, _) = documented().split_for_parts();
    router
        .merge(logs::router())
        .route("/openapi.json", get(openapi::serve))
        .route("/api/{*rest}", axum::routing::any(|| async { Problem::not_found("no such route") }))
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
}

/// Runs what blocks (the store, above all) away from the threads that serve requests.
pub(crate) async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    // What is logged there belongs to the same request.
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(work)).await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => Err(Problem::internal(&error)),
    }
}
