//! The strict reader at the door: one pass over a JSON text that checks its syntax, refuses keys that are
//! given twice and nesting that is too deep, and drops white space between tokens.
//!
//! Everything else is kept byte for byte: the order of keys, the digits of numbers (integers beyond 2^53
//! survive), the spelling of strings. What comes out is what is stored and hashed.
//!
//! Why not a `serde_json` visitor: it turns numbers into `f64`, loses their digits, and knows no path to
//! the place of an error.

mod string;

use std::borrow::Cow;
use std::collections::HashSet;

use crate::limits::JSON_DEPTH_MAX;
use crate::violation::{Code, Violation};

pub use string::write_string;

/// Above this many keys a set is quicker than comparing with each of them.
const KEYS_COMPARED_ONE_BY_ONE: usize = 16;

/// Keys by which `serde_json` marks numbers and raw values inside itself. Data that carries them would be
/// read as something else than what it says.
const RESERVED_KEYS: [&str; 2] = ["$serde_json::private::Number", "$serde_json::private::RawValue"];

/// Checks `text` (one JSON value, white space around it allowed) and returns it without white space
/// between its tokens: itself where it has none, as what programs write seldom has.
///
/// # Errors
/// The first mistake, with its code and the path of its place, such as `before/cards/1`.
pub fn minify(text: &str) -> Result<Cow<'_, str>, Violation> {
    let mut reader =
        Reader { text, bytes: text.as_bytes(), at: 0, out: String::new(), kept_from: 0, path: Vec::new() };
    reader.skip_space();
    reader.value(0)?;
    reader.skip_space();
    if reader.at < reader.bytes.len() {
        return Err(reader.syntax("nothing more after the value"));
    }
    let rest = text.get(reader.kept_from..).unwrap_or_default();
    if reader.out.is_empty() {
        return Ok(Cow::Borrowed(rest));
    }
    reader.out.push_str(rest);
    Ok(Cow::Owned(reader.out))
}

/// Whether a key is one that no object may have.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    key.starts_with('$') && RESERVED_KEYS.contains(&key)
}

struct Reader<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// Next byte to read; always on a character boundary.
    at: usize,
    /// What comes out, up to the last white space.
    out: String,
    /// Where what is to be kept begins after it.
    kept_from: usize,
    path: Vec<Step<'a>>,
}

