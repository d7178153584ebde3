//! Chance that repeats itself: `SplitMix64` (Steele, Lea, Flood: *Fast Splittable Pseudorandom Number
//! Generators*, 2014). Small enough to read, good enough for a story, and the same on every platform, which
//! no library promises across versions.

/// A sequence of numbers that only its seed decides.
pub(super) struct Random {
    state: u64,
}

impl Random {
    /// A sequence of its own for each name, so that one site's story does not depend on how long another's
    /// is.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        // FNV-1a, to make a number of the name.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self { state: seed ^ hash }
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is 0. The remainder's bias does not matter to a story.
    pub(super) const fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    /// A number from `low` to `high`, both included.
    pub(super) const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `percent` times out of a hundred.
    pub(super) const fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A position in a list of this length.
    pub(super) fn position(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(length)).unwrap_or_default()
    }

    /// One of the elements.
    #[expect(clippy::indexing_slicing, reason = "every list to pick from is a constant that is not empty")]
    pub(super) fn pick<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.position(list.len())].clone()
    }
}
