//! Which items of two arrays belong together.
//!
//! Where the items are objects with a key that names them (`id`, `card`, `name` …), by that key: an item is
//! found again wherever it went and whatever else of it changed. Otherwise by the longest common subsequence
//! of equal items; what was taken out in one place and put in at another has moved, and what is left between
//! two equal items is paired by likeness.

use std::collections::{HashMap, HashSet};

use super::lcs::{Budget, common};
use super::tree::{JsonType, View, alike};

/// Keys that name an object, the most telling first.
const NAMING_KEYS: [&str; 12] =
    ["id", "_id", "uuid", "guid", "key", "pk", "ID", "slug", "handle", "code", "name", "title"];
/// Keys that tell a place and change with it; they never name.
const PLACE_KEYS: [&str; 9] =
    ["position", "pos", "order", "index", "sort", "sort_order", "menu_order", "weight", "rank"];

/// Above this many comparisons, items between two equal ones are paired in their order.
const LIKENESS_MAX: usize = 4_096;

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is in both arrays: its places before and after.
    Kept(usize, usize),
    /// The same, and others that kept their order have it on another side now.
    Moved(usize, usize),
    /// It was at this place and is not there any more.
    Removed(usize),
    /// It is at this place and was not there.
    Added(usize),
}

/// What became of every item, ordered by the places after, what was removed before what took its place.
/// `None` when the budget ended first.
pub(super) fn align(before: &[View<'_>], after: &[View<'_>], budget: &mut Budget) -> Option<Vec<Fate>> {
    budget.pay(before.len() + after.len())?;
    let named = by_name(before, after, budget)?;
    let mut fates = if named.is_empty() {
        by_likeness(before, after, budget)?
    } else {
        fates(before.len(), after.len(), &named)
    };
    let kept = fates.iter().filter_map(|fate| match fate {
        Fate::Kept(at, to) => Some((*at, *to)),
        Fate::Moved(..) | Fate::Removed(_) | Fate::Added(_) => None,
    });
    let mut kept: Vec<(usize, usize)> = kept.collect();
    kept.sort_unstable();
    // A removed item stands behind the kept one that it stood behind, before what was added there.
    fates.sort_by_key(|fate| match fate {
        Fate::Kept(_, to) | Fate::Moved(_, to) | Fate::Added(to) => (*to, 1, 0),
        Fate::Removed(at) => {
            let behind = kept.partition_point(|(from, _)| from < at).checked_sub(1);
            let place = behind.and_then(|behind| kept.get(behind)).map_or(0, |(_, to)| to + 1);
            (place, 0, *at)
        }
    });
    Some(fates)
}

/// The places of items that a key names alike; none when there is no such key.
fn by_name(before: &[View<'_>], after: &[View<'_>], budget: &mut Budget) -> Option<Vec<(usize, usize)>> {
    let Some(first) = before.first().and_then(|first| first.through_text().fields()) else {
        return Some(Vec::new());
    };
    let own = first.iter().map(|(name, _)| *name).filter(|name| !PLACE_KEYS.contains(name));
    let candidates: Vec<&str> =
        NAMING_KEYS.into_iter().filter(|key| first.iter().any(|(name, _)| name == key)).chain(own).collect();
    for key in candidates.into_iter().take(NAMING_KEYS.len() * 2) {
        budget.pay(before.len() + after.len())?;
        let (Some(old), Some(new)) = (names(before, key), names(after, key)) else { continue };
        let places: HashMap<&str, usize> = new.iter().enumerate().map(|(at, name)| (*name, at)).collect();
        let pairs: Vec<(usize, usize)> =
            old.iter().enumerate().filter_map(|(at, name)| Some((at, *places.get(name)?))).collect();
        if !pairs.is_empty() {
            return Some(pairs);
        }
    }
    Some(Vec::new())
}

/// The value of a key in each of the objects, if it names them: all have it, as a text or a number, and no
/// two the same.
fn names<'d>(items: &[View<'d>], key: &str) -> Option<Vec<&'d str>> {
    let name = |item: &View<'d>| {
        let value = item.through_text().field(key)?;
        matches!(value.json_type(), JsonType::Text | JsonType::Number).then(|| value.raw())
    };
    let names: Vec<&str> = items.iter().map(name).collect::<Option<_>>()?;
    let different: HashSet<&str> = names.iter().copied().collect();
    (different.len() == names.len()).then_some(names)
}

/// What became of the items, given which belong together. The longest run of pairs in the same order has
/// been kept; the other pairs moved.
fn fates(before: usize, after: usize, pairs: &[(usize, usize)]) -> Vec<Fate> {
    let kept = longest_ascending(pairs);
    let (mut is_paired_before, mut is_paired_after) = (vec![false; before], vec![false; after]);
    let mut fates = Vec::with_capacity(before + after);
    for pair @ (at, to) in pairs {
        let is_kept = kept.contains(pair);
        fates.push(if is_kept { Fate::Kept(*at, *to) } else { Fate::Moved(*at, *to) });
        for (side, place) in [(&mut is_paired_before, *at), (&mut is_paired_after, *to)] {
            if let Some(paired) = side.get_mut(place) {
                *paired = true;
            }
        }
    }
    let alone =
        |side: Vec<bool>| side.into_iter().enumerate().filter(|(_, paired)| !paired).map(|(at, _)| at);
    fates.extend(alone(is_paired_before).map(Fate::Removed));
    fates.extend(alone(is_paired_after).map(Fate::Added));
    fates
}

