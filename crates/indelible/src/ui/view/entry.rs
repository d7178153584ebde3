//! One entry.

use askama::Template;

use super::kind::Kind;
use super::{Action, Diff, Fact, Frame, Link, Mark, Shape, Time, Tone, ValueState};

/// `/sites/{site}/entries/{id}`.
#[derive(Clone, Debug, Template)]
#[template(path = "entry.html", whitespace = "minimize")]
pub struct EntryPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The entry in one sentence.
    pub sentence: Sentence,
    /// What was done.
    pub action: Action,
    /// When it happened, as its sender says.
    pub occurred: Time,
    /// When the log took it.
    pub recorded: Time,
    /// The sender's own sentence.
    pub summary: Option<String>,
    /// Why it was done, in the actor's words.
    pub reason: Option<String>,
    /// What went wrong.
    pub errors: Vec<String>,
    /// What else must be known: erased sections, reverts, an expired content.
    pub notices: Vec<Notice>,
    /// What changed.
    pub diff: Diff,
    /// The same page with the other way to draw it; `None` where there are not two states.
    pub other_diff: Option<Link>,
    /// The entry before it in the log.
    pub previous: Option<String>,
    /// The entry after it in the log.
    pub next: Option<String>,
    /// The entry's `data`, pretty-printed.
    pub data: Option<String>,
    /// The whole entry as JSON; `None` where it is too long for a page.
    pub raw: Option<String>,
    /// The same as the API answers it.
    pub raw_href: String,
    /// Who: name, id, mail address, roles, on whose behalf. Empty when erased.
    pub actor: Vec<Fact>,
    /// From where: IP address, agent, channel, request, session, method, route, path. Empty when unknown.
    pub origin: Vec<Fact>,
    /// Whether that was erased.
    pub origin_erased: bool,
    /// On what: type, id, title, address. Empty when erased.
    pub entity: Vec<Fact>,
    /// The entity's history.
    pub history_href: Option<String>,
    /// The entry itself: action code, id, source, connector, duration.
    pub about: Vec<Fact>,
    /// Entries around it.
    pub related: Related,
    /// Whether it can be taken back.
    pub revert: Revert,
    /// Its place in the log.
    pub proof: Proof,
}

/// An entry in one sentence: "Ana published *Home*".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// Who: "Ana".
    pub actor: String,
    /// Did what.
    pub verb: Verb,
    /// To what.
    pub object: Object,
}

impl Sentence {
    /// Whether an object follows the verb.
    #[must_use]
    pub fn has_object(&self) -> bool {
        self.object != Object::Unsaid
    }
}

/// What a sentence is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// The entity's title.
    Named(String),
    /// It was erased.
    Erased,
    /// Nothing but the actor: "Ana logged in".
    Unsaid,
}

/// The verb of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Words of the registry: "published".
    Words(String),
    /// The label of what was tried and failed: "Ana tried “Publish” on *Home*".
    Tried(String),
    /// A code that no registry knows: the sentence says "Ana did `acme.fix` on *Home*".
    Code(String),
}

/// Something that must be known before the entry is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How much attention it asks for.
    pub tone: Tone,
    /// What it says.
    pub text: String,
    /// Where to read on.
    pub link: Option<Link>,
}

/// Entries around an entry.
#[derive(Clone, Debug, Default)]
pub struct Related {
    /// The entry of the same entity before this one.
    pub previous: Option<EntryLink>,
    /// The entry of the same entity after this one.
    pub next: Option<EntryLink>,
    /// Entries of the same correlation, this one among them, oldest first; the first few.
    pub same: Vec<EntryLink>,
    /// All entries of the same correlation as a list: "All 12 entries of this action".
    pub same_all: Option<Link>,
}

/// Another entry in one line.
#[derive(Clone, Debug)]
pub struct EntryLink {
    /// Its page.
    pub href: String,
    /// Its sentence, or its summary.
    pub label: String,
    /// Its kind.
    pub kind: Kind,
    /// When it happened.
    pub time: Time,
    /// Whether it is the entry on this page.
    pub is_current: bool,
}

/// Whether an entry can be taken back.
#[derive(Clone, Debug, Default)]
pub struct Revert {
    /// Where that is done; `None` when it cannot, or not by this visitor.
    pub href: Option<String>,
    /// Why not: "it created the entity …".
    pub why_not: Option<String>,
}

/// An entry's place in the log.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// How much attention the state asks for.
    pub tone: Tone,
    /// The state in words: "Signed, position 1,204 of 88,310".
    pub state: String,
    /// What that means.
    pub meaning: String,
    /// Its leaf hash in hexadecimal.
    pub leaf_hash: String,
    /// The root hash of the signed head in hexadecimal; `None` before it is signed.
    pub root_hash: Option<String>,
    /// When that head was signed.
    pub signed: Option<Time>,
    /// The receipt and other files.
    pub downloads: Vec<Link>,
}
