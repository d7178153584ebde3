use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::{App, Problem, origin_of};
use crate::access::{Caller, Denied, SESSION_COOKIE};

/// Every handler that takes a [`Caller`] is behind the gate; there is no other way to get one.
impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // One indexed look-up in memory-mapped pages: cheaper than changing threads for it.
        let caller = caller_of(app, &parts.headers)?;
        Ok(Self { from: Some(origin_of(parts)), ..caller })
    }
}

/// The caller of a request with these headers, as of now.
pub(super) fn caller_of(app: &App, headers: &HeaderMap) -> Result<Caller, Denied> {
    app.gate.caller(bearer(headers).or_else(|| api_key(headers)), session_of(headers))
}

/// The token of `Authorization: Bearer TOKEN`; the scheme in any case (RFC 9110 §11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The token in `X-API-Key`, where clients of other systems send theirs.
fn api_key(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-api-key")?.to_str().ok().map(str::trim)
}

/// The session secret in the request's cookies.
pub(crate) fn session_of(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, value)| value)
}
