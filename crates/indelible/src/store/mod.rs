//! Where the truth lies: entries, tiles, heads, sites, tokens, users.
//!
//! [`Store`] is coarse on purpose: each method is one thing that the product does, and says what is durable
//! when it returns. A store implements it in the way that suits its engine; nothing here knows SQL. Methods
//! block and are called on threads that may.
//!
//! A write has two steps, and no entry is acknowledged between them:
//!
//! 1. [`Store::persist`] writes a batch. It is *staged*: no reader sees it.
//! 2. [`Store::publish`] swaps the signed heads. From then on the batch is durable and part of the log for ever.
//!
//! A crash between the two leaves at most a staged batch that nobody was told of; the next one to take the
//! [`Store::lock`] discards it.

mod block;
mod embedded;
mod postgres;
mod reduce;
mod removal;
mod saved;
mod umbrella;
mod users;

use std::fmt;
use std::ops::Range;
use std::path::Path;

use jiff::Timestamp;
use model::{Role, SiteId, StoredEntry, StoredError};
use serde::{Deserialize, Serialize};
use tlog::Hash;
use uuid::Uuid;

pub use embedded::{CreateOptions, EmbeddedStore, SurvivingHeads};
pub(crate) use postgres::connect_alone;
pub use postgres::{Database, DatabaseUrl, PostgresStore, init_database};
pub use removal::{LastRemovals, Reduction, Removal, RemovalStore, Removed};
pub use saved::{SAVED_SEARCHES_MAX, SaveError, SavedSearch};
pub use umbrella::{SiteHead, UmbrellaStore};
pub use users::User;

/// Number of a log within its installation.
pub type LogNumber = u32;

/// Number of the log of [`SiteId::system`], the first of every installation.
pub(crate) const SYSTEM_LOG: LogNumber = 0;

/// A site, and the number of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its log's number.
    pub log: LogNumber,
    /// Its id.
    pub id: SiteId,
    /// Its name for people.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Size and root of a log: what a checkpoint signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// RFC 6962 root of that many entries.
    pub root: Hash,
}

impl Head {
    /// The head of a log without entries.
    #[must_use]
    pub fn empty() -> Self {
        Self { size: 0, root: tlog::empty_root() }
    }
}

/// A head with the checkpoint that signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedHead {
    /// Which log.
    pub log: LogNumber,
    /// What is signed.
    pub head: Head,
    /// The signed note.
    pub checkpoint: String,
}

/// An entry on its way into a log.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Its id.
    pub id: Uuid,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// The targets of what it points at: [`model::Link::target`].
    pub links: Vec<Vec<u8>>,
    /// Its stored form.
    pub bytes: Vec<u8>,
}

impl NewEntry {
    /// An entry as it lies in a block of another store, without what it points at.
    pub(crate) fn read(bytes: &[u8], block: &BlockInfo) -> Result<Self, StoredError> {
        let stored = StoredEntry::decode(bytes)?;
        let id = stored.header().id;
        let occurred_at = match stored.occurred_at() {
            Ok(occurred_at) => occurred_at,
            // When it happened is gone with its content: any time of its block will do, since no list shows it.
            Err(_) if stored.is_expired() => {
                Timestamp::from_microsecond(block.occurred_min_us).map_err(|_| StoredError::Time)?
            }
            Err(error) => return Err(error),
        };
        Ok(Self { id, occurred_at, links: Vec::new(), bytes: bytes.to_vec() })
    }
}

/// A tile in its widest version so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileData {
    /// Level, 0 at the leaves.
    pub level: u8,
    /// Number of the tile in its level.
    pub number: u64,
    /// 32 bytes per hash.
    pub hashes: Vec<u8>,
}

/// Consecutive new entries of one log.
#[derive(Clone, Debug)]
pub struct Run {
    /// Which log.
    pub log: LogNumber,
    /// The head that the run stands on.
    pub base: Head,
    /// The head after the run.
    pub next: Head,
    /// The entries, the first at index `base.size`.
    pub entries: Vec<NewEntry>,
    /// Every tile that the run touches.
    pub tiles: Vec<TileData>,
}

/// What one commit makes durable, all or nothing.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Entries, at most one run per log.
    pub runs: Vec<Run>,
    /// Changes of configuration, each beside the entry that tells of it.
    pub changes: Vec<Change>,
}

