//! An action, and a type of entity, as they are registered.

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "schema")]
use serde_json::Value;

use super::template::{self, Telling};
use crate::entry::Kind;

/// Makes a text of what is told, or nothing where it cannot.
type Formatter = Arc<dyn Fn(&Telling<'_>) -> Option<String> + Send + Sync>;

#[derive(Clone)]
pub(super) enum Text {
    Template(String),
    Formatter(Formatter),
}

impl Text {
    pub(super) fn render(&self, telling: &Telling<'_>) -> Option<String> {
        match self {
            Self::Template(text) => template::render(text, telling),
            Self::Formatter(format) => format(telling),
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Template(one), Self::Template(two)) => one == two,
            (Self::Formatter(one), Self::Formatter(two)) => Arc::ptr_eq(one, two),
            (Self::Template(_), Self::Formatter(_)) | (Self::Formatter(_), Self::Template(_)) => false,
        }
    }
}

/// An action that a program logs: its code, what it does, and its words.
///
/// ```
/// use client::{Action, Kind};
///
/// let rename = Action::new("page.rename", Kind::Update, "Rename")
///     .message("Renamed from '{title.old}' to '{title.new}'")
///     .comment("{comment}");
/// ```
#[derive(Clone)]
pub struct Action {
    pub(super) code: String,
    pub(super) kind: Kind,
    pub(super) label: String,
    pub(super) message: Option<Text>,
    pub(super) comment: Option<Text>,
    #[cfg(feature = "schema")]
    pub(super) schema: Option<Value>,
}

impl Action {
    /// An action by its code, for example `page.publish`; what it does to its entity; and its label for menus, for
    /// example "Publish".
    pub fn new(code: impl Into<String>, kind: Kind, label: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            kind,
            label: label.into(),
            message: None,
            comment: None,
            #[cfg(feature = "schema")]
            schema: None,
        }
    }

    /// One line that says what happened: the summary of entries that give none. `{a.b}` stands for the text or number at
    /// that path of the entry's data, `{$title}` and `{$type}` for the entity's. Where one of them is missing, null or
    /// of another type, the label is the message.
    #[must_use]
    pub fn message(mut self, template: impl Into<String>) -> Self {
        self.message = Some(Text::Template(template.into()));
        self
    }

    /// The same by a function.
    #[must_use]
    pub fn message_with(
        mut self,
        format: impl Fn(&Telling<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.message = Some(Text::Formatter(Arc::new(format)));
        self
    }

    /// Where the comment stands that somebody gave with the action: the reason of entries that give none.
    #[must_use]
    pub fn comment(mut self, template: impl Into<String>) -> Self {
        self.comment = Some(Text::Template(template.into()));
        self
    }

    /// The same by a function.
    #[must_use]
    pub fn comment_with(
        mut self,
        format: impl Fn(&Telling<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.comment = Some(Text::Formatter(Arc::new(format)));
        self
    }

    /// The JSON Schema that the data of its entries must fit, by the draft that it names, else 2020-12.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema(mut self, schema: Value) -> Self {
        self.schema = Some(schema);
        self
    }
}

impl PartialEq for Action {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(feature = "schema")]
        if self.schema != other.schema {
            return false;
        }
        (&self.code, self.kind, &self.label, &self.message, &self.comment)
            == (&other.code, other.kind, &other.label, &other.message, &other.comment)
    }
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, kind, label, .. } = self;
        f.debug_struct("Action")
            .field("code", code)
            .field("kind", kind)
            .field("label", label)
            .finish_non_exhaustive()
    }
}

/// Where the entries of a type of entity go, and what their data must be like.
///
/// ```
/// use client::Model;
///
/// let orders = Model::new().site("acme.orders");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub(super) site: Option<String>,
    #[cfg(feature = "schema")]
    pub(super) schema: Option<Value>,
}

impl Model {
    /// The program's own site, and any data.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A site of their own.
    #[must_use]
    pub fn site(mut self, site: impl Into<String>) -> Self {
        self.site = Some(site.into());
        self
    }

    /// The JSON Schema that the data of their entries must fit, whatever the action.
    #[cfg(feature = "schema")]
    #[must_use]
    pub fn schema(mut self, schema: Value) -> Self {
        self.schema = Some(schema);
        self
    }
}
