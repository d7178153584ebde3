//! Which documents of a shard a filter finds.
//!
//! The answer is exact, or it has more than the filter finds and says so: then the entries themselves are
//! asked. It never has less. The meaning is [`Filter::matches`]; the differential tests hold this to it.

use std::collections::{HashMap, HashSet};

use model::filter::{Field, Network, Part, Span, Test};
use model::text::{Glob, Phrase, fold, words};
use model::{Decimal, Filter, SortColumn, order};
use uuid::Uuid;

use super::IndexError;
use super::docs::Docs;
use super::pick::Ranks;
use super::schema::split_time;
use super::shard::{Shard, to_log};
use super::terms::{self, HashKey, WHOLE_BYTES_MAX};
use crate::store::LogNumber;

/// What a filter finds in a shard.
#[derive(Debug)]
struct Found {
    docs: Docs,
    /// Whether these are exactly the documents that match, rather than those and more.
    exact: bool,
}

impl Found {
    const fn exactly(docs: Docs) -> Self {
        Self { docs, exact: true }
    }

    const fn at_most(docs: Docs) -> Self {
        Self { docs, exact: false }
    }

    /// Anything may match.
    const fn unknown() -> Self {
        Self::at_most(Docs::All)
    }

    fn and(self, other: Self) -> Self {
        // Nothing is exactly nothing, whatever else was asked.
        let docs = self.docs.and(other.docs);
        let exact = (self.exact && other.exact) || docs.is_none();
        Self { docs, exact }
    }

    fn or(self, other: Self) -> Self {
        Self { docs: self.docs.or(other.docs), exact: self.exact && other.exact }
    }
}

/// What does not depend on the shard.
pub(in crate::search) struct Question<'a> {
    pub(in crate::search) key: &'a HashKey,
    /// The ids of the sites by their logs.
    pub(in crate::search) sites: &'a HashMap<LogNumber, String>,
    /// Where the entries are whose ids the filter names.
    pub(in crate::search) ids: &'a HashMap<Uuid, Vec<(LogNumber, u64)>>,
    /// Called now and then; may end the search.
    pub(in crate::search) tick: &'a dyn Fn() -> Result<(), IndexError>,
}

/// The ids that a filter names, which are looked up before shards are asked.
pub(in crate::search) fn named_ids(filter: &Filter, ids: &mut HashSet<Uuid>) {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => {
            for filter in filters {
                named_ids(filter, ids);
            }
        }
        Filter::Not(filter) => named_ids(filter, ids),
        Filter::Text { field: Field::Id, pattern } => ids.extend(whole_id(&pattern.folded)),
        Filter::Words(phrase) => {
            if let [only] = phrase.globs() {
                ids.extend(whole_id(only));
            }
        }
        Filter::Text { .. }
        | Filter::Occurred(_)
        | Filter::Recorded(_)
        | Filter::Duration(_)
        | Filter::Index(_)
        | Filter::Ip(_)
        | Filter::Changed(_)
        | Filter::Inside { .. } => {}
    }
}

fn whole_id(glob: &Glob) -> Option<Uuid> {
    glob.as_literal().filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok())
}

/// What a filter finds in a shard, of the logs that are asked.
pub(in crate::search) struct ShardDocs {
    pub(super) docs: Docs,
    exact: bool,
}

impl ShardDocs {
    /// Whether all of them match.
    pub(in crate::search) const fn is_sure(&self) -> bool {
        self.exact
    }

    /// Where their entries are, by log and index.
    pub(in crate::search) fn places(&self, shard: &Shard) -> Vec<(LogNumber, u64)> {
        let place = |doc| (to_log(shard.log.get_val(doc)), shard.index.get_val(doc));
        let mut places: Vec<_> = self.docs.iter(0, shard.docs).map(place).collect();
        places.sort_unstable();
        places
    }
}

