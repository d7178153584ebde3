//! The rules of values: what a [`Draft`] must be, whether it was read from a sender's JSON or made in this process.

use uuid::Uuid;

use crate::entry::{ActorType, Draft};
use crate::limits::{CODE_BYTES_MAX, ENTRY_BYTES_MAX, ID_BYTES_MAX};
use crate::violation::{Code, Violation};

impl Draft {
    /// Bytes of its states and data, which are all that an entry can have much of.
    #[must_use]
    pub fn json_bytes(&self) -> usize {
        [&self.before, &self.after, &self.data].into_iter().flatten().map(|part| part.get().len()).sum()
    }

    /// Everything that is wrong with its values; nothing of a draft that may become an entry. That the JSON in it is as
    /// the [strict reader](crate::json) wants it is not looked at: whoever makes a draft sees to that.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        let mut check = Check::default();
        check.uuid("id", self.id);
        check.actor(self);
        check.code("action", &self.action);
        check.entity(self);
        check.states(self);
        check.uuid("correlation_id", self.correlation_id);
        if let Some(connector) = &self.connector {
            check.code("connector", connector);
        }
        check.uuid("reverts", self.reverts);
        check.violations
    }

    /// Whether it has outgrown an entry: a marker can be longer than what it stands for, so that one that is nothing but
    /// secrets becomes larger.
    #[must_use]
    pub fn too_large(&self) -> Option<Violation> {
        let bytes = self.json_bytes();
        let message = || format!("{bytes} bytes long with its secrets masked; {ENTRY_BYTES_MAX} are allowed");
        (bytes > ENTRY_BYTES_MAX).then(|| Violation::new(Code::TooLarge, "", message()))
    }
}

/// Collects what is wrong.
#[derive(Default)]
struct Check {
    violations: Vec<Violation>,
}

impl Check {
    fn refuse(&mut self, code: Code, field: &str, message: impl Into<String>) {
        self.violations.push(Violation::new(code, field, message));
    }

    fn uuid(&mut self, field: &str, uuid: Option<Uuid>) {
        if uuid.is_some_and(|uuid| uuid.is_nil()) {
            self.refuse(Code::InvalidValue, field, "the nil UUID names nothing");
        }
    }

    /// A code is shown in columns and typed into filters: short, visible, without spaces at its ends.
    fn code(&mut self, field: &str, text: &str) {
        if text.is_empty() {
            self.refuse(Code::InvalidValue, field, "must not be empty");
        } else if text.trim() != text || text.chars().any(char::is_control) {
            self.refuse(Code::InvalidValue, field, "must not have control characters or spaces at its ends");
        }
        self.length(field, text, CODE_BYTES_MAX);
    }

    fn length(&mut self, field: &str, text: &str, bytes_max: usize) {
        if text.len() > bytes_max {
            let message = format!("{} bytes long; {bytes_max} are allowed", text.len());
            self.refuse(Code::TooLarge, field, message);
        }
    }

    fn actor(&mut self, draft: &Draft) {
        let actor = &draft.actor;
        let named = [&actor.id, &actor.name, &actor.email].into_iter().flatten().any(|t| !t.is_empty());
        if actor.kind != ActorType::System && !named {
            let message = "a user or service needs an `id`, a `name` or an `email`";
            self.refuse(Code::MissingField, "actor.id", message);
        }
        self.length("actor.id", actor.id.as_deref().unwrap_or_default(), ID_BYTES_MAX);
    }

    fn entity(&mut self, draft: &Draft) {
        let entity = &draft.entity;
        self.code("entity.type", &entity.kind);
        if entity.id.is_empty() {
            self.refuse(Code::InvalidValue, "entity.id", "must not be empty");
        }
        self.length("entity.id", &entity.id, ID_BYTES_MAX);
        let Some(previous) = &entity.previous_id else { return };
        if previous.is_empty() || *previous == entity.id {
            let message = "must be the other id that the entity had; leave it out where the id is the same";
            self.refuse(Code::InvalidValue, "entity.previous_id", message);
        }
        self.length("entity.previous_id", previous, ID_BYTES_MAX);
    }

    /// A state is by field.
    fn states(&mut self, draft: &Draft) {
        for (field, state) in [("before", &draft.before), ("after", &draft.after)] {
            if state.as_ref().is_some_and(|state| !state.get().starts_with('{')) {
                self.refuse(Code::WrongType, field, "expected a JSON object (a state by field) or null");
            }
        }
    }
}
