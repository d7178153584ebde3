//! Counting values and times.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use model::{Entry, Kind, SortColumn, SortValue};
use tantivy::columnar::ColumnValues;

use super::IndexError;
use super::docs::Docs;
use super::evaluate::ShardDocs;
use super::known::TallyKey;
use super::pick::Ranks;
use super::schema::split_time;
use super::shard::{Shard, read, to_log};
use crate::store::LogNumber;

/// How wide the buckets of a histogram are. In UTC; weeks begin on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bucket {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
    /// A week.
    Week,
    /// A month.
    Month,
    /// A year.
    Year,
}

impl Bucket {
    const ALL: [(&'static str, Self); 6] = [
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("year", Self::Year),
    ];

    /// The first microsecond of the bucket that a time is in, and of the next one.
    #[must_use]
    pub fn around(self, us: i64) -> (i64, i64) {
        const MINUTE_US: i64 = 60_000_000;
        let fixed = |width: i64| {
            let start = us.div_euclid(width) * width;
            (start, start.saturating_add(width))
        };
        match self {
            Self::Minute => fixed(MINUTE_US),
            Self::Hour => fixed(60 * MINUTE_US),
            Self::Day => fixed(24 * 60 * MINUTE_US),
            Self::Week | Self::Month | Self::Year => {
                self.by_calendar(us).unwrap_or((us, us.saturating_add(1)))
            }
        }
    }

    fn by_calendar(self, us: i64) -> Option<(i64, i64)> {
        let time = Timestamp::from_microsecond(us).ok()?;
        let day = time.to_zoned(TimeZone::UTC).date();
        let (first, next): (Date, Date) = match self {
            Self::Week => {
                let since_monday = i64::from(day.weekday().since(Weekday::Monday));
                let first = day.checked_sub(since_monday.days()).ok()?;
                (first, first.checked_add(7.days()).ok()?)
            }
            Self::Month => (day.first_of_month(), day.last_of_month().tomorrow().ok()?),
            Self::Minute | Self::Hour | Self::Day | Self::Year => {
                (day.first_of_year(), day.last_of_year().tomorrow().ok()?)
            }
        };
        let us = |day: Date| Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond());
        Some((us(first)?, us(next)?))
    }
}

impl FromStr for Bucket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|(name, _)| *name == text)
            .map(|(_, bucket)| bucket)
            .ok_or_else(|| format!("`{text}` is not a width: use minute, hour, day, week, month or year"))
    }
}

/// Buckets of a histogram, at most: more than any screen shows.
const BUCKETS_MAX: usize = 10_000;

/// Counts per kind, in the order of [`Kind::ALL`].
pub(in crate::search) type Kinds = [u64; Kind::ALL.len()];

/// Counts of values and of times.
pub(in crate::search) struct Tally {
    pub(in crate::search) total: u64,
    pub(in crate::search) columns: Vec<(SortColumn, HashMap<String, u64>)>,
    pub(in crate::search) bucket: Option<Bucket>,
    /// Counts by the first microsecond of each bucket.
    pub(in crate::search) histogram: BTreeMap<i64, Kinds>,
}

impl Tally {
    pub(in crate::search) fn new(columns: &[SortColumn], bucket: Option<Bucket>) -> Self {
        Self {
            total: 0,
            columns: columns.iter().map(|column| (*column, HashMap::new())).collect(),
            bucket,
            histogram: BTreeMap::new(),
        }
    }

    /// Whether the histogram has become longer than anybody can use.
    pub(in crate::search) fn is_too_long(&self) -> bool {
        self.histogram.len() > BUCKETS_MAX
    }

    /// Counts an entry.
    pub(in crate::search) fn add(&mut self, entry: &Entry) {
        self.total += 1;
        for (column, counts) in &mut self.columns {
            if let SortValue::Text(text) = column.value(entry) {
                *counts.entry(text).or_default() += 1;
            }
        }
        if let Some(bucket) = self.bucket {
            let (start, _) = bucket.around(split_time(entry.occurred_at).0);
            count(self.histogram.entry(start).or_default(), kind_place(entry.kind.as_str()));
        }
    }

    /// Counts the documents of a shard that are all of the logs that `key` names, or remembers how many they were.
    pub(in crate::search) fn add_all_docs(
        &mut self,
        shard: &Shard,
        docs: &ShardDocs,
        ranks: &Ranks,
        key: &TallyKey,
    ) -> Result<(), IndexError> {
        let known = shard.tallies.get(key).filter(|known| known.total == docs.docs.count(shard.docs));
        if let Some(known) = known {
            self.merge(&known);
            return Ok(());
        }
        let mut tally = Self::new(&key.columns, key.bucket);
        tally.add_docs(shard, docs, ranks)?;
        let tally = Arc::new(tally);
        shard.tallies.put(key, &tally);
        self.merge(&tally);
        Ok(())
    }

    /// Adds what was counted elsewhere, for the same columns and buckets.
    fn merge(&mut self, other: &Self) {
        self.total += other.total;
        for ((_, counts), (_, others)) in self.columns.iter_mut().zip(&other.columns) {
            for (value, count) in others {
                *counts.entry(value.clone()).or_default() += count;
            }
        }
        for (start, kinds) in &other.histogram {
            add_all(&mut self.histogram, *start, &mut kinds.clone());
        }
    }

