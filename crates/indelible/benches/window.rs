//! How long the AEM dialect takes for a page of 1,000 entries of a window of time, over HTTP.
//!
//! ```sh
//! cargo bench -p indelible --bench window -- --entries 1000000
//! ```

mod common;

use std::io::Write as _;
use std::time::{Duration, Instant};

use indelible::access::{Caller, Gate, new_token};
use indelible::api::App;
use indelible::{Indelible, server};
use jiff::Timestamp;
use model::Role;
use tokio::net::TcpListener;

use common::{Installation, Outcome, entries_asked};

const RUNS: u64 = 41;
/// Entries of a window, and of a page.
const WINDOW: u64 = 1_000;
/// By how many seconds every hundredth entry is late. Entries are a second apart.
const LATE_SECONDS: u64 = 3_600;
const FIRST_SECOND: i64 = 1_700_000_000;

/// The first entry of a run's window, by the number of the run and the last that is possible.
type Place = fn(u64, u64) -> u64;

fn main() -> Outcome<()> {
    let Some(entries) = entries_asked(100_000)? else { return Ok(()) };
    let installation = Installation::new()?;
    let indelible = installation.indelible.clone();
    let token = new_token("bench", Role::Auditor, None)?;
    indelible.create_token(&token.token, &Caller::local("bench"))?;
    // Every hundredth entry comes late, by an hour.
    let late = |n: u64| if n.is_multiple_of(100) { n.saturating_sub(LATE_SECONDS) } else { n };
    installation.fill(entries, |n| entry(late(n)))?;
    indelible.search().catch_up(Duration::from_mins(30))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(indelible, token.secret.reveal(), entries))
}

async fn measure(indelible: Indelible, token: &str, entries: u64) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}/log/acme/www/main", listener.local_addr()?);
    let app = App::new(indelible.clone(), Gate::new(indelible.store().clone()), None);
    let serving = tokio::spawn(server::serve(listener, app, std::future::pending()));
    let client = reqwest::Client::new();
    let mut out = std::io::stdout().lock();
    writeln!(out, "a page of {WINDOW} entries out of {entries}, over HTTP")?;
    let last = entries.saturating_sub(WINDOW);
    // Each time another window, so that nothing is remembered.
    let places: [(&str, Place); 3] = [
        ("anywhere", |run, last| last / RUNS * run),
        ("at the oldest end", |run, _| run),
        ("near the newest end", |run, last| last - LATE_SECONDS - run),
    ];
    for (what, place) in places {
        let mut times = Vec::new();
        for run in 0..RUNS {
            let first = place(run, last);
            let (from, to) = (time(first)?, time(first + WINDOW - 1)?);
            let url = format!("{base}?from={from}&to={to}&limit={WINDOW}");
            let start = Instant::now();
            let text = client.get(url).bearer_auth(token).send().await?.text().await?;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
            let page: serde_json::Value = serde_json::from_str(&text)?;
            let found = page.get("entries").and_then(|entries| entries.as_array()).map(Vec::len);
            if found.map(u64::try_from) != Some(Ok(WINDOW)) {
                return Err(format!("{what}: {found:?} entries").into());
            }
        }
        times.sort_by(f64::total_cmp);
        let middle = times.get(times.len() / 2).copied().unwrap_or_default();
        let slowest = times.last().copied().unwrap_or_default();
        writeln!(out, "{what}: {middle:.1} ms, slowest {slowest:.1} ms")?;
    }
    serving.abort();
    Ok(())
}

fn time(n: u64) -> Outcome<Timestamp> {
    Ok(Timestamp::from_second(FIRST_SECOND + i64::try_from(n)?)?)
}

fn entry(n: u64) -> Outcome<String> {
    let (time, route) = (time(n)?, if n.is_multiple_of(3) { "live" } else { "preview" });
    let millisecond = time.as_millisecond();
    let text = "some words of what a service reports ".repeat(10);
    Ok(format!(
        r#"{{"occurred_at":"{time}","action":"aem.publish","connector":"aem","duration_ms":467,
            "actor":{{"type":"user","id":"ana{user}@example.com","email":"ana{user}@example.com"}},
            "entity":{{"type":"page","id":"/news/{page}"}},
            "origin":{{"ip":"203.0.113.7","method":"POST","route":"{route}","path":"/news/{page}"}},
            "data":{{"timestamp":{millisecond},"duration":467,"status":200,"method":"POST","route":"{route}",
            "path":"/news/{page}","user":"ana{user}@example.com","ip":"203.0.113.7","details":["{text}"]}}}}"#,
        user = n % 40,
        page = n % 5_000,
    ))
}
