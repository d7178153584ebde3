//! What the database's errors mean for us.

use tokio_postgres::error::SqlState;

use crate::causes::chain;
use crate::store::StoreError;

/// What an error says of what was being done.
pub(super) fn failed(what: &str, error: &tokio_postgres::Error) -> StoreError {
    let Some(code) = error.code() else {
        // It does not come from the server: the connection is the matter.
        return StoreError::Unavailable(format!(
            "{what}: {}. See that PostgreSQL runs and can be reached, and that the address (--database-url or \
             APP__STORE__URL) is right; a server resumes by itself",
            chain(error)
        ));
    };
    let reason = error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    if *code == SqlState::DISK_FULL {
        return StoreError::Full { place: "the database server's data directory".to_owned() };
    }
    if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        return StoreError::Refused(format!(
            "{what}: {reason}. Way forward: run `indelible database init` as the database's administrator, and let \
             Indelible sign in as a member of the role indelible_service, for APP__STORE__RETENTION_URL of \
             indelible_retention"
        ));
    }
    match code.code().get(..2).unwrap_or_default() {
        // The server goes down, comes up, has no connection left, somebody waited too long, or it is a standby.
        "08" | "25" | "40" | "53" | "55" | "57" => StoreError::Unavailable(format!(
            "{what}: {reason} ({}). Try again in a moment; a server resumes by itself",
            code.code()
        )),
        // Wrong user, password or database.
        "28" | "3D" => {
            StoreError::Refused(format!("{what}: {reason}. Correct --database-url or APP__STORE__URL"))
        }
        _ if *code == SqlState::UNIQUE_VIOLATION => StoreError::Unavailable(format!(
            "{what}: another process did the same at this moment ({reason}). Send it again"
        )),
        "23" => StoreError::Corrupt(format!("{what}: {reason} ({})", code.code())),
        _ => StoreError::Engine { what: what.to_owned(), reason: format!("{reason} ({})", code.code()) },
    }
}

pub(super) fn engine(what: &str, error: &dyn std::error::Error) -> StoreError {
    StoreError::Engine { what: what.to_owned(), reason: chain(error) }
}