impl Question<'_> {
    /// What a filter finds in a shard, of the logs that are asked.
    pub(in crate::search) fn ask(
        &self,
        shard: &Shard,
        filter: &Filter,
        ranks: &Ranks,
    ) -> Result<ShardDocs, IndexError> {
        if ranks.miss(shard) {
            return Ok(ShardDocs { docs: Docs::None, exact: true });
        }
        let found = self.evaluate(shard, filter)?;
        if found.docs.is_none() {
            return Ok(ShardDocs { docs: Docs::None, exact: true });
        }
        Ok(ShardDocs { docs: ranks.restrict(shard, found.docs)?, exact: found.exact })
    }

    fn evaluate(&self, shard: &Shard, filter: &Filter) -> Result<Found, IndexError> {
        (self.tick)()?;
        match filter {
            Filter::And(filters) => self.all(shard, filters),
            Filter::Or(filters) => {
                let mut found = Found::exactly(Docs::None);
                for filter in filters {
                    found = found.or(self.evaluate(shard, filter)?);
                }
                Ok(found)
            }
            Filter::Not(filter) => {
                let found = self.evaluate(shard, filter)?;
                // What matches only perhaps may not be left out.
                Ok(if found.exact { Found::exactly(found.docs.not(shard.docs)) } else { Found::unknown() })
            }
            Filter::Text { field, pattern } => self.text(shard, *field, &pattern.written, &pattern.folded),
            Filter::Words(phrase) => self.words(shard, phrase),
            Filter::Occurred(span) => Ok(occurred(shard, span)),
            Filter::Recorded(span) => {
                let ms = |time: &jiff::Timestamp| time.as_nanosecond();
                let (from, to) = (span.from.as_ref().map(ms), span.to.as_ref().map(ms));
                let within = |_, value: i64| {
                    let ns = i128::from(value) * 1_000_000;
                    from.is_none_or(|from| ns >= from) && to.is_none_or(|to| ns <= to)
                };
                Ok(Found::exactly(shard.with_number(shard.recorded_ms.as_ref(), &Docs::All, within)))
            }
            Filter::Duration(span) => {
                let Some(column) = &shard.duration_ms else { return Ok(Found::exactly(Docs::None)) };
                let whole = whole(span);
                let within = |doc, _| {
                    whole.as_ref().is_some_and(|(from, to)| {
                        column.first(doc).is_some_and(|value| (*from..=*to).contains(&value))
                    })
                };
                Ok(Found::exactly(shard.with_number(shard.index.as_ref(), &Docs::All, within)))
            }
            Filter::Index(span) => {
                let Some((from, to)) = whole(span) else { return Ok(Found::exactly(Docs::None)) };
                let within = |_, value| (from..=to).contains(&value);
                Ok(Found::exactly(shard.with_number(shard.index.as_ref(), &Docs::All, within)))
            }
            Filter::Ip(network) => addresses(shard, network),
            Filter::Changed(glob) => self.changed(shard, glob),
            Filter::Inside { part, path, test } => self.inside(shard, *part, path, test),
        }
    }

    /// The cheap conditions first: once nothing is left, the others need not be asked.
    fn all(&self, shard: &Shard, filters: &[Filter]) -> Result<Found, IndexError> {
        let mut ordered: Vec<&Filter> = filters.iter().collect();
        ordered.sort_by_key(|filter| cost(filter));
        let mut found = Found::exactly(Docs::All);
        for filter in ordered {
            found = found.and(self.evaluate(shard, filter)?);
            if found.docs.is_none() {
                return Ok(Found::exactly(Docs::None));
            }
        }
        Ok(found)
    }

    fn text(&self, shard: &Shard, field: Field, written: &Glob, folded: &Glob) -> Result<Found, IndexError> {
        match field {
            Field::Actor => {
                let mut found = self.value(shard, Field::ActorId, written)?;
                found = found.or(self.value(shard, Field::ActorName, folded)?);
                found = found.or(self.value(shard, Field::ActorEmail, folded)?);
                Ok(found.or(self.terms(shard, &terms::of_nobody(), folded, true)?))
            }
            Field::Entity => {
                let found = self.value(shard, Field::EntityId, written)?;
                Ok(found.or(self.words_of(shard, folded)?))
            }
            Field::ActorName
            | Field::ActorEmail
            | Field::ActorRole
            | Field::ActorType
            | Field::Ip
            | Field::Reverts => self.value(shard, field, folded),
            Field::ActorId
            | Field::Action
            | Field::EntityType
            | Field::EntityId
            | Field::PreviousId
            | Field::RequestId => self.value(shard, field, written),
            Field::Kind => column(shard, SortColumn::Kind, folded, true),
            Field::Outcome => column(shard, SortColumn::Outcome, folded, true),
            Field::Connector => column(shard, SortColumn::Connector, folded, true),
            Field::Source => column(shard, SortColumn::Source, folded, true),
            Field::Channel => column(shard, SortColumn::Channel, folded, true),
            Field::Method => column(shard, SortColumn::Method, folded, true),
            Field::Route => column(shard, SortColumn::Route, written, false),
            Field::Ref => column(shard, SortColumn::Ref, written, false),
            Field::Site => {
                let fits = |log| self.sites.get(&log).is_some_and(|site| written.matches(site));
                let within = |_, log| fits(to_log(log));
                Ok(Found::exactly(shard.with_number(shard.log.as_ref(), &Docs::All, within)))
            }
            Field::Id => match whole_id(folded) {
                Some(id) => Ok(Found::exactly(self.at(shard, id))),
                None => Ok(Found::unknown()),
            },
            Field::CorrelationId => match whole_id(folded) {
                Some(id) => Ok(Found::at_most(shard.with_term(&terms::of_word(&id.to_string()))?)),
                None => self.words_of(shard, folded),
            },
            Field::OnBehalfOf
            | Field::EntityTitle
            | Field::EntityUrl
            | Field::UserAgent
            | Field::Path
            | Field::Query
            | Field::SessionId
            | Field::Summary
            | Field::Reason
            | Field::Error => self.words_of(shard, folded),
        }
    }

    /// A field whose values are terms.
    fn value(&self, shard: &Shard, field: Field, glob: &Glob) -> Result<Found, IndexError> {
        if let Some(literal) = glob.as_literal() {
            let (term, whole) = terms::of_value(field, literal);
            let docs = shard.with_term(&term)?;
            return Ok(if whole { Found::exactly(docs) } else { Found::at_most(docs) });
        }
        self.terms(shard, &terms::of_field(field), glob, false)
    }

    /// The terms after a head that fit; a literal is looked up.
    fn terms(&self, shard: &Shard, head: &[u8], glob: &Glob, exact_word: bool) -> Result<Found, IndexError> {
        if let Some(literal) = glob.as_literal().filter(|_| exact_word) {
            return Ok(Found::exactly(shard.with_term(&[head, literal.as_bytes()].concat())?));
        }
        let mut whole = true;
        let skip = head.len();
        let prefix = [head, terms::cut(glob.prefix()).as_bytes()].concat();
        let fits = |term: &[u8]| {
            let value = term.get(skip..).unwrap_or_default();
            // A value that was cut may fit beyond what is known of it.
            let is_cut = value.len() > WHOLE_BYTES_MAX;
            whole &= !is_cut;
            is_cut || std::str::from_utf8(value).is_ok_and(|value| glob.matches(value))
        };
        let docs = shard.with_terms(&prefix, fits, self.tick)?;
        Ok(if whole { Found::exactly(docs) } else { Found::at_most(docs) })
    }

    fn at(&self, shard: &Shard, id: Uuid) -> Docs {
        let places = self.ids.get(&id).map_or(&[][..], Vec::as_slice);
        let logs = &shard.summary().logs;
        let here: Vec<_> = places
            .iter()
            .filter(|(log, index)| logs.get(log).is_some_and(|range| range.contains(index)))
            .collect();
        if here.is_empty() {
            return Docs::None;
        }
        shard.with_number(shard.index.as_ref(), &Docs::All, |doc, index| {
            here.iter().any(|(log, at)| *at == index && to_log(shard.log.get_val(doc)) == *log)
        })
    }

    fn words(&self, shard: &Shard, phrase: &Phrase) -> Result<Found, IndexError> {
        let mut found = Found::exactly(Docs::All);
        for glob in phrase.globs() {
            found = found.and(Found::exactly(self.word(shard, glob)?));
            if found.docs.is_none() {
                break;
            }
        }
        match phrase.globs() {
            [] => Ok(Found::exactly(Docs::None)),
            [only] => Ok(match whole_id(only) {
                Some(id) => found.or(Found::exactly(self.at(shard, id))),
                None => found,
            }),
            // The index does not know in which order words stand, nor whether in one text.
            _ => Ok(if found.docs.is_none() { found } else { Found::at_most(found.docs) }),
        }
    }

    /// The documents with a word.
    fn word(&self, shard: &Shard, glob: &Glob) -> Result<Docs, IndexError> {
        if let Some(literal) = glob.as_literal() {
            return shard.with_term(&terms::of_word(literal));
        }
        let prefix = [terms::WORDS, glob.prefix().as_bytes()].concat();
        let fits = |term: &[u8]| glob.is_prefix() || glob.matches(&terms::word_of(term));
        let mut docs = shard.with_terms(&prefix, fits, self.tick)?;
        if may_begin_uuid(glob.prefix()) {
            let fits = |term: &[u8]| glob.matches(&terms::word_of(term));
            docs = docs.or(shard.with_terms(&uuid_prefix(glob.prefix()), fits, self.tick)?);
        }
        Ok(docs)
    }

    /// The documents that have the words which every fitting text has.
    fn words_of(&self, shard: &Shard, glob: &Glob) -> Result<Found, IndexError> {
        let mut docs = Docs::All;
        let mut patterns = words_in(glob);
        // Looking through a dictionary is for when nothing else narrows the search down.
        let is_costly = |pattern: &Glob| pattern.prefix().is_empty();
        if patterns.iter().any(|pattern| !is_costly(pattern)) {
            patterns.retain(|pattern| !is_costly(pattern));
        } else {
            patterns.truncate(1);
        }
        for pattern in &patterns {
            docs = docs.and(self.word(shard, pattern)?);
            if docs.is_none() {
                return Ok(Found::exactly(Docs::None));
            }
        }
        Ok(Found::at_most(docs))
    }

    fn changed(&self, shard: &Shard, glob: &Glob) -> Result<Found, IndexError> {
        let name = |text: &str| shard.with_term(&[terms::CHANGES, terms::cut(text).as_bytes()].concat());
        let Some(literal) = glob.as_literal() else {
            let docs = shard.with_terms(terms::CHANGES, |_| true, self.tick)?;
            return Ok(if glob.is_any() { Found::exactly(docs) } else { Found::at_most(docs) });
        };
        let docs = name(literal)?;
        if !literal.contains('.') {
            let is_whole = literal.len() <= WHOLE_BYTES_MAX;
            return Ok(if is_whole { Found::exactly(docs) } else { Found::at_most(docs) });
        }
        // A path below a changed field, or one field with a dot in its name.
        let mut ends = literal.char_indices().filter(|(_, c)| *c == '.').map(|(end, _)| end);
        let above =
            ends.try_fold(docs, |docs, end| Ok::<_, IndexError>(docs.or(name(literal.split_at(end).0)?)))?;
        Ok(Found::at_most(above))
    }

    fn inside(&self, shard: &Shard, part: Part, path: &[String], test: &Test) -> Result<Found, IndexError> {
        let there = shard.with_term(&terms::of_path(self.key, part, path))?;
        if there.is_none() {
            return Ok(Found::exactly(Docs::None));
        }
        let value = |text: &str| shard.with_term(&terms::of_inside_text(self.key, part, path, text));
        match test {
            Test::Exists => Ok(Found::exactly(there)),
            Test::Number(_) | Test::Time(_) => Ok(Found::at_most(there)),
            // Without a path any value counts; only their words are known then.
            Test::Fits(glob) | Test::Equals(glob, _) if path.is_empty() => {
                // A number may be written otherwise.
                let has_words = matches!(test, Test::Fits(_)) && !is_word(glob);
                let words = if has_words { self.words_of(shard, glob)? } else { Found::unknown() };
                Ok(Found::at_most(there).and(words))
            }
            Test::Fits(glob) => {
                match glob.as_literal().filter(|text| text.len() <= terms::INSIDE_BYTES_MAX) {
                    Some(literal) => match Decimal::parse(literal) {
                        Some(number) => {
                            let docs =
                                value(literal)?.or(self.number(shard, part, path, &number)?.unwrap_or(there));
                            Ok(Found::at_most(docs))
                        }
                        None => Ok(Found::exactly(value(literal)?)),
                    },
                    None if is_word(glob) => Ok(Found::at_most(there)),
                    None => Ok(Found::at_most(there).and(self.words_of(shard, glob)?)),
                }
            }
            Test::Equals(glob, number) => {
                let text = glob.as_literal().unwrap_or_default();
                let numbers = self.number(shard, part, path, number)?;
                match numbers.filter(|_| text.len() <= terms::INSIDE_BYTES_MAX) {
                    Some(numbers) => Ok(Found::exactly(value(text)?.or(numbers))),
                    None => Ok(Found::at_most(there)),
                }
            }
        }
    }

    /// The documents with a number; `None` when such numbers are no terms.
    fn number(
        &self,
        shard: &Shard,
        part: Part,
        path: &[String],
        number: &Decimal,
    ) -> Result<Option<Docs>, IndexError> {
        terms::of_inside_number(self.key, part, path, number).map(|term| shard.with_term(&term)).transpose()
    }
}

