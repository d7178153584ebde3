//! The grammar of the filter language.
//!
//! ```text
//! filter     = terms ("OR" terms)*          OR and AND do not mix without parentheses
//! terms      = term ("AND"? term)*
//! term       = ("-" | "NOT") term | "(" filter ")" | condition | words
//! condition  = name operator value | name ":" "(" values ")"
//! operator   = ":" | "=" | "!=" | ">" | ">=" | "<" | "<="
//! value      = bare | quoted | range
//! ```
//!
//! In `name:( … )` the same grammar holds, with values in place of conditions.

use super::error::FilterError;
use super::scanner::{Scanner, Token};
use super::value::{Name, Operator, Value};
use super::{Filter, value};
use crate::text::Phrase;

/// Characters of a filter's text, at most: more than a screen full.
const CHARS_MAX: usize = 4096;

/// Conditions in a filter, at most: each may have to be looked at for every entry.
const CONDITIONS_MAX: usize = 200;

/// Nesting of parentheses and negations, at most.
const DEPTH_MAX: usize = 32;

/// Letters and digits beside a `*`, at least, in free words: fewer fit nearly everything.
const WILDCARD_LETTERS_MIN: usize = 2;

pub(super) fn parse(text: &str) -> Result<Filter, FilterError> {
    let scanner = Scanner::new(text);
    if scanner.length() > CHARS_MAX {
        let message = format!("the filter is longer than {CHARS_MAX} characters");
        return Err(mistake(CHARS_MAX, scanner.length() - CHARS_MAX, message));
    }
    let mut parser = Parser { scanner, depth: 0, conditions: 0 };
    parser.scanner.skip_space();
    if parser.scanner.is_at_end() {
        return Ok(Filter::all());
    }
    let filter = parser.filter(None)?;
    match parser.scanner.peek() {
        None => Ok(filter),
        Some(_) => Err(mistake(parser.scanner.position(), 1, "this `)` has no `(` before it".to_owned())),
    }
}

struct Parser<'a> {
    scanner: Scanner<'a>,
    depth: usize,
    conditions: usize,
}

/// The name before a group of values, and what stands between.
type Group<'g> = Option<(&'g Name, Operator)>;

