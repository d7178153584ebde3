//! The words that action names are made of, for codes that nobody registered.
//!
//! Verbs are listed once, as stems; the forms found in codes (`publish`, `publishes`, `published`,
//! `publishing`) are made from them when the program starts. Irregular past forms follow a colon.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Kind;

/// How much a word says about what was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Strength {
    /// The matter dealt with, or a phase of it: decides only if nothing else does (`user.password`).
    Topic,
    /// A verb that is first of all a thing (`comment`, `list`): counts only as the last word of a code.
    Thing,
    /// A verb that is as often the name of the deed (`export`, `login`): plain verbs win over it, wherever
    /// they stand (`export.deleted`, `delete_export`).
    Deed,
    /// A verb, and nothing else.
    Verb,
}

/// What a word means.
#[derive(Debug)]
pub(super) struct Sense {
    pub(super) kind: Kind,
    pub(super) strength: Strength,
    /// The past form, for sentences; empty where "Ana did it" would be wrong to say.
    pub(super) past: String,
}

const VERBS: &[(Kind, &str)] = &[
    (
        Kind::Create,
        "create add insert duplicate register spawn enroll enrol provision subscribe append instantiate mint",
    ),
    (
        Kind::Update,
        "update edit modify put:updated save adjust amend alter rename reorder publish unpublish unschedule \
         approve reject submit:submitted unarchive restore revert undo:undid redo:redid unlock enable disable \
         activate deactivate reactivate suspend resume attach detach assign unassign unlink convert translate \
         transfer:transferred promote demote unpin:unpinned unstick close reopen resolve unspam:unspammed \
         untrash undelete recover replace downgrade install configure toggle mark unmark rotate \
         cancel:cancelled upsert deploy hide:hid confirm verify accept renew extend refund fulfil:fulfilled \
         receive reset:reset",
    ),
    (
        Kind::Delete,
        "delete remove destroy erase purge drop:dropped uninstall discard wipe prune expire redact unregister \
         unsubscribe deprovision del:deleted rm:removed clear truncate",
    ),
    (Kind::Read, "read:read get:got fetch browse inspect examine describe"),
    (Kind::Access, "authenticate authorize authorise deauthorize revoke impersonate unban:unbanned"),
    (
        Kind::Other,
        "send:sent resend:resent generate execute notify invoke render compile rebuild:rebuilt flush calculate \
         recalculate compute validate crawl reindex",
    ),
];

/// Verbs that are the name of the deed as well.
const DEEDS: &[(Kind, &str)] = &[
    (Kind::Create, "import upload invite clone signup:signed_up"),
    (
        Kind::Update,
        "change move sort patch schedule archive lock pin:pinned split:split merge upgrade switch push \
         sync:synced crop:cropped migrate setup:set_up rollback:rolled_back",
    ),
    (Kind::Delete, "trash"),
    (Kind::Read, "view export access download preview search"),
    (
        Kind::Access,
        "login:logged_in_to logon:logged_in_to signin:signed_in_to logout:logged_out_of \
         logoff:logged_out_of signout:signed_out_of grant ban:banned",
    ),
    (
        Kind::Other,
        "run:ran trigger ping:pinged print scan:scanned test backup:backed_up build:built index email",
    ),
];

/// Verbs that are a thing first.
const THINGS: &[(Kind, &str)] = &[
    (Kind::Create, "copy comment reply post fork"),
    (
        Kind::Update,
        "set:set link sign tag:tagged flag:flagged star:starred unstar:unstarred review rate label \
     release hold:held open show:showed feature stick spam:spammed ship:shipped pay:paid turn",
    ),
    (Kind::Read, "list query report"),
    (Kind::Other, "log:logged mail message process call"),
];

/// Phases of whatever is under way. In all their forms they say less than the word for what it is.
const PHASES: &[(Kind, &str)] =
    &[(Kind::Update, "complete"), (Kind::Other, "start stop:stopped restart finish launch")];

