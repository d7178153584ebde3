use axum::extract::State;

use super::{App, Problem};

/// Whether the process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", responses((status = 200, description = "it does")))]
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether entries are taken.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses((status = 200, description = "they are"), (status = 503, description = "the log has stopped")))]
pub(super) async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    match app.indelible.journal().stopped() {
        None => Ok("ready\n"),
        Some(_) => Err(Problem::new(
            axum::http::StatusCode::SERVICE_UNAVAILABLE,
            "stopped",
            "the log has stopped and takes nothing until the server was restarted",
        )),
    }
}
