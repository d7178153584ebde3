//! Limits of a token within its role, and the part of a log that is left to a limited caller.

use model::filter::Field;
use model::{Entry, Filter, Permission, Role};

use super::{Caller, Denied};
use crate::sites::Sites;
use crate::store::{Site, StoreError, TokenLimits};

/// Entity types that a token names, at most.
const ENTITY_TYPES_MAX: usize = 50;

/// Bytes of a token's filter, at most. It is read with every request.
const FILTER_BYTES_MAX: usize = 2_000;

/// What a credential's limits leave of its role. By default everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// It reads only entries that this finds.
    pub(super) only: Option<Filter>,
    /// It appends only entries about entities of these types.
    pub(super) entity_types: Option<Vec<String>>,
    /// It is a viewer token: it reads parts, as if a filter limited it.
    pub(super) viewer: bool,
}

/// The fields that a viewer token can be limited to: the columns of the page for embedding.
pub const VIEWER_FIELDS: [&str; 6] = ["time", "actor", "action", "entity", "summary", "changed"];

/// What is wrong with a token's limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadLimit {
    /// Which limit.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// The part of a site's log on which the caller has the permission that was asked for.
#[derive(Clone, Debug)]
pub struct Part {
    /// The site.
    pub site: Site,
    /// Only entries that this finds; `None` for the whole log.
    pub only: Option<Filter>,
    /// Only entries about entities of these types; `None` for all.
    pub entity_types: Option<Vec<String>>,
}

/// The parts of logs that the caller may read.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The sites in the order of their creation.
    pub sites: Vec<Site>,
    /// Only entries that this finds; `None` for the whole logs.
    pub only: Option<Filter>,
}

impl Part {
    /// What is asked for, as far as it is in this part.
    #[must_use]
    pub fn within(&self, filter: Filter) -> Filter {
        within(self.only.as_ref(), filter)
    }
}

impl From<Part> for Parts {
    fn from(part: Part) -> Self {
        Self { sites: vec![part.site], only: part.only }
    }
}

impl From<Site> for Parts {
    /// The whole of a site.
    fn from(site: Site) -> Self {
        Self { sites: vec![site], only: None }
    }
}

impl Parts {
    /// What is asked for, as far as it is in these parts.
    #[must_use]
    pub fn within(&self, filter: Filter) -> Filter {
        within(self.only.as_ref(), filter)
    }
}

impl Parts {
    /// Whether an entry is in these parts.
    #[must_use]
    pub fn hold(&self, entry: &Entry) -> bool {
        self.only.as_ref().is_none_or(|only| only.matches(entry))
    }
}

fn within(only: Option<&Filter>, filter: Filter) -> Filter {
    match only {
        Some(only) => only.clone().and(filter),
        None => filter,
    }
}

impl Limits {
    /// The limits of a stored token.
    ///
    /// # Errors
    /// When its filter does not read: it must not be wider than it was made.
    pub(super) fn read(stored: &TokenLimits) -> Result<Self, StoreError> {
        let read = |text: &String| {
            Filter::parse(text)
                .map_err(|error| StoreError::Corrupt(format!("the filter of a token: {error}")))
        };
        let only = stored.filter.as_ref().map(read).transpose()?;
        Ok(Self { only, entity_types: stored.entity_types.clone(), viewer: stored.viewer })
    }

    /// Whether something is taken away from the role.
    pub(super) const fn is_limited(&self) -> bool {
        self.only.is_some() || self.entity_types.is_some() || self.viewer
    }
}

