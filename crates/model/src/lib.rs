//! What an audit log entry is and what it means.
//!
//! This crate is pure: it knows no clock, no I/O, no async, no HTTP and no SQL, and its dependency list
//! proves it. An auditor can build it, together with `tlog`, without the server.
//!
//! An entry passes through four forms, each with its own type:
//!
//! | form | type | made by |
//! |---|---|---|
//! | the JSON a sender wrote | bytes | the sender |
//! | checked, complete but for the log's own fields | [`Draft`] | [`parse()`] |
//! | encoded, committed to, ready for the log | [`Sealed`] | [`Draft::seal`] |
//! | read back from the log | [`Entry`] | [`StoredEntry::open`] |
//!
//! ```
//! let draft = model::parse(br#"{"action":"page.publish","entity":{"type":"page","id":"7","title":"Home"}}"#)?;
//! assert_eq!(draft.kind, model::Kind::Update);
//! assert_eq!(draft.actor.kind, model::ActorType::System);
//!
//! let refused = model::parse(br#"{"action":"page.publish","entity":{"type":"page","id":"7"},"colour":"red"}"#);
//! assert_eq!(refused.unwrap_err()[0].field, "colour");
//! # Ok::<(), Vec<model::Violation>>(())
//! ```

pub mod limits;

mod entry;
mod name;
mod violation;

pub mod json;
mod parse;

mod head_leaf;
mod leaf;
mod link;
mod section;
mod stored;

pub mod action;
pub mod diff;

pub mod inside;
pub mod mask;
mod number;
pub mod text;

mod cursor;
pub mod filter;
pub mod order;

pub mod access;
pub mod retention;

pub mod revert;
pub mod state;

pub use access::{AemRole, Permission, Role};
pub use action::Kind;
pub use cursor::{Cursor, CursorError, CursorKey, Direction};
pub use entry::{Actor, ActorType, Draft, Entity, Entry, OnBehalfOf, Origin, Outcome};
pub use filter::{Field, Filter, FilterError};
pub use head_leaf::{HeadLeaf, NotAHeadLeaf, site_tag};
pub use leaf::{Class, Commitment, Leaf, LeafError, LeafHeader, commitment, salt};
pub use link::Link;
pub use name::{NameError, SYSTEM_SITE, SiteId, UMBRELLA};
pub use number::Decimal;
pub use order::{Order, SortColumn, SortKey, SortValue};
pub use parse::parse;
pub use retention::{Changeable, Retention};
pub use section::{Section, SectionName};
pub use stored::{Disclosure, Flipped, Sealed, StoredEntry, StoredError};
pub use violation::{Code, Violation};
