//! What can be seen from outside: one binary, a module per subject.

// The lints of the workspace allow panics and indexing in what is marked as test code only.
#[cfg(test)]
mod support;

#[cfg(test)]
mod layers;
