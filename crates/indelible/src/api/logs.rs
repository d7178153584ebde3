//! `/logs/{site}/…`: the log of a site as outsiders read it (C2SP tlog-tiles). Not part of the API's document:
//! the specification says all there is to say of these routes.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use model::{Permission, SiteId};
use serde::Serialize;
use tlog::TilePath;

use super::caller::caller_of;
use super::problem::Problem;
use super::{App, Path, blocking};
use crate::public_log;
use crate::settings::SiteSettings;
use crate::store::Site;

/// How long a checkpoint may be taken for the newest one.
const CHECKPOINT_SECONDS: u32 = 2;

/// How long what never changes may be kept: a year, the most that caches go by.
const IMMUTABLE: &str = "max-age=31536000, immutable";

const TEXT: &str = "text/plain; charset=utf-8";
const BYTES: &str = "application/octet-stream";
const JSON: &str = "application/json";

pub(super) fn router() -> Router<App> {
    Router::new().route("/logs/{site}/{*path}", get(serve))
}

/// Who else may keep a copy of an answer.
#[derive(Clone, Copy)]
enum Readers {
    Everybody,
    /// Those who may read the site: no cache between us and them.
    OfTheSite,
}

async fn serve(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
    Path((site, _)): Path<(String, String)>,
) -> Result<Response, Problem> {
    // The path as it was sent: a tile has one spelling, and an escaped one is another.
    let path = uri.path().splitn(4, '/').nth(3).unwrap_or_default().to_owned();
    blocking(move || {
        let (site, readers) = readable(&app, &headers, &site)?;
        let newest = format!("max-age={CHECKPOINT_SECONDS}");
        match path.as_str() {
            "checkpoint" => {
                let head = public_log::head(&app.indelible, &site)?;
                Ok(answer(readers, &newest, TEXT, head.checkpoint.clone().into_bytes()))
            }
            "log.v1.json" => Ok(answer(readers, &newest, JSON, description(&app, &site)?)),
            tile => {
                let path = parse(tile)?;
                let tile = public_log::tile(&app.indelible, &site, path)?;
                tile.map(|tile| answer(readers, IMMUTABLE, BYTES, tile)).ok_or_else(|| nothing_there(path))
            }
        }
    })
    .await
}

fn parse(path: &str) -> Result<TilePath, Problem> {
    path.parse().map_err(|error: tlog::TileError| Problem::not_found(error.to_string()))
}

fn nothing_there(path: TilePath) -> Problem {
    Problem::not_found(format!("the log has no {path} yet: take the sizes from its checkpoint"))
}

/// What a program needs to know of a log before it reads it.
#[derive(Serialize)]
struct Description {
    /// The first line of the log's checkpoints.
    origin: String,
    /// The keys that sign or signed them, the one in use first.
    vkeys: Vec<VerifierKey>,
    /// The first entry whose leaf is served.
    minimum_index: u64,
    cadence: Cadence,
}

#[derive(Serialize)]
struct VerifierKey {
    vkey: String,
    /// `current` or `retired`.
    status: &'static str,
}

/// When checkpoints are signed.
#[derive(Serialize)]
struct Cadence {
    /// A site's: with every commit.
    checkpoint: &'static str,
}

fn description(app: &App, site: &Site) -> Result<Vec<u8>, Problem> {
    let keys = app.indelible.keys();
    let vkey = keys.verifier_key(&site.id).map_err(|error| Problem::internal(&error))?.to_string();
    let description = Description {
        origin: keys.origin(&site.id),
        vkeys: vec![VerifierKey { vkey, status: "current" }],
        minimum_index: 0,
        cadence: Cadence { checkpoint: "commit" },
    };
    serde_json::to_vec_pretty(&description).map_err(|error| Problem::internal(&error))
}

/// The site, if whoever asks may read its log: anybody where the site says so, else the site's readers.
fn readable(app: &App, headers: &HeaderMap, site: &str) -> Result<(Site, Readers), Problem> {
    let sites = app.indelible.sites();
    if let Ok(id) = site.parse::<SiteId>()
        && let Some(found) = sites.find(&id)?
        && SiteSettings::load(app.indelible.store().as_ref(), found.log)?.public_log
    {
        return Ok((found, Readers::Everybody));
    }
    let caller = caller_of(app, headers)?;
    Ok((caller.on_site(Permission::Read, site, sites)?.site, Readers::OfTheSite))
}

fn answer(readers: Readers, age: &str, content_type: &'static str, body: Vec<u8>) -> Response {
    let (scope, vary) = match readers {
        Readers::Everybody => ("public", None),
        Readers::OfTheSite => ("private", Some("authorization, cookie")),
    };
    let headers =
        [(header::CONTENT_TYPE, content_type.to_owned()), (header::CACHE_CONTROL, format!("{scope}, {age}"))];
    let mut response = (headers, body).into_response();
    if let Some(vary) = vary {
        response.headers_mut().insert(header::VARY, HeaderValue::from_static(vary));
    }
    response
}
