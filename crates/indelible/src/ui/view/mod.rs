//! What the screens show, already prepared: plain structs that the askama templates in `templates/` turn
//! into HTML. They know neither the store nor HTTP; handlers fill them and render them.
//!
//! Two rules keep the pages safe. Text from entries reaches a template as plain text and is escaped there,
//! so no template says `|safe`. Addresses come from [`url`], which encodes every part it is given.

pub mod kind;
pub mod text;
pub mod url;

mod part;
pub use part::{Action, Actor, Entity, Fact, Link, Tags, Time};

mod frame;
pub use frame::{Account, Assets, Frame, SiteLink, Tab};

mod filter;
pub use filter::{Chip, Choice, ChoiceGroup, FieldError, FilterForm};

mod activity;
pub use activity::{ActivityPage, Empty, FirstUse, Pager, Row};

mod table;
pub use table::{Cell, Column, ColumnChoice, ColumnsForm, Place, Sorted};

mod counts;
pub use counts::{Bar, Counts, Facet, FacetValue, Histogram};

mod saved;
pub use saved::{NewSearch, SavedLink, SavedSearches};

mod sites;
pub use sites::{SiteRow, SitesPage, Tone};

mod diff;
pub use diff::{Diff, FieldGroup, FieldRow, Op, Shape};

mod value;
pub use value::{Mark, Span, Value, ValueState};

mod words;

mod entry;
pub use entry::{EntryLink, EntryPage, Notice, Object, Proof, Related, Revert, Sentence, Verb};

mod revert;
pub use revert::{RevertPage, RevertRow};

mod history;
pub use history::{HistoryDay, HistoryEntry, HistoryPage, Told};

mod find;
pub use find::{FindPage, Hit};

mod integrity;
pub use integrity::{Head, IntegrityPage, UmbrellaHead, Verification, WitnessLine};

mod settings;
pub use settings::{EndpointPart, FieldsPart, ReadingPart, ReasonPart, RetentionPart, SettingsPage};

mod connectors;
pub use connectors::{ConnectorRow, ConnectorsPage, RefusedRow, SenderRow};

mod actor;
pub use actor::ActorPage;

mod sign_in;
pub use sign_in::{SignInAsPage, SignInChoice, SignInPage};

mod embed;
pub use embed::{EmbedCell, EmbedPage};

mod account;
pub use account::{AccessPage, AccountPage, SessionRow, TokenRow, UserRow};

mod error;
pub use error::ErrorPage;

#[cfg(test)]
mod tests;
