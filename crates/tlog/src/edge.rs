//! The right edge of a tree: all that an append needs to know of the past.
//!
//! A tree of 13 leaves is three perfect subtrees, of 8, 4 and 1 leaves. Their roots, left to right,
//! are its right edge, one for each bit set in the size (13 = 0b1101):
//!
//! ```text
//!               root
//!           ┌────┴──────┐
//!           │        ┌──┴──┐
//!           e0       e1    e2        right edge = [e0, e1, e2]
//!        ┌──┴──┐    ┌┴┐    │
//!        0 … … 7    8…11   12
//! ```

use crate::hash::{EMPTY_ROOT, Hash, node_hash};

/// The largest tree [`RightEdge::from_parts`] continues: 2^63 − 1 leaves, so that a size also fits a
/// signed 64-bit column, and so that counting on from there cannot overflow within centuries.
pub const EDGE_SIZE_MAX: u64 = u64::MAX >> 1;

/// The right edge of a tree, to append leaves and to know the root after each.
///
/// ```
/// use tlog::{RightEdge, leaf_hash, node_hash};
///
/// let mut edge = RightEdge::new();
/// edge.push(leaf_hash(b"first"));
/// edge.push(leaf_hash(b"second"));
/// assert_eq!(edge.root(), node_hash(&leaf_hash(b"first"), &leaf_hash(b"second")));
/// assert_eq!(edge.hashes(), [edge.root()]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RightEdge {
    size: u64,
    /// Roots of the perfect subtrees, the widest (leftmost) first; as many as `size` has bits set.
    hashes: Vec<Hash>,
}

/// Why a size and hashes are not a right edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EdgeError {
    /// The number of hashes is not the number of bits set in the size.
    #[error("the right edge of a tree of size {size} has {expected} hashes, not {actual}")]
    HashCount {
        /// Leaves in the tree.
        size: u64,
        /// How many perfect subtrees such a tree has.
        expected: usize,
        /// How many hashes were given.
        actual: usize,
    },
    /// The size is above [`EDGE_SIZE_MAX`].
    #[error("a tree of size {size} is above the limit of 2^63 - 1 leaves")]
    TooLarge {
        /// Leaves in the tree.
        size: u64,
    },
}

impl RightEdge {
    /// The right edge of the empty tree.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, hashes: Vec::new() }
    }

    /// The right edge of a tree of `size` leaves, from the roots of its perfect subtrees, widest first.
    ///
    /// The hashes are taken on trust: compare [`root`](Self::root) with a checkpoint.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, EdgeError> {
        if size > EDGE_SIZE_MAX {
            return Err(EdgeError::TooLarge { size });
        }
        let expected = perfect_subtree_count(size);
        if hashes.len() != expected {
            return Err(EdgeError::HashCount { size, expected, actual: hashes.len() });
        }
        Ok(Self { size, hashes })
    }

    /// Where the perfect subtrees are that a tree of `size` leaves consists of, as level and index, widest first
    /// (RFC 6962 §2.1): the nodes that [`from_parts`](Self::from_parts) asks for.
    ///
    /// ```
    /// # use tlog::RightEdge;
    /// assert!(RightEdge::places(13).eq([(3, 0), (2, 2), (0, 12)]));
    /// ```
    pub fn places(size: u64) -> impl Iterator<Item = (u8, u64)> {
        let is_there = move |level: &u8| size >> level & 1 == 1;
        // The last subtree of its level: one before those that fit, whose number is odd.
        (0..64_u8).rev().filter(is_there).map(move |level| (level, size >> level ^ 1))
    }

    /// Appends a leaf by its hash and returns its index.
    pub fn push(&mut self, leaf: Hash) -> u64 {
        self.push_with(leaf, |_level, _index, _hash| {})
    }

    /// Appends a leaf by its hash and returns its index, telling `completed` of every perfect node
    /// that comes into being: the leaf (level 0) and then each node whose right half is now full.
    ///
    /// Nodes whose level is a multiple of 8 are those that tiles store.
    ///
    /// ```
    /// # use tlog::{RightEdge, leaf_hash};
    /// let mut edge = RightEdge::new();
    /// let mut nodes = Vec::new();
    /// for leaf in [b"a", b"b", b"c", b"d"] {
    ///     edge.push_with(leaf_hash(leaf), |level, index, _hash| nodes.push((level, index)));
    /// }
    /// assert_eq!(nodes, [(0, 0), (0, 1), (1, 0), (0, 2), (0, 3), (1, 1), (2, 0)]);
    /// ```
    pub fn push_with(&mut self, leaf: Hash, mut completed: impl FnMut(u8, u64, Hash)) -> u64 {
        let leaf_index = self.size;
        let (mut index, mut node) = (leaf_index, leaf);
        for level in 0_u8.. {
            completed(level, index, node);
            // A node with an odd index is a right child, and its left sibling ends the edge. An even
            // one waits for its sibling and becomes the end of the edge itself.
            let left = if index & 1 == 1 { self.hashes.pop() } else { None };
            let Some(left) = left else { break };
            node = node_hash(&left, &node);
            index >>= 1;
        }
        self.hashes.push(node);
        // Never saturates, see EDGE_SIZE_MAX.
        self.size = self.size.saturating_add(1);
        leaf_index
    }

    /// How many leaves the tree has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the perfect subtrees, widest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The root of the tree: the subtrees joined from the right (RFC 6962 §2.1, where the left part
    /// is always the largest power of two below the size).
    #[must_use]
    pub fn root(&self) -> Hash {
        let joined = self.hashes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        joined.unwrap_or(EMPTY_ROOT)
    }
}

fn perfect_subtree_count(size: u64) -> usize {
    // At most 64; the fallback is never taken on a platform that runs this.
    usize::try_from(size.count_ones()).unwrap_or(usize::MAX)
}
