//! `/`: the sites the caller may see.

use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::Timestamp;
use model::{Filter, Order};

use super::shape;
use super::view::{SiteRow, SitesPage, Time, Tone, text, url};
use super::visit::Visit;
use crate::api::{App, Problem};
use crate::clock;
use crate::search::{self, Bucket, FacetsQuestion, Question, SearchError};
use crate::store::Site;

/// Days that are drawn of each site.
const DAYS: i64 = 30;
const DAY_US: i64 = 86_400_000_000;
/// How high the drawing of the busiest day is.
const SPARK_HEIGHT: u64 = 20;
/// How long a site's drawing may take; a list of many sites does without.
const PATIENCE: Duration = Duration::from_millis(250);

pub(super) async fn sites(State(app): State<App>, visit: Visit) -> Response {
    // Who has one site only has no use for a list of it.
    if let Ok(scope) = visit.caller.scope(app.indelible.sites())
        && let [only] = scope.sites.as_slice()
        && !only.id.is_system()
    {
        return Redirect::to(&url::site(only.id.as_str())).into_response();
    }
    let make = move |visit: &Visit| {
        let mut sites = visit.caller.scope(app.indelible.sites())?.sites;
        // The installation's own site is the last one people look for.
        sites.sort_by_key(|site| site.id.is_system());
        let rows = sites.iter().map(|site| row(&app, site)).collect::<Result<Vec<_>, _>>()?;
        let sizes = sites.iter().map(|site| app.indelible.published().size(site.log));
        let entries: u64 = sizes.sum::<Result<u64, _>>()?;
        let count = u64::try_from(sites.len()).unwrap_or(u64::MAX);
        let total =
            format!("{}, {}", text::count(count, "site", "sites"), text::count(entries, "entry", "entries"));
        Ok(SitesPage { frame: visit.frame(&app, "Sites", None, "Sites"), total, rows })
    };
    visit.page(make).await
}

/// What happened in a site lately.
#[derive(Default)]
struct Lately {
    spark: Option<String>,
    words: String,
    silence: Option<String>,
}

/// The last days of a site, drawn; nothing where counting takes too long.
fn lately(app: &App, site: &Site, now: Timestamp) -> Result<Lately, Problem> {
    let first = now.as_microsecond().div_euclid(DAY_US) - (DAYS - 1);
    let from = Timestamp::from_microsecond(first * DAY_US).ok();
    let filter = Filter::occurred(from, None);
    let question = Question {
        sites: std::slice::from_ref(site),
        filter: &filter,
        order: Order::NEWEST_FIRST,
        cursor: None,
        limit: 0,
        patience: PATIENCE,
    };
    let counted = FacetsQuestion { columns: &[], bucket: Some(Bucket::Day), values_max: 0 };
    let found = match app.indelible.search().facets(&question, &counted) {
        Ok(found) => found,
        Err(SearchError::TooLong | SearchError::TooManyBuckets) => return Ok(Lately::default()),
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
    Ok(Lately { spark: spark(&days), words, silence: silence(&days) })
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

/// Whether a site that used to send every few days has stopped: for more than twice as long as it ever paused, and
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

fn row(app: &App, site: &Site) -> Result<SiteRow, Problem> {
    let (store, published) = (app.indelible.store().as_ref(), app.indelible.published());
    let search = app.indelible.search();
    let filter = Filter::all();
    let question = Question {
        sites: std::slice::from_ref(site),
        filter: &filter,
        order: Order::NEWEST_FIRST,
        cursor: None,
        limit: 1,
        patience: search::PATIENCE,
    };
    let last = search.page(&question)?.entries.pop();
    let size = published.size(site.log)?;
    let signed = match size.checked_sub(1) {
        Some(index) => {
            search::read_entries(store, published, site, index..size)?.pop().map(|entry| entry.recorded_at)
        }
        None => None,
    };
    let now = clock::now();
    let id = site.id.as_str();
    let lately = lately(app, site, now)?;
    Ok(SiteRow {
        spark: lately.spark,
        lately: lately.words,
        silence: lately.silence,
        name: site.name.clone(),
        id: id.to_owned(),
        org: if site.id.is_system() { String::new() } else { site.id.org().to_owned() },
        href: url::site(id),
        entries: text::thousands(size),
        last_time: last.as_ref().map(|entry| Time::new(now, entry.occurred_at)),
        last_href: last.as_ref().map(shape::href),
        last_actor: last.as_ref().and_then(|entry| shape::actor(entry, |_| String::new())).map(|a| a.name),
        head: text::thousands(size),
        head_time: signed.map(|time| Time::new(now, time)),
        integrity_href: url::integrity(id),
        state: if size == 0 { "Empty".to_owned() } else { "Signed".to_owned() },
        tone: if size == 0 { Tone::Quiet } else { Tone::Good },
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
