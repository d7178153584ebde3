//! `/sign-in`, `/sign-out`

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use model::Origin;
use serde_json::json;

use super::form::Form;
use super::oidc;
use super::view::{SignInPage, url};
use super::visit::{render, stranger_frame};
use crate::access::{Caller, SESSION_LIFETIME, SignIn, SignInError, user_name};
use crate::api::{App, Problem, blocking, origin_of, query_pairs, session_cookie, session_of};
use crate::trail::Note;

/// The form; or, with `?link=`, the sign-in by a one-time link. `HEAD`, as link checkers ask, must not use
/// the link up.
pub(super) async fn form(State(app): State<App>, RawQuery(query): RawQuery, parts: Parts) -> Response {
    let Ok(pairs) = query_pairs(query.as_deref()) else {
        return Redirect::to(url::SIGN_IN).into_response();
    };
    let get = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    if let Some(link) = get("link").filter(|_| parts.method == Method::GET) {
        let (gate, from) = (app.gate.clone(), Some(origin_of(&parts)));
        let trail = app.clone();
        let signed_in = blocking(move || {
            let signed_in = gate.sign_in_with_link(&link, from.clone());
            note_sign_in(&trail, &signed_in, "", "link", from)?;
            Ok::<_, Problem>(signed_in)
        })
        .await;
        return match signed_in {
            Ok(result) => answer(&app, &parts.headers, result, "/", SignInPage::LINK_SPENT).await,
            Err(problem) => problem.into_response(),
        };
    }
    let message = match get("was").as_deref() {
        Some("ended") => Some(SignInPage::SESSION_ENDED),
        Some("out") => Some(SignInPage::SIGNED_OUT),
        _ => None,
    };
    show(&app, StatusCode::OK, message, false, get("next").unwrap_or_default())
}

/// Signs in with a token, or with a name and a password.
pub(super) async fn sign_in(State(app): State<App>, parts: Parts, body: Bytes) -> Response {
    let Ok(form) = Form::read(&body) else {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return show(&app, status, Some(SignInPage::TOKEN_REFUSED), true, String::new());
    };
    let refusal =
        if form.get("name").is_empty() { SignInPage::TOKEN_REFUSED } else { SignInPage::PASSWORD_REFUSED };
    let next = form.get("next").to_owned();
    let (gate, from) = (app.gate.clone(), Some(origin_of(&parts)));
    let trail = app.clone();
    let signed_in = blocking(move || {
        let (name, token) = (form.get("name"), form.get("token").trim());
        let signed_in = if name.is_empty() {
            gate.sign_in_with_token(token, from.clone())
        } else {
            gate.sign_in_with_password(name, form.get("password"), from.clone())
        };
        let means = if name.is_empty() { "token" } else { "password" };
        note_sign_in(&trail, &signed_in, name, means, from)?;
        Ok::<_, Problem>(signed_in)
    });
    match signed_in.await {
        Ok(result) => answer(&app, &parts.headers, result, &next, refusal).await,
        Err(problem) => problem.into_response(),
    }
}

pub(super) async fn sign_out(State(app): State<App>, parts: Parts) -> Response {
    if let Some(secret) = session_of(&app, &parts.headers).map(str::to_owned) {
        let (app, from) = (app.clone(), Some(origin_of(&parts)));
        let ended = blocking(move || {
            if let Some(caller) = app.gate.session(&secret)? {
                let caller = Caller { from, ..caller };
                let note = Note::of(&caller, "indelible.sign_out", "installation", "indelible");
                app.note(note);
            }
            app.gate.sign_out(&secret)
        });
        if let Err(problem) = ended.await {
            return problem.into_response();
        }
    }
    signed_out(&app, &parts.headers)
}

/// Records that somebody signed in, or was refused. A name that nobody has is not recorded: it may be a password that
/// was typed into the wrong field.
fn note_sign_in(
    app: &App,
    result: &Result<SignIn, SignInError>,
    name: &str,
    means: &str,
    from: Option<Origin>,
) -> Result<(), Problem> {
    let note = if let Ok(signed_in) = result {
        Note::of(&signed_in.caller, "indelible.sign_in", "installation", "indelible")
            .with(json!({ "means": means }))
    } else {
        let user = app.indelible.store().user(&user_name(name))?;
        Note::refused(user.as_ref().map(|user| user.name.as_str()), means, from)
    };
    app.note(note);
    Ok(())
}

/// Leads to the sign-in page, without a session.
pub(super) fn signed_out(app: &App, headers: &HeaderMap) -> Response {
    let mut response = Redirect::to(&url::with_query(url::SIGN_IN, &[("was", "out")])).into_response();
    set_cookie(app, headers, &mut response, "", 0);
    response
}

/// A session's cookie and the way to the page, or why not. A session that the browser had before ends, whoever
/// opened it: what anybody may know of it is worth nothing from here on.
pub(super) async fn answer(
    app: &App,
    headers: &HeaderMap,
    result: Result<SignIn, SignInError>,
    next: &str,
    refusal: &str,
) -> Response {
    match result {
        Ok(signed_in) => {
            if let Some(before) = session_of(app, headers).map(str::to_owned) {
                let gate = app.gate.clone();
                if let Err(problem) = blocking(move || gate.sign_out(&before)).await {
                    return problem.into_response();
                }
            }
            let mut response = Redirect::to(url::local(next)).into_response();
            let seconds = SESSION_LIFETIME.as_secs();
            set_cookie(app, headers, &mut response, signed_in.secret.reveal(), seconds);
            response
        }
        Err(SignInError::Refused) => {
            show(app, StatusCode::UNAUTHORIZED, Some(refusal), true, next.to_owned())
        }
        Err(error @ SignInError::Wait(_)) => {
            let message = error.to_string();
            let problem = Problem::from(error);
            let retry = problem.into_response().headers().get(header::RETRY_AFTER).cloned();
            let mut page = show(app, StatusCode::TOO_MANY_REQUESTS, Some(&message), true, next.to_owned());
            page.headers_mut().extend(retry.map(|value| (header::RETRY_AFTER, value)));
            page
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

pub(super) fn show(
    app: &App,
    status: StatusCode,
    message: Option<&str>,
    is_failure: bool,
    next: String,
) -> Response {
    let frame = stranger_frame(app, "Sign in");
    let message = message.map(str::to_owned);
    let single_sign_on_href = oidc::href(app, &next);
    render(status, &SignInPage { frame, message, is_failure, next, single_sign_on_href })
}

/// Out of scripts' reach, not sent along from other sites, and over TLS only where there is TLS.
fn set_cookie(app: &App, headers: &HeaderMap, response: &mut Response, value: &str, max_age_seconds: u64) {
    put_cookie(app, headers, response, session_cookie(app, headers), value, max_age_seconds);
}

/// The same for a cookie of another name.
pub(super) fn put_cookie(
    app: &App,
    headers: &HeaderMap,
    response: &mut Response,
    name: &str,
    value: &str,
    max_age_seconds: u64,
) {
    let secure = if app.is_https(headers) { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
