//! For Rust programs that log into Indelible: who changed what, when.
//!
//! ```
//! use std::sync::Arc;
//! use client::{Action, Actor, Audited, Kind, LogContext, Logger, Memory, Registry, log};
//!
//! # #[cfg(feature = "derive")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! #[derive(Audited)]
//! #[audited(entity = "page")]
//! struct Page {
//!     id: u64,
//!     #[audited(title)]
//!     title: String,
//! }
//!
//! // Once, at the program's start. `Memory` is for tests: see `Logger::to_server` and `Indelible::logger`.
//! let mut registry = Registry::new();
//! registry.register(Action::new("page.publish", Kind::Update, "Publish").message("Published '{$title}'"))?;
//! let memory = Arc::new(Memory::default());
//! Logger::new("acme.www", registry, memory.clone()).install()?;
//!
//! // Once for each request: `AuditLayer` does it in axum.
//! LogContext::new().actor(Actor::user("42").name("Ana")).sync_scope(|| {
//!     // Wherever something happens.
//!     let page = Page { id: 7, title: "Home".to_owned() };
//!     log(&page, "page.publish").record()
//! })?;
//!
//! let entry = &memory.entries()[0];
//! assert_eq!((&entry["actor"]["name"], &entry["summary"]), (&"Ana".into(), &"Published 'Home'".into()));
//! assert_eq!(entry["after"]["title"], "Home");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "derive"))]
//! # fn main() {}
//! ```
//!
//! | to | see |
//! |---|---|
//! | log | [`log()`], [`log_change`], [`PendingEntry`], [`Logger`] |
//! | say who, from where and what belongs together | [`LogContext`], [`carry`], `AuditLayer` (feature `axum`) |
//! | say what can happen, and to what | [`Action`], [`Registry`], [`Model`], [`trait@Audited`], [`State`] |
//! | keep entries until their log has them | [`outbox`], [`table`], [`Transport`] |
//! | send entries and wait for their receipts | [`Client`], [`Entry`] |
//! | check that a log still holds what it took | `LogWatch` (feature `verify`) |
//!
//! # Sending again
//! Every entry has an id from the moment it is made, and a log takes an id once: the same entry sent again is answered with
//! the receipt it already has, however much later.
//!
//! # Nothing is dropped
//! A value that cannot be written as JSON, an action that nobody registered, an entry of nobody, one that the log refuses, a
//! full disk and an answer that makes no sense are all errors ([`LogError`], [`Error`], [`Refusal`]), and what could not be
//! kept is told by an entry; none of them is passed over.

mod clock;

mod context;
mod entity;
mod logger;
mod pending;
mod registry;
mod sink;

mod deliver;
pub mod outbox;
pub mod table;
mod transport;

#[cfg(feature = "axum")]
mod middleware;

mod client;
mod send;

#[cfg(feature = "verify")]
mod watch;

mod answer;
mod batch;

mod entry;
mod who;

mod error;

pub use answer::Receipt;
pub use client::Client;
#[cfg(feature = "derive")]
pub use client_derive::Audited;
pub use context::{LogContext, carry, carry_fn};
pub use entity::{Audited, EntityId, EntityRef, State};
pub use entry::{Entry, Kind, Outcome};
pub use error::{Error, LogError, Problem, Refusal};
pub use logger::{Logger, WithoutActor, log, log_change};
#[cfg(feature = "axum")]
pub use middleware::{AuditLayer, AuditService};
pub use pending::PendingEntry;
pub use registry::{Action, Model, Registry, RegistryError, Telling};
pub use send::Settings;
pub use sink::{Memory, Outgoing, Recorded, Sink};
pub use transport::{Results, Server, Transport};
#[cfg(feature = "verify")]
pub use watch::{Checked, LogWatch, WatchError};
pub use who::{Actor, Origin, Principal};
