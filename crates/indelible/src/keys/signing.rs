//! The seeds that logs sign with, by generation. `DIR/keys/signing.json` says which they are; without it there is
//! the first, which is the installation's own.
//!
//! A rotation adds a generation: from then on every head is signed with both, so that whoever knows one of the keys
//! can verify. Ending the old one leaves the new one alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{KeyError, read_seed, write_seed};
use crate::files::replace;

const FILE: &str = "signing.json";

/// Which generations sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generations {
    /// The newest first; never empty.
    pub signing: Vec<u32>,
    /// Since when it is so; `None` where there was no rotation yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Default for Generations {
    fn default() -> Self {
        Self { signing: vec![1], since: None }
    }
}

/// The seeds of the generations that sign, as they were when they were read.
pub(super) struct Signing {
    pub(super) generations: Generations,
    /// In the order of the generations.
    pub(super) seeds: Vec<[u8; 32]>,
    modified: Option<SystemTime>,
}

impl Signing {
    pub(super) fn load(folder: &Path) -> Result<Self, KeyError> {
        let path = folder.join(FILE);
        // Before the content: what is written in between is read again the next time.
        let modified = modified(&path);
        let generations: Generations = match fs::read(&path) {
            Ok(json) => serde_json::from_slice(&json)
                .map_err(|error| KeyError::Generations { path: path.clone(), reason: error.to_string() })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Generations::default(),
            Err(error) => return Err(KeyError::File { path, reason: error.to_string() }),
        };
        if generations.signing.is_empty() {
            return Err(KeyError::Generations { path, reason: "it names no generation".to_owned() });
        }
        let seeds = generations.signing.iter().map(|number| read_seed(&seed_path(folder, *number)));
        Ok(Self { seeds: seeds.collect::<Result<_, _>>()?, generations, modified })
    }

    /// Whether another process has rotated since.
    pub(super) fn is_stale(&self, folder: &Path) -> bool {
        modified(&folder.join(FILE)) != self.modified
    }
}

/// Makes a generation that signs beside those that do.
pub(super) fn add(folder: &Path, now: Timestamp) -> Result<Generations, KeyError> {
    let mut generations = Signing::load(folder)?.generations;
    let number = generations.signing.iter().max().map_or(1, |newest| newest + 1);
    // A seed without a line in the file is one of a rotation that was cut off: nothing was signed with it.
    let path = seed_path(folder, number);
    if path.exists() {
        fs::remove_file(&path)
            .map_err(|error| KeyError::File { path: path.clone(), reason: error.to_string() })?;
    }
    write_seed(&path)?;
    generations.signing.insert(0, number);
    store(folder, &Generations { since: Some(now), ..generations })
}

/// Leaves the newest generation alone.
pub(super) fn keep_newest(folder: &Path, now: Timestamp) -> Result<Generations, KeyError> {
    let mut generations = Signing::load(folder)?.generations;
    generations.signing.truncate(1);
    store(folder, &Generations { since: Some(now), ..generations })
}

/// The seeds of the generations that sign no more, as far as they are still there.
pub(super) fn retired(folder: &Path, generations: &Generations) -> Result<Vec<[u8; 32]>, KeyError> {
    let newest = generations.signing.iter().max().copied().unwrap_or(1);
    let retired = (1..newest).filter(|number| !generations.signing.contains(number));
    let paths = retired.map(|number| seed_path(folder, number)).filter(|path| path.exists());
    paths.map(|path| read_seed(&path)).collect()
}

fn store(folder: &Path, generations: &Generations) -> Result<Generations, KeyError> {
    let path = folder.join(FILE);
    let json = serde_json::to_vec(generations).unwrap_or_default();
    replace(&path, &json).map_err(|error| KeyError::File { path, reason: error.to_string() })?;
    Ok(generations.clone())
}

/// `seed`, `seed-2`, …
pub(super) fn seed_path(folder: &Path, generation: u32) -> PathBuf {
    folder.join(if generation == 1 { "seed".to_owned() } else { format!("seed-{generation}") })
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
