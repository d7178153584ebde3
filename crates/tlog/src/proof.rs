//! Inclusion and consistency proofs, made and verified.
//!
//! Both proofs are the same climb. Start at a node and go up to the root; the hash of each sibling
//! met on the way is a line of the proof. In the tree of 7 leaves, from leaf 4:
//!
//! ```text
//!                 root                    level 3
//!           ┌──────┴──────┐
//!          [A]            ●               level 2      A: sibling on the left
//!        ┌──┴──┐       ┌──┴──┐
//!        ○     ○       ●    [B]           level 1      B: sibling on the right, not perfect
//!       ┌┴┐   ┌┴┐     ┌┴┐    │
//!       0 1   2 3     4[5]   6            level 0      5: sibling on the right
//!
//! proof of 4 in 7 = [5, B, A]
//! ```
//!
//! * An inclusion proof climbs from the leaf (RFC 6962 §2.1.1).
//! * A consistency proof climbs in the new tree from the last perfect subtree of the old one, and
//!   names that subtree's root first, unless it is the whole old tree (RFC 6962 §2.1.2).
//!
//! The climb is a function of two numbers, so a verifier knows the exact length of a proof before it
//! hashes anything, and refuses any other length.

use crate::hash::{EMPTY_ROOT, Hash, node_hash};

/// Where the prover finds the nodes of a tree.
///
/// Only perfect nodes are asked for: node `index` at `level` covers the leaves from
/// `index * 2^level` up to, not including, `(index + 1) * 2^level`, all of which are in the tree.
pub trait NodeReader {
    /// What can go wrong when reading.
    type Error;

    /// The hash of a perfect node.
    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error>;
}

impl<R: NodeReader + ?Sized> NodeReader for &R {
    type Error = R::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        (**self).node(level, index)
    }
}

/// Why a proof could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError<E> {
    /// There is no such leaf in the tree.
    #[error("index {index} is not in a tree of size {size}")]
    IndexOutOfRange {
        /// The leaf asked for.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// The old tree is larger than the new one.
    #[error("the old tree has size {old}, more than the new one's {new}")]
    SizesReversed {
        /// Leaves in the old tree.
        old: u64,
        /// Leaves in the new tree.
        new: u64,
    },
    /// The [`NodeReader`] failed.
    #[error("cannot read node {index} at level {level}")]
    Node {
        /// The node's level, 0 for leaves.
        level: u8,
        /// The node's index within its level.
        index: u64,
        /// What the reader said.
        source: E,
    },
}

/// Why a proof does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// There can be no such leaf in the tree.
    #[error("index {index} is not in a tree of size {size}")]
    IndexOutOfRange {
        /// The leaf asked for.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// The old tree is larger than the new one.
    #[error("the old tree has size {old}, more than the new one's {new}")]
    SizesReversed {
        /// Leaves in the old tree.
        old: u64,
        /// Leaves in the new tree.
        new: u64,
    },
    /// The proof has not the length that its numbers imply.
    #[error("the proof has {actual} hashes instead of {expected}")]
    Length {
        /// The only possible length.
        expected: usize,
        /// The length found.
        actual: usize,
    },
    /// The proof leads to another root.
    #[error("the root at size {size} is {expected}, but the proof leads to {computed}")]
    Root {
        /// The size of the tree whose root differs.
        size: u64,
        /// The root that was to be proven.
        expected: Hash,
        /// The root the proof leads to.
        computed: Hash,
    },
}

/// The root of the tree of the first `size` leaves (RFC 6962 §2.1, `MTH(D[n])`).
pub fn root<R: NodeReader>(reader: &R, size: u64) -> Result<Hash, ProveError<R::Error>> {
    subtree(reader, 0, size)
}

