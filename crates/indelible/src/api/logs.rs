//! `/logs/{site}/…`: the log of a site, and `/logs/_umbrella/…`: the log over all of them, as outsiders read them
//! (C2SP tlog-tiles). Not part of the API's document:
//! the specification says all there is to say of these routes.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use model::{Permission, Retention, SiteId, UMBRELLA};
use serde::Serialize;
use tlog::{Hash, TilePath};

use super::caller::caller_of;
use super::problem::Problem;
use super::{App, Path, blocking};
use crate::clock;
use crate::public_log;
use crate::removal::Policy;
use crate::rotation::{Ended, PastKey, past_keys, past_umbrella_keys};
use crate::settings::SiteSettings;
use crate::store::Site;
use crate::umbrella;
use crate::witnessing::Standing;

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
        let (log, readers) = readable(&app, &headers, &site)?;
        let newest = format!("max-age={CHECKPOINT_SECONDS}");
        match path.as_str() {
            "checkpoint" => Ok(answer(readers, &newest, TEXT, log.checkpoint(&app)?)),
            "cosigned" => Ok(answer(readers, &newest, TEXT, log.cosigned(&app)?)),
            "log.v1.json" => Ok(answer(readers, &newest, JSON, log.description(&app)?)),
            tile => {
                let path = parse(tile)?;
                let tile = log.tile(&app, path)?;
                tile.map(|tile| answer(readers, IMMUTABLE, BYTES, tile)).ok_or_else(|| nothing_there(path))
            }
        }
    })
    .await
}

/// A log that is read.
enum Log {
    Site(Site),
    Umbrella,
}

impl Log {
    fn checkpoint(&self, app: &App) -> Result<Vec<u8>, Problem> {
        let none =
            || Problem::not_found("the umbrella log has no checkpoint yet: its first round is still to come");
        Ok(match self {
            Self::Site(site) => public_log::head(&app.indelible, site)?.checkpoint.clone().into_bytes(),
            Self::Umbrella => {
                let (_, note) = app.indelible.umbrella().head()?.ok_or_else(none)?;
                app.indelible.witnesses().with_cosignatures(&note).into_bytes()
            }
        })
    }

    /// The newest checkpoint that the quorum of witnesses cosigned.
    fn cosigned(&self, app: &App) -> Result<Vec<u8>, Problem> {
        match self {
            Self::Site(_) => Err(Problem::not_found(format!(
                "witnesses cosign the umbrella log, which covers this one: /logs/{UMBRELLA}/cosigned"
            ))),
            Self::Umbrella => {
                let cosigned = app.indelible.witnesses().cosigned();
                let none =
                    || Problem::not_found("no checkpoint of the umbrella log has a quorum of witnesses yet");
                Ok(cosigned.ok_or_else(none)?.1.into_bytes())
            }
        }
    }

    fn tile(&self, app: &App, path: TilePath) -> Result<Option<Vec<u8>>, Problem> {
        Ok(match self {
            Self::Site(site) => public_log::tile(&app.indelible, site, path)?,
            Self::Umbrella => public_log::umbrella_tile(&app.indelible, path)?,
        })
    }

    fn retention(&self, app: &App) -> Result<Option<RetentionDescription>, Problem> {
        let Self::Site(site) = self else { return Ok(None) };
        let settings = SiteSettings::load(app.indelible.store().as_ref(), site.log)?;
        let now = clock::now();
        let policy = Policy::of(&settings, app.indelible.retention(now)?, now);
        Ok(Some(RetentionDescription {
            content_days: policy.retention_days,
            hold: settings.hold,
            leaves: "forever",
        }))
    }

    fn description(&self, app: &App) -> Result<Vec<u8>, Problem> {
        let keys = app.indelible.keys();
        let failed = |error: crate::keys::KeyError| Problem::internal(&error);
        let store = app.indelible.store().as_ref();
        let umbrella_keys = keys.umbrella_verifier_keys().map_err(failed)?;
        let (present, past, cadence, umbrella) = match self {
            Self::Site(site) => {
                let umbrella = UmbrellaDescription {
                    origin: keys.umbrella_origin(),
                    vkey: umbrella_keys.first().map(ToString::to_string).unwrap_or_default(),
                    path: format!("/logs/{UMBRELLA}"),
                    tag: Hash::from_bytes(keys.site_tag(&site.id)).to_string(),
                    blinding: Hash::from_bytes(keys.site_blinding(&site.id)).to_string(),
                };
                let present = keys.verifier_keys(&site.id).map_err(failed)?;
                (present, past_keys(store, site.log)?, Cadence::Commit, Some(umbrella))
            }
            Self::Umbrella => {
                let cadence = Cadence::of_rounds(app.indelible.umbrella().cadence());
                (umbrella_keys, past_umbrella_keys(store)?, cadence, None)
            }
        };
        let description = Description {
            origin: present.first().map(|key| key.name().to_owned()).unwrap_or_default(),
            vkeys: described(&present, past),
            minimum_index: 0,
            retention: self.retention(app)?,
            cadence,
            umbrella,
            witnesses: match self {
                Self::Site(_) => Vec::new(),
                Self::Umbrella => {
                    app.indelible.witnesses().standings().into_iter().map(WitnessDescription::of).collect()
                }
            },
        };
        serde_json::to_vec_pretty(&description).map_err(|error| Problem::internal(&error))
    }
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
    /// How long content is kept, in days or for ever, beside the leaves; leaves stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<RetentionDescription>,
    cadence: Cadence,
    /// The log over all sites' logs, and where this one is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    umbrella: Option<UmbrellaDescription>,
    /// Who is asked to cosign its checkpoints.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    witnesses: Vec<WitnessDescription>,
}

