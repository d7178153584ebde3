//! Who calls: the four ways in which clients of this API show a token, and what the gate says of it.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use model::Permission;

use super::answer::Refusal;
use super::place::Place;
use crate::Indelible;
use crate::access::{Caller, Denied, Part};
use crate::api::{App, Noted, origin_of, session_of};

/// The rights of this API, each with the permissions of ours that it takes. A role has a right if it has them all; which
/// role has which permission is the table in `model::access`.
const READ: [Permission; 1] = [Permission::Read];
const WRITE: [Permission; 2] = [Permission::Read, Permission::Append];

/// The caller of a request. The first credential that is shown decides.
pub(super) fn caller(app: &App, parts: &Parts) -> Result<Caller, Refusal> {
    let headers = &parts.headers;
    // A browser sends cookies, and is let in as a visitor, whoever wrote the page that asks.
    let by_itself = trusts_page(app, parts);
    let cookie = auth_cookie(headers).filter(|_| by_itself);
    let token = cookie.or_else(|| auth_header(headers)).or_else(|| authorization(headers));
    let session = session_of(app, headers).filter(|_| by_itself);
    if token.is_none() && !by_itself {
        return Err(Refusal::unauthenticated());
    }
    let caller = app.gate.caller(token, session)?;
    let caller = Caller { from: Some(origin_of(parts)), ..caller };
    Noted::caller(parts, &caller);
    Ok(caller)
}

/// A credential of another site counts as none.
pub(super) fn check_site(caller: &Caller, place: &Place) -> Result<(), Refusal> {
    let is_own = caller.site.as_ref().is_none_or(|own| place.id().as_ref() == Some(own));
    if is_own { Ok(()) } else { Err(Refusal::not_authenticated_here()) }
}

/// Asks for AEM's `log:read`. Nothing where there is no such site. Blocks.
pub(super) fn may_read(
    indelible: &Indelible,
    caller: &Caller,
    place: &Place,
) -> Result<Option<Part>, Refusal> {
    match ask(indelible, caller, place, &READ) {
        Ok(part) => Ok(Some(part)),
        Err(Denied::NoSuchSite(_)) => Ok(None),
        Err(denied) => Err(denied.into()),
    }
}

/// Asks for AEM's `log:write`, which goes with `log:read`. Blocks.
pub(super) fn may_write(indelible: &Indelible, caller: &Caller, place: &Place) -> Result<Part, Refusal> {
    Ok(ask(indelible, caller, place, &WRITE)?)
}

/// The part of the site on which the caller has all the permissions.
fn ask(
    indelible: &Indelible,
    caller: &Caller,
    place: &Place,
    permissions: &[Permission],
) -> Result<Part, Denied> {
    permissions.iter().try_for_each(|permission| caller.may(*permission))?;
    let unknown = || Denied::NoSuchSite(format!("{}.{}", place.org, place.site).chars().take(130).collect());
    let id = place.id().ok_or_else(unknown)?;
    let mut part = Err(unknown());
    for permission in permissions {
        part = Ok(caller.on_part_of_site(*permission, id.as_str(), indelible.sites())?);
    }
    part
}

/// Whether the page that sent this, if one did, may use what the browser adds by itself: a page of this server, or of an
/// origin that is trusted.
fn trusts_page(app: &App, parts: &Parts) -> bool {
    let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(origin) = text("origin") {
        return app.trusted_origins().hold(origin) || is_own(app, &parts.headers, origin);
    }
    // Browsers name the origin of everything but what they only fetch or show.
    let is_foreign = matches!(text("sec-fetch-site"), Some("cross-site" | "same-site"));
    parts.method == Method::GET || !is_foreign
}

fn is_own(app: &App, headers: &HeaderMap, origin: &str) -> bool {
    let Ok(own) = url::Url::parse(&app.public_url(headers)) else { return false };
    url::Url::parse(origin).is_ok_and(|origin| origin.origin() == own.origin())
}

fn auth_cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, value)| *name == "auth_token" && !value.is_empty()).map(|(_, value)| value)
}

fn auth_header(headers: &HeaderMap) -> Option<&str> {
    headers.get("x-auth-token")?.to_str().ok().map(str::trim).filter(|token| !token.is_empty())
}

/// `token KEY` or `Bearer TOKEN`, the scheme in any case.
fn authorization(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.trim().split_once(' ')?;
    let is_known = ["token", "bearer"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    is_known.then(|| token.trim())
}
