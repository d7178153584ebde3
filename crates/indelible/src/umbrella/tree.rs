//! The umbrella's tree. It grows by few leaves at a time, so nothing of it is kept in memory between rounds.

use std::collections::BTreeMap;

use tlog::{HASH_SIZE, Hash, TILE_HEIGHT, TILE_WIDTH, Tile, TileNodes};

use crate::journal::{edge_at, unread};
use crate::store::{Head, Store, StoreError, TileData};

/// The nodes of the tree of `size` leaves from its stored tiles.
pub(crate) fn nodes(
    store: &dyn Store,
    size: u64,
) -> TileNodes<impl Fn(Tile) -> Result<Vec<u8>, StoreError> + '_> {
    TileNodes::new(size, move |tile: Tile| {
        // A staged tile may be wider than the tree that is asked about, never other in front.
        let hashes = store.umbrella_tile(tile.level(), tile.index())?;
        hashes.ok_or_else(|| damaged(&format!("{tile} is missing")))
    })
}

/// Every tile of the tree of `size` leaves.
pub(crate) fn stored_tiles(store: &dyn Store, size: u64) -> Result<Vec<TileData>, StoreError> {
    let mut tiles = Vec::new();
    for level in tlog::tiles_for_size(size) {
        let widths = (0..level.full).map(|number| (number, TILE_WIDTH));
        for (number, width) in widths.chain((level.partial > 0).then_some((level.full, level.partial))) {
            let mut hashes = store.umbrella_tile(level.level, number)?.unwrap_or_default();
            hashes.truncate(usize::from(width) * HASH_SIZE);
            if hashes.len() < usize::from(width) * HASH_SIZE {
                return Err(damaged("a tile is missing or too short"));
            }
            tiles.push(TileData { level: level.level, number, hashes });
        }
    }
    Ok(tiles)
}

/// The head after these leaves, and every tile that they touch.
pub(super) fn grow(
    store: &dyn Store,
    base: Head,
    leaves: &[Hash],
) -> Result<(Head, Vec<TileData>), StoreError> {
    let mut edge = edge_at(&nodes(store, base.size), base, damaged)?;
    let mut tiles: BTreeMap<(u8, u64), Vec<u8>> = BTreeMap::new();
    for level in tlog::tiles_for_size(base.size).filter(|level| level.partial > 0) {
        let width = usize::from(level.partial) * HASH_SIZE;
        let mut hashes = store.umbrella_tile(level.level, level.full)?.unwrap_or_default();
        if hashes.len() < width {
            return Err(damaged("a tile is too short"));
        }
        hashes.truncate(width);
        tiles.insert((level.level, level.full), hashes);
    }
    for leaf in leaves {
        edge.push_with(*leaf, |level, index, hash| {
            if level % TILE_HEIGHT == 0 {
                let place = (level / TILE_HEIGHT, index / u64::from(TILE_WIDTH));
                tiles.entry(place).or_default().extend(hash.as_bytes());
            }
        });
    }
    let tiles = tiles.into_iter().map(|((level, number), hashes)| TileData { level, number, hashes });
    Ok((Head { size: edge.size(), root: edge.root() }, tiles.collect()))
}

/// Proves to ourselves that `next` extends `base`, from the tiles as they are stored.
pub(super) fn check_consistency(store: &dyn Store, base: Head, next: Head) -> Result<(), StoreError> {
    let proof = tlog::consistency_proof(&nodes(store, next.size), base.size, next.size)
        .map_err(|error| unread(&error, damaged))?;
    tlog::verify_consistency(base.size, &base.root, next.size, &next.root, &proof)
        .map_err(|error| damaged(&format!("the new head does not extend the old one: {error}")))
}

fn damaged(reason: &str) -> StoreError {
    StoreError::Corrupt(format!("the umbrella log is damaged: {reason}. Nothing more of it is signed"))
}