/// Of pairs ascending in their first place, a longest selection that ascends in the second as well
/// (patience sorting).
fn longest_ascending(pairs: &[(usize, usize)]) -> HashSet<(usize, usize)> {
    // Of each length, the pair with the smallest end; and of each pair, its predecessor.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let end_of = |pair: usize| pairs.get(pair).map_or(usize::MAX, |(_, to)| *to);
    for (pair, (_, to)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| end_of(*end) < *to);
        previous.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = pair,
            None => ends.push(pair),
        }
    }
    let mut chosen = HashSet::new();
    let mut next = ends.last().copied();
    while let Some(pair) = next {
        chosen.extend(pairs.get(pair).copied());
        next = previous.get(pair).copied().flatten();
    }
    chosen
}

/// Pairs equal items along the longest common subsequence, then equal ones that moved, then like ones.
fn by_likeness(before: &[View<'_>], after: &[View<'_>], budget: &mut Budget) -> Option<Vec<Fate>> {
    let (old, new) = numbered(before, after);
    let kept = common(&old, &new, budget)?;
    let (mut fates, mut is_used_before, mut is_used_after) =
        (Vec::new(), vec![false; before.len()], vec![false; after.len()]);
    let mut settle = |fate: Fate| {
        if let Fate::Kept(at, to) | Fate::Moved(at, to) = fate {
            for (side, place) in [(&mut is_used_before, at), (&mut is_used_after, to)] {
                if let Some(used) = side.get_mut(place) {
                    *used = true;
                }
            }
        }
        fates.push(fate);
    };
    for (at, to) in &kept {
        settle(Fate::Kept(*at, *to));
    }
    for (at, to) in moved(&old, &new, &kept) {
        settle(Fate::Moved(at, to));
    }
    // What lies between two kept items on either side.
    let ends = kept.iter().copied().chain([(before.len(), after.len())]);
    let starts = [(0, 0)].into_iter().chain(kept.iter().map(|(at, to)| (at + 1, to + 1)));
    for ((from, to), (from_end, to_end)) in starts.zip(ends) {
        let free = |used: &[bool], range: std::ops::Range<usize>| {
            range.filter(|at| used.get(*at) == Some(&false)).collect::<Vec<usize>>()
        };
        let (removed, added) = (free(&is_used_before, from..from_end), free(&is_used_after, to..to_end));
        pair_alike(before, after, &removed, &added, budget, &mut fates)?;
    }
    Some(fates)
}

/// Equal items get equal numbers.
fn numbered<'d>(before: &[View<'d>], after: &[View<'d>]) -> (Vec<u32>, Vec<u32>) {
    let mut known: HashMap<u64, Vec<(View<'d>, u32)>> = HashMap::new();
    let mut count = 0;
    let mut number = |item: &View<'d>| {
        let same_hash = known.entry(item.hash()).or_default();
        if let Some((_, number)) = same_hash.iter().find(|(other, _)| alike(*item, *other)) {
            return *number;
        }
        same_hash.push((*item, count));
        count += 1;
        count - 1
    };
    (before.iter().map(&mut number).collect(), after.iter().map(&mut number).collect())
}

/// Equal items that are on neither side of a kept pair: taken out here, put in there.
fn moved(old: &[u32], new: &[u32], kept: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let (kept_before, kept_after): (HashSet<usize>, HashSet<usize>) = kept.iter().copied().unzip();
    let mut taken: HashMap<u32, Vec<usize>> = HashMap::new();
    for (at, number) in old.iter().enumerate().rev().filter(|(at, _)| !kept_before.contains(at)) {
        taken.entry(*number).or_default().push(at);
    }
    let put = new.iter().enumerate().filter(|(to, _)| !kept_after.contains(to));
    put.filter_map(|(to, number)| Some((taken.get_mut(number)?.pop()?, to))).collect()
}

