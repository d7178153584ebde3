//! Capture from real PostgreSQL servers: what changed arrives, by whom, once, whoever dies when.

mod claims;
mod errors;
mod gaps;
mod kills;
mod replay;
mod reverts;
mod rows;
mod source;
mod triggers;
