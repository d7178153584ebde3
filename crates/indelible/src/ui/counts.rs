//! The counts beside a list: facets and the histogram.

use std::time::Duration;

use jiff::Timestamp;
use model::{Kind as EntryKind, SortColumn, action};

use super::columns::{Parameters, parts};
use super::view::kind::Kind;
use super::view::{Bar, Counts, Facet, FacetValue, Histogram, text};
use crate::api::{App, ListQuery, Problem};
use crate::search::{self, Bucket, Facets, FacetsQuestion, HistogramBucket, Question, SearchError};
use crate::store::Site;

/// How long a list waits for its counts; without them it is a list all the same, with a link to them.
pub(super) const OF_LIST_PATIENCE: Duration = Duration::from_millis(50);

/// How long somebody waits who has followed that link.
pub(super) const ASKED_PATIENCE: Duration = search::PATIENCE;

/// How long an actor's page waits, which is about little else.
pub(super) const OF_ACTOR_PATIENCE: Duration = Duration::from_millis(250);

/// Values shown of a column.
const VALUES_SHOWN: usize = 6;

/// More bars than this are drawn wider.
const BARS_MAX: i64 = 120;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

/// A column that is counted: its word, the parameter that chooses a value and the name in the filter language.
type Counted = (SortColumn, &'static str, &'static str, &'static str);

/// What is counted of a list.
pub(super) const OF_LIST: [Counted; 4] = [
    (SortColumn::Kind, "Kind", "kind", "kind"),
    (SortColumn::User, "User", "user", "actor"),
    (SortColumn::Action, "Action", "action", "action"),
    (SortColumn::EntityType, "Entity type", "entity_type", "entity.type"),
];

/// What is counted of an actor.
pub(super) const OF_ACTOR: [Counted; 4] = [
    (SortColumn::Kind, "Kind", "kind", "kind"),
    (SortColumn::Action, "Action", "action", "action"),
    (SortColumn::EntityType, "Entity type", "entity_type", "entity.type"),
    (SortColumn::Ip, "IP address", "ip", "ip"),
];

/// What a list holds; `None` where counting takes too long. Blocks.
pub(super) fn of_list(
    app: &App,
    sites: &[Site],
    parameters: &Parameters,
    query: &ListQuery,
    counted: &[Counted],
    patience: Duration,
) -> Result<Option<Counts>, Problem> {
    let count = |bucket: Bucket, columns: &[SortColumn]| {
        let question = Question { patience, ..Question::newest(sites, &query.filter, 0) };
        let facets = FacetsQuestion { columns, bucket: Some(bucket), values_max: VALUES_SHOWN };
        match app.indelible.search().facets(&question, &facets) {
            Ok(found) => Ok(Some(found)),
            Err(SearchError::TooLong | SearchError::TooManyBuckets) => Ok(None),
            Err(error) => Err(Problem::from(error)),
        }
    };
    let columns: Vec<SortColumn> = counted.iter().map(|(column, ..)| *column).collect();
    let Some(found) = count(Bucket::Day, &columns)? else { return Ok(None) };
    let (mut bucket, mut buckets) = (Bucket::Day, found.histogram.clone());
    let span = |buckets: &[HistogramBucket]| match (buckets.first(), buckets.last()) {
        (Some(first), Some(last)) => last.start_us.saturating_sub(first.start_us),
        _ => 0,
    };
    if span(&buckets) <= 2 * DAY_US {
        if let Some(finer) = count(Bucket::Hour, &[])? {
            (bucket, buckets) = (Bucket::Hour, finer.histogram);
        }
        if span(&buckets) <= HOUR_US
            && let Some(finer) = count(Bucket::Minute, &[])?
        {
            (bucket, buckets) = (Bucket::Minute, finer.histogram);
        }
    } else if span(&buckets) > BARS_MAX * DAY_US {
        bucket = if span(&buckets) > 7 * BARS_MAX * DAY_US { Bucket::Month } else { Bucket::Week };
        buckets = coarser(&buckets, bucket);
    }
    let total = text::count(found.total, "entry", "entries");
    let verb = if found.total == 1 { "matches" } else { "match" };
    Ok(Some(Counts {
        total: if parameters.chips().is_empty() { total } else { format!("{total} {verb}") },
        histogram: histogram(parameters, bucket, &buckets),
        facets: facets(parameters, found, counted),
    }))
}

/// The same counts in wider buckets.
fn coarser(buckets: &[HistogramBucket], wide: Bucket) -> Vec<HistogramBucket> {
    let mut wider: Vec<HistogramBucket> = Vec::new();
    for bucket in buckets {
        let (start_us, _) = wide.around(bucket.start_us);
        match wider.last_mut() {
            Some(last) if last.start_us == start_us => {
                last.kinds.iter_mut().zip(bucket.kinds).for_each(|(sum, count)| *sum += count);
            }
            _ => wider.push(HistogramBucket { start_us, kinds: bucket.kinds }),
        }
    }
    wider
}

fn histogram(parameters: &Parameters, bucket: Bucket, found: &[HistogramBucket]) -> Option<Histogram> {
    let (first, last) = (found.first()?, found.last()?);
    let highest =
        found.iter().map(|bucket| bucket.kinds.iter().sum::<u64>()).max().filter(|count| *count > 0)?;
    let mut drawn = Histogram::default();
    let mut paths: Vec<(Kind, String)> = kinds().map(|kind| (kind, String::new())).collect();
    let mut rest = found.iter().peekable();
    let mut start = first.start_us;
    while start <= last.start_us {
        let (_, end) = bucket.around(start);
        let counts = rest.next_if(|bucket| bucket.start_us == start).map(|bucket| bucket.kinds);
        let x = drawn.width;
        let count: u64 = counts.iter().flatten().sum();
        let mut top = Bar::HEIGHT;
        for ((_, path), part) in paths.iter_mut().zip(counts.into_iter().flatten()) {
            // Whatever happened at all is seen.
            let height = (part * Bar::HEIGHT).div_ceil(highest).min(top);
            if height > 0 {
                top -= height;
                let part = format!("M{x} {top}h8v{height}h-8z");
                path.push_str(&part);
            }
        }
        let title = format!("{}: {}", bar_words(bucket, start), text::count(count, "entry", "entries"));
        drawn.bars.push(Bar { x, title, href: parameters.within(&moment(start), &moment(end - 1)) });
        drawn.width += Bar::WIDTH;
        start = end;
    }
    paths.retain(|(_, path)| !path.is_empty());
    drawn.paths = paths;
    drawn.first = bar_words(bucket, first.start_us);
    drawn.last = bar_words(bucket, last.start_us);
    let wide = match bucket {
        Bucket::Minute => "minute",
        Bucket::Hour => "hour",
        Bucket::Day => "day",
        Bucket::Week => "week",
        Bucket::Month => "month",
        Bucket::Year => "year",
    };
    drawn.scale = format!("a bar is one {wide}, the highest {}", text::count(highest, "entry", "entries"));
    Some(drawn)
}

/// In the order of the counts.
fn kinds() -> impl Iterator<Item = Kind> {
    EntryKind::ALL.iter().map(|kind| Kind::from_code(kind.as_str()))
}

/// A moment as the list's address has it: RFC 3339, to the microsecond.
fn moment(us: i64) -> String {
    Timestamp::from_microsecond(us).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

fn bar_words(bucket: Bucket, start_us: i64) -> String {
    let time = Timestamp::from_microsecond(start_us).unwrap_or(Timestamp::UNIX_EPOCH);
    let format = match bucket {
        Bucket::Minute | Bucket::Hour => "%-d %b %Y, %H:%M UTC",
        Bucket::Day => "%-d %b %Y",
        Bucket::Week => "week of %-d %b %Y",
        Bucket::Month => "%B %Y",
        Bucket::Year => "%Y",
    };
    time.strftime(format).to_string()
}

fn facets(parameters: &Parameters, found: Facets, counted: &[Counted]) -> Vec<Facet> {
    let all = counted.iter().zip(found.columns);
    let facets = all.map(|((column, label, parameter, field), (_, values, rest))| {
        let most = values.first().map_or(1, |value| value.count).max(1);
        let value = |value: &search::FacetValue| {
            let is_chosen = parameters.get(parameter) == value.value;
            FacetValue {
                label: label_of(*column, &value.value),
                title: value.value.clone(),
                count: text::thousands(value.count),
                share: (value.count * 100).div_ceil(most),
                href: parameters.with(parameter, if is_chosen { "" } else { &value.value }),
                without_href: (!is_chosen).then(|| without(parameters, field, &value.value)).flatten(),
                is_chosen,
            }
        };
        let values = values.iter().filter(|value| !value.value.is_empty()).map(value).collect();
        let other = (rest > 0).then(|| text::count(rest, "other", "others"));
        Facet { label: (*label).to_owned(), values, other }
    });
    facets.filter(|facet| !facet.values.is_empty()).collect()
}

fn label_of(column: SortColumn, value: &str) -> String {
    if column == SortColumn::Action {
        action::label_of(value).into_owned()
    } else if column == SortColumn::Kind {
        Kind::from_code(value).word().to_owned()
    } else {
        value.to_owned()
    }
}

/// The list without a value: its filter, and not this.
fn without(parameters: &Parameters, field: &str, value: &str) -> Option<String> {
    if value.contains(['"', '\\']) {
        return None;
    }
    let own = parameters.get("q");
    let not = format!("-{field}:\"{value}\"");
    let filter = match parts(own) {
        _ if own.is_empty() => not,
        Some(_) => format!("{own} {not}"),
        None => format!("({own}) {not}"),
    };
    Some(parameters.with("q", &filter))
}
