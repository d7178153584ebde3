//! The caller's saved searches, under the filters of a list.

/// The saved searches of one list, and the form that saves another.
#[derive(Clone, Debug, Default)]
pub struct SavedSearches {
    /// Those there are, by their names.
    pub links: Vec<SavedLink>,
    /// What the form would save; without it there is no form.
    pub new: Option<NewSearch>,
    /// The list as it is shown, to come back to.
    pub here: String,
}

impl SavedSearches {
    /// Whether there is nothing to show.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.links.is_empty() && self.new.is_none()
    }
}

/// One saved search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedLink {
    /// Its name.
    pub name: String,
    /// Opens it; also the address to give to others.
    pub href: String,
    /// Where the button that deletes it posts to.
    pub delete_href: String,
    /// Whether it is what the list shows now.
    pub is_current: bool,
}

/// A search that is not saved yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSearch {
    /// The site whose list it is; empty for the list of all sites.
    pub site: String,
    /// The list's parameters.
    pub query: String,
}
