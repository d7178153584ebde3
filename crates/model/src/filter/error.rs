use std::fmt;

/// A mistake in a filter's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Where it begins, in characters from 0.
    pub position: usize,
    /// How many characters it covers; 0 at the text's end.
    pub length: usize,
    /// What is wrong, as a sentence without its full stop.
    pub message: String,
    /// What could stand there.
    pub expected: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // People count characters from 1.
        write!(f, "at character {}: {}", self.position + 1, self.message)?;
        if let [one] = self.expected.as_slice() {
            write!(f, "; expected {one}")?;
        } else if !self.expected.is_empty() {
            write!(f, "; expected one of {}", self.expected.join(", "))?;
        }
        match &self.hint {
            Some(hint) => write!(f, ". {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for FilterError {}
