//! The demo's data: a lively installation, invented but for two captures.
//!
//! | site | is like |
//! |---|---|
//! | `acme.www` | a marketing site on `WordPress` |
//! | `acme.docs` | a manual on Wagtail |
//! | `northwind.shop` | a shop on a multi-site CMS; something happens there at 03:12 |
//! | `northwind.press` | preview and publish operations of AEM Edge Delivery |
//! | `fern.telecom` | routing tables of a telephone carrier |
//! | `captured.wagtail`, `captured.wordpress` | real entries of test installations, by [`crate::connect`] |
//!
//! Nothing here reads a clock or rolls real dice: the caller gives the time and the seed, and the same two
//! give the same bytes. Every *before* and *after* is the entity's true state at that moment, so histories,
//! as-of states and reverts work on this data as they do on yours.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::connect::{Format, Namespace, read};

mod random;

mod people;
mod prose;

mod host;

mod calendar;
mod edit;
mod stage;

mod docs;
mod incident;
mod press;
mod shop;
mod telecom;
mod wordpress;

use calendar::{DAYS, Script, play};
use people::Person;
use stage::{Request, Scene, Stage};

pub use host::DemoHost;

/// A site of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DemoSite {
    /// Its id, as in the contract: `org.name`.
    pub id: &'static str,
    /// Its name for people.
    pub name: &'static str,
}

const SITES: &[DemoSite] = &[
    DemoSite { id: "acme.www", name: "Acme Lanterns" },
    DemoSite { id: "acme.docs", name: "Acme Manual" },
    DemoSite { id: "northwind.shop", name: "Northwind Tea" },
    DemoSite { id: "northwind.press", name: "Northwind Press" },
    DemoSite { id: "fern.telecom", name: "Fern Telecom" },
    DemoSite { id: CAPTURED_WAGTAIL, name: "Wagtail 8.0, captured" },
    DemoSite { id: CAPTURED_WORDPRESS, name: "WordPress with Stream 4.3, captured" },
];

const CAPTURED_WAGTAIL: &str = "captured.wagtail";
const CAPTURED_WORDPRESS: &str = "captured.wordpress";

/// The sites to create before the entries go in.
#[must_use]
pub fn sites() -> &'static [DemoSite] {
    SITES
}

/// The sites whose entities the demo's host holds, each with the connector that its entries name.
pub fn connectors() -> impl Iterator<Item = (&'static str, &'static str)> {
    STORIES.iter().map(|story| (story.site, story.connector))
}

/// One of the sites whose story is made up.
struct Story {
    site: &'static str,
    connector: &'static str,
    /// How the host logs that somebody signed in, if it does.
    login: Option<fn(&mut Stage, &Request, &Person)>,
    furnish: Scene,
    script: &'static Script,
}

const STORIES: &[Story] = &[
    Story {
        site: "acme.www",
        connector: "wordpress",
        login: Some(wordpress::login),
        furnish: wordpress::furnish,
        script: &wordpress::SCRIPT,
    },
    // Wagtail itself logs no sign-ins.
    Story {
        site: "acme.docs",
        connector: "wagtail",
        login: None,
        furnish: docs::furnish,
        script: &docs::SCRIPT,
    },
    Story {
        site: "northwind.shop",
        connector: "site-cms",
        login: Some(shop::login),
        furnish: shop::furnish,
        script: &shop::SCRIPT,
    },
    Story {
        site: "northwind.press",
        connector: "aem",
        login: None,
        furnish: press::furnish,
        script: &press::SCRIPT,
    },
    Story {
        site: "fern.telecom",
        connector: "connexcs",
        login: Some(telecom::login),
        furnish: telecom::furnish,
        script: &telecom::SCRIPT,
    },
];

/// All entries with the id of their site, in the contract's "Entry (in)" form, oldest first: 90 days up to
/// `now`.
///
/// They are made when this is called, some 20 MB of them, because a story can only be told forwards.
pub fn entries(now: Timestamp, seed: u64) -> impl Iterator<Item = (&'static str, String)> {
    let mut told: Vec<(Timestamp, &'static str, String)> = Vec::new();
    for story in STORIES {
        let mut stage = Stage::new(story.site, story.connector, seed, now).with_login(story.login);
        (story.furnish)(&mut stage);
        play(story.script, &mut stage, now);
        told.extend(stage.into_entries().into_iter().map(|(time, json)| (time, story.site, json)));
    }
    told.extend(captured(
        Format::Wagtail,
        CAPTURED_WAGTAIL,
        include_bytes!("captures/wagtail-entries.json"),
        now,
    ));
    told.extend(captured(
        Format::Stream,
        CAPTURED_WORDPRESS,
        include_bytes!("captures/stream-records.json"),
        now,
    ));
    // Stable: entries of one site and time keep their order.
    told.sort_by_key(|(time, _, _)| *time);
    told.into_iter().map(|(_, site, json)| (site, json))
}

/// The entries of a capture. They keep their real times while those lie within the demo's days; later they
/// are moved as a whole to the day before `now`, so that no demo starts with entries about to expire.
fn captured(
    format: Format,
    site: &'static str,
    capture: &'static [u8],
    now: Timestamp,
) -> Vec<(Timestamp, &'static str, String)> {
    let records = read(format, Namespace::of_site(format, site), capture).filter_map(Result::ok);
    let mut entries: Vec<(Timestamp, Value)> = records
        .filter_map(|imported| {
            let entry: Value = serde_json::from_str(&imported.json).ok()?;
            Some((entry.get("occurred_at")?.as_str()?.parse().ok()?, entry))
        })
        .collect();
    let times = || entries.iter().map(|(time, _)| *time);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Vec::new() };
    let hours = |hours| now.saturating_sub(SignedDuration::from_hours(hours)).unwrap_or(now);
    let shift = if first >= hours(24 * DAYS) && last < now {
        SignedDuration::ZERO
    } else {
        hours(24).duration_since(last)
    };
    for (time, entry) in &mut entries {
        *time = time.saturating_add(shift).unwrap_or(*time);
        if let Some(occurred_at) = entry.get_mut("occurred_at") {
            *occurred_at = json!(time.to_string());
        }
    }
    entries.into_iter().map(|(time, entry)| (time, site, entry.to_string())).collect()
}

#[cfg(test)]
mod tests;
