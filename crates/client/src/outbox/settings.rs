use std::time::Duration;

/// How an outbox keeps and sends entries.
///
/// ```
/// use client::outbox::{Durability, OnFailure, OutboxSettings};
///
/// // A program that must not do what it cannot log:
/// let strict = OutboxSettings { on_failure: OnFailure::Refuse, ..OutboxSettings::default() };
/// // One that must not wait for its disk:
/// let swift = OutboxSettings { durability: Durability::WithinGroup, ..OutboxSettings::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxSettings {
    /// When an entry is safe.
    pub durability: Durability,
    /// What happens when one cannot be kept.
    pub on_failure: OnFailure,
    /// Room for what waits and what is set aside. Beyond it the outbox is full.
    pub bytes_max: u64,
    /// Length of a segment from which the next is begun.
    pub segment_bytes: u64,
    /// How long entries gather before they are written together, where `durability` lets them.
    pub group_interval: Duration,
    /// Bytes that gather in memory at most. When the disk takes them more slowly than they come, callers wait for it then;
    /// when it takes nothing, the outbox is full.
    pub gathered_bytes_max: usize,
    /// Entries in one batch, at most.
    pub batch_entries: usize,
    /// Wait before the second try to send a batch; it doubles with each further one. Half of each wait is left to chance.
    pub backoff_first: Duration,
    /// The longest wait between two tries.
    pub backoff_max: Duration,
}

/// When an entry is safe from a crash of the program or of the machine.
///
/// ```
/// assert_eq!(client::outbox::Durability::default(), client::outbox::Durability::BeforeReturn);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When `record()` returns. Entries that come at the same time share one write.
    #[default]
    BeforeReturn,
    /// With the next write, [`OutboxSettings::group_interval`] later: `record()` does not wait for the disk. Whether a
    /// crash took entries with it is told by a gap entry at the next start.
    WithinGroup,
}

/// What happens to an entry that cannot be kept: the disk fails, or the outbox is full.
///
/// ```
/// assert_eq!(client::outbox::OnFailure::default(), client::outbox::OnFailure::Gap);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// `record()` answers [`Recorded::Gap`](crate::Recorded::Gap), the program's own log tells it as an error, and as soon
    /// as there is room a gap entry says how many are missing, from when to when.
    #[default]
    Gap,
    /// `record()` fails, so that the program does not do what is not logged.
    Refuse,
}

impl OutboxSettings {
    /// A million entries of 1 KB.
    pub const BYTES_MAX: u64 = 1024 * 1024 * 1024;
    /// Small enough to be given back soon, large enough to be made seldom.
    pub const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;
    /// What a crash may take.
    pub const GROUP_INTERVAL: Duration = Duration::from_millis(5);
    /// More than a disk takes in a second.
    pub const GATHERED_BYTES_MAX: usize = 64 * 1024 * 1024;
    /// A request of about 1 MB.
    pub const BATCH_ENTRIES: usize = 1000;
    /// A busy server's few commits.
    pub const BACKOFF_FIRST: Duration = Duration::from_millis(200);
    /// Seldom enough to be no load, often enough to be there soon after the server is.
    pub const BACKOFF_MAX: Duration = Duration::from_secs(30);
}

impl Default for OutboxSettings {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            on_failure: OnFailure::default(),
            bytes_max: Self::BYTES_MAX,
            segment_bytes: Self::SEGMENT_BYTES,
            group_interval: Self::GROUP_INTERVAL,
            gathered_bytes_max: Self::GATHERED_BYTES_MAX,
            batch_entries: Self::BATCH_ENTRIES,
            backoff_first: Self::BACKOFF_FIRST,
            backoff_max: Self::BACKOFF_MAX,
        }
    }
}
