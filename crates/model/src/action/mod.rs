//! The action registry: what the action codes of every connected system mean.
//!
//! An entry says what was done with a *code*, for example `wagtail.publish`. The registry knows for each code
//!
//! | | example | used for |
//! |---|---|---|
//! | its [`Kind`] | `update` | filters, colours, revert, the leaf |
//! | a label | "Publish" | facets and filter menus |
//! | a verb | "published" | the sentence "Ana published *Home*" |
//! | messages | "Renamed from '…' to '…'" | the summary of an entry that came without one |
//!
//! The set of codes is open: a code nobody registered is stored like any other. Its kind is guessed from
//! its words, and label, verb and message are made from them, so that no reader ever meets an error.
//!
//! ```
//! use model::action::{self, Kind, MessageContext};
//!
//! assert_eq!(action::kind_of("wagtail.publish"), Kind::Update);
//! assert_eq!(action::kind_of("shop.order.refund_deleted"), Kind::Delete); // guessed
//!
//! let data = serde_json::json!({"title": {"old": "Start", "new": "Home"}});
//! let context = MessageContext::new("page", Some("Home"), Some(&data));
//! assert_eq!(action::message("wagtail.rename", &context), "Renamed from 'Start' to 'Home'");
//! assert_eq!(action::message("wagtail.rename", &MessageContext::default()), "Renamed");
//! ```
//!
//! One file per family of codes; each is a table that can be read as documentation.

mod kind;

pub mod aem;
pub mod connexcs;
pub mod indelible;
pub mod postgres;
pub mod site_cms;
pub mod stream;
pub mod wagtail;
pub mod wordpress;

mod guess;
mod language;
mod lexicon;
mod message;
mod time;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

pub use guess::guess_kind;
pub use kind::{Kind, KindError};
pub use message::{MessageContext, Only, Template};

/// What the registry knows about one action code.
#[derive(Debug, Clone, Copy)]
pub struct ActionDef {
    /// The code, exactly as entries carry it.
    pub code: &'static str,
    /// What the action does to the entity of its entry.
    pub kind: Kind,
    /// Imperative, for menus: "Publish".
    pub label: &'static str,
    /// Past tense with the preposition its object needs, for sentences: "published", "signed in to".
    pub verb: &'static str,
    /// Wordings of the message; the first that fits the entry's data is used. Without any that fits, the
    /// message is the verb.
    pub messages: &'static [Template],
    /// Wording of the comment that somebody gave with the action, for actions that have one.
    pub comment: Option<&'static str>,
}

impl ActionDef {
    /// Adds the wordings of the message, most telling first.
    const fn says(self, messages: &'static [Template]) -> Self {
        Self { messages, ..self }
    }

    /// Adds where the comment is found in the entry's data.
    const fn with_comment(self, template: &'static str) -> Self {
        Self { comment: Some(template), ..self }
    }
}

/// One row of a family's table.
const fn action(code: &'static str, kind: Kind, label: &'static str, verb: &'static str) -> ActionDef {
    ActionDef { code, kind, label, verb, messages: &[], comment: None }
}

/// All families, in the order in which [`all`] lists them.
const FAMILIES: [&[ActionDef]; 8] = [
    indelible::ACTIONS,
    wagtail::ACTIONS,
    stream::ACTIONS,
    wordpress::ACTIONS,
    site_cms::ACTIONS,
    aem::ACTIONS,
    connexcs::ACTIONS,
    postgres::ACTIONS,
];

/// A hash map rather than sorted tables, so that the tables can be in an order that makes sense to a
/// reader. It is asked once for every written entry.
static BY_CODE: LazyLock<HashMap<&'static str, &'static ActionDef>> =
    LazyLock::new(|| all().map(|def| (def.code, def)).collect());

/// Every registered action, family by family.
pub fn all() -> impl Iterator<Item = &'static ActionDef> {
    FAMILIES.into_iter().flatten()
}

/// The registered action of this very code. Codes are case-sensitive: `PUBLISH` and `cms.publish` are
/// different things in different systems.
#[must_use]
pub fn lookup(code: &str) -> Option<&'static ActionDef> {
    BY_CODE.get(code).copied()
}

/// The registered kind of a code, or the one its words suggest. Never allocates.
#[must_use]
pub fn kind_of(code: &str) -> Kind {
    lookup(code).map_or_else(|| guess_kind(code), |def| def.kind)
}

/// The label of a code: "Publish". An unregistered code is made readable: `page.bulk_publish` becomes
/// "Page bulk publish".
#[must_use]
pub fn label_of(code: &str) -> Cow<'_, str> {
    lookup(code).map_or_else(|| guess::readable(code), |def| Cow::Borrowed(def.label))
}

/// The verb of a code for "Ana *verb* Home": "published". If the words of an unregistered code hold no
/// verb that would be true to say, it reads "performed “price recalculation” on".
#[must_use]
pub fn verb_of(code: &str) -> Cow<'_, str> {
    if let Some(def) = lookup(code) {
        return Cow::Borrowed(def.verb);
    }
    guess::past_verb(code)
        .unwrap_or_else(|| Cow::Owned(format!("performed “{}” on", guess::readable(code).to_lowercase())))
}

/// A sentence saying what happened, made from the entry's own data: "Moved from 'News' to 'Archive'".
///
/// Data that is missing, null or of the wrong type leads to the short form ("Moved"), never to an error:
/// one odd entry must not break the list it stands in. The result is plain text that holds text from the
/// entry; whoever puts it into a page escapes it.
#[must_use]
pub fn message(code: &str, context: &MessageContext<'_>) -> String {
    let Some(def) = lookup(code) else {
        return match guess::past_verb(code) {
            Some(verb) => message::sentence(&verb),
            None => guess::readable(code).into_owned(),
        };
    };
    def.messages
        .iter()
        .find_map(|template| template.render(context))
        .unwrap_or_else(|| message::sentence(def.verb))
}

/// The comment somebody gave with the action, where the action has one and it is not empty.
#[must_use]
pub fn comment(code: &str, data: Option<&Value>) -> Option<String> {
    let template = lookup(code)?.comment?;
    let context = MessageContext { data, ..MessageContext::default() };
    message::render(template, &context).filter(|text| !text.is_empty())
}

/// Entity types whose changes are not taken back: what they hold is the system's, or is not a state that a
/// host could put back by setting fields.
const NOT_REVERTED_TYPES: [(&str, &str); 9] = [
    ("site_settings", SYSTEM_SETTING),
    ("system_setting", SYSTEM_SETTING),
    ("system_settings", SYSTEM_SETTING),
    ("network_setting", SYSTEM_SETTING),
    ("network_settings", SYSTEM_SETTING),
    ("plugin", INSTALLED_CODE),
    ("theme", INSTALLED_CODE),
    ("core", INSTALLED_CODE),
    ("entry", "what happened to the log itself is not undone"),
];
const SYSTEM_SETTING: &str =
    "settings of the system are not reverted from here: change them where they are set";
const INSTALLED_CODE: &str = "it is about installed code, which is installed or removed in its host";

/// Why entries of this action or about this type of entity cannot be taken back, if they cannot.
#[must_use]
pub fn revert_refusal(code: &str, entity_type: &str) -> Option<&'static str> {
    if code.starts_with("indelible.") && code != "indelible.revert" {
        return Some("what happened to the log itself is not undone");
    }
    NOT_REVERTED_TYPES.iter().find(|(kind, _)| *kind == entity_type).map(|(_, why)| *why)
}
