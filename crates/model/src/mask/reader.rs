use std::borrow::Cow;

use serde_json::Value;

use crate::limits::JSON_DEPTH_MAX;

/// Reads JSON that is known to be valid and knows at which byte it is. Every method returns `None` when it is
/// not valid after all.
pub(super) struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// The whole text.
    pub(super) const fn text(&self) -> &'t str {
        self.text
    }

    /// The position of the next byte to read.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The next byte that is no white space.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = self.text.get(self.at..)?;
        self.at += rest.len() - rest.trim_ascii_start().len();
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    /// Goes into an array or object: whether there is anything in it.
    pub(super) fn begin(&mut self, open: u8, close: u8) -> Option<bool> {
        self.step(open)?;
        let empty = self.peek()? == close;
        if empty {
            self.step(close)?;
        }
        Some(!empty)
    }

    /// After a value in an array or object: whether another follows.
    pub(super) fn goes_on(&mut self, close: u8) -> Option<bool> {
        let goes_on = self.peek()? == b',';
        self.step(if goes_on { b',' } else { close })?;
        Some(goes_on)
    }

    /// A key, decoded, and the colon after it.
    pub(super) fn key(&mut self) -> Option<Cow<'t, str>> {
        self.peek()?;
        let key = decode(self.string()?);
        self.step(b':')?;
        Some(key)
    }

    /// A string with its quotes.
    pub(super) fn string(&mut self) -> Option<&'t str> {
        let start = self.at;
        let mut end = start + 1;
        loop {
            let rest = self.text.get(end..)?;
            end += rest.find(['"', '\\'])?;
            if self.text.as_bytes().get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        self.at = end + 1;
        self.text.get(start..self.at)
    }

    /// A number, `true`, `false` or `null`.
    pub(super) fn scalar(&mut self) -> Option<&'t str> {
        let rest = self.text.get(self.at..)?;
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
        let scalar = rest.get(..length.unwrap_or(rest.len())).filter(|scalar| !scalar.is_empty())?;
        self.at += scalar.len();
        Some(scalar)
    }

    /// A value, with all that is in it.
    pub(super) fn skip(&mut self) -> Option<&'t str> {
        self.peek()?;
        let start = self.at;
        let mut open = 0_usize;
        loop {
            match self.peek()? {
                b'{' | b'[' => {
                    open += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    open = open.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if open > 0 => self.at += 1,
                b'"' => _ = self.string()?,
                _ => _ = self.scalar()?,
            }
            if open == 0 {
                return self.text.get(start..self.at);
            }
        }
    }
}

/// The content of a JSON string.
pub(super) fn decode(quoted: &str) -> Cow<'_, str> {
    let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(quoted);
    if inner.contains('\\') {
        serde_json::from_str(quoted).map_or(Cow::Borrowed(inner), Cow::Owned)
    } else {
        Cow::Borrowed(inner)
    }
}

/// A value in a form that two values share exactly when [`same`](crate::diff::same) says so. Comparing each
/// secret of an entry with each other would take time that grows with their square.
pub(super) fn canonical(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    match write_canonical(&mut Reader::new(value), 0, &mut out) {
        Some(()) => out,
        // Too deep, or no JSON: only its own bytes are the same.
        None => value.to_owned(),
    }
}

fn write_canonical(reader: &mut Reader<'_>, depth: usize, out: &mut String) -> Option<()> {
    match reader.peek()? {
        b'{' | b'[' if depth >= JSON_DEPTH_MAX => return None,
        b'{' => {
            let mut fields = Vec::new();
            let mut goes_on = reader.begin(b'{', b'}')?;
            while goes_on {
                let mut field = (reader.key()?, String::new());
                write_canonical(reader, depth + 1, &mut field.1)?;
                fields.push(field);
                goes_on = reader.goes_on(b'}')?;
            }
            fields.sort_unstable();
            out.push('{');
            for (key, value) in fields {
                out.push_str(&Value::from(key).to_string());
                out.push(':');
                out.push_str(&value);
                out.push(',');
            }
            out.push('}');
        }
        b'[' => {
            out.push('[');
            let mut goes_on = reader.begin(b'[', b']')?;
            while goes_on {
                write_canonical(reader, depth + 1, out)?;
                out.push(',');
                goes_on = reader.goes_on(b']')?;
            }
            out.push(']');
        }
        b'"' => out.push_str(&Value::from(decode(reader.string()?)).to_string()),
        _ => out.push_str(reader.scalar()?),
    }
    Some(())
}
