//! People who sign in with a password.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::accounts::{role, site, time};
use super::sqlite::engine;
use crate::store::{StoreError, User};

const COLUMNS: &str = "id, name, password, role, site, created_ms, changed_ms, removed_ms";

/// The row of a name that counts.
const LAST: &str = "batch = (SELECT MAX(batch) FROM user AS other WHERE other.name = user.name)";

/// Sets a user, and ends the sessions that were opened before.
pub(super) fn put(connection: &Connection, user: &User, batch: i64) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO user \
         (name, batch, id, password, role, site, created_ms, changed_ms, removed_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            user.name,
            batch,
            user.id,
            user.password,
            user.role.as_str(),
            user.site.as_ref().map(model::SiteId::as_str),
            user.created_at.as_millisecond(),
            user.changed_at.as_millisecond(),
            user.removed_at.map(jiff::Timestamp::as_millisecond),
        ],
    )?;
    // Only the row before this one may count again, should the batch be taken back; older hashes are of no use.
    connection.execute(
        "DELETE FROM user WHERE name = ?1 AND batch < \
         (SELECT MAX(batch) FROM user WHERE name = ?1 AND batch < ?2)",
        params![user.name, batch],
    )?;
    connection.execute("DELETE FROM session WHERE account = ?1", [user.account()]).map(|_| ())
}

/// Takes back what a batch did to users. Sessions that it ended stay ended.
pub(super) fn undo(connection: &Connection, batch: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM user WHERE batch = ?1", [batch]).map(|_| ())
}

pub(super) fn all(connection: &Connection) -> Result<Vec<User>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM user WHERE removed_ms IS NULL AND {LAST} ORDER BY name");
    let read_all = || connection.prepare_cached(&sql)?.query_map([], read)?.collect::<rusqlite::Result<_>>();
    read_all().map_err(|error| engine("reading the users", &error))
}

pub(super) fn by_name(connection: &Connection, name: &str) -> Result<Option<User>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM user WHERE name = ?1 AND removed_ms IS NULL AND {LAST}");
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_row([name], read).optional())
        .map_err(|error| engine("looking up a user", &error))
}

/// Whether a user is still what it was.
pub(super) fn stands(connection: &Connection, user: &User) -> Result<bool, StoreError> {
    Ok(by_name(connection, &user.name)?.is_some_and(|now| now == *user))
}

fn read(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        password: row.get(2)?,
        role: role(row, 3)?,
        site: site(row, 4)?,
        created_at: time(row.get(5)?),
        changed_at: time(row.get(6)?),
        removed_at: row.get::<_, Option<i64>>(7)?.map(time),
    })
}
