//! An entry that is being made.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::batch::ENTRY_BYTES_MAX;
use crate::clock;
use crate::context::LogContext;
use crate::entity::{Audited, State};
use crate::entry::{Entry, Kind, Outcome};
use crate::error::{Error, LogError};
use crate::logger::{Logger, WithoutActor};
use crate::registry::{Registry, Telling};
use crate::sink::{Outgoing, Recorded};
use crate::who::{Actor, Origin};

/// An entry that is being made by [`log`](crate::log()). Nothing is logged until [`record`](Self::record).
///
/// What is said here goes before what the context says.
///
/// ```
/// # use std::sync::Arc;
/// # use client::{EntityRef, Logger, Memory, Outcome, Registry};
/// # let memory = Arc::new(Memory::default());
/// # let logger = Logger::new("acme.www", Registry::any(), memory.clone());
/// # let page = EntityRef::new("page", "7");
/// logger
///     .log(&page, "page.import")
///     .user("42")
///     .title("Home")
///     .reason("ticket 91")
///     .data([1, 2, 3])
///     .outcome(Outcome::Failure)
///     .error("the file is empty")
///     .record()?;
/// let entry = &memory.entries()[0];
/// assert_eq!((&entry["reason"], &entry["errors"][0]), (&"ticket 91".into(), &"the file is empty".into()));
/// # Ok::<(), client::LogError>(())
/// ```
#[derive(Clone)]
#[must_use = "nothing is logged until `.record()` is called"]
pub struct PendingEntry<'a> {
    logger: Result<Logger, LogError>,
    entity: &'a dyn Audited,
    context: Option<LogContext>,
    entry: Entry,
    before: Option<State>,
    site: Option<String>,
}

impl<'a> PendingEntry<'a> {
    pub(crate) fn new(
        logger: Result<Logger, LogError>,
        entity: &'a dyn Audited,
        action: String,
        context: Option<LogContext>,
    ) -> Self {
        let id = entity.entity_id().unwrap_or_default();
        let mut entry = Entry::new(action, entity.entity_type(), id).occurred_at(clock::now());
        entry.fields.entity.title = entity.entity_title();
        entry.fields.entity.url = entity.entity_url();
        Self { logger, entity, context, entry, before: None, site: None }
    }

    /// Who did it, whatever the context says.
    pub fn actor(self, actor: Actor) -> Self {
        self.with(|entry| entry.actor(actor))
    }

    /// A user, by the id in your user table.
    pub fn user(self, id: impl Into<String>) -> Self {
        self.actor(Actor::user(id))
    }

    /// That the program did it by itself, also inside a user's context.
    pub fn system(self) -> Self {
        self.actor(Actor::system())
    }

    /// The context to use in place of the one at hand: for code without ambient state.
    pub fn context(mut self, context: &LogContext) -> Self {
        self.context = Some(context.clone());
        self
    }

    /// The id to use instead of a new one: when your program has an id for what happened, and may come upon it twice.
    pub fn id(self, id: Uuid) -> Self {
        self.with(|entry| entry.id(id))
    }

    /// What it belongs to, in place of the context's correlation id.
    pub fn correlation_id(self, id: Uuid) -> Self {
        self.with(|entry| entry.correlation_id(id))
    }

    /// The entity's title, where it is another than the entity's own.
    pub fn title(self, title: impl Into<String>) -> Self {
        self.with(|entry| entry.title(title))
    }

    /// The id that the entity had until now.
    pub fn previous_id(self, id: impl Into<String>) -> Self {
        self.with(|entry| entry.previous_id(id))
    }

    /// One line that says what happened, in place of the action's message.
    pub fn summary(self, summary: impl Into<String>) -> Self {
        self.with(|entry| entry.summary(summary))
    }

    /// Why.
    pub fn reason(self, reason: impl Into<String>) -> Self {
        self.with(|entry| entry.reason(reason))
    }

    /// Any JSON worth keeping. Messages and comments are made from it, and it must fit the schemas of action and model.
    pub fn data(self, data: impl Serialize) -> Self {
        self.with(|entry| entry.data(data))
    }

    /// The state before, as an object. [`was`](Self::was) takes what [`Audited::state`] gave.
    pub fn before(self, state: impl Serialize) -> Self {
        self.with(|entry| entry.before(state))
    }

    /// The state after, as an object, in place of the entity's own.
    pub fn after(self, state: impl Serialize) -> Self {
        self.with(|entry| entry.after(state))
    }

    /// The entity's state before, as taken from it then.
    pub fn was(mut self, before: State) -> Self {
        self.before = Some(before);
        self
    }

    /// That the state after holds only the submitted fields: a field it lacks has not changed.
    pub fn partial(self) -> Self {
        self.with(Entry::partial)
    }

    /// When it happened, if that is not now. The log notes by itself when it took the entry.
    pub fn occurred_at(self, time: Timestamp) -> Self {
        self.with(|entry| entry.occurred_at(time))
    }

    /// From where, in place of the context's origin.
    pub fn origin(self, origin: Origin) -> Self {
        self.with(|entry| entry.origin(origin))
    }

    /// Whether it succeeded. Without it, it did.
    pub fn outcome(self, outcome: Outcome) -> Self {
        self.with(|entry| entry.outcome(outcome))
    }

    /// How long it took.
    pub fn duration(self, duration: Duration) -> Self {
        self.with(|entry| entry.duration(duration))
    }

    /// The text of one error that occurred; call it once for each.
    pub fn error(self, text: impl Into<String>) -> Self {
        self.with(|entry| entry.error(text))
    }

