//! How much readers who are signed in are slowed down by 10,000 requests a second with tokens that are none.
//!
//! ```sh
//! cargo bench -p indelible --bench refused
//! ```
//!
//! Sending so many requests takes a processor too. So the same flood first goes to a server that does nothing but
//! refuse, in the same process, and what is compared is reading beside that one and beside Indelible.

mod common;

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indelible::access::{Caller, Gate, new_token};
use indelible::api::{App, Rates};
use indelible::{Indelible, server};
use model::Role;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use common::{Installation, Outcome, entries_asked};

/// Refused requests a second.
const REFUSED_PER_SECOND: u64 = 10_000;
/// Connections that they come by, and how many are sent at once by each.
const CONNECTIONS: u64 = 10;
const AT_ONCE: u64 = 10;
/// People who read at the same time.
const READERS: usize = 2;
/// Each measurement, of which there are so many by turns.
const MEASURED_FOR: Duration = Duration::from_secs(3);
const TURNS: usize = 5;
/// What is allowed.
const SLOWER_MAX: f64 = 1.2;

fn main() -> Outcome<()> {
    let Some(entries) = entries_asked(20_000)? else { return Ok(()) };
    let installation = Installation::new()?;
    let indelible = installation.indelible.clone();
    let token = new_token("bench", Role::Auditor, None)?;
    indelible.create_token(&token.token, &Caller::local("bench"))?;
    installation.fill(entries, |number| Ok(entry(number)))?;
    indelible.search().catch_up(Duration::from_mins(5))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(indelible, token.secret.reveal()))
}

fn entry(number: u64) -> String {
    format!(
        r#"{{"action":"page.edit","actor":{{"type":"user","id":"u{}"}},"entity":{{"type":"page","id":"{number}","title":"Page {number}"}},"summary":"changed"}}"#,
        number % 50
    )
}

async fn measure(indelible: Indelible, token: &str) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = App::new(indelible.clone(), Gate::new(indelible.store().clone()), None)
        .recording_reading()
        .limited_to(Rates::default());
    let serving = tokio::spawn(server::serve(listener, app, std::future::pending()));
    let nothing = TcpListener::bind("127.0.0.1:0").await?;
    let nowhere = nothing.local_addr()?;
    let refusing = tokio::spawn(async move {
        let refuse = || async { (axum::http::StatusCode::UNAUTHORIZED, "no") };
        let nothing = axum::serve::ListenerExt::tap_io(nothing, |stream| drop(stream.set_nodelay(true)));
        axum::serve(nothing, axum::Router::new().fallback(refuse)).await
    });
    let mut out = std::io::stdout().lock();
    let mut beside: [Vec<f64>; 3] = Default::default();
    // By turns, so that a machine that gets slower meanwhile is slower for all.
    for _ in 0..TURNS {
        for (place, flooded) in [None, Some(nowhere), Some(address)].into_iter().enumerate() {
            let reads = reading(address, token, flooded).await?;
            if let Some(found) = beside.get_mut(place) {
                found.push(reads);
            }
        }
    }
    let [alone, nothing, indelible] = beside.map(middle);
    writeln!(out, "reads a second by {READERS} readers")?;
    writeln!(out, "  alone:                                          {alone:.0}")?;
    writeln!(out, "  beside {REFUSED_PER_SECOND} requests/s that another server refuses:  {nothing:.0}")?;
    writeln!(out, "  beside {REFUSED_PER_SECOND} requests/s that Indelible refuses:       {indelible:.0}")?;
    let slower = nothing / indelible;
    writeln!(out, "slower by what refusing costs: {slower:.2} times (at most {SLOWER_MAX})")?;
    serving.abort();
    refusing.abort();
    if slower > SLOWER_MAX { Err(format!("{slower:.2} times slower").into()) } else { Ok(()) }
}

fn middle(mut found: Vec<f64>) -> f64 {
    found.sort_by(f64::total_cmp);
    found.get(found.len() / 2).copied().unwrap_or_default()
}

/// Reads a second, beside a flood of refused requests at an address.
async fn reading(address: SocketAddr, token: &str, flooded: Option<SocketAddr>) -> Outcome<f64> {
    let stop = Arc::new(AtomicBool::new(false));
    let sent = Arc::new(AtomicU64::new(0));
    let mut floods = Vec::new();
    for connection in 0..if flooded.is_some() { CONNECTIONS } else { 0 } {
        let (stop, sent, to) = (Arc::clone(&stop), Arc::clone(&sent), flooded.unwrap_or(address));
        floods.push(tokio::spawn(flood(to, connection, stop, sent)));
    }
    let start = Instant::now();
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let (client, token) = (reqwest::Client::new(), token.to_owned());
        let url = format!("http://{address}/api/v1/sites/acme.www/entries?limit=20&kind=update");
        readers.push(tokio::spawn(async move {
            let mut reads = 0_u32;
            while start.elapsed() < MEASURED_FOR {
                let answer = client.get(&url).bearer_auth(&token).send().await?;
                if !answer.status().is_success() {
                    return Err(format!("a reader was answered {}", answer.status()).into());
                }
                answer.bytes().await?;
                reads += 1;
            }
            Outcome::Ok(reads)
        }));
    }
    let mut reads = 0.0;
    for reader in readers {
        reads += f64::from(reader.await??);
    }
    let seconds = start.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for flood in floods {
        flood.await??;
    }
    let rate = sent.load(Ordering::Relaxed).checked_div(MEASURED_FOR.as_secs()).unwrap_or_default();
    if flooded.is_some() && rate < REFUSED_PER_SECOND * 8 / 10 {
        return Err(
            format!("only {rate} refused requests a second came through: the machine is too busy").into()
        );
    }
    Ok(reads / seconds)
}

/// Sends requests with tokens that look like some and are none, so many a second, and reads the answers.
async fn flood(to: SocketAddr, connection: u64, stop: Arc<AtomicBool>, sent: Arc<AtomicU64>) -> Outcome<()> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let pause = Duration::from_nanos(1_000_000_000 * CONNECTIONS * AT_ONCE / REFUSED_PER_SECOND);
    let mut beat = tokio::time::interval(pause);
    let (mut number, mut buffer) = (0_u64, vec![0; 64 * 1024]);
    let mut unread: Vec<u8> = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        beat.tick().await;
        let mut requests = String::new();
        for _ in 0..AT_ONCE {
            number += 1;
            let token = format!("idl_{:043}", number * 1_000 + connection);
            requests
                .push_str("GET /api/v1/sites/acme.www/entries HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ");
            requests.push_str(&token);
            requests.push_str("\r\n\r\n");
        }
        stream.write_all(requests.as_bytes()).await?;
        let mut answers = 0;
        while answers < AT_ONCE {
            let read = stream.read(&mut buffer).await?;
            if read == 0 {
                return Err("the server closed".into());
            }
            unread.extend_from_slice(buffer.get(..read).unwrap_or_default());
            let is_answer = |window: &&[u8]| *window == b"HTTP/1.1 401 " || *window == b"HTTP/1.1 429 ";
            answers += u64::try_from(unread.windows(13).filter(is_answer).count())?;
            // A first line may be cut in two: its beginning is looked at once more with what follows.
            unread.drain(..unread.len().saturating_sub(12));
        }
        sent.fetch_add(AT_ONCE, Ordering::Relaxed);
    }
    Ok(())
}
