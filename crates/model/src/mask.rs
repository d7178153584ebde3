//! Masking of secrets at the door: what is masked is never stored.
//!
//! The values of secret fields in `before`, `after`, `data` and `origin.query` give way to a marker. In one
//! entry equal values have equal markers and different values different ones, numbered as they are met, so
//! that a change stays visible:
//!
//! ```text
//! before {"name":"Ana","password":"one"}       {"name":"Ana","password":"[masked]"}
//! after  {"name":"Eva","password":"two"}       {"name":"Eva","password":"[masked 2]"}
//! query  name=Eva&password=two                 name=Eva&password=%5Bmasked%202%5D
//! ```
//!
//! Nothing is derived from a value, not even a hash: short secrets are found by trying. `null`, `true`, `false`
//! and the empty string stay, as they only say whether something is set. All that is not masked keeps its
//! bytes.
//!
//! Text that is itself a JSON object or array is looked into as well, and a site's path goes on in it. Text
//! that the [strict reader](crate::json) refuses is text like any other and stays as it is. So does
//! `origin.session_id`, which is a hash by contract.
//!
//! # Which fields are secret
//!
//! Those a site names in its [`MaskRules`], and those of the built-in rule. It reads a key as words, split at
//! all that is neither letter nor digit and at the borders of camelCase: `userAPIKey2` is `user`, `API`, `Key`.
//! Case does not count, nor do digits at a word's end. The last words decide, for they say what the value is;
//! those before them only say whose:
//!
//! | the key ends with | examples | but not |
//! |---|---|---|
//! | a word that ends in password, passwd, passphrase, secret or token | `newpassword`, `client_secret`, `accessToken` | `password_changed_at`, `secret_santa`, `token_count` |
//! | the word pwd, pass, otp, totp, cvv, cvc, apikey, sessionid, privatekey, accesskey, secretkey, phpsessid, jwt, userpass or useractivationkey | `user_pass`, `stripe_apikey` | `compass`, `passport` |
//! | api, private, secret, access, signing, encryption, session, auth or activation and the word key | `x-api-key` | `key`, `primary_key`, `keyboard` |
//! | session id, totp seed, otp seed, recovery code, backup code, set cookie, proxy authorization, pass word, pass phrase | `SESSION_ID`, `Set-Cookie`, `passWord` | `session_count`, `cookie_consent` |
//! | authorization, cookie, cookies or credentials as its only word | `Authorization` | `payment_authorization` |
//!
//! All but the last have plurals too. A number under a plural or under `pass` counts something (tokens used,
//! attempts that passed) and stays; in a query, where all is text, it does not.

mod query;
mod reader;
mod rules;
mod words;

use std::collections::HashMap;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::entry::Draft;
use crate::json;
use crate::limits::JSON_DEPTH_MAX;
use reader::{Reader, canonical, decode};
use rules::Place;
pub use rules::{MaskError, MaskRules, plain};
use words::Secret;

/// Levels of JSON within strings that are looked into. Logs of logs have two.
const TEXT_LEVELS_MAX: usize = 3;

/// The highest number of a marker; an entry has no room for so many secrets. The bound keeps a sender's own
/// marker from driving the numbers of ours anywhere.
const MARKER_MAX: usize = 999_999;

/// Replaces the secrets in before, after, data and `origin.query` by markers. Returns how many values were
/// replaced; none the second time.
///
/// A value that already is a marker, as in an export sent again, stays; the numbers of new ones are higher.
pub fn mask(draft: &mut Draft, rules: &MaskRules) -> usize {
    let states = [&mut draft.before, &mut draft.after, &mut draft.data];
    let query = draft.origin.as_mut().and_then(|origin| origin.query.as_mut());
    let found = states.iter().filter_map(|state| state.as_ref()).any(|state| rules.may_apply(state.get()))
        || query.as_ref().is_some_and(|query| query::may_have_secrets(query, rules));
    if !found {
        return 0;
    }
    let pass = |numbers_after| {
        let mut masker = Masker::new(rules, numbers_after);
        let states = states.each_ref().map(|state| state.as_deref());
        let masked = masker.entry(states, query.as_deref().map(String::as_str));
        (masker, masked)
    };
    let (mut masker, mut masked) = pass(0);
    if masker.marker_seen_max > 0 {
        // The highest marker that was there is known only now.
        (masker, masked) = pass(masker.marker_seen_max);
    }
    for (state, text) in states.into_iter().zip(masked.states) {
        if let Some(text) = text {
            // Valid JSON in, valid JSON out. Were it not so, losing the value is better than keeping the secret.
            *state = Some(RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned()));
        }
    }
    if let (Some(query), Some(text)) = (query, masked.query) {
        *query = text;
    }
    masker.masked
}

/// Whether a text, the decoded value of a JSON string, is a marker and no value: nothing to revert to.
#[must_use]
pub fn is_marker(text: &str) -> bool {
    marker_number(text).is_some()
}

/// 1 for `[masked]`, 2 for `[masked 2]`.
fn marker_number(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("[masked")?.strip_suffix(']')?;
    if inner.is_empty() {
        return Some(1);
    }
    let digits = inner.strip_prefix(' ')?;
    // Written as we write it: `parse` alone would take `+2` and `02`.
    let number = digits.parse().ok().filter(|number| (2..=MARKER_MAX).contains(number))?;
    (number.to_string() == digits).then_some(number)
}

fn marker(number: usize) -> String {
    if number == 1 { "[masked]".to_owned() } else { format!("[masked {number}]") }
}

