//! How text is compared: folded case, words, and patterns with `*`.
//!
//! The same functions decide what a filter means and what the search index holds, so that both agree.

use std::borrow::Cow;

use serde::Serialize;

/// Characters of a word by which it is known: enough for hashes and long identifiers, and a bound for what an
/// index keeps of text without spaces.
pub const WORD_CHARS_MAX: usize = 64;

/// Characters of a UUID in its usual form.
const UUID_CHARS: usize = 36;

/// Text in lower case, character by character, so that a prefix of a text stays one of the folded text.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    if text.is_ascii() {
        return Cow::Owned(text.to_ascii_lowercase());
    }
    Cow::Owned(text.chars().flat_map(fold_char).collect())
}

/// The final sigma is a sigma: whether it ends a word must not depend on what a pattern left out.
fn fold_char(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().map(|c| if c == 'ς' { 'σ' } else { c })
}

/// The words of a text, folded: runs of letters and digits; a Han or Kana character is a word by itself; a
/// UUID is one word. Of a longer word the first [`WORD_CHARS_MAX`] characters count. Combining marks are left
/// out, so that both spellings of "é" that Unicode has give "é" and "e" but never two words.
#[must_use]
pub fn words(text: &str) -> Words<'_> {
    Words { rest: text }
}

/// See [`words`].
#[derive(Clone, Debug)]
pub struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        // Most text is ASCII: its separators are skipped byte by byte.
        let separators =
            self.rest.bytes().take_while(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric());
        let (_, rest) = self.rest.split_at(separators.count());
        let start =
            if rest.as_bytes().first().is_some_and(u8::is_ascii) { 0 } else { rest.find(is_in_word)? };
        let (_, text) = rest.split_at(start);
        let length = if begins_with_uuid(text) { UUID_CHARS } else { run_length(text) };
        let (word, rest) = text.split_at(length);
        self.rest = rest;
        Some(fold_word(word))
    }
}

/// Bytes of the word that a text begins with.
fn run_length(text: &str) -> usize {
    let ascii = text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    match text.split_at(ascii).1.chars().next() {
        Some(c) if !c.is_ascii() => {}
        _ => return ascii,
    }
    let mut chars = text.char_indices();
    if let Some((_, first)) = chars.next()
        && is_ideograph(first)
    {
        return first.len_utf8();
    }
    chars
        .find(|(_, c)| is_ideograph(*c) || !(is_in_word(*c) || is_mark(*c)))
        .map_or(text.len(), |(end, _)| end)
}

fn fold_word(word: &str) -> Cow<'_, str> {
    if word.len() <= WORD_CHARS_MAX
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    {
        return Cow::Borrowed(word);
    }
    let cut = word.char_indices().nth(WORD_CHARS_MAX).map_or(word, |(end, _)| word.split_at(end).0);
    let folded = fold(cut);
    if folded.is_ascii() || !folded.contains(is_mark) {
        return folded;
    }
    Cow::Owned(folded.chars().filter(|c| !is_mark(*c)).collect())
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric()
}

const fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Scripts that are written without spaces and searched by character.
const fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Whether a text begins with a UUID that no further letter or digit follows.
fn begins_with_uuid(text: &str) -> bool {
    let bytes = text.as_bytes();
    // The place of its first dash rules nearly everything out.
    bytes.get(8) == Some(&b'-')
        && uuid_prefix_length(bytes) == UUID_CHARS
        && !bytes.get(UUID_CHARS).is_some_and(u8::is_ascii_alphanumeric)
}

/// How many of the first bytes fit the shape of a UUID.
fn uuid_prefix_length(bytes: &[u8]) -> usize {
    let fits = |(place, byte): (usize, &u8)| match place {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    bytes.iter().take(UUID_CHARS).enumerate().take_while(|(place, byte)| fits((*place, *byte))).count()
}

/// A pattern: literal pieces with anything between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Glob {
    pieces: Vec<String>,
    /// Whether anything may stand before the first piece.
    open_start: bool,
    /// Whether anything may stand after the last one.
    open_end: bool,
}

