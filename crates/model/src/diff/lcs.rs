//! The longest common subsequence of two sequences, after Myers, "An O(ND) Difference Algorithm and Its
//! Variations" (1986), in the form of §4b that needs linear space.

/// Work that a comparison may still do, so that hostile input cannot hold it up. One step is about the
/// comparison of two elements.
#[derive(Debug)]
pub(super) struct Budget {
    steps: usize,
}

impl Budget {
    pub(super) const fn new(steps: usize) -> Self {
        Self { steps }
    }

    /// Pays for work; `None` when there is not enough left.
    pub(super) fn pay(&mut self, steps: usize) -> Option<()> {
        self.steps = self.steps.checked_sub(steps)?;
        Some(())
    }
}

/// Places of equal elements, ascending in both sequences, as many as there can be. `None` when the budget
/// ended first.
pub(super) fn common(old: &[u32], new: &[u32], budget: &mut Budget) -> Option<Vec<(usize, usize)>> {
    budget.pay(old.len() + new.len())?;
    let mut pairs = Vec::new();
    // An element that the other side does not have cannot be common; without those there is less to search.
    let (old, new) = (only_shared(old, new), only_shared(new, old));
    let values = |side: &[(usize, u32)]| side.iter().map(|(_, value)| *value).collect::<Vec<_>>();
    let mut search = Search {
        old: &values(&old),
        new: &values(&new),
        forward: Reach::new(old.len() + new.len()),
        backward: Reach::new(old.len() + new.len()),
        pairs: &mut pairs,
        budget,
    };
    search.between(0, old.len(), 0, new.len())?;
    let place = |side: &[(usize, u32)], at: usize| side.get(at).map(|(place, _)| *place);
    pairs.into_iter().map(|(at, to)| Some((place(&old, at)?, place(&new, to)?))).collect()
}

/// The elements that the other sequence has too, with their places.
fn only_shared(elements: &[u32], other: &[u32]) -> Vec<(usize, u32)> {
    let largest = other.iter().copied().max().and_then(|largest| usize::try_from(largest).ok());
    let mut known = vec![false; largest.map_or(0, |largest| largest + 1)];
    let place = |element: u32| usize::try_from(element).unwrap_or(usize::MAX);
    for element in other {
        if let Some(known) = known.get_mut(place(*element)) {
            *known = true;
        }
    }
    let is_known = |element: u32| known.get(place(element)).copied().unwrap_or(false);
    elements.iter().copied().enumerate().filter(|(_, element)| is_known(*element)).collect()
}

/// The furthest place reached on each diagonal.
struct Reach {
    zero: isize,
    furthest: Vec<isize>,
}

impl Reach {
    fn new(length: usize) -> Self {
        let zero = isize::try_from(length).unwrap_or(isize::MAX / 4) + 2;
        Self { zero, furthest: vec![0; length * 2 + 5] }
    }

    fn on(&self, diagonal: isize) -> isize {
        let place = usize::try_from(self.zero + diagonal).ok();
        place.and_then(|place| self.furthest.get(place)).copied().unwrap_or(0)
    }

    fn set(&mut self, diagonal: isize, reached: isize) {
        let place = usize::try_from(self.zero + diagonal).ok();
        if let Some(furthest) = place.and_then(|place| self.furthest.get_mut(place)) {
            *furthest = reached;
        }
    }

    /// Where the path of one more step starts on a diagonal: from whichever neighbour got further.
    fn start(&self, diagonal: isize, steps: isize) -> isize {
        let (left, right) = (self.on(diagonal - 1), self.on(diagonal + 1));
        if diagonal == -steps || (diagonal != steps && left < right) { right } else { left + 1 }
    }
}

struct Search<'s> {
    old: &'s [u32],
    new: &'s [u32],
    forward: Reach,
    backward: Reach,
    pairs: &'s mut Vec<(usize, usize)>,
    budget: &'s mut Budget,
}

