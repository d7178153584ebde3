//! How long a site's content is kept.

use askama::Template;

use super::{Frame, Time, Tone};

/// `/sites/{site}/retention`.
#[expect(clippy::struct_excessive_bools, reason = "each says by itself what the page shows")]
#[derive(Clone, Debug, Template)]
#[template(path = "retention.html", whitespace = "minimize")]
pub struct RetentionPage {
    /// What surrounds the page.
    pub frame: Frame,
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
    /// Whether the site follows the default.
    pub is_default: bool,
    /// Whether it keeps everything.
    pub is_forever: bool,
    /// What stands in the box for days.
    pub days: String,
    /// Whether this is the system's own log, which always follows the default.
    pub is_system: bool,
    /// Whether a hold is on.
    pub is_held: bool,
    /// Whether the visitor may set and lift holds.
    pub may_hold: bool,
    /// Where to go back to.
    pub integrity_href: String,
}
