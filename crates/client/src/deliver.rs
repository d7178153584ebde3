//! A batch into its log: what arrives, what never will, and what must be sent again.

use crate::answer::Receipt;
use crate::error::{Error, Problem, Refusal};
use crate::sink::Outgoing;
use crate::transport::{Results, Transport};

/// What became of an entry for good.
#[derive(Clone, Debug)]
pub(crate) enum Fate {
    /// Its log has it.
    Arrived(Receipt),
    /// Its log will not take it.
    Refused(Refusal),
}

/// Sends entries for one site, and says what became of each, in order.
///
/// A batch that is refused as a whole because of an entry in it is halved until that entry stands alone.
///
/// # Errors
/// When all of them must be sent again later.
pub(crate) fn deliver(
    transport: &dyn Transport,
    site: &str,
    entries: &[Outgoing],
) -> Result<Vec<Fate>, Error> {
    let problem = match transport.append(site, entries) {
        Ok(results) if results.len() == entries.len() => return Ok(fates(results)),
        Ok(results) => {
            let why = format!("{} results for {} entries", results.len(), entries.len());
            return Err(Error::Unexpected { url: format!("the log of {site}"), status: 200, why });
        }
        Err(Error::Refused(problem)) => problem,
        Err(error) => return Err(error),
    };
    match problem.status {
        403 | 404 => Ok(entries.iter().map(|_| Fate::Refused(refusal(&problem))).collect()),
        400 | 409 | 413 | 422 if entries.len() > 1 => {
            let (first, second) = entries.split_at(entries.len() / 2);
            let mut fates = deliver(transport, site, first)?;
            fates.extend(deliver(transport, site, second)?);
            Ok(fates)
        }
        400 | 409 | 413 | 422 => Ok(vec![Fate::Refused(refusal(&problem))]),
        _ => Err(Error::Refused(problem)),
    }
}

fn fates(results: Results) -> Vec<Fate> {
    let fate = |result: Result<Receipt, Refusal>| match result {
        Ok(receipt) => Fate::Arrived(receipt),
        Err(refusal) => Fate::Refused(refusal),
    };
    results.into_iter().map(fate).collect()
}

/// The first thing that is wrong, or what the answer says as a whole.
fn refusal(problem: &Problem) -> Refusal {
    problem.errors.first().cloned().unwrap_or_else(|| Refusal {
        code: if problem.code.is_empty() {
            format!("status_{}", problem.status)
        } else {
            problem.code.clone()
        },
        field: String::new(),
        message: problem.to_string(),
    })
}
