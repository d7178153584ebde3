//! Expiry: removal by age. First the log is looked through for what has become too old, then an entry tells of it, then
//! it is removed in small steps with rests between them, so that writers need not wait.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::retention::Age;
use model::{Class, Retention, StoredEntry};
use serde_json::json;

use super::reason::{Expiry, ExpiryData, Policy, PolicySource};
use super::{RemovalError, task};
use crate::access::Caller;
use crate::settings::SiteSettings;
use crate::store::{BlockInfo, Content, Reduction, Removal, Site, StoreError, Walk};
use crate::{ConfigureError, Indelible, clock, entropy};

const BLOCKS_AT_ONCE: usize = 1024;

/// Entries that are removed in one step: a writer waits for no more than that.
const STEP_ENTRIES: usize = 1024;

/// What a run of the expiry did for a site, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The site.
    pub site: Site,
    /// What is in force there.
    pub policy: Policy,
    /// What came of it.
    pub expiring: Expiring,
}

/// See [`Ran::expiring`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expiring {
    /// A hold is on.
    Held,
    /// Nothing is old enough.
    Nothing,
    /// This much: what expired, or would.
    Entries(Expiry),
}

/// What the next run would do for a site, as far as could be told in the time that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// What is in force.
    pub policy: Policy,
    /// Whether a hold is on, so that nothing will be done.
    pub held: bool,
    /// Entries that are old enough.
    pub count: u64,
    /// Whether there are more than were counted.
    pub is_cut_short: bool,
}

/// Has the content of every site expire that has become too old; with `dry_run` only tells what would. Blocks.
///
/// # Errors
/// The first that goes wrong. What was done until then stays done.
pub fn expire_all(
    indelible: &Indelible,
    dry_run: bool,
    now: Timestamp,
    caller: &Caller,
) -> Result<Vec<Ran>, RemovalError> {
    let default = if dry_run {
        indelible.retention_to_take_up(now)?
    } else {
        indelible.store().may_remove()?;
        indelible.take_up_retention(now, caller)?;
        indelible.retention(now)?
    };
    let sites = indelible.sites().all()?;
    sites.iter().map(|site| expire_by(indelible, site, default, dry_run, now, caller)).collect()
}

/// The same for one site.
///
/// # Errors
/// When the store fails.
pub fn expire(
    indelible: &Indelible,
    site: &Site,
    dry_run: bool,
    now: Timestamp,
    caller: &Caller,
) -> Result<Ran, RemovalError> {
    expire_by(indelible, site, indelible.retention(now)?, dry_run, now, caller)
}

/// The same by this default of all sites.
fn expire_by(
    indelible: &Indelible,
    site: &Site,
    default: Retention,
    dry_run: bool,
    now: Timestamp,
    caller: &Caller,
) -> Result<Ran, RemovalError> {
    let (settings, policy) = rule(indelible, site, default, now)?;
    let ran = |expiring| Ran { site: site.clone(), policy, expiring };
    if settings.hold {
        return Ok(ran(Expiring::Held));
    }
    let Some(cutoff) = policy.retention_days.cutoff(now) else { return Ok(ran(Expiring::Nothing)) };
    let Some(plan) = plan(indelible, site, policy, cutoff, None)?.0 else {
        return Ok(ran(Expiring::Nothing));
    };
    if dry_run {
        return Ok(ran(Expiring::Entries(plan)));
    }
    indelible.store().may_remove()?;
    let ordered = {
        let _configuring = indelible.configuring();
        // Looking through the log took its time.
        let (settings, still) = rule(indelible, site, indelible.retention(now)?, now)?;
        if settings.hold {
            return Ok(ran(Expiring::Held));
        }
        if still.retention_days > policy.retention_days {
            return Ok(ran(Expiring::Nothing));
        }
        order(indelible, site, &plan, caller)?
    };
    task::carry_out(indelible, site, ordered)?;
    Ok(ran(Expiring::Entries(plan)))
}

/// What the next run would do for a site. Blocks, but not much longer than `patience`.
///
/// # Errors
/// When the store fails.
pub fn outlook(
    indelible: &Indelible,
    site: &Site,
    now: Timestamp,
    patience: Duration,
) -> Result<Outlook, StoreError> {
    let (settings, policy) = rule(indelible, site, indelible.retention(now)?, now)?;
    look_ahead(indelible, site, settings.hold, policy, now, patience)
}

