//! The handle through which a program logs.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::context::LogContext;
use crate::entity::{Audited, State};
use crate::error::LogError;
use crate::outbox::{Outbox, OutboxError, OutboxSettings};
use crate::pending::PendingEntry;
use crate::registry::Registry;
use crate::sink::Sink;
use crate::transport::Server;

/// The logger that [`log`] uses where the context has none.
static INSTALLED: OnceLock<Logger> = OnceLock::new();

/// Logs what a program does. Cheap to clone; one serves a whole program.
///
/// ```no_run
/// use client::{Action, Kind, Logger, Registry, log};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut registry = Registry::new();
/// registry.register(Action::new("page.publish", Kind::Update, "Publish"))?;
///
/// let token = std::env::var("INDELIBLE_TOKEN")?;
/// let logger = Logger::to_server("https://audit.example.com", &token, "acme.www", registry, "/var/lib/cms/outbox")?;
/// logger.clone().install()?;
///
/// # let page = client::EntityRef::new("page", "7");
/// log(&page, "page.publish").record()?;
///
/// // At the end: wait for what is still on its way.
/// logger.close(std::time::Duration::from_secs(10))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Logger(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    site: String,
    registry: Registry,
    connector: Option<String>,
    without_actor: WithoutActor,
    sink: Arc<dyn Sink>,
    outbox: Option<Outbox>,
}

/// What becomes of an entry when nobody says whose it is: neither the call nor a context.
///
/// ```
/// # use std::sync::Arc;
/// # use client::{EntityRef, LogError, Logger, Memory, Registry, WithoutActor};
/// # let memory = Arc::new(Memory::default());
/// let logger = Logger::new("acme.www", Registry::any(), memory.clone());
/// let page = EntityRef::new("page", "7");
/// assert!(matches!(logger.log(&page, "page.edit").record(), Err(LogError::NoContext { .. })));
///
/// logger.without_actor(WithoutActor::System).log(&page, "page.edit").record()?;
/// assert_eq!(memory.entries()[0]["origin"]["channel"], "no context");
/// # Ok::<(), LogError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WithoutActor {
    /// It is refused with [`LogError::NoContext`], which shows where a context is missing.
    #[default]
    Refuse,
    /// It is the system's, and its origin's channel says `no context`, so that one finds such entries.
    System,
}

impl Logger {
    /// A logger for the log of a site, with the actions it may log, into a sink.
    #[must_use]
    pub fn new(site: impl Into<String>, registry: Registry, sink: Arc<dyn Sink>) -> Self {
        let site = site.into();
        let without_actor = WithoutActor::default();
        Self(Arc::new(Inner { site, registry, connector: None, without_actor, sink, outbox: None }))
    }

    /// A logger whose entries wait in an outbox until their log has them.
    #[must_use]
    pub fn with_outbox(site: impl Into<String>, registry: Registry, outbox: Outbox) -> Self {
        let mut logger = Self::new(site, registry, Arc::new(outbox.clone()));
        Arc::make_mut(&mut logger.0).outbox = Some(outbox);
        logger
    }

    /// A logger with an outbox in a directory, for a server at an address, with the settings that suit most.
    ///
    /// # Errors
    /// When address or token make no sense, or the outbox cannot be opened.
    pub fn to_server(
        base_url: &str,
        token: &str,
        site: impl Into<String>,
        registry: Registry,
        directory: impl Into<std::path::PathBuf>,
    ) -> Result<Self, LogError> {
        let server = Server::new(base_url, token)?;
        let outbox = Outbox::open(directory, Arc::new(server), OutboxSettings::default())?;
        Ok(Self::with_outbox(site, registry, outbox))
    }