/// Nouns made from verbs.
const DEED_NOUNS: &[(&str, &str)] = &[
    ("creation", "create"),
    ("addition", "add"),
    ("insertion", "insert"),
    ("registration", "register"),
    ("invitation", "invite"),
    ("duplication", "duplicate"),
    ("modification", "modify"),
    ("publication", "publish"),
    ("activation", "activate"),
    ("deactivation", "deactivate"),
    ("restoration", "restore"),
    ("approval", "approve"),
    ("rejection", "reject"),
    ("submission", "submit"),
    ("installation", "install"),
    ("migration", "migrate"),
    ("renewal", "renew"),
    ("deletion", "delete"),
    ("removal", "remove"),
    ("erasure", "erase"),
    ("expiry", "expire"),
    ("authentication", "authenticate"),
    ("authorization", "authorize"),
    ("impersonation", "impersonate"),
    ("generation", "generate"),
    ("execution", "execute"),
    ("notification", "notify"),
];

/// Words that say what an action is about, without saying what was done. What was denied was tried to be
/// accessed, and nobody "denied" it in the sense of a sentence with an actor.
const TOPICS: &[(Kind, &str)] = &[
    (Kind::Access, "permission permissions password passwords token tokens session sessions auth oauth acl"),
    (Kind::Access, "credential credentials mfa 2fa sso role roles"),
    (Kind::Update, "settings setting config configuration preferences options"),
];
const REFUSALS: &str = "deny denied denial forbidden unauthorized unauthorised";

static SENSES: LazyLock<HashMap<String, Sense>> = LazyLock::new(|| {
    let mut senses = HashMap::new();
    // Plain verbs come last, so that their forms replace those of the weaker words.
    for (kind, words) in TOPICS {
        for word in words.split_whitespace() {
            senses.insert(word.to_owned(), Sense::new(*kind, Strength::Topic, ""));
        }
    }
    for (table, strength) in [
        (PHASES, Strength::Topic),
        (THINGS, Strength::Thing),
        (DEEDS, Strength::Deed),
        (VERBS, Strength::Verb),
    ] {
        for (kind, words) in table {
            for word in words.split_whitespace() {
                let (stem, past) = word.split_once(':').unwrap_or((word, ""));
                inflect(&mut senses, *kind, strength, stem, past);
            }
        }
    }
    for (noun, verb) in DEED_NOUNS {
        if let Some(sense) = senses.get(*verb) {
            let sense = Sense::new(sense.kind, Strength::Deed, &sense.past);
            senses.insert((*noun).to_owned(), sense);
        }
    }
    for word in REFUSALS.split_whitespace() {
        senses.insert(word.to_owned(), Sense::new(Kind::Access, Strength::Verb, ""));
    }
    senses
});

impl Sense {
    fn new(kind: Kind, strength: Strength, past: &str) -> Self {
        Self { kind, strength, past: past.to_owned() }
    }
}

/// Adds all forms of a verb.
///
/// Only its plain form can be mistaken for a thing, so only that has the given strength. The form in `s` is
/// left out where it is the plural of a thing: `orders`, `posts`, `comments`.
fn inflect(senses: &mut HashMap<String, Sense>, kind: Kind, strength: Strength, stem: &str, irregular: &str) {
    let past = if irregular.is_empty() { regular_past(stem) } else { irregular.replace('_', " ") };
    let inflected = if strength == Strength::Topic { strength } else { Strength::Verb };
    let mut forms = vec![(gerund(stem, &past), inflected), (stem.to_owned(), strength)];
    if !past.contains(' ') && past != stem {
        forms.push((past.clone(), inflected));
    }
    if matches!(strength, Strength::Verb | Strength::Topic) {
        forms.push((third_person(stem), strength));
    }
    for (form, strength) in forms {
        senses.insert(form, Sense::new(kind, strength, &past));
    }
}

