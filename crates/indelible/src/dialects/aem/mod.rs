//! The audit log API of AEM Edge Delivery, as its clients know it.
//!
//! ```text
//! GET, POST   /log/{org}/{site}/{ref}    also without ref      GET  /status/{org}/{site}/{ref}
//! GET, POST   /{org}/sites/{site}/log                          GET  /{org}/sites/{site}/status
//!                                                              GET  /profile/{org}/{site}, /profile?org=..&site=..
//! ```
//!
//! A request passes `cors`, then `place` reads its path, `who` asks the gate, and `read` or `write` answer. An entry of
//! ours becomes a flat record in `record`, which `normal` makes harmless for the clients that there are.

mod answer;
mod cors;
mod date;
mod normal;
mod place;
mod read;
mod record;
mod supporting;
mod who;
mod window;
mod write;

use axum::Router;
use axum::extract::{OriginalUri, RawQuery, Request, State};
use axum::http::Method;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use crate::api::App;
use answer::Refusal;
use place::Place;

/// The dialect's routes, to be mounted at the root of an application.
pub fn router() -> Router<App> {
    let router = Router::new()
        .route("/log/{*rest}", any(log))
        .route("/{org}/sites/{site}/log", any(log))
        .route("/{org}/sites/{site}/log/", any(log))
        .route("/status/{*rest}", any(supporting::status))
        .route("/{org}/sites/{site}/status", any(supporting::status))
        .route("/{org}/sites/{site}/status/", any(supporting::status))
        .route("/profile", any(supporting::profile))
        .route("/profile/{*rest}", any(supporting::profile));
    // Buttons of the log viewer ask for these; there is nothing of the kind here.
    let nothing = ["/config/{*rest}", "/index/{*rest}", "/job/{*rest}"];
    let router = nothing.into_iter().fold(router, |router, path| router.route(path, any(nothing_here)));
    router.layer(middleware::from_fn(cors::cors))
}

async fn log(
    State(app): State<App>,
    place: Place,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Refusal> {
    place.check_case()?;
    let (parts, body) = request.into_parts();
    let caller = who::caller(&app, &parts)?;
    who::check_site(&caller, &place)?;
    match parts.method {
        Method::GET => {
            let page = read::Asked::new(&app, &parts.headers, uri.path());
            read::read(app, caller, place, query, page).await
        }
        Method::POST => write::write(app, caller, place, &parts.headers, body).await,
        _ => Ok(answer::method_not_allowed()),
    }
}

async fn nothing_here() -> Response {
    Refusal::nothing_here().into_response()
}
