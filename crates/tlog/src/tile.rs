//! Tiles: the tree in files of 256 hashes, and their paths (C2SP tlog-tiles).
//!
//! ```text
//! tile/0/x001/x234/067         level 0, index 1234067, full: leaf hashes
//! tile/1/000.p/17              level 1, index 0, the first 17 hashes: roots of full level-0 tiles
//! tile/entries/x001/x234/067   the entries under tile/0/x001/x234/067, a "bundle"
//! ```
//!
//! A tree of 70,000 leaves is 273 full tiles and one of width 112 at level 0, one full tile and one
//! of width 17 at level 1, and one of width 1 at level 2 ("Partial Tiles").

use std::{fmt, str::FromStr};

use crate::decimal;

/// Hashes in a full tile, and entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;

/// The highest level a path can name ("Merkle Tree": `<L>` is between 0 and 63). A tree whose size is
/// a `u64` has tiles at levels 0 to 7 only.
pub const TILE_LEVEL_MAX: u8 = 63;

/// Tree levels in one tile: 2^8 = 256.
pub const TILE_HEIGHT: u8 = 8;

/// A tile of hashes: `width` consecutive nodes at tree level `8 * level`, from `256 * index` on.
///
/// ```
/// let tile = tlog::Tile::new(0, 1_234_067, 256)?;
/// assert_eq!(tile.path(), "tile/0/x001/x234/067");
/// # Ok::<(), tlog::TileError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

/// An entry bundle: `width` consecutive entries from `256 * index` on, the leaves under the level-0
/// tile of the same index and width.
///
/// ```
/// let bundle = tlog::Bundle::new(0, 8)?;
/// assert_eq!(bundle.path(), "tile/entries/000.p/8");
/// # Ok::<(), tlog::TileError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle {
    index: u64,
    width: u16,
}

/// Whatever a path under `tile/` can name.
///
/// ```
/// # use tlog::{Tile, TilePath};
/// let path: TilePath = "tile/1/000.p/17".parse()?;
/// assert_eq!(path, TilePath::Hashes(Tile::new(1, 0, 17)?));
/// # Ok::<(), tlog::TileError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TilePath {
    /// `tile/<L>/<N>[.p/<W>]`
    Hashes(Tile),
    /// `tile/entries/<N>[.p/<W>]`
    Entries(Bundle),
}

/// Why there is no such tile, or a path is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// The level is above [`TILE_LEVEL_MAX`].
    #[error("tile level {level} is above 63")]
    Level {
        /// The level.
        level: u8,
    },
    /// The width is 0 or above [`TILE_WIDTH`].
    #[error("tile width {width} is not between 1 and 256")]
    Width {
        /// The width.
        width: u16,
    },
    /// The path does not start with `tile/` and a level or `entries`.
    #[error("path `{path}` does not have the form tile/<level>/… or tile/entries/…")]
    Path {
        /// The path.
        path: String,
    },
    /// The level in the path is not a plain decimal between 0 and 63.
    #[error("`{text}` is not a tile level: a decimal between 0 and 63")]
    LevelText {
        /// The level as written.
        text: String,
    },
    /// The index in the path is not grouped as `x001/x234/067`.
    #[error("`{text}` is not a tile index such as 067 or x001/x234/067")]
    IndexText {
        /// The index as written.
        text: String,
    },
    /// The width in the path is not a plain decimal between 1 and 255.
    #[error("`{text}` is not the width of a partial tile: a decimal between 1 and 255")]
    WidthText {
        /// The width as written.
        text: String,
    },
}

impl Tile {
    /// The tile at this place, full if `width` is 256.
    pub const fn new(level: u8, index: u64, width: u16) -> Result<Self, TileError> {
        if level > TILE_LEVEL_MAX {
            return Err(TileError::Level { level });
        }
        if width == 0 || width > TILE_WIDTH {
            return Err(TileError::Width { width });
        }
        Ok(Self { level, index, width })
    }