/// Pairs what was removed between two kept items with what was added there, in order, so that the pairs
/// have as much in common as possible.
fn pair_alike(
    before: &[View<'_>],
    after: &[View<'_>],
    removed: &[usize],
    added: &[usize],
    budget: &mut Budget,
    fates: &mut Vec<Fate>,
) -> Option<()> {
    let mut pairs = Vec::new();
    if removed.len() * added.len() <= LIKENESS_MAX {
        budget.pay(removed.len() * added.len())?;
        let costs: Vec<Vec<u32>> = removed
            .iter()
            .map(|at| {
                let cost = |to: &usize| match (view(before, *at), view(after, *to)) {
                    (Some(old), Some(new)) => cost(old, new),
                    _ => NEVER,
                };
                added.iter().map(cost).collect()
            })
            .collect();
        pairs = cheapest(&costs);
    } else {
        for place in 0..removed.len().min(added.len()) {
            let (Some(at), Some(to)) = (removed.get(place), added.get(place)) else { continue };
            let (Some(old), Some(new)) = (view(before, *at), view(after, *to)) else { continue };
            if cost(old, new) < NEVER {
                pairs.push((place, place));
            }
        }
    }
    let (paired_removed, paired_added): (HashSet<usize>, HashSet<usize>) = pairs.iter().copied().unzip();
    for (place, to) in &pairs {
        if let (Some(at), Some(to)) = (removed.get(*place), added.get(*to)) {
            fates.push(Fate::Kept(*at, *to));
        }
    }
    let alone = |side: &[usize], paired: &HashSet<usize>| {
        side.iter()
            .enumerate()
            .filter(|(place, _)| !paired.contains(place))
            .map(|(_, at)| *at)
            .collect::<Vec<_>>()
    };
    fates.extend(alone(removed, &paired_removed).into_iter().map(Fate::Removed));
    fates.extend(alone(added, &paired_added).into_iter().map(Fate::Added));
    Some(())
}

/// An item, through the text it may stand in.
fn view<'d>(side: &[View<'d>], at: usize) -> Option<View<'d>> {
    side.get(at).copied().map(View::through_text)
}

/// Cost of an item that stays alone, removed or added; a pair must cost less than two of these.
const ALONE: u32 = 100;
/// Cost of a pair that says nothing.
const NEVER: u32 = 2 * ALONE;

/// What it costs to tell an item as a change of another: little when most of it is the same.
fn cost(old: View<'_>, new: View<'_>) -> u32 {
    let (likeness, parts): (usize, usize) = match (old.json_type(), new.json_type()) {
        (JsonType::Object, JsonType::Object) => {
            let (old, new) = (old.fields().unwrap_or_default(), new.fields().unwrap_or_default());
            let by_name: HashMap<&str, View<'_>> = new.iter().copied().collect();
            let shared: Vec<usize> =
                old.iter().filter_map(|(name, value)| Some(likeness(*value, *by_name.get(name)?))).collect();
            (shared.iter().sum(), old.len() + new.len() - shared.len())
        }
        (JsonType::Array, JsonType::Array) => {
            let (old, new) = (old.items().unwrap_or_default(), new.items().unwrap_or_default());
            let hashes: HashSet<u64> = new.iter().map(|view| view.hash()).collect();
            let likeness = |(at, item): (usize, &View<'_>)| match new.get(at) {
                _ if hashes.contains(&item.hash()) => EQUAL,
                Some(other) => likeness(*item, *other),
                None => 0,
            };
            (old.iter().enumerate().map(likeness).sum(), old.len().max(new.len()))
        }
        (JsonType::Object | JsonType::Array, _) | (_, JsonType::Object | JsonType::Array) => return NEVER,
        (one, other) => return if one == other { ALONE } else { ALONE + ALONE / 2 },
    };
    let percent = (likeness * 100).checked_div(parts * EQUAL).unwrap_or(0);
    NEVER - u32::try_from(percent).unwrap_or(0).min(100)
}

/// How alike two equal parts are.
const EQUAL: usize = 4;

/// How alike two parts of items are, at a glance.
fn likeness(old: View<'_>, new: View<'_>) -> usize {
    if old.hash() == new.hash() {
        return EQUAL;
    }
    match (old.through_text().json_type(), new.through_text().json_type()) {
        (JsonType::Object, JsonType::Object) | (JsonType::Array, JsonType::Array) => EQUAL / 2,
        (one, other) if one == other => 1,
        _ => 0,
    }
}

/// The pairs, ascending on both sides, that cost least together with what stays alone.
fn cheapest(costs: &[Vec<u32>]) -> Vec<(usize, usize)> {
    let width = costs.first().map_or(0, Vec::len);
    let at = |table: &[Vec<u32>], row: usize, column: usize| {
        table.get(row).and_then(|row| row.get(column)).copied().unwrap_or(u32::MAX / 4)
    };
    let alone = |count: usize| u32::try_from(count).unwrap_or(u32::MAX / 8).saturating_mul(ALONE);
    // Row and column: how many items of either side are settled.
    let mut least: Vec<Vec<u32>> = vec![(0..=width).map(alone).collect()];
    for row in 1..=costs.len() {
        let mut line = vec![alone(row)];
        for column in 1..=width {
            let paired = at(&least, row - 1, column - 1) + at(costs, row - 1, column - 1);
            let removed = at(&least, row - 1, column) + ALONE;
            let added = line.last().copied().unwrap_or_default() + ALONE;
            line.push(paired.min(removed).min(added));
        }
        least.push(line);
    }
    let (mut row, mut column) = (costs.len(), width);
    let mut pairs = Vec::new();
    while row > 0 && column > 0 {
        let here = at(&least, row, column);
        let pair = at(costs, row - 1, column - 1);
        if pair < NEVER && here == at(&least, row - 1, column - 1) + pair {
            (row, column) = (row - 1, column - 1);
            pairs.push((row, column));
        } else if here == at(&least, row - 1, column) + ALONE {
            row -= 1;
        } else {
            column -= 1;
        }
    }
    pairs.reverse();
    pairs
}
