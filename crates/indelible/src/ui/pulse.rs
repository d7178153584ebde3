//! What happened lately, drawn small: a bar for each of the last days, and whether it has gone quiet.

use std::time::Duration;

use jiff::Timestamp;
use model::{Filter, SortColumn};

use super::view::text;
use crate::api::{App, Problem};
use crate::search::{Bucket, FacetValue, FacetsQuestion, Question, SearchError};
use crate::store::Site;

/// Days that are drawn.
const DAYS: i64 = 30;
const DAY_US: i64 = 86_400_000_000;
/// How high the drawing of the busiest day is.
const SPARK_HEIGHT: u64 = 20;
/// How long one drawing may take; a page of many does without.
const PATIENCE: Duration = Duration::from_millis(250);
/// Values told of a column.
const VALUES_MAX: usize = 4;

/// What happened lately.
#[derive(Default)]
pub(super) struct Pulse {
    /// The data of an SVG path, 120 by 20; `None` where nothing happened or counting took too long.
    pub(super) spark: Option<String>,
    /// "412 entries in 30 days, 9 today"; empty where counting took too long.
    pub(super) words: String,
    /// "silent for 4 days".
    pub(super) silence: Option<String>,
    /// The values of the columns that were asked for.
    pub(super) columns: Vec<Vec<FacetValue>>,
}

/// The last days of those entries of a site that match. Blocks.
pub(super) fn of(
    app: &App,
    site: &Site,
    filter: &Filter,
    columns: &[SortColumn],
    now: Timestamp,
) -> Result<Pulse, Problem> {
    let first = now.as_microsecond().div_euclid(DAY_US) - (DAYS - 1);
    let from = Timestamp::from_microsecond(first * DAY_US).ok();
    let filter = Filter::occurred(from, None).and(filter.clone());
    let question =
        Question { patience: PATIENCE, ..Question::newest(std::slice::from_ref(site), &filter, 0) };
    let counted = FacetsQuestion { columns, bucket: Some(Bucket::Day), values_max: VALUES_MAX };
    let found = match app.indelible.search().facets(&question, &counted) {
        Ok(found) => found,
        Err(SearchError::TooLong | SearchError::TooManyBuckets) => return Ok(Pulse::default()),
        Err(error) => return Err(error.into()),
    };
    let count = |day: i64| {
        let bucket = found.histogram.iter().find(|bucket| bucket.start_us == (first + day) * DAY_US);
        bucket.map_or(0, |bucket| bucket.kinds.iter().sum::<u64>())
    };
    let days: Vec<u64> = (0..DAYS).map(count).collect();
    let (total, today) = (days.iter().sum::<u64>(), days.last().copied().unwrap_or_default());
    let words =
        format!("{} in 30 days, {} today", text::count(total, "entry", "entries"), text::thousands(today));
    let columns = found.columns.into_iter().map(|(_, values, _)| values).collect();
    Ok(Pulse { spark: spark(&days), words, silence: silence(&days), columns })
}

fn spark(days: &[u64]) -> Option<String> {
    let highest = days.iter().max().copied().filter(|highest| *highest > 0)?;
    let bar = |(day, count): (usize, &u64)| {
        // Whatever happened at all is seen.
        let height = (count * SPARK_HEIGHT).div_ceil(highest);
        (height > 0).then(|| format!("M{} {}h3v{height}h-3z", day * 4, SPARK_HEIGHT - height))
    };
    Some(days.iter().enumerate().filter_map(bar).collect())
}

/// Whether what used to happen every few days has stopped: for more than twice as long as it ever paused, and
/// longer than a weekend.
fn silence(days: &[u64]) -> Option<String> {
    let quiet = days.iter().rev().take_while(|count| **count == 0).count();
    let before = days.get(..days.len() - quiet)?;
    let busy = before.iter().filter(|count| **count > 0).count();
    let pauses = before.split(|count| *count > 0).map(<[u64]>::len);
    // What was before its first entry is no pause.
    let longest = pauses.skip(1).max().unwrap_or_default();
    let is_silent = busy >= 5 && quiet > 3 && quiet > 2 * longest;
    is_silent.then(|| {
        format!("silent for {}", text::count(u64::try_from(quiet).unwrap_or(u64::MAX), "day", "days"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_silent_that_used_to_send() {
        let days = |busy: usize, quiet: usize| [vec![0; 3], vec![7; busy], vec![0; quiet]].concat();
        assert_eq!(silence(&days(20, 6)).as_deref(), Some("silent for 6 days"));
        for (busy, quiet) in [(20, 0), (20, 3), (4, 20), (0, 30)] {
            assert_eq!(silence(&days(busy, quiet)), None, "{busy} {quiet}");
        }
        // It pauses for five days now and then.
        let pausing = [vec![1; 5], vec![0; 5], vec![1; 5], vec![0; 8]].concat();
        assert_eq!(silence(&pausing), None);
    }

    #[test]
    fn days_are_drawn_as_high_as_they_are_busy() {
        assert_eq!(spark(&[0, 0]), None);
        assert_eq!(spark(&[2, 0, 1]).as_deref(), Some("M0 0h3v20h-3zM8 10h3v10h-3z"));
    }
}
