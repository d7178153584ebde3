//! Reading the stream: transactions as they are committed, told and confirmed once they are durable.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use pgwire_replication::{
    Lsn as WireLsn, PgWireError, ReplicationClient, ReplicationConfig, ReplicationEvent,
};
use tokio::sync::watch as channel;
use tokio::time::{MissedTickBehavior, interval};

use super::append::{Appender, Batch};
use super::compare::Comparison;
use super::context::{Keys, is_sealed};
use super::entry::{Pile, Ready};
use super::pgoutput::Message;
use super::source::{Server, Source, replication};
use super::standing::Standing;
use super::table::Tables;
use super::tell::{Teller, Telling};
use super::transaction::{Commit, Part, Transaction};
use super::{Capture, CaptureError};

/// How often the slot and the tables are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// How often the server is told how far everything is durable, where nothing else tells it.
const CONFIRM: Duration = Duration::from_secs(1);

/// How long what was sent may take to become durable once the capture is told to stop.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// Microseconds from 1970 to 2000, which PostgreSQL counts from.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

/// Messages of the stream that are taken one after another where they are there already: to ask between any two of them what
/// else there is to do would take as long as they do.
const EVENTS_AT_ONCE: usize = 256;

/// What the stream brings.
type Received = Result<Option<ReplicationEvent>, PgWireError>;

/// What is to be done next.
enum Next {
    Stop,
    Look,
    Event(Received),
    HandOver,
    Confirm,
}

/// A stream that is being read.
pub(super) struct Stream<'a> {
    pub(super) capture: &'a Capture,
    pub(super) source: Source,
    pub(super) server: Server,
    pub(super) standing: Standing,
    pub(super) teller: Teller,
    pub(super) appender: Appender,
    /// Whether the server tells of changed definitions.
    tells_definitions: bool,
    current: Option<Transaction>,
    pile: Pile,
    /// Up to where in the server's log everything is told, and up to where that was handed over.
    told: u64,
    handed_over: u64,
    /// Tables that are compared once the stream has come to a place.
    pub(super) comparison: Option<Comparison>,
    /// When the next one may be prepared.
    pub(super) compare_again: Option<Instant>,
}

impl Capture {
    /// Reads the stream until told to stop, or something is wrong.
    pub(super) async fn stream(&self, stop: &mut channel::Receiver<bool>) -> Result<(), CaptureError> {
        let mut stream = Stream::open(self).await?;
        stream.look().await?;
        let mut client =
            ReplicationClient::connect(stream.config()?).await.map_err(|error| stream.wire(&error))?;
        client.wait_started().await.map_err(|error| stream.wire(&error))?;
        self.status.running(true);
        tracing::info!(capture = self.rules.name, source = stream.source.place, "capturing");
        let mut looking = interval(LOOK);
        looking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        looking.reset();
        loop {
            client.update_applied_lsn(WireLsn::from_u64(stream.appender.position()?));
            let has_something = !stream.pile.is_empty() || stream.told > stream.handed_over;
            let next = tokio::select! {
                biased;
                () = super::asked_to(stop) => Next::Stop,
                _ = looking.tick() => Next::Look,
                event = client.recv() => Next::Event(event),
                // Nothing more has come: what there is goes on its way.
                () = std::future::ready(()), if has_something => Next::HandOver,
                () = stream.appender.progressed() => Next::Confirm,
            };
            let step = async {
                match next {
                    Next::Stop | Next::Confirm => Ok(()),
                    Next::Look => stream.look().await,
                    Next::HandOver => stream.hand_over().await,
                    Next::Event(event) => stream.events(event, &mut client).await,
                }
            };
            // What is given up in the middle of a step is not confirmed, and comes again.
            tokio::select! {
                biased;
                () = super::asked_to(stop) => break,
                done = step => done?,
            }
        }
        drop(tokio::time::timeout(END_PATIENCE, stream.appender.all()).await);
        client.update_applied_lsn(WireLsn::from_u64(stream.appender.position()?));
        let ending = pin!(client.shutdown());
        drop(tokio::time::timeout(END_PATIENCE, ending).await);
        Ok(())
    }
}