    /// The tile as a tree of `size` leaves has it: full, partial, or `None` if that tree has no hash
    /// there ("Empty tiles MUST NOT be served").
    #[must_use]
    pub fn of_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        if level > TILE_LEVEL_MAX {
            return None;
        }
        let extent = LevelTiles::of_tree(level, size);
        let width = if index < extent.full {
            TILE_WIDTH
        } else if index == extent.full && extent.partial > 0 {
            extent.partial
        } else {
            return None;
        };
        Some(Self { level, index, width })
    }

    /// The level: 0 holds leaf hashes, 1 the roots of full level-0 tiles, and so on.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The index within the level.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// How many hashes the tile holds, 1 to 256.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Whether the tile holds fewer than 256 hashes.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.width < TILE_WIDTH
    }

    /// The path below the log's prefix, `tile/<L>/<N>[.p/<W>]` ("Merkle Tree").
    #[must_use]
    pub fn path(&self) -> String {
        self.to_string()
    }
}

impl Bundle {
    /// The bundle at this place, full if `width` is 256.
    pub fn new(index: u64, width: u16) -> Result<Self, TileError> {
        Tile::new(0, index, width).map(|tile| Self { index: tile.index, width: tile.width })
    }

    /// The bundle as a tree of `size` leaves has it, or `None` if that tree has no entry there.
    #[must_use]
    pub fn of_tree(index: u64, size: u64) -> Option<Self> {
        Tile::of_tree(0, index, size).map(|tile| Self { index, width: tile.width })
    }

    /// The index of the bundle.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// How many entries the bundle holds, 1 to 256.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// The level-0 tile with the hashes of these entries.
    #[must_use]
    pub const fn tile(&self) -> Tile {
        Tile { level: 0, index: self.index, width: self.width }
    }

    /// The path below the log's prefix, `tile/entries/<N>[.p/<W>]` ("Log entries").
    #[must_use]
    pub fn path(&self) -> String {
        self.to_string()
    }
}

/// The tiles that a tree has at one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelTiles {
    /// The level.
    pub level: u8,
    /// How many full tiles there are, at indexes 0 up to this.
    pub full: u64,
    /// The width of the partial tile after them, 0 if there is none.
    pub partial: u16,
}

impl LevelTiles {
    /// The tiles at `level` of a tree of `size` leaves. A partial tile has
    /// `floor(size / 256^level) mod 256` hashes ("Partial Tiles").
    #[must_use]
    pub fn of_tree(level: u8, size: u64) -> Self {
        let hashes = hashes_at(level, size);
        // The low byte, so it always fits.
        let partial = u16::try_from(hashes & 0xff).unwrap_or_default();
        Self { level, full: hashes >> TILE_HEIGHT, partial }
    }
}

/// What a tree of `size` leaves consists of, level by level from 0. A tree of 256 leaves has a full
/// tile at level 0 and one of width 1 at level 1.
///
/// ```
/// # use tlog::LevelTiles;
/// assert_eq!(
///     tlog::tiles_for_size(70_000).collect::<Vec<_>>(),
///     [
///         LevelTiles { level: 0, full: 273, partial: 112 },
///         LevelTiles { level: 1, full: 1, partial: 17 },
///         LevelTiles { level: 2, full: 0, partial: 1 },
///     ],
/// );
/// ```
pub fn tiles_for_size(size: u64) -> impl Iterator<Item = LevelTiles> {
    (0..TILE_HEIGHT)
        .take_while(move |level| hashes_at(*level, size) > 0)
        .map(move |level| LevelTiles::of_tree(level, size))
}

/// The tiles that come into being when a tree grows: new ones, and wider ones in the place of
/// partial ones; none if it does not grow.
///
/// ```
/// let grown: Vec<String> = tlog::new_tiles(250, 260).map(|tile| tile.path()).collect();
/// assert_eq!(grown, ["tile/0/000", "tile/0/001.p/4", "tile/1/000.p/1"]);
/// ```
pub fn new_tiles(old_size: u64, new_size: u64) -> impl Iterator<Item = Tile> {
    (0..TILE_HEIGHT).flat_map(move |level| {
        let (old, new) = (LevelTiles::of_tree(level, old_size), LevelTiles::of_tree(level, new_size));
        let grows = hashes_at(level, old_size) < hashes_at(level, new_size);
        // The first tile touched is the one after the old full ones, whether partial or not yet there.
        let (first, end) = if grows { (old.full, new.full) } else { (0, 0) };
        let full = (first..end).map(move |index| Tile { level, index, width: TILE_WIDTH });
        let partial = Tile { level, index: new.full, width: new.partial };
        full.chain((grows && new.partial > 0).then_some(partial))
    })
}

