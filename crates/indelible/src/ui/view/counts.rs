//! What a list holds, counted: over time, and by value.

use super::kind::Kind;

/// Counts beside a list.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// What the list holds, in words: "213 entries match".
    pub total: String,
    /// Over time; `None` where there is nothing to draw.
    pub histogram: Option<Histogram>,
    /// By value.
    pub facets: Vec<Facet>,
}

/// Entries over time, stacked by kind.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Width of the drawing: [`Bar::WIDTH`] for each bar.
    pub width: usize,
    /// For each kind that occurs, its part of every bar, as the data of an SVG path.
    pub paths: Vec<(Kind, String)>,
    /// What is under the pointer.
    pub bars: Vec<Bar>,
    /// The first bar in words.
    pub first: String,
    /// The last bar in words.
    pub last: String,
    /// How wide a bar is and how high the highest: "a bar is a day, the highest has 35 entries".
    pub scale: String,
}

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Where it begins.
    pub x: usize,
    /// "21 November 2026: 35 entries".
    pub title: String,
    /// The same list within that time.
    pub href: String,
}

impl Bar {
    /// Width of a bar with the space beside it, in units of the drawing.
    pub const WIDTH: usize = 10;
    /// Height of the highest bar.
    pub const HEIGHT: u64 = 560;
}

/// The most frequent values of a column.
#[derive(Clone, Debug)]
pub struct Facet {
    /// The column: "User".
    pub label: String,
    /// Its values, the most frequent first.
    pub values: Vec<FacetValue>,
    /// How many entries have other values: "1,204 others".
    pub other: Option<String>,
}

/// One value.
#[derive(Clone, Debug)]
pub struct FacetValue {
    /// The value in words.
    pub label: String,
    /// The value itself, where the words are others.
    pub title: String,
    /// How many entries have it.
    pub count: String,
    /// Its share of the most frequent one, in hundredths.
    pub share: u64,
    /// The list with only this value; where it is chosen already, without that choice.
    pub href: String,
    /// The list without this value.
    pub without_href: Option<String>,
    /// Whether only this value is shown.
    pub is_chosen: bool,
}
