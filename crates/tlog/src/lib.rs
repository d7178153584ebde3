//! The mathematics and the text formats of a transparency log, and nothing else.
//!
//! A log is a Merkle tree that only grows. Its operator signs *checkpoints* (size and root), hands out
//! *receipts* (this entry is in that checkpoint), and anybody can verify that a later checkpoint
//! extends an earlier one. With this crate an auditor verifies all that: it does no I/O, reads no
//! clock, draws no random numbers and knows nothing of what the entries say. No input makes it panic.
//!
//! # A tour
//!
//! ```
//! use tlog::{Checkpoint, Hash, NodeReader, Receipt, RightEdge, SigningKey};
//! use tlog::{consistency_proof, inclusion_proof, leaf_hash, verify_consistency};
//!
//! // A store of nodes; a real one keeps them in tiles and reads them with `TileNodes`.
//! #[derive(Default)]
//! struct Nodes(std::collections::HashMap<(u8, u64), Hash>);
//!
//! impl NodeReader for Nodes {
//!     type Error = std::io::Error;
//!     fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
//!         self.0.get(&(level, index)).copied().ok_or(std::io::ErrorKind::NotFound.into())
//!     }
//! }
//!
//! // Append. The right edge is all the past that this needs.
//! let (mut edge, mut nodes) = (RightEdge::new(), Nodes::default());
//! for entry in ["created", "updated", "published"] {
//!     edge.push_with(leaf_hash(entry.as_bytes()), |level, index, hash| {
//!         nodes.0.insert((level, index), hash);
//!     });
//! }
//!
//! // Sign a checkpoint, under the origin that the log is known by.
//! let origin = "audit.example/logs/news";
//! let key = SigningKey::from_seed(origin, &[7; 32])?;
//! let checkpoint = Checkpoint::new(origin, edge.size(), edge.root())?;
//! let note = checkpoint.sign(&key)?;
//!
//! // Give a receipt, which verifies offline against the public key.
//! let receipt = Receipt::new(1, inclusion_proof(&nodes, 1, 3)?, note)?.to_string();
//! let proven = Receipt::parse(&receipt)?.verify(&leaf_hash(b"updated"), origin, &[key.verifier_key()])?;
//! assert_eq!(proven, checkpoint);
//!
//! // Grow, and prove that nothing before was changed or dropped.
//! edge.push_with(leaf_hash(b"reverted"), |level, index, hash| {
//!     nodes.0.insert((level, index), hash);
//! });
//! let proof = consistency_proof(&nodes, 3, 4)?;
//! verify_consistency(3, checkpoint.root(), 4, &edge.root(), &proof)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which specification is where
//!
//! | specification | section | file |
//! |---|---|---|
//! | RFC 6962 | §2.1 tree hash | `hash.rs`, `edge.rs` |
//! | RFC 6962 | §2.1.1, §2.1.2 making proofs | `proof.rs` |
//! | RFC 9162 | §2.1.3.2, §2.1.4.2 verifying proofs | `proof.rs` |
//! | C2SP tlog-tiles | Merkle Tree, Partial Tiles | `tile.rs`, `nodes.rs` |
//! | C2SP tlog-tiles | Log entries | `tile.rs`, `bundle.rs` |
//! | C2SP signed-note | Signatures, Verifier keys | `key.rs` |
//! | C2SP signed-note | Format, Signatures | `note.rs` |
//! | C2SP tlog-checkpoint | Note text, Signatures | `checkpoint.rs` |
//! | C2SP tlog-cosignature | Format, Ed25519 signed message | `cosignature.rs` |
//! | C2SP tlog-policy | Policy file syntax and structure | `policy.rs` |
//! | C2SP tlog-witness | add-checkpoint | `submission.rs` |
//! | C2SP tlog-proof | Format, Verifying a tlog proof | `receipt.rs` |
//!
//! # Strict where the specifications are lenient
//!
//! Every number and hash has one spelling; C1 control characters are refused in key names and
//! origins; a log's key must bear the log's origin; Ed25519 signatures are verified strictly.

#![warn(clippy::arithmetic_side_effects)]

mod hash;

mod edge;
mod proof;

mod bundle;
mod nodes;
mod tile;

mod key;
mod note;

mod checkpoint;
mod receipt;

mod cosignature;
mod policy;
mod submission;

mod decimal;

pub use bundle::{BundleError, ENTRY_SIZE_MAX, bundle_entries, push_entry};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosignature::{COSIGNATURE_TIME_MAX, Cosigner, cosigned_at};
pub use edge::{EDGE_SIZE_MAX, EdgeError, RightEdge};
pub use hash::{EMPTY_ROOT, HASH_SIZE, Hash, HashError, empty_root, leaf_hash, node_hash};
pub use key::{KeyError, KeyId, SignatureType, SigningKey, VerifierKey, check_key_name, key_id};
pub use nodes::{TileNodes, TileNodesError};
pub use note::{
    NOTE_SIGNATURES_MAX, NOTE_SIZE_MAX, Note, NoteError, NoteSignature, SignatureFault, VerifiedNote,
};
pub use policy::{Policy, PolicyError, PolicyFault, PolicyWitness};
pub use proof::{
    NodeReader, ProofError, ProveError, consistency_proof, inclusion_proof, root, verify_consistency,
    verify_inclusion,
};
pub use receipt::{RECEIPT_PROOF_MAX, RECEIPT_SIZE_MAX, Receipt, ReceiptError};
pub use submission::{SUBMISSION_PROOF_MAX, Submission, SubmissionError};
pub use tile::{
    Bundle, LevelTiles, TILE_HEIGHT, TILE_LEVEL_MAX, TILE_WIDTH, Tile, TileError, TilePath, new_bundles,
    new_tiles, tiles_for_size,
};
