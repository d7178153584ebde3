//! Every proof for every size up to [`SIZE_MAX`], made and verified, against the reference.

use tlog::{
    EMPTY_ROOT, ProofError, ProveError, consistency_proof, inclusion_proof, root, verify_consistency,
    verify_inclusion,
};

use crate::reference::{Reference, leaf, to_u64};

const SIZE_MAX: usize = 300;

#[test]
fn every_root() {
    let tree = Reference::new(SIZE_MAX);
    for size in 0..=SIZE_MAX {
        assert_eq!(root(&tree, to_u64(size)), Ok(tree.root(size)), "size {size}");
    }
}

#[test]
fn every_inclusion_proof() {
    let tree = Reference::new(SIZE_MAX);
    for size in 1..=SIZE_MAX {
        let root = tree.root(size);
        for index in 0..size {
            let (at, of) = (to_u64(index), to_u64(size));
            let proof = inclusion_proof(&tree, at, of).unwrap();
            assert_eq!(proof, tree.inclusion(index, size), "{index} in {size}");
            assert_eq!(verify_inclusion(&leaf(index), at, of, &proof, &root), Ok(()), "{index} in {size}");
        }
    }
}

#[test]
fn every_consistency_proof() {
    let tree = Reference::new(SIZE_MAX);
    for new in 1..=SIZE_MAX {
        let new_root = tree.root(new);
        for old in 1..=new {
            let proof = consistency_proof(&tree, to_u64(old), to_u64(new)).unwrap();
            assert_eq!(proof, tree.consistency(old, new), "{old} to {new}");
            let verdict = verify_consistency(to_u64(old), &tree.root(old), to_u64(new), &new_root, &proof);
            assert_eq!(verdict, Ok(()), "{old} to {new}");
        }
    }
}

#[test]
fn the_empty_tree_is_a_prefix_of_every_tree() {
    let tree = Reference::new(9);
    for new in 0..=9 {
        assert_eq!(consistency_proof(&tree, 0, to_u64(new)), Ok(Vec::new()));
        let new_root = tree.root(new);
        assert_eq!(verify_consistency(0, &EMPTY_ROOT, to_u64(new), &new_root, &[]), Ok(()));
        // The old root is not free to choose, and the proof must be empty.
        let verdict = verify_consistency(0, &leaf(0), to_u64(new), &new_root, &[]);
        assert!(matches!(verdict, Err(ProofError::Root { size: 0, .. })), "{verdict:?}");
        let verdict = verify_consistency(0, &EMPTY_ROOT, to_u64(new), &new_root, &[leaf(0)]);
        assert_eq!(verdict, Err(ProofError::Length { expected: 0, actual: 1 }));
    }
    let verdict = verify_consistency(0, &EMPTY_ROOT, 0, &leaf(0), &[]);
    assert!(matches!(verdict, Err(ProofError::Root { size: 0, .. })), "{verdict:?}");
}

#[test]
fn equal_sizes_have_equal_roots_and_no_proof() {
    let tree = Reference::new(9);
    for size in 1..=9 {
        let (of, root) = (to_u64(size), tree.root(size));
        assert_eq!(consistency_proof(&tree, of, of), Ok(Vec::new()));
        assert_eq!(verify_consistency(of, &root, of, &root, &[]), Ok(()));
        let verdict = verify_consistency(of, &root, of, &leaf(100), &[]);
        assert!(matches!(verdict, Err(ProofError::Root { .. })), "{verdict:?}");
        let verdict = verify_consistency(of, &root, of, &root, &[root]);
        assert_eq!(verdict, Err(ProofError::Length { expected: 0, actual: 1 }));
    }
}

#[test]
fn what_cannot_be_proven() {
    let tree = Reference::new(9);
    for (index, size) in [(0, 0), (9, 9), (10, 9), (u64::MAX, 9), (u64::MAX, u64::MAX)] {
        assert_eq!(inclusion_proof(&tree, index, size), Err(ProveError::IndexOutOfRange { index, size }));
        let verdict = verify_inclusion(&leaf(0), index, size, &[], &leaf(0));
        assert_eq!(verdict, Err(ProofError::IndexOutOfRange { index, size }));
    }
    assert_eq!(consistency_proof(&tree, 9, 8), Err(ProveError::SizesReversed { old: 9, new: 8 }));
    let verdict = verify_consistency(9, &leaf(0), 8, &leaf(0), &[]);
    assert_eq!(verdict, Err(ProofError::SizesReversed { old: 9, new: 8 }));
}

#[test]
fn the_largest_numbers_are_only_numbers() {
    let any = leaf(0);
    for (index, size, expected) in [
        (0, u64::MAX, 64),
        (u64::MAX - 1, u64::MAX, 63),
        (0, 1 << 63, 63),
        ((1 << 63) - 1, 1 << 63, 63),
        (1 << 63, (1 << 63) + 1, 1),
    ] {
        let verdict = verify_inclusion(&any, index, size, &[], &any);
        assert_eq!(verdict, Err(ProofError::Length { expected, actual: 0 }), "{index} in {size}");
        let verdict = verify_inclusion(&any, index, size, &vec![any; expected], &any);
        assert!(matches!(verdict, Err(ProofError::Root { .. })), "{index} in {size}");
    }
    for (old, new, expected) in [
        (1, u64::MAX, 64),
        (1 << 63, u64::MAX, 1),
        (u64::MAX - 1, u64::MAX, 64),
        ((1 << 63) - 1, 1 << 63, 64),
    ] {
        let verdict = verify_consistency(old, &any, new, &any, &[]);
        assert_eq!(verdict, Err(ProofError::Length { expected, actual: 0 }), "{old} to {new}");
        let verdict = verify_consistency(old, &any, new, &any, &vec![any; expected]);
        assert!(matches!(verdict, Err(ProofError::Root { .. })), "{old} to {new}");
    }
}
