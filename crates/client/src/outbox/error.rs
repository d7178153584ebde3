use std::path::PathBuf;

/// Why an outbox does not open, or an entry cannot be kept.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The directory cannot be used.
    #[error("the outbox at {path} cannot be used: {why}. Check that the directory may be written to, and its disk", path = path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// Another process uses it.
    #[error(
        "the outbox at {path} is used by another process: give each process a directory of its own, or end the other one",
        path = .0.display()
    )]
    InUse(PathBuf),
    /// No room.
    #[error(
        "the outbox at {path} is full: {bytes} bytes wait to be sent. Check that the server can be reached \
         (`indelible doctor --outbox {path}`), or raise `bytes_max`", path = path.display()
    )]
    Full {
        /// The directory.
        path: PathBuf,
        /// What is in it.
        bytes: u64,
    },
    /// The disk does not take it.
    #[error("an entry could not be written to the outbox at {path}: {why}. It was not logged", path = path.display())]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It was closed.
    #[error("the outbox is closed: nothing is logged after `close()`")]
    Closed,
    /// The entry's site or the entry is too long.
    #[error("the entry or the name of its site is too long for the outbox")]
    TooLong,
    /// Not all has arrived yet.
    #[error(
        "{entries} entries have not arrived yet{}. They stay in the outbox and are sent when it is opened again",
        why.as_ref().map(|why| format!(": {why}")).unwrap_or_default()
    )]
    NotArrived {
        /// How many.
        entries: u64,
        /// What went wrong at the last try.
        why: Option<String>,
    },
}
