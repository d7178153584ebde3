//! Walking a state or other JSON of an entry: every value in it with the path to it.
//!
//! What is walked passed the [strict reader](crate::json) at the door, so that this one can be quick. It still
//! never panics: what is no JSON is not walked any further.
//!
//! A path names keys only. Arrays are walked through: `cards.weight` is the weight of every card.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// A value that holds no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// A number, as it is written.
    Number(&'a str),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
    /// An object or array that holds nothing.
    Empty,
}

impl Scalar<'_> {
    /// A string, or a number as it is written.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(text) => Some(text),
            Self::Bool(_) | Self::Null | Self::Empty => None,
        }
    }
}

/// Shows every value in a JSON text with its path to `see`, until that says `false`.
pub fn walk<'a>(json: &'a RawValue, mut see: impl FnMut(&[Cow<'a, str>], Scalar<'a>) -> bool) {
    let mut walk = Walk { rest: json.get(), path: Vec::new(), see: &mut see };
    // `None` only says that somebody had seen enough, or that this is no JSON.
    let _done: Option<()> = walk.value();
}

struct Walk<'a, 's> {
    rest: &'a str,
    path: Vec<Cow<'a, str>>,
    see: &'s mut dyn FnMut(&[Cow<'a, str>], Scalar<'a>) -> bool,
}

impl<'a> Walk<'a, '_> {
    fn value(&mut self) -> Option<()> {
        let scalar = match self.peek()? {
            b'{' => return self.object(),
            b'[' => return self.array(),
            b'"' => Scalar::Text(self.string()?),
            b't' => self.word("true", Scalar::Bool(true))?,
            b'f' => self.word("false", Scalar::Bool(false))?,
            b'n' => self.word("null", Scalar::Null)?,
            _ => Scalar::Number(self.number()?),
        };
        self.show(scalar)
    }

    fn object(&mut self) -> Option<()> {
        self.step(b'{')?;
        if self.peek()? == b'}' {
            self.step(b'}')?;
            return self.show(Scalar::Empty);
        }
        loop {
            self.peek()?;
            let key = self.string()?;
            self.peek()?;
            self.step(b':')?;
            self.path.push(key);
            self.value()?;
            self.path.pop();
            match self.peek()? {
                b',' => self.step(b',')?,
                _ => return self.step(b'}'),
            }
        }
    }

    fn array(&mut self) -> Option<()> {
        self.step(b'[')?;
        if self.peek()? == b']' {
            self.step(b']')?;
            return self.show(Scalar::Empty);
        }
        loop {
            self.value()?;
            match self.peek()? {
                b',' => self.step(b',')?,
                _ => return self.step(b']'),
            }
        }
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let inner = self.rest.strip_prefix('"')?;
        let end = inner.find(['"', '\\'])?;
        if inner.as_bytes().get(end) == Some(&b'"') {
            self.rest = inner.get(end + 1..)?;
            return inner.get(..end).map(Cow::Borrowed);
        }
        let mut strings = serde_json::Deserializer::from_str(self.rest).into_iter::<String>();
        let text = strings.next()?.ok()?;
        self.rest = self.rest.get(strings.byte_offset()..)?;
        Some(Cow::Owned(text))
    }

    fn number(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)));
        let (number, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        (!number.is_empty()).then_some(number)
    }

    fn word(&mut self, word: &str, scalar: Scalar<'a>) -> Option<Scalar<'a>> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(scalar)
    }

    fn show(&mut self, scalar: Scalar<'a>) -> Option<()> {
        (self.see)(&self.path, scalar).then_some(())
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        self.rest = self.rest.trim_ascii_start();
        self.rest.as_bytes().first().copied()
    }

    fn step(&mut self, expected: u8) -> Option<()> {
        self.rest = self.rest.strip_prefix(char::from(expected))?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walked(json: &str) -> Vec<String> {
        let raw: Box<RawValue> = RawValue::from_string(json.to_owned()).unwrap();
        let mut seen = Vec::new();
        walk(&raw, |path, scalar| {
            seen.push(format!("{}={scalar:?}", path.join(".")));
            true
        });
        seen
    }

    #[test]
    fn values_and_paths() {
        assert_eq!(
            walked(
                r#"{"a":{"b":[1,{"c":"x"}],"":null},"d":[],"e":{},"f":true,"\u0067":"\u00e9\n\"","h":-1.5e3}"#
            ),
            [
                "a.b=Number(\"1\")",
                "a.b.c=Text(\"x\")",
                "a.=Null",
                "d=Empty",
                "e=Empty",
                "f=Bool(true)",
                "g=Text(\"é\\n\\\"\")",
                "h=Number(\"-1.5e3\")"
            ]
        );
        assert_eq!(walked("5"), ["=Number(\"5\")"]);
        assert_eq!(walked(" { \"a\" : [ 1 , 2 ] } "), ["a=Number(\"1\")", "a=Number(\"2\")"]);
    }

    #[test]
    fn ends_when_asked_to() {
        let raw = RawValue::from_string("[1,2,3]".to_owned()).unwrap();
        let mut seen = 0;
        walk(&raw, |_, _| {
            seen += 1;
            seen < 2
        });
        assert_eq!(seen, 2);
    }
}