impl<'a> Stream<'a> {
    async fn open(capture: &'a Capture) -> Result<Self, CaptureError> {
        let rules = &capture.rules;
        let home = capture.home()?;
        let source = Source::connect(&capture.url).await?;
        let server = source.server().await?;
        check(&server, &source.place)?;
        let keys = Keys { seal: source.seal_key().await?, application: capture.application_secret.clone() };
        let known = source.known(&rules.slot()).await?;
        let store = capture.indelible.store().as_ref();
        let standing = Standing::load(store, home.log, &rules.name)?;
        let status = Arc::clone(&capture.status);
        let appender = Appender::start(capture.indelible.clone(), Arc::clone(rules), home, status)?;
        let teller = Teller {
            rules: Arc::clone(rules),
            tables: Tables::new(known),
            keys,
            system: server.system.clone(),
            database: server.database.clone(),
        };
        let events =
            "SELECT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'indelible_capture_definition')";
        let tells_definitions = source.one(events, &[], "looking for the event trigger").await?.get(0);
        let was = standing.clone();
        let mut stream = Self {
            capture,
            source,
            server,
            standing: standing.unwrap_or_default(),
            teller,
            appender,
            tells_definitions,
            current: None,
            pile: Pile::default(),
            told: 0,
            handed_over: 0,
            comparison: None,
            compare_again: None,
        };
        stream.begin(was).await?;
        Ok(stream)
    }

    fn config(&self) -> Result<ReplicationConfig, CaptureError> {
        Ok(replication(&self.capture.url, &self.capture.rules.slot())?.with_status_interval(CONFIRM))
    }

    /// What an error of the stream means.
    pub(super) fn wire(&self, error: &PgWireError) -> CaptureError {
        wire(&self.source.place, &self.capture.rules.slot(), error)
    }

    /// Takes what has come, and what else is there already.
    async fn events(&mut self, first: Received, client: &mut ReplicationClient) -> Result<(), CaptureError> {
        let mut received = first;
        for taken in 1.. {
            let event = received.map_err(|error| self.wire(&error))?;
            self.event(event.ok_or_else(|| self.away("the server ended the stream"))?).await?;
            if taken == EVENTS_AT_ONCE {
                break;
            }
            received = tokio::select! {
                biased;
                next = client.recv() => next,
                () = std::future::ready(()) => break,
            };
        }
        Ok(())
    }

    async fn event(&mut self, event: ReplicationEvent) -> Result<(), CaptureError> {
        match event {
            ReplicationEvent::Begin { final_lsn, xid, commit_time_micros } => {
                if self
                    .comparison
                    .as_ref()
                    .is_some_and(|comparison| final_lsn.as_u64() >= comparison.position)
                {
                    self.compare().await?;
                }
                let at = EPOCH_MICROSECONDS.saturating_add(commit_time_micros);
                let at = Timestamp::from_microsecond(at)
                    .map_err(|error| CaptureError::Stream(format!("a commit at no time that is: {error}")))?;
                self.current = Some(Transaction::new(Commit { xid, lsn: final_lsn.as_u64(), at }));
            }
            ReplicationEvent::XLogData { data, .. } => {
                if let Some(id) = Message::relation_described(&data) {
                    self.learn(id).await?;
                }
                self.keep(Part::Plugin, &data)?;
            }
            ReplicationEvent::Message { transactional: true, prefix, content, .. } => match prefix.as_str() {
                "indelible.context" => {
                    let is_sealed = is_sealed(&content, &self.teller.keys.seal);
                    self.current()?.claim(&content, is_sealed);
                }
                "indelible.definition" => self.keep(Part::Definition, &content)?,
                _ => {}
            },
            ReplicationEvent::Commit { end_lsn, .. } => self.commit(end_lsn.as_u64()).await?,
            ReplicationEvent::KeepAlive { wal_end, .. } if self.current.is_none() => {
                self.told = self.told.max(wal_end.as_u64());
                if self.comparison.as_ref().is_some_and(|comparison| self.told >= comparison.position) {
                    self.compare().await?;
                }
            }
            ReplicationEvent::Message { .. }
            | ReplicationEvent::KeepAlive { .. }
            | ReplicationEvent::StoppedAt { .. } => {}
        }
        Ok(())
    }

    fn current(&mut self) -> Result<&mut Transaction, CaptureError> {
        let outside = || CaptureError::Stream("PostgreSQL sent a change outside of a transaction".to_owned());
        self.current.as_mut().ok_or_else(outside)
    }

    fn keep(&mut self, part: Part, bytes: &[u8]) -> Result<(), CaptureError> {
        self.current()?.push(part, bytes).map_err(|error| CaptureError::Spool(error.to_string()))
    }

    /// What the catalogue knows of a table that the stream describes. Where the server tells of changed definitions, that
    /// comes in its place in the stream and is more exact.
    async fn learn(&mut self, id: u32) -> Result<(), CaptureError> {
        if self.tells_definitions && self.teller.tables.known.contains_key(&id) {
            return Ok(());
        }
        let mut known = self.source.known(&self.capture.rules.slot()).await?;
        self.teller.tables.learn(id, known.remove(&id).unwrap_or_default(), &self.capture.rules);
        Ok(())
    }

