//! Which parts of a text changed: words for prose, lines for pretty-printed JSON.

use super::{Mark, Span};

/// Above this many comparisons (2 MB of lengths) two texts are shown whole, without marks inside.
const COMPARISONS_MAX: usize = 500_000;
/// Below this share of common text, marks inside are confetti: a third.
const COMMON_SHARE: usize = 3;

/// What a text is compared by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unit {
    /// Runs of letters and digits, runs of white space, single other characters.
    Word,
    /// Lines.
    Line,
}

/// The two texts with their differences marked; `None` where they share too little, or are too long.
pub(super) fn compare(before: &str, after: &str, unit: Unit) -> Option<(Vec<Span>, Vec<Span>)> {
    let (old, new) = (tokens(before, unit), tokens(after, unit));
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old_head, old) = old.split_at_checked(head)?;
    let new = new.get(head..)?;
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old, old_tail) = old.split_at_checked(old.len() - tail)?;
    let new = new.get(..new.len() - tail)?;
    if old.len().saturating_mul(new.len()) > COMPARISONS_MAX {
        return None;
    }

    let mut marked = Marked::default();
    marked.both(old_head);
    marked.walk(old, new);
    marked.both(old_tail);
    let longest = before.len().max(after.len());
    let is_alike = marked.common_bytes * COMMON_SHARE >= longest;
    is_alike.then(|| (joined(marked.before), joined(marked.after)))
}

/// Changed words with only white space between them are one change to the eye.
fn joined(spans: Vec<Span>) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    let mut rest = spans.into_iter().peekable();
    while let Some(span) = rest.next() {
        let is_between = joined.last().is_some_and(|last| last.mark == Mark::Changed)
            && rest.peek().is_some_and(|next| next.mark == Mark::Changed);
        let is_space = !span.text.contains('\n') && span.text.chars().all(char::is_whitespace);
        let mark = if is_between && is_space { Mark::Changed } else { span.mark };
        push(&mut joined, &span.text, mark);
    }
    joined
}

fn tokens(text: &str, unit: Unit) -> Vec<&str> {
    match unit {
        Unit::Line => text.split_inclusive('\n').collect(),
        Unit::Word => {
            let mut tokens = Vec::new();
            let mut rest = text;
            while let Some(first) = rest.chars().next() {
                let class = class(first);
                let end = if class == Class::Sign {
                    first.len_utf8()
                } else {
                    rest.find(|c| self::class(c) != class).unwrap_or(rest.len())
                };
                let (token, after) = rest.split_at(end);
                tokens.push(token);
                rest = after;
            }
            tokens
        }
    }
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

#[derive(Default)]
struct Marked {
    before: Vec<Span>,
    after: Vec<Span>,
    common_bytes: usize,
}

impl Marked {
    fn both(&mut self, tokens: &[&str]) {
        for token in tokens {
            push(&mut self.before, token, Mark::Same);
            push(&mut self.after, token, Mark::Same);
            self.common_bytes += token.len();
        }
    }

    /// Follows one longest common subsequence from the front.
    fn walk(&mut self, mut old: &[&str], mut new: &[&str]) {
        let lengths = common_lengths(old, new);
        let length = |old: usize, new: usize| lengths.get(old).and_then(|row| row.get(new)).copied();
        while let (Some((first_old, rest_old)), Some((first_new, rest_new))) =
            (old.split_first(), new.split_first())
        {
            if first_old == first_new {
                self.both(&[first_old]);
                (old, new) = (rest_old, rest_new);
            } else if length(rest_old.len(), new.len()) >= length(old.len(), rest_new.len()) {
                push(&mut self.before, first_old, Mark::Changed);
                old = rest_old;
            } else {
                push(&mut self.after, first_new, Mark::Changed);
                new = rest_new;
            }
        }
        for token in old {
            push(&mut self.before, token, Mark::Changed);
        }
        for token in new {
            push(&mut self.after, token, Mark::Changed);
        }
    }
}

/// Row `a`, column `b`: how many tokens the last `a` of `old` and the last `b` of `new` have in common.
fn common_lengths(old: &[&str], new: &[&str]) -> Vec<Vec<u32>> {
    let mut above = vec![0; new.len() + 1];
    let mut rows = vec![above.clone()];
    for old in old.iter().rev() {
        let mut row = Vec::with_capacity(above.len());
        let mut left = 0;
        row.push(left);
        for (new, pair) in new.iter().rev().zip(above.windows(2)) {
            if let [diagonal, up] = pair {
                left = if old == new { diagonal + 1 } else { left.max(*up) };
                row.push(left);
            }
        }
        rows.push(row.clone());
        above = row;
    }
    rows
}

fn push(spans: &mut Vec<Span>, text: &str, mark: Mark) {
    match spans.last_mut() {
        Some(last) if last.mark == mark => last.text.push_str(text),
        _ => spans.push(Span { text: text.to_owned(), mark }),
    }
}
