//! What an action is called here, and which entries a name means.
//!
//! That CMS has seventeen actions. An entry of another system is told by the one that fits: by the last part of its code,
//! else by its kind, and where neither fits by its own name.
//!
//! | entry | told as |
//! |---|---|
//! | `cms.submit_review` | `SubmitReview` |
//! | `wagtail.publish`, `blog.publish` | `Publish` |
//! | `indelible.revert` | `Restore` |
//! | `indelible.site.settings` | `SettingsUpdate` |
//! | `order.refund`, of the kind update | `Update` |
//! | `aem.cache.purge`, of the kind other | `Purge` |

use model::action::site_cms::{from_name, to_pascal};
use model::{Entry, Field, Filter, Kind};

const PREFIX: &str = "cms.";

/// Codes of ours that have a name there.
const OURS: [(&str, &str); 2] =
    [("indelible.revert", "cms.restore"), ("indelible.site.settings", "cms.settings_update")];

/// The last words of all seventeen codes.
const WORDS: [&str; 17] = [
    "create",
    "read",
    "update",
    "delete",
    "publish",
    "unpublish",
    "archive",
    "restore",
    "login",
    "logout",
    "submit_review",
    "approve",
    "request_changes",
    "settings_update",
    "permission_denied",
    "ownership_transfer",
    "export",
];

/// The name of an entry's action.
pub(super) fn name(entry: &Entry) -> String {
    let of_kind = match entry.kind {
        Kind::Create | Kind::Read | Kind::Update | Kind::Delete => Some(entry.kind.as_str()),
        Kind::Access | Kind::Other => None,
    };
    let known = known_name(&entry.action).or_else(|| to_pascal(&format!("{PREFIX}{}", of_kind?)));
    known.map_or_else(|| own_name(&entry.action), ToOwned::to_owned)
}

/// The name that a code has whatever its kind.
fn known_name(code: &str) -> Option<&'static str> {
    let ours = OURS.iter().find(|(own, _)| *own == code).map(|(_, code)| *code);
    ours.and_then(to_pascal).or_else(|| to_pascal(&format!("{PREFIX}{}", last_word(code))))
}

fn last_word(code: &str) -> &str {
    code.rsplit('.').next().unwrap_or(code)
}

/// A code's last part, as this API writes names.
fn own_name(code: &str) -> String {
    let words = last_word(code).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect::<String>()
    };
    words.map(capital).collect()
}

/// Whether a code is told by a name that has this in it, in any case.
pub(super) fn code_contains(code: &str, text: &str) -> bool {
    let name = known_name(code).map_or_else(|| own_name(code), ToOwned::to_owned);
    [code, &name].iter().any(|told| told.to_lowercase().contains(text))
}

/// The entries whose action has a name, in any of its spellings. `codes` are those that occur.
pub(super) fn named(name: &str, codes: &[String]) -> Filter {
    let Some(word) = from_name(name).and_then(|code| code.strip_prefix(PREFIX)) else {
        let wanted: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
        let is_named =
            |code: &&String| known_name(code).is_none() && own_name(code).eq_ignore_ascii_case(&wanted);
        let any = codes.iter().filter(is_named).map(|code| Filter::equals(Field::Action, code)).collect();
        return Filter::Or(any).and(of_kind(Kind::Access, Kind::Other));
    };
    let mut any = vec![ends_with(word)];
    any.extend(
        OURS.iter().filter(|(_, code)| code.strip_prefix(PREFIX) == Some(word)).map(|(own, _)| code(own)),
    );
    if matches!(word, "create" | "read" | "update" | "delete") {
        any.push(Filter::equals(Field::Kind, word).and(Filter::Not(Box::new(known()))));
    }
    Filter::Or(any)
}

/// The entries whose code alone says how they are told.
fn known() -> Filter {
    Filter::Or(WORDS.into_iter().map(ends_with).chain(OURS.iter().map(|(own, _)| code(own))).collect())
}

/// The codes whose last part this is.
fn ends_with(word: &str) -> Filter {
    Filter::Or(vec![code(word), Filter::is(Field::Action, &format!("*.{word}"))])
}

fn code(code: &str) -> Filter {
    Filter::equals(Field::Action, code)
}

fn of_kind(one: Kind, other: Kind) -> Filter {
    Filter::Or([one, other].map(|kind| Filter::equals(Field::Kind, kind.as_str())).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(action: &str, kind: &str) -> Entry {
        let json = format!(r#"{{"action":"{action}","kind":"{kind}","entity":{{"type":"page","id":"1"}}}}"#);
        model::parse(json.as_bytes()).unwrap().preview()
    }

    const ENTRIES: [(&str, &str, &str); 14] = [
        ("cms.submit_review", "update", "SubmitReview"),
        ("cms.update", "update", "Update"),
        ("update", "update", "Update"),
        ("wagtail.publish", "update", "Publish"),
        ("blog.create", "create", "Create"),
        ("indelible.revert", "update", "Restore"),
        ("indelible.site.settings", "update", "SettingsUpdate"),
        ("order.refund", "update", "Update"),
        ("order.placed", "create", "Create"),
        ("order.purged", "delete", "Delete"),
        ("aem.cache.purge", "other", "Purge"),
        ("aem.job-stop", "other", "JobStop"),
        ("shop.login", "access", "Login"),
        ("shop.locked_out", "access", "LockedOut"),
    ];

    #[test]
    fn every_action_is_told_by_a_name() {
        for (action, kind, expected) in ENTRIES {
            assert_eq!(name(&entry(action, kind)), expected, "{action}");
        }
    }

    #[test]
    fn a_name_means_exactly_the_entries_that_are_told_by_it() {
        let codes: Vec<String> = ENTRIES.iter().map(|(action, ..)| (*action).to_owned()).collect();
        let names: std::collections::BTreeSet<&str> = ENTRIES.iter().map(|(.., name)| *name).collect();
        for asked in names.into_iter().chain(["Archive", "nothing"]) {
            let filter = named(asked, &codes);
            for (action, kind, told) in ENTRIES {
                assert_eq!(filter.matches(&entry(action, kind)), told == asked, "{action} for {asked}");
            }
        }
        for (asked, action) in [("submit_review", "cms.submit_review"), ("Updated", "cms.update")] {
            assert!(named(asked, &codes).matches(&entry(action, "update")), "{asked}");
        }
    }

    #[test]
    fn all_seventeen_are_known() {
        for word in WORDS {
            assert!(to_pascal(&format!("{PREFIX}{word}")).is_some(), "{word}");
        }
    }
}