impl Glob {
    /// Exactly this text, whatever characters it has.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self { pieces: vec![text.to_owned()], open_start: false, open_end: false }
    }

    /// Any text that has this one in it, whatever characters it has.
    #[must_use]
    pub fn containing(text: &str) -> Self {
        let pieces = if text.is_empty() { Vec::new() } else { vec![text.to_owned()] };
        Self { pieces, open_start: true, open_end: true }
    }

    /// A text in which each `*` stands for any characters, or none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if !text.contains('*') {
            return Self::literal(text);
        }
        Self {
            pieces: text.split('*').filter(|piece| !piece.is_empty()).map(str::to_owned).collect(),
            open_start: text.starts_with('*'),
            open_end: text.ends_with('*'),
        }
    }

    /// The same pattern for folded text.
    #[must_use]
    pub fn folded(&self) -> Self {
        Self { pieces: self.pieces.iter().map(|piece| fold(piece).into_owned()).collect(), ..*self }
    }

    /// The one text that fits, if there is only one.
    #[must_use]
    pub fn as_literal(&self) -> Option<&str> {
        if self.open_start || self.open_end {
            return None;
        }
        match self.pieces.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// What every fitting text begins with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        if self.open_start { "" } else { self.pieces.first().map_or("", String::as_str) }
    }

    /// Whether a text fits exactly when it begins with [`prefix`](Self::prefix).
    #[must_use]
    pub fn is_prefix(&self) -> bool {
        self.open_end && (self.pieces.is_empty() || (!self.open_start && self.pieces.len() == 1))
    }

    /// Whether every text fits.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether a fitting text ends with the last piece.
    #[must_use]
    pub const fn is_anchored_at_end(&self) -> bool {
        !self.open_end
    }

    /// The literal pieces, in their order.
    #[must_use]
    pub fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// Letters and digits that a fitting text must have.
    #[must_use]
    pub fn letters(&self) -> usize {
        self.pieces.iter().flat_map(|piece| piece.chars()).filter(|c| c.is_alphanumeric()).count()
    }

    /// Whether a text fits.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let Some((last, firsts)) = self.pieces.split_last() else { return true };
        let mut rest = text;
        for (place, piece) in firsts.iter().enumerate() {
            let found = if place == 0 && !self.open_start {
                rest.strip_prefix(piece.as_str())
            } else {
                // The leftmost place leaves the most room for what follows.
                rest.find(piece.as_str()).and_then(|start| rest.get(start + piece.len()..))
            };
            match found {
                Some(after) => rest = after,
                None => return false,
            }
        }
        let is_whole = firsts.is_empty() && !self.open_start;
        match (is_whole, self.open_end) {
            (true, true) => rest.starts_with(last.as_str()),
            (true, false) => rest == last,
            (false, true) => rest.contains(last.as_str()),
            (false, false) => rest.ends_with(last.as_str()),
        }
    }
}

/// Words that follow each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Phrase(Vec<Glob>);

impl Phrase {
    /// The words of a text, each as it stands there.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self(words(text).map(|word| Glob::literal(&word)).collect())
    }

    /// The words of a text, in which `*` stands for any letters and digits, or none.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if !text.contains('*') {
            return Self::literal(text);
        }
        let mut globs = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(|c| c == '*' || is_in_word(c)) {
            let (_, from) = rest.split_at(start);
            let length = pattern_length(from);
            let (pattern, others) = from.split_at(length);
            globs.push(Glob::parse(&fold_word(pattern)));
            rest = others;
        }
        Self(globs)
    }

    /// The words, folded.
    #[must_use]
    pub fn globs(&self) -> &[Glob] {
        &self.0
    }

    /// Whether the words follow each other in a text.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self.0.as_slice() {
            [] => false,
            [glob] => words(text).any(|word| glob.matches(&word)),
            globs => {
                let words: Vec<_> = words(text).collect();
                let fits =
                    |window: &[Cow<'_, str>]| window.iter().zip(globs).all(|(word, glob)| glob.matches(word));
                words.windows(globs.len()).any(fits)
            }
        }
    }
}

