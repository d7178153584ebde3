//! The list of entries: of one site, or of all.

use askama::Template;

use super::kind::Kind;
use super::{
    Bar, Cell, Chip, Column, ColumnsForm, Counts, FilterForm, Frame, Link, Place, SavedSearches, Time,
};

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
    /// Where it is counted however long that takes, if it was not.
    pub count_href: Option<String>,
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
    /// The headings of the columns, that of the time first.
    pub columns: Vec<Column>,
    /// The form that chooses other columns.
    pub columns_form: ColumnsForm,
    /// Where completions of the search box come from.
    pub completions: String,
    /// The page about the actor whose entries the list shows, where it shows one actor's.
    pub actor: Option<Link>,
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

    /// Whether the list says whose entries they are.
    #[must_use]
    pub fn has_site(&self) -> bool {
        self.columns.iter().any(|column| column.class == "site")
    }

    /// How much room the columns want: nothing where they fit into a page, else the end of a CSS class.
    #[must_use]
    pub const fn breadth(&self) -> &'static str {
        match self.columns.len() {
            0..=7 => "",
            8..=10 => "many",
            11..=14 => "more",
            _ => "most",
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
    /// What was done, for those who listen.
    pub label: String,
    /// Whether it failed.
    pub failed: bool,
    /// What it has in each column but that of the time.
    pub cells: Vec<Cell>,
    /// Where it stands among the entries of its user action.
    pub place: Place,
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
