//! `/sign-in/oidc`: signing in with an identity provider.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use model::SiteId;
use serde_json::json;

use super::sign_in::{answer, put_cookie, show};
use super::view::{Frame, SignInAsPage, SignInChoice, SignInPage, url};
use super::visit::{failure, render, role_words, stranger_frame};
use crate::access::Vouched;
use crate::api::{App, Problem, blocking, cookie_name, cookie_of, origin_of, query_pairs};
use crate::mounted::Prefix;
use crate::oidc::{Answer, Attempt, Membership, Oidc, OidcError, Person};
use crate::trail::Note;

/// How long somebody may take at the provider.
const ATTEMPT_LIFETIME: Duration = Duration::from_mins(15);

/// Where it begins, if there is a provider.
pub(super) fn href(app: &App, next: &str) -> Option<String> {
    app.oidc().map(|_| url::with_query(url::SIGN_IN_OIDC, &[("next", next)]))
}

/// Leads to the provider.
pub(super) async fn begin(State(app): State<App>, RawQuery(query): RawQuery, parts: Parts) -> Response {
    let Some(oidc) = app.oidc() else { return no_provider() };
    let pairs = query_pairs(query.as_deref()).unwrap_or_default();
    let get = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let next = get("next").unwrap_or_default();
    let wanted = get("as").and_then(|text| text.parse().ok());
    match oidc.begin(&callback(&app, &parts), next, wanted).await {
        Ok(begun) => {
            let mut response = Redirect::to(&begun.url).into_response();
            keep(&app, &parts.headers, &mut response, &begun.attempt.text(), ATTEMPT_LIFETIME);
            response
        }
        Err(error) => refused(&app, &parts, &error, next),
    }
}

/// Where the provider sends people back to.
pub(super) async fn finish(State(app): State<App>, RawQuery(query): RawQuery, parts: Parts) -> Response {
    let Some(oidc) = app.oidc().cloned() else { return no_provider() };
    let kept = cookie_of(&parts.headers, cookie(&app, &parts.headers)).and_then(Attempt::read);
    let next = kept.as_ref().map(|attempt| attempt.next().to_owned()).unwrap_or_default();
    let mut response = match person(&app, &oidc, kept.as_ref(), query.as_deref(), &parts).await {
        Ok(person) => enter(&app, &parts, person, kept.and_then(|attempt| attempt.wanted()), &next).await,
        Err(error) => refused(&app, &parts, &error, &next),
    };
    // Each attempt is for one answer.
    keep(&app, &parts.headers, &mut response, "", Duration::ZERO);
    response
}

async fn person(
    app: &App,
    oidc: &Oidc,
    attempt: Option<&Attempt>,
    query: Option<&str>,
    parts: &Parts,
) -> Result<Person, OidcError> {
    let attempt = attempt.ok_or(crate::oidc::Refusal::State)?;
    let pairs = query_pairs(query).unwrap_or_default();
    let get = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    let answer = Answer { code: get("code"), state: get("state"), issuer: get("iss"), error: get("error") };
    oidc.finish(attempt, &callback(app, parts), &answer).await
}

/// Opens a session for somebody who is one thing, or has said which.
async fn enter(app: &App, parts: &Parts, person: Person, wanted: Option<Membership>, next: &str) -> Response {
    let Person { name, account, memberships } = person;
    let chosen = match (wanted, memberships.as_slice()) {
        (Some(wanted), all) if all.contains(&wanted) => wanted,
        (_, [one]) => one.clone(),
        (_, several) => return choices(app, name, several, next),
    };
    let vouched = Vouched { name, account, role: chosen.role, site: chosen.site };
    let (entered, from) = (app.clone(), Some(origin_of(parts)));
    let signed_in = blocking(move || {
        let signed_in = entered.gate.sign_in_vouched(vouched, from)?;
        let note = Note::of(&signed_in.caller, "indelible.sign_in", "installation", "indelible");
        entered.note(note.with(json!({ "means": MEANS })));
        Ok::<_, Problem>(signed_in)
    });
    match signed_in.await {
        Ok(signed_in) => answer(app, &parts.headers, Ok(signed_in), next, SignInPage::SESSION_ENDED).await,
        Err(problem) => problem.into_response(),
    }
}

/// Asks somebody who is several things which of them a session is to be for. The provider knows them already, so
/// that going there once more is not seen.
fn choices(app: &App, name: String, memberships: &[Membership], next: &str) -> Response {
    let choice = |membership: &Membership| SignInChoice {
        role: role_words(membership.role),
        site: membership.site.as_ref().map_or_else(|| "all sites".to_owned(), SiteId::to_string),
        href: url::with_query(url::SIGN_IN_OIDC, &[("next", next), ("as", &membership.to_string())]),
    };
    let choices = memberships.iter().map(choice).collect();
    render(StatusCode::OK, &SignInAsPage { frame: stranger_frame(app, "Sign in as"), name, choices })
}

/// How somebody signed in, in the log of the log.
const MEANS: &str = "oidc";

/// The sign-in page with why it did not work. What the provider did wrong is for the operator.
fn refused(app: &App, parts: &Parts, error: &OidcError, next: &str) -> Response {
    let (status, message) = match error {
        OidcError::Provider(_) => {
            tracing::warn!(%error, "somebody could not sign in");
            let message = "The identity provider could not be asked, or its answer is none. Try again; if that \
                           does not help, the server's log says why.";
            (StatusCode::SERVICE_UNAVAILABLE, message.to_owned())
        }
        OidcError::Entropy(error) => return Problem::internal(error).into_response(),
        OidcError::Refused(_) | OidcError::NoRole { .. } => {
            tracing::info!(%error, "somebody was not signed in");
            let name = if let OidcError::NoRole { name } = error { Some(name.as_str()) } else { None };
            let note = Note::refused(name, MEANS, Some(origin_of(parts)));
            app.note(note.with(json!({ "means": MEANS, "why": error.to_string() })));
            (StatusCode::UNAUTHORIZED, format!("You are not signed in: {error}. Begin again below."))
        }
    };
    show(app, status, Some(&message), true, next.to_owned())
}

fn no_provider() -> Response {
    let problem = Problem::not_found("no identity provider is set: see APP__AUTH__OIDC__ISSUER");
    failure(Frame::default(), &problem, None)
}

/// The address that the provider must know.
fn callback(app: &App, parts: &Parts) -> String {
    let prefix = parts.extensions.get::<Prefix>().map(|prefix| prefix.0.as_str()).unwrap_or_default();
    format!("{}{}", app.public_url_under(&parts.headers, prefix), url::SIGN_IN_OIDC_CALLBACK)
}

fn cookie(app: &App, headers: &HeaderMap) -> &'static str {
    cookie_name(app, headers, "__Host-indelible-attempt", "indelible_attempt")
}

fn keep(app: &App, headers: &HeaderMap, response: &mut Response, text: &str, lifetime: Duration) {
    put_cookie(app, headers, response, cookie(app, headers), text, lifetime.as_secs());
}