/// The bundles that come into being when a tree grows, as [`new_tiles`].
pub fn new_bundles(old_size: u64, new_size: u64) -> impl Iterator<Item = Bundle> {
    new_tiles(old_size, new_size)
        .take_while(|tile| tile.level == 0)
        .map(|tile| Bundle { index: tile.index, width: tile.width })
}

/// How many hashes all tiles of this level hold together: `floor(size / 256^level)`.
fn hashes_at(level: u8, size: u64) -> u64 {
    size.unbounded_shr(u32::from(level).saturating_mul(TILE_HEIGHT.into()))
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        write_index_and_width(f, self.index, self.width)
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tile/entries/")?;
        write_index_and_width(f, self.index, self.width)
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hashes(tile) => tile.fmt(f),
            Self::Entries(bundle) => bundle.fmt(f),
        }
    }
}

/// `<N>` is written in groups of three digits, all but the last with an `x` in front.
fn write_index_and_width(f: &mut fmt::Formatter<'_>, index: u64, width: u16) -> fmt::Result {
    let digits = index.to_string();
    let padded = format!("{digits:0>width$}", width = digits.len().next_multiple_of(3));
    let (front, last) = padded.split_at(padded.len().saturating_sub(3));
    let mut front = front;
    while let Some((group, rest)) = front.split_at_checked(3) {
        write!(f, "x{group}/")?;
        front = rest;
    }
    f.write_str(last)?;
    if width < TILE_WIDTH { write!(f, ".p/{width}") } else { Ok(()) }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(path: &str) -> Result<Self, TileError> {
        let parts = path.strip_prefix("tile/").and_then(|rest| rest.split_once('/'));
        let (level, place) = parts.ok_or_else(|| TileError::Path { path: path.to_owned() })?;
        let (index, width) = match place.split_once(".p/") {
            Some((index, width)) => (parse_index(index)?, parse_partial_width(width)?),
            None => (parse_index(place)?, TILE_WIDTH),
        };
        if level == "entries" {
            Bundle::new(index, width).map(Self::Entries)
        } else {
            Tile::new(parse_level(level)?, index, width).map(Self::Hashes)
        }
    }
}

fn parse_level(text: &str) -> Result<u8, TileError> {
    let level = decimal::parse(text).and_then(|level| u8::try_from(level).ok());
    level
        .filter(|level| *level <= TILE_LEVEL_MAX)
        .ok_or_else(|| TileError::LevelText { text: text.to_owned() })
}

fn parse_partial_width(text: &str) -> Result<u16, TileError> {
    let width = decimal::parse(text).and_then(|width| u16::try_from(width).ok());
    width
        .filter(|width| (1..TILE_WIDTH).contains(width))
        .ok_or_else(|| TileError::WidthText { text: text.to_owned() })
}

fn parse_index(text: &str) -> Result<u64, TileError> {
    read_index(text).ok_or_else(|| TileError::IndexText { text: text.to_owned() })
}

fn read_index(text: &str) -> Option<u64> {
    let (front, last) = text.rsplit_once('/').map_or((None, text), |(front, last)| (Some(front), last));
    // `x000/067` would be a second spelling of `067`.
    if front.is_some_and(|front| front.starts_with("x000")) {
        return None;
    }
    let front = front.into_iter().flat_map(|front| front.split('/')).map(|group| group.strip_prefix('x'));
    front.chain([Some(last)]).try_fold(0_u64, |index, group| {
        let group =
            group.filter(|group| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit()))?;
        index.checked_mul(1000)?.checked_add(group.parse().ok()?)
    })
}
