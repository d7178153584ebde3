//! What writers notice while nine tenths of a log expire.
//!
//! ```sh
//! cargo bench -p indelible --bench expiry -- --entries 1000000
//! ```

mod common;

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indelible::access::Caller;
use indelible::removal::{Expiring, expire};
use jiff::{SignedDuration, Timestamp};

use common::{Installation, Outcome, entries_asked};

/// Writes that are timed before anything expires.
const WRITES_BEFORE: usize = 500;

fn main() -> Outcome<()> {
    let Some(entries) = entries_asked(200_000)? else { return Ok(()) };
    let installation = Installation::new()?;
    let now = indelible::clock::now();
    installation.fill(entries, |number| {
        let days = if number < entries / 10 * 9 { 400 } else { 3 };
        Ok(entry(number, now - SignedDuration::from_hours(24 * days)))
    })?;
    let Installation { indelible, site, .. } = &installation;
    indelible.search().catch_up(Duration::from_mins(30))?;

    let before: Vec<Duration> =
        (0..WRITES_BEFORE).map(|_| write(&installation, now)).collect::<Outcome<_>>()?;
    let is_done = AtomicBool::new(false);
    let (during, took, expired, followed) = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut times = Vec::new();
            while !is_done.load(Ordering::Relaxed) {
                times.push(write(&installation, now)?);
            }
            Outcome::Ok(times)
        });
        let began = Instant::now();
        let ran = expire(indelible, site, false, now, &Caller::local("bench"));
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

fn entry(number: u64, at: Timestamp) -> String {
    format!(
        r#"{{"action":"page.update","occurred_at":"{at}","actor":{{"type":"user","id":"u{}","name":"Person {number}"}},"entity":{{"type":"page","id":"p{}","title":"Title {number}"}},"origin":{{"ip":"10.{}.{}.1"}},"before":{{"body":"{text} {number}"}},"after":{{"body":"{text} {number} changed"}}}}"#,
        number % 97,
        number % 1009,
        number / 256 % 256,
        number % 256,
        text = "a sentence that stands for the text of a page, as long as texts are ".repeat(4),
    )
}

/// How long one durable write takes.
fn write(installation: &Installation, now: Timestamp) -> Outcome<Duration> {
    let text = entry(0, now);
    let began = Instant::now();
    installation.append(&[text])?;
    Ok(began.elapsed())
}
