//! The values on either side of a change, cut into pieces that changed and pieces that did not.

use serde_json::Value as Json;

use super::text;
use model::diff::Unit;
use model::mask::is_marker;

use super::words::compare;

/// One value of a field.
#[derive(Clone, Debug, Default)]
pub struct Value {
    /// What sort of value it is.
    pub state: ValueState,
    /// Its text in pieces; empty unless the state says [`ValueState::Text`] or [`ValueState::Json`].
    pub spans: Vec<Span>,
    /// Where it is long: the start of it, and what opening it shows ("Show all 214 lines").
    pub fold: Option<(String, String)>,
}

/// What sort of value it is. Null, nothing and empty are three different things.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueState {
    /// The field is not there.
    #[default]
    Missing,
    /// The field is null.
    Null,
    /// The field is an empty text.
    Empty,
    /// The value was erased or has expired.
    Erased,
    /// The value was masked by its sender.
    Masked,
    /// A text.
    Text,
    /// A number, true, false, a list or an object.
    Json,
}

/// A piece of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its text.
    pub text: String,
    /// Whether it changed.
    pub mark: Mark,
}

/// Whether a piece of a value changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It is the same on both sides.
    Same,
    /// It is only on this side.
    Changed,
    /// It is the same on both sides, long, and left out: the text says how much.
    Gap,
}

/// An unchanged piece longer than this is left out but for its ends.
const SAME_CHARS_MAX: usize = 480;
/// How much of it stays beside a change.
const SAME_CHARS_KEPT: usize = 120;
/// A value longer than this is folded.
const OPEN_CHARS_MAX: usize = 1_600;
/// Or with more lines than this.
const OPEN_LINES_MAX: usize = 40;
/// No more of one value is drawn than this, opened or not: the raw JSON has all of it.
const DRAWN_CHARS_MAX: usize = 30_000;
/// How much of a folded value shows.
const PREVIEW_CHARS: usize = 120;

impl Value {
    /// A value as it is in JSON, `None` where there is none.
    #[must_use]
    pub fn of(value: Option<&Json>) -> Self {
        let (state, text) = match value {
            None => (ValueState::Missing, String::new()),
            Some(Json::Null) => (ValueState::Null, String::new()),
            Some(Json::String(text)) if text.is_empty() => (ValueState::Empty, String::new()),
            Some(Json::String(text)) if is_marker(text) => (ValueState::Masked, String::new()),
            Some(Json::String(text)) => (ValueState::Text, text.clone()),
            Some(value @ (Json::Bool(_) | Json::Number(_))) => (ValueState::Json, value.to_string()),
            Some(value @ (Json::Array(_) | Json::Object(_))) => (ValueState::Json, format!("{value:#}")),
        };
        let spans = if text.is_empty() { Vec::new() } else { vec![Span { text, mark: Mark::Same }] };
        Self { state, spans, fold: None }
    }

    /// Marks what differs: words in two texts, lines in two JSON values, else all of both.
    pub(super) fn mark(old: &mut Self, new: &mut Self) {
        let unit = match (old.state, new.state) {
            (ValueState::Text, ValueState::Text) => Some(Unit::Word),
            (ValueState::Json, ValueState::Json) => Some(Unit::Line),
            _ => None,
        };
        let compare = |unit: Unit| compare(&old.text(), &new.text(), unit);
        // Long texts have too many words to compare, but not too many lines.
        let by_lines = || compare(Unit::Line).filter(|_| old.text().lines().nth(OPEN_LINES_MAX).is_some());
        let marked = unit.and_then(|unit| compare(unit).or_else(by_lines));
        if let Some((before, after)) = marked {
            (old.spans, new.spans) = (mirrored(before.clone(), &after), mirrored(after, &before));
        } else {
            old.spans.iter_mut().chain(&mut new.spans).for_each(|span| span.mark = Mark::Changed);
        }
        for value in [old, new].into_iter().filter(|value| value.state == ValueState::Json) {
            value.spans = std::mem::take(&mut value.spans).into_iter().flat_map(indent_unmarked).collect();
        }
    }

