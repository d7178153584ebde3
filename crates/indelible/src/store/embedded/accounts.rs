//! Tokens, sessions and sign-in links.

use std::sync::LazyLock;

use jiff::Timestamp;
use model::{Role, SiteId};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};
use uuid::Uuid;

use super::sqlite::engine;
use super::users;
use crate::store::{Session, SessionKind, StoreError, Token, TokenLimits, User};

const TOKEN_COLUMNS: &str = "id, name, role, site, secret_sha256, created_ms, revoked_ms, limits, used_ms";

const SESSION_COLUMNS: &str =
    "secret_sha256, kind, name, role, site, token, expires_ms, account, opened_ms, opened_from";

pub(super) fn create_token(connection: &Connection, token: &Token, batch: i64) -> rusqlite::Result<()> {
    let limits = (token.limits != TokenLimits::default()).then(|| serde_json::to_string(&token.limits));
    let limits = limits.transpose().map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection
        .execute(
            "INSERT INTO token (id, name, role, site, secret_sha256, created_ms, created_batch, limits) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                token.id,
                token.name,
                token.role.as_str(),
                token.site.as_ref().map(SiteId::as_str),
                token.secret_sha256.as_slice(),
                token.created_at.as_millisecond(),
                batch,
                limits
            ],
        )
        .map(|_| ())
}

pub(super) fn revoke_token(
    connection: &Connection,
    id: Uuid,
    at: Timestamp,
    batch: i64,
) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE token SET revoked_ms = ?2, revoked_batch = ?3 WHERE id = ?1 AND revoked_ms IS NULL",
        params![id, at.as_millisecond(), batch],
    )?;
    connection.execute("DELETE FROM session WHERE token = ?1", [id]).map(|_| ())
}

/// Takes back what a batch did to the tokens. Sessions that it ended stay ended: whoever had one signs in
/// again.
pub(super) fn undo(connection: &Connection, batch: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM token WHERE created_batch = ?1", [batch])?;
    connection
        .execute("UPDATE token SET revoked_ms = NULL, revoked_batch = NULL WHERE revoked_batch = ?1", [batch])
        .map(|_| ())
}

pub(super) fn tokens(connection: &Connection) -> Result<Vec<Token>, StoreError> {
    let sql = format!("SELECT {TOKEN_COLUMNS} FROM token ORDER BY created_ms DESC, id DESC");
    let read =
        || connection.prepare_cached(&sql)?.query_map([], read_token)?.collect::<rusqlite::Result<_>>();
    read().map_err(|error| engine("reading the tokens", &error))
}

pub(super) fn token(connection: &Connection, secret_sha256: &[u8; 32]) -> Result<Option<Token>, StoreError> {
    // Asked with every request.
    static SQL: LazyLock<String> =
        LazyLock::new(|| format!("SELECT {TOKEN_COLUMNS} FROM token WHERE secret_sha256 = ?1"));
    connection
        .prepare_cached(&SQL)
        .and_then(|mut statement| statement.query_row([secret_sha256.as_slice()], read_token).optional())
        .map_err(|error| engine("looking up a token", &error))
}

/// Keeps when tokens were last used. It is told of nobody and proves nothing, so that it waits for no batch.
pub(super) fn note_uses(connection: &mut Connection, uses: &[(Uuid, Timestamp)]) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| engine("keeping when tokens were used", &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    for (id, at) in uses {
        let params = params![id, at.as_millisecond()];
        transaction.execute("UPDATE token SET used_ms = ?2 WHERE id = ?1", params).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

fn read_token(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: row.get(0)?,
        name: row.get(1)?,
        role: role(row, 2)?,
        site: site(row, 3)?,
        secret_sha256: row.get(4)?,
        created_at: time(row.get(5)?),
        revoked_at: row.get::<_, Option<i64>>(6)?.map(time),
        limits: limits(row, 7)?,
        used_at: row.get::<_, Option<i64>>(8)?.map(time),
    })
}