    /// Counts documents of a shard.
    pub(in crate::search) fn add_docs(
        &mut self,
        shard: &Shard,
        docs: &ShardDocs,
        ranks: &Ranks,
    ) -> Result<(), IndexError> {
        let docs = &docs.docs;
        let found = docs.count(shard.docs);
        self.total += found;
        if found == 0 {
            return Ok(());
        }
        for (column, counts) in &mut self.columns {
            if *column == SortColumn::Site {
                for (log, count) in count_logs(shard, docs) {
                    let site = ranks.logs.get(&log).map_or_else(String::new, |rank| rank.site.clone());
                    *counts.entry(site).or_default() += count;
                }
                continue;
            }
            let Some(texts) = shard.text(*column) else {
                *counts.entry(String::new()).or_default() += found;
                continue;
            };
            let per_ord =
                count_ords(shard, docs, &texts.ords().clone().first_or_default_col(0), texts.num_terms());
            let mut stream = texts.dictionary().stream()?;
            for ord_count in per_ord {
                if !stream.advance() {
                    break;
                }
                if ord_count > 0 {
                    let text = String::from_utf8_lossy(stream.key()).into_owned();
                    *counts.entry(text).or_default() += ord_count;
                }
            }
        }
        self.add_times(shard, docs)
    }

    fn add_times(&mut self, shard: &Shard, docs: &Docs) -> Result<(), IndexError> {
        let Some(bucket) = self.bucket else { return Ok(()) };
        let kinds = kinds_of(shard)?;
        let (mut start, mut end) = (0, 0);
        let mut counts = Kinds::default();
        for chunk in shard.chunks() {
            let times = read(shard.occurred_us.as_ref(), chunk.clone());
            let ords = kinds.0.as_ref().map(|ords| read(ords.as_ref(), chunk.clone()));
            for doc in docs.iter(chunk.start, chunk.end) {
                let place = usize::try_from(doc - chunk.start).unwrap_or_default();
                let us = times.get(place).copied().unwrap_or_default();
                // Neighbours are mostly in the same bucket.
                if !(start..end).contains(&us) {
                    add_all(&mut self.histogram, start, &mut counts);
                    (start, end) = bucket.around(us);
                }
                let ord = ords.as_ref().and_then(|ords| ords.get(place)).copied().unwrap_or_default();
                let kind = usize::try_from(ord).ok().and_then(|ord| kinds.1.get(ord)).copied();
                count(&mut counts, kind.unwrap_or(Kind::ALL.len() - 1));
            }
        }
        add_all(&mut self.histogram, start, &mut counts);
        Ok(())
    }
}

fn count_logs(shard: &Shard, docs: &Docs) -> HashMap<LogNumber, u64> {
    let mut per_log = HashMap::new();
    for chunk in shard.chunks() {
        let logs = read(shard.log.as_ref(), chunk.clone());
        for doc in docs.iter(chunk.start, chunk.end) {
            let place = usize::try_from(doc - chunk.start).unwrap_or_default();
            *per_log.entry(to_log(logs.get(place).copied().unwrap_or_default())).or_default() += 1;
        }
    }
    per_log
}

fn count_ords(shard: &Shard, docs: &Docs, ords: &Arc<dyn ColumnValues<u64>>, terms: usize) -> Vec<u64> {
    let mut per_ord = vec![0_u64; terms];
    let mut add = |ord: u64| {
        if let Some(count) = usize::try_from(ord).ok().and_then(|ord| per_ord.get_mut(ord)) {
            *count += 1;
        }
    };
    let is_dense = docs.count(shard.docs) > u64::from(shard.docs) / 16;
    for chunk in shard.chunks() {
        if is_dense {
            let values = read(ords.as_ref(), chunk.clone());
            for doc in docs.iter(chunk.start, chunk.end) {
                let place = usize::try_from(doc - chunk.start).unwrap_or_default();
                add(values.get(place).copied().unwrap_or_default());
            }
        } else {
            docs.iter(chunk.start, chunk.end).for_each(|doc| add(ords.get_val(doc)));
        }
    }
    per_ord
}

type KindsOf = (Option<Arc<dyn ColumnValues<u64>>>, Vec<usize>);

/// The column of kinds, and the place in [`Kind::ALL`] of each value in its dictionary.
fn kinds_of(shard: &Shard) -> Result<KindsOf, IndexError> {
    let Some(texts) = shard.text(SortColumn::Kind) else { return Ok((None, Vec::new())) };
    let mut places = Vec::new();
    let mut stream = texts.dictionary().stream()?;
    while stream.advance() {
        places.push(kind_place(&String::from_utf8_lossy(stream.key())));
    }
    Ok((Some(texts.ords().clone().first_or_default_col(0)), places))
}

fn kind_place(kind: &str) -> usize {
    Kind::ALL.iter().position(|known| known.as_str() == kind).unwrap_or(Kind::ALL.len() - 1)
}

fn count(kinds: &mut Kinds, place: usize) {
    if let Some(count) = kinds.get_mut(place) {
        *count += 1;
    }
}

fn add_all(histogram: &mut BTreeMap<i64, Kinds>, start: i64, counts: &mut Kinds) {
    if counts.iter().any(|count| *count > 0) {
        let bucket = histogram.entry(start).or_default();
        for (sum, count) in bucket.iter_mut().zip(std::mem::take(counts)) {
            *sum += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets() {
        let us = |text: &str| text.parse::<Timestamp>().unwrap().as_microsecond();
        for (name, first, next) in [
            ("minute", "2026-11-25T10:11:00Z", "2026-11-25T10:12:00Z"),
            ("hour", "2026-11-25T10:00:00Z", "2026-11-25T11:00:00Z"),
            ("day", "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"),
            ("week", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"),
            ("month", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"),
            ("year", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            let bucket: Bucket = name.parse().unwrap();
            assert_eq!(bucket.around(us("2026-11-25T10:11:12.5Z")), (us(first), us(next)), "{name}");
            assert_eq!(bucket.around(us(first)), (us(first), us(next)), "{name}");
        }
        assert_eq!(Bucket::Day.around(-1), (-86_400_000_000, 0), "before 1970");
        assert!("decade".parse::<Bucket>().is_err());
    }
}
