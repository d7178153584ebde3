//! HTTP APIs of other systems, served beside our own: their clients work unchanged.
//!
//! A dialect translates. What it finds, appends and reverts goes through the same functions as the
//! [API](crate::api)'s handlers, and past the same [gate](crate::access).
//!
//! | dialect | speaks |
//! |---|---|
//! | [`aem`] | the audit log API of AEM Edge Delivery, in both of its URL forms |
//! | [`site_cms`] | the audit API of a multi-site CMS, under `/api/v1` |
//!
//! `docs/guides/dialects.md` tells users how to point their tools here, and every difference that is meant.

pub mod aem;
pub mod site_cms;

use std::time::Duration;

use jiff::Timestamp;
use model::Filter;

/// The part of a millisecond that its number does not tell.
const REST_OF_MILLISECOND: Duration = Duration::from_nanos(999_999);

/// Both dialects tell times in milliseconds: what is told as a time between these two, both included, is found.
fn told_within(from: Option<Timestamp>, to: Option<Timestamp>) -> Filter {
    let whole = |time: Timestamp| time.as_nanosecond().rem_euclid(1_000_000) == 0;
    let to = to.map(|to| if whole(to) { to.checked_add(REST_OF_MILLISECOND).unwrap_or(to) } else { to });
    Filter::occurred(from, to)
}