/// A change of the installation's configuration.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new site with an empty log.
    CreateSite(Site),
    /// A new token.
    CreateToken(Token),
    /// The end of a token.
    RevokeToken {
        /// Which token.
        id: Uuid,
        /// When it ends.
        at: Timestamp,
    },
    /// A new user, another password or role of one, or its end. Its sessions end.
    PutUser(User),
    /// Settings of a site or of one of its connectors.
    Configure {
        /// The site's log.
        log: LogNumber,
        /// What is set: `settings`, `connector/NAME`.
        name: String,
        /// Its value as JSON; `None` removes it.
        value: Option<String>,
    },
}

/// What a program authenticates with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its id, which is no secret.
    pub id: Uuid,
    /// Its name for people; the `source` of the entries it sends.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// On which site; `None` for every site that its role reaches.
    pub site: Option<SiteId>,
    /// SHA-256 of the secret.
    pub secret_sha256: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was ended, if it was.
    pub revoked_at: Option<Timestamp>,
    /// What it may not, although its role may.
    pub limits: TokenLimits,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
}

/// Limits of a token within its role.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenLimits {
    /// It reads only what this filter finds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// It appends only entries about entities of these types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_types: Option<Vec<String>>,
    /// It shows only these fields of entries, on the page for embedding alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// Whether it may stand in the address of the page for embedding.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub viewer: bool,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

/// What a browser authenticates with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the secret.
    pub secret_sha256: [u8; 32],
    /// A session, or a link that can be exchanged for one, once.
    pub kind: SessionKind,
    /// Name of its user.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// On which site; `None` for every site that its role reaches.
    pub site: Option<SiteId>,
    /// The token it was opened with: it ends when the token does.
    pub token: Option<Uuid>,
    /// Whose it is: all sessions of one account end together when asked to.
    pub account: Option<String>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// From where it was opened, for its owner to recognise.
    pub opened_from: Option<String>,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// See [`Session::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionKind {
    /// A one-time sign-in link.
    Link,
    /// A signed-in browser.
    Session,
}

/// Where a block of entries lies in its log and in time. Times are rounded outwards to microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Index of its first entry.
    pub first: u64,
    /// Number of its entries.
    pub count: u64,
    /// No entry of it happened earlier.
    pub occurred_min_us: i64,
    /// No entry of it happened later.
    pub occurred_max_us: i64,
    /// What is left of its entries.
    pub content: Content,
    /// The store's own, by which a walk goes on as it began: how many merges it takes into account.
    pub merges: u64,
}

impl BlockInfo {
    /// The indexes of its entries.
    #[must_use]
    pub const fn range(&self) -> Range<u64> {
        self.first..self.first.saturating_add(self.count)
    }
}

/// What is left of a block's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Entries that can be shown.
    Entries,
    /// All have expired; of some the claimed time is left.
    ClaimedTimes,
    /// All have expired, and nothing is left but their leaves.
    Leaves,
}

impl Content {
    /// What is left of these stored forms.
    fn of<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut content = Self::Leaves;
        for entry in entries {
            match StoredEntry::decode(entry) {
                Ok(stored) if stored.is_expired() && stored.sections().next().is_none() => {}
                Ok(stored) if stored.is_expired() => content = Self::ClaimedTimes,
                Ok(_) | Err(_) => return Self::Entries,
            }
        }
        content
    }

    fn number(self) -> i64 {
        self.small_number().into()
    }

    const fn small_number(self) -> i16 {
        match self {
            Self::Entries => 0,
            Self::ClaimedTimes => 1,
            Self::Leaves => 2,
        }
    }

    const fn from_number(number: i64) -> Self {
        match number {
            1 => Self::ClaimedTimes,
            2 => Self::Leaves,
            _ => Self::Entries,
        }
    }
}

/// What [`Store::merge_blocks`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Index from which on to look next time.
    pub next: u64,
    /// Whether anything was merged; if not, there is nothing to merge until the log has grown.
    pub merged: bool,
}

/// In which order the blocks of a log are walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// By latest time, from the newest.
    NewestFirst,
    /// By earliest time, from the oldest.
    OldestFirst,
    /// By index. Only this walk meets blocks of which nothing can be shown.
    ByIndex,
}

