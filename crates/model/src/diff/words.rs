//! Which parts of a text changed: words for prose and markup, lines for what is long or laid out.

use std::collections::HashMap;

use super::lcs::{Budget, common};

/// Steps of comparing two texts; some milliseconds.
const STEPS_MAX: usize = 1_000_000;
/// A tag longer than this is compared by its words.
const TAG_BYTES_MAX: usize = 400;

/// What a text is compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Runs of letters and digits, runs of white space, tags of HTML as a whole, single other characters.
    Word,
    /// Lines.
    Line,
}

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'t> {
    /// What it says.
    pub text: &'t str,
    /// Whether only this side has it.
    pub is_changed: bool,
}

/// Two texts in pieces; what did not change is the same on both sides, in the same order.
#[derive(Clone, Debug, Default)]
pub struct Pieces<'t> {
    /// All of the text before.
    pub before: Vec<Piece<'t>>,
    /// All of the text after.
    pub after: Vec<Piece<'t>>,
    /// Bytes that both have in common.
    pub common_bytes: usize,
}

/// What two texts have in common and what not; `None` when that takes too long to find out.
#[must_use]
pub fn words<'t>(before: &'t str, after: &'t str, unit: Unit) -> Option<Pieces<'t>> {
    let (old, new) = (tokens(before, unit), tokens(after, unit));
    let mut known: HashMap<&str, u32> = HashMap::new();
    let mut number = |token: &&'t str| {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        *known.entry(token).or_insert(next)
    };
    let old_numbers: Vec<u32> = old.iter().map(&mut number).collect();
    let new_numbers: Vec<u32> = new.iter().map(&mut number).collect();
    let mut pairs = common(&old_numbers, &new_numbers, &mut Budget::new(STEPS_MAX))?;
    draw_spaces_to_what_follows(&mut pairs, &old, &new);

    let (mut left, mut right) = (Side::of(before), Side::of(after));
    let (mut at, mut to, mut common_bytes) = (0, 0, 0);
    for (old_place, new_place) in pairs.into_iter().chain([(old.len(), new.len())]) {
        left.push_all(old.get(at..old_place)?);
        right.push_all(new.get(to..new_place)?);
        if let Some(token) = old.get(old_place) {
            left.push(token, false);
            right.push(token, false);
            common_bytes += token.len();
        }
        (at, to) = (old_place + 1, new_place + 1);
    }
    Some(Pieces { before: left.pieces, after: right.pieces, common_bytes })
}

/// One blank is as good as another, so that a longest common subsequence may take the one after the first of
/// two new words. The one before the next common word is better: "Open \[on seven\] days" rather than
/// "Open \[on\] \[seven \]days".
fn draw_spaces_to_what_follows(pairs: &mut [(usize, usize)], old: &[&str], new: &[&str]) {
    let (mut next_at, mut next_to) = (old.len(), new.len());
    for (at, to) in pairs.iter_mut().rev() {
        let blank = old.get(*at).filter(|token| token.chars().all(char::is_whitespace));
        let is_before = |side: &[&str], next: usize| blank.is_some() && side.get(next - 1) == blank;
        if is_before(old, next_at) {
            *at = next_at - 1;
        }
        if is_before(new, next_to) {
            *to = next_to - 1;
        }
        (next_at, next_to) = (*at, *to);
    }
}

/// One of the texts, cut up to some place.
struct Side<'t> {
    text: &'t str,
    pieces: Vec<Piece<'t>>,
    /// Where the last piece starts and ends.
    last: std::ops::Range<usize>,
}

impl<'t> Side<'t> {
    fn of(text: &'t str) -> Self {
        Self { text, pieces: Vec::new(), last: 0..0 }
    }

    fn push_all(&mut self, tokens: &[&str]) {
        for token in tokens {
            self.push(token, true);
        }
    }

    /// Cuts off the next token; one that goes on as the piece before becomes part of it.
    fn push(&mut self, token: &str, is_changed: bool) {
        let goes_on = self.pieces.last().is_some_and(|last| last.is_changed == is_changed);
        if goes_on {
            self.pieces.pop();
        } else {
            self.last.start = self.last.end;
        }
        self.last.end += token.len();
        let text = self.text.get(self.last.clone()).unwrap_or_default();
        self.pieces.push(Piece { text, is_changed });
    }
}

fn tokens(text: &str, unit: Unit) -> Vec<&str> {
    match unit {
        Unit::Line => text.split_inclusive('\n').collect(),
        Unit::Word => {
            let mut tokens = Vec::new();
            let mut rest = text;
            while let Some(first) = rest.chars().next() {
                let end = token_end(rest, first);
                let (token, after) = rest.split_at(end);
                tokens.push(token);
                rest = after;
            }
            tokens
        }
    }
}

fn token_end(text: &str, first: char) -> usize {
    let class = class(first);
    if class != Class::Sign {
        return text.find(|c| self::class(c) != class).unwrap_or(text.len());
    }
    if let Some(end) = tag_end(text) { end } else { first.len_utf8() }
}

/// Where a tag (`<p class="lead">`) or a character reference (`&amp;`) ends that starts here.
fn tag_end(text: &str) -> Option<usize> {
    let (closing, is_inside): (char, fn(char) -> bool) = match text.bytes().next()? {
        b'<' => ('>', |c| c != '<'),
        b'&' => (';', |c| c.is_ascii_alphanumeric() || c == '#'),
        _ => return None,
    };
    let opens = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '#');
    let mut chars = text.char_indices().skip(1);
    chars.next().filter(|(_, c)| opens(*c))?;
    for (at, c) in chars {
        if c == closing {
            return Some(at + 1);
        }
        if at > TAG_BYTES_MAX || !is_inside(c) {
            return None;
        }
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Space,
    Sign,
}

fn class(c: char) -> Class {
    if c.is_alphanumeric() {
        Class::Word
    } else if c.is_whitespace() {
        Class::Space
    } else {
        Class::Sign
    }
}
