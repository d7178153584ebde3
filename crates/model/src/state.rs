//! What an entity was like at some time, from the entries that tell of it.
//!
//! Entries are shown to [`History::tell`] from the newest back, until it has heard enough. A state after that is all
//! of the entity settles it; a partial one settles its fields, and older entries tell the others. What no entry
//! tells is said to be unknown, never left out silently.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::action::Kind;
use crate::diff::{self, Extent, Patched};
use crate::entry::{Entry, Outcome};
use crate::section::SectionName;

/// An entity's state as the log tells it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct State {
    /// Whether the entity was there; `None` where no entry tells.
    pub exists: Option<bool>,
    /// Its fields; `None` where it was not there, or nothing is known of them.
    pub state: Option<Box<RawValue>>,
    /// Whether these are all of its fields, as far as the entries say.
    pub complete: bool,
    /// The entries that this rests on, the newest first.
    pub rests_on: Vec<Source>,
    /// What is not known, or not certain.
    pub unknown: Vec<Unknown>,
}

/// An entry that a state rests on.
#[derive(Clone, Debug, Serialize)]
pub struct Source {
    /// Its id.
    pub id: Uuid,
    /// Its position in its log.
    pub index: u64,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// What was done.
    pub action: String,
    /// The fields whose values come from it.
    pub fields: Vec<String>,
}

/// What is not known of a state.
#[derive(Clone, Debug, Serialize)]
pub struct Unknown {
    /// Where, as a JSON pointer; empty for the state as a whole.
    pub path: String,
    /// Why.
    pub why: String,
}

/// Collects a state from entries.
#[derive(Debug, Default)]
pub struct History {
    exists: Option<bool>,
    /// Field by field what is settled; `None` for what was not there.
    fields: Vec<(String, Option<Box<RawValue>>)>,
    rests_on: Vec<Source>,
    unknown: Vec<Unknown>,
    is_complete: bool,
    /// Names of the fields before the entry told of last, where it knew all of them.
    last_before: Option<Vec<String>>,
}

/// Whether an entry says something about its entity's state.
fn tells(entry: &Entry) -> bool {
    let has_state = entry.before.is_some() || entry.after.is_some();
    let is_change = matches!(entry.kind, Kind::Create | Kind::Update | Kind::Delete | Kind::Other);
    entry.outcome == Outcome::Success && is_change && (has_state || entry.kind == Kind::Delete)
}

impl History {
    /// Hears the next older entry; whether older ones are wanted as well.
    pub fn tell(&mut self, entry: &Entry) -> bool {
        if self.is_complete {
            return false;
        }
        let may_change = matches!(entry.kind, Kind::Create | Kind::Update | Kind::Other);
        let is_erased = entry.erased.contains(&SectionName::Change);
        if is_erased && may_change && entry.outcome == Outcome::Success {
            self.exists.get_or_insert(true);
            self.unknown.push(Unknown {
                path: String::new(),
                why: format!(
                    "what entry {} says of the state was erased: fields that no later entry tells of may have been \
                     others by then",
                    entry.index
                ),
            });
            return true;
        }
        if !tells(entry) {
            return true;
        }
        if entry.kind == Kind::Delete && entry.after.is_none() {
            // What is older is of an entity that ended here; if nothing is newer, so did the one asked for.
            self.is_complete = true;
            if self.exists.is_none() {
                self.exists = Some(false);
                self.rests_on.push(source(entry, Vec::new()));
            }
            return false;
        }
        self.exists.get_or_insert(true);
        let told_all = self.settle(entry);
        self.is_complete = told_all;
        !told_all
    }

    /// Takes from an entry what no newer one told; whether it told everything.
    fn settle(&mut self, entry: &Entry) -> bool {
        let extent = entry.extent();
        let before = entry.before.as_deref().and_then(diff::fields).unwrap_or_default();
        let after = entry.after.as_deref().and_then(diff::fields).unwrap_or_default();
        let mut taken = Vec::new();
        for (name, value) in &after {
            self.take(name, Some(value), &mut taken);
        }
        for (name, value) in before.iter().filter(|(name, _)| after.iter().all(|(other, _)| other != name)) {
            // Without a state after, the state before is the last that is known.
            let is_kept = extent.is_partial() || entry.after.is_none();
            self.take(name, is_kept.then_some(*value), &mut taken);
        }
        let after_names: Vec<String> = after.iter().map(|(name, _)| name.to_string()).collect();
        let tells_all = match (extent, entry.kind) {
            _ if entry.after.is_none() => false,
            // What an update that is partial, as far as one can tell, found was all of it: that had the field which says
            // which entity it is.
            (_, Kind::Create) | (Extent::PartialInferred, _) => true,
            (Extent::Full, _) if entry.partial == Some(false) => true,
            // The newer entry found what this one left, field for field: this host records whole states.
            (Extent::Full, _) => {
                self.last_before.as_ref().is_some_and(|names| same_names(names, &after_names))
            }
            (Extent::Partial, _) => false,
        };
        if !taken.is_empty() {
            self.rests_on.push(source(entry, taken));
        }
        // With a partial state after, the one before need not be whole either.
        let names = || before.iter().map(|(name, _)| name.to_string()).collect();
        self.last_before = (entry.before.is_some() && !extent.is_partial()).then(names);
        tells_all
    }

