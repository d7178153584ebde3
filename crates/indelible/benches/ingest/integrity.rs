//! What integrity alone costs: everything about an entry that would not be done if nothing had to be proven. There is no
//! build without it to compare with, and there is to be none: it is done here once more, on one processor.

use std::hint::black_box;
use std::time::Duration;

use indelible::journal::admit_all;
use indelible::settings::Rules;
use tlog::{Checkpoint, RightEdge, SigningKey};

use crate::{Outcome, load, timed};

/// The time for all entries: salts, commitments and leaf hash, checksums, the tree; a checkpoint a batch, signed and
/// verified.
pub(crate) fn alone(texts: &[String]) -> Outcome<Duration> {
    let admitted = admit_all(texts.iter().map(String::as_bytes), "bench", None, &Rules::default())?;
    let sealed: Vec<_> = admitted.into_iter().filter_map(Result::ok).collect();
    let stored = sealed.into_iter().map(|sealed| Ok(sealed.place(1_790_000_000_000)?.0));
    let stored: Vec<Vec<u8>> = stored.collect::<Outcome<_>>()?;
    let key = SigningKey::from_seed("bench.example/logs/acme.www/1", &[7; 32])?;
    let (elapsed, ()) = timed(|| {
        let mut tree = RightEdge::new();
        for batch in stored.chunks(load::BATCH) {
            for bytes in batch {
                let leaf = model::StoredEntry::decode(bytes)?.leaf().to_bytes();
                for _ in 0..2 {
                    black_box(crc32fast::hash(black_box(bytes)));
                }
                tree.push(black_box(tlog::leaf_hash(&leaf)));
            }
            let note = Checkpoint::new(key.name(), tree.size(), tree.root())?.sign(&key)?;
            black_box(Checkpoint::verify(&note, key.name(), &[key.verifier_key()])?);
        }
        Ok(())
    })?;
    Ok(elapsed)
}
