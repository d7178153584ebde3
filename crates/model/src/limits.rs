//! The limits of the contract, each with its reason.

/// Bytes of one entry's JSON, at most. Large enough for a long page before and after; small enough that
/// one entry never dominates a batch.
pub const ENTRY_BYTES_MAX: usize = 1024 * 1024;

/// Entries in one batch, at most.
pub const BATCH_ENTRIES_MAX: usize = 10_000;

/// Bytes of one request's body, at most, as it travels (before decompression).
pub const BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of one request's body after decompression, at most: what an honest, well compressing body of
/// [`BATCH_BYTES_MAX`] bytes grows to, and the end of a decompression bomb.
pub const BATCH_DECODED_BYTES_MAX: usize = 8 * BATCH_BYTES_MAX;

/// Nesting of arrays and objects in an entry, at most, the entry itself included.
pub const JSON_DEPTH_MAX: usize = 64;

/// Bytes of an action code and of an entity's type, at most. They are shown in columns and facets.
pub const CODE_BYTES_MAX: usize = 255;

/// Bytes of an identifier (of an entity, an actor, a request), at most. Paths and URLs serve as
/// identifiers, hence the room.
pub const ID_BYTES_MAX: usize = 2048;

/// Entries on one page of a list, at most, and when the caller does not say.
pub const PAGE_ENTRIES_MAX: usize = 1000;
/// See [`PAGE_ENTRIES_MAX`].
pub const PAGE_ENTRIES_DEFAULT: usize = 50;
