//! RFC 6962 §2.1 written down as the RFC has it, recursion and all, to compare the crate with.
//!
//! Only the results of `MTH` are kept, since the exhaustive tests ask for the same ones again and
//! again.

use std::{cell::RefCell, collections::HashMap, convert::Infallible};

use tlog::{EMPTY_ROOT, Hash, NodeReader, leaf_hash, node_hash};

/// A tree of the leaves `leaf(0)`, `leaf(1)`, …
pub(crate) struct Reference {
    leaves: Vec<Hash>,
    known: RefCell<HashMap<(usize, usize), Hash>>,
}

/// The hash of the test tree's leaf at an index: all leaves differ.
pub(crate) fn leaf(index: usize) -> Hash {
    leaf_hash(format!("entry {index}").as_bytes())
}

pub(crate) fn to_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap()
}

pub(crate) fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

impl Reference {
    pub(crate) fn new(size: usize) -> Self {
        Self { leaves: (0..size).map(leaf).collect(), known: RefCell::default() }
    }

    /// `MTH(D[0:n])`
    pub(crate) fn root(&self, size: usize) -> Hash {
        self.mth(0, size)
    }

    /// `PATH(m, D[0:n])`
    pub(crate) fn inclusion(&self, index: usize, size: usize) -> Vec<Hash> {
        self.path(index, 0, size)
    }

    /// `PROOF(m, D[0:n])`
    pub(crate) fn consistency(&self, old: usize, new: usize) -> Vec<Hash> {
        self.subproof(old, 0, new, true)
    }

    fn mth(&self, start: usize, end: usize) -> Hash {
        match end - start {
            0 => return EMPTY_ROOT,
            1 => return self.leaves[start],
            _ => {}
        }
        if let Some(hash) = self.known.borrow().get(&(start, end)) {
            return *hash;
        }
        let middle = start + split(end - start);
        let hash = node_hash(&self.mth(start, middle), &self.mth(middle, end));
        self.known.borrow_mut().insert((start, end), hash);
        hash
    }

    fn path(&self, index: usize, start: usize, end: usize) -> Vec<Hash> {
        if end - start == 1 {
            return Vec::new();
        }
        let k = split(end - start);
        let middle = start + k;
        if index < k {
            [self.path(index, start, middle), vec![self.mth(middle, end)]].concat()
        } else {
            [self.path(index - k, middle, end), vec![self.mth(start, middle)]].concat()
        }
    }

    fn subproof(&self, old: usize, start: usize, end: usize, complete: bool) -> Vec<Hash> {
        if old == end - start {
            return if complete { Vec::new() } else { vec![self.mth(start, end)] };
        }
        let k = split(end - start);
        let middle = start + k;
        if old <= k {
            [self.subproof(old, start, middle, complete), vec![self.mth(middle, end)]].concat()
        } else {
            [self.subproof(old - k, middle, end, false), vec![self.mth(start, middle)]].concat()
        }
    }
}

impl NodeReader for Reference {
    type Error = Infallible;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Infallible> {
        let start = to_usize(index << level);
        let end = to_usize((index + 1) << level);
        assert!(end <= self.leaves.len(), "node {index} at level {level} is not perfect");
        Ok(self.mth(start, end))
    }
}

/// The largest power of two below `len`.
fn split(len: usize) -> usize {
    len.next_power_of_two() / 2
}
