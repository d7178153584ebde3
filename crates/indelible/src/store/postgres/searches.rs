//! Saved searches.

use deadpool_postgres::Client;
use model::SiteId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::rows::{Parameters, atomically, execute, first, get, query, site, time, value};
use super::statements;
use crate::store::{SAVED_SEARCHES_MAX, SaveError, SavedSearch, StoreError};

/// Looks and writes in one transaction; the owner's lock keeps others from coming between the two.
pub(super) async fn put(client: &Client, search: &SavedSearch) -> Result<Result<(), SaveError>, StoreError> {
    let what = "keeping a saved search";
    let site = search.site.as_ref().map(SiteId::as_str);
    atomically(client, what, async || {
        query(client, what, statements::LOCK_OWNER, &[&search.owner]).await?;
        let named: Parameters<'_> = &[&search.owner, &site, &search.name, &search.id];
        if let Some(row) = first(client, what, statements::SEARCH_OF_NAME, named).await? {
            return Ok(Err(SaveError::NameTaken { id: get(&row, 0)? }));
        }
        let others: i64 =
            value(client, what, statements::OTHER_SEARCHES, &[&search.owner, &search.id]).await?;
        if usize::try_from(others).is_ok_and(|others| others >= SAVED_SEARCHES_MAX) {
            return Ok(Err(SaveError::TooMany));
        }
        // Owner, site and time of a search stay what they were when it was made.
        let created_ms = search.created_at.as_millisecond();
        let parameters: Parameters<'_> =
            &[&search.id, &search.owner, &site, &search.name, &search.query, &created_ms];
        execute(client, what, statements::PUT_SEARCH, parameters).await.map(|_| Ok(()))
    })
    .await
}

pub(super) async fn of_owner(client: &Client, owner: &str) -> Result<Vec<SavedSearch>, StoreError> {
    query(client, "reading the saved searches", statements::SEARCHES, &[&owner])
        .await?
        .iter()
        .map(read)
        .collect()
}

pub(super) async fn all(client: &Client) -> Result<Vec<SavedSearch>, StoreError> {
    query(client, "reading the saved searches", statements::ALL_SEARCHES, &[])
        .await?
        .iter()
        .map(read)
        .collect()
}

pub(super) async fn by_id(client: &Client, id: Uuid) -> Result<Option<SavedSearch>, StoreError> {
    let row = first(client, "looking up a saved search", statements::SEARCH, &[&id]).await?;
    row.as_ref().map(read).transpose()
}

pub(super) async fn delete(client: &Client, owner: &str, id: Uuid) -> Result<bool, StoreError> {
    Ok(execute(client, "deleting a saved search", statements::DELETE_SEARCH, &[&id, &owner]).await? == 1)
}

fn read(row: &Row) -> Result<SavedSearch, StoreError> {
    Ok(SavedSearch {
        id: get(row, 0)?,
        owner: get(row, 1)?,
        site: site(row, 2)?,
        name: get(row, 3)?,
        query: get(row, 4)?,
        created_at: time(row, 5)?,
    })
}