/// An entry's parts as far as they changed.
struct Masked {
    states: [Option<String>; 3],
    query: Option<String>,
}

/// Goes through one entry.
struct Masker<'r> {
    rules: &'r MaskRules,
    /// Numbers of the secret values met so far, each value in its [`canonical`] form.
    numbers: HashMap<String, usize>,
    /// Numbers up to this one are taken by markers that were there before.
    numbers_after: usize,
    /// The highest number of a marker met.
    marker_seen_max: usize,
    /// Values replaced.
    masked: usize,
}

impl<'r> Masker<'r> {
    fn new(rules: &'r MaskRules, numbers_after: usize) -> Self {
        Self { rules, numbers: HashMap::new(), numbers_after, marker_seen_max: 0, masked: 0 }
    }

    fn entry(&mut self, states: [Option<&RawValue>; 3], query: Option<&str>) -> Masked {
        let root = self.rules.root();
        Masked {
            states: states.map(|state| self.json(state?.get(), &root, 0)),
            query: query.and_then(|query| self.query(query)),
        }
    }

    /// A JSON text with its secrets masked; `None` if it has none.
    fn json(&mut self, text: &str, places: &[Place], level: usize) -> Option<String> {
        let mut page = Page { reader: Reader::new(text), level, edits: Vec::new() };
        // `None` says that this is no JSON; up to there it is masked.
        let _end: Option<()> = self.value(&mut page, places, 0);
        page.edited()
    }

    fn value(&mut self, page: &mut Page<'_>, places: &[Place], depth: usize) -> Option<()> {
        match page.reader.peek()? {
            // Never so deep after the door. What cannot be looked into is not stored.
            b'{' | b'[' if depth >= JSON_DEPTH_MAX => self.secret(page, Secret::Whole),
            b'{' => self.object(page, places, depth + 1),
            b'[' => self.array(page, places, depth + 1),
            b'"' => self.string(page, places),
            _ => page.reader.scalar().map(|_| ()),
        }
    }

    fn object(&mut self, page: &mut Page<'_>, places: &[Place], depth: usize) -> Option<()> {
        let mut goes_on = page.reader.begin(b'{', b'}')?;
        while goes_on {
            let key = page.reader.key()?;
            let (secret, under) = self.rules.enter_key(places, &key);
            match secret {
                Some(secret) => self.secret(page, secret)?,
                None => self.value(page, &under, depth)?,
            }
            goes_on = page.reader.goes_on(b'}')?;
        }
        Some(())
    }

    fn array(&mut self, page: &mut Page<'_>, places: &[Place], depth: usize) -> Option<()> {
        let mut goes_on = page.reader.begin(b'[', b']')?;
        let mut index = 0;
        while goes_on {
            let (secret, under) = self.rules.enter_item(places, index);
            if secret {
                self.secret(page, Secret::Whole)?;
            } else {
                self.value(page, &under, depth)?;
            }
            goes_on = page.reader.goes_on(b']')?;
            index += 1;
        }
        Some(())
    }

    fn string(&mut self, page: &mut Page<'_>, places: &[Place]) -> Option<()> {
        let start = page.reader.at();
        let text = decode(page.reader.string()?);
        self.see_marker(&text);
        let text = text.trim_matches([' ', '\t', '\n', '\r']);
        if page.level < TEXT_LEVELS_MAX
            && text.starts_with(['{', '['])
            // Markers in it count too: see `mask`.
            && (self.rules.may_apply(text) || text.contains("[masked"))
            && let Ok(inner) = json::minify(text)
            && let Some(inner) = self.json(&inner, places, page.level + 1)
        {
            page.replace(start, Value::from(inner).to_string());
        }
        Some(())
    }

    /// The value of a secret field.
    fn secret(&mut self, page: &mut Page<'_>, secret: Secret) -> Option<()> {
        let kind = page.reader.peek()?;
        let start = page.reader.at();
        let value = page.reader.skip()?;
        let stays = match kind {
            b'n' | b't' | b'f' => true,
            b'"' => value == "\"\"" || self.see_marker(&decode(value)),
            b'{' | b'[' => false,
            _ => secret == Secret::NotNumbers,
        };
        if !stays {
            let number = self.number(value);
            page.replace(start, Value::from(marker(number)).to_string());
        }
        Some(())
    }

    /// The number of a secret value's marker.
    fn number(&mut self, value: &str) -> usize {
        self.masked += 1;
        let next = (self.numbers_after + self.numbers.len() + 1).min(MARKER_MAX);
        *self.numbers.entry(canonical(value)).or_insert(next)
    }

    fn see_marker(&mut self, text: &str) -> bool {
        let number = marker_number(text);
        self.marker_seen_max = self.marker_seen_max.max(number.unwrap_or_default());
        number.is_some()
    }
}

/// One JSON text with what is to be replaced in it.
struct Page<'t> {
    reader: Reader<'t>,
    /// In how many strings it is.
    level: usize,
    /// Start, end and new text, from left to right.
    edits: Vec<(usize, usize, String)>,
}

impl Page<'_> {
    /// Replaces what was read since `start`.
    fn replace(&mut self, start: usize, text: String) {
        self.edits.push((start, self.reader.at(), text));
    }

    fn edited(self) -> Option<String> {
        if self.edits.is_empty() {
            return None;
        }
        let text = self.reader.text();
        let mut out = String::with_capacity(text.len());
        let mut copied = 0;
        for (start, end, new) in self.edits {
            out.push_str(text.get(copied..start).unwrap_or_default());
            out.push_str(&new);
            copied = end;
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        Some(out)
    }
}

#[cfg(test)]
mod tests;
