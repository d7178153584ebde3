//! The schema: made by the administrator, checked by every process that opens the database.

use deadpool_postgres::Client;
use sha2::{Digest as _, Sha256};
use tokio_postgres::error::SqlState;

use super::connect::{Connections, DatabaseUrl};
use super::errors::failed;
use super::rows::{atomically, batch, first, get};
use super::statements;
use crate::store::StoreError;

const MIGRATIONS: [(&str, &str); 1] =
    [("0001_initial", include_str!("../../../migrations/postgres/0001_initial.sql"))];

/// The oldest PostgreSQL that is supported, as `server_version_num` has it.
const VERSION_MIN: i32 = 140_000;

/// The server's version, and whether what it acknowledges survives a power cut.
const SERVER: &str = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
     current_setting('synchronous_commit'), current_setting('fsync')";

const APPLIED: &str = "SELECT name, sha256 FROM indelible.migration ORDER BY number";

const NOTE: &str = "INSERT INTO indelible.migration (number, name, sha256) VALUES ($1, $2, $3)";

/// Held while the schema is changed: several processes may begin at once.
const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtextextended('indelible schema', 0))";

/// Roles and the schema they share, made where they are missing. Roles belong to the whole server: another database may
/// have made them, or make them at this moment.
const PREPARE: &str = "
DO $$
DECLARE wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['indelible_owner', 'indelible_service', 'indelible_retention'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
            END;
        END IF;
    END LOOP;
    IF NOT pg_has_role(current_user, 'indelible_owner', 'MEMBER') THEN
        EXECUTE format('GRANT indelible_owner TO %I', current_user);
    END IF;
    IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'indelible') THEN
        EXECUTE 'CREATE SCHEMA indelible AUTHORIZATION indelible_owner';
    END IF;
END $$;
SET LOCAL ROLE indelible_owner;
CREATE TABLE IF NOT EXISTS indelible.migration (number bigint PRIMARY KEY, name text NOT NULL, sha256 bytea NOT NULL);
GRANT USAGE ON SCHEMA indelible TO indelible_service, indelible_retention;
GRANT SELECT ON indelible.migration TO indelible_service;
";

/// Makes the roles, the schema and its tables, or brings them to what this version knows. Returns how many migrations were
/// applied. Any number of processes may do it at once.
///
/// # Errors
/// When the user may not, or the schema is of a newer version.
pub fn init_database(url: &DatabaseUrl) -> Result<usize, StoreError> {
    let connections = Connections::new(url)?;
    connections.wait(async {
        let client = connections.get().await?;
        check_server(&client).await?;
        let what = "preparing the database";
        atomically(&client, what, async || {
            client.execute(LOCK, &[]).await.map_err(|error| failed(what, &error))?;
            batch(&client, what, PREPARE).await?;
            let applied = applied(&client).await?;
            compare(&applied)?;
            for ((name, sql), number) in MIGRATIONS.iter().zip(1_i64..).skip(applied.len()) {
                let what = format!("migration {name}");
                batch(&client, &what, sql).await?;
                let hash = Sha256::digest(sql.as_bytes()).to_vec();
                client.execute(NOTE, &[&number, name, &hash]).await.map_err(|error| failed(&what, &error))?;
            }
            Ok(MIGRATIONS.len() - applied.len())
        })
        .await
    })
}

/// Refuses a server that is too old, or that would acknowledge what it has not on disk.
pub(super) async fn check_server(client: &Client) -> Result<(), StoreError> {
    let what = "looking at the database server";
    let row = client.query_one(SERVER, &[]).await.map_err(|error| failed(what, &error))?;
    let (shown, commit, fsync): (String, String, String) = (get(&row, 1)?, get(&row, 2)?, get(&row, 3)?);
    judge_server(get(&row, 0)?, &shown, &commit, &fsync)
}

