//! The filter box over a list of entries. It is a plain GET form: its fields are the parameters of the
//! list's address, and an address fills the form again.

/// The filter form, filled with what the address says.
#[derive(Clone, Debug, Default)]
pub struct FilterForm {
    /// The list's own address without parameters.
    pub target: String,
    /// Parameter `q`: a filter in the filter language.
    pub q: String,
    /// Parameter `from`: "2026-11-21T04:15" (UTC), or empty.
    pub from: String,
    /// Parameter `to`, likewise, inclusive.
    pub to: String,
    /// Parameter `user`, as typed.
    pub user: String,
    /// Parameter `action`, a code.
    pub action: String,
    /// Parameter `kind`, a code.
    pub kind: String,
    /// Parameter `entity_type`.
    pub entity_type: String,
    /// Parameter `entity_id`.
    pub entity_id: String,
    /// Parameter `limit`: entries on a page.
    pub limit: u32,
    /// Page sizes offered.
    pub limits: Vec<u32>,
    /// Users offered while typing.
    pub users: Vec<Choice>,
    /// Actions offered, by connector.
    pub actions: Vec<ChoiceGroup>,
    /// Entity types offered while typing.
    pub entity_types: Vec<String>,
    /// Parameters the form does not show and must not lose, for example `sort` or `correlation_id`.
    pub hidden: Vec<(String, String)>,
    /// What was wrong with the parameters.
    pub errors: Vec<FieldError>,
}

impl FilterForm {
    /// What was wrong with the parameter of this name.
    #[must_use]
    pub fn error(&self, field: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == field).map(|error| error.message.as_str())
    }

    /// Where the mistake in the filter language is: what stands before it, what is wrong, what stands after.
    #[must_use]
    pub fn place(&self) -> Option<&[String; 3]> {
        self.errors.iter().find(|error| error.field == "q").and_then(|error| error.place.as_ref())
    }

    /// Whether the chosen action is not among those offered: the form shows it all the same.
    #[must_use]
    pub fn is_action_unlisted(&self) -> bool {
        let mut offered = self.actions.iter().flat_map(|group| &group.choices);
        !self.action.is_empty() && !offered.any(|choice| choice.value == self.action)
    }

    /// Whether the page size is not among those offered.
    #[must_use]
    pub fn is_limit_unlisted(&self) -> bool {
        !self.limits.contains(&self.limit)
    }
}

/// One value that a field can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The value in the address.
    pub value: String,
    /// The words for it.
    pub label: String,
}

/// Values that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChoiceGroup {
    /// What they share: "Wagtail".
    pub label: String,
    /// The values.
    pub choices: Vec<Choice>,
}

/// A parameter that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The parameter's name.
    pub field: String,
    /// What is wrong and what to write instead.
    pub message: String,
    /// Of a filter's text: what stands before the mistake, what is wrong, what stands after.
    pub place: Option<[String; 3]>,
}

/// One active filter, which can be taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chip {
    /// The field's word: "User".
    pub label: String,
    /// The value: "Ana".
    pub value: String,
    /// Whether the value is an id or a code rather than words.
    pub is_code: bool,
    /// The same list without this filter.
    pub remove_href: String,
}