impl Parser<'_> {
    /// Alternatives up to the end or a closing parenthesis.
    fn filter(&mut self, group: Group<'_>) -> Result<Filter, FilterError> {
        let mut alternatives = Vec::new();
        let mut or_at = None;
        let mut several = false;
        loop {
            let mut terms = self.terms(group)?;
            several |= terms.len() > 1;
            alternatives.push(if terms.len() == 1 { terms.remove(0) } else { Filter::And(terms) });
            let at = self.scanner.position();
            if !self.scanner.take_keyword("OR") {
                break;
            }
            or_at.get_or_insert(at);
        }
        match or_at {
            Some(at) if several => {
                let message = "AND and OR are mixed: which belongs together is not clear".to_owned();
                let hint = "Put parentheses around what belongs together: `a (b OR c)` or `(a b) OR c`.";
                Err(FilterError { hint: Some(hint.to_owned()), ..mistake(at, 2, message) })
            }
            Some(_) => Ok(Filter::Or(alternatives)),
            None => Ok(alternatives.pop().unwrap_or_else(Filter::all)),
        }
    }

    /// One term or more, all of which must hold.
    fn terms(&mut self, group: Group<'_>) -> Result<Vec<Filter>, FilterError> {
        let mut terms = vec![self.term(group)?];
        loop {
            self.scanner.skip_space();
            let goes_on = match self.scanner.peek() {
                None | Some(')') => false,
                Some(_) if self.scanner.is_at_keyword("OR") => false,
                Some(_) => {
                    self.scanner.take_keyword("AND");
                    true
                }
            };
            if !goes_on {
                return Ok(terms);
            }
            terms.push(self.term(group)?);
        }
    }

    fn term(&mut self, group: Group<'_>) -> Result<Filter, FilterError> {
        self.scanner.skip_space();
        let at = self.scanner.position();
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(mistake(at, 1, format!("the filter is nested deeper than {DEPTH_MAX} levels")));
        }
        let term = if self.scanner.take_negation() {
            self.term(group).map(|term| Filter::Not(Box::new(term)))
        } else if self.scanner.take('(') {
            self.enclosed(at, group)
        } else {
            self.leaf(group)
        };
        self.depth -= 1;
        term
    }

    /// What stands in parentheses, the opening one of which was at `opened`.
    fn enclosed(&mut self, opened: usize, group: Group<'_>) -> Result<Filter, FilterError> {
        let filter = self.filter(group)?;
        if self.scanner.take(')') {
            return Ok(filter);
        }
        let hint = Some(format!("Close the parenthesis at character {}.", opened + 1));
        let message = "a parenthesis is not closed".to_owned();
        Err(FilterError { hint, ..expected(mistake(self.scanner.position(), 0, message), &["`)`"]) })
    }

    fn leaf(&mut self, group: Group<'_>) -> Result<Filter, FilterError> {
        let at = self.scanner.position();
        for keyword in ["AND", "OR"] {
            if self.scanner.is_at_keyword(keyword) {
                let message = format!("`{keyword}` stands where a condition should");
                let hint = format!("To look for the word, put it in quotes: \"{keyword}\".");
                return Err(FilterError { hint: Some(hint), ..mistake(at, keyword.len(), message) });
            }
        }
        match self.scanner.peek() {
            None | Some(')') => {
                let what: &[&str] = if group.is_some() {
                    &["a value"]
                } else {
                    &["a condition such as `action:login`", "a word"]
                };
                return Err(expected(mistake(at, 0, "something is missing here".to_owned()), what));
            }
            Some(_) => {}
        }
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            return Err(mistake(at, 1, format!("the filter has more than {CONDITIONS_MAX} conditions")));
        }
        if let Some((name, operator)) = group {
            let value = self.value()?;
            return value::condition(name, operator, &value);
        }
        if self.scanner.peek() == Some('"') {
            let value = self.value()?;
            return words(&value);
        }
        match self.scanner.take_name() {
            Some(name) => self.condition(&Name::resolve(name)?),
            None => words(&Value {
                text: self.scanner.take_bare(),
                at,
                quoted: false,
                length: self.scanner.position() - at,
            }),
        }
    }

    /// What follows a name.
    fn condition(&mut self, name: &Name) -> Result<Filter, FilterError> {
        self.scanner.skip_space();
        let at = self.scanner.position();
        let operator = self.scanner.take_operator();
        if operator != Operator::Is {
            self.scanner.skip_space();
        }
        let opened = self.scanner.position();
        let is_equality = matches!(operator, Operator::Is | Operator::IsNot);
        let filter = if self.scanner.peek() == Some('(') && is_equality {
            self.scanner.take('(');
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(mistake(at, 1, format!("the filter is nested deeper than {DEPTH_MAX} levels")));
            }
            let filter = self.enclosed(opened, Some((name, Operator::Is)))?;
            self.depth -= 1;
            filter
        } else {
            let value = self.value()?;
            return value::condition(name, operator, &value);
        };
        Ok(if operator == Operator::IsNot { Filter::Not(Box::new(filter)) } else { filter })
    }

    fn value(&mut self) -> Result<Value, FilterError> {
        let at = self.scanner.position();
        let (text, quoted) = match self.scanner.peek() {
            Some('"') => match self.scanner.take_quoted() {
                Token::Text(text) => (text, true),
                Token::Unclosed => {
                    let message = "a quotation mark is not closed".to_owned();
                    let hint = Some("Inside quotes, write \\\" for a quotation mark.".to_owned());
                    let length = self.scanner.position() - at;
                    return Err(FilterError { hint, ..expected(mistake(at, length, message), &["`\"`"]) });
                }
            },
            _ => (self.scanner.take_bare(), false),
        };
        if text.is_empty() && !quoted {
            return Err(expected(mistake(at, 0, "the value is missing".to_owned()), &["a value"]));
        }
        Ok(Value { text, at, quoted, length: self.scanner.position() - at })
    }
}

/// Free words.
fn words(value: &Value) -> Result<Filter, FilterError> {
    let phrase = if value.quoted { Phrase::literal(&value.text) } else { Phrase::parse(&value.text) };
    if phrase.globs().is_empty() {
        return Err(value.mistake("there is no letter or digit to look for".to_owned()));
    }
    let is_vague =
        |glob: &crate::text::Glob| glob.as_literal().is_none() && glob.letters() < WILDCARD_LETTERS_MIN;
    if phrase.globs().iter().any(is_vague) {
        let message = format!("beside a `*` there must be at least {WILDCARD_LETTERS_MIN} letters or digits");
        let hint = "Write more of the word, or name the field: `actor:a*`.".to_owned();
        return Err(FilterError { hint: Some(hint), ..value.mistake(message) });
    }
    Ok(Filter::Words(phrase))
}

pub(super) fn mistake(position: usize, length: usize, message: String) -> FilterError {
    FilterError { position, length, message, expected: Vec::new(), hint: None }
}

pub(super) fn expected(error: FilterError, what: &[&str]) -> FilterError {
    FilterError { expected: what.iter().map(|what| (*what).to_owned()).collect(), ..error }
}