    fn take(&mut self, name: &str, value: Option<&RawValue>, taken: &mut Vec<String>) {
        if self.fields.iter().any(|(known, _)| known == name) {
            return;
        }
        let was_missed =
            |before: &Vec<String>| !before.is_empty() && !before.iter().any(|known| known == name);
        if value.is_some() && self.last_before.as_ref().is_some_and(was_missed) {
            self.unknown.push(Unknown {
                path: diff::pointer(name),
                why: "the state before a later entry does not have this field: whether it was still there is not known"
                    .to_owned(),
            });
        }
        self.fields.push((name.to_owned(), value.map(ToOwned::to_owned)));
        taken.push(name.to_owned());
    }

    /// Hears the entry that follows the time asked for, if it tells something; whether it does. What it found is how
    /// things were, unless something happened outside the log.
    pub fn followed_by(&mut self, entry: &Entry) -> bool {
        if !tells(entry) {
            return false;
        }
        let is_first = self.rests_on.is_empty() && self.exists.is_none();
        match entry.before.as_deref().and_then(diff::fields) {
            Some(found) if is_first => self.found_first(entry, &found),
            Some(found) => self.found_later(entry, found),
            None if is_first && entry.kind == Kind::Create => {
                self.exists = Some(false);
                self.is_complete = true;
                self.rests_on.push(source(entry, Vec::new()));
            }
            None => {}
        }
        true
    }

    /// No entry is as old as the time asked for.
    fn found_first(&mut self, entry: &Entry, found: &[(Cow<'_, str>, &RawValue)]) {
        self.exists = Some(true);
        let fields: Vec<String> = found.iter().map(|(name, _)| name.to_string()).collect();
        self.fields =
            found.iter().map(|(name, value)| (name.to_string(), Some((*value).to_owned()))).collect();
        self.rests_on.push(source(entry, fields));
        self.unknown.push(Unknown {
            path: String::new(),
            why: "no entry is as old as this time: this is what the next entry found".to_owned(),
        });
    }

    /// Compares what older entries left with what the next one found.
    fn found_later(&mut self, entry: &Entry, found: Vec<(Cow<'_, str>, &RawValue)>) {
        if self.exists != Some(true) {
            return;
        }
        for (name, value) in found {
            let known = self.fields.iter().find(|(known, _)| *known == name).map(|(_, value)| value);
            let why = match known {
                Some(Some(known)) if diff::same(known, value) => continue,
                Some(_) => "found another value before it: something changed it that is not in this log",
                None if self.is_complete => {
                    "found this field before it: something added it that is not in this log"
                }
                None => {
                    // Nothing older told of it, so it was there all along as far as anybody knows.
                    self.fields.push((name.to_string(), Some(value.to_owned())));
                    self.rests_on.push(source(entry, vec![name.to_string()]));
                    continue;
                }
            };
            let why = format!("the entry {} at {} {why}", entry.id, entry.occurred_at);
            self.unknown.push(Unknown { path: diff::pointer(&name), why });
        }
    }

    /// Says that there are older entries that nobody told of.
    pub fn cut_short(&mut self) {
        if !self.is_complete {
            self.unknown.push(Unknown {
                path: String::new(),
                why: "there are more entries than were read: fields that only older ones tell of are missing"
                    .to_owned(),
            });
        }
    }

    /// The state.
    #[must_use]
    pub fn into_state(mut self) -> State {
        let is_there = self.exists == Some(true);
        let mut state = Patched::empty();
        for (name, value) in &self.fields {
            if let Some(value) = value {
                // A field of an object can always be set.
                drop(state.set(&diff::pointer(name), value));
            }
        }
        let is_known = is_there && self.fields.iter().any(|(_, value)| value.is_some());
        let is_empty_but_known = is_there && self.is_complete;
        if is_there && !self.is_complete && self.unknown.iter().all(|unknown| !unknown.path.is_empty()) {
            self.unknown.push(Unknown {
                path: String::new(),
                why: "no entry holds the whole state: fields that no entry names are missing".to_owned(),
            });
        }
        State {
            exists: self.exists,
            state: (is_known || is_empty_but_known).then(|| state.to_raw()),
            complete: self.is_complete && self.unknown.is_empty(),
            rests_on: self.rests_on,
            unknown: self.unknown,
        }
    }
}

fn same_names(one: &[String], other: &[String]) -> bool {
    one.len() == other.len() && one.iter().all(|name| other.contains(name))
}

fn source(entry: &Entry, fields: Vec<String>) -> Source {
    Source {
        id: entry.id,
        index: entry.index,
        occurred_at: entry.occurred_at,
        action: entry.action.clone(),
        fields,
    }
}