#[derive(Serialize)]
struct WitnessDescription {
    name: String,
    vkey: String,
    /// The newest head that it cosigned.
    #[serde(skip_serializing_if = "Option::is_none")]
    newest: Option<Cosigned>,
}

#[derive(Serialize)]
struct Cosigned {
    size: u64,
    /// In seconds since 1970, by the witness's clock.
    cosigned_at: u64,
}

impl WitnessDescription {
    fn of(standing: Standing) -> Self {
        let newest = standing.newest.map(|(size, cosigned_at)| Cosigned { size, cosigned_at });
        Self { name: standing.name, vkey: standing.vkey, newest }
    }
}

#[derive(Serialize)]
struct RetentionDescription {
    content_days: Retention,
    hold: bool,
    leaves: &'static str,
}

#[derive(Serialize)]
struct VerifierKey {
    vkey: String,
    /// `current`; `previous` while it signs beside another; `retired`; `restored` where its epoch ended by a restore.
    status: &'static str,
    /// How many entries that it may have signed for are still the log's.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// The newest checkpoint that it is known to have signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<String>,
}

/// The keys of a log, the one in use first, then those of earlier times, the last first.
fn described(present: &[tlog::VerifierKey], past: Vec<PastKey>) -> Vec<VerifierKey> {
    let signing = present.iter().enumerate().map(|(age, key)| VerifierKey {
        vkey: key.to_string(),
        status: if age == 0 { "current" } else { "previous" },
        size: None,
        checkpoint: None,
    });
    let ended = past.into_iter().rev().map(|key| VerifierKey {
        vkey: key.vkey,
        status: match key.ended {
            Ended::Retired => "retired",
            Ended::Restored => "restored",
        },
        size: Some(key.size),
        checkpoint: key.checkpoint,
    });
    signing.chain(ended).collect()
}

/// When checkpoints are signed.
#[derive(Serialize)]
#[serde(tag = "checkpoint", rename_all = "lowercase")]
enum Cadence {
    /// With every commit.
    Commit,
    /// When a round found that something moved, and as a heartbeat when nothing did for long. Without times where
    /// this server makes no rounds.
    Round {
        #[serde(skip_serializing_if = "Option::is_none")]
        round_seconds: Option<u64>,
        #[serde(skip_serializing_if = "Option::is_none")]
        heartbeat_seconds: Option<u64>,
    },
}

impl Cadence {
    fn of_rounds(cadence: Option<umbrella::Cadence>) -> Self {
        Self::Round {
            round_seconds: cadence.map(|cadence| cadence.round.as_secs()),
            heartbeat_seconds: cadence.map(|cadence| cadence.heartbeat.as_secs()),
        }
    }
}

#[derive(Serialize)]
struct UmbrellaDescription {
    origin: String,
    vkey: String,
    /// Where it is read.
    path: String,
    /// The site's tag in its leaves.
    tag: String,
    /// The value that ties the tag to the origin of the site's log.
    blinding: String,
}

/// The log, if whoever asks may read it: anybody where the site says so, else the site's readers. The umbrella is
/// for everybody who may read any site, and for anybody where the installation's own log is public.
fn readable(app: &App, headers: &HeaderMap, name: &str) -> Result<(Log, Readers), Problem> {
    let sites = app.indelible.sites();
    let is_umbrella = name == UMBRELLA;
    let asked = if is_umbrella { Ok(SiteId::system()) } else { name.parse() };
    if let Ok(id) = asked
        && let Some(found) = sites.find(&id)?
        && SiteSettings::load(app.indelible.store().as_ref(), found.log)?.public_log
    {
        return Ok((if is_umbrella { Log::Umbrella } else { Log::Site(found) }, Readers::Everybody));
    }
    let caller = caller_of(app, headers)?;
    if is_umbrella {
        caller.may(Permission::Read)?;
        return Ok((Log::Umbrella, Readers::OfTheSite));
    }
    Ok((Log::Site(caller.on_site(Permission::Read, name, sites)?.site), Readers::OfTheSite))
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
