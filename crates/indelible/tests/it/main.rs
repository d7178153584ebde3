//! What can be seen from outside: one binary, a module per subject.

mod support;
