//! What sends a site its entries.

use askama::Template;

use super::{EntryLink, Frame, Time, Tone};

/// `/sites/{site}/connectors`.
#[derive(Clone, Debug, Template)]
#[template(path = "connectors.html", whitespace = "minimize")]
pub struct ConnectorsPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Whether senders could be counted in time.
    pub is_counted: bool,
    /// What sends, what sends most first.
    pub senders: Vec<SenderRow>,
    /// What carries entries in, by name.
    pub connectors: Vec<ConnectorRow>,
    /// Entries that tell of entries that are missing, the newest first.
    pub gaps: Vec<EntryLink>,
    /// All of those.
    pub gaps_href: String,
    /// What was refused, the last first.
    pub refused: Vec<RefusedRow>,
    /// Since when refusals are counted.
    pub since: Time,
    /// Whether the visitor administers the site, and sees addresses and refusals.
    pub configures: bool,
    /// The site's activity.
    pub list_href: String,
    /// Where endpoints are set.
    pub settings_href: String,
}

/// One credential that sends.
#[derive(Clone, Debug)]
pub struct SenderRow {
    /// The credential's name.
    pub source: String,
    /// Its entries.
    pub href: String,
    /// The connectors whose entries it sent lately.
    pub connectors: String,
    /// When the log took its last one.
    pub last: Option<Time>,
    /// That entry.
    pub last_href: Option<String>,
    /// How many the log took from it in the last 24 hours.
    pub day: String,
    /// How many it took ever.
    pub total: String,
    /// The last 30 days, as the data of an SVG path.
    pub spark: Option<String>,
    /// What the drawing says; empty where counting took too long.
    pub lately: String,
    /// What is amiss, where it has gone quiet.
    pub silence: Option<String>,
    /// How many times it was refused.
    pub refused: Option<String>,
}

/// One connector.
#[derive(Clone, Debug)]
pub struct ConnectorRow {
    /// Its name, as entries carry it.
    pub name: String,
    /// Its entries.
    pub href: String,
    /// Entries in the last 24 hours.
    pub day: String,
    /// Entries ever.
    pub total: String,
    /// How much attention its revert endpoint asks for.
    pub tone: Tone,
    /// Whether it takes reverts: "Endpoint set".
    pub revert: &'static str,
    /// Where, for those who may set it; else why there is nothing to show.
    pub address: Result<String, &'static str>,
}

/// What was refused of one sender.
#[derive(Clone, Debug)]
pub struct RefusedRow {
    /// The credential's name.
    pub source: String,
    /// How many times.
    pub count: String,
    /// When last.
    pub last: Time,
    /// The field that was wrong then; empty for the whole.
    pub field: String,
    /// What the sender was told then.
    pub message: String,
    /// Its machine-readable code.
    pub code: String,
}
