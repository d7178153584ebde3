//! Somebody, and what they did.

use askama::Template;

use super::{Bar, Cell, Column, Counts, Fact, Frame, Place, Row, Time};

/// `/sites/{site}/actors/{type}/{id}`.
#[derive(Clone, Debug, Template)]
#[template(path = "actor.html", whitespace = "minimize")]
pub struct ActorPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The name that they had last.
    pub name: String,
    /// What they are: `user`, `service` or `system`.
    pub kind: &'static str,
    /// How many entries are theirs, in words.
    pub total: String,
    /// Who this is.
    pub who: Vec<Fact>,
    /// From where they came.
    pub from: Vec<Fact>,
    /// When the first of their entries happened; `None` where looking for it takes too long.
    pub first: Option<Time>,
    /// When the last one happened.
    pub last: Time,
    /// What they did, counted; `None` where that takes too long.
    pub counts: Option<Counts>,
    /// The headings of the entries' columns, that of the time first.
    pub columns: Vec<Column>,
    /// Their last entries.
    pub rows: Vec<Row>,
    /// All of them.
    pub list_href: String,
    /// Whether there are more than are shown.
    pub is_cut: bool,
}
