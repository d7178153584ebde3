//! `GET /sessions`, `DELETE /sessions`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::{App, blocking};
use crate::access::Caller;
use crate::store::Session;

/// A browser that is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionOut {
    #[schema(value_type = String, format = DateTime)]
    opened_at: Timestamp,
    /// The address and the browser it was opened from.
    opened_from: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// The sessions of the caller's account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SessionsOut {
    data: Vec<SessionOut>,
}

impl From<Session> for SessionOut {
    fn from(session: Session) -> Self {
        let Session { opened_at, opened_from, expires_at, .. } = session;
        Self { opened_at, opened_from, expires_at }
    }
}

/// The sessions of the caller's account, the newest first; of a caller who came with a token, none.
#[utoipa::path(get, path = "/sessions", tag = "users",
    responses((status = 200, body = SessionsOut), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(super) async fn list(State(app): State<App>, caller: Caller) -> Result<Json<SessionsOut>, Problem> {
    blocking(move || {
        let sessions = app.gate.sessions(&caller)?;
        Ok::<_, Problem>(Json(SessionsOut { data: sessions.into_iter().map(SessionOut::from).collect() }))
    })
    .await
}

/// Ends every session of the caller's account, the one that asks for it too.
#[utoipa::path(delete, path = "/sessions", tag = "users",
    responses((status = 204), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub(super) async fn end_all(State(app): State<App>, caller: Caller) -> Result<StatusCode, Problem> {
    blocking(move || {
        app.gate.sign_out_everywhere(&caller)?;
        Ok::<_, Problem>(StatusCode::NO_CONTENT)
    })
    .await
}