/// Roughly how much a condition costs to find.
fn cost(filter: &Filter) -> u32 {
    match filter {
        Filter::Text { pattern, .. } if pattern.written.as_literal().is_some() => 0,
        Filter::Words(phrase) if phrase.globs().iter().all(|glob| glob.as_literal().is_some()) => 0,
        Filter::Changed(_) | Filter::Inside { .. } => 1,
        Filter::Text { pattern, .. } if pattern.written.is_prefix() => 2,
        Filter::Occurred(_)
        | Filter::Recorded(_)
        | Filter::Duration(_)
        | Filter::Index(_)
        | Filter::Ip(_) => 3,
        Filter::And(_) | Filter::Or(_) | Filter::Not(_) => 4,
        Filter::Text { .. } | Filter::Words(_) => 5,
    }
}

/// Whether `true`, `false` and `null`, which are no words of any text, could fit.
fn is_word(glob: &Glob) -> bool {
    ["true", "false", "null"].into_iter().any(|word| glob.matches(word))
}

fn occurred(shard: &Shard, span: &Span<jiff::Timestamp>) -> Found {
    let from = span.from.map(split_time);
    let to = span.to.map(split_time);
    let (first, last) = shard.times();
    let too_early = |time: (i64, u64)| from.is_some_and(|from| time < from);
    let too_late = |time: (i64, u64)| to.is_some_and(|to| time > to);
    if !too_early((first, 0)) && !too_late((last, 999)) {
        return Found::exactly(Docs::All);
    }
    if too_early((last, 999)) || too_late((first, 0)) {
        return Found::exactly(Docs::None);
    }
    Found::exactly(shard.within_times(too_early, too_late))
}

