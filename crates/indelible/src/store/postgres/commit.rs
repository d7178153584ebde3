//! Committing: one transaction of the database from the lock to the publication.
//!
//! The transaction locks the head of each log that it appends to, so that processes wait for each other only where they
//! write to the same log. What it writes, nobody else sees before it commits; so nothing staged is ever left behind, and
//! data and heads are of one moment. A checkpoint that is signed within it leaves this process only after the commit.
//!
//! | what fails | what is known | what is done |
//! |---|---|---|
//! | anything before the commit | nothing was written | senders are told to come back |
//! | the commit, without an answer | nothing | the heads are looked at: they say whether it took place |
//! | that, too | nothing | the journal stops, and the next start sees what holds |

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::Client;
use model::StoredEntry;
use tokio_postgres::error::Severity;
use uuid::Uuid;

use super::PostgresStore;
use super::accounts;
use super::errors::failed;
use super::rows::{Parameters, batch, execute, head, log as log_of, query, to_i64};
use super::statements;
use crate::store::block::{self, Block};
use crate::store::{
    Batch, Change, CommitLock, Head, LogNumber, Run, Scope, SignedHead, Site, StoreError, TileData,
};

/// A process that stands still within a commit must not keep others from committing for ever, and nobody waits for ever.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '5s'; \
     SET LOCAL idle_in_transaction_session_timeout = '60s'";

/// Entries in a block, at most. PostgreSQL keeps a long value in pieces of 2 KB: a page of fifty found entries reads as many
/// blocks, and with a quarter of the embedded store's width takes a quarter of the pieces, for a seventh more room.
const BLOCK_ENTRIES_MAX: u64 = 32;

/// How long the outcome of a commit is asked for when its answer was lost: longer than a server or its successor takes to
/// come up, shorter than senders wait.
const ASK_FOR: Duration = Duration::from_mins(1);

/// How long to wait before asking again.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// A transaction that commits, and what tells whether it did.
pub(super) struct Committing {
    client: Client,
    /// The heads that it has locked.
    heads: HashMap<LogNumber, Head>,
    /// An entry of each log that is new, and its index.
    probes: Vec<(LogNumber, Uuid, u64)>,
}

/// Held from the lock to the publication, and by one committer of this process at a time.
pub(super) struct Lock<'a> {
    store: &'a PostgresStore,
    scope: Held,
    _gate: Option<MutexGuard<'a, ()>>,
}

/// What a lock is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Logs,
    Umbrella,
    Nothing,
}

impl CommitLock for Lock<'_> {}

impl std::fmt::Debug for Lock<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lock")
    }
}

impl<'a> Lock<'a> {
    pub(super) fn take(store: &'a PostgresStore, scope: Scope<'_>) -> Result<Self, StoreError> {
        match scope {
            Scope::Logs(logs) => {
                let gate = store.committer.lock().unwrap_or_else(PoisonError::into_inner);
                let (client, heads) = store.connections.wait(begin(store, logs))?;
                *store.committing() = Some(Committing { client, heads, probes: Vec::new() });
                Ok(Self { store, scope: Held::Logs, _gate: Some(gate) })
            }
            Scope::Umbrella => {
                let gate = store.umbrella_committer.lock().unwrap_or_else(PoisonError::into_inner);
                let client = store.connections.wait(begin_umbrella(store))?;
                store.connections.wait(async {
                    *store.umbrella.lock().await = Some(client);
                    Ok(())
                })?;
                Ok(Self { store, scope: Held::Umbrella, _gate: Some(gate) })
            }
            // Nothing is staged here, ever, and no block moves.
            Scope::Settled => Ok(Self { store, scope: Held::Nothing, _gate: None }),
        }
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        let store = self.store;
        let left = match self.scope {
            Held::Logs => store.committing().take().map(|committing| committing.client),
            Held::Umbrella => {
                store.connections.wait(async { Ok(store.umbrella.lock().await.take()) }).unwrap_or_default()
            }
            Held::Nothing => None,
        };
        // What was not published is taken back.
        if let Some(client) = left
            && store
                .connections
                .wait(async { batch(&client, "taking a batch back", "ROLLBACK").await })
                .is_err()
        {
            close(client);
        }
    }
}

