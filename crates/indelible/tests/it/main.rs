//! What can be seen from outside: one binary, a module per subject.

#[cfg(test)]
mod support;