impl Search<'_> {
    /// Finds what two ranges have in common: what they begin and end with, then each half around the middle
    /// of a shortest path. Halving bounds the depth of this recursion by the logarithm of the differences.
    fn between(&mut self, mut old: usize, old_end: usize, mut new: usize, new_end: usize) -> Option<()> {
        while old < old_end && new < new_end && self.old.get(old) == self.new.get(new) {
            self.pairs.push((old, new));
            (old, new) = (old + 1, new + 1);
        }
        let (mut old_last, mut new_last) = (old_end, new_end);
        while old < old_last && new < new_last && self.old.get(old_last - 1) == self.new.get(new_last - 1) {
            (old_last, new_last) = (old_last - 1, new_last - 1);
        }
        self.budget.pay(old_end - old_last + 1)?;
        if old < old_last && new < new_last {
            let (old_middle, new_middle) = self.middle(old, old_last, new, new_last)?;
            self.between(old, old_middle, new, new_middle)?;
            self.between(old_middle, old_last, new_middle, new_last)?;
        }
        self.pairs.extend((old_last..old_end).zip(new_last..new_end));
        Some(())
    }

    /// A point on a shortest path, about half-way: walks from both ends at once until the walks meet.
    fn middle(
        &mut self,
        old_start: usize,
        old_end: usize,
        new_start: usize,
        new_end: usize,
    ) -> Option<(usize, usize)> {
        let old = self.old.get(old_start..old_end)?;
        let new = self.new.get(new_start..new_end)?;
        let (rows, columns) = (signed(old.len()), signed(new.len()));
        let delta = rows - columns;
        let is_odd = delta % 2 != 0;
        let point = |x: isize, y: isize| {
            Some((old_start + usize::try_from(x).ok()?, new_start + usize::try_from(y).ok()?))
        };
        self.forward.set(1, 0);
        self.backward.set(1, 0);
        for steps in 0..=(rows + columns + 1) / 2 {
            self.budget.pay(usize::try_from(steps).ok()? * 2 + 1)?;
            for diagonal in (-steps..=steps).step_by(2) {
                let start = self.forward.start(diagonal, steps);
                let run = run_forward(old, new, start, start - diagonal);
                let reached = start + run;
                self.budget.pay(usize::try_from(run).ok()?)?;
                self.forward.set(diagonal, reached);
                let opposite = delta - diagonal;
                let overlaps = is_odd && opposite.abs() < steps;
                if overlaps && reached + self.backward.on(opposite) >= rows {
                    return point(start, start - diagonal);
                }
            }
            for diagonal in (-steps..=steps).step_by(2) {
                let start = self.backward.start(diagonal, steps);
                let run = run_backward(old, new, start, start - diagonal);
                let reached = start + run;
                self.budget.pay(usize::try_from(run).ok()?)?;
                self.backward.set(diagonal, reached);
                let opposite = delta - diagonal;
                let overlaps = !is_odd && opposite.abs() <= steps;
                if overlaps && reached + self.forward.on(opposite) >= rows {
                    return point(rows - reached, columns - (reached - diagonal));
                }
            }
        }
        None
    }
}

fn signed(length: usize) -> isize {
    isize::try_from(length).unwrap_or(isize::MAX)
}

/// How many elements are equal from a point on.
fn run_forward(old: &[u32], new: &[u32], x: isize, y: isize) -> isize {
    let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return 0 };
    let (old, new) = (old.get(x..).unwrap_or_default(), new.get(y..).unwrap_or_default());
    signed(old.iter().zip(new).take_while(|(old, new)| old == new).count())
}

/// The same backwards, from `x` and `y` elements before the ends.
fn run_backward(old: &[u32], new: &[u32], x: isize, y: isize) -> isize {
    let upto = |side: &[u32], back: isize| usize::try_from(back).ok().and_then(|b| side.len().checked_sub(b));
    let (Some(x), Some(y)) = (upto(old, x), upto(new, y)) else { return 0 };
    let (old, new) = (old.get(..x).unwrap_or_default(), new.get(..y).unwrap_or_default());
    signed(old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The length by the textbook's table.
    fn length(old: &[u32], new: &[u32]) -> usize {
        let mut row = vec![0; new.len() + 1];
        for old in old {
            let above = row.clone();
            for (at, new) in new.iter().enumerate() {
                row[at + 1] = if old == new { above[at] + 1 } else { above[at + 1].max(row[at]) };
            }
        }
        row[new.len()]
    }

    proptest! {
        #[test]
        fn as_long_as_can_be(
            old in proptest::collection::vec(0_u32..6, 0..40),
            new in proptest::collection::vec(0_u32..6, 0..40),
        ) {
            let pairs = common(&old, &new, &mut Budget::new(1_000_000)).unwrap();
            prop_assert_eq!(pairs.len(), length(&old, &new));
            prop_assert!(pairs.iter().all(|(at, to)| old[*at] == new[*to]));
            prop_assert!(pairs.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
        }
    }

    #[test]
    fn gives_up_when_the_budget_ends() {
        let old: Vec<u32> = (0..20_000).map(|n| n * 7919 % 101).collect();
        let new: Vec<u32> = (0..20_000).map(|n| n * 104_729 % 101).collect();
        assert_eq!(common(&old, &new, &mut Budget::new(1_000_000)), None);
    }
}
