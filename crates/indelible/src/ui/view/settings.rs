//! What a site's administrators set.

use askama::Template;

use super::{FieldError, Frame, Time, Tone};

/// `/sites/{site}/settings`.
#[derive(Clone, Debug, Template)]
#[template(path = "settings.html", whitespace = "minimize")]
pub struct SettingsPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// Where the forms go.
    pub here: String,
    /// The part that was just saved; empty where none was.
    pub saved: String,
    /// The entries that tell of earlier changes.
    pub changes_href: String,
    /// How long content is kept.
    pub retention: RetentionPart,
    /// Whether the visitor governs the site: sets its hold and what roles see.
    pub governs: bool,
    /// Whether nothing may be removed.
    pub is_held: bool,
    /// Which entries must say why.
    pub reason: ReasonPart,
    /// Who reads.
    pub reading: ReadingPart,
    /// What roles see: a role and its filter on each line.
    pub visibility: String,
    /// Fields whose values are never stored.
    pub masked: FieldsPart,
    /// Fields that are folded away.
    pub noise: FieldsPart,
    /// Where connectors take reverts; the last one is empty, for another.
    pub endpoints: Vec<EndpointPart>,
    /// What is wrong with what was sent.
    pub errors: Vec<FieldError>,
}

impl SettingsPage {
    /// What is wrong with a setting.
    #[must_use]
    pub fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.message.as_str())
    }
}

/// How long content is kept.
#[derive(Clone, Debug)]
pub struct RetentionPart {
    /// How much attention the state asks for.
    pub tone: Tone,
    /// What the next run would do.
    pub sentence: String,
    /// What is in force: "365 days".
    pub in_force: String,
    /// Who says so.
    pub source: &'static str,
    /// The default of all sites.
    pub default: String,
    /// What will be in force once the delay is over.
    pub lowered: Option<String>,
    /// When that is.
    pub lowered_until: Option<Time>,
    /// What is chosen: `default`, `days` or `forever`.
    pub keep: &'static str,
    /// What stands in the box for days.
    pub days: String,
    /// What would go with what is chosen, where that was asked for.
    pub preview: Option<String>,
    /// Whether this is the system's own log, which always follows the default.
    pub is_system: bool,
}

/// Which entries must say why.
#[derive(Clone, Debug)]
pub struct ReasonPart {
    /// What is chosen: `never`, `changes` or `when`.
    pub rule: &'static str,
    /// The filter of `when`.
    pub filter: String,
}

/// Who reads.
#[derive(Clone, Copy, Debug)]
pub struct ReadingPart {
    /// Only super admins.
    pub network_only: bool,
    /// Anybody may read what proves the log, which names nobody.
    pub public_log: bool,
}

/// Where a connector takes reverts.
#[derive(Clone, Debug)]
pub struct EndpointPart {
    /// Its place on the page, which tells its fields from those of others.
    pub number: usize,
    /// The connector; empty where another can be set.
    pub name: String,
    /// The address.
    pub url: String,
    /// Whether orders to it are signed. The secret is never shown.
    pub has_secret: bool,
    /// Whether it is set already.
    pub is_set: bool,
    /// What is wrong with what was sent: a field, and why.
    pub error: Option<(String, String)>,
}

impl EndpointPart {
    /// What is wrong with a field.
    #[must_use]
    pub fn error(&self, field: &str) -> Option<&str> {
        self.error.as_ref().filter(|(wrong, _)| wrong == field).map(|(_, why)| why.as_str())
    }
}

/// A list of fields.
#[derive(Clone, Debug)]
pub struct FieldsPart {
    /// One on each line.
    pub lines: String,
    /// Whether the site has no list of its own.
    pub is_default: bool,
}
