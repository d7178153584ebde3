//! The table of a list: its columns and what stands in them.

use super::{Action, Actor, Entity, Link, Tags, Time};

/// The heading of one column.
#[derive(Clone, Debug, Default)]
pub struct Column {
    /// The end of its CSS class.
    pub class: &'static str,
    /// Its word.
    pub label: &'static str,
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

/// What an entry has in one column.
#[derive(Clone, Debug)]
pub enum Cell {
    /// Whose entry it is.
    Site(Link),
    /// Who did it; `None` when erased.
    User(Option<Actor>),
    /// What was done.
    Action(Action),
    /// The entity's type; `None` when erased.
    EntityType(Option<String>),
    /// What it was done to; `None` when erased.
    Entity(Option<Entity>),
    /// One sentence, and the names of the changed fields.
    Details {
        /// The sentence.
        summary: Option<String>,
        /// The names.
        changed: Tags,
    },
    /// The names of the changed fields alone.
    Changed(Tags),
    /// A moment.
    Time(Time),
    /// Any other value; empty where there is none.
    Text {
        /// The column's word, for narrow screens.
        label: &'static str,
        /// The end of the column's CSS class.
        class: &'static str,
        /// The value.
        value: String,
        /// Whether it is an id or a value rather than prose.
        is_code: bool,
    },
}

/// Which columns a list has, and the form that chooses others.
#[derive(Clone, Debug, Default)]
pub struct ColumnsForm {
    /// Every column: those shown in their order, then the others.
    pub choices: Vec<ColumnChoice>,
    /// The list, to come back to.
    pub here: String,
}

/// One column of the form.
#[derive(Clone, Debug)]
pub struct ColumnChoice {
    /// Its name in the list's address.
    pub code: &'static str,
    /// Its word.
    pub label: &'static str,
    /// Whether it is shown.
    pub is_shown: bool,
    /// Whether it can go further to the front.
    pub has_before: bool,
    /// Whether it can go further to the end.
    pub has_after: bool,
}

/// Where a row stands among the entries of one user action that follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// There are no others.
    #[default]
    Alone,
    /// It is the first, and all that is seen until the others are asked for: "6 changes".
    First(String),
    /// It is one of the others.
    Member,
    /// It is the last of them.
    Last,
}
