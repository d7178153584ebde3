//! The actions that a program logs, and where the entries of each type of entity go.

mod action;
mod template;

#[cfg(feature = "schema")]
mod schema;

use std::collections::BTreeMap;

#[cfg(feature = "schema")]
use serde_json::Value;

pub use action::{Action, Model};
pub use template::Telling;

use crate::entry::Kind;
use action::Text;

/// The actions that a program logs, and the types of entity whose entries go elsewhere.
///
/// Appending is strict: an action that is not registered is refused, so that a slip of the pen does not become a code that
/// nobody searches for. Reading is tolerant: any action has a label and a message.
///
/// ```
/// use client::{Action, Kind, Model, Registry, Telling};
/// use serde_json::json;
///
/// let mut registry = Registry::new();
/// registry.register(Action::new("page.rename", Kind::Update, "Rename").message("Renamed to '{new}'"))?;
/// registry.register_model("order", Model::new().site("acme.orders"))?;
///
/// let data = json!({"new": "Home"});
/// let telling = Telling { action: "page.rename", entity_type: "page", title: None, data: Some(&data) };
/// assert_eq!(registry.message(&telling), "Renamed to 'Home'");
/// assert_eq!(registry.message(&Telling { data: None, ..telling }), "Rename");
/// assert_eq!(registry.label("page.fly"), "Unknown page.fly");
/// # Ok::<(), client::RegistryError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Registry {
    actions: BTreeMap<String, Registered<Action>>,
    models: BTreeMap<String, Registered<Model>>,
    takes_any_action: bool,
}

#[derive(Clone, Debug)]
struct Registered<T> {
    item: T,
    #[cfg(feature = "schema")]
    schema: Option<schema::Schema>,
}

impl Registry {
    /// Nothing registered yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A registry that takes any action: for programs that carry in what others name.
    ///
    /// ```
    /// assert!(client::Registry::any().knows("whatever"));
    /// ```
    #[must_use]
    pub fn any() -> Self {
        Self { takes_any_action: true, ..Self::default() }
    }

    /// Registers an action. The same again changes nothing.
    ///
    /// # Errors
    /// When the code is taken by an action that says something else, or a text or schema cannot be used.
    pub fn register(&mut self, action: Action) -> Result<&mut Self, RegistryError> {
        let code = action.code.clone();
        let bad = |why: String| RegistryError::Unusable { code: code.clone(), why };
        if code.is_empty()
            || code.len() > CODE_BYTES_MAX
            || code.trim() != code
            || code.contains(char::is_control)
        {
            return Err(bad(format!(
                "its code must have 1 to {CODE_BYTES_MAX} bytes, no space at its ends and no control character"
            )));
        }
        for (what, text) in [("message", &action.message), ("comment", &action.comment)] {
            if let Some(Text::Template(text)) = text {
                template::check(text).map_err(|why| bad(format!("its {what} {why}: `{text}`")))?;
            }
        }
        match self.actions.get(&code) {
            Some(known) if known.item == action => return Ok(self),
            Some(_) => return Err(RegistryError::Taken { what: "action", name: code }),
            None => {}
        }
        let registered = Registered {
            #[cfg(feature = "schema")]
            schema: schema::Schema::of(action.schema.as_ref()).map_err(bad)?,
            item: action,
        };
        self.actions.insert(code, registered);
        Ok(self)
    }

    /// Registers where the entries of a type of entity go. `shop` stands for `shop.order` and all other types that begin
    /// with it and a dot, too; the longest registered name that fits counts.
    ///
    /// # Errors
    /// When the type is registered with something else already, or its schema cannot be used.
    pub fn register_model(
        &mut self,
        entity_type: impl Into<String>,
        model: Model,
    ) -> Result<&mut Self, RegistryError> {
        let name = entity_type.into();
        match self.models.get(&name) {
            Some(known) if known.item == model => return Ok(self),
            Some(_) => return Err(RegistryError::Taken { what: "model", name }),
            None => {}
        }
        let registered = Registered {
            #[cfg(feature = "schema")]
            schema: schema::Schema::of(model.schema.as_ref())
                .map_err(|why| RegistryError::Unusable { code: name.clone(), why })?,
            item: model,
        };
        self.models.insert(name, registered);
        Ok(self)
    }

    /// Whether an action may be logged.
    #[must_use]
    pub fn knows(&self, code: &str) -> bool {
        self.takes_any_action || self.actions.contains_key(code)
    }