enum Step<'a> {
    Key(Cow<'a, str>),
    Item(usize),
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<(), Violation> {
        match self.peek() {
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b'"') => self.string().map(|_| ()),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.syntax("a JSON value")),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Violation> {
        self.check_depth(depth)?;
        self.at += 1;
        self.skip_space();
        if self.accept(b'}') {
            return Ok(());
        }
        let mut keys = Keys::default();
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.syntax("a key in double quotes"));
            }
            let key = self.string()?;
            if is_reserved(&key) {
                return Err(self.violation(Code::InvalidValue, format!("the key `{key}` is reserved")));
            }
            self.path.push(Step::Key(key.clone()));
            if !keys.insert(key) {
                return Err(self.violation(Code::DuplicateKey, "this key is given twice in one object"));
            }
            self.skip_space();
            self.expect(b':', "`:` after the key")?;
            self.skip_space();
            self.value(depth)?;
            self.path.pop();
            self.skip_space();
            if self.accept(b'}') {
                return Ok(());
            }
            self.expect(b',', "`,` or `}`")?;
            self.skip_space();
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), Violation> {
        self.check_depth(depth)?;
        self.at += 1;
        self.skip_space();
        if self.accept(b']') {
            return Ok(());
        }
        let mut item = 0;
        loop {
            self.path.push(Step::Item(item));
            self.value(depth)?;
            self.path.pop();
            self.skip_space();
            if self.accept(b']') {
                return Ok(());
            }
            self.expect(b',', "`,` or `]`")?;
            self.skip_space();
            item += 1;
        }
    }

    /// Reads a string and returns its content, decoded only where it has escapes.
    fn string(&mut self) -> Result<Cow<'a, str>, Violation> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            self.at += string::plain_length(self.bytes.get(self.at..).unwrap_or_default());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                Some(_) => {
                    return Err(self.syntax("no control character inside a string (write it as \\u00XX)"));
                }
                None => return Err(self.syntax("the closing `\"` of a string")),
            }
        }
        self.at += 1;
        if escaped {
            let quoted = self.text.get(start..self.at).unwrap_or_default();
            let decoded: String =
                serde_json::from_str(quoted).map_err(|_| self.syntax("valid escapes in a string"))?;
            return Ok(Cow::Owned(decoded));
        }
        Ok(Cow::Borrowed(self.text.get(start + 1..self.at - 1).unwrap_or_default()))
    }

    /// Checks one escape after its backslash. Surrogates must come as pairs: a lone one is no character.
    fn escape(&mut self) -> Result<(), Violation> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                let unit = self.hex4()?;
                match unit {
                    0xd800..=0xdbff => {
                        let follows =
                            self.peek() == Some(b'\\') && self.bytes.get(self.at + 1) == Some(&b'u');
                        if !follows {
                            return Err(self.syntax("the second half of a surrogate pair"));
                        }
                        self.at += 2;
                        match self.hex4()? {
                            0xdc00..=0xdfff => Ok(()),
                            _ => Err(self.syntax("the second half of a surrogate pair")),
                        }
                    }
                    0xdc00..=0xdfff => Err(self.syntax("the first half of a surrogate pair")),
                    _ => Ok(()),
                }
            }
            _ => Err(self.syntax("one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX")),
        }
    }

    fn hex4(&mut self) -> Result<u16, Violation> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|d| u16::from_str_radix(d, 16).ok()) else {
            return Err(self.syntax("four hexadecimal digits"));
        };
        self.at += 4;
        Ok(unit)
    }

    /// RFC 8259 §6. The digits stay as they are.
    fn number(&mut self) -> Result<(), Violation> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => {
                self.at += 1;
                if self.peek().is_some_and(|b| b.is_ascii_digit()) {
                    return Err(self.syntax("no digit after a leading zero"));
                }
            }
            Some(b'1'..=b'9') => self.digits(),
            _ => return Err(self.syntax("a digit")),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(())
    }

    fn some_digits(&mut self) -> Result<(), Violation> {
        if !self.peek().is_some_and(|b| b.is_ascii_digit()) {
            return Err(self.syntax("a digit"));
        }
        self.digits();
        Ok(())
    }

    fn digits(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn word(&mut self, word: &str) -> Result<(), Violation> {
        if !self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.syntax("a JSON value"));
        }
        self.at += word.len();
        Ok(())
    }

    fn check_depth(&self, depth: usize) -> Result<(), Violation> {
        if depth > JSON_DEPTH_MAX {
            return Err(self.violation(
                Code::TooDeep,
                format!("nested more than {JSON_DEPTH_MAX} levels deep; {JSON_DEPTH_MAX} are allowed"),
            ));
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn skip_space(&mut self) {
        let start = self.at;
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        if self.at > start {
            self.out.push_str(self.text.get(self.kept_from..start).unwrap_or_default());
            self.kept_from = self.at;
        }
    }

    fn accept(&mut self, token: u8) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, token: u8, expected: &str) -> Result<(), Violation> {
        if self.accept(token) { Ok(()) } else { Err(self.syntax(expected)) }
    }

    fn syntax(&self, expected: &str) -> Violation {
        let before = self.text.get(..self.at).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let found = match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
            Some(c) => format!("`{}`", c.escape_debug()),
            None => "the end".to_owned(),
        };
        self.violation(
            Code::JsonSyntax,
            format!("not valid JSON at line {line}, column {column}: expected {expected}, found {found}"),
        )
    }

    fn violation(&self, code: Code, message: impl Into<String>) -> Violation {
        Violation::new(code, render_path(&self.path), message)
    }
}