/// Bytes of the pattern that a text begins with: letters, digits and `*`. The dashes of what begins like a
/// UUID belong to it, because a whole UUID is one word.
fn pattern_length(text: &str) -> usize {
    let uuid = uuid_prefix_length(text.as_bytes());
    if uuid > 8 && text.as_bytes().get(uuid) == Some(&b'*') {
        return uuid + 1;
    }
    let first = text.chars().next();
    if first.is_some_and(is_ideograph) {
        return first.map_or(1, char::len_utf8);
    }
    text.find(|c| is_ideograph(c) || !(c == '*' || is_in_word(c) || is_mark(c))).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        words(text).map(Cow::into_owned).collect()
    }

    #[test]
    fn words_of_texts() {
        assert_eq!(
            list("Ana@example.com, GET /a_b?x=1"),
            ["ana", "example", "com", "get", "a", "b", "x", "1"]
        );
        assert_eq!(list("ÉTÉ naïve Straße ΟΔΟΣ"), ["été", "naïve", "straße", "οδοσ"]);
        assert_eq!(list("e\u{301}te\u{301}!"), ["ete"]);
        assert_eq!(list("東京tower"), ["東", "京", "tower"]);
        assert_eq!(list("é京"), ["é", "京"]);
        assert_eq!(list(""), Vec::<String>::new());
        assert_eq!(list("--- ..."), Vec::<String>::new());
        let uuid = "67C2B9C4-ff00-4f0e-955f-83e915f859f2";
        assert_eq!(list(&format!("id={uuid}.")), ["id", &uuid.to_lowercase()]);
        assert_eq!(list(&format!("{uuid}0")).len(), 5);
        assert_eq!(list(&"x".repeat(100)), ["x".repeat(WORD_CHARS_MAX)]);
    }

    #[test]
    fn globs() {
        #[track_caller]
        fn check(pattern: &str, text: &str, expected: bool) {
            assert_eq!(Glob::parse(pattern).matches(text), expected, "{pattern} on {text}");
        }
        for (pattern, fits, fits_not) in [
            ("abc", &["abc"][..], &["ab", "abcd", "xabc", ""][..]),
            ("abc*", &["abc", "abcd"], &["xabc", "ab"]),
            ("*abc", &["abc", "xabc", "abcabc"], &["abcx"]),
            ("*b*", &["b", "abc"], &["ac", ""]),
            ("a*c", &["ac", "abc", "acc"], &["a", "c", "abcd"]),
            ("a*b*c", &["abc", "axxbxxc"], &["acb", "ab"]),
            ("*a*b", &["ab", "xaxb"], &["ba", "abx"]),
            ("*", &["", "x"], &[]),
            ("aa*a", &["aaa"], &["aa"]),
        ] {
            for text in fits {
                check(pattern, text, true);
            }
            for text in fits_not {
                check(pattern, text, false);
            }
        }
        assert!(Glob::literal("a*").matches("a*") && !Glob::literal("a*").matches("ab"));
        assert!(Glob::parse("ab*").is_prefix() && !Glob::parse("a*b*").is_prefix());
    }

    #[test]
    fn phrases() {
        let text = "The quick brown fox ran to 203.0.113.9 (id 67c2b9c4-ff00-4f0e-955f-83e915f859f2)";
        for (phrase, expected) in [
            ("quick brown", true),
            ("brown quick", false),
            ("QUICK", true),
            ("qui", false),
            ("203.0.113.9", true),
            ("203.0.9", false),
        ] {
            assert_eq!(Phrase::literal(phrase).matches(text), expected, "{phrase}");
        }
        for (phrase, expected) in [
            ("qui*", true),
            ("*rown", true),
            ("*row*", true),
            ("203.0.11*", true),
            ("*3.0.113", true),
            ("67c2b9c4-ff0*", true),
            ("67c2b9c4-ff1*", false),
            ("*", true),
        ] {
            assert_eq!(Phrase::parse(phrase).matches(text), expected, "{phrase}");
        }
        assert!(!Phrase::literal("").matches(text));
    }
}
