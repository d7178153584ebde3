//! Copies of an installation, and the way back from one.
//!
//! ```text
//! COPY/indelible.sqlite, COPY/head/, COPY/keys/    as in a data directory, from one moment
//! COPY/backup.json                                 what it is; the last to be written
//! ```
//!
//! A copy looks like a data directory, and must not pass for one: served, it would sign heads that contradict those
//! that readers have seen since. `backup.json` keeps it from being opened; [`Restoration`] is the way back.

mod known;
mod restore;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tlog::CheckpointError;

use crate::access::Caller;
use crate::files::{make_private_directory, replace};
use crate::keys::{self, KeyError};
use crate::rotation::RotationError;
use crate::store::{EmbeddedStore, StoreError};
use crate::{BACKUP_FILE, ConfigureError, Indelible, OpenError, clock};

pub use known::{Known, Of};
pub use restore::{Lost, Plan, Restoration, Restored};

/// What `backup.json` says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Description {
    /// When the copy was made.
    pub taken_at: Timestamp,
    /// The prefix of every log's origin.
    pub origin: String,
    /// The suffix of every log's origin.
    pub epoch: u32,
    /// The version of Indelible that made it.
    pub version: String,
    /// The logs in it.
    pub logs: Vec<CopiedLog>,
}

/// A log in a copy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CopiedLog {
    /// Its site.
    pub site: String,
    /// Its entries.
    pub size: u64,
    /// Their root, in hexadecimal.
    pub root: String,
}

/// Why a copy was not made, or is not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Something is where the copy is to go.
    #[error("{path} is not empty: name a directory that is, or is yet to be made", path = .0.display())]
    NotEmpty(PathBuf),
    /// A file cannot be read or written.
    #[error("{path}: {reason}", path = path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// It is no copy, or one that was cut off.
    #[error(
        "{path} is no whole backup: {reason}. `indelible backup` writes backup.json last, when all else is there",
        path = path.display()
    )]
    NoBackup {
        /// Where one was looked for.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The copy was made without its keys.
    #[error(
        "{path} has no keys: it was made with --without-keys. Put the installation's `keys` folder into it first",
        path = .0.display()
    )]
    NoKeys(PathBuf),
    /// Data are where the copy is to be restored to.
    #[error(
        "there are data in {path} already. Say --replace to move them aside (nothing is deleted), or name another \
         directory with --data",
        path = .0.display()
    )]
    InTheWay(PathBuf),
    /// The copy is damaged.
    #[error("the backup is damaged, nothing was restored: {0}")]
    Damaged(String),
    /// The copy is not of the history that is known.
    #[error(
        "{whose} knows a head of {log} with {size} entries that the backup does not have: it is of another history. \
         Nothing was restored. Somebody rewrote the log, or this is the backup of another installation"
    )]
    Contradiction {
        /// Who knows it.
        whose: String,
        /// Which log.
        log: String,
        /// Its size.
        size: u64,
    },
    /// A file with a checkpoint has none of this installation.
    #[error("the checkpoint in {path}: {reason}", path = path.display())]
    Checkpoint {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: CheckpointError,
    },
    /// The installation, or the copy, does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The keys do not load.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// What a log signed with could not be noted.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// An entry that tells of it was refused.
    #[error(transparent)]
    Told(#[from] ConfigureError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies an installation into a directory that is empty or yet to be made, while others write. The log has an entry
/// that tells of it. `progress` hears how much of how much is copied. Blocks.
///
/// # Errors
/// When the copy cannot be made, or does not open. What there is of it then is no backup.
pub fn back_up(
    indelible: &Indelible,
    directory: &Path,
    to: &Path,
    with_keys: bool,
    caller: &Caller,
    progress: &dyn Fn(u64, u64),
) -> Result<Description, BackupError> {
    if fs::read_dir(to).is_ok_and(|mut files| files.next().is_some()) {
        return Err(BackupError::NotEmpty(to.to_owned()));
    }
    let taken_at = clock::now();
    let entry = json!({
        "action": "indelible.backup",
        "entity": {"type": "installation", "id": indelible.store().origin()},
        "data": {"to": to.display().to_string(), "with_keys": with_keys},
    });
    indelible.tell_system(None, None, &entry, caller)?;
    indelible.store().back_up(to, progress)?;
    if with_keys {
        copy_keys(&keys::folder(directory), &keys::folder(to))?;
    }
    let copy = EmbeddedStore::open(to, &to.join("head"))?;
    let description = describe(&copy, taken_at)?;
    drop(copy);
    let json = serde_json::to_vec_pretty(&description).unwrap_or_default();
    replace(&to.join(BACKUP_FILE), &json).map_err(failed(&to.join(BACKUP_FILE)))?;
    Ok(description)
}

fn describe(copy: &EmbeddedStore, taken_at: Timestamp) -> Result<Description, StoreError> {
    use crate::store::{Head, Store as _};
    let heads = copy.heads(0)?.map_or_else(Vec::new, |(_, heads)| heads);
    let log = |site: crate::store::Site| {
        let head =
            heads.iter().find(|head| head.log == site.log).map_or_else(Head::empty, |signed| signed.head);
        CopiedLog { site: site.id.to_string(), size: head.size, root: head.root.to_string() }
    };
    Ok(Description {
        taken_at,
        origin: copy.origin().to_owned(),
        epoch: copy.epoch(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        logs: copy.sites()?.into_iter().map(log).collect(),
    })
}

/// Reads what a copy is.
fn description(backup: &Path) -> Result<Description, BackupError> {
    let path = backup.join(BACKUP_FILE);
    let no_backup = |reason: String| BackupError::NoBackup { path: path.clone(), reason };
    let json = fs::read(&path).map_err(|error| no_backup(error.to_string()))?;
    serde_json::from_slice(&json).map_err(|error| no_backup(error.to_string()))
}

fn copy_keys(from: &Path, to: &Path) -> Result<(), BackupError> {
    make_private_directory(to).map_err(failed(to))?;
    for file in fs::read_dir(from).map_err(failed(from))? {
        let path = file.map_err(failed(from))?.path();
        let Some(name) = path.file_name().filter(|_| path.extension().is_none_or(|end| end != "new")) else {
            continue;
        };
        let bytes = fs::read(&path).map_err(failed(&path))?;
        replace(&to.join(name), &bytes).map_err(failed(to))?;
    }
    Ok(())
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    |error| BackupError::File { path: path.to_owned(), reason: error.to_string() }
}
