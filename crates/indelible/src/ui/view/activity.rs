//! The list of entries: of one site, or of all.

use askama::Template;

use super::kind::Kind;
use super::{Action, Actor, Bar, Chip, Counts, Entity, FilterForm, Frame, Link, SavedSearches, Tags, Time};

/// `/sites/{site}` and `/activity`.
#[derive(Clone, Debug, Template)]
#[template(path = "activity.html", whitespace = "minimize")]
pub struct ActivityPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The heading: "Activity", or "Activity of all sites".
    pub heading: String,
    /// What the list holds, in words: "88,310 entries", "213 entries match", "More than 1,000 match".
    pub total: Option<String>,
    /// The filter form.
    pub filters: FilterForm,
    /// What the list holds, counted; `None` where that takes too long.
    pub counts: Option<Counts>,
    /// The active filters, each removable.
    pub chips: Vec<Chip>,
    /// The caller's saved searches of this list.
    pub saved: SavedSearches,
    /// Where new entries of the list are told of as they arrive; `None` where none can come on top.
    pub tail: Option<String>,
    /// What the list shows, as files.
    pub exports: Vec<Link>,
    /// The same list without any filter.
    pub clear_href: String,
    /// The headings of the columns.
    pub columns: Columns,
    /// The entries, in order.
    pub rows: Vec<Row>,
    /// The pages before and after.
    pub pager: Pager,
    /// Why there are no rows, where there are none.
    pub empty: Empty,
}

impl ActivityPage {
    /// The kinds the form offers.
    #[must_use]
    pub const fn kinds(&self) -> [Kind; 6] {
        Kind::ALL
    }

    /// Whether there are counts by value.
    #[must_use]
    pub fn has_facets(&self) -> bool {
        !self.rows.is_empty() && self.counts.as_ref().is_some_and(|counts| !counts.facets.is_empty())
    }

    /// Whether there is nothing to filter yet.
    #[must_use]
    pub const fn is_untouched(&self) -> bool {
        self.rows.is_empty()
            && self.chips.is_empty()
            && !matches!(self.empty, Empty::NoMatch | Empty::Refused)
    }

    /// How many columns the table has.
    #[must_use]
    pub const fn width(&self) -> usize {
        if self.columns.site.is_some() { 7 } else { 6 }
    }
}

/// The headings of the columns. Details cannot be sorted by.
#[derive(Clone, Debug)]
pub struct Columns {
    /// Sorts by time.
    pub time: Column,
    /// Sorts by site; where it is given, the list has a site column.
    pub site: Option<Column>,
    /// Sorts by actor.
    pub user: Column,
    /// Sorts by action.
    pub action: Column,
    /// Sorts by entity type.
    pub entity_type: Column,
    /// Sorts by entity.
    pub entity: Column,
}

/// The heading of one column.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// The same list sorted by this column, the other way round if it already is; `None` where the list
    /// cannot be sorted by it.
    pub href: Option<String>,
    /// How the list is sorted by this column now.
    pub sorted: Sorted,
}

/// How a list is sorted by one column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sorted {
    /// It is not.
    #[default]
    No,
    /// Smallest, or oldest, first.
    Ascending,
    /// Largest, or newest, first.
    Descending,
}

impl Sorted {
    /// The value of `aria-sort`.
    #[must_use]
    pub const fn aria(self) -> &'static str {
        match self {
            Self::No => "none",
            Self::Ascending => "ascending",
            Self::Descending => "descending",
        }
    }
}

/// One entry of the list.
#[derive(Clone, Debug)]
pub struct Row {
    /// The entry's page.
    pub href: String,
    /// A day's heading to put before this row; only while the list is sorted by time.
    pub day: Option<String>,
    /// When it happened.
    pub time: Time,
    /// Whose entry it is, in the list of all sites.
    pub site: Option<Link>,
    /// Who did it; `None` when erased.
    pub actor: Option<Actor>,
    /// What was done.
    pub action: Action,
    /// What it was done to; `None` when erased.
    pub entity: Option<Entity>,
    /// One sentence.
    pub summary: Option<String>,
    /// Names of the changed fields.
    pub changed: Tags,
}

/// The way to the neighbouring pages.
#[derive(Clone, Debug, Default)]
pub struct Pager {
    /// The first page, unless this is it.
    pub first: Option<String>,
    /// The page before this one: newer entries while the newest come first.
    pub previous: Option<String>,
    /// The page after this one: older entries while the newest come first.
    pub next: Option<String>,
    /// Whether the newest come first, so that the links can say "Newer" and "Older".
    pub is_newest_first: bool,
}

/// Why a list is empty.
#[derive(Clone, Debug, Default)]
pub enum Empty {
    /// The filters match nothing, or it is not empty.
    #[default]
    NoMatch,
    /// The address asks for what there is not; the form's errors say what.
    Refused,
    /// There are no entries at all.
    FirstUse(FirstUse),
    /// The network has no site that has entries.
    NoSites,
}

/// How to send a site its first entry.
#[derive(Clone, Debug)]
pub struct FirstUse {
    /// The command that makes a token: `indelible token create …`.
    pub token_command: String,
    /// The command that sends an entry with it: `curl …`.
    pub send_command: String,
}

impl FirstUse {
    /// The two commands for this site of the server at `public_url` (no slash at its end).
    #[must_use]
    pub fn new(public_url: &str, site: &str) -> Self {
        Self {
            token_command: format!(
                "export INDELIBLE_TOKEN=$(indelible token create \\\n  --name my-app --role writer --site {site})"
            ),
            send_command: format!(
                "curl {public_url}/api/v1/sites/{site}/entries \\\n  \
                 -H \"Authorization: Bearer $INDELIBLE_TOKEN\" \\\n  \
                 -H 'Content-Type: application/json' \\\n  \
                 -d '{{\"action\":\"page.create\",\"entity\":{{\"type\":\"page\",\"id\":\"1\",\"title\":\"Home\"}}}}'"
            ),
        }
    }
}
