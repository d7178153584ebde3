//! Tokens, users, sessions and settings.

use deadpool_postgres::Client;
use jiff::Timestamp;
use model::SiteId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::rows::{
    Parameters, atomically, execute, first, get, parsed, query, sha256, site, time, time_if_any,
};
use super::statements;
use crate::store::{LogNumber, Session, SessionKind, StoreError, Token, TokenLimits, User};

pub(super) async fn create_token(client: &Client, token: &Token) -> Result<(), StoreError> {
    let limits = (token.limits != TokenLimits::default()).then(|| serde_json::to_string(&token.limits));
    let limits =
        limits.transpose().map_err(|error| StoreError::Corrupt(format!("the limits of a token: {error}")))?;
    let (role, site) = (token.role.as_str(), token.site.as_ref().map(SiteId::as_str));
    let (secret, created_ms) = (token.secret_sha256.as_slice(), token.created_at.as_millisecond());
    let parameters: Parameters<'_> = &[&token.id, &token.name, &role, &site, &secret, &created_ms, &limits];
    execute(client, "keeping a token", statements::CREATE_TOKEN, parameters).await.map(|_| ())
}

pub(super) async fn revoke_token(client: &Client, id: Uuid, at: Timestamp) -> Result<(), StoreError> {
    let what = "ending a token";
    execute(client, what, statements::REVOKE_TOKEN, &[&id, &at.as_millisecond()]).await?;
    execute(client, what, statements::END_SESSIONS_OF_TOKEN, &[&id]).await.map(|_| ())
}

pub(super) async fn tokens(client: &Client) -> Result<Vec<Token>, StoreError> {
    query(client, "reading the tokens", statements::TOKENS, &[]).await?.iter().map(read_token).collect()
}

pub(super) async fn token(client: &Client, secret_sha256: &[u8; 32]) -> Result<Option<Token>, StoreError> {
    let secret = secret_sha256.as_slice();
    let row = first(client, "looking up a token", statements::TOKEN, &[&secret]).await?;
    row.as_ref().map(read_token).transpose()
}

/// Keeps when tokens were last used. It is told of nobody and proves nothing, so that it waits for no batch.
pub(super) async fn note_uses(client: &Client, uses: &[(Uuid, Timestamp)]) -> Result<(), StoreError> {
    let (ids, times): (Vec<Uuid>, Vec<i64>) = uses.iter().map(|(id, at)| (*id, at.as_millisecond())).unzip();
    execute(client, "keeping when tokens were used", statements::NOTE_USES, &[&ids, &times]).await.map(|_| ())
}

fn read_token(row: &Row) -> Result<Token, StoreError> {
    // Limits that do not read must not become none: they are an error.
    let limits = match get::<Option<String>>(row, 7)? {
        None => TokenLimits::default(),
        Some(json) => serde_json::from_str(&json)
            .map_err(|error| StoreError::Corrupt(format!("the limits of a token do not read: {error}")))?,
    };
    Ok(Token {
        id: get(row, 0)?,
        name: get(row, 1)?,
        role: parsed(row, 2)?,
        site: site(row, 3)?,
        secret_sha256: sha256(row, 4)?,
        created_at: time(row, 5)?,
        revoked_at: time_if_any(row, 6)?,
        limits,
        used_at: time_if_any(row, 8)?,
    })
}

/// Sets a user, and ends the sessions that were opened before.
pub(super) async fn put_user(client: &Client, user: &User) -> Result<(), StoreError> {
    let what = "keeping a user";
    let (role, site) = (user.role.as_str(), user.site.as_ref().map(SiteId::as_str));
    let (created_ms, changed_ms) = (user.created_at.as_millisecond(), user.changed_at.as_millisecond());
    let removed_ms = user.removed_at.map(Timestamp::as_millisecond);
    let parameters: Parameters<'_> =
        &[&user.name, &user.id, &user.password, &role, &site, &created_ms, &changed_ms, &removed_ms];
    execute(client, what, statements::PUT_USER, parameters).await?;
    execute(client, what, statements::END_SESSIONS, &[&user.account()]).await.map(|_| ())
}

pub(super) async fn users(client: &Client) -> Result<Vec<User>, StoreError> {
    query(client, "reading the users", statements::USERS, &[]).await?.iter().map(read_user).collect()
}

pub(super) async fn user(client: &Client, name: &str) -> Result<Option<User>, StoreError> {
    if is_foreign(name) {
        return Ok(None);
    }
    let row = first(client, "looking up a user", statements::USER, &[&name]).await?;
    row.as_ref().map(read_user).transpose()
}

/// A text that no database of PostgreSQL's can have, so that nothing is found by it.
fn is_foreign(text: &str) -> bool {
    text.contains('\0')
}

fn read_user(row: &Row) -> Result<User, StoreError> {
    Ok(User {
        id: get(row, 0)?,
        name: get(row, 1)?,
        password: get(row, 2)?,
        role: parsed(row, 3)?,
        site: site(row, 4)?,
        created_at: time(row, 5)?,
        changed_at: time(row, 6)?,
        removed_at: time_if_any(row, 7)?,
    })
}

