//! What an action is called and what kind it is, judged by nothing but its code.
//!
//! Codes come in every spelling: `page.create`, `USER_DELETED`, `wp.posts.untrashed`, `orderShipped`, `PUT`.
//! A code is cut into words; the last word that says what was done decides. Plain verbs beat words that name
//! a deed as well (`delete_export` deletes), and those beat mere topics (`user.password`). The lexicon has
//! the words and their strengths.

use std::borrow::Cow;

use super::Kind;
use super::lexicon::{Sense, Strength, sense_of};

/// The kind that the words of a code suggest; [`Kind::Other`] if they suggest none. Never allocates.
///
/// ```
/// use model::action::{Kind, guess_kind};
/// assert_eq!(guess_kind("USER_DELETED"), Kind::Delete);
/// assert_eq!(guess_kind("signIn"), Kind::Access);
/// assert_eq!(guess_kind("frobnicate"), Kind::Other);
/// ```
#[must_use]
pub fn guess_kind(code: &str) -> Kind {
    find(code).map_or(Kind::Other, |found| found.kind)
}

/// The past form of the verb in a code, if it is true to say that the actor did it: `page.created` says
/// "created", `login_failed` and `export.requested` say nothing.
pub(super) fn past_verb(code: &str) -> Option<Cow<'static, str>> {
    let found = find(code).filter(|found| !found.spoilt)?;
    let past = || found.sense.map(|sense| sense.past.as_str()).filter(|past| !past.is_empty());
    match found.shape {
        Shape::Plain => past().map(Cow::Borrowed),
        Shape::Reversed => past().map(|past| Cow::Owned(format!("un{past}"))),
        Shape::Phrase(past) => Some(Cow::Borrowed(past)),
    }
}

/// The word of a code that says what was done.
struct Found {
    kind: Kind,
    strength: Strength,
    sense: Option<&'static Sense>,
    shape: Shape,
    /// A later word takes back that it was done.
    spoilt: bool,
}

enum Shape {
    /// As in the lexicon.
    Plain,
    /// With "un" before it.
    Reversed,
    /// A verb of two words, with its past.
    Phrase(&'static str),
}

fn find(code: &str) -> Option<Found> {
    let mut best: Option<Found> = None;
    let mut following: Option<&str> = None;
    let mut spoilt = false;
    let only_word = words_backwards(code).nth(1).is_none();
    for word in words_backwards(code) {
        let found = two_words(word, following)
            .or_else(|| one_word(word))
            .filter(|found| found.strength != Strength::Thing || following.is_none())
            // A post is something to be read, unless the whole code is the HTTP method.
            .filter(|_| only_word || !word.eq_ignore_ascii_case("post"));
        match found {
            Some(found) if best.as_ref().is_none_or(|best| best.strength < found.strength) => {
                let done = found.strength == Strength::Verb;
                best = Some(Found { spoilt, ..found });
                if done {
                    break;
                }
            }
            Some(_) | None => {}
        }
        spoilt |= takes_back(word);
        following = Some(word);
    }
    best
}

fn one_word(word: &str) -> Option<Found> {
    let found = |sense: &'static Sense, kind, shape| Found {
        kind,
        strength: sense.strength,
        sense: Some(sense),
        shape,
        spoilt: false,
    };
    if let Some(sense) = sense_of(word) {
        return Some(found(sense, sense.kind, Shape::Plain));
    }
    let (prefix, rest) = word.split_at_checked(2)?;
    let sense = sense_of(rest).filter(|sense| sense.strength > Strength::Topic)?;
    if prefix.eq_ignore_ascii_case("un") {
        // What undoes a creation or deletion leaves the entity there, changed.
        let kind = match sense.kind {
            Kind::Create | Kind::Delete => Kind::Update,
            kind @ (Kind::Update | Kind::Read | Kind::Access | Kind::Other) => kind,
        };
        return Some(found(sense, kind, Shape::Reversed));
    }
    // Doing it again is doing it; the sentence may leave out that it was not the first time.
    prefix.eq_ignore_ascii_case("re").then(|| found(sense, sense.kind, Shape::Plain))
}

/// `sign_in`, `logged.out`, `check-in`: the first word alone would say something else.
fn two_words(word: &str, following: Option<&str>) -> Option<Found> {
    let following = following?;
    let is = |text: &str, choices: &[&str]| choices.iter().any(|choice| text.eq_ignore_ascii_case(choice));
    let (kind, past) =
        if is(word, &["sign", "signed", "signs", "signing", "log", "logged", "logs", "logging"]) {
            match following {
                text if is(text, &["in", "on"]) => (Kind::Access, "signed in to"),
                text if is(text, &["out", "off"]) => (Kind::Access, "signed out of"),
                text if is(text, &["up"]) => (Kind::Create, "signed up"),
                _ => return None,
            }
        } else if is(word, &["check", "checked"]) {
            match following {
                text if is(text, &["in"]) => (Kind::Update, "checked in"),
                text if is(text, &["out"]) => (Kind::Update, "checked out"),
                _ => return None,
            }
        } else {
            return None;
        };
    Some(Found { kind, strength: Strength::Verb, sense: None, shape: Shape::Phrase(past), spoilt: false })
}

/// Whether a word after a verb means that the verb was not, or not yet, done: `login.failed`,
/// `export.requested`, `delete_attempt`.
fn takes_back(word: &str) -> bool {
    const WORDS: [&str; 9] =
        ["failure", "error", "attempt", "request", "timeout", "pending", "denial", "start", "begin"];
    ends_with_ignore_case(word, "ed") || WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn ends_with_ignore_case(word: &str, end: &str) -> bool {
    let tail = word.len().checked_sub(end.len()).and_then(|start| word.get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// A code as a person would write it: `page.bulk_publish` → "Page bulk publish". Without any word in it,
/// the code itself.
pub(super) fn readable(code: &str) -> Cow<'_, str> {
    let mut words: Vec<&str> = words_backwards(code).collect();
    words.reverse();
    if words.is_empty() {
        return Cow::Borrowed(code);
    }
    Cow::Owned(capitalised(&words.join(" ").to_lowercase()))
}

/// With an upper-case first letter.
pub(super) fn capitalised(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

/// The words of a code, last first: this is the end that says what was done.
///
/// Words end at anything but letters and digits, and where the case says so: `orderShipped`, `HTMLExport`.
fn words_backwards(code: &str) -> impl Iterator<Item = &str> {
    let mut rest = code;
    std::iter::from_fn(move || {
        let trimmed = rest.trim_end_matches(|c: char| !c.is_alphanumeric());
        let (before, word) = trimmed.split_at_checked(last_word_start(trimmed))?;
        rest = before;
        (!word.is_empty()).then_some(word)
    })
}

fn last_word_start(text: &str) -> usize {
    let mut start = text.len();
    // The two characters after the one looked at.
    let (mut next, mut after_next) = (None::<char>, None::<char>);
    for (index, c) in text.char_indices().rev() {
        if !c.is_alphanumeric() {
            break;
        }
        if let Some(next) = next.filter(|next| next.is_uppercase()) {
            let ends_lower = !c.is_uppercase();
            let ends_acronym =
                c.is_uppercase() && next.is_uppercase() && after_next.is_some_and(char::is_lowercase);
            if ends_lower || ends_acronym {
                break;
            }
        }
        start = index;
        (next, after_next) = (Some(c), next);
    }
    start
}