fn judge_server(version: i32, shown: &str, commit: &str, fsync: &str) -> Result<(), StoreError> {
    if version < VERSION_MIN {
        return Err(StoreError::Refused(format!(
            "this is PostgreSQL {shown}, and 14 or later is needed: upgrade the server"
        )));
    }
    if commit == "off" || fsync == "off" {
        return Err(StoreError::Refused(format!(
            "the server has synchronous_commit={commit} and fsync={fsync}: what it acknowledges would not survive a power \
             cut. Set both to on"
        )));
    }
    Ok(())
}

/// Refuses a schema that is not the one that this version knows, or on which its statements do not fit.
pub(super) async fn check_schema(client: &Client, place: &str) -> Result<(), StoreError> {
    let applied = applied(client).await?;
    compare(&applied)?;
    if applied.len() < MIGRATIONS.len() {
        return Err(StoreError::Refused(format!(
            "{place} has schema {} and this version of Indelible needs {}: run `indelible database init --database-url …` \
             as the database's administrator first",
            applied.len(),
            MIGRATIONS.len()
        )));
    }
    for sql in statements::ALL {
        let prepared = client.prepare_cached(sql).await;
        prepared.map_err(|error| failed(&format!("checking `{sql}` against the schema"), &error))?;
    }
    Ok(())
}

/// Refuses a user that may not do what the service does. One that may do more is told of: whoever has its credentials can
/// change the past, and is found out only by a verification.
pub(super) async fn check_service(client: &Client, place: &str) -> Result<(), StoreError> {
    let row = first(client, "looking at the user's rights", statements::MAY_SERVE, &[]).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt(format!("{place} gives no answer")))?;
    let (may, may_change, user): (bool, bool, String) = (get(&row, 0)?, get(&row, 1)?, get(&row, 2)?);
    if !may {
        return Err(StoreError::Refused(format!(
            "{place}: the user {user} may not add entries. Make it a member of the role indelible_service"
        )));
    }
    if may_change {
        tracing::warn!(
            user,
            "the database's user may change and remove entries: sign in as a member of indelible_service and of nothing else"
        );
    }
    Ok(())
}

/// Refuses a user that may not remove content.
pub(super) async fn check_retention(client: &Client, place: &str) -> Result<(), StoreError> {
    let row = first(client, "looking at the user's rights", statements::MAY_REMOVE, &[]).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt(format!("{place} gives no answer")))?;
    let (may, user): (Option<bool>, String) = (get(&row, 0)?, get(&row, 1)?);
    if may == Some(true) {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "{place}: the user {user} of APP__STORE__RETENTION_URL may not remove content. Make it a member of the role \
         indelible_retention"
    )))
}

async fn applied(client: &Client) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    match client.query(APPLIED, &[]).await {
        Ok(rows) => Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect()),
        Err(error)
            if matches!(error.code(), Some(code) if *code == SqlState::UNDEFINED_TABLE
                || *code == SqlState::INVALID_SCHEMA_NAME) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(failed("reading the database's schema", &error)),
    }
}

fn compare(applied: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
    if applied.len() > MIGRATIONS.len() {
        return Err(StoreError::Refused(format!(
            "the data were written by a newer version of Indelible (schema {}, this one knows {}): start that version or \
             a later one",
            applied.len(),
            MIGRATIONS.len()
        )));
    }
    for ((applied, hash), (name, sql)) in applied.iter().zip(MIGRATIONS) {
        if hash.as_slice() != Sha256::digest(sql.as_bytes()).as_slice() {
            return Err(StoreError::Refused(format!(
                "migration `{applied}` was applied with other content than this version's `{name}`: the data belong to \
                 another build of Indelible"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_must_be_new_enough_and_keep_what_it_acknowledges() {
        assert!(judge_server(140_000, "14.0", "on", "on").is_ok());
        assert!(judge_server(180_001, "18.1", "remote_apply", "on").is_ok());
        for (version, commit, fsync, reason) in [
            (130_022, "on", "on", "this is PostgreSQL X, and 14 or later is needed"),
            (150_000, "off", "on", "synchronous_commit=off"),
            (150_000, "on", "off", "fsync=off"),
        ] {
            let refused = judge_server(version, "X", commit, fsync).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
