//! Longer work that runs beside the log or from the terminal.

mod derive;
mod ids;
mod verify;

pub use verify::{Finding, SiteReport, verify_site};
