//! All entries of one entity.

use askama::Template;

use super::{Action, Actor, Diff, Frame, Link, Mark, Shape, Tags, Time, ValueState};

/// `/sites/{site}/entities/{type}/{id}`.
#[derive(Clone, Debug, Template)]
#[template(path = "history.html", whitespace = "minimize")]
pub struct HistoryPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The entity's type.
    pub entity_type: String,
    /// Its id.
    pub entity_id: String,
    /// Its latest title, where it has one.
    pub title: Option<String>,
    /// All of it in words: "14 entries since 3 November 2026", or "Entries 201 to 400 of 1,204".
    pub total: String,
    /// The entity in the site itself, where an entry names it; from [`super::url::external`].
    pub entity_url: Option<String>,
    /// The entity's entries as a list with filters.
    pub list_href: String,
    /// A state that is asked for, or what lies between two.
    pub told: Option<Told>,
    /// The history's own address.
    pub here: String,
    /// Which part of it this page is; empty for the first.
    pub cursor: String,
    /// How many entries are on this page.
    pub points: usize,
    /// After which of them the state is shown.
    pub point: usize,
    /// The entries by day, oldest first.
    pub days: Vec<HistoryDay>,
    /// The entries before these.
    pub earlier: Option<Link>,
    /// The entries after these.
    pub later: Option<Link>,
}

/// The state of an entity at one time, or what lies between two.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Of when it is.
    pub heading: String,
    /// What the reader must know of it.
    pub note: Option<String>,
    /// Its fields, or their differences.
    pub diff: Diff,
}

/// One day of a history.
#[derive(Clone, Debug)]
pub struct HistoryDay {
    /// "Saturday, 21 November 2026".
    pub heading: String,
    /// Its entries, oldest first.
    pub entries: Vec<HistoryEntry>,
}

/// One entry of a history.
#[derive(Clone, Debug)]
pub struct HistoryEntry {
    /// Its number on the page, from 1.
    pub point: usize,
    /// Whether the state after it is compared.
    pub is_compared: bool,
    /// Its page.
    pub href: String,
    /// When it happened.
    pub time: Time,
    /// Who did it; `None` when erased.
    pub actor: Option<Actor>,
    /// What was done.
    pub action: Action,
    /// One sentence.
    pub summary: Option<String>,
    /// Names of the changed fields.
    pub changed: Tags,
}