/// What a run would do if the site had this value and its delay were over; `None` for the default of all sites. Blocks,
/// but not much longer than `patience`.
///
/// # Errors
/// When the store fails.
pub fn outlook_if(
    indelible: &Indelible,
    site: &Site,
    value: Option<Retention>,
    now: Timestamp,
    patience: Duration,
) -> Result<Outlook, StoreError> {
    let (settings, known) = rule(indelible, site, indelible.retention(now)?, now)?;
    let source = if value.is_some() { PolicySource::Site } else { PolicySource::System };
    let policy = Policy { retention_days: value.unwrap_or(known.default), source, ..known };
    look_ahead(indelible, site, settings.hold, policy, now, patience)
}

fn look_ahead(
    indelible: &Indelible,
    site: &Site,
    held: bool,
    policy: Policy,
    now: Timestamp,
    patience: Duration,
) -> Result<Outlook, StoreError> {
    let Some(cutoff) = policy.retention_days.cutoff(now) else {
        return Ok(Outlook { policy, held, count: 0, is_cut_short: false });
    };
    let (plan, is_cut_short) = plan(indelible, site, policy, cutoff, Some(Instant::now() + patience))?;
    Ok(Outlook { policy, held, count: plan.map_or(0, |plan| plan.count), is_cut_short })
}

fn rule(
    indelible: &Indelible,
    site: &Site,
    default: Retention,
    now: Timestamp,
) -> Result<(SiteSettings, Policy), StoreError> {
    let settings = SiteSettings::load(indelible.store().as_ref(), site.log)?;
    let policy = Policy::of(&settings, default, now);
    Ok((settings, policy))
}

