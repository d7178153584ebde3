//! Taking a change back.
//!
//! Indelible is a log, not the host: it says what is to be put back, and the [host](crate::hosts) that owns the entity does
//! it. What it answers becomes an entry of its own, which can be taken back like any other.
//!
//! ```text
//! plan     turn the entry around, compare with how things are now      (model::revert)
//! refuse   not revertible, no permission, no reason, a conflict
//! order    what to set and remove, and what the host must find there   (hosts)
//! host     checks, applies all of it or nothing, answers               (hosts)
//! record   an entry with the states that the host found and left       (carry_out)
//! ```
//!
//! The order has a key that follows from its content and from how often the entry was taken back before: sent again after
//! a failure it is the same order, and the host does it once. The id of the new entry follows from the key, so that
//! neither is it logged twice.

mod carry_out;

use model::diff::Patched;
use model::revert::{Restored, Standing};
use model::{Entity, Entry, Field, Filter, Kind, Order as ListOrder};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::Indelible;
use crate::access::Caller;
use crate::entropy::NoEntropy;
use crate::hosts::{Host, HostError, Order};
use crate::journal::JournalError;
use crate::search::{PATIENCE, Question, SearchError};
use crate::settings::SiteSettings;
use crate::store::{Site, StoreError};

/// What taking an entry back would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The entry.
    pub entry: Entry,
    /// What it was done to.
    pub entity: Entity,
    /// The fields that would be put back.
    pub fields: Vec<Restored>,
    /// Whether the site asks for a reason.
    pub reason_required: bool,
    /// Earlier entries of which changes are taken back together with those of the entry.
    others: Vec<Uuid>,
    /// How often the entry was taken back before.
    times: usize,
    site: Site,
    host: Host,
}

/// Why a revert was not carried out. Nothing was changed, unless the error says that this is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RevertError {
    /// It cannot be taken back.
    #[error("this entry cannot be reverted: {0}")]
    Impossible(String),
    /// The site asks for a reason.
    #[error("this site asks for a reason: say why the change is reverted")]
    ReasonMissing,
    /// Fields were changed since.
    #[error("changed since, so reverting would lose that: {}", .0.join(", "))]
    Conflict(Vec<String>, Option<Box<RawValue>>),
    /// Fields to overwrite that the revert does not touch.
    #[error("{0}: not among the fields that this would put back")]
    NotPlanned(String),
    /// The host failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The host did it, and the entry that tells of it was refused.
    #[error("the host has reverted it, but the entry that tells of it was refused: {0}. Send it again")]
    Unrecorded(String),
    /// The log did not take the entry that tells of it.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The search failed.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// Whether an entry can be taken back, as far as can be told without asking its host. Blocks.
///
/// # Errors
/// [`RevertError::Impossible`] with the reason.
pub fn check(indelible: &Indelible, site: &Site, entry: &Entry) -> Result<Host, RevertError> {
    model::revert::check(entry).map_err(|why| RevertError::Impossible(why.to_owned()))?;
    let cascade = deleted_together(indelible, site, entry)?;
    if cascade {
        let why =
            "other entities were deleted with this one in the same action, and would not come back with it";
        return Err(RevertError::Impossible(why.to_owned()));
    }
    let connector = entry.connector.as_deref();
    let host = indelible.revert_handlers().host(indelible.store().as_ref(), site, connector)?;
    host.ok_or_else(|| {
        let why = match &entry.connector {
            Some(name) => format!("the connector `{name}` of this site has no revert endpoint"),
            None => "no connector carried it in, so nobody is known who could put it back".to_owned(),
        };
        RevertError::Impossible(why)
    })
}

/// The same for an entry that was taken back before: there may be nothing left to do, or again something.
///
/// # Errors
/// As [`check`].
pub fn check_again(indelible: &Indelible, site: &Site, entry: &Entry) -> Result<(), RevertError> {
    plan(indelible, site, entry.clone())?.restoring().map(drop)
}

/// Whether the action that deleted the entity deleted others as well.
fn deleted_together(indelible: &Indelible, site: &Site, entry: &Entry) -> Result<bool, RevertError> {
    let (Kind::Delete, Some(correlation)) = (entry.kind, entry.correlation_id) else { return Ok(false) };
    let filter = Filter::equals(Field::CorrelationId, &correlation.to_string())
        .and(Filter::equals(Field::Kind, Kind::Delete.as_str()));
    let question = Question {
        sites: std::slice::from_ref(site),
        filter: &filter,
        order: ListOrder::NEWEST_FIRST,
        cursor: None,
        limit: 20,
        patience: PATIENCE,
    };
    let page = indelible.search().page(&question)?;
    let is_other = |other: &Entry| {
        other.entity.as_ref().map(|entity| (&entity.kind, &entity.id))
            != entry.entity.as_ref().map(|entity| (&entity.kind, &entity.id))
    };
    Ok(page.entries.iter().any(is_other))
}

/// What taking an entry back would do as things are now. Blocks.
///
/// # Errors
/// When it cannot be taken back, and with the reason.
pub fn plan(indelible: &Indelible, site: &Site, entry: Entry) -> Result<Plan, RevertError> {
    let host = check(indelible, site, &entry)?;
    let fields = model::revert::restored(&entry);
    plan_fields(indelible, site, entry, Vec::new(), fields, host)
}