/// Proves that leaf `index` is in the tree of the first `size` leaves; from the leaf's sibling up to
/// the root's child (RFC 6962 §2.1.1, `PATH(m, D[n])`).
pub fn inclusion_proof<R: NodeReader>(
    reader: &R,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    let climb = Climb::from_leaf(index, size).ok_or(ProveError::IndexOutOfRange { index, size })?;
    climb.map(|sibling| sibling.read(reader, size)).collect()
}

/// Proves that the tree of the first `old` leaves is a prefix of that of the first `new` leaves
/// (RFC 6962 §2.1.2, `PROOF(m, D[n])`). Empty when `old` is 0 or equal to `new`.
pub fn consistency_proof<R: NodeReader>(
    reader: &R,
    old: u64,
    new: u64,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    if old > new {
        return Err(ProveError::SizesReversed { old, new });
    }
    let Some(start) = Climb::from_old_tree(old, new) else {
        return Ok(Vec::new());
    };
    let seed = if old.is_power_of_two() { None } else { Some(read(reader, start.level, start.index)) };
    seed.into_iter().chain(start.map(|sibling| sibling.read(reader, new))).collect()
}

/// Verifies that the leaf with hash `leaf` is at `index` in the tree with this size and root
/// (RFC 9162 §2.1.3.2).
///
/// Root and size must come together from one checkpoint: a proof by itself fits several sizes.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    // Step 1: the index must lie in the tree.
    let climb = Climb::from_leaf(index, size).ok_or(ProofError::IndexOutOfRange { index, size })?;
    // Steps 4 and 5 compare `sn` with zero to notice a wrong length; here it is known beforehand.
    check_length(climb.clone().count(), proof)?;

    // Steps 3 and 4.
    let computed = climb.zip(proof).fold(*leaf, |node, (sibling, hash)| sibling.join(&node, hash));
    check_root(size, root, &computed)
}

/// Verifies that the tree with the old size and root is a prefix of the new one
/// (RFC 9162 §2.1.4.2).
///
/// The RFC leaves two cases open. With an old size of 0 the old root must be the empty one; nothing
/// else can be proven of the new tree. With equal sizes the roots must be equal. The proof is empty
/// in both.
pub fn verify_consistency(
    old_size: u64,
    old_root: &Hash,
    new_size: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::SizesReversed { old: old_size, new: new_size });
    }
    let Some(climb) = Climb::from_old_tree(old_size, new_size) else {
        check_length(0, proof)?;
        if old_size == 0 {
            check_root(0, old_root, &EMPTY_ROOT)?;
        }
        return if old_size == new_size { check_root(new_size, new_root, old_root) } else { Ok(()) };
    };

    // Step 2: a perfect old tree is its own starting point, so its root is not in the proof.
    let (seed, siblings) = match proof.split_first() {
        Some((seed, siblings)) if !old_size.is_power_of_two() => (seed, siblings),
        _ => (old_root, proof),
    };
    // The starting point of a ragged old tree is the one hash that is no sibling.
    let seeds = usize::from(!old_size.is_power_of_two());
    check_length(climb.clone().count().saturating_add(seeds), proof)?;

    // Steps 5 and 6: what is to the left belongs to both trees, what is to the right only to the new.
    let (mut old, mut new) = (*seed, *seed);
    for (sibling, hash) in climb.zip(siblings) {
        if sibling.side == Side::Left {
            old = sibling.join(&old, hash);
        }
        new = sibling.join(&new, hash);
    }
    // Step 7.
    check_root(old_size, old_root, &old)?;
    check_root(new_size, new_root, &new)
}

fn check_length(expected: usize, proof: &[Hash]) -> Result<(), ProofError> {
    if proof.len() == expected { Ok(()) } else { Err(ProofError::Length { expected, actual: proof.len() }) }
}

fn check_root(size: u64, expected: &Hash, computed: &Hash) -> Result<(), ProofError> {
    if expected == computed {
        Ok(())
    } else {
        Err(ProofError::Root { size, expected: *expected, computed: *computed })
    }
}

