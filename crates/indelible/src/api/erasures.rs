//! `POST /sites/{site}/erasures`

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::{Permission, SectionName};
use serde::Deserialize;
use utoipa::ToSchema;

use super::entries::detail::entry_detail;
use super::entries::find as find_entry;
use super::form::EntryDetail;
use super::problem::Problem;
use super::query::json;
use super::{App, Path, blocking};
use crate::access::Caller;
use crate::removal::{self, RemovalError, Wanted};

/// How long an answer waits for the search index to follow. The index is not asked before it has, so that nothing
/// depends on it but what lies in its files.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is to be erased.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Erasure {
    /// From which entry.
    entry_id: String,
    /// Which of its sections: `actor`, `origin`, `entity`, `change`, `context`.
    sections: Vec<String>,
    /// Why, and on what ground. It is kept for ever, so it should name nobody.
    reason: String,
}

/// Erases sections of an entry for ever: their content, and all that guesses of it could be tested against. Every proof
/// stays valid. Answers the entry that tells of it.
#[utoipa::path(post, path = "/sites/{site}/erasures", tag = "removal", params(("site" = String, Path)),
    request_body = Erasure,
    responses((status = 201, description = "the entry that tells of it", body = EntryDetail),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 409, description = "a hold is on", body = Problem), (status = 410, body = Problem),
        (status = 422, body = Problem)))]
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let site = caller.on_site(Permission::Govern, &site, app.indelible.sites())?.site;
    let erasure: Erasure = json(body).await?;
    blocking(move || {
        let entry = find_entry(&app.indelible, &site, &erasure.entry_id)?;
        let sections = sections(&erasure.sections)?;
        let wanted = [Wanted { index: entry.index, sections }];
        let id = removal::erase(&app.indelible, &site, &wanted, &erasure.reason, &caller)?;
        if !app.indelible.search().follow_removals(PATIENCE)? {
            tracing::warn!(site = %site.id, "the search index has not followed an erasure yet");
        }
        let told = find_entry(&app.indelible, &site, &id.to_string())?;
        let detail = entry_detail(&app.indelible, &site, told)?;
        Ok::<_, Problem>((StatusCode::CREATED, Json(detail)))
    })
    .await
}

fn sections(names: &[String]) -> Result<Vec<SectionName>, Problem> {
    let read = |name: &String| {
        let name: String = name.chars().take(60).collect();
        name.parse().map_err(|error: String| Problem::invalid("sections", "invalid_value", error))
    };
    names.iter().map(read).collect()
}

impl From<RemovalError> for Problem {
    fn from(error: RemovalError) -> Self {
        let told = error.to_string();
        match error {
            RemovalError::Held => Self::new(StatusCode::CONFLICT, "held", told),
            RemovalError::Expired { .. } => Self::new(StatusCode::GONE, "expired", told),
            RemovalError::Kept { .. } => Self::invalid("entry_id", "kept", told),
            RemovalError::Nothing { .. } => Self::invalid("sections", "nothing_to_erase", told),
            RemovalError::Source | RemovalError::NoSections => {
                Self::invalid("sections", "invalid_value", told)
            }
            RemovalError::Entries => Self::invalid("entry_id", "invalid_value", told),
            RemovalError::NoReason => Self::invalid("reason", "missing_field", told),
            RemovalError::Unread { .. } => Self::internal(&told),
            RemovalError::Configure(error) => error.into(),
            RemovalError::Store(error) => error.into(),
            RemovalError::Search(error) => error.into(),
        }
    }
}
