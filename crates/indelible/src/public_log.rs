//! A log as outsiders read it: checkpoint, tiles and leaves (C2SP tlog-tiles).
//!
//! Leaves are not stored. Each is derived again from the entry whenever it is asked for, and compared with the
//! hash that the tree has for it: what does not agree is never served.

use std::ops::Range;
use std::sync::Arc;

use model::StoredEntry;
use tlog::{HASH_SIZE, TILE_WIDTH, Tile, TilePath};

use crate::Indelible;
use crate::store::{SignedHead, Site, StoreError};

/// The newest signed head of a site's log.
///
/// # Errors
/// When there is none: every site is published with its first head.
pub fn head(indelible: &Indelible, site: &Site) -> Result<Arc<SignedHead>, StoreError> {
    let unsigned = || StoreError::Corrupt(format!("the log of `{}` has no signed head", site.id));
    indelible.published().head(site.log)?.ok_or_else(unsigned)
}

/// A tile or bundle of a site's log; `None` if the published tree has nothing there.
///
/// # Errors
/// When the store cannot be read, or its entries are not those of its tree. The latter is logged as an alarm.
pub fn tile(indelible: &Indelible, site: &Site, path: TilePath) -> Result<Option<Vec<u8>>, StoreError> {
    let size = indelible.published().size(site.log)?;
    let store = indelible.store();
    let served = cut(
        size,
        path,
        |tile| store.tile(site.log, tile.level(), tile.index()),
        |range| leaves(&store.entries(site.log, range.clone())?, range),
    );
    if let Err(error @ StoreError::Corrupt(_)) = &served {
        tracing::error!(site = %site.id, %path, %error, "ALARM: the log is damaged here; this part is not served");
    }
    served
}

/// A tile or bundle of the umbrella log; `None` if its published tree has nothing there.
///
/// # Errors
/// As [`tile`].
pub fn umbrella_tile(indelible: &Indelible, path: TilePath) -> Result<Option<Vec<u8>>, StoreError> {
    let umbrella = indelible.umbrella();
    let size = umbrella.head()?.map_or(0, |(head, _)| head.size);
    let served = cut(size, path, |tile| umbrella.tile(tile), |range| umbrella.leaves(range));
    if let Err(error @ StoreError::Corrupt(_)) = &served {
        tracing::error!(%path, %error, "ALARM: the umbrella log is damaged here; this part is not served");
    }
    served
}

fn leaves(entries: &[Vec<u8>], range: Range<u64>) -> Result<Vec<Vec<u8>>, StoreError> {
    let leaf = |(bytes, index): (&Vec<u8>, u64)| {
        let entry = StoredEntry::decode(bytes)
            .map_err(|error| StoreError::Corrupt(format!("the entry at index {index}: {error}")))?;
        Ok(entry.leaf().to_bytes())
    };
    entries.iter().zip(range).map(leaf).collect()
}

/// What a tree of `size` leaves has under a path, as wide as asked for: a partial tile is a prefix of every wider
/// one, so that only the widest is kept.
fn cut(
    size: u64,
    path: TilePath,
    stored: impl FnOnce(Tile) -> Result<Option<Vec<u8>>, StoreError>,
    leaves: impl FnOnce(Range<u64>) -> Result<Vec<Vec<u8>>, StoreError>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let asked = match path {
        TilePath::Hashes(tile) => tile,
        TilePath::Entries(bundle) => bundle.tile(),
    };
    let there = Tile::of_tree(asked.level(), asked.index(), size);
    if there.is_none_or(|there| there.width() < asked.width()) {
        return Ok(None);
    }
    let width = usize::from(asked.width());
    let mut hashes = stored(asked)?.unwrap_or_default();
    if hashes.len() < width * HASH_SIZE {
        return Err(StoreError::Corrupt(format!("{asked} is missing or too short")));
    }
    hashes.truncate(width * HASH_SIZE);
    match path {
        TilePath::Hashes(_) => Ok(Some(hashes)),
        TilePath::Entries(_) => {
            let first = asked.index() * u64::from(TILE_WIDTH);
            let range = first..first + u64::from(asked.width());
            bundle(&leaves(range.clone())?, range, &hashes).map(Some)
        }
    }
}

fn bundle(leaves: &[Vec<u8>], range: Range<u64>, hashes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let (hashes, _) = hashes.as_chunks::<HASH_SIZE>();
    if leaves.len() != hashes.len() {
        return Err(StoreError::Corrupt(format!("{} leaves instead of {}", leaves.len(), hashes.len())));
    }
    let mut bundle = Vec::new();
    for ((leaf, hash), index) in leaves.iter().zip(hashes).zip(range) {
        if tlog::leaf_hash(leaf).as_bytes() != hash {
            return Err(StoreError::Corrupt(format!(
                "what is stored at index {index} does not have the leaf hash that the log has there; \
                 `indelible verify` shows the extent of the damage"
            )));
        }
        tlog::push_entry(&mut bundle, leaf)
            .map_err(|error| StoreError::Corrupt(format!("the leaf at index {index}: {error}")))?;
    }
    Ok(bundle)
}