    /// The site whose log it is for, whatever its type's model says.
    pub fn site(mut self, site: impl Into<String>) -> Self {
        self.site = Some(site.into());
        self
    }

    /// Hands the entry over: to an outbox, which keeps it until the log has it. When this returns, it is as safe as the
    /// outbox's [`Durability`](crate::outbox::Durability) says.
    ///
    /// # Errors
    /// [`LogError`] says what is wrong with the entry, or why it cannot be kept. It is not logged then.
    pub fn record(self) -> Result<Recorded, LogError> {
        let (logger, entry) = self.finish()?;
        Ok(logger.sink().accept(entry)?)
    }

    /// The complete entry without recording it: a row for a table in your own transaction, see [`table`](crate::table).
    ///
    /// # Errors
    /// [`LogError`] says what is wrong with it.
    pub fn outgoing(self) -> Result<Outgoing, LogError> {
        self.finish().map(|(_, entry)| entry)
    }

    fn with(mut self, change: impl FnOnce(Entry) -> Entry) -> Self {
        self.entry = change(self.entry);
        self
    }

    fn finish(mut self) -> Result<(Logger, Outgoing), LogError> {
        let logger = self.logger.clone()?;
        let registry = logger.registry();
        let (action, entity_type) = (self.entry.fields.action.clone(), self.entity.entity_type().to_owned());
        if !registry.knows(&action) {
            let nearest = registry.nearest(&action).map(str::to_owned);
            return Err(LogError::UnknownAction { action, nearest });
        }
        if self.entry.fields.entity.id.is_empty() {
            return Err(LogError::Unsaved { action, entity_type });
        }
        self.entry.check()?;
        self.take_from_context(logger.rule_without_actor())?;
        let kind = registry.kind(&action);
        let fields = &mut self.entry.fields;
        fields.kind = fields.kind.or(kind);
        if fields.connector.is_none() {
            fields.connector = logger.connector_name().map(str::to_owned);
        }
        self.add_states(kind)?;
        if registry.reads_data(&action, &entity_type) {
            let data = self.entry.fields.data.as_ref();
            let data: Option<Value> = data.and_then(|data| serde_json::from_str(data.get()).ok());
            #[cfg(feature = "schema")]
            if let Some(why) = registry.misfit(&action, &entity_type, data.as_ref()) {
                return Err(LogError::Schema { action, entity_type, why });
            }
            self.tell(registry, &action, &entity_type, data.as_ref());
        }
        let entry = self.entry.to_line()?;
        let id = self.entry.uuid();
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(Error::TooLarge { id, bytes: entry.len() }.into());
        }
        let site = self.site.as_deref().or_else(|| registry.site_of(&entity_type)).unwrap_or(logger.site());
        let outgoing = Outgoing { id, site: site.to_owned(), entry };
        Ok((logger, outgoing))
    }

    fn take_from_context(&mut self, rule: WithoutActor) -> Result<(), LogError> {
        let fields = &mut self.entry.fields;
        if let Some(context) = &self.context {
            fields.correlation_id = fields.correlation_id.or(Some(context.id()));
            let (actor, origin) = context.shared();
            fields.actor = fields.actor.take().or(actor);
            fields.origin = fields.origin.take().or(origin);
            if fields.reason.is_none() {
                fields.reason = context.why().map(str::to_owned);
            }
        }
        match (&fields.actor, rule) {
            (Some(_), _) => Ok(()),
            (None, WithoutActor::Refuse) => Err(LogError::NoContext { action: fields.action.clone() }),
            (None, WithoutActor::System) => {
                fields.actor = Some(Arc::new(Actor::system()));
                let origin = fields.origin.take().map(Arc::unwrap_or_clone).unwrap_or_default();
                fields.origin = Some(Arc::new(origin.channel("no context")));
                Ok(())
            }
        }
    }

    /// What was created or updated is now as its state says; what was deleted was so before. What failed changed nothing.
    fn add_states(&mut self, kind: Option<Kind>) -> Result<(), LogError> {
        if self.entry.fields.outcome == Some(Outcome::Failure) {
            return Ok(());
        }
        let mut secrets = Vec::new();
        let id = self.entry.uuid();
        let mut render = |field: &'static str, state: State| -> Result<Box<RawValue>, LogError> {
            state
                .render(&mut secrets)
                .map_err(|source| Error::Unserialisable { id, field, source: source.into() }.into())
        };
        let fields = &mut self.entry.fields;
        let is_deleted = kind == Some(Kind::Delete);
        let was = self.before.take().or_else(|| if is_deleted { self.entity.state() } else { None });
        if let (None, Some(state)) = (&fields.before, was) {
            fields.before = Some(render("before", state)?);
        }
        let is_there = matches!(kind, Some(Kind::Create | Kind::Update))
            || (kind != Some(Kind::Delete) && fields.before.is_some());
        if let (None, true, Some(state)) = (&fields.after, is_there, self.entity.state()) {
            fields.after = Some(render("after", state)?);
        }
        Ok(())
    }

    /// Makes the texts that are made from data.
    fn tell(&mut self, registry: &Registry, action: &str, entity_type: &str, data: Option<&Value>) {
        let fields = &mut self.entry.fields;
        let telling = Telling { action, entity_type, title: fields.entity.title.as_deref(), data };
        if fields.summary.is_none() {
            fields.summary = registry.told(&telling);
        }
        if fields.reason.is_none() {
            fields.reason = registry.comment(&telling);
        }
    }
}

impl std::fmt::Debug for PendingEntry<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingEntry").field("action", &self.entry.fields.action).finish_non_exhaustive()
    }
}
