//! How fast entries get in and are found, beside what the same machine does without a log in the same run.
//!
//! ```text
//! cargo bench -p indelible --bench ingest -- --entries 1000000 --singles 40000
//! ```
//!
//! The server is the real binary in a process of its own; the load comes from this process, on the same
//! processors. Every figure is of durable writes. Needs a quiet machine and a real disk under the temporary
//! directory.

#![expect(clippy::print_stdout, reason = "its table is what a benchmark is for")]

mod baseline;
mod entries;
mod http;
mod integrity;
mod load;
mod queries;
mod server;

use std::error::Error;
use std::time::{Duration, Instant};

use entries::Generator;
use server::Server;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let entries = number("--entries", 300_000)?;
    let singles = number("--singles", 60_000)?;
    let directory = tempfile::tempdir()?;
    println!(
        "{entries} entries in batches of {}, {singles} alone; directory {}",
        load::BATCH,
        directory.path().display()
    );

    let generator = Generator::new(1);
    // The baselines do not change with size as much as their time would add up.
    let sample: Vec<String> = (0..entries.min(100_000)).map(|number| generator.entry(number)).collect();
    let bytes: usize = sample.iter().map(String::len).sum();
    let mut table = Table::default();
    table.line("entry as it is sent", &format!("{} bytes", bytes / sample.len()), "");
    let raw = rate(sample.len(), baseline::append(&directory.path().join("raw"), &sample)?);
    table.rate("raw append, fdatasync per batch", raw, None);
    let (elapsed, size) = baseline::sqlite(&directory.path().join("bare.sqlite"), &sample)?;
    let sqlite = rate(sample.len(), elapsed);
    table.rate("bare SQLite, four indexes and FTS5", sqlite, None);
    table.line("bare SQLite on disk", &format!("{} bytes an entry", size / sample.len()), "");
    let proving = integrity::alone(&sample)?;
    let sampled = sample.len();
    drop(sample);

    let data = directory.path().join("data");
    let secret = server::create(&data)?;
    let runtime = tokio::runtime::Runtime::new()?;
    let running = Server::start(&data)?;
    let (sent, searchable) = load::batches(&runtime, &running, &data, &secret, entries)?;
    let batched = rate(entries, sent);
    table.rate("Indelible over HTTP, batches, 4 connections", batched, Some(sqlite));
    table.line("  of raw append", &ratio(batched, raw), "");
    let share = batched / rate(sampled, proving) * 100.0;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    table.line(
        "  integrity, done again on one processor",
        &format!("{share:.1} % of one processor's time"),
        &format!("{:.1} % of all {processors}", share / rate(processors, Duration::from_secs(1))),
    );
    table.rate("  until all of it is in the search index", rate(entries, searchable), Some(sqlite));
    table.line("  memory of the server", &running.memory(), "");
    running.stop()?;
    let after_batches = server::disk(&data)?;
    table.line("  on disk, everything", &format!("{} bytes an entry", after_batches / entries), "");
    let index = server::size(&data.join("index"))?;
    table.line("  of that the search index", &format!("{} bytes an entry", index / entries), "");

    let (started, running) = timed(|| Server::start(&data))?;
    table.line("start with them", &format!("{:.0} ms", ms(started)), "");
    for (what, latencies) in runtime.block_on(queries::all(&running, &secret))? {
        table.latencies(what, latencies);
    }
    let (exported, elapsed) = runtime.block_on(queries::export(&running, &secret))?;
    table.rate("export as NDJSON, a sixth of the entries", rate(exported, elapsed), None);
    table.line("  memory of the server after all of this", &running.memory(), "");
    let (elapsed, latencies) = runtime.block_on(load::alone(&running, &secret, entries, singles))?;
    table.rate("Indelible over HTTP, single, 64 connections", rate(singles, elapsed), None);
    table.latencies("  each", latencies);
    running.stop()?;
    let single_bytes = (server::disk(&data)? - after_batches) / singles;
    table.line("  on disk, everything", &format!("{single_bytes} bytes an entry"), "");

    let (elapsed, ()) = timed(|| server::verify(&data))?;
    table.rate("full verification, start included", rate(entries + singles, elapsed), None);
    table.print();
    Ok(())
}

/// The value behind an argument; `cargo bench` adds arguments of its own, which mean nothing here.
fn number(name: &str, default: usize) -> Outcome<usize> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    Ok(arguments.next().map(|value| value.parse()).transpose()?.unwrap_or(default))
}

fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(Duration, T)> {
    let started = Instant::now();
    let done = work()?;
    Ok((started.elapsed(), done))
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "counts are far below 2^53")]
fn rate(count: usize, elapsed: Duration) -> f64 {
    count as f64 / elapsed.as_secs_f64()
}

fn ratio(one: f64, other: f64) -> String {
    format!("{:.2} ×", one / other)
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[derive(Default)]
struct Table(Vec<[String; 3]>);

impl Table {
    fn line(&mut self, what: &str, value: &str, beside: &str) {
        println!("… {what}: {value} {beside}");
        self.0.push([what.to_owned(), value.to_owned(), beside.to_owned()]);
    }

    /// A rate, and its ratio to another one if there is one to compare with.
    fn rate(&mut self, what: &str, rate: f64, other: Option<f64>) {
        let beside = other.map(|other| format!("{} bare SQLite", ratio(rate, other)));
        self.line(what, &format!("{rate:.0} entries/s"), &beside.unwrap_or_default());
    }

    fn latencies(&mut self, what: &str, mut latencies: Vec<Duration>) {
        latencies.sort_unstable();
        let at = |percent: usize| latencies.get((latencies.len() * percent / 100).min(latencies.len() - 1));
        let [middle, high] = [50, 99].map(|percent| at(percent).copied().map_or(0.0, ms));
        self.line(what, &format!("p50 {middle:.2} ms, p99 {high:.2} ms"), "");
    }

    fn print(&self) {
        println!();
        for [what, value, beside] in &self.0 {
            println!("{what:<46} {value:>28}  {beside}");
        }
    }
}
