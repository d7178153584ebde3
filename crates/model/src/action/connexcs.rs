//! The nine actions of `ConnexCS`, a mixture of data operations, HTTP verbs and plain verbs.
//!
//! The word is kept as it was sent, in upper case, because readers search for it that way. `POST` counts
//! as creation by convention only; other words are taken as they come and judged by their name.

use super::Kind::{Access, Create, Delete, Other, Update};
use super::{ActionDef, action};

pub(super) const ACTIONS: &[ActionDef] = &[
    action("CREATE", Create, "Create", "created"),
    action("DELETE", Delete, "Delete", "deleted"),
    action("GENERATE", Other, "Generate", "generated"),
    action("LOGIN", Access, "Log in", "logged in to"),
    action("POST", Create, "Post", "posted"),
    // There it starts a job that distributes settings; no stored state changes.
    action("PUBLISH", Other, "Publish", "published"),
    action("PUT", Update, "Put", "updated"),
    action("SEND", Other, "Send", "sent"),
    action("UPDATE", Update, "Update", "updated"),
];

#[cfg(test)]
mod tests {
    use super::super::{guess_kind, kind_of, lookup};
    use super::*;

    #[test]
    fn kinds_follow_the_product_rather_than_the_word() {
        assert_eq!(kind_of("PUBLISH"), Other);
        assert_eq!(guess_kind("PUBLISH"), Update);
        // All others could have been guessed.
        for def in ACTIONS.iter().filter(|def| def.code != "PUBLISH") {
            assert_eq!(guess_kind(def.code), def.kind, "{}", def.code);
        }
    }

    #[test]
    fn another_spelling_is_another_code() {
        assert_eq!(lookup("publish").map(|def| def.code), None);
        assert_eq!(kind_of("publish"), Update);
    }
}
