//! Which parts of a text changed, as spans to be drawn.

use model::diff::{self, Piece, Unit};

use super::{Mark, Span};

/// Below this share of common text, marks inside are confetti: a third.
const COMMON_SHARE: usize = 3;

/// The two texts with their differences marked; `None` where they share too little, or are too long.
pub(super) fn compare(before: &str, after: &str, unit: Unit) -> Option<(Vec<Span>, Vec<Span>)> {
    let pieces = diff::words(before, after, unit)?;
    let longest = before.len().max(after.len());
    let is_alike = pieces.common_bytes * COMMON_SHARE >= longest;
    is_alike.then(|| (joined(&pieces.before), joined(&pieces.after)))
}

/// Changed words with only white space between them are one change to the eye.
fn joined(pieces: &[Piece<'_>]) -> Vec<Span> {
    let mut joined: Vec<Span> = Vec::new();
    let mut rest = pieces.iter().peekable();
    while let Some(piece) = rest.next() {
        let is_between = joined.last().is_some_and(|last| last.mark == Mark::Changed)
            && rest.peek().is_some_and(|next| next.is_changed);
        let is_space = !piece.text.contains('\n') && piece.text.chars().all(char::is_whitespace);
        let is_changed = piece.is_changed || (is_between && is_space);
        let mark = if is_changed { Mark::Changed } else { Mark::Same };
        match joined.last_mut() {
            Some(last) if last.mark == mark => last.text.push_str(piece.text),
            _ => joined.push(Span { text: piece.text.to_owned(), mark }),
        }
    }
    joined
}