    /// The codes and labels of all actions, in the order of their codes.
    ///
    /// ```
    /// # use client::{Action, Kind, Registry};
    /// let mut registry = Registry::new();
    /// registry.register(Action::new("page.publish", Kind::Update, "Publish"))?;
    /// assert_eq!(registry.choices().collect::<Vec<_>>(), [("page.publish", "Publish")]);
    /// # Ok::<(), client::RegistryError>(())
    /// ```
    pub fn choices(&self) -> impl Iterator<Item = (&str, &str)> {
        self.actions.values().map(|action| (action.item.code.as_str(), action.item.label.as_str()))
    }

    /// The label of an action, or that it is unknown.
    #[must_use]
    pub fn label(&self, code: &str) -> String {
        self.actions.get(code).map_or_else(|| format!("Unknown {code}"), |action| action.item.label.clone())
    }

    /// What a registered action does.
    #[must_use]
    pub fn kind(&self, code: &str) -> Option<Kind> {
        self.actions.get(code).map(|action| action.item.kind)
    }

    /// One line that says what happened: never an error, whatever the data are like.
    #[must_use]
    pub fn message(&self, telling: &Telling<'_>) -> String {
        self.told(telling).unwrap_or_else(|| self.label(telling.action))
    }

    /// The comment that somebody gave with the action, if it has one and it is not empty.
    #[must_use]
    pub fn comment(&self, telling: &Telling<'_>) -> Option<String> {
        let text = self.actions.get(telling.action)?.item.comment.as_ref()?;
        text.render(telling).filter(|comment| !comment.trim().is_empty())
    }

    /// The site of a type of entity, if it is not the program's own.
    #[must_use]
    pub fn site_of(&self, entity_type: &str) -> Option<&str> {
        self.model(entity_type)?.item.site.as_deref()
    }

    /// The message, where the action has one of its own and it can be told.
    pub(crate) fn told(&self, telling: &Telling<'_>) -> Option<String> {
        self.actions.get(telling.action)?.item.message.as_ref()?.render(telling)
    }

    /// Whether anything is made of an entry's data, so that it is worth reading.
    pub(crate) fn reads_data(&self, code: &str, entity_type: &str) -> bool {
        let action = self.actions.get(code);
        let tells =
            action.is_some_and(|action| action.item.message.is_some() || action.item.comment.is_some());
        #[cfg(feature = "schema")]
        let checks = action.is_some_and(|action| action.schema.is_some())
            || self.model(entity_type).is_some_and(|model| model.schema.is_some());
        #[cfg(not(feature = "schema"))]
        let checks = {
            let _ = entity_type;
            false
        };
        tells || checks
    }

    /// What is wrong with an entry's data, if it must fit a schema. No data are checked as `null`.
    #[cfg(feature = "schema")]
    pub(crate) fn misfit(&self, code: &str, entity_type: &str, data: Option<&Value>) -> Option<String> {
        let action = self.actions.get(code).and_then(|action| action.schema.as_ref());
        let model = self.model(entity_type).and_then(|model| model.schema.as_ref());
        [action, model].into_iter().flatten().find_map(|schema| schema.misfit(data.unwrap_or(&Value::Null)))
    }

    /// The registered name nearest to a code that is not registered: the slip of a pen.
    pub(crate) fn nearest(&self, code: &str) -> Option<&str> {
        let fits = |name: &&String| {
            let plain = |text: &str| text.to_lowercase().replace(['_', '-', ' '], ".");
            plain(name) == plain(code) || distance(name, code) <= SLIPS_MAX
        };
        self.actions.keys().find(fits).map(String::as_str)
    }

    fn model(&self, entity_type: &str) -> Option<&Registered<Model>> {
        let mut name = entity_type;
        loop {
            if let Some(model) = self.models.get(name) {
                return Some(model);
            }
            name = name.rsplit_once('.')?.0;
        }
    }
}

/// The log's limit for an action.
const CODE_BYTES_MAX: usize = 255;

/// Letters that may be wrong, missing or too many for a name to be offered.
const SLIPS_MAX: usize = 2;

/// How many letters must be changed, added or taken away to make one word of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (b, above) in other.chars().zip(row.iter().skip(1)) {
            left = (before + usize::from(a != b)).min(left + 1).min(above + 1);
            before = *above;
            next.push(left);
        }
        row = next;
    }
    row.pop().unwrap_or_default()
}

