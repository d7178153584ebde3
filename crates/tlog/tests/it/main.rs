//! What the crate promises, tested from outside; one module per promise.

// The lints of the workspace allow panics and indexing in what is marked as test code only.
#[cfg(test)]
mod reference;

#[cfg(test)]
mod vectors;

#[cfg(test)]
mod proofs;

#[cfg(test)]
mod mutations;

#[cfg(test)]
mod properties;

#[cfg(test)]
mod edges;

#[cfg(test)]
mod tiles;

#[cfg(test)]
mod keys;

#[cfg(test)]
mod notes;

#[cfg(test)]
mod checkpoints;

#[cfg(test)]
mod receipts;

#[cfg(test)]
mod oracles;

#[cfg(test)]
mod witnesses;
