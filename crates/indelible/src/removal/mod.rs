//! Removal: what has become too old expires, and what somebody asks for is erased. There is no other way for content to
//! leave a log.
//!
//! An entry comes first: it names what is to be removed and why, and is committed together with a task. Then the store
//! removes the content, and then the task ends. Whatever a crash leaves is found by its task and done again, which is
//! harmless. The leaf of every entry stays, and with it every proof: what was removed cannot be told from what is left.
//!
//! | file | is |
//! |---|---|
//! | `reason` | what the entries say that tell of removals |
//! | `erasure` | removal on request |
//! | `expiry` | removal by age |
//! | `task` | carrying out what an entry tells of, once or again |
//! | `verdict` | what can be said of an entry: present, erased, expired or missing |
//! | `worker` | the thread that does all this daily |

mod erasure;
mod expiry;
mod reason;
mod task;
mod verdict;
mod worker;

use model::{SectionName, StoredError};

use crate::ConfigureError;
use crate::search::SearchError;
use crate::store::StoreError;

pub use erasure::{ENTRIES_MAX, Wanted, erase};
pub use expiry::{Expiring, Outlook, Ran, expire, expire_all, outlook, outlook_if};
pub use reason::{Erased, Expiry, Policy, PolicySource, Reason};
pub use task::{Resumed, resume};
pub(crate) use verdict::age;
pub use verdict::{Because, Verdict, verdict};
pub use worker::Worker;

/// Why nothing was removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemovalError {
    /// A hold is on.
    #[error("a hold is on this site: nothing may be removed until an owner lifts it (setting `hold`)")]
    Held,
    /// The entry tells what happened to others.
    #[error(
        "entry {index} tells of settings or removals and is kept: without it nobody could say what happened to others"
    )]
    Kept {
        /// Its index.
        index: u64,
    },
    /// The entry has expired.
    #[error("entry {index} has expired: nothing of it is left to erase")]
    Expired {
        /// Its index.
        index: u64,
    },
    /// None of the sections is there.
    #[error(
        "there is nothing to erase: entry {index} has none of these sections, or they were erased before"
    )]
    Nothing {
        /// Its index.
        index: u64,
    },
    /// The section that an entry keeps.
    #[error(
        "the section `{}` is what an entry keeps to stay one, and names nobody: it cannot be erased",
        SectionName::Source
    )]
    Source,
    /// No sections were named.
    #[error("name at least one section: actor, origin, entity, change or context")]
    NoSections,
    /// No entries, or too many.
    #[error("name 1 to {ENTRIES_MAX} entries")]
    Entries,
    /// No reason was given.
    #[error("say why: the entry that tells of the erasure keeps the reason")]
    NoReason,
    /// An entry does not read.
    #[error("entry {index}: {error}")]
    Unread {
        /// Its index.
        index: u64,
        /// Why.
        error: StoredError,
    },
    /// The entry that tells of it was not taken.
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The search failed.
    #[error(transparent)]
    Search(#[from] SearchError),
}
