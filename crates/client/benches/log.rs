//! What `log()` costs its caller: `cargo bench -p indelible-client --bench log`.
//!
//! An entry of about 1 KB with actor, correlation id, origin and data, into an outbox in a directory, while nobody takes
//! anything from it.

use std::error::Error as StdError;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use client::outbox::{Durability, Outbox, OutboxError, OutboxSettings};
use client::{
    Action, Actor, EntityRef, Error, Kind, LogContext, LogError, Logger, Origin, Outgoing, Recorded,
    Registry, Results, Sink, Transport, log,
};
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn StdError>>;

/// A log that nobody reaches.
#[derive(Debug)]
struct Away;

impl Transport for Away {
    fn append(&self, _site: &str, _entries: &[Outgoing]) -> Result<Results, Error> {
        Err(Error::Unreachable { url: "http://log".to_owned(), tries: 1, source: "away".into() })
    }
}

/// Keeps nothing: what is left is making the entry.
#[derive(Debug)]
struct Nowhere;

impl Sink for Nowhere {
    fn accept(&self, entry: Outgoing) -> Result<Recorded, OutboxError> {
        Ok(Recorded::Kept(entry.id))
    }

    fn flush(&self, _patience: Duration) -> Result<(), OutboxError> {
        Ok(())
    }
}

fn registry() -> Outcome<Registry> {
    let mut registry = Registry::new();
    registry.register(Action::new("page.publish", Kind::Other, "Publish"))?;
    Ok(registry)
}

/// Times of so many calls, sorted.
fn measure(logger: &Logger, calls: usize) -> Result<Vec<Duration>, LogError> {
    let agent = "Mozilla/5.0 (X11; Linux x86_64)";
    let origin = Origin::new().method("POST").path("/admin/pages/1002/edit").user_agent(agent);
    let actor = Actor::user("42").name("Ana").email("ana@example.com").role("editor");
    let context = LogContext::new().actor(actor).origin(origin).logger(logger.clone());
    let page = EntityRef::new("page", "1002").title("Home").url("https://example.com/");
    let data = json!({"text": "x".repeat(500)});
    context.sync_scope(|| {
        let call = |_| {
            let began = Instant::now();
            log(&page, "page.publish").data(&data).record()?;
            Ok(began.elapsed())
        };
        let mut times: Vec<Duration> = (0..calls).map(call).collect::<Result<_, LogError>>()?;
        times.sort_unstable();
        Ok(times)
    })
}

fn report(name: &str, times: &[Duration]) -> Outcome<()> {
    let at = |part: usize| times.get(times.len() * part / 1000).copied().unwrap_or_default();
    let mean = times.iter().sum::<Duration>() / u32::try_from(times.len())?;
    writeln!(
        std::io::stdout(),
        "{name:<34} mean {mean:>10.2?}  p50 {:>10.2?}  p99 {:>10.2?}  p99.9 {:>10.2?}",
        at(500),
        at(990),
        at(999)
    )?;
    Ok(())
}

fn main() -> Outcome<()> {
    let nowhere = Logger::new("acme.www", registry()?, Arc::new(Nowhere));
    measure(&nowhere, 10_000)?;
    report("making the entry alone", &measure(&nowhere, 100_000)?)?;
    for (name, durability, calls) in [
        ("outbox, durable within the group", Durability::WithinGroup, 100_000),
        ("outbox, durable before it returns", Durability::BeforeReturn, 5_000),
    ] {
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let settings = OutboxSettings { durability, ..OutboxSettings::default() };
        let outbox = Outbox::open(directory.path().join("outbox"), Arc::new(Away), settings)?;
        let logger = Logger::with_outbox("acme.www", registry()?, outbox);
        measure(&logger, 1000)?;
        report(name, &measure(&logger, calls)?)?;
    }
    Ok(())
}
