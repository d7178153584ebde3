//! Many entries in as few requests as the server allows.

use uuid::Uuid;

use crate::entry::Entry;
use crate::error::{Error, Refusal};

/// Entries in one request, at most.
pub(crate) const BATCH_ENTRIES_MAX: usize = 10_000;

/// Bytes of one request's body, at most.
pub(crate) const BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of one entry, at most. Longer ones are not sent: a body of one such entry can be longer than a
/// request may be, and would take the good entries beside it down.
pub(crate) const ENTRY_BYTES_MAX: usize = 1024 * 1024;

/// A part of a batch that fits into one request.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// Newline-delimited JSON.
    pub(crate) body: Vec<u8>,
    /// The ids of the entries in it, in order.
    pub(crate) ids: Vec<Uuid>,
    /// The entries that are not in it, each by its place among all entries of the part.
    pub(crate) kept_back: Vec<(usize, Refusal)>,
}

impl Part {
    fn len(&self) -> usize {
        self.ids.len() + self.kept_back.len()
    }

    /// Puts the refusals of what was kept back between the server's results.
    pub(crate) fn complete<T>(self, mut results: Vec<Result<T, Refusal>>) -> Vec<Result<T, Refusal>> {
        // In ascending order, so that each place is right once those before it are filled.
        for (place, refusal) in self.kept_back {
            results.insert(place, Err(refusal));
        }
        results
    }
}

/// Splits entries into parts, one at a time, so that memory holds one request's body and not all.
#[derive(Debug)]
pub(crate) struct Parts<'a> {
    rest: &'a [Entry],
    /// The first line of the next part, written already when it did not fit into the last one.
    pending: Option<Vec<u8>>,
    bytes_max: usize,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(entries: &'a [Entry]) -> Self {
        Self { rest: entries, pending: None, bytes_max: BATCH_BYTES_MAX }
    }

    fn next_part(&mut self) -> Result<Option<Part>, Error> {
        let mut part = Part::default();
        while let Some((entry, rest)) = self.rest.split_first() {
            if part.len() == BATCH_ENTRIES_MAX {
                break;
            }
            let line = match self.pending.take() {
                Some(line) => line,
                None => entry.to_line()?,
            };
            if line.len() > ENTRY_BYTES_MAX {
                part.kept_back.push((part.len(), too_large(line.len())));
            } else if part.body.len() + line.len() + 1 > self.bytes_max {
                self.pending = Some(line);
                break;
            } else {
                part.body.extend_from_slice(&line);
                part.body.push(b'\n');
                part.ids.push(entry.uuid());
            }
            self.rest = rest;
        }
        Ok(if part.len() == 0 { None } else { Some(part) })
    }
}

impl Iterator for Parts<'_> {
    type Item = Result<Part, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_part().transpose()
    }
}

fn too_large(bytes: usize) -> Refusal {
    Refusal {
        code: "too_large".to_owned(),
        field: String::new(),
        message: format!("{bytes} bytes long; {ENTRY_BYTES_MAX} are allowed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(entries: &[Entry], bytes_max: usize) -> Vec<Part> {
        Parts { rest: entries, pending: None, bytes_max }.map(Result::unwrap).collect()
    }

    #[test]
    fn bodies_stay_within_the_limit_and_lose_nothing() {
        let entries: Vec<_> = (0..100).map(|n| Entry::new("a", "t", n.to_string())).collect();
        for bytes_max in [120, 250, 1000, 5000, BATCH_BYTES_MAX] {
            let parts = parts(&entries, bytes_max);
            assert!(parts.iter().all(|part| part.body.len() <= bytes_max));
            let ids: Vec<_> = parts.iter().flat_map(|part| part.ids.clone()).collect();
            assert_eq!(ids, entries.iter().map(Entry::uuid).collect::<Vec<_>>());
            let lines: Vec<u8> =
                entries.iter().flat_map(|entry| [entry.to_line().unwrap(), vec![b'\n']].concat()).collect();
            assert_eq!(parts.iter().flat_map(|part| part.body.clone()).collect::<Vec<_>>(), lines);
        }
    }

    #[test]
    fn an_entry_that_is_too_long_takes_no_other_down() {
        let long = || Entry::new("a", "t", "1").data("x".repeat(ENTRY_BYTES_MAX));
        let good = || Entry::new("a", "t", "1");
        let [part] =
            <[Part; 1]>::try_from(parts(&[long(), good(), long(), long(), good()], BATCH_BYTES_MAX)).unwrap();
        assert_eq!(part.ids.len(), 2);
        let results = part.complete(vec![Ok(1), Ok(2)]);
        let taken: Vec<_> = results.iter().map(|result| result.as_ref().ok().copied()).collect();
        assert_eq!(taken, [None, Some(1), None, None, Some(2)]);
        assert_eq!(results[0].as_ref().unwrap_err().code, "too_large");
    }

    #[test]
    fn nothing_makes_no_part() {
        assert_eq!(parts(&[], BATCH_BYTES_MAX).len(), 0);
    }
}
