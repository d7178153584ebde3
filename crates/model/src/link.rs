//! What entries point at.

use uuid::Uuid;

use crate::entry::{Entity, Entry};

/// Something that an entry points at, and by which it is found from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link<'a> {
    /// It takes back this entry.
    Reverts(Uuid),
    /// It gave an entity this id.
    RenamedTo(&'a str, &'a str),
    /// It took this id from an entity.
    RenamedFrom(&'a str, &'a str),
}

impl Link<'_> {
    /// The target as a key: the kind of link and what it leads to. Part of the stores' formats.
    #[must_use]
    pub fn target(self) -> Vec<u8> {
        match self {
            Self::Reverts(id) => [&b"r"[..], id.as_bytes()].concat(),
            Self::RenamedTo(kind, id) => [b"t", kind.as_bytes(), b"\0", id.as_bytes()].concat(),
            Self::RenamedFrom(kind, id) => [b"f", kind.as_bytes(), b"\0", id.as_bytes()].concat(),
        }
    }

    /// Whether an entry points there.
    #[must_use]
    pub fn is_of(self, entry: &Entry) -> bool {
        targets(entry.reverts, entry.entity.as_ref()).contains(&self.target())
    }
}

/// The targets of everything that an entry points at.
pub(crate) fn targets(reverts: Option<Uuid>, entity: Option<&Entity>) -> Vec<Vec<u8>> {
    let renamed = entity.and_then(|entity| Some((entity, entity.previous_id.as_deref()?)));
    let renamed = renamed.map(|(entity, previous)| {
        [Link::RenamedTo(&entity.kind, &entity.id), Link::RenamedFrom(&entity.kind, previous)]
    });
    let links = reverts.map(Link::Reverts).into_iter().chain(renamed.into_iter().flatten());
    links.map(Link::target).collect()
}
