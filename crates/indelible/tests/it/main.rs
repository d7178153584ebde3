//! What can be seen from outside: one binary, a module per subject.

// The lints of the workspace allow panics and indexing in what is marked as test code only.
#[cfg(test)]
mod support;

#[cfg(test)]
mod filled;

#[cfg(test)]
mod process;

#[cfg(test)]
mod layers;

#[cfg(test)]
mod crash;

#[cfg(test)]
mod damage;

#[cfg(test)]
mod disk;

#[cfg(test)]
mod flips;

#[cfg(test)]
mod processes;

#[cfg(test)]
mod recovery;

#[cfg(test)]
mod store;
