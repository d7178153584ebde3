//! Errors with what caused them, in one line.

use std::error::Error;

/// An error with its causes: the innermost one is the one that helps.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
