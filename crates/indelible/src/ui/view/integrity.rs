//! What a site's log can prove.

use askama::Template;

use super::{Frame, Link, Time, Tone};

/// `/sites/{site}/integrity`.
#[derive(Clone, Debug, Template)]
#[template(path = "integrity.html", whitespace = "minimize")]
pub struct IntegrityPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// How much attention the state asks for.
    pub tone: Tone,
    /// One plain sentence: "88,310 entries, head signed 4 minutes ago."
    pub sentence: String,
    /// The signed head; `None` before the first entry.
    pub head: Option<Head>,
    /// The public key that checks the signatures: `origin+hash+key`.
    pub verifier_key: String,
    /// The command that checks the whole log from outside.
    pub verify_command: String,
    /// Files to take along: checkpoint, tiles' parameters.
    pub downloads: Vec<Link>,
}

/// A signed head.
#[derive(Clone, Debug)]
pub struct Head {
    /// How many entries it covers: "88,310".
    pub size: String,
    /// Its root hash in hexadecimal.
    pub root_hash: String,
    /// When it was signed.
    pub signed: Time,
    /// The checkpoint as signed, line by line.
    pub checkpoint: String,
}
