//! The name that somebody meant.

/// The nearest of some names, if one is near.
pub(super) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 40;
    let written = written.to_lowercase();
    if written.chars().count() > LONGEST {
        return None;
    }
    let near = (written.len() / 3).clamp(1, 3);
    names
        .map(|name| (distance(&written, name), name))
        .filter(|(distance, _)| *distance <= near)
        // Letters are left out more often than exchanged: of two that are equally near, the longer.
        .min_by_key(|(distance, name)| (*distance, std::cmp::Reverse(name.len())))
        .map(|(_, name)| name)
}

/// Insertions, removals, replacements and swaps of neighbours between two words (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut previous = None;
    for (row, c) in one.chars().enumerate() {
        let mut now = vec![row + 1];
        for (column, d) in other.iter().enumerate() {
            let at = |line: &[usize], place: usize| line.get(place).copied().unwrap_or(usize::MAX / 2);
            let mut best = at(&last, column) + usize::from(c != *d);
            best = best.min(at(&last, column + 1) + 1).min(at(&now, column) + 1);
            let swapped = column > 0 && previous == Some(*d) && other.get(column - 1) == Some(&c);
            if swapped {
                best = best.min(at(&before_last, column - 1) + 1);
            }
            now.push(best);
        }
        before_last = std::mem::replace(&mut last, now);
        previous = Some(c);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names() {
        let names = ["action", "actor", "entity.type", "created"];
        for (written, expected) in [
            ("acton", Some("action")),
            ("Actor", Some("actor")),
            ("enity.type", Some("entity.type")),
            ("craeted", Some("created")),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, names.into_iter()), expected, "{written}");
        }
        assert_eq!((distance("ab", "ba"), distance("abc", "abc"), distance("", "abc")), (1, 0, 3));
    }
}
