//! What writers notice while nine tenths of a log expire.
//!
//! ```sh
//! cargo bench -p indelible --bench expiry -- --entries 1000000
//! ```

use std::error::Error;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indelible::access::Caller;
use indelible::journal::{Append, admit_all};
use indelible::removal::{Expiring, expire};
use indelible::settings::Rules;
use indelible::store::Site;
use indelible::{Indelible, OpenOptions};
use jiff::{SignedDuration, Timestamp};
use model::SiteId;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ENTRIES_AT_ONCE: u64 = 1_000;
/// Writes that are timed before anything expires.
const WRITES_BEFORE: usize = 500;

fn main() -> Outcome<()> {
    // `cargo test --all-targets` runs benchmarks too.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let arguments: Vec<String> = std::env::args().collect();
    let given = arguments.iter().position(|argument| argument == "--entries");
    let entries: u64 = match given.and_then(|place| arguments.get(place + 1)) {
        Some(count) => count.parse()?,
        None => 200_000,
    };
    let directory = tempfile::tempdir()?;
    let indelible = Indelible::open(directory.path(), &OpenOptions::default())?;
    let id: SiteId = "acme.www".parse()?;
    let site = indelible.create_site(id, "Acme", &Caller::local("bench"))?;
    let now = indelible::clock::now();
    for first in (0..entries).step_by(usize::try_from(ENTRIES_AT_ONCE)?) {
        let days = if first < entries / 10 * 9 { 400 } else { 3 };
        append(&indelible, &site, first, ENTRIES_AT_ONCE, now - SignedDuration::from_hours(24 * days))?;
    }
    indelible.search().catch_up(Duration::from_mins(30))?;

    let before: Vec<Duration> =
        (0..WRITES_BEFORE).map(|_| write(&indelible, &site, now)).collect::<Outcome<_>>()?;
    let is_done = AtomicBool::new(false);
    let (during, took, expired, followed) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut times = Vec::new();
            while !is_done.load(Ordering::Relaxed) {
                times.push(write(&indelible, &site, now)?);
            }
            Outcome::Ok(times)
        });
        let began = Instant::now();
        let ran = expire(&indelible, &site, false, now, &Caller::local("bench"));
        let took = began.elapsed();
        let followed = indelible.search().follow_removals(Duration::from_mins(30));
        let followed = followed.map(|_| began.elapsed());
        is_done.store(true, Ordering::Relaxed);
        let times = writer.join().map_err(|_| "the writer ended abnormally")??;
        let Expiring::Entries(expiry) = ran?.expiring else { return Err("nothing expired".into()) };
        Outcome::Ok((times, took, expiry.count, followed?))
    })?;

    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{expired} of {entries} entries expired in {took:.1?}; the index had followed after {followed:.1?}"
    )?;
    for (when, mut times) in [("before", before), ("meanwhile", during)] {
        times.sort_unstable();
        let at = |share: usize| times.get(times.len() * share / 1000).copied().unwrap_or_default();
        let count = times.len();
        writeln!(
            out,
            "{count} single writes {when}: p50 {:.1?}, p99 {:.1?}, slowest {:.1?}",
            at(500),
            at(990),
            at(999)
        )?;
    }
    Ok(())
}

fn append(indelible: &Indelible, site: &Site, first: u64, count: u64, at: Timestamp) -> Outcome<()> {
    let texts: Vec<String> = (first..first + count)
        .map(|number| {
            format!(
                r#"{{"action":"page.update","occurred_at":"{at}","actor":{{"type":"user","id":"u{}","name":"Person {number}"}},"entity":{{"type":"page","id":"p{}","title":"Title {number}"}},"origin":{{"ip":"10.{}.{}.1"}},"before":{{"body":"{text} {number}"}},"after":{{"body":"{text} {number} changed"}}}}"#,
                number % 97,
                number % 1009,
                number / 256 % 256,
                number % 256,
                text = "a sentence that stands for the text of a page, as long as texts are ".repeat(4),
            )
        })
        .collect();
    let texts = texts.iter().map(String::as_bytes);
    let entries = admit_all(texts, "bench", None, &Rules::default())?;
    let entries = entries.into_iter().collect::<Result<_, _>>().map_err(|error| format!("{error:?}"))?;
    indelible.journal().append_blocking(Append {
        site: site.clone(),
        entries,
        atomic: true,
        change: None,
    })?;
    Ok(())
}

/// How long one durable write takes.
fn write(indelible: &Indelible, site: &Site, now: Timestamp) -> Outcome<Duration> {
    let began = Instant::now();
    append(indelible, site, 0, 1, now)?;
    Ok(began.elapsed())
}
