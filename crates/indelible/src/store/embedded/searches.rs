//! Saved searches.

use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::accounts::{site, time};
use super::sqlite::{engine, to_count, to_u64};
use crate::store::{SAVED_SEARCHES_MAX, SaveError, SavedSearch, StoreError};

const COLUMNS: &str = "id, owner, site, name, query, created_ms";

/// Looks and writes in one transaction, begun as a writer: no other process comes between the two.
pub(super) fn put(connection: &mut Connection, search: &SavedSearch) -> Result<(), SaveError> {
    let failed = |error: &rusqlite::Error| engine("keeping a saved search", error);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| failed(&error))?;
    if let Some(id) = of_this_name(&transaction, search).map_err(|error| failed(&error))? {
        return Err(SaveError::NameTaken { id });
    }
    let others = others(&transaction, search).map_err(|error| failed(&error))?;
    if others >= to_count(SAVED_SEARCHES_MAX) {
        return Err(SaveError::TooMany);
    }
    // Owner, site and time of a search stay what they were when it was made.
    let sql = "INSERT INTO saved_search (id, owner, site, name, query, created_ms) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
               ON CONFLICT (id) DO UPDATE SET name = excluded.name, query = excluded.query \
               WHERE owner = excluded.owner";
    let (site, created_ms) = (site_text(search), search.created_at.as_millisecond());
    transaction
        .execute(sql, params![search.id, search.owner, site, search.name, search.query, created_ms])
        .and_then(|_| transaction.commit())
        .map_err(|error| failed(&error).into())
}

/// Another search of the owner that has the same name on the same site.
fn of_this_name(transaction: &Transaction<'_>, search: &SavedSearch) -> rusqlite::Result<Option<Uuid>> {
    transaction
        .prepare_cached(
            "SELECT id FROM saved_search \
             WHERE owner = ?1 AND IFNULL(site, '') = IFNULL(?2, '') AND name = ?3 AND id <> ?4",
        )?
        .query_row(params![search.owner, site_text(search), search.name, search.id], |row| row.get(0))
        .optional()
}

fn others(transaction: &Transaction<'_>, search: &SavedSearch) -> rusqlite::Result<u64> {
    transaction
        .prepare_cached("SELECT COUNT(*) FROM saved_search WHERE owner = ?1 AND id <> ?2")?
        .query_row(params![search.owner, search.id], |row| row.get(0).map(to_u64))
}

pub(super) fn of_owner(connection: &Connection, owner: &str) -> Result<Vec<SavedSearch>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM saved_search WHERE owner = ?1 ORDER BY name COLLATE NOCASE, name, id");
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_map([owner], read)?.collect())
        .map_err(|error| engine("reading the saved searches", &error))
}

pub(super) fn all(connection: &Connection) -> Result<Vec<SavedSearch>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM saved_search ORDER BY id"))
        .and_then(|mut statement| statement.query_map([], read)?.collect())
        .map_err(|error| engine("reading the saved searches", &error))
}

pub(super) fn by_id(connection: &Connection, id: Uuid) -> Result<Option<SavedSearch>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM saved_search WHERE id = ?1");
    connection
        .prepare_cached(&sql)
        .and_then(|mut statement| statement.query_row([id], read).optional())
        .map_err(|error| engine("looking up a saved search", &error))
}

pub(super) fn delete(connection: &Connection, owner: &str, id: Uuid) -> Result<bool, StoreError> {
    connection
        .execute("DELETE FROM saved_search WHERE id = ?1 AND owner = ?2", params![id, owner])
        .map(|deleted| deleted == 1)
        .map_err(|error| engine("deleting a saved search", &error))
}

fn read(row: &Row<'_>) -> rusqlite::Result<SavedSearch> {
    Ok(SavedSearch {
        id: row.get(0)?,
        owner: row.get(1)?,
        site: site(row, 2)?,
        name: row.get(3)?,
        query: row.get(4)?,
        created_at: time(row.get(5)?),
    })
}

fn site_text(search: &SavedSearch) -> Option<&str> {
    search.site.as_ref().map(model::SiteId::as_str)
}
