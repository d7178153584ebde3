use std::fmt;

/// One thing wrong with one field of a submitted entry, told to its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What kind of mistake it is; programs act on this.
    pub code: Code,
    /// Path of the field, such as `actor.name` or `before/cards/1`; empty for the entry as a whole.
    pub field: String,
    /// One sentence for people: what is wrong and what is allowed.
    pub message: String,
}

impl Violation {
    /// A mistake.
    #[must_use]
    pub fn new(code: Code, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, field: field.into(), message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.field.is_empty() {
            write!(f, "{}", self.message)
        } else {
            write!(f, "`{}`: {}", self.field, self.message)
        }
    }
}

/// The kinds of mistakes, as they appear in an answer's `code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Code {
    /// Not JSON at all.
    JsonSyntax,
    /// Not UTF-8.
    NotUtf8,
    /// An object names a key twice, so that two readers could see two entries in one.
    DuplicateKey,
    /// A key that the entry form does not have.
    UnknownField,
    /// A required key is missing.
    MissingField,
    /// A value of another JSON type than the field's.
    WrongType,
    /// A value of the right type that the field does not allow.
    InvalidValue,
    /// Nested deeper than [`crate::limits::JSON_DEPTH_MAX`].
    TooDeep,
    /// Longer than the field or the entry may be.
    TooLarge,
    /// The id is taken by an entry with other content.
    IdConflict,
    /// Nothing is wrong with it, but it was to be taken together with another that is refused.
    NotTaken,
}

impl Code {
    /// The code as sent, for example `duplicate_key`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::JsonSyntax => "json_syntax",
            Self::NotUtf8 => "not_utf8",
            Self::DuplicateKey => "duplicate_key",
            Self::UnknownField => "unknown_field",
            Self::MissingField => "missing_field",
            Self::WrongType => "wrong_type",
            Self::InvalidValue => "invalid_value",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::IdConflict => "id_conflict",
            Self::NotTaken => "not_taken",
        }
    }
}
