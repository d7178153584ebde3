//! `GET /sites/{site}/export`, `GET /export`
//!
//! Everything that matches, in the order of the log, as a stream: nothing of it is collected first.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use model::{Filter, Permission};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::access::{Caller, Parts};
use crate::api::caller::caller_of;
use crate::api::parameters::{FilterParameters, FormatParameters};
use crate::api::problem::Problem;
use crate::api::query;
use crate::api::{App, Path, blocking};
use crate::clock;
use crate::export::{Format, Writer};
use crate::search::{self, Scan};

/// Pieces of a few hundred kilobytes that wait for a slow client.
pub(super) const PIECES_WAITING_MAX: usize = 4;

/// Everything of a site that matches, in the order of its log, oldest first.
#[utoipa::path(get, path = "/sites/{site}/export", tag = "entries",
    params(("site" = String, Path), FormatParameters, FilterParameters),
    responses((status = 200, description = "a stream"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(in crate::api) async fn export(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (format, filter) = parse(query.as_deref())?;
    let name = site.clone();
    let parts = {
        let app = app.clone();
        blocking(move || caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())).await?.into()
    };
    answer(app, headers, parts, &name, format, filter).await
}

/// Everything that the caller may see and that matches, site after site.
#[utoipa::path(get, path = "/export", tag = "entries",
    params(FormatParameters, FilterParameters),
    responses((status = 200, description = "a stream"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 422, body = Problem)))]
pub(in crate::api) async fn export_everywhere(
    State(app): State<App>,
    caller: Caller,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (format, filter) = parse(query.as_deref())?;
    let parts = {
        let app = app.clone();
        blocking(move || caller.parts(app.indelible.sites())).await?
    };
    answer(app, headers, parts, "all-sites", format, filter).await
}

fn parse(raw_query: Option<&str>) -> Result<(Format, Filter), Problem> {
    let (filter, own) = query::filter_and_own(raw_query, &["format"])?;
    let format = match own.last() {
        Some((_, format)) => format.parse().map_err(|error: crate::export::UnknownFormat| {
            Problem::invalid("format", "invalid_value", error.to_string())
        })?,
        None => Format::Ndjson,
    };
    Ok((format, filter))
}

async fn answer(
    app: App,
    headers: HeaderMap,
    parts: Parts,
    name: &str,
    format: Format,
    filter: Filter,
) -> Result<Response, Problem> {
    let search = std::sync::Arc::clone(app.indelible.search());
    let filter = parts.within(filter);
    let asked = parts.sites.clone();
    let scan = blocking(move || search.scan(&asked, &filter)).await?;
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    let export = Export { app, headers, parts, writer: Writer::new(format), scan };
    tokio::spawn(export.run(sender));
    let day = clock::now().strftime("%Y-%m-%d");
    let disposition = format!("attachment; filename=\"{name}-{day}.{}\"", format.file_extension());
    let headers = [
        (header::CONTENT_TYPE, format.content_type().to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
    ];
    Ok((headers, Body::from_stream(ReceiverStream::new(receiver))).into_response())
}

struct Export {
    app: App,
    /// What the caller showed: a credential that ends while the export goes on ends the export.
    headers: HeaderMap,
    /// What the caller could read when it asked.
    parts: Parts,
    writer: Writer,
    scan: Scan,
}

/// Ends a stream without its proper end, so that the client notices that something is missing.
#[derive(Debug, thiserror::Error)]
#[error("the export was broken off")]
pub(super) struct Broken;

type Piece = Result<Vec<u8>, Broken>;

impl Export {
    async fn run(mut self, sender: mpsc::Sender<Piece>) {
        let head = self.writer.header();
        if !head.is_empty() && sender.send(Ok(head)).await.is_err() {
            return;
        }
        loop {
            match self.step().await {
                Ok((export, Some(piece))) => {
                    self = export;
                    // Whoever went away does not need the rest.
                    if !piece.is_empty() && sender.send(Ok(piece)).await.is_err() {
                        return;
                    }
                }
                Ok((_, None)) => return,
                Err(problem) => {
                    tracing::warn!(reason = problem.detail(), "an export was broken off");
                    drop(sender.send(Err(Broken)).await);
                    return;
                }
            }
        }
    }

    /// The next piece, as long as the caller may read.
    async fn step(mut self) -> Result<(Self, Option<Vec<u8>>), Problem> {
        blocking(move || {
            let caller = caller_of(&self.app, &self.headers)?;
            caller.still_sees_all(&self.parts, self.app.indelible.sites())?;
            let Some(entries) = self.scan.step()? else { return Ok::<_, Problem>((self, None)) };
            let hashes =
                search::leaf_hashes(self.app.indelible.store().as_ref(), &self.parts.sites, &entries)?;
            let mut piece = Vec::new();
            for (entry, hash) in entries.iter().zip(&hashes) {
                self.writer.entry(entry, hash, &mut piece);
            }
            Ok((self, Some(piece)))
        })
        .await
    }
}
