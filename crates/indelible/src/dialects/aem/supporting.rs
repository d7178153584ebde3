//! What clients of the log ask for before they ask for the log: where the project is, and who they are.

use axum::extract::{RawQuery, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::answer::{self, Refusal};
use super::place::Place;
use super::who;
use crate::api::{App, Problem, blocking};

/// `GET /status/{org}/{site}/{ref}`, `GET /{org}/sites/{site}/status`: the addresses that paths of records belong to.
pub(super) async fn status(
    State(app): State<App>,
    place: Place,
    request: Request,
) -> Result<Response, Refusal> {
    place.check_case()?;
    let (parts, _) = request.into_parts();
    let caller = who::caller(&app, &parts)?;
    who::check_site(&caller, &place)?;
    if parts.method != Method::GET {
        return Ok(answer::method_not_allowed());
    }
    let asked = place.clone();
    blocking(move || Ok::<_, Problem>(who::may_read(&app.indelible, &caller, &asked))).await??;
    let Place { org, site, git_ref } = place;
    let address = |domain: &str| json!({"url": format!("https://{git_ref}--{site}--{org}.{domain}/")});
    let body = json!({"live": address("aem.live"), "preview": address("aem.page")});
    Ok(answer::json(StatusCode::OK, body.to_string()))
}

/// `GET /profile/{org}/{site}`, `GET /profile?org=..&site=..`: who the caller is, as records name it.
pub(super) async fn profile(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, Refusal> {
    let place = place_of(&request, query.as_deref());
    if let Some(place) = &place {
        place.check_case()?;
    }
    let (parts, _) = request.into_parts();
    let base = app.public_url(&parts.headers);
    let caller = who::caller(&app, &parts);
    let caller = caller.and_then(|caller| match &place {
        Some(place) => who::check_site(&caller, place).map(|()| caller),
        None => Ok(caller),
    });
    match caller {
        Err(refusal) if refusal.is_unauthenticated() => Ok(answer::sign_in(&format!("{base}/sign-in"))),
        Err(refusal) => Err(refusal),
        Ok(_) if parts.method != Method::GET => Ok(answer::method_not_allowed()),
        Ok(caller) => {
            let body = json!({
                "status": 200,
                "profile": {"email": caller.name},
                "links": {"logout": format!("{base}/sign-out")},
            });
            Ok(answer::json(StatusCode::OK, body.to_string()))
        }
    }
}

/// The project in the path, else in the query; none is no mistake.
fn place_of(request: &Request, query: Option<&str>) -> Option<Place> {
    let path = request.uri().path().trim_matches('/');
    if let [.., "profile", org, site] = path.split('/').collect::<Vec<_>>().as_slice() {
        return Place::new(org, site);
    }
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query.unwrap_or_default()).ok()?;
    let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    Place::new(value("org")?, value("site")?)
}
