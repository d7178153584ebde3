//! How long differences take: documents with scattered changes, and the worst that an entry can hold.
//!
//! ```sh
//! cargo bench -p indelible-model --bench diff
//! ```
//!
//! Each line is the median and the slowest of some runs, beside reading both documents with `serde_json`.

use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use model::diff::{self, Extent};
use serde_json::value::RawValue;

const RUNS: usize = 41;

fn main() -> Result<(), Box<dyn Error>> {
    // `cargo test --all-targets` runs benchmarks too, with this.
    let runs = if std::env::args().any(|argument| argument == "--test") { 1 } else { RUNS };
    let text = "The lamp stands on the table, and the table stands in the hall. ".repeat(10);
    let cases = [
        ("100 KB of fields, 50 changed", fields(2_000, 0, 1), fields(2_000, 40, 1)),
        ("100 KB of named items, 50 changed, one moved", items(900, 0), items(900, 18)),
        ("100 KB as a text that holds JSON", as_text(&items(900, 0)), as_text(&items(900, 18))),
        ("1 MB of fields, all changed", fields(20_000, 0, 1), fields(20_000, 1, 1)),
        ("1 MB of numbers in another order", numbers(170_000, 7_919), numbers(170_000, 104_729)),
        ("1 MB of nested lists", nested(26_000, 1), nested(26_000, 2)),
        ("1 MB of long texts", fields(1_400, 0, 60), fields(1_400, 1, 60)),
    ];
    let mut out = String::new();
    for (name, before, after) in &cases {
        let (before, after): (&RawValue, &RawValue) =
            (serde_json::from_str(before)?, serde_json::from_str(after)?);
        let size = (before.get().len() + after.get().len()) / 2048;
        let changes = diff::changes(before, after, Extent::Full);
        let coarse = if changes.iter().any(|change| change.coarse) { ", coarse" } else { "" };
        let (median, slowest) =
            time(runs, || diff::changes(black_box(before), black_box(after), Extent::Full));
        let (read, _) = time(runs, || {
            let read = |raw: &RawValue| serde_json::from_str::<serde_json::Value>(raw.get());
            (read(black_box(before)), read(black_box(after)))
        });
        let found = changes.len();
        writeln!(
            out,
            "{name}: {size} KB each, {found} changes{coarse}: {} ms, slowest {} ms; reading both {} ms",
            ms(median),
            ms(slowest),
            ms(read)
        )?;
    }
    let changed = text.replace("hall", "room");
    let (before, after) = (text.repeat(160), format!("{}{changed}", text.repeat(159)));
    let (median, slowest) =
        time(runs, || diff::words(black_box(&before), black_box(&after), diff::Unit::Word));
    writeln!(out, "100 KB of prose by words: {} ms, slowest {} ms", ms(median), ms(slowest))?;
    std::io::stdout().write_all(out.as_bytes())?;
    Ok(())
}

fn time<T>(runs: usize, mut work: impl FnMut() -> T) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |place: usize| times.get(place).copied().unwrap_or_default();
    (at(runs / 2), at(runs - 1))
}

fn ms(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() * 1000.0)
}

/// An object; with `every` above 0, each so manieth field has another value.
fn fields(count: usize, every: usize, words: usize) -> String {
    let field = |n: usize| {
        let value = if every > 0 && n.is_multiple_of(every) { "green" } else { "white" };
        format!(r#""field_{n}":"{} number {n} in {value}""#, "lantern ".repeat(words + 1).trim_end())
    };
    format!("{{{}}}", (0..count).map(field).collect::<Vec<_>>().join(","))
}

fn items(count: usize, every: usize) -> String {
    let item = |n: usize| {
        let weight = if every > 0 && n.is_multiple_of(every) { n + 1 } else { n };
        format!(
            r#"{{"id":{n},"type":"paragraph","value":"Some text of block {n}, as long as texts are, and a bit longer","weight":{weight}}}"#
        )
    };
    let mut items: Vec<String> = (0..count).map(item).collect();
    if every > 0 {
        items.rotate_left(1);
    }
    format!(r#"{{"blocks":[{}]}}"#, items.join(","))
}

fn as_text(state: &str) -> String {
    format!(r#"{{"body":{}}}"#, serde_json::Value::from(state))
}

fn numbers(count: u64, factor: u64) -> String {
    let numbers: Vec<String> = (0..count).map(|n| (n * n % factor % 89_989 + 10_000).to_string()).collect();
    format!(r#"{{"list":[{}]}}"#, numbers.join(","))
}

fn nested(count: usize, step: usize) -> String {
    let item = |n: usize| format!(r#"[[{n},{}],{{"a":[{}]}}]"#, n * step, n % 7);
    format!(r#"{{"list":[{}]}}"#, (0..count).map(item).collect::<Vec<_>>().join(","))
}
