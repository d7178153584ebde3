//! Edits that many entities have in common.

use serde_json::{Value, json};

use super::prose::revise;
use super::random::Random;
use super::stage::State;

/// Sets a field.
pub(super) fn set(state: &mut State, field: &str, value: impl Into<Value>) {
    state.insert(field.to_owned(), value.into());
}

/// The object in a field, to set fields in.
pub(super) fn within<'a>(state: &'a mut State, field: &str) -> Option<&'a mut State> {
    state.get_mut(field).and_then(Value::as_object_mut)
}

/// The list in a field.
pub(super) fn list<'a>(state: &'a mut State, field: &str) -> Option<&'a mut Vec<Value>> {
    state.get_mut(field).and_then(Value::as_array_mut)
}

/// Changes a few words of a text.
pub(super) fn rewrite(state: &mut State, field: &str, random: &mut Random) {
    let text = state.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    set(state, field, revise(random, &text));
}

/// Puts a word into a list, or takes it out if it is there.
pub(super) fn toggle(state: &mut State, field: &str, word: &str) {
    let word = json!(word);
    if let Some(list) = list(state, field) {
        match list.iter().position(|known| *known == word) {
            Some(at) => drop(list.remove(at)),
            None => list.insert(0, word),
        }
    }
}