/// Whether a token of this role can have these limits.
///
/// # Errors
/// The first that it cannot have.
pub(super) fn check(limits: &TokenLimits, role: Role) -> Result<(), BadLimit> {
    let bad = |field, message: String| Err(BadLimit { field, message });
    if let Some(filter) = &limits.filter {
        if role != Role::Auditor {
            return bad("filter", format!("limits what is read: the role must be auditor, not {role}"));
        }
        if filter.trim().is_empty() || filter.len() > FILTER_BYTES_MAX {
            return bad("filter", format!("must have 1 to {FILTER_BYTES_MAX} bytes"));
        }
        if let Err(error) = Filter::parse(filter) {
            return bad("filter", format!("is not a filter: {error}"));
        }
    }
    if let Some(fields) = &limits.fields {
        let is_known = |field: &String| VIEWER_FIELDS.contains(&field.as_str());
        if fields.is_empty() || fields.len() > VIEWER_FIELDS.len() || !fields.iter().all(is_known) {
            return bad("fields", format!("must be some of {}", VIEWER_FIELDS.join(", ")));
        }
    }
    if let Some(types) = &limits.entity_types {
        if role != Role::Writer {
            return bad("entity_types", format!("limit what is sent: the role must be writer, not {role}"));
        }
        let fits = |text: &String| !text.is_empty() && text.len() <= model::limits::CODE_BYTES_MAX;
        if types.is_empty() || types.len() > ENTITY_TYPES_MAX || !types.iter().all(fits) {
            return bad("entity_types", format!("must be 1 to {ENTITY_TYPES_MAX} types of 1 to 255 bytes"));
        }
    }
    Ok(())
}

impl Caller {
    /// Asks for a permission on a site, or on the part of it that the caller's limits leave. Whoever asks must
    /// keep to that part.
    ///
    /// # Errors
    /// As [`Caller::on_site`], except for being limited.
    pub fn on_part_of_site(&self, permission: Permission, id: &str, sites: &Sites) -> Result<Part, Denied> {
        let (site, visible) = self.find_site(permission, id, sites)?;
        let only = both(self.limits.only.clone(), visible);
        Ok(Part { site, only, entity_types: self.limits.entity_types.clone() })
    }

    /// Whether the caller still sees a part as it did: what goes on for long asks again and again, because tokens are
    /// revoked, sessions end, and rules change, at once.
    ///
    /// # Errors
    /// When it sees the site no more, or another part of it.
    pub fn still_sees(&self, part: &Part, sites: &Sites) -> Result<(), Denied> {
        let now = self.on_part_of_site(Permission::Read, part.site.id.as_str(), sites)?;
        if now.only == part.only { Ok(()) } else { Err(Denied::Limited { permission: Permission::Read }) }
    }

    /// The same for parts of several sites. Sites that were created since make no difference.
    ///
    /// # Errors
    /// As [`Caller::still_sees`].
    pub fn still_sees_all(&self, parts: &Parts, sites: &Sites) -> Result<(), Denied> {
        let is_among = |site: &Site| parts.sites.iter().any(|other| other.log == site.log);
        let readable = self.readable(sites)?.into_iter().filter(|(site, _)| is_among(site)).collect();
        let now = self.together(readable);
        let same = now.sites.len() == parts.sites.len() && now.only == parts.only;
        if same { Ok(()) } else { Err(Denied::Limited { permission: Permission::Read }) }
    }

    /// The sites the caller may read, or the parts of them that its limits leave. Whoever asks must keep to them.
    ///
    /// # Errors
    /// When the role may not read at all.
    pub fn parts(&self, sites: &Sites) -> Result<Parts, Denied> {
        Ok(self.together(self.readable(sites)?))
    }

    /// Several sites, each with what the caller's role sees of it, as one part.
    fn together(&self, readable: Vec<(Site, Option<Filter>)>) -> Parts {
        let mut only = self.limits.only.clone();
        let mut together = Vec::new();
        let is_alone = readable.len() == 1;
        for (site, visible) in readable {
            // A site's rule holds for that site alone.
            let elsewhere = || Filter::Not(Box::new(Filter::equals(Field::Site, site.id.as_str())));
            let rule = |visible| if is_alone { visible } else { Filter::Or(vec![elsewhere(), visible]) };
            only = both(only, visible.map(rule));
            together.push(site);
        }
        Parts { sites: together, only }
    }
}

/// What both leave.
fn both(one: Option<Filter>, other: Option<Filter>) -> Option<Filter> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.and(other)),
        (one, other) => one.or(other),
    }
}