/// Top-level keys and array items are joined by `/`; a path is for people, so it is cut when it is long.
fn render_path(path: &[Step<'_>]) -> String {
    const STEPS_SHOWN: usize = 8;
    let mut text = String::new();
    for (position, step) in path.iter().take(STEPS_SHOWN).enumerate() {
        if position > 0 {
            text.push('/');
        }
        match step {
            Step::Key(key) => text.extend(key.chars().take(80)),
            Step::Item(item) => text.push_str(&item.to_string()),
        }
    }
    if path.len() > STEPS_SHOWN {
        text.push_str("/…");
    }
    text
}

/// The keys of one object, seen so far.
#[derive(Default)]
struct Keys<'a> {
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
}

impl<'a> Keys<'a> {
    /// False when the key was there already.
    fn insert(&mut self, key: Cow<'a, str>) -> bool {
        if self.many.is_empty() && self.few.len() < KEYS_COMPARED_ONE_BY_ONE {
            let new = !self.few.contains(&key);
            self.few.push(key);
            return new;
        }
        if self.many.is_empty() {
            self.many.extend(self.few.drain(..));
        }
        self.many.insert(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refuses(text: &str, code: Code, field: &str) {
        let violation = minify(text).expect_err(text);
        assert_eq!((violation.code, violation.field.as_str()), (code, field), "{violation}");
    }

    #[test]
    fn drops_white_space_and_nothing_else() {
        let text = " { \"b\" : [ 1 , 2.50 , -0e+7 , 12345678901234567890123 ] ,\n\t\"a\" : \"x \\u00e9 \\ud83d\\ude00\" } ";
        let expected = "{\"b\":[1,2.50,-0e+7,12345678901234567890123],\"a\":\"x \\u00e9 \\ud83d\\ude00\"}";
        assert_eq!(minify(text).unwrap(), expected);
        assert!(matches!(minify(expected), Ok(Cow::Borrowed(same)) if same == expected));
        assert_eq!(minify(" \n7\t ").unwrap(), "7");
    }

    #[test]
    fn names_the_place_of_a_duplicate_key() {
        refuses(r#"{"a":1,"a":2}"#, Code::DuplicateKey, "a");
        refuses(r#"{"before":{"cards":[{},{"x":1,"\u0078":2}]}}"#, Code::DuplicateKey, "before/cards/1/x");
        let many: Vec<String> = (0..40).map(|i| format!("\"k{i}\":0")).collect();
        refuses(&format!("{{{},\"k3\":1}}", many.join(",")), Code::DuplicateKey, "k3");
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(minify(&nested(JSON_DEPTH_MAX)).is_ok());
        assert_eq!(minify(&nested(JSON_DEPTH_MAX + 1)).unwrap_err().code, Code::TooDeep);
        assert_eq!(minify(&"[".repeat(1_000_000)).unwrap_err().code, Code::TooDeep);
    }

    #[test]
    fn malformed_texts() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "'a'",
            "01",
            "1.",
            ".5",
            "+1",
            "1e",
            "-",
            "tru",
            "nulll",
            "\"",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\ud800\\u0041\"",
            "\"a\nb\"",
            "{} {}",
            "NaN",
            "[1 2]",
            "\u{feff}{}",
        ] {
            assert_eq!(minify(text).expect_err(text).code, Code::JsonSyntax, "{text}");
        }
    }

    #[test]
    fn syntax_errors_say_where_and_what() {
        let violation = minify("{\n  \"a\": tru\n}").unwrap_err();
        assert_eq!(violation.message, "not valid JSON at line 2, column 8: expected a JSON value, found `t`");
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_serde_json(text in "\\PC{0,40}") {
            // Ours is stricter in duplicates and depth only; on other short texts the verdict is the same.
            if let Ok(minified) = minify(&text) {
                let ours: serde_json::Value = serde_json::from_str(&minified).unwrap();
                let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
                proptest::prop_assert_eq!(ours, theirs);
            } else if let Err(v) = minify(&text) {
                let theirs = serde_json::from_str::<serde_json::Value>(&text);
                proptest::prop_assert!(v.code == Code::DuplicateKey || theirs.is_err(), "{}", text);
            }
        }
    }
}
