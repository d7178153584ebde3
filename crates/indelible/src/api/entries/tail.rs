//! `GET /sites/{site}/entries/tail`
//!
//! By index, so that nothing is ever skipped: entries that happened earlier and arrived later come when they
//! arrive. Do not build a feed by moving `from` along; use this.

use std::ops::Range;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use model::{Filter, Permission};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::shown;
use crate::access::{Caller, Part};
use crate::api::caller::caller_of;
use crate::api::parameters::FilterParameters;
use crate::api::problem::Problem;
use crate::api::query;
use crate::api::{App, Path, blocking};
use crate::form::EntryOut;
use crate::search;

/// Entries read at once: the width of a tile, so that a block is unpacked once.
const ENTRIES_AT_ONCE: u64 = 256;

/// Entries that wait for a slow client.
const ENTRIES_WAITING_MAX: usize = 256;

/// How often a live tail looks for entries of other processes; those of this one wake it at once.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Entries after an index, in the order of the log.
///
/// As NDJSON: all there are now. As server-sent events (`Accept: text/event-stream`): those, and then each
/// new one as it arrives; `id:` is the index, and `Last-Event-ID` resumes.
#[utoipa::path(get, path = "/sites/{site}/entries/tail", tag = "entries",
    params(("site" = String, Path),
        ("after" = Option<u64>, Query, description = "index of the last entry seen; from the beginning when left out"), FilterParameters,
        ("Last-Event-ID" = Option<u64>, Header, description = "the same, as browsers resume")),
    responses((status = 200, description = "NDJSON or events", body = EntryOut), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(in crate::api) async fn tail(
    State(app): State<App>,
    caller: Caller,
    Path(site): Path<String>,
    RawQuery(raw_query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (after, filter) = parse(raw_query.as_deref(), &headers)?;
    let part = {
        let app = app.clone();
        blocking(move || caller.on_part_of_site(Permission::Read, &site, app.indelible.sites())).await?
    };
    let live = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/event-stream"));
    let (sender, receiver) = mpsc::channel(ENTRIES_WAITING_MAX);
    let next = after.map_or(0, |index| index.saturating_add(1));
    let reader = Reader { app, headers, filter: part.within(filter), part, next };
    tokio::spawn(reader.run(sender, live));
    let entries = ReceiverStream::new(receiver);
    if live {
        let events = entries.map(|entry| entry.map(|entry| event(&entry)));
        return Ok(Sse::new(events).keep_alive(KeepAlive::default()).into_response());
    }
    let lines = entries.map(|entry| entry.map(|entry| line(&entry)));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

fn parse(raw_query: Option<&str>, headers: &HeaderMap) -> Result<(Option<u64>, Filter), Problem> {
    let index = |name: &str, value: &str| {
        value.parse::<u64>().map_err(|_| {
            Problem::invalid(name, "invalid_value", format!("`{value}` is not an index: 0, 1, 2 and so on"))
        })
    };
    let (filter, own) = query::filter_and_own(raw_query, &["after"])?;
    let mut after = own.last().map(|(name, value)| index(name, value)).transpose()?;
    if let Some(last) = headers.get("last-event-id") {
        after = Some(index("Last-Event-ID", last.to_str().unwrap_or_default())?);
    }
    Ok((after, filter))
}

/// Reads a log on and on.
struct Reader {
    app: App,
    /// What the caller showed: a credential that ends while the tail goes on ends the tail.
    headers: HeaderMap,
    /// What the caller could read when it asked.
    part: Part,
    filter: Filter,
    next: u64,
}

/// Ends a stream without its proper end, so that the client notices that something is missing.
#[derive(Debug, thiserror::Error)]
#[error("the tail was broken off; resume it after the last entry that arrived")]
struct Broken;

impl Reader {
    /// Sends what there is, and if `live`, what comes, until the client has gone or may not read any more.
    async fn run(mut self, sender: mpsc::Sender<Result<EntryOut, Broken>>, live: bool) {
        let mut changes = self.app.indelible.published().subscribe();
        loop {
            changes.mark_unchanged();
            if let Err(Broken) = self.send_new(&sender).await {
                // Whoever went away does not need to be told.
                drop(sender.send(Err(Broken)).await);
                return;
            }
            if !live {
                return;
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(LOOK_AGAIN) => {}
                () = sender.closed() => return,
            }
        }
    }

    /// Sends the entries up to the present head.
    async fn send_new(&mut self, sender: &mpsc::Sender<Result<EntryOut, Broken>>) -> Result<(), Broken> {
        let size = self.app.indelible.published().size(self.part.site.log).map_err(|_| Broken)?;
        while self.next < size {
            if !self.may_read().await {
                return Err(Broken);
            }
            let end = (self.next - self.next % ENTRIES_AT_ONCE + ENTRIES_AT_ONCE).min(size);
            let chunk = self.read(self.next..end).await.map_err(|_| Broken)?;
            self.next = end;
            for entry in chunk {
                sender.send(Ok(entry)).await.map_err(|_| Broken)?;
            }
        }
        Ok(())
    }

    /// Asks the gate again: tokens are revoked and sessions end at once, not when a stream does.
    async fn may_read(&self) -> bool {
        let (app, headers, part) = (self.app.clone(), self.headers.clone(), self.part.clone());
        let asked = blocking(move || {
            let caller = caller_of(&app, &headers)?;
            caller.still_sees(&part, app.indelible.sites())
        });
        asked.await.is_ok()
    }

    async fn read(&self, range: Range<u64>) -> Result<Vec<EntryOut>, Problem> {
        let (app, part, filter) = (self.app.clone(), self.part.clone(), self.filter.clone());
        blocking(move || {
            let mut entries = search::read_entries(
                app.indelible.store().as_ref(),
                app.indelible.published(),
                &part.site,
                range,
            )?;
            entries.retain(|entry| filter.matches(entry));
            Ok::<_, Problem>(shown(&app.indelible, &part.into(), entries)?)
        })
        .await
    }
}

fn line(entry: &EntryOut) -> Vec<u8> {
    let mut line = serde_json::to_vec(entry).unwrap_or_default();
    line.push(b'\n');
    line
}

fn event(entry: &EntryOut) -> Event {
    let data = serde_json::to_string(entry).unwrap_or_default();
    Event::default().id(entry.index().to_string()).data(data)
}
