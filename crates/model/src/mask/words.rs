//! The built-in rule: which keys name a secret, whatever the site. Its table is in the documentation of
//! [`mask`](super).

/// What of a secret field's values is secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    /// Any value.
    Whole,
    /// Any value but a number, which is a count.
    NotNumbers,
}

/// Ends of a last word. No word ends so but compounds of these: `newpassword`.
const ENDS: [&str; 5] = ["password", "passwd", "passphrase", "secret", "token"];

/// Last words.
const WORDS: [&str; 14] = [
    "pwd",
    "otp",
    "totp",
    "cvv",
    "cvc",
    "apikey",
    "sessionid",
    "privatekey",
    "accesskey",
    "secretkey",
    "phpsessid",
    "jwt",
    "userpass",
    "useractivationkey",
];

/// Last two words.
const PAIRS: [(&str, &str); 18] = [
    ("api", "key"),
    ("private", "key"),
    ("secret", "key"),
    ("access", "key"),
    ("signing", "key"),
    ("encryption", "key"),
    ("session", "key"),
    ("auth", "key"),
    ("activation", "key"),
    ("session", "id"),
    ("totp", "seed"),
    ("otp", "seed"),
    ("recovery", "code"),
    ("backup", "code"),
    ("set", "cookie"),
    ("proxy", "authorization"),
    ("pass", "word"),
    ("pass", "phrase"),
];

/// Whole keys of one word, which as the last of several say too little.
const WHOLE: [&str; 4] = ["authorization", "cookie", "cookies", "credentials"];

/// Whether a key, decoded, names a secret. Allocates nothing: it is asked of every key of every entry.
pub(super) fn secret(key: &str) -> Option<Secret> {
    if may_name_secret(key.as_bytes()) { look_up(key) } else { None }
}

/// A quick look at a key's end, which sees nearly all keys off. True for all that the tables have, whatever is
/// before the key or, but for letters, after it.
pub(super) fn may_name_secret(key: &[u8]) -> bool {
    // The last letter; a character beyond ASCII may be one or not.
    let Some(key) = up_to_letter(key) else { return false };
    let key = match key {
        [.., b'a' | b'A', b'l' | b'L', b's' | b'S'] => return true,
        [.., a, b's' | b'S', b's' | b'S'] if !matches!(a, b's' | b'S') => key,
        [one @ .., b's' | b'S'] => one,
        _ => key,
    };
    let Some(end) = key.last_chunk::<3>() else { return false };
    match &end.map(|b| b.to_ascii_lowercase()) {
        // passwORD, pasSWD, PWD, passphrASE, pASS, secRET, toKEN, and so on.
        b"ord" | b"swd" | b"pwd" | b"ase" | b"ass" | b"ret" | b"ken" | b"otp" | b"cvv" | b"cvc" | b"jwt"
        | b"key" | b"eed" | b"ode" | b"kie" | b"ion" => true,
        // Of all ids those of a session.
        [_, b'i', b'd'] => {
            let owner = key.get(..key.len() - 2).and_then(up_to_letter).and_then(<[u8]>::last);
            owner.is_some_and(|b| matches!(b, b'n' | b'N' | b's' | b'S' | 0x80..=0xff))
        }
        [_, _, last] => !last.is_ascii(),
    }
}

fn up_to_letter(key: &[u8]) -> Option<&[u8]> {
    let last = key.iter().rposition(|b| b.is_ascii_alphabetic() || !b.is_ascii())?;
    key.get(..=last)
}

fn look_up(key: &str) -> Option<Secret> {
    let (rest, word) = last_word(key);
    if word.eq_ignore_ascii_case("pass") {
        return Some(Secret::NotNumbers);
    }
    let is_whole_key = || last_word(rest).1.is_empty() && is_one_of(word, &WHOLE);
    if names_secret(rest, word) || is_whole_key() {
        return Some(Secret::Whole);
    }
    let one = word.strip_suffix(['s', 'S'])?;
    names_secret(rest, one).then_some(Secret::NotNumbers)
}

fn names_secret(rest: &str, word: &str) -> bool {
    if ENDS.iter().any(|end| ends_with(word, end)) || is_one_of(word, &WORDS) {
        return true;
    }
    let mut pairs = PAIRS.iter().filter(|(_, second)| word.eq_ignore_ascii_case(second)).peekable();
    // Few keys come so far.
    let Some(before) = pairs.peek().map(|_| last_word(rest).1) else { return false };
    pairs.any(|(first, _)| before.eq_ignore_ascii_case(first))
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|listed| word.eq_ignore_ascii_case(listed))
}

fn ends_with(word: &str, end: &str) -> bool {
    let tail = word.len().checked_sub(end.len()).and_then(|start| word.get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// What is before a key's last word, and that word without digits at its end.
fn last_word(key: &str) -> (&str, &str) {
    let key = key.trim_end_matches(|c: char| !c.is_alphabetic());
    let mut start = key.len();
    let (mut next, mut next_but_one) = (None, None);
    for (at, c) in key.char_indices().rev() {
        // Before the `K` of `tokenKey`, and of `APIKey`.
        let capital_follows = next.is_some_and(char::is_uppercase);
        let border = capital_follows && (!c.is_uppercase() || next_but_one.is_some_and(char::is_lowercase));
        if border || !c.is_alphanumeric() {
            break;
        }
        start = at;
        (next, next_but_one) = (Some(c), next);
    }
    key.split_at_checked(start).unwrap_or((key, ""))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_quick_look_misses_nothing(
            before in "[a-zA-Z_ é0-9–]{0,4}",
            first in prop::sample::select(PAIRS.map(|(first, _)| first).to_vec()),
            between in "[_ .1-]{0,2}|é|–",
            last in prop::sample::select(
                [&ENDS[..], &WORDS, &WHOLE, &["pass"], &PAIRS.map(|(_, second)| second)].concat(),
            ),
            after in "(s|S|ß)?[0-9_– é\"]{0,3}",
            upper: bool,
        ) {
            for key in [format!("{before}{first}{between}{last}{after}"), format!("{before}{last}{after}")] {
                let key = if upper { key.to_ascii_uppercase() } else { key };
                prop_assert!(look_up(&key).is_none() || may_name_secret(key.as_bytes()), "{}", key);
            }
        }
    }
}
