//! The six coarse kinds of action: the one thing about an action that every reader understands without
//! knowing the system it came from, and the only thing about it that a leaf shows in the clear.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an action did to the entity of its entry.
///
/// The order is the order in which lists and facets show them.
///
/// ```
/// use model::Kind;
/// assert_eq!("update".parse(), Ok(Kind::Update));
/// assert_eq!(Kind::Update.as_str(), "update");
/// assert!("Update".parse::<Kind>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The entity came into being.
    Create,
    /// The entity's state changed: content, status, place, publication.
    Update,
    /// The entity went away, if only into a trash.
    Delete,
    /// The entity was looked at or exported; its state is as before.
    Read,
    /// Somebody came or went, or what somebody may do changed: signing in and out, permissions, tokens.
    Access,
    /// A side effect that leaves the entity as it was: something was sent, generated, purged, started.
    Other,
}

impl Kind {
    /// All kinds, in their order.
    pub const ALL: [Self; 6] =
        [Self::Create, Self::Update, Self::Delete, Self::Read, Self::Access, Self::Other];

    /// The word used in JSON, in filters and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Read => "read",
            Self::Access => "access",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(KindError)
    }
}

/// A word that is not a kind. The message names the six that are; the caller knows what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of create, update, delete, read, access, other")]
pub struct KindError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_in_every_representation() {
        for kind in Kind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(kind.to_string(), kind.as_str());
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
            assert_eq!(serde_json::from_str::<Kind>(&format!("\"{kind}\"")).unwrap(), kind);
        }
        assert!(Kind::ALL.is_sorted());
    }

    #[test]
    fn the_refusal_names_every_allowed_word() {
        let message = "modify".parse::<Kind>().unwrap_err().to_string();
        for kind in Kind::ALL {
            assert!(message.contains(kind.as_str()), "{message}");
        }
    }
}
