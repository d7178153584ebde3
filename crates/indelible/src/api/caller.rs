use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::throttle::RefusedOften;
use super::{App, Noted, Problem, origin_of};
use crate::access::{Caller, Denied};
use crate::trail::Note;

/// Every handler that takes a [`Caller`] is behind the gate; there is no other way to get one.
impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        // One indexed look-up in memory-mapped pages: cheaper than changing threads for it.
        let shows_token =
            bearer(&parts.headers).is_some() && parts.extensions.get::<RefusedOften>().is_none();
        let caller = caller_of(app, &parts.headers).inspect_err(|denied| {
            if shows_token && matches!(denied, Denied::Unauthenticated) {
                app.note(Note::refused(None, "token", Some(origin_of(parts))));
            }
        })?;
        let caller = Self { from: Some(origin_of(parts)), ..caller };
        Noted::caller(parts, &caller);
        Ok(caller)
    }
}

/// The caller of a request with these headers, as of now.
pub(super) fn caller_of(app: &App, headers: &HeaderMap) -> Result<Caller, Denied> {
    app.gate.caller(bearer(headers).or_else(|| api_key(headers)), session_of(app, headers))
}

/// Whether a request shows a token.
pub(super) fn shows_token(headers: &HeaderMap) -> bool {
    bearer(headers).or_else(|| api_key(headers)).is_some()
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

/// Name of the session cookie. Over TLS it has the prefix that has browsers refuse it from anybody but this very
/// host, so that no neighbour can slip a session of its own under a user.
pub(crate) fn session_cookie(app: &App, headers: &HeaderMap) -> &'static str {
    cookie_name(app, headers, "__Host-indelible", "indelible_session")
}

/// The one name of a cookie over TLS, the other without.
pub(crate) fn cookie_name<'a>(
    app: &App,
    headers: &HeaderMap,
    over_tls: &'a str,
    without: &'a str,
) -> &'a str {
    if app.is_https(headers) { over_tls } else { without }
}

/// The session secret in the request's cookies.
pub(crate) fn session_of<'a>(app: &App, headers: &'a HeaderMap) -> Option<&'a str> {
    cookie_of(headers, session_cookie(app, headers))
}

/// The value of a cookie in a request.
pub(crate) fn cookie_of<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}
