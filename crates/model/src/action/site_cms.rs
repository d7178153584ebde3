//! The seventeen actions of the multi-site CMS whose audit API Indelible also speaks.
//!
//! That API spells an action in two ways: `SubmitReview` in its JSON, `submit_review` in its filter. Ours is
//! the second with the prefix `cms.`, and the dialect translates with [`from_pascal`], [`from_name`] and
//! [`to_pascal`].

use super::Kind::{Access, Create, Delete, Read, Update};
use super::message::text;
use super::{ActionDef, action, lookup};

pub(super) const ACTIONS: &[ActionDef] = &[
    action("cms.create", Create, "Create", "created"),
    action("cms.read", Read, "Read", "read"),
    action("cms.update", Update, "Update", "updated"),
    action("cms.delete", Delete, "Delete", "deleted"),
    action("cms.publish", Update, "Publish", "published"),
    action("cms.unpublish", Update, "Unpublish", "unpublished"),
    action("cms.archive", Update, "Archive", "archived"),
    // There it is also what a revert is called.
    action("cms.restore", Update, "Restore", "restored"),
    action("cms.login", Access, "Log in", "logged in to"),
    action("cms.logout", Access, "Log out", "logged out of"),
    action("cms.submit_review", Update, "Submit for review", "submitted for review"),
    action("cms.approve", Update, "Approve", "approved"),
    action("cms.request_changes", Update, "Request changes", "requested changes of"),
    action("cms.settings_update", Update, "Update settings", "updated settings of"),
    action("cms.permission_denied", Access, "Permission denied", "was denied access to")
        .says(&[text("Permission denied")]),
    // Ownership decides who may do what, so its transfer is a matter of access.
    action("cms.ownership_transfer", Access, "Transfer ownership", "transferred ownership of"),
    action("cms.export", Read, "Export", "exported"),
];

const PREFIX: &str = "cms.";

/// The names in that API's JSON, with our codes.
const PASCAL: [(&str, &str); 17] = [
    ("Create", "cms.create"),
    ("Read", "cms.read"),
    ("Update", "cms.update"),
    ("Delete", "cms.delete"),
    ("Publish", "cms.publish"),
    ("Unpublish", "cms.unpublish"),
    ("Archive", "cms.archive"),
    ("Restore", "cms.restore"),
    ("Login", "cms.login"),
    ("Logout", "cms.logout"),
    ("SubmitReview", "cms.submit_review"),
    ("Approve", "cms.approve"),
    ("RequestChanges", "cms.request_changes"),
    ("SettingsUpdate", "cms.settings_update"),
    ("PermissionDenied", "cms.permission_denied"),
    ("OwnershipTransfer", "cms.ownership_transfer"),
    ("Export", "cms.export"),
];

/// Our code of an action as that API's JSON names it.
///
/// ```
/// use model::action::site_cms;
/// assert_eq!(site_cms::from_pascal("SubmitReview"), Some("cms.submit_review"));
/// assert_eq!(site_cms::to_pascal("cms.submit_review"), Some("SubmitReview"));
/// ```
#[must_use]
pub fn from_pascal(name: &str) -> Option<&'static str> {
    PASCAL.iter().find(|(pascal, _)| *pascal == name).map(|(_, code)| *code)
}

/// The name in that API's JSON of one of our codes.
#[must_use]
pub fn to_pascal(code: &str) -> Option<&'static str> {
    PASCAL.iter().find(|(_, known)| *known == code).map(|(pascal, _)| *pascal)
}

/// Our code of an action however a filter may name it: `submit_review`, `SubmitReview`, and the words of
/// that product's screens, `Created`, `Updated`, `Deleted`; in any case.
#[must_use]
pub fn from_name(name: &str) -> Option<&'static str> {
    PASCAL.iter().map(|(pascal, code)| (*pascal, *code)).find_map(|(pascal, code)| {
        let verb = lookup(code).map(|def| def.verb);
        [code.strip_prefix(PREFIX), Some(pascal), verb]
            .into_iter()
            .flatten()
            .any(|known| known.eq_ignore_ascii_case(name))
            .then_some(code)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_translate_both_ways() {
        assert_eq!(PASCAL.len(), ACTIONS.len());
        for def in ACTIONS {
            let pascal = to_pascal(def.code).unwrap();
            assert_eq!(from_pascal(pascal), Some(def.code));
            // The two spellings of that API differ in nothing but case and underscores.
            let snake = def.code.strip_prefix(PREFIX).unwrap();
            assert_eq!(snake.replace('_', ""), pascal.to_ascii_lowercase());
            assert_eq!(from_name(snake), Some(def.code));
            assert_eq!(from_name(pascal), Some(def.code));
        }
    }

    #[test]
    fn filters_are_lenient_and_json_is_not() {
        assert_eq!(from_name("Created"), Some("cms.create"));
        assert_eq!(from_name("UPDATED"), Some("cms.update"));
        assert_eq!(from_name("approve"), Some("cms.approve"));
        assert_eq!(from_name(""), None);
        assert_eq!(from_name("frobnicate"), None);
        assert_eq!(from_pascal("create"), None);
        assert_eq!(from_pascal("Created"), None);
        assert_eq!(to_pascal("wagtail.create"), None);
    }
}
