//! Other people's trees and notes, which ours must agree with. All four crates are usable.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use signed_note::{Signer as _, StandardSigner, StandardVerifier, Verifier, VerifierList};
use tlog::{
    Checkpoint, Hash, NodeReader as _, Note, VerifierKey, consistency_proof, inclusion_proof, leaf_hash, root,
};

use crate::{
    notes::key,
    reference::{Reference, leaf, to_u64, to_usize},
};

const SIZE_MAX: usize = 130;

fn entry(index: usize) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

fn concat(proof: &[Hash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[test]
fn ct_merkle_makes_the_same_roots_and_proofs() {
    let ours = Reference::new(SIZE_MAX);
    let mut theirs: MemoryBackedTree<Sha256, Vec<u8>> = MemoryBackedTree::new();
    for size in 1..=SIZE_MAX {
        theirs.push(entry(size - 1));
        let (of, oracle) = (to_u64(size), theirs.root());
        assert_eq!(root(&ours, of).unwrap().as_bytes()[..], oracle.as_bytes()[..], "size {size}");
        for index in 0..size {
            let proof = inclusion_proof(&ours, to_u64(index), of).unwrap();
            assert_eq!(theirs.prove_inclusion(index).as_bytes(), concat(&proof), "{index} in {size}");
        }
        for old in 1..size {
            let proof = consistency_proof(&ours, to_u64(old), of).unwrap();
            assert_eq!(theirs.prove_consistency(size - old).as_bytes(), concat(&proof), "{old} to {size}");
        }
    }
}

/// Our nodes for `tlog_tiles`, which numbers them in the order of their completion.
struct Numbered(Reference);

impl tlog_tiles::HashReader for Numbered {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let read = |number: &u64| {
            let (level, index) = tlog_tiles::split_stored_hash_index(*number);
            tlog_tiles::Hash(*self.0.node(level, index).unwrap().as_bytes())
        };
        Ok(indexes.iter().map(read).collect())
    }
}

#[test]
fn tlog_tiles_makes_the_same_roots_and_proofs() {
    let tree = Numbered(Reference::new(SIZE_MAX));
    let ours = |proof: Vec<Hash>| -> Vec<[u8; 32]> { proof.iter().map(|hash| *hash.as_bytes()).collect() };
    let theirs =
        |proof: Vec<tlog_tiles::Hash>| -> Vec<[u8; 32]> { proof.iter().map(|hash| hash.0).collect() };
    for size in 1..=to_u64(SIZE_MAX) {
        let oracle = tlog_tiles::tree_hash(size, &tree).unwrap();
        assert_eq!(root(&tree.0, size).unwrap().as_bytes(), &oracle.0);
        for index in 0..size {
            let proof = inclusion_proof(&tree.0, index, size).unwrap();
            let oracle = tlog_tiles::prove_record(size, index, &tree).unwrap();
            assert_eq!(theirs(oracle), ours(proof), "{index} in {size}");
        }
        for old in 1..=size {
            let proof = consistency_proof(&tree.0, old, size).unwrap();
            let oracle = tlog_tiles::prove_tree(size, old, &tree).unwrap();
            assert_eq!(theirs(oracle), ours(proof), "{old} to {size}");
        }
    }
}

#[test]
fn tlog_tiles_publishes_the_same_tiles() {
    for (old, new) in [(0, 1), (0, 256), (255, 257), (300, 300), (1, 70_000), (65_535, 65_536)] {
        // Paths differ (`tile/8/0/…`), so compare the numbers.
        let oracle: Vec<_> = tlog_tiles::Tile::new_tiles(8, old, new)
            .iter()
            .map(|tile| (tile.level(), tile.level_index(), tile.width()))
            .collect();
        let ours: Vec<_> = tlog::new_tiles(old, new)
            .map(|tile| (tile.level(), tile.index(), u32::from(tile.width())))
            .collect();
        assert_eq!(ours, oracle, "{old} to {new}");
    }
}

#[test]
fn sigstore_merkle_accepts_our_proofs() {
    let tree = Reference::new(SIZE_MAX);
    for size in (1..=SIZE_MAX).step_by(3) {
        let (of, root) = (to_u64(size), tree.root(size));
        for index in 0..size {
            let leaf = sigstore_merkle::hash_leaf(&entry(index));
            let proof = inclusion_proof(&tree, to_u64(index), of).unwrap();
            let proof: Vec<_> = proof.iter().map(|hash| (*hash.as_bytes()).into()).collect();
            let root = (*root.as_bytes()).into();
            let verdict = sigstore_merkle::verify_inclusion_proof(&leaf, to_u64(index), of, &proof, &root);
            assert!(verdict.is_ok(), "{index} in {size}: {verdict:?}");
        }
        for old in 1..=size {
            let proof = consistency_proof(&tree, to_u64(old), of).unwrap();
            let proof: Vec<_> = proof.iter().map(|hash| (*hash.as_bytes()).into()).collect();
            let (old_root, new_root) = ((*tree.root(old).as_bytes()).into(), (*root.as_bytes()).into());
            let verdict =
                sigstore_merkle::verify_consistency_proof(to_u64(old), of, &proof, &old_root, &new_root);
            assert!(verdict.is_ok(), "{old} to {size}: {verdict:?}");
        }
    }
}

#[test]
fn leaf_hashes_are_the_same() {
    for index in [0, 1, to_usize(99_999)] {
        assert_eq!(leaf(index), leaf_hash(&entry(index)));
        assert_eq!(leaf(index).as_bytes(), sigstore_merkle::hash_leaf(&entry(index)).as_bytes());
        assert_eq!(leaf(index).as_bytes(), &tlog_tiles::record_hash(&entry(index)).0);
    }
}

const NAME: &str = "audit.example/logs/news";

/// The same key for `signed_note`, from the text form of its private keys: type and seed in base64.
fn oracle_signer(seed: u8) -> StandardSigner {
    let id = key(NAME, seed).verifier_key().id();
    let mut private = vec![1];
    private.extend([seed; 32]);
    StandardSigner::new(&format!("PRIVATE+KEY+{NAME}+{id}+{}", base64(&private))).unwrap()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

#[test]
fn signed_note_writes_and_reads_the_same_notes() {
    for seed in [1, 2, 77, 255] {
        let ours = key(NAME, seed);
        let vkey = ours.verifier_key().to_string();
        let verifier = StandardVerifier::new(&vkey).unwrap();
        assert_eq!(verifier.key_id().to_be_bytes(), *ours.verifier_key().id().as_bytes());
        assert_eq!(vkey.parse::<VerifierKey>(), Ok(ours.verifier_key()));

        let text = Checkpoint::new(NAME, 7, leaf(0)).unwrap().text();
        let signer = oracle_signer(seed);
        assert_eq!(signer.name(), NAME);
        let mut theirs = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        theirs.add_sigs(&[&signer]).unwrap();
        // Ed25519 signatures are deterministic, so the notes agree to the byte.
        let note = Note::sign(&text, &[&ours]).unwrap().to_string();
        assert_eq!(String::from_utf8(theirs.to_bytes()).unwrap(), note);

        let known = VerifierList::new(vec![Box::new(verifier)]);
        let parsed = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
        assert_eq!(parsed.verify(&known).unwrap().0.len(), 1);
        let checkpoint = Checkpoint::verify(theirs.to_bytes(), NAME, &[ours.verifier_key()]).unwrap();
        let oracle = tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).unwrap();
        assert_eq!((oracle.origin(), oracle.size()), (checkpoint.origin(), checkpoint.size()));
        assert_eq!(&oracle.hash().0, checkpoint.root().as_bytes());
    }
}
