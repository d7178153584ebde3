//! What a store keeps of the umbrella log, whose leaves are the heads of the sites' logs.
//!
//! As with entries a write has two steps: [`UmbrellaStore::stage_umbrella`], then
//! [`UmbrellaStore::publish_umbrella`], both under the [commit lock](super::Store::lock).

use std::collections::HashMap;
use std::ops::Range;

use super::{Head, LogNumber, StoreError, TileData};

/// A published head of a site's log, as the umbrella has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteHead {
    /// Which log.
    pub log: LogNumber,
    /// Its size and root.
    pub head: Head,
}

/// What a store keeps of the umbrella log. What is beyond its published head is nobody's to see: readers name the
/// size up to which they read.
pub trait UmbrellaStore {
    /// The umbrella's published head and the checkpoint that signs it; `None` before the first round.
    fn umbrella_head(&self) -> Result<Option<(Head, String)>, StoreError>;

    /// The heads at these positions, in order. Fails rather than leave one out.
    fn umbrella_heads(&self, range: Range<u64>) -> Result<Vec<SiteHead>, StoreError>;

    /// The largest head of each log among the first `size`.
    fn umbrella_newest(&self, size: u64) -> Result<HashMap<LogNumber, Head>, StoreError>;

    /// The smallest head of a log that covers its entry at `index`, and its position, among the first `size`.
    fn umbrella_covering(
        &self,
        log: LogNumber,
        index: u64,
        size: u64,
    ) -> Result<Option<(u64, Head)>, StoreError>;

    /// The hashes of a tile in its widest version, staged ones included.
    fn umbrella_tile(&self, level: u8, number: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Makes heads from position `base` on and the tiles over them durable, and stages them in the place of
    /// whatever was staged before.
    fn stage_umbrella(&self, base: u64, heads: &[SiteHead], tiles: &[TileData]) -> Result<(), StoreError>;

    /// Compares the umbrella's head with `base`, swaps it, and makes that durable.
    fn publish_umbrella(&self, base: Head, next: Head, checkpoint: &str) -> Result<(), StoreError>;
}