/// Why something was not registered.
///
/// ```
/// # use client::{Action, Kind, Registry, RegistryError};
/// let mut registry = Registry::new();
/// registry.register(Action::new("page.publish", Kind::Update, "Publish"))?;
/// let error = registry.register(Action::new("page.publish", Kind::Update, "Release")).unwrap_err();
/// assert!(matches!(error, RegistryError::Taken { .. }));
/// # Ok::<(), RegistryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Another one has its name.
    #[error(
        "the {what} `{name}` is registered already, and says something else: give one of the two another name"
    )]
    Taken {
        /// An action or a model.
        what: &'static str,
        /// Its code or type.
        name: String,
    },
    /// A text or schema of it cannot be used.
    #[error("`{code}` cannot be registered: {why}")]
    Unusable {
        /// Its code or type.
        code: String,
        /// What is wrong with it.
        why: String,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn registry() -> Registry {
        let mut registry = Registry::new();
        registry
            .register(
                Action::new("page.move", Kind::Update, "Move")
                    .message("Moved '{$title}' from {from.title} to {to.id}")
                    .comment("{comment}"),
            )
            .unwrap();
        registry
    }

    #[test]
    fn data_of_any_shape_have_a_message() {
        let registry = registry();
        let message = |title: Option<&str>, data: Value| {
            let telling = Telling { action: "page.move", entity_type: "page", title, data: Some(&data) };
            registry.message(&telling)
        };
        let data = json!({"from": {"title": "News"}, "to": {"id": 7}});
        assert_eq!(message(Some("Home"), data.clone()), "Moved 'Home' from News to 7");
        assert_eq!(message(None, data), "Move", "no title");
        for odd in [
            json!(null),
            json!([]),
            json!({"from": null}),
            json!({"from": {"title": []}, "to": {"id": {}}}),
            json!("x"),
        ] {
            assert_eq!(message(Some("Home"), odd), "Move");
        }
    }

    #[test]
    fn comments_are_there_or_not() {
        let registry = registry();
        let comment = |data: Value| {
            registry.comment(&Telling {
                action: "page.move",
                entity_type: "page",
                title: None,
                data: Some(&data),
            })
        };
        assert_eq!(comment(json!({"comment": "why not"})), Some("why not".to_owned()));
        for none in [json!({"comment": " "}), json!({}), json!({"comment": ["x"]})] {
            assert_eq!(comment(none), None);
        }
    }

    #[test]
    fn the_same_again_changes_nothing_and_another_is_refused() {
        let mut registry = registry();
        let publish = |label: &str| Action::new("page.publish", Kind::Update, label);
        registry.register(publish("Publish")).unwrap().register(publish("Publish")).unwrap();
        let error = registry.register(publish("Release")).unwrap_err();
        assert_eq!(error, RegistryError::Taken { what: "action", name: "page.publish".to_owned() });
        registry.register_model("page", Model::new().site("a")).unwrap();
        assert!(registry.register_model("page", Model::new().site("b")).is_err());
    }

    #[test]
    fn unusable_actions_are_refused() {
        let mut registry = Registry::new();
        for template in ["{", "}", "{a", "a}", "{{a}}", "{}"] {
            let action = Action::new("a", Kind::Other, "A").message(template);
            let error = registry.register(action).unwrap_err().to_string();
            assert!(error.contains("`a` cannot be registered: its message has"), "{error}");
        }
        for code in ["", " a", "a\n", &"x".repeat(256)] {
            assert!(registry.register(Action::new(code, Kind::Other, "A")).is_err());
        }
    }

    #[test]
    fn the_longest_name_of_a_type_counts() {
        let mut registry = Registry::new();
        registry.register_model("shop", Model::new().site("shop")).unwrap();
        registry.register_model("shop.order", Model::new().site("orders")).unwrap();
        let sites = ["shop.order.line", "shop.order", "shop.item", "shop", "shopping", "page"]
            .map(|kind| registry.site_of(kind).map(str::to_owned));
        assert_eq!(
            sites,
            [Some("orders"), Some("orders"), Some("shop"), Some("shop"), None, None]
                .map(|s| s.map(str::to_owned))
        );
    }

    #[test]
    fn slips_of_the_pen_are_recognised() {
        let registry = registry();
        for slip in ["page.mvoe", "page_move", "Page.Move", "page.moved"] {
            assert_eq!(registry.nearest(slip), Some("page.move"), "{slip}");
        }
        assert_eq!(registry.nearest("user.login"), None);
    }
}
