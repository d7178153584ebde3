//! The list of all sites.

use askama::Template;

use super::{Frame, Time};

/// `/`, for those who see more than one site.
#[derive(Clone, Debug, Template)]
#[template(path = "sites.html", whitespace = "minimize")]
pub struct SitesPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// All of it in words: "4 sites, 112,045 entries".
    pub total: String,
    /// The sites, in order.
    pub rows: Vec<SiteRow>,
}

/// One site of the list.
#[derive(Clone, Debug)]
pub struct SiteRow {
    /// Its name for people.
    pub name: String,
    /// Its id: `acme.www`.
    pub id: String,
    /// Its org: `acme`.
    pub org: String,
    /// Its activity.
    pub href: String,
    /// How many entries it has: "88,310".
    pub entries: String,
    /// The last 30 days, a bar for each, as the data of an SVG path; `None` where nothing happened or counting took too long.
    pub spark: Option<String>,
    /// What the drawing says: "412 entries in 30 days, 9 today"; empty where counting took too long.
    pub lately: String,
    /// What is amiss, where it has gone quiet: "silent for 4 days".
    pub silence: Option<String>,
    /// When the last one happened; `None` without entries.
    pub last_time: Option<Time>,
    /// The last entry's page.
    pub last_href: Option<String>,
    /// Who did it.
    pub last_actor: Option<String>,
    /// How far the signed head reaches: "88,310".
    pub head: String,
    /// When it was signed.
    pub head_time: Option<Time>,
    /// Its integrity page.
    pub integrity_href: String,
    /// The state in words: "Signed", "Signing", "12 unsigned".
    pub state: String,
    /// How much attention the state asks for.
    pub tone: Tone,
}

/// How much attention something asks for. Each tone also has a drawing of its own, beside its words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing to do, nothing to say.
    #[default]
    Quiet,
    /// All is well.
    Good,
    /// Look at it.
    Warning,
    /// Act.
    Danger,
}

impl Tone {
    /// The end of the CSS class (`t-good`) and of the drawing's id (`#i-good`).
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Danger => "danger",
        }
    }
}
