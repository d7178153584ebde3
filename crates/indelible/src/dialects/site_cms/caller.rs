//! What handlers here take: a caller that the gate let in, and the parts of a path.

use axum::extract::{FromRequestParts, Path as Parts};
use axum::http::request;

use super::problem::Problem;
use crate::access::Caller;
use crate::api::{self, App};

/// A caller, with refusals in this API's form.
pub(super) struct Authenticated(pub(super) Caller);

impl FromRequestParts<App> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await;
        caller.map(Self).map_err(Problem::from)
    }
}

/// The parts of a path.
#[derive(FromRequestParts)]
#[from_request(via(Parts), rejection(Problem))]
pub(super) struct Path<T>(pub(super) T);

/// Runs what blocks away from the threads that serve requests.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    api::blocking(move || Ok::<_, api::Problem>(work())).await?
}
