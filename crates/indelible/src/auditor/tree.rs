//! The tree, built anew from the hashes of its leaves, and compared with the upper tiles on the way.

use tlog::{Hash, RightEdge, TILE_HEIGHT, TILE_WIDTH, Tile, TilePath};

use super::AuditError;
use super::http::Log;
use super::leaves::{self, fetch};
use crate::jobs::Finding;

/// See the [module's documentation](self).
pub(super) struct Tree {
    edge: RightEdge,
    /// The hashes of the last, not yet full tile of each level from 1 up.
    partial: Vec<Vec<Hash>>,
    /// Upper tiles that were filled and not yet compared.
    full: Vec<(Tile, Vec<Hash>)>,
    /// Whether it begins at the first leaf: else upper tiles have hashes that it never saw.
    from_start: bool,
}

impl Tree {
    /// The tree of the first `first` leaves, which begins a tile: empty, or what a pruned log still proves of them.
    pub(super) async fn begin(log: &Log, first: u64, size: u64) -> Result<Self, AuditError> {
        let mut hashes = Vec::new();
        for (level, index) in RightEdge::places(first) {
            hashes.extend(node(log, level, index, size).await?);
        }
        let edge = RightEdge::from_parts(first, hashes).map_err(|error| AuditError::Refused {
            url: "the tiles over the pruned part of the log".to_owned(),
            answer: error.to_string(),
        })?;
        Ok(Self { edge, partial: Vec::new(), full: Vec::new(), from_start: first == 0 })
    }

    pub(super) fn push(&mut self, leaf: Hash) {
        let (partial, full) = (&mut self.partial, &mut self.full);
        self.edge.push_with(leaf, |level, index, hash| {
            let tile_level = level / TILE_HEIGHT;
            let Some(place) = usize::from(tile_level).checked_sub(1).filter(|_| level % TILE_HEIGHT == 0)
            else {
                return;
            };
            if partial.len() <= place {
                partial.resize_with(place + 1, Vec::new);
            }
            let Some(hashes) = partial.get_mut(place) else { return };
            hashes.push(hash);
            if (index + 1) % u64::from(TILE_WIDTH) == 0
                && let Ok(tile) = Tile::new(tile_level, index / u64::from(TILE_WIDTH), TILE_WIDTH)
            {
                full.push((tile, std::mem::take(hashes)));
            }
        });
    }

    pub(super) fn size(&self) -> u64 {
        self.edge.size()
    }

    pub(super) fn root(&self) -> Hash {
        self.edge.root()
    }

    /// Compares the upper tiles that were filled since the last call.
    pub(super) async fn compare_full(&mut self, log: &Log) -> Result<Vec<Finding>, AuditError> {
        let mut findings = Vec::new();
        for (tile, expected) in std::mem::take(&mut self.full) {
            findings.extend(self.compare(log, tile, &expected).await?);
        }
        Ok(findings)
    }

    /// Compares the upper tiles at the right edge.
    pub(super) async fn compare_partial(&self, log: &Log) -> Result<Vec<Finding>, AuditError> {
        let mut findings = Vec::new();
        for (level, expected) in (1..).zip(&self.partial) {
            let tiles = tlog::LevelTiles::of_tree(level, self.size());
            if let Ok(tile) = Tile::new(level, tiles.full, tiles.partial) {
                findings.extend(self.compare(log, tile, expected).await?);
            }
        }
        Ok(findings)
    }

    async fn compare(&self, log: &Log, tile: Tile, expected: &[Hash]) -> Result<Option<Finding>, AuditError> {
        let hashes = match leaves::hashes(tile, &fetch(log, TilePath::Hashes(tile)).await?) {
            Ok(hashes) => hashes,
            Err(reason) => return Ok(Some(Finding { entries: None, what: reason })),
        };
        // Of a tile that reaches into the pruned part only the end was seen.
        let seen = if self.from_start { hashes.as_slice() } else { end_of(&hashes, expected.len()) };
        let what = format!("{tile} does not have the hashes that follow from the leaves");
        Ok((seen != expected).then_some(Finding { entries: None, what }))
    }
}

fn end_of(hashes: &[Hash], count: usize) -> &[Hash] {
    hashes.get(hashes.len().saturating_sub(count)..).unwrap_or(hashes)
}

/// A perfect node above level 7, from the tile that has it.
async fn node(log: &Log, level: u8, index: u64, size: u64) -> Result<Option<Hash>, AuditError> {
    let height = level % TILE_HEIGHT;
    let first = index << height;
    let Some(tile) = Tile::of_tree(level / TILE_HEIGHT, first / u64::from(TILE_WIDTH), size) else {
        return Ok(None);
    };
    let fetched = fetch(log, TilePath::Hashes(tile)).await?;
    let Ok(hashes) = leaves::hashes(tile, &fetched) else { return Ok(None) };
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    let nodes = tlog::TileNodes::new(size, |_: Tile| Ok::<_, std::convert::Infallible>(&bytes));
    Ok(tlog::NodeReader::node(&nodes, level, index).ok())
}
