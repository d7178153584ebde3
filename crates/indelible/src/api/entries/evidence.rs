//! `GET /sites/{site}/evidence`

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use model::Permission;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::export::{Broken, PIECES_WAITING_MAX};
use crate::access::{Caller, Part};
use crate::api::caller::caller_of;
use crate::api::parameters::FilterParameters;
use crate::api::problem::Problem;
use crate::api::query;
use crate::api::{App, Path, blocking};
use crate::clock;
use crate::evidence::Bundle;
use crate::search::Scan;

/// Everything that matches, each entry with its proof, as a tar file that verifies without this server
/// (`indelible verify --bundle`).
#[utoipa::path(get, path = "/sites/{site}/evidence", tag = "entries",
    params(("site" = String, Path), FilterParameters),
    responses((status = 200, description = "a tar file", content_type = "application/x-tar"),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem),
        (status = 422, body = Problem)))]
pub(in crate::api) async fn evidence(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
    RawQuery(raw_query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (filter, _) = query::filter_and_own(raw_query.as_deref(), &[])?;
    let asked = raw_query.unwrap_or_default();
    let name = format!("{site}-evidence-{}.tar", clock::now().strftime("%Y-%m-%d"));
    let gathering = {
        let app = app.clone();
        blocking(move || {
            let part = caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())?;
            let filter = part.within(filter);
            let scan = app.indelible.search().scan(std::slice::from_ref(&part.site), &filter)?;
            let bundle = Bundle::begin(&app.indelible, &part.site, &asked, clock::now())?;
            Ok::<_, Problem>(Gathering { app, part, headers, bundle, scan })
        })
        .await?
    };
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    tokio::spawn(gathering.run(sender));
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

struct Gathering {
    app: App,
    /// What the caller could read when it asked.
    part: Part,
    /// What the caller showed: a credential that ends meanwhile ends the bundle.
    headers: HeaderMap,
    bundle: Bundle,
    scan: Scan,
}

/// What a step leaves: more to come, or the last piece.
enum Step {
    More(Box<Gathering>, Vec<u8>),
    End(Vec<u8>),
}

impl Gathering {
    async fn run(self, sender: mpsc::Sender<Result<Vec<u8>, Broken>>) {
        let mut gathering = self;
        loop {
            match blocking(move || gathering.step()).await {
                // Whoever went away does not need the rest.
                Ok(Step::More(next, piece)) => {
                    gathering = *next;
                    if !piece.is_empty() && sender.send(Ok(piece)).await.is_err() {
                        return;
                    }
                }
                Ok(Step::End(piece)) => return drop(sender.send(Ok(piece)).await),
                Err(problem) => {
                    tracing::warn!(reason = problem.detail(), "an evidence bundle was broken off");
                    return drop(sender.send(Err(Broken)).await);
                }
            }
        }
    }

    fn step(mut self) -> Result<Step, Problem> {
        let caller = caller_of(&self.app, &self.headers)?;
        caller.still_sees(&self.part, self.app.indelible.sites())?;
        match self.scan.step()? {
            Some(entries) => {
                self.bundle.add(&entries)?;
                let piece = self.bundle.take();
                Ok(Step::More(Box::new(self), piece))
            }
            None => Ok(Step::End(self.bundle.end()?)),
        }
    }
}
