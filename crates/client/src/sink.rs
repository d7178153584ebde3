//! Where recorded entries go first.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::outbox::OutboxError;

/// An entry on its way: complete, and never changed from here on.
///
/// ```
/// use client::Outgoing;
///
/// // As it comes back from a table.
/// let id = "0193b0c6-7f43-7d1c-8c0e-6a3c1f1a2b3c";
/// let row = Outgoing::from_row(id, "acme.www", r#"{"action":"page.edit"}"#)?;
/// assert_eq!((row.id.to_string().as_str(), row.text().as_str()), (id, r#"{"action":"page.edit"}"#));
/// # Ok::<(), uuid::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The entry's id: sent again, it is taken once.
    pub id: Uuid,
    /// The site whose log it is for.
    pub site: String,
    /// Its JSON, on one line.
    pub entry: Vec<u8>,
}

/// What became of a recorded entry.
///
/// ```
/// # use std::sync::Arc;
/// # use client::{EntityRef, Logger, Memory, Recorded, Registry};
/// # let logger = Logger::new("acme.www", Registry::any(), Arc::new(Memory::default()));
/// # let page = EntityRef::new("page", "7");
/// match logger.log(&page, "page.edit").system().record()? {
///     Recorded::Kept(id) => println!("logged as {id}"),
///     Recorded::Gap(_) => println!("the outbox is full: the log will tell of a gap"),
/// }
/// # Ok::<(), client::LogError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is kept until the log has it.
    Kept(Uuid),
    /// There was no room for it. That it is missing is told by a gap entry.
    Gap(Uuid),
}

impl Recorded {
    /// The entry's id.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::Kept(id) | Self::Gap(id) => id,
        }
    }
}

/// Takes recorded entries: an [`Outbox`](crate::outbox::Outbox), or [`Memory`] in tests.
///
/// ```
/// use std::time::Duration;
/// use client::outbox::OutboxError;
/// use client::{Outgoing, Recorded, Sink};
///
/// /// Shows entries instead of keeping them: for a program that is tried out.
/// #[derive(Debug)]
/// struct Terminal;
///
/// impl Sink for Terminal {
///     fn accept(&self, entry: Outgoing) -> Result<Recorded, OutboxError> {
///         println!("{}: {}", entry.site, entry.text());
///         Ok(Recorded::Kept(entry.id))
///     }
///     fn flush(&self, _patience: Duration) -> Result<(), OutboxError> {
///         Ok(())
///     }
/// }
/// ```
pub trait Sink: Send + Sync + fmt::Debug {
    /// Takes an entry over.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn accept(&self, entry: Outgoing) -> Result<Recorded, OutboxError>;

    /// Waits until the log has everything that was recorded before. Blocks.
    ///
    /// # Errors
    /// When it has not after this time.
    fn flush(&self, patience: Duration) -> Result<(), OutboxError>;
}

/// Keeps entries in memory, for tests of programs that log.
///
/// ```
/// use std::sync::Arc;
/// use client::{Action, Actor, EntityRef, Kind, Logger, Memory, Registry};
///
/// let mut registry = Registry::new();
/// registry.register(Action::new("page.publish", Kind::Update, "Publish"))?;
/// let memory = Arc::new(Memory::default());
/// let logger = Logger::new("acme.www", registry, memory.clone());
///
/// let page = EntityRef::new("page", "7");
/// logger.log(&page, "page.publish").actor(Actor::user("42")).record()?;
///
/// let [entry] = <[_; 1]>::try_from(memory.entries()).unwrap();
/// assert_eq!((entry["action"].as_str(), entry["actor"]["id"].as_str()), (Some("page.publish"), Some("42")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Memory(Mutex<Vec<Outgoing>>);

impl Memory {
    /// The entries so far, oldest first, each as the JSON that would be sent.
    pub fn entries(&self) -> Vec<Value> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter_map(|entry| serde_json::from_slice(&entry.entry).ok()).collect()
    }

    /// The entries so far, with the sites that they are for.
    pub fn outgoing(&self) -> Vec<Outgoing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for Memory {
    fn accept(&self, entry: Outgoing) -> Result<Recorded, OutboxError> {
        let id = entry.id;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        Ok(Recorded::Kept(id))
    }

    fn flush(&self, _patience: Duration) -> Result<(), OutboxError> {
        Ok(())
    }
}
