//! How often somebody may ask: by address, by credential, and by address with credentials that are none.
//!
//! Each is a table of fixed size whose places are found by a keyed hash, so that whoever makes up addresses or tokens
//! takes no memory. Two that share a place share what it allows; with so many places that is rare, and nobody can
//! choose with whom.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::caller::{caller_of, session_of, shows_token};
use super::reached::client_of;
use super::{App, Problem, client_address};
use crate::access::Denied;

/// Places of a table: 512 KiB.
const PLACES: usize = 1 << 16;

/// For so long somebody may have been silent and make up for it at once.
const BURST: Duration = Duration::from_secs(2);

/// The same for refusals: a program that was configured wrongly is told so for a while before it is turned away.
const REFUSALS_BURST: Duration = Duration::from_secs(50);

/// The headers by which somebody shows who they are.
const CREDENTIALS: [header::HeaderName; 4] = [
    header::AUTHORIZATION,
    header::HeaderName::from_static("x-api-key"),
    header::HeaderName::from_static("x-auth-token"),
    header::COOKIE,
];

/// How often somebody may ask, in requests per second; 0 for as often as they like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// From one address, or one network of an IPv6 client.
    pub per_address: u32,
    /// With one token or session.
    pub per_credential: u32,
    /// From one address without a credential that works; whoever has one is not kept from using it.
    pub refused_per_address: u32,
}

impl Rates {
    /// No limits.
    pub const NONE: Self = Self { per_address: 0, per_credential: 0, refused_per_address: 0 };
}

impl Default for Rates {
    fn default() -> Self {
        Self { per_address: 20_000, per_credential: 20_000, refused_per_address: 100 }
    }
}

/// What was asked lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Throttle {
    addresses: Option<Arc<Table>>,
    credentials: Option<Arc<Table>>,
    refusals: Option<Arc<Table>>,
}

/// The client's address was refused so often that one more refusal is not worth recording.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefusedOften;

impl Throttle {
    pub(super) fn new(rates: Rates) -> Self {
        let table = |rate: u32, burst| (rate > 0).then(|| Arc::new(Table::new(rate, burst)));
        Self {
            addresses: table(rates.per_address, BURST),
            credentials: table(rates.per_credential, BURST),
            refusals: table(rates.refused_per_address, REFUSALS_BURST),
        }
    }
}

/// Turns away who asks too often. What they are told is how long to wait.
pub(crate) async fn throttle(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let throttle = app.throttle();
    let address = client_address(request.extensions()).map(network);
    if let (Some(table), Some(address)) = (&throttle.addresses, address)
        && let Err(wait) = table.take(table.place(address))
    {
        return turned_away("too many requests from this address", wait);
    }
    if let Some(table) = &throttle.credentials
        && let Some(place) = credential(table, request.headers())
        && let Err(wait) = table.take(place)
    {
        return turned_away("too many requests with this token or session", wait);
    }
    let refusals =
        throttle.refusals.as_ref().zip(address).map(|(table, address)| (table, table.place(address)));
    if refusals.is_some_and(|(table, place)| table.spent_for(place).is_some()) {
        request.extensions_mut().insert(RefusedOften);
    }
    let response = next.run(request).await;
    match refusals {
        Some((table, place)) if response.status() == StatusCode::UNAUTHORIZED => match table.take(place) {
            Ok(()) => response,
            Err(wait) => turned_away(REFUSED_OFTEN, wait),
        },
        _ => response,
    }
}

/// What whoever was refused too often is told.
const REFUSED_OFTEN: &str = "too many requests without a valid token from this address";

/// Answers those requests that cost nothing but the look at their token: from an address that has spent its refusals most
/// are worth nothing, and that is found out before there is a route, a page or a record.
#[derive(Clone)]
pub(crate) struct Doorman {
    app: App,
    /// What all of them are told, written once.
    answer: Bytes,
}

impl Doorman {
    pub(crate) fn new(app: App) -> Self {
        let problem = Problem::too_many(words(REFUSED_OFTEN), Duration::ZERO);
        Self { app, answer: serde_json::to_vec(&problem).unwrap_or_default().into() }
    }

    /// The answer to a request that goes no further; `None` for all others.
    pub(crate) fn turns_away(&self, peer: SocketAddr, headers: &HeaderMap) -> Option<Response> {
        let app = &self.app;
        let table = app.throttle().refusals.as_ref()?;
        let client = client_of(&app.trusted_proxies(), peer.ip(), headers);
        let wait = table.spent_for(table.place(network(client)))?;
        shows_nothing_valid(app, headers).then(|| Problem::too_many_as(self.answer.clone(), wait))
    }
}

