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
    /// What the server's own verification found last; `None` before the first.
    pub verification: Option<Verification>,
    /// The public key that checks the signatures: `origin+hash+key`.
    pub verifier_key: String,
    /// The command that checks the whole log on the server.
    pub verify_command: String,
    /// The command that checks it from outside.
    pub audit_command: String,
    /// The log over all sites' logs; `None` before its first round.
    pub umbrella: Option<UmbrellaHead>,
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

/// What a verification in the background found.
#[derive(Clone, Debug)]
pub struct Verification {
    /// Whether there is cause for alarm.
    pub tone: Tone,
    /// "88,310 entries derived again, and all of it was as signed."
    pub sentence: String,
    /// When it ended.
    pub at: Time,
    /// What is wrong, one line each.
    pub findings: Vec<String>,
}

/// The head of the umbrella log.
#[derive(Clone, Debug)]
pub struct UmbrellaHead {
    /// The checkpoint as signed, line by line.
    pub checkpoint: String,
    /// The public key that checks its signature.
    pub verifier_key: String,
    /// Whether it covers every entry of the site: "It covers all of them."
    pub coverage: String,
    /// How it stands with each witness, one line each.
    pub witnesses: Vec<WitnessLine>,
}

/// How it stands with a witness.
#[derive(Clone, Debug)]
pub struct WitnessLine {
    /// Its name in the policy.
    pub name: String,
    /// Whether it cosigned the newest head, and whether it was well when it was last asked.
    pub tone: Tone,
    /// When it cosigned last.
    pub cosigned: Option<Time>,
    /// How far it is behind, or why it does not cosign.
    pub state: String,
}