/// Counts what is old enough, and says whether the time was up before the end.
fn plan(
    indelible: &Indelible,
    site: &Site,
    policy: Policy,
    cutoff: Timestamp,
    deadline: Option<Instant>,
) -> Result<(Option<Expiry>, bool), StoreError> {
    let size = indelible.published().size(site.log)?;
    let mut plan: Option<Expiry> = None;
    let mut is_cut_short = false;
    each_block(indelible, site, cutoff, size, |old| {
        for (index, _) in &old {
            let plan = plan.get_or_insert(Expiry { policy, cutoff, first: *index, last: *index, count: 0 });
            plan.last = *index;
            plan.count += 1;
        }
        is_cut_short = deadline.is_some_and(|deadline| Instant::now() > deadline);
        Ok(if is_cut_short { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok((plan, is_cut_short))
}

/// Commits the entry that tells of the expiry, and with it the task.
fn order(
    indelible: &Indelible,
    site: &Site,
    plan: &Expiry,
    caller: &Caller,
) -> Result<uuid::Uuid, RemovalError> {
    let random = entropy::bytes().map_err(ConfigureError::from)?;
    let id = entropy::uuid_v7(clock::now_ms(), &random);
    let Expiry { count, cutoff, policy, .. } = plan;
    let entry = json!({
        "id": id,
        "action": "indelible.expiry",
        "entity": {"type": "site", "id": site.id, "title": site.name},
        "summary": format!("Content of {count} entries expired: older than {cutoff}, kept for {}", policy.retention_days),
        "data": ExpiryData { expired: plan.clone() },
    });
    indelible.tell(site.clone(), Some(Class::EXPIRY), Some(task::note(site.log, id)), &entry, caller)?;
    Ok(id)
}

/// Removes what an entry tells of, in steps; from how many entries. A hold, or a longer retention that was set since,
/// goes before it.
pub(super) fn carry_out(
    indelible: &Indelible,
    site: &Site,
    reason: u64,
    order: &Expiry,
) -> Result<u64, RemovalError> {
    let cutoff = match cutoff_still(indelible, site, order)? {
        Still::Held => return Err(RemovalError::Held),
        Still::Never => return Ok(0),
        Still::Until(cutoff) => cutoff,
    };
    let mut removed = 0;
    let mut waiting: Vec<(u64, Reduction)> = Vec::new();
    let mut step = |entries: Vec<(u64, Reduction)>| -> Result<(), StoreError> {
        let began = Instant::now();
        removed += indelible.store().remove(&Removal { log: site.log, reason, entries })?;
        // As long a rest as a step: writers have at least every other moment for themselves.
        std::thread::sleep(began.elapsed());
        Ok(())
    };
    let mut is_held = false;
    each_block(indelible, site, cutoff, order.last + 1, |old| {
        waiting.extend(old.into_iter().filter(|(index, _)| *index >= order.first));
        if waiting.len() < STEP_ENTRIES {
            return Ok(ControlFlow::Continue(()));
        }
        is_held = match cutoff_still(indelible, site, order)? {
            Still::Held | Still::Never => true,
            Still::Until(still) => still < cutoff,
        };
        if is_held {
            return Ok(ControlFlow::Break(()));
        }
        step(std::mem::take(&mut waiting)).map(|()| ControlFlow::Continue(()))
    })?;
    if is_held {
        return Err(RemovalError::Held);
    }
    if !waiting.is_empty() {
        step(waiting)?;
    }
    Ok(removed)
}

/// What becomes of an order that was given earlier.
enum Still {
    /// A hold is on: it waits.
    Held,
    /// Content is to be kept for ever now: it is over.
    Never,
    /// What is older than this may be removed.
    Until(Timestamp),
}

fn cutoff_still(indelible: &Indelible, site: &Site, order: &Expiry) -> Result<Still, StoreError> {
    let now = clock::now();
    let (settings, policy) = rule(indelible, site, indelible.retention(now)?, now)?;
    if settings.hold {
        return Ok(Still::Held);
    }
    if policy.retention_days <= order.policy.retention_days {
        return Ok(Still::Until(order.cutoff));
    }
    let cutoff = policy.retention_days.cutoff(now);
    Ok(cutoff.map_or(Still::Never, |cutoff| Still::Until(cutoff.min(order.cutoff))))
}

/// Shows `see` what is old enough, block by block in the order of the log, of the entries below `size`. Blocks that do
/// not read are passed over: they stay, to be found.
fn each_block(
    indelible: &Indelible,
    site: &Site,
    cutoff: Timestamp,
    size: u64,
    mut see: impl FnMut(Vec<(u64, Reduction)>) -> Result<ControlFlow<()>, StoreError>,
) -> Result<(), StoreError> {
    let store = indelible.store();
    let recorded_end = recorded_before(indelible, site, cutoff, size)?;
    let cutoff_us = cutoff.as_microsecond();
    let may_be_old = |block: &BlockInfo| match block.content {
        Content::Entries => block.first < recorded_end || block.occurred_min_us < cutoff_us,
        Content::ClaimedTimes => block.first < recorded_end,
        Content::Leaves => false,
    };
    let mut last = None;
    loop {
        let blocks = store.blocks(site.log, Walk::ByIndex, last, BLOCKS_AT_ONCE)?;
        last = blocks.last().copied();
        for block in blocks.iter().filter(|block| block.first < size && may_be_old(block)) {
            let range = block.first..block.range().end.min(size);
            let old = match store.entries(site.log, range.clone()) {
                Ok(stored) => (range.zip(&stored))
                    .filter_map(|(index, bytes)| Some((index, reduction(site, index, bytes, cutoff)?)))
                    .collect(),
                Err(StoreError::Corrupt(reason)) => {
                    tracing::error!(site = %site.id, reason, "damaged entries do not expire; run `indelible verify`");
                    Vec::new()
                }
                Err(error) => return Err(error),
            };
            if !old.is_empty() && see(old)?.is_break() {
                return Ok(());
            }
        }
        if blocks.len() < BLOCKS_AT_ONCE {
            return Ok(());
        }
    }
}

/// What is to be removed from an entry, if it is old enough.
fn reduction(site: &Site, index: u64, bytes: &[u8], cutoff: Timestamp) -> Option<Reduction> {
    let age = StoredEntry::decode(bytes).and_then(|stored| Age::of(&stored, cutoff));
    match age {
        Ok(Age::Kept) => None,
        Ok(Age::Claimed) => Some(Reduction::Expired { keeps_source: true }),
        Ok(Age::Recorded) => Some(Reduction::Expired { keeps_source: false }),
        Err(error) => {
            tracing::error!(site = %site.id, index, %error, "an entry that does not read does not expire");
            None
        }
    }
}

/// The first index whose entry the log did not take before a time. The log's own times never run backwards.
fn recorded_before(
    indelible: &Indelible,
    site: &Site,
    cutoff: Timestamp,
    size: u64,
) -> Result<u64, StoreError> {
    let cutoff_ms = u64::try_from(cutoff.as_millisecond()).unwrap_or_default();
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = low + (high - low) / 2;
        let recorded_ms = match indelible.store().entries(site.log, middle..middle + 1) {
            Ok(stored) => {
                stored.first().and_then(|bytes| Some(StoredEntry::decode(bytes).ok()?.header().recorded_ms))
            }
            Err(StoreError::Corrupt(_)) => None,
            Err(error) => return Err(error),
        };
        // What does not read is taken for younger: then less expires, never too much.
        if recorded_ms.is_some_and(|ms| ms < cutoff_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