/// Begins a commit to these logs: their heads stay as they are until it is over.
async fn begin(
    store: &PostgresStore,
    logs: &[LogNumber],
) -> Result<(Client, HashMap<LogNumber, Head>), StoreError> {
    let what = "beginning a commit";
    let client = store.connected().await?;
    let numbers: Vec<i64> = logs.iter().copied().map(i64::from).collect();
    let locked = async {
        batch(&client, what, BEGIN).await?;
        let rows = query(&client, what, statements::LOCK_HEADS, &[&numbers]).await?;
        let heads = rows.iter().map(|row| Ok((log_of(row, 0)?, head(row, 1)?)));
        let heads: HashMap<LogNumber, Head> = heads.collect::<Result<_, StoreError>>()?;
        heads.iter().try_for_each(|(log, head)| store.seen.check(*log, *head))?;
        Ok(heads)
    };
    match locked.await {
        Ok(heads) => Ok((client, heads)),
        Err(error) => {
            close(client);
            Err(error)
        }
    }
}

async fn begin_umbrella(store: &PostgresStore) -> Result<Client, StoreError> {
    let what = "beginning a round of the umbrella";
    let client = store.connected().await?;
    let locked = async {
        batch(&client, what, BEGIN).await?;
        query(&client, what, statements::LOCK_UMBRELLA, &[]).await
    };
    match locked.await {
        Ok(_) => Ok(client),
        Err(error) => {
            close(client);
            Err(error)
        }
    }
}

/// Ends a connection, and with it whatever it is in the middle of.
fn close(client: Client) {
    drop(Client::take(client));
}

/// Writes a batch within the transaction that the lock began.
pub(super) fn persist(store: &PostgresStore, batch: &Batch) -> Result<(), StoreError> {
    let mut committing = store.committing();
    let Some(committing) = committing.as_mut() else { return Err(without_lock()) };
    for run in &batch.runs {
        let head = committing.heads.get(&run.log).copied().unwrap_or_else(Head::empty);
        if head != run.base {
            return Err(not_the_base(run.log, run.base));
        }
    }
    store.connections.wait(async {
        for change in &batch.changes {
            apply(&committing.client, change).await?;
        }
        for run in &batch.runs {
            write(&committing.client, run).await?;
        }
        Ok(())
    })?;
    let probe = |run: &Run| Some((run.log, run.entries.first()?.id, run.base.size));
    committing.probes = batch.runs.iter().filter_map(probe).collect();
    Ok(())
}

fn without_lock() -> StoreError {
    StoreError::Engine {
        what: "writing a batch".to_owned(),
        reason: "the commit lock is not held".to_owned(),
    }
}

async fn apply(client: &Client, change: &Change) -> Result<(), StoreError> {
    match change {
        Change::CreateSite(site) => create_site(client, site).await,
        Change::CreateToken(token) => accounts::create_token(client, token).await,
        Change::RevokeToken { id, at } => accounts::revoke_token(client, *id, *at).await,
        Change::PutUser(user) => accounts::put_user(client, user).await,
        Change::Configure { log, name, value } => {
            accounts::configure(client, *log, name, value.as_deref()).await
        }
    }
}

/// Keeps a site and the head of its empty log.
pub(super) async fn create_site(client: &Client, site: &Site) -> Result<(), StoreError> {
    let what = "creating a site";
    let (log, created_ms) = (i64::from(site.log), site.created_at.as_millisecond());
    execute(client, what, statements::CREATE_SITE, &[&log, &site.id.as_str(), &site.name, &created_ms])
        .await?;
    let root = tlog::empty_root();
    execute(client, what, statements::CREATE_HEAD, &[&log, &root.as_bytes().as_slice()]).await.map(|_| ())
}

