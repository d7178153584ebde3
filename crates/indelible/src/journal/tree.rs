//! A log while it grows: its Merkle tree's right edge, and the tiles that are not full yet.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error;
use std::rc::Rc;

use tlog::{Hash, NodeReader, RightEdge, TILE_HEIGHT, TILE_WIDTH, Tile, TileNodes};

use crate::causes::chain;
use crate::store::{Head, LogNumber, Store, StoreError, TileData};

/// See the [module's documentation](self).
#[derive(Clone, Debug)]
pub(super) struct Tree {
    edge: RightEdge,
    /// The hashes of the last tile of each level, empty when the tile before it is full.
    partial: Vec<Vec<u8>>,
    /// When the last entry was recorded, in milliseconds since 1970.
    pub(super) last_recorded_ms: u64,
}

/// What an append adds to the tree.
#[derive(Debug, Default)]
pub(super) struct Growth {
    full: Vec<TileData>,
    touched: u8,
}

impl Tree {
    /// Reads the tree of a log at its published head, and checks that it has the published root.
    pub(super) fn load(store: &dyn Store, log: LogNumber, head: Head) -> Result<Self, StoreError> {
        let nodes = stored_nodes(store, log, head.size, &[]);
        let edge = edge_at(&nodes, head, |reason| damaged(log, reason))?;
        let mut partial = Vec::new();
        let mut hashes = head.size;
        while hashes > 0 {
            let width = usize::try_from(hashes % u64::from(TILE_WIDTH)).unwrap_or_default();
            let tile = if width == 0 {
                Vec::new()
            } else {
                let level = u8::try_from(partial.len()).unwrap_or(u8::MAX);
                let tile = store.tile(log, level, hashes / u64::from(TILE_WIDTH))?.unwrap_or_default();
                tile.get(..width * 32).ok_or_else(|| damaged(log, "a tile is too short"))?.to_vec()
            };
            partial.push(tile);
            hashes /= u64::from(TILE_WIDTH);
        }
        let last_recorded_ms = match head.size.checked_sub(1) {
            Some(last) => recorded_ms(store, log, last)?,
            None => 0,
        };
        Ok(Self { edge, partial, last_recorded_ms })
    }

    pub(super) fn head(&self) -> Head {
        Head { size: self.edge.size(), root: self.edge.root() }
    }

    /// Number of leaves.
    pub(super) fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Adds a leaf; full tiles go to `growth`.
    pub(super) fn append(&mut self, leaf: Hash, growth: &mut Growth) {
        let partial = &mut self.partial;
        self.edge.push_with(leaf, |level, index, hash| {
            if level % TILE_HEIGHT != 0 {
                return;
            }
            let tile_level = level / TILE_HEIGHT;
            growth.touched = growth.touched.max(tile_level + 1);
            if partial.len() <= usize::from(tile_level) {
                partial.push(Vec::new());
            }
            let Some(tile) = partial.get_mut(usize::from(tile_level)) else { return };
            tile.extend(hash.as_bytes());
            if tile.len() == usize::from(TILE_WIDTH) * 32 {
                growth.full.push(TileData {
                    level: tile_level,
                    number: index / u64::from(TILE_WIDTH),
                    hashes: std::mem::take(tile),
                });
            }
        });
    }

    /// Every tile that the growth touched, in its widest version.
    pub(super) fn tiles(&self, growth: Growth) -> Vec<TileData> {
        let mut tiles = growth.full;
        let mut hashes = self.edge.size();
        for (level, tile) in (0..growth.touched).zip(&self.partial) {
            if !tile.is_empty() {
                tiles.push(TileData { level, number: hashes / u64::from(TILE_WIDTH), hashes: tile.clone() });
            }
            hashes /= u64::from(TILE_WIDTH);
        }
        tiles
    }
}

/// Proves to ourselves that `next` extends `base`, with the verifier that everybody uses, from the tiles as
/// they are about to be stored.
pub(super) fn check_consistency(
    store: &dyn Store,
    log: LogNumber,
    base: Head,
    next: Head,
    tiles: &[TileData],
) -> Result<(), StoreError> {
    let nodes = stored_nodes(store, log, next.size, tiles);
    let proof = tlog::consistency_proof(&nodes, base.size, next.size)
        .map_err(|error| unread(&error, |reason| damaged(log, reason)))?;
    tlog::verify_consistency(base.size, &base.root, next.size, &next.root, &proof)
        .map_err(|error| damaged(log, &format!("the new head does not extend the old one: {error}")))
}

/// The right edge of a tree at its head, from the tree's nodes. Where they are not those of that head, `damaged` says so.
pub(crate) fn edge_at<N: NodeReader>(
    nodes: &N,
    head: Head,
    damaged: impl Fn(&str) -> StoreError,
) -> Result<RightEdge, StoreError>
where
    N::Error: Error + 'static,
{
    let hashes = RightEdge::places(head.size).map(|(level, index)| nodes.node(level, index));
    let hashes = hashes.collect::<Result<Vec<_>, _>>().map_err(|error| unread(&error, &damaged))?;
    let edge = RightEdge::from_parts(head.size, hashes).map_err(|error| damaged(&error.to_string()))?;
    if edge.root() != head.root {
        return Err(damaged("its tiles do not have the root of its signed head"));
    }
    Ok(edge)
}

/// What it means that nodes of a tree could not be read: that the store cannot be reached now says nothing of the tree.
pub(crate) fn unread(error: &(dyn Error + 'static), damaged: impl FnOnce(&str) -> StoreError) -> StoreError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(StoreError::Unavailable(reason)) = error.downcast_ref::<StoreError>() {
            return StoreError::Unavailable(reason.clone());
        }
        cause = error.source();
    }
    damaged(&chain(error))
}

/// The nodes of a log's tree of `size` leaves from its stored tiles, those of `fresh` going first. Each tile is read
/// once: a prover asks for it once for each node in it.
pub(crate) fn stored_nodes<'a>(
    store: &'a dyn Store,
    log: LogNumber,
    size: u64,
    fresh: &'a [TileData],
) -> TileNodes<impl Fn(Tile) -> Result<Rc<[u8]>, StoreError> + 'a> {
    let place_of = |tile: &'a TileData| ((tile.level, tile.number), Rc::<[u8]>::from(tile.hashes.as_slice()));
    let known: RefCell<HashMap<_, _>> = RefCell::new(fresh.iter().map(place_of).collect());
    TileNodes::new(size, move |tile: Tile| {
        let place = (tile.level(), tile.index());
        if let Some(hashes) = known.borrow().get(&place) {
            return Ok(Rc::clone(hashes));
        }
        let stored = store.tile(log, tile.level(), tile.index())?;
        let hashes: Rc<[u8]> = stored.ok_or_else(|| damaged(log, &format!("{tile} is missing")))?.into();
        known.borrow_mut().insert(place, Rc::clone(&hashes));
        Ok(hashes)
    })
}

fn recorded_ms(store: &dyn Store, log: LogNumber, index: u64) -> Result<u64, StoreError> {
    let entries = store.entries(log, index..index + 1)?;
    let bytes = entries.first().ok_or_else(|| damaged(log, "its last entry is missing"))?;
    let stored = model::StoredEntry::decode(bytes).map_err(|error| damaged(log, &error.to_string()))?;
    Ok(stored.header().recorded_ms)
}

fn damaged(log: LogNumber, reason: &str) -> StoreError {
    StoreError::Corrupt(format!(
        "log {log} is damaged: {reason}. Nothing more is signed; run `indelible verify` to find the place"
    ))
}
