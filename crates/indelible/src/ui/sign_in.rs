//! `/sign-in`, `/sign-out`

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::view::{SignInPage, url};
use super::visit::{render, stranger_frame};
use crate::access::{SESSION_COOKIE, SESSION_LIFETIME, SignIn, SignInError};
use crate::api::{App, Problem, blocking, query_pairs, session_of};

/// The form; or, with `?link=`, the sign-in by a one-time link. `HEAD`, as link checkers ask, must not use
/// the link up.
pub(super) async fn form(State(app): State<App>, method: Method, RawQuery(query): RawQuery) -> Response {
    let Ok(pairs) = query_pairs(query.as_deref()) else {
        return Redirect::to(url::SIGN_IN).into_response();
    };
    let get = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    if let Some(link) = get("link").filter(|_| method == Method::GET) {
        let gate = app.gate.clone();
        let signed_in = blocking(move || Ok::<_, Problem>(gate.sign_in_with_link(&link))).await;
        return match signed_in {
            Ok(result) => answer(&app, result, "/", SignInPage::LINK_SPENT),
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

pub(super) async fn sign_in(State(app): State<App>, body: Bytes) -> Response {
    let Some(pairs) = std::str::from_utf8(&body).ok().and_then(|text| query_pairs(Some(text)).ok()) else {
        return show(
            &app,
            StatusCode::UNPROCESSABLE_ENTITY,
            Some(SignInPage::TOKEN_REFUSED),
            true,
            String::new(),
        );
    };
    let get = |name: &str| {
        pairs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let (token, next) = (get("token"), get("next"));
    let gate = app.gate.clone();
    match blocking(move || Ok::<_, Problem>(gate.sign_in_with_token(&token))).await {
        Ok(result) => answer(&app, result, &next, SignInPage::TOKEN_REFUSED),
        Err(problem) => problem.into_response(),
    }
}

pub(super) async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Response {
    if let Some(secret) = session_of(&headers).map(str::to_owned) {
        let gate = app.gate.clone();
        if let Err(problem) = blocking(move || gate.sign_out(&secret)).await {
            return problem.into_response();
        }
    }
    let mut response = Redirect::to(&url::with_query(url::SIGN_IN, &[("was", "out")])).into_response();
    set_cookie(&app, &mut response, "", 0);
    response
}

fn answer(app: &App, result: Result<SignIn, SignInError>, next: &str, refusal: &str) -> Response {
    match result {
        Ok(signed_in) => {
            let mut response = Redirect::to(url::local(next)).into_response();
            set_cookie(app, &mut response, signed_in.secret.reveal(), SESSION_LIFETIME.as_secs());
            response
        }
        Err(SignInError::Refused) => {
            show(app, StatusCode::UNAUTHORIZED, Some(refusal), true, next.to_owned())
        }
        Err(error) => Problem::from(error).into_response(),
    }
}

fn show(app: &App, status: StatusCode, message: Option<&str>, is_failure: bool, next: String) -> Response {
    let frame = stranger_frame(app, "Sign in");
    render(status, &SignInPage { frame, message: message.map(str::to_owned), is_failure, next })
}

/// Out of scripts' reach, not sent along from other sites, and over TLS only where there is TLS.
fn set_cookie(app: &App, response: &mut Response, value: &str, max_age_seconds: u64) {
    let secure = if app.is_https() { "; Secure" } else { "" };
    let cookie = format!(
        "{SESSION_COOKIE}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_seconds}{secure}"
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}