    /// The name of what carries the entries in, for example `cms`. Reverts find their host by it.
    #[must_use]
    pub fn connector(mut self, connector: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.0).connector = Some(connector.into());
        self
    }

    /// What becomes of entries that are nobody's.
    #[must_use]
    pub fn without_actor(mut self, rule: WithoutActor) -> Self {
        Arc::make_mut(&mut self.0).without_actor = rule;
        self
    }

    /// Makes it the logger that [`log`] uses everywhere in this process. It is there until the process ends, so
    /// [`close`](Self::close) a clone of it at the end.
    ///
    /// # Errors
    /// When there is one already.
    pub fn install(self) -> Result<(), LogError> {
        INSTALLED.set(self).map_err(|_| LogError::Installed)
    }

    /// The installed logger.
    #[must_use]
    pub fn installed() -> Option<Self> {
        INSTALLED.get().cloned()
    }

    /// An action on an entity, to be completed and recorded. Actor, origin and correlation id come from the context at
    /// hand, if there is one.
    pub fn log<'a>(&self, entity: &'a dyn Audited, action: impl Into<String>) -> PendingEntry<'a> {
        PendingEntry::new(Ok(self.clone()), entity, action.into(), LogContext::current())
    }

    /// The registered actions.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// Where entries wait, if it is an outbox.
    #[must_use]
    pub fn outbox(&self) -> Option<&Outbox> {
        self.0.outbox.as_ref()
    }

    /// Waits until the log has everything that was recorded before. Blocks: in async code, call it by
    /// `spawn_blocking`.
    ///
    /// # Errors
    /// When it has not after this time. Nothing is lost by that.
    pub fn flush(&self, patience: Duration) -> Result<(), OutboxError> {
        self.0.sink.flush(patience)
    }

    /// Flushes and stops the outbox: for the end of the program. Blocks. Later entries are refused.
    ///
    /// # Errors
    /// When not everything has arrived after this time. It waits in the outbox's directory for the next start.
    pub fn close(&self, patience: Duration) -> Result<(), OutboxError> {
        match &self.0.outbox {
            Some(outbox) => outbox.close(patience),
            None => self.flush(patience),
        }
    }

    pub(crate) fn site(&self) -> &str {
        &self.0.site
    }

    pub(crate) fn connector_name(&self) -> Option<&str> {
        self.0.connector.as_deref()
    }

    pub(crate) fn rule_without_actor(&self) -> WithoutActor {
        self.0.without_actor
    }

    pub(crate) fn sink(&self) -> &dyn Sink {
        self.0.sink.as_ref()
    }
}

/// Logs an action on an entity: with the context's logger, or the installed one.
///
/// ```
/// use std::sync::Arc;
/// use client::{Action, Actor, EntityRef, Kind, LogContext, Logger, Memory, Registry, log};
///
/// let mut registry = Registry::new();
/// registry.register(Action::new("page.publish", Kind::Update, "Publish"))?;
/// let memory = Arc::new(Memory::default());
/// let context = LogContext::new()
///     .actor(Actor::user("42").name("Ana"))
///     .logger(Logger::new("acme.www", registry, memory.clone()));
///
/// context.sync_scope(|| log(&EntityRef::new("page", "7"), "page.publish").record())?;
///
/// assert_eq!(memory.entries()[0]["correlation_id"], context.id().to_string());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn log(entity: &dyn Audited, action: impl Into<String>) -> PendingEntry<'_> {
    let context = LogContext::current();
    let logger = context.as_ref().and_then(LogContext::its_logger).cloned().or_else(Logger::installed);
    PendingEntry::new(logger.ok_or(LogError::NoLogger), entity, action.into(), context)
}

/// Changes an entity and logs it with the states before and after. When the change fails, nothing is logged.
///
/// ```
/// # use std::sync::Arc;
/// # use client::{Action, Actor, Audited, Kind, LogContext, Logger, Memory, Registry, State};
/// # struct Page { id: u64, title: String }
/// # impl Audited for Page {
/// #     fn entity_type(&self) -> &str { "page" }
/// #     fn entity_id(&self) -> Option<String> { Some(self.id.to_string()) }
/// #     fn state(&self) -> Option<State> { Some(State::new().field("title", &self.title)) }
/// # }
/// # let mut registry = Registry::new();
/// # registry.register(Action::new("page.edit", Kind::Update, "Edit"))?;
/// # let memory = Arc::new(Memory::default());
/// # let context = LogContext::new().system().logger(Logger::new("acme.www", registry, memory.clone()));
/// # context.sync_scope(|| -> Result<(), Box<dyn std::error::Error>> {
/// let mut page = Page { id: 7, title: "Hom".to_owned() };
/// client::log_change(&mut page, "page.edit", |page| {
///     page.title = "Home".to_owned();
///     Ok::<(), std::io::Error>(())
/// })?
/// .record()?;
/// # Ok(()) })?;
/// # let entry = &memory.entries()[0];
/// assert_eq!((&entry["before"]["title"], &entry["after"]["title"]), (&"Hom".into(), &"Home".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// That of the change.
pub fn log_change<T: Audited, E>(
    entity: &mut T,
    action: impl Into<String>,
    change: impl FnOnce(&mut T) -> Result<(), E>,
) -> Result<PendingEntry<'_>, E> {
    let before: Option<State> = entity.state();
    change(entity)?;
    let pending = log(&*entity, action);
    Ok(match before {
        Some(before) => pending.was(before),
        None => pending,
    })
}
