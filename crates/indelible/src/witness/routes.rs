//! The witness over HTTP: `POST /add-checkpoint` and `GET /HASH/checkpoint`. Anybody may ask: what counts is who
//! signed the checkpoint.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::timeout::RequestBodyTimeoutLayer;

use super::{Refusal, Witness};
use crate::causes::chain;
use crate::clock;

/// Bytes of a submission: a proof of 63 hashes, and a note with many signatures.
pub const SUBMISSION_BYTES_MAX: usize = 64 * 1024;

/// Submissions at a time; more are asked to come back.
const SUBMISSIONS_MAX: usize = 32;

/// How long a client may pause while it sends a body.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

const SIZE: &str = "text/x.tlog.size";
const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Clone)]
struct Served {
    witness: Arc<Witness>,
    places: Arc<Semaphore>,
}

/// The witness as an application, to be served or mounted under any prefix.
pub fn application(witness: Arc<Witness>) -> Router {
    let served = Served { witness, places: Arc::new(Semaphore::new(SUBMISSIONS_MAX)) };
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{hash}/checkpoint", get(checkpoint))
        .layer(DefaultBodyLimit::max(SUBMISSION_BYTES_MAX))
        .layer(RequestBodyTimeoutLayer::new(BODY_PATIENCE))
        .with_state(served)
}

/// Serves the witness until `ended`.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    witness: Arc<Witness>,
    ended: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, application(witness)).with_graceful_shutdown(ended).await
}

async fn add_checkpoint(State(served): State<Served>, body: Bytes) -> Response {
    let Ok(_place) = served.places.try_acquire() else {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "too busy\n").into_response();
    };
    let seconds = u64::try_from(clock::now().as_second()).unwrap_or_default();
    let witness = Arc::clone(&served.witness);
    match tokio::task::spawn_blocking(move || witness.add_checkpoint(&body, seconds)).await {
        Ok(Ok(lines)) => ([(header::CONTENT_TYPE, TEXT)], lines).into_response(),
        Ok(Err(Refusal::OtherSize(size))) => {
            (StatusCode::CONFLICT, [(header::CONTENT_TYPE, SIZE)], format!("{size}\n")).into_response()
        }
        Ok(Err(refusal)) => {
            (status(&refusal), [(header::CONTENT_TYPE, TEXT)], format!("{}\n", described(&refusal)))
                .into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a submission ended abnormally");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn checkpoint(State(served): State<Served>, Path(hash): Path<String>) -> Response {
    match tokio::task::spawn_blocking(move || served.witness.checkpoint(&hash)).await {
        Ok(Some(note)) => ([(header::CONTENT_TYPE, TEXT)], note).into_response(),
        Ok(None) => {
            (StatusCode::NOT_FOUND, "no checkpoint of such a log was cosigned here\n").into_response()
        }
        Err(error) => {
            tracing::error!(%error, "reading a checkpoint ended abnormally");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What the specification has for each refusal.
const fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Malformed(_) | Refusal::OldAbove { .. } => StatusCode::BAD_REQUEST,
        Refusal::UnknownLog(_) => StatusCode::NOT_FOUND,
        Refusal::NotSigned(_) => StatusCode::FORBIDDEN,
        Refusal::OtherSize(_) => StatusCode::CONFLICT,
        Refusal::NotAnExtension { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::NotStored(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The refusal with its causes. Paths of the witness's files are nobody else's business.
fn described(refusal: &Refusal) -> String {
    if matches!(refusal, Refusal::NotStored(_)) {
        return "this witness cannot store checkpoints and cosigns none".to_owned();
    }
    chain(refusal)
}