/// Some of the changes of an entry, by their paths.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The entry.
    pub entry: Entry,
    /// Which of its fields, as JSON pointers.
    pub paths: Vec<String>,
}

/// What taking back changes of several entries of one entity would do: each field goes back to what it was before the
/// earliest of its changes. Blocks.
///
/// # Errors
/// As [`plan`], for any of them.
pub fn plan_of_changes(
    indelible: &Indelible,
    site: &Site,
    mut chosen: Vec<Chosen>,
) -> Result<Plan, RevertError> {
    let impossible = |why: &str| RevertError::Impossible(why.to_owned());
    chosen.sort_by_key(|chosen| (chosen.entry.occurred_at, chosen.entry.index));
    let mut fields: Vec<Restored> = Vec::new();
    let mut host = None;
    for Chosen { entry, paths } in &chosen {
        host = Some(check(indelible, site, entry)?);
        for field in model::revert::restored(entry).into_iter().filter(|field| paths.contains(&field.path)) {
            match fields.iter_mut().find(|known| known.path == field.path) {
                Some(known) => known.left = field.left,
                None => fields.push(field),
            }
        }
    }
    let is_inside = |inner: &Restored, outer: &Restored| {
        inner.path.strip_prefix(outer.path.as_str()).is_some_and(|rest| rest.starts_with('/'))
    };
    if fields.iter().any(|inner| fields.iter().any(|outer| is_inside(inner, outer))) {
        let why = "some of the changes are of a field as a whole, others of what is in it; revert one after the other";
        return Err(impossible(why));
    }
    let last = chosen.pop().zip(host).ok_or_else(|| impossible("no change was chosen"))?;
    let others = chosen.into_iter().map(|chosen| chosen.entry.id).collect();
    plan_fields(indelible, site, last.0.entry, others, fields, last.1)
}

fn plan_fields(
    indelible: &Indelible,
    site: &Site,
    entry: Entry,
    others: Vec<Uuid>,
    mut fields: Vec<Restored>,
    host: Host,
) -> Result<Plan, RevertError> {
    let mut entity = entry
        .entity
        .clone()
        .ok_or_else(|| RevertError::Impossible("what it was done to was erased".to_owned()))?;
    let now = indelible.search().state(site, &entity.kind, &entity.id, None)?;
    if let Some((named, state)) = now {
        // Its host knows it by the id that it has now.
        entity = Entity { previous_id: None, ..named };
        let is_gone = state.exists == Some(false);
        // What went to a trash was deleted and is still there.
        let was_removed = entry.kind == Kind::Delete && entry.after.is_none();
        if is_gone && !was_removed {
            let why = "the entity was deleted since; revert its deletion first";
            return Err(RevertError::Impossible(why.to_owned()));
        }
        if was_removed && state.exists == Some(true) {
            return Err(RevertError::Impossible("the entity is there again".to_owned()));
        }
        let mut now = state.state.as_deref().map_or_else(Patched::empty, Patched::new);
        for field in &mut fields {
            field.compare(&mut now, state.complete || is_gone);
        }
    }
    let times = indelible.search().times_reverted(site, &entry)?;
    let settings = SiteSettings::load(indelible.store().as_ref(), site.log)?;
    let reason_required = settings.require_reason.asks_for_reverts();
    Ok(Plan { entry, entity, fields, reason_required, others, times, site: site.clone(), host })
}

impl Plan {
    /// The fields that were changed since the entry.
    pub fn conflicts(&self) -> impl Iterator<Item = &Restored> {
        self.fields.iter().filter(|field| field.standing == Standing::Conflict)
    }

    /// What is to be put back.
    ///
    /// # Errors
    /// When that is nothing.
    fn restoring(&self) -> Result<Vec<&Restored>, RevertError> {
        let fields: Vec<&Restored> =
            self.fields.iter().filter(|field| field.standing != Standing::AlreadyBack).collect();
        if fields.is_empty() {
            let why = "everything that it changed is already as it was before";
            return Err(RevertError::Impossible(why.to_owned()));
        }
        Ok(fields)
    }

    /// The order to the host. Conflicts must be named in `overwrite`; others are refused.
    ///
    /// # Errors
    /// When something stands against it.
    pub fn order(
        &self,
        caller: &Caller,
        reason: Option<&str>,
        overwrite: &[String],
    ) -> Result<Order, RevertError> {
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        if self.reason_required && reason.is_none() {
            return Err(RevertError::ReasonMissing);
        }
        if let Some(unknown) =
            overwrite.iter().find(|path| self.fields.iter().all(|field| field.path != **path))
        {
            return Err(RevertError::NotPlanned(unknown.clone()));
        }
        let open: Vec<String> = self
            .conflicts()
            .map(|field| field.path.clone())
            .filter(|path| !overwrite.contains(path))
            .collect();
        if !open.is_empty() {
            return Err(RevertError::Conflict(open, None));
        }
        let fields = self.restoring()?;
        Ok(Order::new(&self.entry, &self.entity, &fields, self.times, reason, &caller.name))
    }
}
