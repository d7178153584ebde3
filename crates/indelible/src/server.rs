//! The HTTP server: API, dialects and screens in one application, and what surrounds every request.

use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tower::ServiceBuilder;
use tower_http::ServiceBuilderExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::request_id::MakeRequestUuid;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use tower_http::trace::TraceLayer;

use crate::api::{self, App, Doorman, Problem};
use crate::connections::{self, Patience};
use crate::metrics::Requests;
use crate::{dialects, mounted, ui};

/// How long a client may pause while it sends a body.
const BODY_PATIENCE: Duration = Duration::from_secs(30);

/// Headers of every answer that has none of its own.
const FIXED: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
];

/// API and screens, ready to be served, or mounted in another application under any prefix:
/// `.nest_service("/audit", server::application(app))`.
pub fn application(app: App) -> Router {
    let is_demo = app.gate.visitor().is_some();
    let router = surrounded(guarded(api::router().merge(ui::router())), app);
    if is_demo { router.layer(middleware::from_fn(only_by_loopback_name)) } else { router }
}

/// The API alone, to be mounted likewise.
pub fn api(app: App) -> Router {
    surrounded(guarded(api::router()), app)
}

/// Routes on which no page of another site may write. The AEM dialect, which such pages use, has rules of its own.
fn guarded(router: Router<App>) -> Router<App> {
    let own = dialects::site_cms::router();
    let guard = CsrfLayer::new().with_rejection_response(|_| cross_site());
    router.merge(own).layer(guard).merge(dialects::aem::router())
}

/// A router with what surrounds every request.
fn surrounded(router: Router<App>, app: App) -> Router {
    let proxies = app.trusted_proxies();
    let requests = app.metrics.requests.clone();
    let [sniffing, referrer, policy] = FIXED
        .map(|(name, value)| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    let around = ServiceBuilder::new()
        .set_x_request_id(MakeRequestUuid)
        .layer(TraceLayer::new_for_http().make_span_with(span))
        .propagate_x_request_id()
        .layer(sniffing)
        .layer(referrer)
        .layer(policy)
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(RequestBodyTimeoutLayer::new(BODY_PATIENCE));
    let notes = middleware::from_fn_with_state(app.clone(), api::note_reading);
    let throttle = middleware::from_fn_with_state(app.clone(), api::throttle);
    let router = router
        .layer(notes)
        .with_state(app)
        .layer(middleware::from_fn(mounted::put_prefix))
        .layer(throttle)
        .layer(middleware::from_fn_with_state(proxies, api::find_client));
    router.layer(around).layer(middleware::from_fn_with_state(requests, count))
}

/// Serves until `stop` is ready, then lets running requests end.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    app: App,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    serve_with_patience(listener, app, Patience::default().0, stop).await
}

/// The same for clients that have so long for each request, up to the end of its headers: a minute otherwise.
///
/// # Errors
/// When the listener fails.
pub async fn serve_with_patience(
    listener: TcpListener,
    app: App,
    patience: Duration,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (doorman, requests) = (Doorman::new(app.clone()), app.metrics.requests.clone());
    let door = move |peer: SocketAddr, headers: &HeaderMap| {
        let start = Instant::now();
        let mut answer = doorman.turns_away(peer, headers)?;
        for (name, value) in FIXED {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        // Whose route it would have been is not looked for.
        requests.count("other", None, answer.status().as_u16(), start.elapsed());
        Some(answer)
    };
    connections::serve(listener, application(app), door, Patience(patience), stop).await
}

/// Counts what was answered, and how long that took.
async fn count(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let (start, method) = (Instant::now(), request.method().clone());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    requests.count(method.as_str(), route, response.status().as_u16(), start.elapsed());
    response
}

/// What the server's own log says of a request: never its query or its headers, which may hold secrets.
fn span<B>(request: &axum::http::Request<B>) -> tracing::Span {
    let id = request.headers().get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", id, method = %request.method(), path = request.uri().path())
}

/// A browser says that a page of another site sent this, which might be done behind its user's back.
fn cross_site() -> Response {
    let detail =
        "a page of another site sent this request; only pages of this server may change something here";
    Problem::new(StatusCode::FORBIDDEN, "cross_site", detail).into_response()
}

/// A defect ended a request; the others go on.
#[expect(clippy::needless_pass_by_value, reason = "the layer's signature")]
fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let cause = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("unknown");
    Problem::internal(&format!("a handler panicked: {cause}")).into_response()
}

/// The demo lets everybody in, so it must be reached by this machine's own name: a web page elsewhere whose
/// name is made to lead here (DNS rebinding) must not read it.
async fn only_by_loopback_name(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if matches!(name, "127.0.0.1" | "localhost" | "[::1]") {
        return next.run(request).await;
    }
    let detail = "the demo answers only to 127.0.0.1 and localhost";
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail).into_response()
}