/// Keeps a session, unless its token was revoked or its user is not what it was: both are locked while it is written.
pub(super) async fn put_session(
    client: &Client,
    session: &Session,
    user: Option<&User>,
) -> Result<bool, StoreError> {
    let what = "keeping a session";
    atomically(client, what, async || {
        if let Some(user) = user {
            let row = first(client, what, statements::USER_LOCKED, &[&user.name]).await?;
            if row.as_ref().map(read_user).transpose()?.as_ref() != Some(user) {
                return Ok(false);
            }
        }
        if let Some(token) = session.token {
            let row = first(client, what, statements::LOCK_TOKEN, &[&token]).await?;
            if !row.map(|row| get::<bool>(&row, 0)).transpose()?.unwrap_or_default() {
                return Ok(false);
            }
        }
        execute(client, what, statements::FORGET_SESSIONS, &[&session.opened_at.as_millisecond()]).await?;
        insert_session(client, session).await.map(|()| true)
    })
    .await
}

async fn insert_session(client: &Client, session: &Session) -> Result<(), StoreError> {
    let kind = match session.kind {
        SessionKind::Link => "link",
        SessionKind::Session => "session",
    };
    let (secret, role) = (session.secret_sha256.as_slice(), session.role.as_str());
    let site = session.site.as_ref().map(SiteId::as_str);
    let (opened_ms, expires_ms) = (session.opened_at.as_millisecond(), session.expires_at.as_millisecond());
    let parameters: Parameters<'_> = &[
        &secret,
        &kind,
        &session.name,
        &role,
        &site,
        &session.token,
        &expires_ms,
        &session.account,
        &opened_ms,
        &session.opened_from,
    ];
    execute(client, "keeping a session", statements::PUT_SESSION, parameters).await.map(|_| ())
}

pub(super) async fn session(
    client: &Client,
    secret_sha256: &[u8; 32],
) -> Result<Option<Session>, StoreError> {
    let secret = secret_sha256.as_slice();
    let row = first(client, "looking up a session", statements::SESSION, &[&secret]).await?;
    row.as_ref().map(read_session).transpose()
}

pub(super) async fn sessions(client: &Client, account: &str) -> Result<Vec<Session>, StoreError> {
    let rows = query(client, "reading the sessions of an account", statements::SESSIONS, &[&account]).await?;
    rows.iter().map(read_session).collect()
}

fn read_session(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        secret_sha256: sha256(row, 0)?,
        kind: match get::<String>(row, 1)?.as_str() {
            "link" => SessionKind::Link,
            _ => SessionKind::Session,
        },
        name: get(row, 2)?,
        role: parsed(row, 3)?,
        site: site(row, 4)?,
        token: get(row, 5)?,
        expires_at: time(row, 6)?,
        account: get(row, 7)?,
        opened_at: time(row, 8)?,
        opened_from: get(row, 9)?,
    })
}

pub(super) async fn end_sessions(client: &Client, account: &str) -> Result<usize, StoreError> {
    let ended =
        execute(client, "ending the sessions of an account", statements::END_SESSIONS, &[&account]).await?;
    Ok(usize::try_from(ended).unwrap_or(usize::MAX))
}

pub(super) async fn end_session(client: &Client, secret_sha256: &[u8; 32]) -> Result<bool, StoreError> {
    let secret = secret_sha256.as_slice();
    Ok(execute(client, "ending a session", statements::END_SESSION, &[&secret]).await? == 1)
}

pub(super) async fn configure(
    client: &Client,
    log: LogNumber,
    name: &str,
    value: Option<&str>,
) -> Result<(), StoreError> {
    let parameters: Parameters<'_> = &[&i64::from(log), &name, &value];
    execute(client, "writing the settings", statements::CONFIGURE, parameters).await.map(|_| ())
}

pub(super) async fn configuration(
    client: &Client,
    log: LogNumber,
    name: &str,
) -> Result<Option<String>, StoreError> {
    if is_foreign(name) {
        return Ok(None);
    }
    let what = "reading the settings";
    let row = first(client, what, statements::CONFIGURATION, &[&i64::from(log), &name]).await?;
    Ok(row.map(|row| get::<Option<String>>(&row, 0)).transpose()?.flatten())
}

pub(super) async fn configurations(
    client: &Client,
    log: LogNumber,
) -> Result<Vec<(String, String)>, StoreError> {
    let what = "reading the settings";
    let rows = query(client, what, statements::CONFIGURATIONS, &[&i64::from(log)]).await?;
    let pairs = rows.iter().map(|row| Ok((get::<String>(row, 0)?, get::<Option<String>>(row, 1)?)));
    let pairs: Vec<_> = pairs.collect::<Result<_, StoreError>>()?;
    Ok(pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
}
