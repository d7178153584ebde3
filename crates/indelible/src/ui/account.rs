//! `/account`: one's own sessions and password.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::form::Form;
use super::sign_in::signed_out;
use super::view::{AccountPage, SessionRow, Time};
use super::visit::Visit;
use crate::access::{SignInError, with_password};
use crate::api::{App, Problem, blocking};
use crate::clock;
use crate::store::User;

pub(super) async fn account(State(app): State<App>, visit: Visit) -> Response {
    let make = move |visit: &Visit| {
        let now = clock::now();
        let sessions = app.gate.sessions(&visit.caller)?;
        let row = |session: crate::store::Session| SessionRow {
            opened: Time::new(now, session.opened_at),
            from: session.opened_from.unwrap_or_else(|| "an unknown place".to_owned()),
            ends: session.expires_at.strftime("%H:%M UTC").to_string(),
        };
        Ok(AccountPage {
            frame: visit.frame(&app, "Sessions and password", None, ""),
            sessions: sessions.into_iter().map(row).collect(),
            has_password: own_user(&app, visit)?.is_some(),
        })
    };
    visit.page(make).await
}

/// Sets another password for whoever knows the present one.
pub(super) async fn change_password(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let changed = {
        let (app, visit) = (app.clone(), visit.clone());
        blocking(move || {
            let form = Form::read(&body)?;
            let user = own_user(&app, &visit)?
                .ok_or_else(|| Problem::not_found("this account has no password here"))?;
            let from = visit.caller.from.as_ref().and_then(|origin| origin.ip);
            let user = match app.gate.verified(&user.name, form.get("current"), from) {
                Err(SignInError::Refused) => {
                    return Err(Problem::invalid("current", "invalid_value", "is not the present password"));
                }
                verified => verified?,
            };
            let user = with_password(&user, form.get("password"))?;
            app.indelible.change_user(&user, &visit.caller)?;
            Ok(())
        })
        .await
    };
    match changed {
        Ok(()) => signed_out(&app, &headers),
        Err(problem) => visit.failed(&problem),
    }
}

/// Ends every session of the account.
pub(super) async fn sign_out_everywhere(
    State(app): State<App>,
    visit: Visit,
    headers: HeaderMap,
) -> Response {
    let (gate, caller) = (app.gate.clone(), visit.caller.clone());
    match blocking(move || gate.sign_out_everywhere(&caller)).await {
        Ok(_) => signed_out(&app, &headers),
        Err(problem) => visit.failed(&problem),
    }
}

/// The user who is looking at the page, where it is one with a password.
fn own_user(app: &App, visit: &Visit) -> Result<Option<User>, Problem> {
    let account = visit.caller.account.as_deref().unwrap_or_default();
    if !account.starts_with("user/") {
        return Ok(None);
    }
    let user = app.indelible.store().user(&visit.caller.name)?;
    Ok(user.filter(|user| user.account() == account))
}
