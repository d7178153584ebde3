//! A part of a log within a page of somebody else.

use askama::Template;

use super::{Assets, Time};

/// `/embed`.
#[derive(Clone, Debug, Template)]
#[template(path = "embed.html", whitespace = "minimize")]
pub struct EmbedPage {
    /// The site's name.
    pub title: String,
    /// Addresses of stylesheet and icon.
    pub assets: Assets,
    /// The columns.
    pub fields: Vec<String>,
    /// An entry each, with a cell for each column.
    pub rows: Vec<Vec<EmbedCell>>,
    /// Where older entries are.
    pub next: Option<String>,
}

/// One value of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedCell {
    /// What it says, unless it is a time.
    pub text: String,
    /// The time.
    pub time: Option<Time>,
}