/// Whether a request shows a token, and none that works.
fn shows_nothing_valid(app: &App, headers: &HeaderMap) -> bool {
    // A browser behind a proxy with a password of its own shows that, and its session.
    let is_nobody = |caller| matches!(caller, Err(Denied::Unauthenticated));
    shows_token(headers)
        && is_nobody(caller_of(app, headers))
        && session_of(app, headers).is_none_or(|session| is_nobody(app.gate.caller(None, Some(session))))
}

fn turned_away(why: &str, wait: Duration) -> Response {
    Problem::too_many(words(why), wait).into_response()
}

fn words(why: &str) -> String {
    format!("{why}: wait as long as Retry-After says")
}

/// An IPv6 client has 2^64 addresses of its own: they count as one.
fn network(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().into(),
        IpAddr::V6(v6) => u128::from(v6) >> 64 << 64,
    }
}

/// The place of whatever somebody shows. Whether it is worth anything is not known yet.
fn credential(table: &Table, headers: &HeaderMap) -> Option<u64> {
    let shown = CREDENTIALS.iter().find_map(|name| headers.get(name))?;
    Some(table.place(shown.as_bytes()))
}

/// For each place, until when what was asked is paid for: the generic cell rate algorithm (ITU-T I.371).
struct Table {
    hasher: RandomState,
    start: Instant,
    /// What one request costs.
    cost_ns: u64,
    burst_ns: u64,
    paid_until_ns: Box<[AtomicU64]>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("cost_ns", &self.cost_ns).finish_non_exhaustive()
    }
}

impl Table {
    fn new(per_second: u32, burst: Duration) -> Self {
        Self {
            hasher: RandomState::new(),
            start: Instant::now(),
            cost_ns: 1_000_000_000 / u64::from(per_second.max(1)),
            burst_ns: nanoseconds(burst),
            paid_until_ns: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn place(&self, key: impl std::hash::Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Counts a request.
    fn take(&self, place: u64) -> Result<(), Duration> {
        self.take_at(place, nanoseconds(self.start.elapsed()))
    }

    fn take_at(&self, place: u64, now_ns: u64) -> Result<(), Duration> {
        let Some(slot) = self.slot(place) else { return Ok(()) };
        let counted = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |paid_until| {
            let next = paid_until.max(now_ns).saturating_add(self.cost_ns);
            (next.saturating_sub(now_ns) <= self.burst_ns).then_some(next)
        });
        counted.map(|_| ()).map_err(|paid_until| {
            let next = paid_until.max(now_ns).saturating_add(self.cost_ns);
            Duration::from_nanos(next.saturating_sub(now_ns).saturating_sub(self.burst_ns))
        })
    }

    /// How long one more request would be too many, if it would.
    fn spent_for(&self, place: u64) -> Option<Duration> {
        let now_ns = nanoseconds(self.start.elapsed());
        let paid_until = self.slot(place).map_or(0, |slot| slot.load(Ordering::Relaxed));
        let owed = paid_until.max(now_ns).saturating_add(self.cost_ns).saturating_sub(now_ns);
        owed.checked_sub(self.burst_ns).filter(|wait| *wait > 0).map(Duration::from_nanos)
    }

    fn slot(&self, place: u64) -> Option<&AtomicU64> {
        let places = u64::try_from(self.paid_until_ns.len()).ok()?;
        self.paid_until_ns.get(usize::try_from(place.checked_rem(places)?).ok()?)
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let table = Table::new(10, Duration::from_secs(2));
        let taken = |now: u64| (0..100).take_while(|_| table.take_at(7, now).is_ok()).count();
        assert_eq!(taken(SECOND), 20);
        assert_eq!(table.take_at(7, SECOND), Err(Duration::from_millis(100)));
        assert_eq!(table.take_at(8, SECOND), Ok(()), "others are not kept waiting");
        assert_eq!(taken(2 * SECOND), 10);
        assert_eq!(taken(3 * SECOND - 1), 9);
        assert_eq!(taken(1_000 * SECOND), 20, "silence makes up for a burst, and no more");
    }

    #[test]
    fn one_who_waits_as_long_as_told_is_let_in() {
        let table = Table::new(3, Duration::from_secs(1));
        let mut now = 0;
        for _ in 0..50 {
            if let Err(wait) = table.take_at(1, now) {
                now += nanoseconds(wait);
                assert_eq!(table.take_at(1, now), Ok(()));
            }
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
