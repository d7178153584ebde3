//! Compares two trees and tells what differs, place by place.

use std::collections::HashMap;

use serde_json::value::RawValue;

use super::array::{Fate, align};
use super::lcs::Budget;
use super::tree::{JsonType, View, alike};
use super::{Change, Op, push_step};

/// Steps of comparing the items of arrays; some tens of milliseconds.
const STEPS_MAX: usize = 4_000_000;
/// More changes than this nobody reads: what is left is told by larger parts.
const CHANGES_MAX: usize = 10_000;
/// Longer paths end the descent, so that many values under one long key cannot multiply it.
const PATH_BYTES_MAX: usize = 2_048;

pub(super) fn compare(before: View<'_>, after: View<'_>, is_partial: bool) -> Vec<Change> {
    let mut comparison = Comparison {
        found: Vec::new(),
        before: String::new(),
        after: String::new(),
        budget: Budget::new(STEPS_MAX),
    };
    comparison.values(before, after, 0, is_partial);
    comparison.found.into_iter().map(Found::into_change).collect()
}

struct Comparison<'d> {
    found: Vec<Found<'d>>,
    /// Where the comparison is, as pointers into either state. They differ inside arrays whose items moved up or down.
    before: String,
    after: String,
    budget: Budget,
}

/// A change whose values are not copied yet.
struct Found<'d> {
    op: Op,
    path: String,
    from: Option<String>,
    before: Option<View<'d>>,
    after: Option<View<'d>>,
    is_coarse: bool,
}

impl<'d> Comparison<'d> {
    fn values(&mut self, before: View<'d>, after: View<'d>, depth: usize, is_partial: bool) {
        if alike(before, after) {
            return;
        }
        let (old, new) = (before.through_text(), after.through_text());
        let is_short = self.after.len().max(self.before.len()) <= PATH_BYTES_MAX;
        let mark = self.found.len();
        let whole = match (old.json_type(), new.json_type()) {
            (JsonType::Object, JsonType::Object) if is_short => self.objects(old, new, depth, is_partial),
            (JsonType::Array, JsonType::Array) if is_short => self.arrays(old, new, depth),
            (JsonType::Object, JsonType::Object) | (JsonType::Array, JsonType::Array) => None,
            _ => return self.replaced(before, after, false),
        };
        if whole.is_none() {
            self.found.truncate(mark);
            self.replaced(before, after, true);
        }
    }

    /// One value in the place of another. Null is the absence of a value, of whatever type.
    fn replaced(&mut self, before: View<'d>, after: View<'d>, is_coarse: bool) {
        let (old, new) = (before.json_type(), after.json_type());
        let is_same_type = old == new || old == JsonType::Null || new == JsonType::Null;
        let op = if is_same_type { Op::Change } else { Op::Type };
        let path = self.after.clone();
        self.found.push(Found { op, path, from: None, before: Some(before), after: Some(after), is_coarse });
    }

    /// `None` when there is too much to tell; the caller then tells it as a whole.
    fn objects(&mut self, before: View<'d>, after: View<'d>, depth: usize, is_partial: bool) -> Option<()> {
        let (old, new) = (before.fields()?, after.fields()?);
        let in_old: HashMap<&str, View<'d>> = old.iter().copied().collect();
        let in_new: HashMap<&str, View<'d>> = new.iter().copied().collect();
        for (name, value) in &old {
            match in_new.get(name) {
                Some(new) => self.at(name, name, |comparison| {
                    comparison.values(*value, *new, depth + 1, false);
                }),
                None if is_partial => {}
                None => self.at(name, name, |comparison| comparison.removed(*value)),
            }
            self.is_bearable(depth)?;
        }
        for (name, value) in new.iter().filter(|(name, _)| !in_old.contains_key(name)) {
            self.at(name, name, |comparison| comparison.added(*value));
            self.is_bearable(depth)?;
        }
        Some(())
    }

    fn arrays(&mut self, before: View<'d>, after: View<'d>, depth: usize) -> Option<()> {
        let (old, new) = (before.items()?, after.items()?);
        for fate in align(&old, &new, &mut self.budget)? {
            match fate {
                Fate::Removed(at) => {
                    let value = *old.get(at)?;
                    self.at(&at.to_string(), "", |comparison| comparison.removed(value));
                }
                Fate::Added(to) => {
                    let value = *new.get(to)?;
                    self.at("", &to.to_string(), |comparison| comparison.added(value));
                }
                Fate::Kept(at, to) | Fate::Moved(at, to) => {
                    let (old, new) = (*old.get(at)?, *new.get(to)?);
                    self.at(&at.to_string(), &to.to_string(), |comparison| {
                        if matches!(fate, Fate::Moved(..)) {
                            comparison.moved(old, new);
                        }
                        comparison.values(old, new, depth + 1, false);
                    });
                }
            }
            self.is_bearable(depth)?;
        }
        Some(())
    }

    /// Works one step deeper.
    fn at(&mut self, before: &str, after: &str, work: impl FnOnce(&mut Self)) {
        let (old, new) = (self.before.len(), self.after.len());
        push_step(&mut self.before, before);
        push_step(&mut self.after, after);
        work(self);
        self.before.truncate(old);
        self.after.truncate(new);
    }

    fn removed(&mut self, value: View<'d>) {
        let path = self.before.clone();
        self.push(Found {
            op: Op::Remove,
            path,
            from: None,
            before: Some(value),
            after: None,
            is_coarse: false,
        });
    }

    fn added(&mut self, value: View<'d>) {
        let path = self.after.clone();
        self.push(Found {
            op: Op::Add,
            path,
            from: None,
            before: None,
            after: Some(value),
            is_coarse: false,
        });
    }

    fn moved(&mut self, before: View<'d>, after: View<'d>) {
        let (path, from) = (self.after.clone(), Some(self.before.clone()));
        let (before, after) = (Some(before), Some(after));
        self.push(Found { op: Op::Move, path, from, before, after, is_coarse: false });
    }

    fn push(&mut self, found: Found<'d>) {
        self.found.push(found);
    }

    /// Whether there is room for more. What lies deep is summed up first, so that the fields at the top are
    /// told one by one for as long as possible.
    fn is_bearable(&self, depth: usize) -> Option<()> {
        let max = match depth {
            0 => CHANGES_MAX,
            1 => CHANGES_MAX / 4 * 3,
            _ => CHANGES_MAX / 2,
        };
        (self.found.len() <= max).then_some(())
    }
}

impl Found<'_> {
    fn into_change(self) -> Change {
        let raw = |view: View<'_>| serde_json::from_str::<Box<RawValue>>(view.raw()).ok();
        Change {
            path: self.path,
            op: self.op,
            from: self.from,
            before: self.before.and_then(raw),
            after: self.after.and_then(raw),
            coarse: self.is_coarse,
        }
    }
}
