use std::collections::BTreeSet;

use super::words::{self, Secret};

/// Rules of one site, at most: many more than a form has fields.
const RULES_MAX: usize = 200;

/// Bytes of one rule, at most.
const RULE_BYTES_MAX: usize = 200;

/// Which fields are never stored: the built-in rules and those of a site. The default has the built-in ones
/// only.
#[derive(Clone, Debug, Default)]
pub struct MaskRules {
    /// Fields that are secret wherever they are, [`plain`].
    names: BTreeSet<String>,
    /// Fields that are secret where they are.
    paths: Vec<Vec<Step>>,
    /// Keys without which no rule of the site can apply: the names, and of each path its last named step.
    keys: BTreeSet<String>,
    /// Whether a path is made of `*` alone and applies to whatever keys there are.
    any_key: bool,
}

#[derive(Clone, Debug)]
enum Step {
    /// `*`: whatever key or array item.
    Any,
    /// A key, [`plain`], or the position of an array item.
    Named(String),
}

/// A path that applies here, up to one of its steps. Rule and step are positions in [`MaskRules::paths`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    rule: usize,
    step: usize,
}

/// What is wrong with the mask rules of a site.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskError {
    /// A rule says nothing.
    #[error("mask rule {position} is empty: give a field such as `iban` or a path such as `cards.*.number`")]
    Empty {
        /// Which rule, counted from 1.
        position: usize,
    },
    /// A rule is too long.
    #[error(
        "mask rule {position} is {bytes} bytes long, {RULE_BYTES_MAX} are allowed: name the field alone, or put `*` for long steps"
    )]
    TooLong {
        /// Which rule, counted from 1.
        position: usize,
        /// Its length.
        bytes: usize,
    },
    /// A rule has a character that cannot be seen.
    #[error(
        "mask rule {position} has a control character, such as a line break: give each field as a rule of its own"
    )]
    ControlCharacter {
        /// Which rule, counted from 1.
        position: usize,
    },
    /// A rule has nothing before, between or after its dots.
    #[error(
        "mask rule {position}, `{rule}`, has an empty step: write a name or `*` on both sides of each dot"
    )]
    EmptyStep {
        /// Which rule, counted from 1.
        position: usize,
        /// The rule as given.
        rule: String,
    },
    /// There are too many of them.
    #[error(
        "more than {RULES_MAX} mask rules: name the field alone where several paths end with it, or use `*`"
    )]
    TooMany,
}

impl MaskRules {
    /// The built-in rules and those of a site. Each is a field's name (`iban`, secret wherever it is) or a path
    /// with dots from the root of `before`, `after` or `data` (`billing.card.number`). `*` stands for one step,
    /// so `cards.*.number` is the number of every card. An array item is a step for `*` and for its position,
    /// and may as well be left out: `cards.number`, as in a filter. Upper and lower case, `_`, `-` and spaces
    /// do not count.
    ///
    /// # Errors
    /// A rule that is empty, longer than 200 bytes, has control characters or empty steps; more than 200 rules.
    pub fn new<S: AsRef<str>>(rules: impl IntoIterator<Item = S>) -> Result<Self, MaskError> {
        let mut all = Self::default();
        for (index, rule) in rules.into_iter().enumerate() {
            if index >= RULES_MAX {
                return Err(MaskError::TooMany);
            }
            all.add(index + 1, rule.as_ref())?;
        }
        Ok(all)
    }

    fn add(&mut self, position: usize, rule: &str) -> Result<(), MaskError> {
        if rule.trim().is_empty() {
            return Err(MaskError::Empty { position });
        }
        if rule.len() > RULE_BYTES_MAX {
            return Err(MaskError::TooLong { position, bytes: rule.len() });
        }
        if rule.chars().any(char::is_control) {
            return Err(MaskError::ControlCharacter { position });
        }
        let steps = rule.split('.').map(|step| match plain(step) {
            step if step.is_empty() => Err(MaskError::EmptyStep { position, rule: rule.to_owned() }),
            step if step == "*" => Ok(Step::Any),
            step => Ok(Step::Named(step)),
        });
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        if let [Step::Named(name)] = steps.as_slice() {
            self.keys.insert(name.clone());
            self.names.insert(name.clone());
            return Ok(());
        }
        // Digits may be the position of an array item and occur in no key.
        let key = steps.iter().rev().find_map(|step| match step {
            Step::Named(name) if !name.bytes().all(|b| b.is_ascii_digit()) => Some(name.clone()),
            Step::Named(_) | Step::Any => None,
        });
        match key {
            Some(key) => _ = self.keys.insert(key),
            None => self.any_key = true,
        }
        self.paths.push(steps);
        Ok(())
    }

    /// Where all paths begin.
    pub(super) fn root(&self) -> Vec<Place> {
        (0..self.paths.len()).map(|rule| Place { rule, step: 0 }).collect()
    }

    /// What a key means at these places, and the places of what is under it.
    pub(super) fn enter_key(&self, places: &[Place], key: &str) -> (Option<Secret>, Vec<Place>) {
        let mut secret = words::secret(key);
        if self.names.is_empty() && places.is_empty() {
            return (secret, Vec::new());
        }
        let key = plain(key);
        let mut under = Vec::new();
        let ends = self.advance(places, &key, &mut under);
        if ends || self.names.contains(&key) {
            secret = Some(Secret::Whole);
        }
        (secret, under)
    }

