//! Who acts, from where, and what belongs together: for everything inside a scope.

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::logger::Logger;
use crate::who::{Actor, Origin};

tokio::task_local! {
    /// The context of the innermost scope. It also works on threads that no runtime knows.
    static CURRENT: LogContext;
}

/// What is true of every entry that is logged inside a scope: the actor, the origin, the reason, and the
/// correlation id that makes them one user action.
///
/// A context is a value: it is cheap to clone, and may be used for any number of scopes, also at the same time.
///
/// ```
/// use client::{Actor, LogContext};
///
/// let ana = LogContext::new().actor(Actor::user("42").name("Ana"));
/// let id = ana.id();
/// ana.sync_scope(|| {
///     // Everything that is logged here is Ana's, under one correlation id.
///     assert_eq!(LogContext::current().unwrap().id(), id);
///
///     // What the program does by itself meanwhile is the system's.
///     LogContext::inherit().system().sync_scope(|| {
///         let inner = LogContext::current().unwrap();
///         assert_eq!((inner.id(), inner.who()), (id, Some(&Actor::system())));
///     });
///     assert_eq!(LogContext::current().unwrap().who(), Some(&Actor::user("42").name("Ana")));
/// });
/// assert!(LogContext::current().is_none());
/// ```
///
/// # Tasks and threads
/// A scope is its own task's or thread's: `tokio::spawn` and `std::thread::spawn` begin without one, so that no
/// actor leaks into work that is not theirs. Take it along with [`carry`], [`carry_fn`] or [`LogContext::spawn`].
#[derive(Clone, Debug)]
pub struct LogContext(Arc<Fields>);

#[derive(Clone, Debug)]
struct Fields {
    correlation_id: Uuid,
    actor: Option<Arc<Actor>>,
    origin: Option<Arc<Origin>>,
    reason: Option<String>,
    logger: Option<Logger>,
}

impl Default for LogContext {
    fn default() -> Self {
        Self::new()
    }
}

