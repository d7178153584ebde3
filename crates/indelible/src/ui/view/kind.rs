//! The kinds of actions as the screens draw them: one word, one glyph and one hue each, never hue alone.

/// What sort of action it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Something came into being.
    Create,
    /// Something changed.
    Update,
    /// Something went away.
    Delete,
    /// Something was looked at.
    Read,
    /// Somebody signed in or out, or rights changed.
    Access,
    /// Anything else.
    #[default]
    Other,
}

impl Kind {
    /// Every kind, in the order in which lists offer them.
    pub const ALL: [Self; 6] =
        [Self::Create, Self::Update, Self::Delete, Self::Read, Self::Access, Self::Other];

    /// The kind with this code, for example `create`; an unknown code is [`Kind::Other`].
    #[must_use]
    pub fn from_code(code: &str) -> Self {
        Self::ALL.into_iter().find(|kind| kind.code() == code).unwrap_or_default()
    }

    /// The code in addresses and JSON; also the end of the CSS class (`k-create`) and of the glyph's id in
    /// the page's set of drawings (`#i-create`).
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Read => "read",
            Self::Access => "access",
            Self::Other => "other",
        }
    }

    /// The word on screen.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
            Self::Read => "Read",
            Self::Access => "Access",
            Self::Other => "Other",
        }
    }
}