    /// The same without what is far from any change, folded if it is still long.
    pub(super) fn shortened(mut self) -> Self {
        let has_change = self.spans.iter().any(|span| span.mark == Mark::Changed);
        let has_same = self.spans.iter().any(|span| span.mark == Mark::Same);
        if has_change && has_same {
            let last = self.spans.len() - 1;
            let near = |(place, span)| near_changes(span, place > 0, place < last);
            self.spans = self.spans.into_iter().enumerate().flat_map(near).collect();
        }
        self.spans.retain(|span| !span.text.is_empty());
        let text = self.text();
        let (lines, chars) = (text.lines().count(), text.chars().count());
        if lines > OPEN_LINES_MAX || chars > OPEN_CHARS_MAX {
            // Two long values often begin alike: the preview is worth looking at where they part.
            let first = self.spans.iter().position(|span| span.mark == Mark::Changed).unwrap_or(0);
            let shown: String = self
                .spans
                .iter()
                .skip(first)
                .flat_map(|span| span.text.chars())
                .take(PREVIEW_CHARS)
                .collect();
            let start = if first > 0 { "…" } else { "" };
            let preview = format!("{start}{}", shown.split_whitespace().collect::<Vec<_>>().join(" "));
            let size = if lines > OPEN_LINES_MAX { (lines, "lines") } else { (chars, "characters") };
            let size_text = text::thousands(u64::try_from(size.0).unwrap_or(u64::MAX));
            self.fold = Some((preview, format!("Show all {size_text} {}", size.1)));
        }
        self
    }

    /// The same with no more of its text than there is room for, which it takes. What is left out is counted.
    pub(super) fn within(mut self, room: &mut usize) -> Self {
        let mut left = (*room).min(DRAWN_CHARS_MAX);
        let mut left_out = 0;
        for span in self.spans.iter_mut().filter(|span| span.mark != Mark::Gap) {
            let chars = span.text.chars().count();
            if chars > left {
                span.text = span.text.chars().take(left).collect();
                left_out += chars - left;
            }
            left -= chars.min(left);
            *room -= span.text.chars().count().min(*room);
        }
        if left_out > 0 {
            self.spans.retain(|span| !span.text.is_empty());
            if let Some((_, offer)) = &mut self.fold {
                *offer = offer.replacen("Show all", "Show the start of", 1);
            }
            let words = text::count(u64::try_from(left_out).unwrap_or(u64::MAX), "character", "characters");
            self.spans
                .push(Span { text: format!("{words} not drawn; the raw JSON has them"), mark: Mark::Gap });
        }
        self
    }

    /// Whether there is a field with this value at all.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.state != ValueState::Missing
    }

    fn text(&self) -> String {
        self.spans.iter().map(|span| span.text.as_str()).collect()
    }
}

/// Where all of a side is unchanged, as before a pure insertion: an empty change at each place where the other side has
/// one, so that what is far from it is left out on both sides.
fn mirrored(side: Vec<Span>, other: &[Span]) -> Vec<Span> {
    if side.iter().any(|span| span.mark == Mark::Changed) {
        return side;
    }
    let empty = || Span { text: String::new(), mark: Mark::Changed };
    let mirror = |span: &Span| if span.mark == Mark::Same { span.clone() } else { empty() };
    let mirrored: Vec<Span> = other.iter().map(mirror).collect();
    let text = |spans: &[Span]| spans.iter().map(|span| span.text.as_str()).collect::<String>();
    if text(&mirrored) == text(&side) { mirrored } else { side }
}

/// A changed piece of pretty-printed JSON with its indentation left unmarked, line by line.
fn indent_unmarked(span: Span) -> Vec<Span> {
    if span.mark != Mark::Changed || !span.text.contains('\n') {
        return vec![span];
    }
    let mut pieces = Vec::new();
    for line in span.text.split_inclusive('\n') {
        let (indent, rest) = line.split_at(line.len() - line.trim_start_matches(' ').len());
        pieces.push(Span { text: indent.to_owned(), mark: Mark::Same });
        pieces.push(Span { text: rest.to_owned(), mark: Mark::Changed });
    }
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

/// Of a long unchanged piece, the end that a change follows and the start that follows one.
fn near_changes(span: Span, is_after_change: bool, is_before_change: bool) -> Vec<Span> {
    let chars = span.text.chars().count();
    if span.mark != Mark::Same || chars <= SAME_CHARS_MAX {
        return vec![span];
    }
    let (mut start, mut end) = (String::new(), String::new());
    if is_after_change {
        start = span.text.chars().take(SAME_CHARS_KEPT).collect();
        start.truncate(start.rfind(char::is_whitespace).unwrap_or(start.len()));
    }
    if is_before_change {
        end = span.text.chars().skip(chars - SAME_CHARS_KEPT).collect();
        end = end.split_once(char::is_whitespace).map_or(end.clone(), |(_, rest)| rest.to_owned());
    }
    let left_out = chars - start.chars().count() - end.chars().count();
    let words = text::count(u64::try_from(left_out).unwrap_or(u64::MAX), "character", "characters");
    let gap = Span { text: format!("{words} unchanged"), mark: Mark::Gap };
    let is_there = |span: &Span| !span.text.is_empty();
    [Span { text: start, mark: Mark::Same }, gap, Span { text: end, mark: Mark::Same }]
        .into_iter()
        .filter(is_there)
        .collect()
}