    /// Whether an array item is secret at these places, and the places of what is in it.
    pub(super) fn enter_item(&self, places: &[Place], index: usize) -> (bool, Vec<Place>) {
        if places.is_empty() {
            return (false, Vec::new());
        }
        // The item's step may be left out, so that all places stay as well.
        let mut under = places.to_vec();
        let ends = self.advance(places, &index.to_string(), &mut under);
        // A path of many `*` comes to one place by several ways.
        under.sort_unstable();
        under.dedup();
        (ends, under)
    }

    /// Adds the places after one more step; true if a path ends with it.
    fn advance(&self, places: &[Place], name: &str, under: &mut Vec<Place>) -> bool {
        let mut ends = false;
        for place in places {
            let Some(steps) = self.paths.get(place.rule) else { continue };
            let here = match steps.get(place.step) {
                Some(Step::Any) => true,
                Some(Step::Named(step)) => step == name,
                None => false,
            };
            if here && place.step + 1 == steps.len() {
                ends = true;
            } else if here {
                under.push(Place { step: place.step + 1, ..*place });
            }
        }
        ends
    }

    /// Whether a parameter of a query, its name decoded, is secret. `user[password]` is under each of its names.
    /// Numbers too: nothing tells a count from a password of digits here.
    pub(super) fn is_secret_parameter(&self, name: &str) -> bool {
        words::secret(name).is_some()
            || name.split(['[', ']']).any(|name| {
                words::secret(name).is_some() || (!self.names.is_empty() && self.names.contains(&plain(name)))
            })
    }

    /// Whether a JSON text could have a secret in it: true for all that have one and for few others. This is
    /// what nearly every entry costs, so it only looks at what is before each colon.
    pub(super) fn may_apply(&self, json: &str) -> bool {
        if self.any_key {
            return true;
        }
        let bytes = json.as_bytes();
        // An ASCII character spelt as an escape could hide a key, or the quotes around it in JSON within a string.
        // `<`, `>`, `&` and `'` cannot; several encoders write them so.
        let hides = |at: usize| match bytes.get(at + 1..at + 6) {
            Some(
                [b'u', b'0', b'0', b'3', b'c' | b'C' | b'e' | b'E'] | [b'u', b'0', b'0', b'2', b'6' | b'7'],
            ) => false,
            Some([b'u', b'0', b'0', b'0'..=b'7', _]) => true,
            _ => false,
        };
        let mut buffer = String::new();
        let mut applies = |colon| match key_before(json, colon) {
            Before::Key(key) => words::secret(key).is_some() || self.has_key(key, &mut buffer),
            Before::Unclear => true,
            Before::NoKey => false,
        };
        // Where no key has an escape, the end of most tells enough.
        let at_a_glance = self.keys.is_empty() && !json.contains('\\');
        if at_a_glance {
            let may_name_secret = |at: usize| bytes.get(..at).is_some_and(words::may_name_secret);
            return json.match_indices(':').any(|(at, _)| may_name_secret(at) && applies(at));
        }
        bytes.iter().enumerate().any(|(at, byte)| match byte {
            b':' => applies(at),
            b'\\' => bytes.get(at + 1) == Some(&b'u') && hides(at),
            _ => false,
        })
    }

    fn has_key(&self, key: &str, buffer: &mut String) -> bool {
        if self.keys.is_empty() {
            return false;
        }
        buffer.clear();
        make_plain(key, buffer);
        self.keys.contains(buffer.as_str())
    }
}

/// What is before a colon in a JSON text.
enum Before<'a> {
    /// A key without escapes.
    Key(&'a str),
    /// A key with escapes, or something that looks like one.
    Unclear,
    /// Something else: the colon is in a string.
    NoKey,
}

/// The key before a colon, be it of the text itself or of JSON in one of its strings, where each quote has
/// backslashes before it: one, or three in a string within a string, and so on, but the same at both ends.
fn key_before(json: &str, colon: usize) -> Before<'_> {
    let bytes = json.as_bytes();
    let slashes_before = |end: usize| {
        bytes.get(..end).map_or(0, |head| head.iter().rev().take_while(|b| **b == b'\\').count())
    };
    let mut end = colon;
    // JSON in a string may have white space here, line breaks and tabs as escapes.
    loop {
        match bytes.get(..end) {
            Some([.., b' ' | b'\t' | b'\n' | b'\r']) => end -= 1,
            Some([.., b'\\', b'n' | b'r' | b't']) => end -= 1 + slashes_before(end - 1),
            Some([.., b'"']) => break,
            _ => return Before::NoKey,
        }
    }
    let closing = slashes_before(end - 1);
    let end = end - 1 - closing;
    let head = bytes.get(..end).unwrap_or_default();
    match head.iter().rposition(|b| matches!(b, b'"' | b'\\')) {
        Some(quote) if head.get(quote) == Some(&b'"') && slashes_before(quote) == closing => {
            json.get(quote + 1..end).map_or(Before::Unclear, Before::Key)
        }
        _ => Before::Unclear,
    }
}

/// A key as it is compared with a rule: without regard to case, `_`, `-` and spaces.
#[must_use]
pub fn plain(key: &str) -> String {
    let mut text = String::with_capacity(key.len());
    make_plain(key, &mut text);
    text
}

fn make_plain(key: &str, text: &mut String) {
    let counts = |c: &char| !matches!(c, '_' | '-' | ' ');
    if key.is_ascii() {
        // Several times as quick.
        text.extend(key.bytes().map(char::from).filter(counts).map(|c| c.to_ascii_lowercase()));
    } else {
        text.extend(key.chars().filter(counts).flat_map(char::to_lowercase));
    }
}