/// The way from a perfect node up to the root, as an iterator over the siblings met.
#[derive(Clone, Debug)]
struct Climb {
    level: u8,
    /// The node's index at `level`.
    index: u64,
    /// The index of the last node at `level`, perfect or not.
    last: u64,
}

/// A node beside the climb; its hash is a line of the proof.
#[derive(Clone, Copy, Debug)]
struct Sibling {
    level: u8,
    index: u64,
    side: Side,
    /// Whether it is the last of its level, so possibly not perfect.
    is_last: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Climb {
    /// From a leaf; `None` if it is not in the tree.
    fn from_leaf(index: u64, size: u64) -> Option<Self> {
        let last = size.checked_sub(1)?;
        (index <= last).then_some(Self { level: 0, index, last })
    }

    /// From the last perfect subtree of the old tree; `None` if nothing needs to be climbed because
    /// the old tree is empty or the whole new one. RFC 9162 §2.1.4.2 steps 3 and 4.
    fn from_old_tree(old: u64, new: u64) -> Option<Self> {
        let leaf = Self::from_leaf(old.checked_sub(1)?, new).filter(|_| old != new)?;
        // The last perfect subtree of a tree has as many levels as its size has trailing zeros.
        let level = old.trailing_zeros();
        Some(Self {
            level: u8::try_from(level).ok()?,
            index: leaf.index.unbounded_shr(level),
            last: leaf.last.unbounded_shr(level),
        })
    }
}

impl Iterator for Climb {
    type Item = Sibling;

    fn next(&mut self) -> Option<Sibling> {
        // At the root, the only node of its level is the last one.
        while self.last > 0 {
            let Self { level, index, last } = *self;
            *self = Self { level: level.saturating_add(1), index: index >> 1, last: last >> 1 };

            let sibling = index ^ 1;
            if sibling < index {
                return Some(Sibling { level, index: sibling, side: Side::Left, is_last: false });
            }
            if sibling <= last {
                return Some(Sibling { level, index: sibling, side: Side::Right, is_last: sibling == last });
            }
            // A last node without a sibling is its own parent: nothing to hash at this level.
        }
        None
    }
}

impl Sibling {
    /// The parent of `node` and this sibling, whose hash is `hash`.
    fn join(&self, node: &Hash, hash: &Hash) -> Hash {
        match self.side {
            Side::Left => node_hash(hash, node),
            Side::Right => node_hash(node, hash),
        }
    }

    fn read<R: NodeReader>(&self, reader: &R, size: u64) -> Result<Hash, ProveError<R::Error>> {
        if !self.is_last {
            return read(reader, self.level, self.index);
        }
        // The last node covers whatever is left of the tree.
        let start = self.index.unbounded_shl(self.level.into());
        subtree(reader, start, size.saturating_sub(start))
    }
}

/// The hash over the `len` leaves from `start` on, which must be a multiple of a power of two not
/// below `len`: the perfect subtrees, one for each bit set in `len`, joined from the right.
fn subtree<R: NodeReader>(reader: &R, start: u64, len: u64) -> Result<Hash, ProveError<R::Error>> {
    let mut joined: Option<Hash> = None;
    for level in 0..64_u8 {
        let len_at_level = len.unbounded_shr(level.into());
        if len_at_level & 1 == 0 {
            continue;
        }
        // Left of this subtree lie the wider ones, which are the higher bits of `len`.
        let index = start.unbounded_shr(level.into()) | (len_at_level ^ 1);
        let left = read(reader, level, index)?;
        joined = Some(joined.map_or(left, |right| node_hash(&left, &right)));
    }
    Ok(joined.unwrap_or(EMPTY_ROOT))
}

fn read<R: NodeReader>(reader: &R, level: u8, index: u64) -> Result<Hash, ProveError<R::Error>> {
    reader.node(level, index).map_err(|source| ProveError::Node { level, index, source })
}
