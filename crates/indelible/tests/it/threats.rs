//! The threat model, row by row: an operator who has root and the log's key rewrites the log and signs it anew.
//! Nothing inside can show that. Whoever kept one checkpoint sees it.
//!
//! | attack | who sees it, and how |
//! |---|---|
//! | an entry changed, inserted, removed or moved | who kept a checkpoint: the log does not extend it |
//! | the tail cut off, an old backup put in place | who kept a checkpoint: entries that it has are missing |
//! | signed again with the same key, at the same size | who kept a checkpoint: two signed heads of one size |
//! | one log for one reader, another for the next | both together: neither's checkpoint extends the other's |
//! | an entry back-dated | everybody: times in a log never run backwards |

use model::Leaf;
use tlog::SigningKey;

use crate::logs::{Reader, append};
use crate::outside::Auditor;
use crate::support::Server;
use crate::tampering::Tampering;

/// A log of 700 entries, its leaves, and an auditor who has seen 600 of them.
struct Stage {
    server: Server,
    operator: Tampering,
    leaves: Vec<Vec<u8>>,
    key: SigningKey,
    auditor: Auditor,
}

impl Stage {
    async fn set() -> Self {
        let server = Server::start().await;
        let operator = Tampering::start(&server).await;
        let auditor = Auditor::of(&server, "acme.www");
        append(&server, 600).await;
        auditor.keeps(&operator.url(), "kept").await;
        append(&server, 100).await;
        let leaves = Reader { server: &server, prefix: "/logs/acme.www".to_owned() }.leaves(700).await;
        let key = server.indelible.keys().signing_key(&"acme.www".parse().unwrap()).unwrap();
        Self { server, operator, leaves, key, auditor }
    }

    /// Has the operator serve the log with a change, and signed by its key.
    fn rewrite(&self, change: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let mut leaves = self.leaves.clone();
        change(&mut leaves);
        self.operator.forge_site("acme.www", &leaves, &self.key);
    }
}

/// What an operator does to a log.
type Rewriting = fn(&mut Vec<Vec<u8>>);

fn altered(leaf: &[u8]) -> Vec<u8> {
    let mut leaf = Leaf::parse(leaf).unwrap();
    leaf.commitments[0].1[0] ^= 1;
    leaf.to_bytes()
}

#[tokio::test]
async fn who_kept_a_checkpoint_sees_every_rewriting() {
    let stage = Stage::set().await;
    let url = stage.operator.url();
    // The forger's work is flawless: the same leaves, signed by it, are the log.
    stage.rewrite(|_| ());
    assert_eq!(stage.auditor.verify(&url, "--since kept").await.code, Some(0));

    let does_not_extend = "the log does not extend the kept checkpoint: its first 600 leaves have the root";
    let rewritings: [(&str, Rewriting); 6] = [
        ("changed", |leaves| leaves[300] = altered(&leaves[300])),
        ("the last one that was seen, changed", |leaves| leaves[599] = altered(&leaves[599])),
        ("removed", |leaves| drop(leaves.remove(300))),
        ("inserted", |leaves| leaves.insert(300, altered(&leaves[300]))),
        ("exchanged", |leaves| leaves.swap(10, 11)),
        ("moved", |leaves| {
            let leaf = leaves.remove(5);
            leaves.insert(6, leaf);
        }),
    ];
    for (name, change) in rewritings {
        stage.rewrite(change);
        let verdict = stage.auditor.verify(&url, "--since kept").await;
        assert!(verdict.code == Some(1) && verdict.out.contains(does_not_extend), "{name}: {verdict:?}");
    }
    // What was never seen can still be rewritten: the window since the checkpoint that was kept.
    stage.rewrite(|leaves| leaves[650] = altered(&leaves[650]));
    assert_eq!(stage.auditor.verify(&url, "--since kept").await.code, Some(0));
}

#[tokio::test]
async fn a_cut_tail_and_an_old_backup_are_seen() {
    let stage = Stage::set().await;
    let url = stage.operator.url();
    for size in [0, 1, 256, 599] {
        stage.rewrite(|leaves| leaves.truncate(size));
        let first = if size == 599 { "entry 599".to_owned() } else { format!("entries {size} to 599") };
        let verdict = stage.auditor.verify(&url, "--since kept").await;
        verdict.finds(&format!("{first}: MISSING: the kept checkpoint has them"));
    }
    // An honest server that was put back and went on.
    stage.rewrite(|leaves| {
        leaves.drain(500..600);
        leaves.extend(leaves.clone().split_off(500).iter().map(|leaf| altered(leaf)));
    });
    stage.auditor.verify(&url, "--since kept").await.finds("the log does not extend the kept checkpoint");
}

#[tokio::test]
async fn two_heads_of_one_size_convict_the_key() {
    let stage = Stage::set().await;
    stage.rewrite(|leaves| {
        leaves.truncate(600);
        leaves[599] = altered(&leaves[599]);
    });
    let verdict = stage.auditor.verify(&stage.operator.url(), "--since kept").await;
    verdict.finds("two checkpoints of size 600 have different roots, and the log's key signed both");
}

#[tokio::test]
async fn two_readers_together_see_a_split_view() {
    let stage = Stage::set().await;
    let url = stage.operator.url();
    let other = Auditor::of(&stage.server, "acme.www");
    // Each sees a log that extends what they saw before.
    stage.auditor.keeps(&url, "mine").await;
    stage.rewrite(|leaves| {
        leaves[620] = altered(&leaves[620]);
        leaves.push(altered(&leaves[699]));
    });
    other.keeps(&url, "theirs").await;
    assert_eq!(other.verify(&url, "--since theirs").await.code, Some(0));
    // Together they see that there are two.
    std::fs::copy(stage.auditor.place.path().join("mine"), other.place.path().join("mine")).unwrap();
    other.verify(&url, "--since mine").await.finds("the log does not extend the kept checkpoint");
}

#[tokio::test]
async fn time_never_runs_backwards() {
    let stage = Stage::set().await;
    stage.rewrite(|leaves| {
        let mut leaf = Leaf::parse(&leaves[699]).unwrap();
        leaf.header.recorded_ms -= 86_400_000;
        leaves[699] = leaf.to_bytes();
    });
    // Seen by everybody, without anything kept.
    stage.auditor.verify(&stage.operator.url(), "").await.finds("entry 699: BACK-DATED");
}
