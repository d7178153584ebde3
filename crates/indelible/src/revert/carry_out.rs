//! Having an order carried out, and recording what came of it.

use model::Kind;
use model::diff::Patched;
use serde_json::json;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Plan, RevertError};
use crate::Indelible;
use crate::access::Caller;
use crate::hosts::{HostError, Order, Reply};
use crate::journal::{self, Append, Outcome};

impl Plan {
    /// Has the order carried out, and records what came of it.
    ///
    /// # Errors
    /// When the host did not do it; then nothing is recorded as reverted.
    pub async fn carry_out(
        &self,
        indelible: &Indelible,
        caller: &Caller,
        order: &Order,
    ) -> Result<Uuid, RevertError> {
        let (before, after) = match self.host.send(order).await? {
            Reply::Done { before, after } => (before, after),
            Reply::Conflict { current } => {
                return Err(RevertError::Conflict(differing(order, current.as_deref()), current));
            }
            Reply::Cannot { why } => return Err(RevertError::Impossible(why)),
        };
        self.record(indelible, caller, order, before.as_deref(), after.as_deref()).await
    }

    async fn record(
        &self,
        indelible: &Indelible,
        caller: &Caller,
        order: &Order,
        before: Option<&RawValue>,
        after: Option<&RawValue>,
    ) -> Result<Uuid, RevertError> {
        let mut left = after.map_or_else(Patched::empty, Patched::new);
        let mut found = before.map_or_else(Patched::empty, Patched::new);
        let mut done = Vec::new();
        let mut errors = Vec::new();
        for path in order.paths() {
            let wanted = order.set.get(path).map(|value| value.get().to_owned());
            let (was, is) = (found.get(path), left.get(path));
            if was != is {
                done.push(path);
            }
            if !same_text(is.as_deref(), wanted.as_deref()) {
                errors.push(format!("The host did not put back {path}"));
            }
        }
        if done.is_empty() && before.is_some() {
            return Err(HostError::NothingChanged.into());
        }
        let (before, after, is_partial) = states(order, before, after);
        let made_again = self.entry.kind == Kind::Delete && self.entry.after.is_none();
        let kind = if made_again { Kind::Create } else { Kind::Update };
        let names: Vec<&str> = done.iter().map(|path| path.trim_start_matches('/')).collect();
        let mut data = json!({"reverted_fields": done});
        if let Some(data) = data.as_object_mut().filter(|_| !self.others.is_empty()) {
            data.insert("also_reverts".to_owned(), json!(self.others));
        }
        let mut entry = json!({
            "id": order.entry_of_the_revert(),
            "actor": {"type": "user", "name": caller.name, "roles": [caller.role.as_str()]},
            "action": "indelible.revert",
            "kind": kind,
            "entity": {"type": self.entity.kind, "id": self.entity.id, "title": self.entity.title, "url": self.entity.url},
            "summary": format!("Reverted {}", names.join(", ")),
            "reason": order.reason,
            "before": before,
            "after": after,
            "partial": is_partial.then_some(true),
            "reverts": self.entry.id,
            "connector": self.entry.connector,
            "origin": caller.from,
            "errors": errors,
            "data": data,
        });
        if let Some(fields) = entry.as_object_mut() {
            // The door knows null only for states.
            fields.retain(|_, value| !value.is_null());
            if let Some(entity) = fields.get_mut("entity").and_then(|entity| entity.as_object_mut()) {
                entity.retain(|_, value| !value.is_null());
            }
        }
        let (reading, site) = (indelible.clone(), self.site.clone());
        let rules = tokio::task::spawn_blocking(move || reading.rules(&site))
            .await
            .map_err(|error| RevertError::Unrecorded(error.to_string()))??;
        let sealed = journal::admit(entry.to_string().as_bytes(), &caller.name, None, &rules)?.map_err(
            |violations| {
                RevertError::Unrecorded(
                    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
                )
            },
        )?;
        let id = sealed.id;
        let append = Append { site: self.site.clone(), entries: vec![sealed], atomic: true, change: None };
        match indelible.journal().append(append).await?.pop() {
            // Somebody who sent the same order at the same time was first.
            Some(Outcome::Refused(violation)) if violation.code == model::Code::IdConflict => Ok(id),
            Some(Outcome::Appended(_) | Outcome::Known(_)) => Ok(id),
            Some(Outcome::Refused(violation)) => Err(RevertError::Unrecorded(violation.to_string())),
            None => Err(RevertError::Unrecorded("the log gave no answer".to_owned())),
        }
    }
}

/// The fields whose present values are not those that the order expects; all of its fields where the host does not
/// say how things are.
fn differing(order: &Order, current: Option<&RawValue>) -> Vec<String> {
    let all = || order.paths().map(ToOwned::to_owned).collect::<Vec<_>>();
    let Some(current) = current else { return all() };
    let mut current = Patched::new(current);
    let differs = |path: &&str| {
        let found = current.get(path).and_then(|text| RawValue::from_string(text).ok());
        match (found, order.expected.get(*path)) {
            (Some(found), Some(expected)) => !model::diff::same(&found, expected),
            (found, expected) => found.is_some() || expected.is_some(),
        }
    };
    let differing: Vec<String> = order.paths().filter(differs).map(ToOwned::to_owned).collect();
    if differing.is_empty() { all() } else { differing }
}

/// Bytes of two states above which only the fields that were put back are recorded, so that the entry that tells of it is
/// never too large to be taken.
const STATES_BYTES_MAX: usize = 900 * 1024;

/// The states as they are recorded, and whether these are only the fields that were put back.
fn states(
    order: &Order,
    before: Option<&RawValue>,
    after: Option<&RawValue>,
) -> (Option<Box<RawValue>>, Option<Box<RawValue>>, bool) {
    let size = |state: Option<&RawValue>| state.map_or(0, |state| state.get().len());
    if size(before) + size(after) <= STATES_BYTES_MAX {
        return (before.map(ToOwned::to_owned), after.map(ToOwned::to_owned), false);
    }
    let only = |state: &RawValue| {
        let mut kept = Patched::empty();
        for (name, value) in model::diff::fields(state).unwrap_or_default() {
            let field = model::diff::pointer(&name);
            let is_touched =
                order.paths().any(|path| path == field || path.starts_with(&format!("{field}/")));
            if is_touched {
                // A field of an object can always be set.
                drop(kept.set(&field, value));
            }
        }
        kept.to_raw()
    };
    (before.map(only), after.map(only), true)
}

fn same_text(one: Option<&str>, other: Option<&str>) -> bool {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).ok();
    match (one.and_then(raw), other.and_then(raw)) {
        (Some(one), Some(other)) => model::diff::same(&one, &other),
        (one, other) => one.is_none() && other.is_none(),
    }
}