fn gerund(stem: &str, past: &str) -> String {
    match (past.strip_suffix("ed"), stem.strip_suffix('e')) {
        // The doubled consonant of "stopped" is that of "stopping".
        (Some(doubled), None) if doubled.len() > stem.len() => format!("{doubled}ing"),
        (_, Some(bare)) => format!("{bare}ing"),
        _ => format!("{stem}ing"),
    }
}

fn regular_past(stem: &str) -> String {
    match before_final_y(stem) {
        Some(bare) => format!("{bare}ied"),
        None if stem.ends_with('e') => format!("{stem}d"),
        None => format!("{stem}ed"),
    }
}

fn third_person(stem: &str) -> String {
    match before_final_y(stem) {
        Some(bare) => format!("{bare}ies"),
        None if ["s", "x", "ch", "sh"].iter().any(|end| stem.ends_with(end)) => format!("{stem}es"),
        None => format!("{stem}s"),
    }
}

/// "cop" for "copy", nothing for "deploy".
fn before_final_y(stem: &str) -> Option<&str> {
    stem.strip_suffix('y').filter(|bare| !bare.ends_with(['a', 'e', 'o', 'u']))
}

/// Longer words are in no lexicon; the bound keeps the lookup free of allocation.
const WORD_BYTES_MAX: usize = 24;

/// What a word means, whatever its case.
pub(super) fn sense_of(word: &str) -> Option<&'static Sense> {
    let mut buffer = [0_u8; WORD_BYTES_MAX];
    let lower = buffer.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    SENSES.get(std::str::from_utf8(lower).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, kind: Kind, past: &str) {
        let sense = sense_of(word).unwrap_or_else(|| panic!("{word} is missing"));
        assert_eq!((sense.kind, sense.past.as_str()), (kind, past), "{word}");
    }

    #[test]
    fn every_form_of_a_verb_is_known() {
        for form in ["publish", "publishes", "published", "publishing", "PUBLISHED", "Publish", "publication"]
        {
            check(form, Kind::Update, "published");
        }
        for form in ["create", "creates", "created", "creating", "creation"] {
            check(form, Kind::Create, "created");
        }
        for form in ["submit", "submits", "submitted", "submitting"] {
            check(form, Kind::Update, "submitted");
        }
        for form in ["modify", "modifies", "modified", "modifying"] {
            check(form, Kind::Update, "modified");
        }
        for form in ["send", "sends", "sent", "sending"] {
            check(form, Kind::Other, "sent");
        }
        check("deployed", Kind::Update, "deployed");
        check("copying", Kind::Create, "copied");
    }

    #[test]
    fn a_thing_is_a_plain_verb_only_in_its_other_forms() {
        assert_eq!(sense_of("comment").map(|sense| sense.strength), Some(Strength::Thing));
        assert_eq!(sense_of("commented").map(|sense| sense.strength), Some(Strength::Verb));
        assert!(sense_of("comments").is_none());
        assert_eq!(sense_of("view").map(|sense| sense.strength), Some(Strength::Deed));
        assert_eq!(sense_of("viewed").map(|sense| sense.strength), Some(Strength::Verb));
    }

    #[test]
    fn no_word_is_listed_twice() {
        let mut stems: Vec<&str> = [VERBS, DEEDS, THINGS, PHASES]
            .into_iter()
            .flatten()
            .flat_map(|(_, words)| words.split_whitespace())
            .map(|word| word.split(':').next().unwrap_or(word))
            .collect();
        let listed = stems.len();
        stems.sort_unstable();
        stems.dedup();
        assert_eq!(stems.len(), listed);
    }

    #[test]
    fn unknown_words_are_unknown() {
        for word in ["", "x", "frobnicate", "créé", "a-word-that-is-much-longer-than-any-verb"] {
            assert!(sense_of(word).is_none(), "{word}");
        }
    }

    #[test]
    fn every_deed_has_its_verb() {
        for (deed, _) in DEED_NOUNS {
            assert!(sense_of(deed).is_some(), "{deed}");
        }
    }
}