/// Writes a run. Its four statements are sent together and answered in turn.
async fn write(client: &Client, run: &Run) -> Result<(), StoreError> {
    let log = i64::from(run.log);
    let blocks = block::pack(run.base.size, &run.entries, BLOCK_ENTRIES_MAX, block::LEVEL)?;
    let blocks = BlockColumns::of(&blocks, run)?;
    let ids: Vec<Uuid> = run.entries.iter().map(|entry| entry.id).collect();
    let positions: Vec<i64> = (run.base.size..).map(to_i64).take(ids.len()).collect();
    let links = (run.base.size..).zip(&run.entries);
    let links = links
        .flat_map(|(index, entry)| entry.links.iter().map(move |target| (target.as_slice(), to_i64(index))));
    let (targets, pointing): (Vec<&[u8]>, Vec<i64>) = links.unzip();
    let what = "writing entries";
    let block_parameters: Parameters<'_> = &[
        &log,
        &blocks.firsts,
        &blocks.counts,
        &blocks.occurred_min_us,
        &blocks.occurred_max_us,
        &blocks.recorded_min_ms,
        &blocks.expired,
        &blocks.contents,
    ];
    let id_parameters: Parameters<'_> = &[&log, &ids, &positions];
    let link_parameters: Parameters<'_> = &[&log, &targets, &pointing];
    let links = async {
        if targets.is_empty() {
            return Ok(0);
        }
        execute(client, what, statements::INSERT_LINKS, link_parameters).await
    };
    // Prepared before, so that they are sent in this order.
    for sql in
        [statements::INSERT_BLOCKS, statements::INSERT_IDS, statements::PUT_TILES, statements::INSERT_LINKS]
    {
        client.prepare_cached(sql).await.map_err(|error| failed(what, &error))?;
    }
    let (blocks, ids, tiles, links) = tokio::join!(
        execute(client, what, statements::INSERT_BLOCKS, block_parameters),
        execute(client, what, statements::INSERT_IDS, id_parameters),
        put_tiles(client, run),
        links,
    );
    // The first that fails says why; the server refuses those behind it because one has failed.
    blocks.and(ids).and(tiles).and(links.map(|_| ()))
}

async fn put_tiles(client: &Client, run: &Run) -> Result<(), StoreError> {
    let tiles = TileColumns::of(&run.tiles);
    let parameters: Parameters<'_> = &[&i64::from(run.log), &tiles.levels, &tiles.numbers, &tiles.hashes];
    query(client, "writing tiles", statements::PUT_TILES, parameters).await.map(|_| ())
}

/// Tiles, column by column.
pub(super) struct TileColumns<'a> {
    pub(super) levels: Vec<i16>,
    pub(super) numbers: Vec<i64>,
    pub(super) hashes: Vec<&'a [u8]>,
}

impl<'a> TileColumns<'a> {
    pub(super) fn of(tiles: &'a [TileData]) -> Self {
        Self {
            levels: tiles.iter().map(|tile| i16::from(tile.level)).collect(),
            numbers: tiles.iter().map(|tile| to_i64(tile.number)).collect(),
            hashes: tiles.iter().map(|tile| tile.hashes.as_slice()).collect(),
        }
    }
}

/// Blocks, column by column.
struct BlockColumns<'a> {
    firsts: Vec<i64>,
    counts: Vec<i64>,
    occurred_min_us: Vec<i64>,
    occurred_max_us: Vec<i64>,
    recorded_min_ms: Vec<i64>,
    expired: Vec<i16>,
    contents: Vec<&'a [u8]>,
}

impl<'a> BlockColumns<'a> {
    fn of(blocks: &'a [Block], run: &Run) -> Result<Self, StoreError> {
        let recorded_ms = |block: &Block| {
            let place = block.first.checked_sub(run.base.size).and_then(|place| usize::try_from(place).ok());
            let first = place.and_then(|place| run.entries.get(place));
            // Recorded times of a log never go back: its first entry has the earliest.
            let header = first.and_then(|entry| Some(StoredEntry::decode(&entry.bytes).ok()?.header()));
            header.map(|header| header.recorded_ms).ok_or_else(|| {
                StoreError::Corrupt(format!(
                    "the entry at index {} of log {} does not read",
                    block.first, run.log
                ))
            })
        };
        Ok(Self {
            firsts: blocks.iter().map(|block| to_i64(block.first)).collect(),
            counts: blocks.iter().map(|block| to_i64(block.count)).collect(),
            occurred_min_us: blocks.iter().map(|block| block.occurred_min_us).collect(),
            occurred_max_us: blocks.iter().map(|block| block.occurred_max_us).collect(),
            recorded_min_ms: blocks
                .iter()
                .map(|block| recorded_ms(block).map(to_i64))
                .collect::<Result<_, _>>()?,
            expired: blocks.iter().map(|block| block.left.small_number()).collect(),
            contents: blocks.iter().map(|block| block.content.as_slice()).collect(),
        })
    }
}