impl LogContext {
    /// A context with a correlation id of its own and nothing else, whatever scope it is made in.
    ///
    /// ```
    /// # use client::LogContext;
    /// assert_ne!(LogContext::new().id(), LogContext::new().id());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Fields {
            correlation_id: Uuid::now_v7(),
            actor: None,
            origin: None,
            reason: None,
            logger: None,
        }))
    }

    /// A context like the present one, to say something else than it; a new one where there is none.
    ///
    /// ```
    /// # use client::{Actor, LogContext};
    /// LogContext::new().actor(Actor::user("42")).sync_scope(|| {
    ///     let same = LogContext::inherit();
    ///     assert_eq!(same.who(), Some(&Actor::user("42")));
    ///     // A part of a request that is an action of its own: the same actor, another correlation id.
    ///     let part = LogContext::inherit().own_id();
    ///     assert_ne!(part.id(), same.id());
    /// });
    /// ```
    #[must_use]
    pub fn inherit() -> Self {
        Self::current().unwrap_or_default()
    }

    /// The context of the innermost scope, if this code runs in one.
    ///
    /// ```
    /// # use client::LogContext;
    /// assert!(LogContext::current().is_none());
    /// ```
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Who acts.
    #[must_use]
    pub fn actor(self, actor: Actor) -> Self {
        self.with(|fields| fields.actor = Some(Arc::new(actor)))
    }

    /// That the program acts by itself, also inside a user's scope.
    #[must_use]
    pub fn system(self) -> Self {
        self.actor(Actor::system())
    }

    /// From where.
    #[must_use]
    pub fn origin(self, origin: Origin) -> Self {
        self.with(|fields| fields.origin = Some(Arc::new(origin)))
    }

    /// Why: for every entry that does not say so itself.
    #[must_use]
    pub fn reason(self, reason: impl Into<String>) -> Self {
        self.with(|fields| fields.reason = Some(reason.into()))
    }

    /// The correlation id to use, for example one that came with a job or from another service.
    #[must_use]
    pub fn correlation_id(self, id: Uuid) -> Self {
        self.with(|fields| fields.correlation_id = id)
    }

    /// A correlation id of its own in place of the one that it has.
    #[must_use]
    pub fn own_id(self) -> Self {
        self.correlation_id(Uuid::now_v7())
    }

    /// The logger that [`log`](crate::log()) uses inside, in place of the installed one: for tests, and for programs
    /// that log for several owners.
    #[must_use]
    pub fn logger(self, logger: Logger) -> Self {
        self.with(|fields| fields.logger = Some(logger))
    }

    /// The correlation id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.0.correlation_id
    }

    /// Who acts, if that is known.
    #[must_use]
    pub fn who(&self) -> Option<&Actor> {
        self.0.actor.as_deref()
    }

    /// From where, if that is known.
    #[must_use]
    pub fn from_where(&self) -> Option<&Origin> {
        self.0.origin.as_deref()
    }

    /// Why, if that is known.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// The actor and the origin, without copying them.
    pub(crate) fn shared(&self) -> (Option<Arc<Actor>>, Option<Arc<Origin>>) {
        (self.0.actor.clone(), self.0.origin.clone())
    }

    pub(crate) fn its_logger(&self) -> Option<&Logger> {
        self.0.logger.as_ref()
    }

    /// Runs a future in this context. What held before holds again after it, however it ends.
    ///
    /// ```
    /// # use client::{Actor, LogContext};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let context = LogContext::new().actor(Actor::user("42"));
    /// let who = context.scope(async { LogContext::current().unwrap().who().cloned() }).await;
    /// assert_eq!(who, Some(Actor::user("42")));
    /// # });
    /// ```
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), future)
    }

    /// Runs a closure in this context. What held before holds again after it, also when it panics.
    pub fn sync_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        CURRENT.sync_scope(self.clone(), work)
    }

    /// `tokio::spawn` with this context.
    ///
    /// ```
    /// # use client::{Actor, LogContext};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let nightly = LogContext::new().actor(Actor::service("importer"));
    /// let task = nightly.spawn(async { LogContext::current().unwrap().who().cloned() });
    /// assert_eq!(task.await.unwrap(), Some(Actor::service("importer")));
    /// # });
    /// ```
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        tokio::spawn(self.scope(future))
    }

    fn with(mut self, change: impl FnOnce(&mut Fields)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

/// Takes the present context along to wherever a future runs: `tokio::spawn`, a `JoinSet`, a channel.
///
/// ```
/// # use client::{Actor, LogContext, carry};
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # let who = || LogContext::current().and_then(|context| context.who().cloned());
/// LogContext::new().actor(Actor::user("42")).scope(async move {
///     assert_eq!(tokio::spawn(async move { who() }).await.unwrap(), None);
///     assert_eq!(tokio::spawn(carry(async move { who() })).await.unwrap(), Some(Actor::user("42")));
/// }).await;
/// # });
/// ```
pub fn carry<F: Future>(future: F) -> impl Future<Output = F::Output> + use<F> {
    let context = LogContext::current();
    async move {
        match context {
            Some(context) => context.scope(future).await,
            None => future.await,
        }
    }
}

/// Takes the present context along to wherever a closure runs: a thread, `spawn_blocking`, a thread pool.
///
/// ```
/// # use client::{Actor, LogContext, carry_fn};
/// # let who = || LogContext::current().and_then(|context| context.who().cloned());
/// LogContext::new().actor(Actor::user("42")).sync_scope(|| {
///     assert_eq!(std::thread::spawn(who).join().unwrap(), None);
///     assert_eq!(std::thread::spawn(carry_fn(who)).join().unwrap(), Some(Actor::user("42")));
/// });
/// ```
pub fn carry_fn<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let context = LogContext::current();
    move || match context {
        Some(context) => context.sync_scope(work),
        None => work(),
    }
}
