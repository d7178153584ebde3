//! A proof changed in any way is refused: each class of change, for every small tree.

use tlog::{Hash, ProofError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};

use crate::reference::{Reference, leaf, to_u64};

/// All sizes up to here, and the sizes around tile boundaries.
fn sizes() -> impl Iterator<Item = usize> {
    (1..=24).chain([31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300])
}

fn flip(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::from_bytes(bytes)
}

/// The proof with one bit flipped, in every hash and in various places.
fn flipped(proof: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
    (0..proof.len()).flat_map(move |line| {
        [0, 7, 100 + line, 255].map(|bit| {
            let mut changed = proof.to_vec();
            changed[line] = flip(&proof[line], bit);
            changed
        })
    })
}

/// The proof with a hash too many or too few.
fn resized(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut changed = vec![[proof, &[leaf(0)]].concat(), [&[leaf(0)], proof].concat()];
    for line in 0..proof.len() {
        let mut dropped = proof.to_vec();
        dropped.remove(line);
        let mut doubled = proof.to_vec();
        doubled.insert(line, proof[line]);
        changed.extend([dropped, doubled]);
    }
    changed
}

/// The proof with two neighbouring hashes exchanged.
fn swapped(proof: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
    (1..proof.len()).map(|line| {
        let mut changed = proof.to_vec();
        changed.swap(line - 1, line);
        changed
    })
}

fn is_wrong_root(verdict: Result<(), ProofError>) -> bool {
    matches!(verdict, Err(ProofError::Root { .. }))
}

fn is_wrong_length(verdict: Result<(), ProofError>) -> bool {
    matches!(verdict, Err(ProofError::Length { .. }))
}

#[test]
fn of_inclusion_proofs() {
    let tree = Reference::new(302);
    for size in sizes() {
        let (of, root) = (to_u64(size), tree.root(size));
        for index in (0..size).step_by(1 + size / 40) {
            let at = to_u64(index);
            let proof = inclusion_proof(&tree, at, of).unwrap();
            let verify = |proof: &[Hash]| verify_inclusion(&leaf(index), at, of, proof, &root);
            assert_eq!(verify(&proof), Ok(()));

            assert!(flipped(&proof).all(|proof| is_wrong_root(verify(&proof))), "{index} in {size}");
            assert!(swapped(&proof).all(|proof| is_wrong_root(verify(&proof))), "{index} in {size}");
            assert!(resized(&proof).iter().all(|proof| is_wrong_length(verify(proof))), "{index} in {size}");

            let other_leaf = flip(&leaf(index), 3);
            assert!(is_wrong_root(verify_inclusion(&other_leaf, at, of, &proof, &root)));
            assert!(is_wrong_root(verify_inclusion(&leaf(index), at, of, &proof, &flip(&root, 200))));
            for other in (0..size).filter(|other| *other != index) {
                let verdict = verify_inclusion(&leaf(index), to_u64(other), of, &proof, &root);
                assert!(verdict.is_err(), "{index} as {other} in {size}");
            }
            // A proof may fit another size, but never that size's root.
            for other in [size - 1, size + 1, size + 2] {
                let verdict = verify_inclusion(&leaf(index), at, to_u64(other), &proof, &tree.root(other));
                assert!(verdict.is_err(), "{index} in {other} instead of {size}");
            }
        }
    }
}

#[test]
fn of_consistency_proofs() {
    let tree = Reference::new(302);
    for new in sizes() {
        let new_root = tree.root(new);
        for old in (1..new).step_by(1 + new / 40) {
            let old_root = tree.root(old);
            let (from, to) = (to_u64(old), to_u64(new));
            let proof = consistency_proof(&tree, from, to).unwrap();
            let verify = |proof: &[Hash]| verify_consistency(from, &old_root, to, &new_root, proof);
            assert_eq!(verify(&proof), Ok(()));

            assert!(flipped(&proof).all(|proof| is_wrong_root(verify(&proof))), "{old} to {new}");
            assert!(swapped(&proof).all(|proof| is_wrong_root(verify(&proof))), "{old} to {new}");
            assert!(resized(&proof).iter().all(|proof| is_wrong_length(verify(proof))), "{old} to {new}");

            assert!(is_wrong_root(verify_consistency(from, &flip(&old_root, 9), to, &new_root, &proof)));
            assert!(is_wrong_root(verify_consistency(from, &old_root, to, &flip(&new_root, 9), &proof)));
            assert!(verify_consistency(to, &new_root, from, &old_root, &proof).is_err());
            for other in [old - 1, old + 1] {
                let verdict = verify_consistency(to_u64(other), &tree.root(other), to, &new_root, &proof);
                assert!(verdict.is_err(), "{other} instead of {old} to {new}");
            }
            for other in [new - 1, new + 1, new + 2] {
                let verdict = verify_consistency(from, &old_root, to_u64(other), &tree.root(other), &proof);
                assert!(verdict.is_err(), "{old} to {other} instead of {new}");
            }
        }
    }
}

/// A log that changed an old entry has no proof for it, whichever of its own proofs it shows.
#[test]
fn a_rewritten_log_is_found_out() {
    let (honest, size) = (Reference::new(100), 100);
    for rewritten in [0, 1, 31, 63, 64, 69] {
        let mut edge = tlog::RightEdge::new();
        let mut nodes = std::collections::HashMap::new();
        for index in 0..size {
            let hash = if index == rewritten { leaf(1000) } else { leaf(index) };
            edge.push_with(hash, |level, index, hash| {
                nodes.insert((level, index), hash);
            });
        }
        let proof = consistency_proof(&Map(nodes), 70, to_u64(size)).unwrap();
        let verdict = verify_consistency(70, &honest.root(70), to_u64(size), &edge.root(), &proof);
        assert!(is_wrong_root(verdict), "entry {rewritten}");
    }
}

struct Map(std::collections::HashMap<(u8, u64), Hash>);

impl tlog::NodeReader for Map {
    type Error = std::io::ErrorKind;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        self.0.get(&(level, index)).copied().ok_or(std::io::ErrorKind::NotFound)
    }
}
