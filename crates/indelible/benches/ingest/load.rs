//! Sending entries.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::Outcome;
use crate::entries::Generator;
use crate::http::Connection;
use crate::server::Server;

/// Entries in a batch.
pub(crate) const BATCH: usize = 1000;
/// Connections that send batches: enough that one is parsed while another is committed.
const BATCH_CONNECTIONS: usize = 4;
/// Connections that send single entries.
const SINGLE_CONNECTIONS: usize = 64;
/// Entries made before they are sent: making them is not what is measured, and all at once fit no memory.
const MADE_AT_ONCE: usize = 200_000;

/// Sends all entries in batches. Returns how long sending took, and how long it took until the search index had
/// all of them.
pub(crate) fn batches(
    runtime: &Runtime,
    server: &Server,
    data: &Path,
    secret: &str,
    entries: usize,
) -> Outcome<(Duration, Duration)> {
    let generator = Generator::new(2);
    let mut sent = Duration::ZERO;
    let mut indexed_while_making = Duration::ZERO;
    for first in (0..entries).step_by(MADE_AT_ONCE) {
        let made = Instant::now();
        let mut all: Vec<Vec<String>> = vec![Vec::new(); BATCH_CONNECTIONS];
        let round = first..entries.min(first + MADE_AT_ONCE);
        for (number, start) in round.clone().step_by(BATCH).enumerate() {
            let batch = start..round.end.min(start + BATCH);
            let text = batch.map(|number| generator.entry(number) + "\n").collect();
            if let Some(mine) = all.get_mut(number % BATCH_CONNECTIONS) {
                mine.push(text);
            }
        }
        if first > 0 {
            // The index goes on meanwhile; that time counts for it.
            indexed_while_making += made.elapsed();
        }
        sent += runtime.block_on(send(server, secret, all))?;
    }
    let waiting = Instant::now();
    until_indexed(data)?;
    Ok((sent, sent + indexed_while_making + waiting.elapsed()))
}

async fn send(server: &Server, secret: &str, all: Vec<Vec<String>>) -> Outcome<Duration> {
    let started = Instant::now();
    let senders = all.into_iter().map(|batches| {
        let connecting = Connection::open(server.address, secret.to_owned());
        tokio::spawn(async move {
            let mut connection = connecting.await?;
            for batch in batches {
                connection.post("application/x-ndjson", &batch).await?;
            }
            Outcome::Ok(())
        })
    });
    // All of them start at once.
    for sender in senders.collect::<Vec<_>>() {
        sender.await??;
    }
    Ok(started.elapsed())
}

/// Waits until `indelible doctor` says that the search index is up to date.
fn until_indexed(data: &Path) -> Outcome<()> {
    const LOOK_AGAIN: Duration = Duration::from_millis(200);
    loop {
        let mut doctor = Command::new(env!("CARGO_BIN_EXE_indelible"));
        let told = doctor.args(["doctor", "--data"]).arg(data).stderr(Stdio::inherit()).output()?;
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let state = told.lines().find_map(|line| line.strip_prefix("search index"));
        if state.ok_or("the doctor says nothing of the index")?.trim() == "up to date" {
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// Sends entries one by one and returns how long each took.
pub(crate) async fn alone(
    server: &Server,
    secret: &str,
    first: usize,
    count: usize,
) -> Outcome<(Duration, Vec<Duration>)> {
    let generator = Generator::new(3);
    let mut all: Vec<Vec<String>> = vec![Vec::new(); SINGLE_CONNECTIONS];
    for number in 0..count {
        if let Some(mine) = all.get_mut(number % SINGLE_CONNECTIONS) {
            mine.push(generator.entry(first + number));
        }
    }
    let started = Instant::now();
    let senders = all.into_iter().map(|texts| {
        let connecting = Connection::open(server.address, secret.to_owned());
        tokio::spawn(async move {
            let mut connection = connecting.await?;
            let mut latencies = Vec::with_capacity(texts.len());
            for text in texts {
                let sent = Instant::now();
                connection.post("application/json", &text).await?;
                latencies.push(sent.elapsed());
            }
            Outcome::Ok(latencies)
        })
    });
    let mut latencies = Vec::with_capacity(count);
    for sender in senders.collect::<Vec<_>>() {
        latencies.extend(sender.await??);
    }
    Ok((started.elapsed(), latencies))
}
