//! Reading a filter's text piece by piece.

use super::value::Operator;

/// A place in a filter's text. Positions are counted in characters.
pub(super) struct Scanner<'a> {
    rest: &'a str,
    position: usize,
    length: usize,
}

/// A piece in quotation marks.
pub(super) enum Token {
    Text(String),
    Unclosed,
}

/// A name as it is written: its parts between the dots.
pub(super) struct RawName {
    pub(super) parts: Vec<String>,
    pub(super) at: usize,
    pub(super) length: usize,
}

const OPERATORS: [(&str, Operator); 7] = [
    ("!=", Operator::IsNot),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    (":", Operator::Is),
    ("=", Operator::Is),
    (">", Operator::Above),
    ("<", Operator::Below),
];

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text, position: 0, length: text.chars().count() }
    }

    pub(super) const fn length(&self) -> usize {
        self.length
    }

    pub(super) const fn position(&self) -> usize {
        self.position
    }

    pub(super) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Goes on by some bytes, which end between characters.
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        self.position += taken.chars().count();
        taken
    }

    pub(super) fn skip_space(&mut self) {
        let space = self.rest.len() - self.rest.trim_start().len();
        self.advance(space);
    }

    pub(super) fn take(&mut self, c: char) -> bool {
        self.skip_space();
        let is_there = self.rest.starts_with(c);
        if is_there {
            self.advance(c.len_utf8());
        }
        is_there
    }

    /// Whether a keyword stands here, by itself.
    pub(super) fn is_at_keyword(&self, keyword: &str) -> bool {
        let after = self.rest.strip_prefix(keyword).map(|rest| rest.chars().next());
        matches!(after, Some(None | Some('(' | ')'))) || matches!(after, Some(Some(c)) if c.is_whitespace())
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        self.skip_space();
        let is_there = self.is_at_keyword(keyword);
        if is_there {
            self.advance(keyword.len());
        }
        is_there
    }

    /// Takes a `-` or `NOT` before a term.
    pub(super) fn take_negation(&mut self) -> bool {
        if self.take_keyword("NOT") {
            return true;
        }
        let before_term = self.rest.strip_prefix('-').and_then(|rest| rest.chars().next());
        let is_there = before_term.is_some_and(|c| !c.is_whitespace());
        if is_there {
            self.advance(1);
        }
        is_there
    }

    /// Takes a name if one stands here with an operator after it.
    pub(super) fn take_name(&mut self) -> Option<RawName> {
        let first = self.peek()?;
        if !(first.is_alphabetic() || first == '_') {
            return None;
        }
        let (parts, length) = name_parts(self.rest)?;
        let after = self.rest.get(length..)?;
        let spaced = after.trim_start();
        // A colon belongs to the name before it; signs of comparison may stand apart.
        let has_operator =
            operator_at(after).is_some() || operator_at(spaced).is_some_and(|(text, _)| text != ":");
        if !has_operator {
            return None;
        }
        let at = self.position;
        self.advance(length);
        Some(RawName { parts, at, length: self.position - at })
    }

    /// Takes the operator that [`take_name`](Self::take_name) saw.
    pub(super) fn take_operator(&mut self) -> Operator {
        match operator_at(self.rest) {
            Some((text, operator)) => {
                self.advance(text.len());
                operator
            }
            None => Operator::Is,
        }
    }

    /// Takes everything up to white space or a closing parenthesis.
    pub(super) fn take_bare(&mut self) -> String {
        let end = self.rest.find(|c: char| c.is_whitespace() || c == ')').unwrap_or(self.rest.len());
        self.advance(end).to_owned()
    }

    /// Takes a text in quotation marks; a `\` makes the next character an ordinary one.
    pub(super) fn take_quoted(&mut self) -> Token {
        let Some((text, length)) = quoted(self.rest) else {
            self.advance(self.rest.len());
            return Token::Unclosed;
        };
        self.advance(length);
        Token::Text(text)
    }
}

fn operator_at(text: &str) -> Option<(&'static str, Operator)> {
    OPERATORS.into_iter().find(|(operator, _)| text.starts_with(operator))
}

/// The parts of the name that a text begins with, and its bytes. A part may stand in quotation marks.
fn name_parts(text: &str) -> Option<(Vec<String>, usize)> {
    let mut parts = Vec::new();
    let mut length = 0;
    loop {
        let rest = text.get(length..)?;
        if rest.starts_with('"') && !parts.is_empty() {
            let (part, bytes) = quoted(rest)?;
            parts.push(part);
            length += bytes;
        } else {
            let ends = |c: char| c.is_whitespace() || ".:=<>!\"()".contains(c);
            let bytes = rest.find(ends).unwrap_or(rest.len());
            parts.push(rest.get(..bytes)?.to_owned());
            length += bytes;
        }
        if !text.get(length..)?.starts_with('.') {
            return Some((parts, length));
        }
        length += 1;
    }
}

/// The text in quotation marks that a text begins with, and the bytes it takes with them.
fn quoted(text: &str) -> Option<(String, usize)> {
    let mut chars = text.char_indices().skip(1);
    let mut inside = String::new();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Some((inside, place + 1)),
            '\\' => inside.push(chars.next()?.1),
            _ => inside.push(c),
        }
    }
    None
}
