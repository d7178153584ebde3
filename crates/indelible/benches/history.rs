//! How long the history of one entity takes that has very many entries, among as many of others.
//!
//! ```sh
//! cargo bench -p indelible --bench history -- --entries 100000
//! ```

mod common;

use std::io::Write as _;
use std::time::{Duration, Instant};

use indelible::search::{PATIENCE, Question};
use jiff::Timestamp;
use model::Order;

use common::{Installation, Outcome, entries_asked};

const RUNS: usize = 41;
/// As many entries are of other entities for each one of the entity.
const OTHERS: u64 = 3;

fn main() -> Outcome<()> {
    let Some(entries) = entries_asked(100_000)? else { return Ok(()) };
    let installation = Installation::new()?;
    // With entries of others between those of the entity.
    installation.fill(entries * (OTHERS + 1), entry)?;
    let Installation { indelible, site, .. } = &installation;
    indelible.search().catch_up(Duration::from_mins(10))?;

    let middle = Timestamp::from_second(1_700_000_000 + i64::try_from(entries)? * 2)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "an entity with {entries} entries among {}", entries * (OTHERS + 1))?;
    for (name, order, limit) in [
        ("its history from the first on, 50", Order::OLDEST_FIRST, 50),
        ("its history from the last back, 50", Order::NEWEST_FIRST, 50),
        ("its history from the first on, 200", Order::OLDEST_FIRST, 200),
    ] {
        let (median, slowest) = time(|| {
            let filter = indelible.search().of_entity(site, "page", "42")?;
            let sites = std::slice::from_ref(site);
            let page = indelible.search().page(&Question {
                sites,
                filter: &filter,
                order,
                cursor: None,
                limit,
                patience: PATIENCE,
            })?;
            if page.entries.len() == limit { Ok(()) } else { Err("entries are missing".into()) }
        })?;
        writeln!(out, "{name}: {median:.1} ms, slowest {slowest:.1} ms")?;
    }
    for (name, at) in [("its state now", None), ("its state half-way", Some(middle))] {
        let (median, slowest) = time(|| {
            let state = indelible.search().state(site, "page", "42", at)?;
            if state.is_some_and(|(_, state)| state.complete) { Ok(()) } else { Err("no whole state".into()) }
        })?;
        writeln!(out, "{name}: {median:.1} ms, slowest {slowest:.1} ms")?;
    }
    Ok(())
}

fn entry(n: u64) -> Outcome<String> {
    let time = Timestamp::from_second(1_700_000_000 + i64::try_from(n)?)?;
    let page = if n.is_multiple_of(OTHERS + 1) { 42 } else { 1_000 + n % 5_000 };
    let state = |n: u64| {
        format!(
            r#"{{"id":"{page}","title":"Page {page}, version {n}","body":"{} {n}","live":true}}"#,
            "some words of text ".repeat(18)
        )
    };
    Ok(format!(
        r#"{{"occurred_at":"{time}","action":"cms.update","actor":{{"type":"user","id":"{}"}},
            "entity":{{"type":"page","id":"{page}","title":"Page {page}"}},"before":{},"after":{}}}"#,
        n % 40,
        state(n),
        state(n + OTHERS + 1)
    ))
}

/// Median and slowest of some runs, in milliseconds.
fn time(mut work: impl FnMut() -> Outcome<()>) -> Outcome<(f64, f64)> {
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let start = Instant::now();
        work()?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    Ok((at(RUNS / 2), at(RUNS - 1)))
}
