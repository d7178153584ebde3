//! Nodes of the tree out of tiles, for the prover.
//!
//! A tile stores one tree level in eight. The seven between are recomputed by hashing inside the
//! tile ("Merkle Tree", last paragraph):
//!
//! ```text
//! level 8 ── stored in tile/1/…
//! level 7 ┐
//!    ⋮    │  the root of a perfect run of 2^k stored hashes
//! level 1 ┘
//! level 0 ── stored in tile/0/…
//! ```

use crate::{
    hash::{HASH_SIZE, Hash, node_hash},
    proof::NodeReader,
    tile::{TILE_HEIGHT, Tile},
};

/// A [`NodeReader`] over tiles, given a function that fetches a tile's bytes.
///
/// The function is asked for a tile as a tree of the given size has it. It may answer with a wider
/// one, up to the full tile: a partial tile is a prefix of all wider ones. Each node costs one call,
/// so a slow source wants a cache in its function.
///
/// The hashes are taken on trust. Whoever reads a log that is not their own compares
/// [`root`](crate::root) with a checkpoint, or verifies the proof made, before they believe or keep a
/// tile.
///
/// ```
/// use tlog::{Tile, TileNodes, leaf_hash, node_hash, root};
///
/// let (left, right) = (leaf_hash(b"first"), leaf_hash(b"second"));
/// let bytes = [*left.as_bytes(), *right.as_bytes()].concat();
/// let nodes = TileNodes::new(2, |tile: Tile| match tile.path().as_str() {
///     "tile/0/000.p/2" => Ok(bytes.clone()),
///     _ => Err(std::io::ErrorKind::NotFound),
/// });
/// assert_eq!(root(&nodes, 2).ok(), Some(node_hash(&left, &right)));
/// ```
#[derive(Clone, Debug)]
pub struct TileNodes<F> {
    size: u64,
    fetch: F,
}

/// Why a node could not be had from tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileNodesError<E> {
    /// The tree has no such perfect node.
    #[error("node {index} at level {level} is not a perfect node of a tree of size {size}")]
    OutsideTree {
        /// The node's level.
        level: u8,
        /// The node's index within its level.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// The function that fetches tiles failed.
    #[error("cannot fetch {tile}")]
    Fetch {
        /// The tile asked for.
        tile: Tile,
        /// What the function said.
        source: E,
    },
    /// The bytes are not the tile asked for nor a wider one.
    #[error("{tile} has {actual} bytes: too few, too many, or no whole number of hashes")]
    Length {
        /// The tile asked for.
        tile: Tile,
        /// How many bytes there were.
        actual: usize,
    },
}

impl<F> TileNodes<F> {
    /// The nodes of a tree of `size` leaves, whose tiles come from `fetch`.
    #[must_use]
    pub const fn new(size: u64, fetch: F) -> Self {
        Self { size, fetch }
    }
}

impl<F, B, E> NodeReader for TileNodes<F>
where
    F: Fn(Tile) -> Result<B, E>,
    B: AsRef<[u8]>,
{
    type Error = TileNodesError<E>;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        let outside = TileNodesError::OutsideTree { level, index, size: self.size };
        // How many nodes of this level are perfect.
        if index >= self.size.unbounded_shr(level.into()) {
            return Err(outside);
        }
        let place = Place::of_node(level, index);
        let Some(tile) = Tile::of_tree(place.tile_level, place.tile_index, self.size) else {
            return Err(outside);
        };
        let bytes = (self.fetch)(tile).map_err(|source| TileNodesError::Fetch { tile, source })?;
        let hashes = hashes_of(tile, bytes.as_ref())?;
        let run = hashes.iter().skip(place.offset).take(place.len).copied().map(Hash::from_bytes);
        perfect_root(run.collect()).ok_or(outside)
    }
}

/// The hashes in a tile's bytes, at least as many as the tile is wide.
fn hashes_of<E>(tile: Tile, bytes: &[u8]) -> Result<&[[u8; HASH_SIZE]], TileNodesError<E>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_SIZE>();
    let widths = usize::from(tile.width())..=usize::from(crate::TILE_WIDTH);
    if rest.is_empty() && widths.contains(&hashes.len()) {
        Ok(hashes)
    } else {
        Err(TileNodesError::Length { tile, actual: bytes.len() })
    }
}

/// Where a node is to be found: the root of `len` hashes from `offset` on in a tile.
struct Place {
    tile_level: u8,
    tile_index: u64,
    offset: usize,
    len: usize,
}

impl Place {
    fn of_node(level: u8, index: u64) -> Self {
        // How far the node is above the hashes that its tile stores, 0 to 7.
        let height = u32::from(level % TILE_HEIGHT);
        let first_hash = index.unbounded_shl(height);
        Self {
            tile_level: level / TILE_HEIGHT,
            // Not `first_hash >> 8`, which has lost the upper bits of an index near u64::MAX.
            tile_index: index.unbounded_shr(u32::from(TILE_HEIGHT).saturating_sub(height)),
            // The low byte, so it always fits.
            offset: usize::try_from(first_hash & 0xff).unwrap_or_default(),
            len: 1_usize.unbounded_shl(height),
        }
    }
}

/// The root over a power of two of hashes, one level at a time; `None` over none.
fn perfect_root(mut row: Vec<Hash>) -> Option<Hash> {
    while row.len() > 1 {
        row = row.as_chunks::<2>().0.iter().map(|[left, right]| node_hash(left, right)).collect();
    }
    row.pop()
}
