//! How long the history of one entity takes that has very many entries, among as many of others.
//!
//! ```sh
//! cargo bench -p indelible --bench history -- --entries 100000
//! ```

use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use indelible::access::Caller;
use indelible::journal::{Append, admit_all};
use indelible::search::{PATIENCE, Question};
use indelible::settings::Rules;
use indelible::store::Site;
use indelible::{Indelible, OpenOptions};
use jiff::Timestamp;
use model::{Order, SiteId};

type Outcome<T> = Result<T, Box<dyn Error>>;

const RUNS: usize = 41;
const ENTRIES_AT_ONCE: u64 = 1_000;
/// As many entries are of other entities for each one of the entity.
const OTHERS: u64 = 3;

fn main() -> Outcome<()> {
    // `cargo test --all-targets` runs benchmarks too.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|argument| argument == "--entries");
    let entries: u64 = match given.and_then(|place| arguments.get(place + 1)) {
        Some(count) => count.parse()?,
        None => 100_000,
    };
    let directory = tempfile::tempdir()?;
    let indelible = Indelible::open(directory.path(), &OpenOptions::default())?;
    let id: SiteId = "acme.www".parse()?;
    let site = indelible.create_site(id, "Acme", &Caller::local("bench"))?;
    fill(&indelible, &site, entries)?;
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
            let filter = indelible.search().of_entity(&site, "page", "42")?;
            let sites = std::slice::from_ref(&site);
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
            let state = indelible.search().state(&site, "page", "42", at)?;
            if state.is_some_and(|(_, state)| state.complete) { Ok(()) } else { Err("no whole state".into()) }
        })?;
        writeln!(out, "{name}: {median:.1} ms, slowest {slowest:.1} ms")?;
    }
    Ok(())
}

/// Entries of the entity, with those of others between them.
fn fill(indelible: &Indelible, site: &Site, entries: u64) -> Outcome<()> {
    let all = entries * (OTHERS + 1);
    for first in (0..all).step_by(usize::try_from(ENTRIES_AT_ONCE)?) {
        let texts = (first..all.min(first + ENTRIES_AT_ONCE)).map(entry);
        let texts: Vec<String> = texts.collect::<Outcome<_>>()?;
        let admissions = admit_all(texts.iter().map(String::as_bytes), "bench", None, &Rules::default())?;
        let sealed =
            admissions.into_iter().collect::<Result<Vec<_>, _>>().map_err(|_| "an entry was refused")?;
        let append = Append { site: site.clone(), entries: sealed, atomic: true, change: None };
        indelible.journal().append_blocking(append)?;
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
