//! Taking a change back: what would be done, before it is.

use askama::Template;

use super::{FieldRow, Frame, Mark, Notice, Time, ValueState};

/// `/sites/{site}/entries/{id}/revert`.
#[derive(Clone, Debug, Template)]
#[template(path = "revert.html", whitespace = "minimize")]
pub struct RevertPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The heading up to the entity: "Revert 3 fields of".
    pub heading: String,
    /// What the button does: "Revert 3 fields".
    pub button: String,
    /// The entity's title.
    pub entity: String,
    /// The entry that is taken back.
    pub entry_href: String,
    /// Its sentence.
    pub entry_label: String,
    /// When it happened.
    pub occurred: Time,
    /// What stands against it, or went wrong.
    pub notices: Vec<Notice>,
    /// The fields that would be put back.
    pub rows: Vec<RevertRow>,
    /// Whether there is anything to put back.
    pub can_revert: bool,
    /// Whether the site asks for a reason.
    pub reason_required: bool,
    /// The reason, when the form comes back.
    pub reason: String,
}

/// A field that would be put back.
#[derive(Clone, Debug)]
pub struct RevertRow {
    /// What is there now, and what is put back.
    pub field: FieldRow,
    /// Whether it was changed since.
    pub is_conflict: bool,
    /// Whether it is to be overwritten all the same.
    pub is_chosen: bool,
}