/// Limits that do not read must not become none: they are an error.
fn limits(row: &Row<'_>, column: usize) -> rusqlite::Result<TokenLimits> {
    let Some(json) = row.get::<_, Option<String>>(column)? else { return Ok(TokenLimits::default()) };
    serde_json::from_str(&json)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

pub(super) fn put_session(
    connection: &mut Connection,
    session: &Session,
    user: Option<&User>,
) -> Result<bool, StoreError> {
    let failed = |error: rusqlite::Error| engine("keeping a session", &error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    if let Some(user) = user
        && !users::stands(&transaction, user)?
    {
        return Ok(false);
    }
    let kept = insert_session(&transaction, session).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(kept)
}

fn insert_session(connection: &Connection, session: &Session) -> rusqlite::Result<bool> {
    let kind = match session.kind {
        SessionKind::Link => "link",
        SessionKind::Session => "session",
    };
    let opened_ms = session.opened_at.as_millisecond();
    connection.execute("DELETE FROM session WHERE expires_ms < ?1", [opened_ms])?;
    let inserted = connection.execute(
        "INSERT INTO session \
         (secret_sha256, kind, name, role, site, token, expires_ms, account, opened_ms, opened_from) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10 \
         WHERE ?6 IS NULL OR EXISTS (SELECT 1 FROM token WHERE id = ?6 AND revoked_ms IS NULL)",
        params![
            session.secret_sha256.as_slice(),
            kind,
            session.name,
            session.role.as_str(),
            session.site.as_ref().map(SiteId::as_str),
            session.token,
            session.expires_at.as_millisecond(),
            session.account,
            opened_ms,
            session.opened_from,
        ],
    )?;
    Ok(inserted == 1)
}

pub(super) fn session(
    connection: &Connection,
    secret_sha256: &[u8; 32],
) -> Result<Option<Session>, StoreError> {
    let sql = format!("SELECT {SESSION_COLUMNS} FROM session WHERE secret_sha256 = ?1");
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_row([secret_sha256.as_slice()], read_session).optional())
        .map_err(|error| engine("looking up a session", &error))
}

pub(super) fn sessions(connection: &Connection, account: &str) -> Result<Vec<Session>, StoreError> {
    let sql = format!("SELECT {SESSION_COLUMNS} FROM session WHERE account = ?1 ORDER BY opened_ms DESC");
    let read = || {
        connection.prepare_cached(&sql)?.query_map([account], read_session)?.collect::<rusqlite::Result<_>>()
    };
    read().map_err(|error| engine("reading the sessions of an account", &error))
}

fn read_session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        secret_sha256: row.get(0)?,
        kind: match row.get::<_, String>(1)?.as_str() {
            "link" => SessionKind::Link,
            _ => SessionKind::Session,
        },
        name: row.get(2)?,
        role: role(row, 3)?,
        site: site(row, 4)?,
        token: row.get(5)?,
        expires_at: time(row.get(6)?),
        account: row.get(7)?,
        opened_at: time(row.get(8)?),
        opened_from: row.get(9)?,
    })
}

pub(super) fn end_sessions(connection: &Connection, account: &str) -> Result<usize, StoreError> {
    connection
        .execute("DELETE FROM session WHERE account = ?1", [account])
        .map_err(|error| engine("ending the sessions of an account", &error))
}

pub(super) fn end_session(connection: &Connection, secret_sha256: &[u8; 32]) -> Result<bool, StoreError> {
    connection
        .execute("DELETE FROM session WHERE secret_sha256 = ?1", [secret_sha256.as_slice()])
        .map(|ended| ended == 1)
        .map_err(|error| engine("ending a session", &error))
}

/// A role or site that does not read must not become a mightier one: it is an error.
pub(super) fn role(row: &Row<'_>, column: usize) -> rusqlite::Result<Role> {
    row.get::<_, String>(column)?.parse().map_err(|reason: String| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, reason.into())
    })
}

pub(super) fn site(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<SiteId>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| {
        text.parse()
            .map_err(|reason| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(reason)))
    })
    .transpose()
}

pub(super) fn time(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH)
}
