//! The leaves of a log in order, each piece a tile's width, with a few pieces on their way while one is judged.

use std::collections::VecDeque;
use std::ops::Range;

use tlog::{Bundle, HASH_SIZE, Hash, TILE_WIDTH, Tile, TilePath};
use tokio::task::JoinHandle;

use super::AuditError;
use super::http::{Fetched, Log};

/// Leaves in a full tile.
pub(super) const WIDTH: u64 = 256;

/// Pieces on their way: bounds memory.
const AHEAD: usize = 8;

/// Bytes of a tile, and of a bundle: our leaves have at most 563.
const TILE_BYTES_MAX: usize = 256 * HASH_SIZE;
const BUNDLE_BYTES_MAX: usize = 256 * 1024;

/// See the [module's documentation](self).
pub(super) struct Leaves {
    log: Log,
    size: u64,
    /// The tile to be asked for next.
    next: u64,
    waiting: VecDeque<JoinHandle<Result<Piece, AuditError>>>,
}

/// A tile of level 0 and the leaves under it, as the server gave them.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) tile: Tile,
    hashes: Fetched,
    leaves: Fetched,
}

impl Leaves {
    /// The leaves from `first`, which begins a tile, up to `size`.
    pub(super) fn new(log: Log, first: u64, size: u64) -> Self {
        Self { log, size, next: first / WIDTH, waiting: VecDeque::new() }
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Piece>, AuditError> {
        while self.waiting.len() < AHEAD
            && let Some(bundle) = Bundle::of_tree(self.next, self.size)
        {
            self.waiting.push_back(tokio::spawn(Piece::fetch(self.log.clone(), bundle)));
            self.next += 1;
        }
        let Some(piece) = self.waiting.pop_front() else { return Ok(None) };
        match piece.await {
            Ok(piece) => piece.map(Some),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Drop for Leaves {
    fn drop(&mut self) {
        self.waiting.iter().for_each(JoinHandle::abort);
    }
}

impl Piece {
    async fn fetch(log: Log, bundle: Bundle) -> Result<Self, AuditError> {
        let tile = bundle.tile();
        let hashes = fetch(&log, TilePath::Hashes(tile)).await?;
        let leaves = fetch(&log, TilePath::Entries(bundle)).await?;
        Ok(Self { tile, hashes, leaves })
    }

    /// The indexes of its leaves.
    pub(super) fn range(&self) -> Range<u64> {
        let first = self.tile.index() * WIDTH;
        first..first + u64::from(self.tile.width())
    }

    /// The leaves, or what is wrong with them.
    pub(super) fn leaves(&self) -> Result<Vec<&[u8]>, String> {
        let bytes = given(&self.leaves, "leaves")?;
        let mut leaves =
            tlog::bundle_entries(bytes).map_err(|error| format!("the leaves do not read: {error}"))?;
        let width = usize::from(self.tile.width());
        // A full bundle may stand in for a partial one that is gone.
        if leaves.len() < width || leaves.len() > usize::from(TILE_WIDTH) {
            return Err(format!("{} leaves are served instead of {width}", leaves.len()));
        }
        leaves.truncate(width);
        Ok(leaves)
    }

    /// The hashes of the tile, or what is wrong with them.
    pub(super) fn hashes(&self) -> Result<Vec<Hash>, String> {
        hashes(self.tile, &self.hashes)
    }
}

/// The hashes of a tile, or what is wrong with them.
pub(super) fn hashes(tile: Tile, fetched: &Fetched) -> Result<Vec<Hash>, String> {
    let bytes = given(fetched, "hashes")?;
    let (hashes, rest) = bytes.as_chunks::<HASH_SIZE>();
    let width = usize::from(tile.width());
    if !rest.is_empty() || hashes.len() < width || hashes.len() > usize::from(TILE_WIDTH) {
        return Err(format!("{tile} has {} bytes instead of {}", bytes.len(), width * HASH_SIZE));
    }
    Ok(hashes.iter().take(width).copied().map(Hash::from_bytes).collect())
}

fn given<'a>(fetched: &'a Fetched, what: &str) -> Result<&'a [u8], String> {
    match fetched {
        Fetched::Bytes(bytes) => Ok(bytes),
        Fetched::Missing => {
            Err(format!("MISSING: the server has no {what} here, but its checkpoint covers them"))
        }
        Fetched::Failed(reason) => Err(format!("the server does not give the {what}: {reason}")),
    }
}

/// Fetches a tile; in place of a partial one that is gone, the full one.
pub(super) async fn fetch(log: &Log, path: TilePath) -> Result<Fetched, AuditError> {
    let (tile, bytes_max) = match path {
        TilePath::Hashes(tile) => (tile, TILE_BYTES_MAX),
        TilePath::Entries(bundle) => (bundle.tile(), BUNDLE_BYTES_MAX),
    };
    let fetched = log.get(&path.to_string(), bytes_max).await?;
    if !matches!(fetched, Fetched::Missing) || !tile.is_partial() {
        return Ok(fetched);
    }
    let full = match path {
        TilePath::Hashes(_) => Tile::new(tile.level(), tile.index(), TILE_WIDTH).map(TilePath::Hashes),
        TilePath::Entries(_) => Bundle::new(tile.index(), TILE_WIDTH).map(TilePath::Entries),
    };
    match full {
        Ok(full) => log.get(&full.to_string(), bytes_max).await,
        Err(_) => Ok(Fetched::Missing),
    }
}