/// The whole numbers within a span.
fn whole(span: &Span<Decimal>) -> Option<(u64, u64)> {
    let above = |number: u64| {
        span.from.as_ref().is_none_or(|from| {
            let number = Decimal::from(number);
            number > *from || (!span.open && number == *from)
        })
    };
    let below = |number: u64| {
        span.to.as_ref().is_none_or(|to| {
            let number = Decimal::from(number);
            number < *to || (!span.open && number == *to)
        })
    };
    let first = first_where(above)?;
    let end = first_where(|number| !below(number));
    let last = match end {
        Some(end) => end.checked_sub(1)?,
        None => u64::MAX,
    };
    (first <= last).then_some((first, last))
}

/// The smallest number for which a condition holds that holds for all larger ones, too.
fn first_where(holds: impl Fn(u64) -> bool) -> Option<u64> {
    if !holds(u64::MAX) {
        return None;
    }
    let (mut low, mut high) = (0, u64::MAX);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

fn addresses(shard: &Shard, network: &Network) -> Result<Found, IndexError> {
    let (first, last) = network.bounds();
    let (first, last) = (order::ip_digits(first), order::ip_digits(last));
    by_text(shard, SortColumn::Ip, |text| (first.as_str()..=last.as_str()).contains(&text))
}

/// A field that has a column: its dictionary is asked which values fit.
fn column(shard: &Shard, column: SortColumn, glob: &Glob, folds: bool) -> Result<Found, IndexError> {
    let mut whole = true;
    let mut found = by_text(shard, column, |text| {
        let value = column.shown(text);
        if value.is_empty() {
            // Absent and empty are the same in a column.
            let fits = glob.matches("");
            whole &= !fits;
            return fits;
        }
        let is_cut = value.chars().count() >= order::SORT_CHARS_MAX;
        whole &= !is_cut;
        is_cut || glob.matches(&if folds { fold(&value) } else { value })
    })?;
    found.exact &= whole;
    Ok(found)
}

fn by_text(
    shard: &Shard,
    column: SortColumn,
    mut fits: impl FnMut(&str) -> bool,
) -> Result<Found, IndexError> {
    let Some(texts) = shard.text(column) else {
        return Ok(if fits("") { Found::unknown() } else { Found::exactly(Docs::None) });
    };
    let mut wanted = Vec::with_capacity(texts.num_terms());
    let mut stream = texts.dictionary().stream()?;
    while stream.advance() {
        wanted.push(std::str::from_utf8(stream.key()).is_ok_and(&mut fits));
    }
    if wanted.iter().all(|wanted| !wanted) {
        return Ok(Found::exactly(Docs::None));
    }
    let ords = texts.ords().clone().first_or_default_col(0);
    let fits =
        |_, ord: u64| usize::try_from(ord).is_ok_and(|ord| wanted.get(ord).copied().unwrap_or_default());
    Ok(Found::exactly(shard.with_number(ords.as_ref(), &Docs::All, fits)))
}

/// Patterns of the words that every text has which fits a pattern.
fn words_in(glob: &Glob) -> Vec<Glob> {
    if let Some(literal) = glob.as_literal() {
        // Where long words are cut depends on how they are written.
        let whole = words(literal).filter(|word| word.chars().count() < model::text::WORD_CHARS_MAX);
        return whole.map(|word| Glob::literal(&word)).collect();
    }
    let mut patterns = Vec::new();
    let pieces = glob.pieces();
    for (place, piece) in pieces.iter().enumerate() {
        let anchored_start = place == 0 && !glob.prefix().is_empty();
        let anchored_end = place + 1 == pieces.len() && glob.is_anchored_at_end();
        let begins_inside = !anchored_start && piece.chars().next().is_some_and(char::is_alphanumeric);
        let ends_inside = !anchored_end && piece.chars().next_back().is_some_and(char::is_alphanumeric);
        let found: Vec<_> = words(piece).collect();
        for (at, word) in found.iter().enumerate() {
            // The dashes of a UUID are part of a word: what looks like a part of one may be one.
            let is_hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
            let is_long = word.chars().count() >= model::text::WORD_CHARS_MAX;
            let is_mark_near = !piece.is_ascii();
            if (is_hex && piece.contains('-')) || is_long || is_mark_near {
                continue;
            }
            let (open_start, open_end) = (begins_inside && at == 0, ends_inside && at + 1 == found.len());
            let stars = |open| if open { "*" } else { "" };
            patterns.push(Glob::parse(&format!("{}{word}{}", stars(open_start), stars(open_end))));
        }
    }
    patterns
}

fn may_begin_uuid(prefix: &str) -> bool {
    prefix.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The terms of UUIDs that begin with whole bytes of some digits.
fn uuid_prefix(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8; 2]| {
        let text = std::str::from_utf8(pair).unwrap_or_default();
        u8::from_str_radix(text, 16).unwrap_or_default()
    };
    terms::UUIDS.iter().copied().chain(digits.as_chunks::<2>().0.iter().take(16).map(byte)).collect()
}
