use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::ops::Range;

use model::{Entry, StoredEntry};
use tlog::{HASH_SIZE, Hash, TILE_WIDTH};

use crate::store::{LogNumber, Site, Store, StoreError};

/// Reads consecutive entries of a site's log.
pub fn read_entries(store: &dyn Store, site: &Site, range: Range<u64>) -> Result<Vec<Entry>, StoreError> {
    let stored = store.entries(site.log, range.clone())?;
    range.zip(stored).map(|(index, bytes)| open(site, index, &bytes)).collect()
}

/// The leaf hashes of entries, as the tiles of their sites' logs have them.
pub fn leaf_hashes(store: &dyn Store, sites: &[Site], entries: &[Entry]) -> Result<Vec<Hash>, StoreError> {
    let width = u64::from(TILE_WIDTH);
    let mut tiles: HashMap<(LogNumber, u64), Vec<u8>> = HashMap::new();
    let mut hashes = Vec::with_capacity(entries.len());
    for entry in entries {
        let missing = || {
            let place = format!("index {} of site `{}`", entry.index, entry.site);
            StoreError::Corrupt(format!("the leaf hash at {place} is missing from the tiles"))
        };
        let site = sites.iter().find(|site| site.id == entry.site).ok_or_else(missing)?;
        let number = entry.index / width;
        let tile = match tiles.entry((site.log, number)) {
            Slot::Occupied(slot) => slot.into_mut(),
            Slot::Vacant(slot) => slot.insert(store.tile(site.log, 0, number)?.ok_or_else(missing)?),
        };
        let start = usize::try_from(entry.index % width).unwrap_or_default() * HASH_SIZE;
        let bytes = tile.get(start..start + HASH_SIZE).ok_or_else(missing)?;
        hashes.push(Hash::try_from(bytes).map_err(|_| missing())?);
    }
    Ok(hashes)
}

fn open(site: &Site, index: u64, bytes: &[u8]) -> Result<Entry, StoreError> {
    StoredEntry::decode(bytes).and_then(|stored| stored.open(&site.id, index)).map_err(|error| {
        StoreError::Corrupt(format!(
            "the entry at index {index} of site `{}` does not read: {error}",
            site.id
        ))
    })
}