/// What a [`CommitLock`] is taken for.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// To commit to these logs. A new site counts to the log of the system.
    Logs(&'a [LogNumber]),
    /// To make a round of the umbrella log.
    Umbrella,
    /// To look at what is stored while nothing is staged and no block moves.
    Settled,
}

/// The right to commit, held by at most one committer at a time within its [`Scope`], other processes included. A store may
/// have one lock for everything.
pub trait CommitLock: fmt::Debug {}

/// See the [module's documentation](self).
pub trait Store: UmbrellaStore + RemovalStore + fmt::Debug + Send + Sync + 'static {
    /// The installation's id, which goes with it into every copy.
    fn installation(&self) -> Uuid;

    /// The installation's prefix of every checkpoint's origin line.
    fn origin(&self) -> &str;

    /// The installation's suffix of every origin line: 1, and one more with each restore that lost entries.
    fn epoch(&self) -> u32;

    /// Every site, in the order of their logs' numbers.
    fn sites(&self) -> Result<Vec<Site>, StoreError>;

    /// The heads published since a mark, with the next mark; `None` when there are none. The first mark is 0, and marks never
    /// go back. Heads may come that came before. Cheap when nothing happened: every read asks.
    fn heads(&self, since: u64) -> Result<Option<(u64, Vec<SignedHead>)>, StoreError>;

    /// Waits for the right to commit. Whatever was staged and not published, by whomever, is discarded.
    fn lock(&self, scope: Scope<'_>) -> Result<Box<dyn CommitLock + '_>, StoreError>;

    /// Where these ids are in a log, `None` for those that are new. Staged ones may be among them.
    fn positions(&self, log: LogNumber, ids: &[Uuid]) -> Result<Vec<Option<u64>>, StoreError>;

    /// At most `max` ids that lead into a log and where they lead, in the order of the ids, those after `after`;
    /// staged ones included. Fails where they do not lie in that order, because a look-up relies on it.
    fn ids(&self, log: LogNumber, after: Option<Uuid>, max: usize) -> Result<Vec<(Uuid, u64)>, StoreError>;

    /// How many ids lead into a log, staged ones included.
    fn id_count(&self, log: LogNumber) -> Result<u64, StoreError>;

    /// Stages a batch, all of it or nothing: it is durable at the latest when it is published. Called with the lock held.
    ///
    /// # Errors
    /// [`StoreError::Full`] and [`StoreError::Unavailable`] leave the store as it was. After any other error the outcome is
    /// unknown: the caller must stop and go through recovery.
    fn persist(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Compares each head with its run's base, swaps all of them, and makes that durable. Called with the lock held.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] leaves the store as it was. After any other error the caller must stop and go through
    /// recovery.
    fn publish(&self, heads: &[(Head, SignedHead)]) -> Result<(), StoreError>;

    /// The stored forms of entries, in order. Fails rather than leave one out.
    fn entries(&self, log: LogNumber, range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError>;

    /// The stored forms of entries at any positions, in the order asked for. Fails rather than leave one out.
    /// Made for many that lie far apart: each part of the log that has to be unpacked is unpacked once.
    fn entries_at(&self, log: LogNumber, positions: &[u64]) -> Result<Vec<Vec<u8>>, StoreError>;

    /// At most `max` blocks of a log in the order of `walk`, those after the block `after`, which is one that the
    /// same walk has returned.
    ///
    /// A walk sees the log's entries as they lay in blocks when it began, each in one block, whatever is merged
    /// meanwhile; entries that were appended since may be missing. A block once returned describes its entries
    /// for ever.
    fn blocks(
        &self,
        log: LogNumber,
        walk: Walk,
        after: Option<BlockInfo>,
        max: usize,
    ) -> Result<Vec<BlockInfo>, StoreError>;

    /// Does a small step of the work that makes what came entry by entry lie as close together as what came in
    /// batches: looks at the log's published entries from index `from` on, and writes the first of them that lie
    /// in many small blocks anew in few. The entries' bytes stay exactly as they are, no reader notices, and
    /// staged entries are not looked at. A store that has no use for it answers that there was nothing to do.
    ///
    /// Nothing more than before is durable when this returns: a power cut undoes the step as a whole or not.
    ///
    /// # Errors
    /// After any error the store is as it was, or as after the step. What is damaged is left as it is and is no
    /// error.
    fn merge_blocks(&self, log: LogNumber, from: u64) -> Result<Merge, StoreError>;

    /// The hashes of a tile in its widest version, staged ones included.
    fn tile(&self, log: LogNumber, level: u8, number: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// The positions of the entries that point at each of these targets ([`model::Link::target`]), ascending, staged
    /// ones included; the last ones where there are very many. What a position leads to must be looked at before it
    /// is believed.
    fn linked(&self, log: LogNumber, targets: &[Vec<u8>]) -> Result<Vec<Vec<u64>>, StoreError>;

    /// What is set under a name for a log, as JSON.
    fn configuration(&self, log: LogNumber, name: &str) -> Result<Option<String>, StoreError>;

    /// Everything that is set for a log, by name.
    fn configurations(&self, log: LogNumber) -> Result<Vec<(String, String)>, StoreError>;

    /// Every token, the newest first.
    fn tokens(&self) -> Result<Vec<Token>, StoreError>;

    /// The token with this secret, revoked or not.
    fn token(&self, secret_sha256: &[u8; 32]) -> Result<Option<Token>, StoreError>;

    /// Keeps when tokens were last used.
    fn note_uses(&self, uses: &[(Uuid, Timestamp)]) -> Result<(), StoreError>;

    /// Every user that was not removed, by name.
    fn users(&self) -> Result<Vec<User>, StoreError>;

    /// The user with this name, unless it was removed.
    fn user(&self, name: &str) -> Result<Option<User>, StoreError>;

    /// Keeps a session, durable on return, and forgets those that have expired. False, and nothing is kept, when
    /// its token was revoked or `user` is not what it was any more: no session outlives what it was opened with.
    fn put_session(&self, session: &Session, user: Option<&User>) -> Result<bool, StoreError>;

    /// The sessions of an account, the newest first, expired or not.
    fn sessions(&self, account: &str) -> Result<Vec<Session>, StoreError>;

    /// Ends the sessions of an account and says how many there were.
    fn end_sessions(&self, account: &str) -> Result<usize, StoreError>;

    /// The session or link with this secret, expired or not.
    fn session(&self, secret_sha256: &[u8; 32]) -> Result<Option<Session>, StoreError>;

    /// Ends a session or uses up a link. True for exactly one caller.
    fn end_session(&self, secret_sha256: &[u8; 32]) -> Result<bool, StoreError>;

    /// Keeps a saved search, durable on return; or gives the one with this id, if it is the same owner's, this
    /// name and query. Its owner, its site and its time stay as they were.
    ///
    /// # Errors
    /// Also when its name is taken, or its owner has [`SAVED_SEARCHES_MAX`] others.
    fn put_saved_search(&self, search: &SavedSearch) -> Result<(), SaveError>;

    /// An owner's saved searches on every site, by their names.
    fn saved_searches(&self, owner: &str) -> Result<Vec<SavedSearch>, StoreError>;

    /// Everybody's saved searches.
    fn all_saved_searches(&self) -> Result<Vec<SavedSearch>, StoreError>;

    /// The saved search with this id, whoever's it is.
    fn saved_search(&self, id: Uuid) -> Result<Option<SavedSearch>, StoreError>;

    /// Deletes a saved search of this owner, durable on return. True for exactly one caller.
    fn delete_saved_search(&self, owner: &str, id: Uuid) -> Result<bool, StoreError>;

    /// Copies everything, heads included, as it is at one moment, into a directory that has nothing yet; others may
    /// write meanwhile. `progress` hears how much of how much is copied.
    fn back_up(&self, to: &Path, progress: &dyn Fn(u64, u64)) -> Result<(), StoreError>;
}

/// What can go wrong with a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No room for the batch; nothing was changed.
    #[error("the disk is full: nothing was written. Make room under {place}; writing resumes by itself")]
    Full {
        /// Which storage.
        place: String,
    },
    /// The engine cannot be reached now, or is busy. What was asked for was not done.
    #[error("{0}")]
    Unavailable(String),
    /// The data do not fit each other or their heads.
    #[error("{0}")]
    Corrupt(String),
    /// The start is refused; the message has the way forward.
    #[error("{0}")]
    Refused(String),
    /// The engine failed.
    #[error("{what}: {reason}")]
    Engine {
        /// What was being done.
        what: String,
        /// What the engine says.
        reason: String,
    },
}