    async fn commit(&mut self, end: u64) -> Result<(), CaptureError> {
        let Some(transaction) = self.current.take() else { return Ok(()) };
        let mut telling = Telling::new(transaction, &self.teller)?;
        while !telling.some(&mut self.teller, &mut self.pile)? {
            self.hand_over().await?;
        }
        self.told = self.told.max(end);
        self.capture.status.transaction();
        if self.pile.is_full() { self.hand_over().await } else { Ok(()) }
    }

    /// Sends what is ready on its way.
    pub(super) async fn hand_over(&mut self) -> Result<(), CaptureError> {
        // Of a transaction in the middle of which this is, the end is not told yet.
        let position = self.told;
        let ready = self.pile.take();
        self.handed_over = position;
        self.appender.send(Batch { ready, standing: None, position }).await
    }

    /// Puts down something about the capture itself, and how it stands from now on; returns when that is durable.
    pub(super) async fn put_down(&mut self, ready: Vec<Ready>) -> Result<(), CaptureError> {
        self.hand_over().await?;
        let standing = Some(self.standing.to_json());
        self.appender.send(Batch { ready, standing, position: self.handed_over }).await?;
        self.appender.all().await
    }

    /// Up to where in the server's log everything is told.
    pub(super) const fn told(&self) -> u64 {
        self.told
    }

    fn away(&self, reason: &str) -> CaptureError {
        CaptureError::Unreachable { place: self.source.place.clone(), reason: reason.to_owned() }
    }
}

/// What an error of a session of replication means.
#[expect(clippy::wildcard_enum_match_arm, reason = "whatever else there is or will be is the connection's")]
fn wire(place: &str, slot: &str, error: &PgWireError) -> CaptureError {
    let text = error.to_string();
    let says = |part: &str| text.contains(part);
    match error {
        // Object in use.
        PgWireError::Server(reason) if says("55006") || says("is active for PID") => {
            CaptureError::InUse(format!(
                "the slot {slot} at {place} is in use: {reason}. Another process runs this capture, or the server has not noticed \
             yet that one is gone (wal_sender_timeout)"
            ))
        }
        // The server goes down or comes up, or has no connection left.
        PgWireError::Server(reason) if says("57P0") || says("53300") || says("terminating connection") => {
            CaptureError::Unreachable { place: place.to_owned(), reason: reason.clone() }
        }
        PgWireError::Server(_) | PgWireError::Auth(_) => CaptureError::Refused(format!(
            "{place} does not let us read the stream: {text}. `indelible capture doctor` looks for what is missing"
        )),
        PgWireError::Tls(_) => CaptureError::Refused(format!("{place}: {text}")),
        PgWireError::MessageTooLarge { .. } => CaptureError::Stream(format!("{place}: {text}")),
        _ => CaptureError::Unreachable { place: place.to_owned(), reason: text },
    }
}

/// Whether a server can be captured from at all.
fn check(server: &Server, place: &str) -> Result<(), CaptureError> {
    if server.wal_level != "logical" {
        return Err(CaptureError::Refused(format!(
            "wal_level is `{}` at {place}, so its log does not say what changed. Set wal_level = logical in postgresql.conf \
             and restart PostgreSQL; where that is not possible, put mode = \"triggers\" into the rules",
            server.wal_level
        )));
    }
    if server.is_standby {
        return Err(CaptureError::Refused(format!("{place} is a standby: capture from its primary")));
    }
    if !server.may_replicate {
        return Err(CaptureError::Refused(format!(
            "the user {} may not replicate at {place}: ALTER ROLE {} REPLICATION, as `indelible capture init` does",
            server.user,
            super::source::quoted(&server.user)
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_told_apart() {
        let of = |reason: &str| {
            wire("PostgreSQL at db", "indelible_shop", &PgWireError::Server(reason.to_owned()))
        };
        let in_use = of("replication slot \"indelible_shop\" is active for PID 42 (SQLSTATE 55006)");
        assert!(matches!(in_use, CaptureError::InUse(_)) && in_use.is_passing());
        assert!(in_use.to_string().contains("Another process runs this capture"), "{in_use}");
        assert!(of("terminating connection due to administrator command (SQLSTATE 57P01)").is_passing());
        let refused = of("permission denied (SQLSTATE 42501)");
        assert!(!refused.is_passing() && refused.to_string().contains("capture doctor"), "{refused}");
    }
}