/// Swaps the heads and commits. When the answer is lost, finds out what became of it.
pub(super) fn publish(store: &PostgresStore, heads: &[(Head, SignedHead)]) -> Result<(), StoreError> {
    let Some(Committing { client, probes, .. }) = store.committing().take() else {
        return Err(without_lock());
    };
    let swapped = store.connections.wait(async {
        for (base, next) in heads {
            swap(&client, *base, next).await?;
        }
        Ok(())
    });
    if let Err(error) = swapped {
        if store.connections.wait(async { batch(&client, "taking a batch back", "ROLLBACK").await }).is_err()
        {
            close(client);
        }
        return Err(error);
    }
    let committed = store.connections.wait(async { Ok(client.batch_execute("COMMIT").await) })?;
    match committed {
        Ok(()) => {}
        // The server has said no. Where it ends the connection as well, it may have committed before.
        Err(error) if is_refused(&error) => return Err(failed("committing", &error)),
        Err(error) => {
            close(client);
            tracing::warn!(%error, "the answer to a commit was lost: asking the database what became of it");
            outcome(store, heads, &probes)?;
        }
    }
    for (_, next) in heads {
        store.seen.note(next.log, next.head);
    }
    store.seen.keep_sometimes();
    Ok(())
}

fn is_refused(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|said| said.parsed_severity() == Some(Severity::Error))
}

async fn swap(client: &Client, base: Head, next: &SignedHead) -> Result<(), StoreError> {
    let (log, size, base_size) = (i64::from(next.log), to_i64(next.head.size), to_i64(base.size));
    let (root, base_root) = (next.head.root.as_bytes().as_slice(), base.root.as_bytes().as_slice());
    let parameters: Parameters<'_> = &[&log, &size, &root, &next.checkpoint, &base_size, &base_root];
    if execute(client, "swapping the heads", statements::SWAP_HEAD, parameters).await? == 1 {
        return Ok(());
    }
    Err(not_the_base(next.log, base))
}

fn not_the_base(log: LogNumber, base: Head) -> StoreError {
    StoreError::Corrupt(format!(
        "the head of log {log} in the database is not the one at size {} that the batch stands on",
        base.size
    ))
}

/// Whether a commit took place whose answer was lost. The heads are locked for the question: as long as the old
/// connection's transaction is not over, this waits.
fn outcome(
    store: &PostgresStore,
    heads: &[(Head, SignedHead)],
    probes: &[(LogNumber, Uuid, u64)],
) -> Result<(), StoreError> {
    let deadline = Instant::now() + ASK_FOR;
    let logs: Vec<LogNumber> = heads.iter().map(|(_, next)| next.log).collect();
    loop {
        let asked = store.connections.wait(async {
            let (client, now) = begin(store, &logs).await?;
            let mut found = Vec::new();
            for (log, id, index) in probes {
                let position = super::read::positions(&client, *log, &[*id]).await?.pop().flatten();
                found.push(position == Some(*index));
            }
            close(client);
            Ok((now, found))
        });
        match asked {
            Ok((now, found)) => return judge(heads, &now, &found),
            Err(StoreError::Unavailable(_)) if Instant::now() < deadline => std::thread::sleep(ASK_AGAIN),
            Err(error) => {
                return Err(StoreError::Engine {
                    what: "committing".to_owned(),
                    reason: format!("whether a batch was written is not known: {error}"),
                });
            }
        }
    }
}

fn judge(
    heads: &[(Head, SignedHead)],
    now: &HashMap<LogNumber, Head>,
    found: &[bool],
) -> Result<(), StoreError> {
    let at = |log: LogNumber| now.get(&log).copied().unwrap_or_else(Head::empty);
    let is_there =
        heads.iter().all(|(_, next)| at(next.log) == next.head || at(next.log).size > next.head.size);
    if is_there && found.iter().all(|found| *found) {
        return Ok(());
    }
    if !found.iter().any(|found| *found) {
        return Err(StoreError::Unavailable(
            "the connection to the database was lost while a batch was committed, and it was not written: send it \
             again"
            .to_owned(),
        ));
    }
    Err(StoreError::Corrupt("a batch is in the database in part: its logs are not of one moment".to_owned()))
}
