//! The small pieces that several pages share.

use jiff::Timestamp;

use super::kind::Kind;
use super::text;

/// A moment, in every form a page needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    /// As seen from now: "3 min ago".
    pub relative: String,
    /// The time of day: "04:15:15".
    pub clock: String,
    /// The whole of it with its zone: "2026-11-21 04:15:15.123 UTC".
    pub exact: String,
    /// For `<time datetime>`.
    pub machine: String,
}

impl Time {
    /// The moment `then`, as seen from `now`.
    #[must_use]
    pub fn new(now: Timestamp, then: Timestamp) -> Self {
        Self {
            relative: text::relative_time(now, then),
            clock: text::clock_time(then),
            exact: text::exact_time(then),
            machine: text::machine_time(then),
        }
    }
}

/// Words that lead somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The words.
    pub label: String,
    /// The address.
    pub href: String,
}

/// Who did it, in one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The best name there is: "Ana".
    pub name: String,
    /// What tells two of that name apart, or says that it is no person: "42", "service", "via Portal".
    pub note: Option<String>,
    /// Everything known in one line, for the tooltip: "Ana, user 42, ana@example.com, editor".
    pub title: String,
    /// The same list with only this actor's entries.
    pub href: Option<String>,
}

/// What was done, in one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The registry's label, or the code where it has none: "Published".
    pub label: String,
    /// The code as sent: "wagtail.publish".
    pub code: String,
    /// Its kind.
    pub kind: Kind,
    /// Whether it failed.
    pub failed: bool,
}

/// What it was done to, in one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its type, as sent.
    pub kind: String,
    /// Its title, where it has one that is not the id.
    pub title: Option<String>,
    /// Its id.
    pub id: String,
    /// Its history.
    pub href: String,
}

/// A list of names of which the first few are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// Those shown.
    pub shown: Vec<String>,
    /// How many more there are.
    pub more: usize,
    /// All of them in one line, for the tooltip.
    pub all: String,
}

impl Tags {
    /// Shows the first `shown_max` of these names.
    #[must_use]
    pub fn new(names: &[String], shown_max: usize) -> Self {
        let shown: Vec<String> = names.iter().take(shown_max).cloned().collect();
        Self { more: names.len() - shown.len(), shown, all: names.join(", ") }
    }

    /// How many there are, shown or not: what a narrow screen says in place of the names.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.shown.len() + self.more
    }
}

/// One line of a card in the side column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// What it is: "IP address".
    pub label: String,
    /// The value.
    pub value: String,
    /// Whether it is an id or a value (monospace, selected whole by one click) rather than prose.
    pub is_code: bool,
    /// Where it leads, for example to the list filtered by it.
    pub href: Option<String>,
}

impl Fact {
    /// Prose.
    #[must_use]
    pub fn words(label: &str, value: impl Into<String>) -> Self {
        Self { label: label.to_owned(), value: value.into(), ..Self::default() }
    }

    /// An id or a value.
    #[must_use]
    pub fn code(label: &str, value: impl Into<String>) -> Self {
        Self { is_code: true, ..Self::words(label, value) }
    }

    /// The same, leading somewhere.
    #[must_use]
    pub fn to(self, href: impl Into<String>) -> Self {
        Self { href: Some(href.into()), ..self }
    }
}
