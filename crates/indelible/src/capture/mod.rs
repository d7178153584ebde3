//! Change capture from PostgreSQL: what changed past the application, by whatever changed it.
//!
//! ```text
//! the source's log ──▶ stream ──▶ transaction ──▶ tell ──▶ append ──▶ the site's log
//!                      (a slot)    (until commit)  (entries)   (durable: the slot may forget)
//! ```
//!
//! Changes come by logical replication (`stream`), or where a server does not let one, from a table that triggers fill
//! (`triggers`). Ids of entries follow from where a change stands in the server's log, and the slot only forgets what is
//! durable, so that nothing is lost and nothing doubled whoever dies when. What a slot has lost is told as a gap, and then
//! found by comparing tables with the log (`compare`).

mod append;
mod columns;
mod compare;
mod context;
mod doctor;
mod entry;
mod known_rows;
mod pgoutput;
mod restore;
mod row;
mod rules;
mod setup;
mod source;
mod standing;
mod status;
mod stream;
mod table;
mod tell;
mod transaction;
mod triggers;
mod value;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch as channel;

use crate::Indelible;
use crate::config::Hidden;
use crate::store::{DatabaseUrl, Site};

pub use doctor::{Finding, Severity, examine};
pub use entry::CONNECTOR;
pub use restore::RowReverts;
pub use rules::{Mode, Rules, TableRule};
pub use setup::{Step, apply, steps};
pub use status::{Figures, Status};

/// How long until a source that could not be reached is tried again, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// How often a slot that is in use is tried: about a minute and a half, since the server notices a connection that was cut
/// only after its `wal_sender_timeout`.
const IN_USE_TRIES: u32 = 8;

/// Why changes cannot be captured.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file of rules.
    #[error("the rules in {file}: {reason}")]
    Rules {
        /// Which file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not answer, or went away. Trying again helps.
    #[error(
        "{place} cannot be reached: {reason}. See that PostgreSQL runs there and that the address is right (--source or APP__CAPTURE__URL)"
    )]
    Unreachable {
        /// Which server and database.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// Another process captures with the same slot.
    #[error("{0}")]
    InUse(String),
    /// The server does not let us, or is not set up. The message says what to do.
    #[error("{0}")]
    Refused(String),
    /// The stream is not what it should be.
    #[error("{0}. Nothing is lost: the server keeps it. Please report this")]
    Stream(String),
    /// A transaction could not be kept until its commit.
    #[error("keeping a transaction until its commit: {0}. See that the temporary directory has room")]
    Spool(String),
    /// Our own log.
    #[error("the log: {0}")]
    Log(String),
}

/// Waits until a capture is asked to stop; whoever cannot ask any more has gone, and wants no more either.
async fn asked_to(stop: &mut channel::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

impl CaptureError {
    /// Whether it may go away by itself.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::InUse(_))
    }
}

/// A capture: from which database, by which rules, into which installation.
#[derive(Clone, Debug)]
pub struct Capture {
    indelible: Indelible,
    rules: Arc<Rules>,
    url: DatabaseUrl,
    application_secret: Option<Hidden>,
    status: Arc<Status>,
}

impl Capture {
    /// A capture that does not run yet. `application_secret` is what contexts must be signed with, if they must.
    #[must_use]
    pub fn new(
        indelible: Indelible,
        rules: Rules,
        url: DatabaseUrl,
        application_secret: Option<Hidden>,
    ) -> Self {
        let status = Arc::new(Status::new(&rules.name));
        Self { indelible, rules: Arc::new(rules), url, application_secret, status }
    }

    /// What it counts.
    #[must_use]
    pub const fn status(&self) -> &Arc<Status> {
        &self.status
    }

    /// Captures until told to stop. A source that goes away is waited for, however long.
    ///
    /// # Errors
    /// When trying again does not help: the message says what does.
    pub async fn run(&self, mut stop: channel::Receiver<bool>) -> Result<(), CaptureError> {
        let (mut pause, longest) = PAUSES;
        let mut in_use = 0;
        loop {
            let captured_before = self.status.figures().transactions;
            let done = match self.rules.mode {
                Mode::Replication => self.stream(&mut stop).await,
                Mode::Triggers => self.poll(&mut stop).await,
            };
            self.status.running(false);
            match done {
                Ok(()) => return Ok(()),
                Err(error) if error.is_passing() && in_use < IN_USE_TRIES => {
                    in_use = if matches!(error, CaptureError::InUse(_)) { in_use + 1 } else { 0 };
                    if self.status.figures().transactions > captured_before {
                        pause = PAUSES.0;
                    }
                    tracing::warn!(capture = self.rules.name, %error, "capture waits");
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = asked_to(&mut stop) => return Ok(()),
                    }
                    pause = (pause * 2).min(longest);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The site that entries go to unless a row names another.
    fn home(&self) -> Result<Site, CaptureError> {
        let found = self
            .indelible
            .sites()
            .find(&self.rules.site)
            .map_err(|error| CaptureError::Log(error.to_string()))?;
        found.ok_or_else(|| {
            CaptureError::Refused(format!(
                "there is no site `{0}` for what is captured: `indelible site create {0}`",
                self.rules.site
            ))
        })
    }
}
