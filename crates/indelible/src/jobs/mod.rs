//! Longer work that runs beside the log or from the terminal.

mod derive;
mod ids;
mod pace;
mod removals;
mod scrub;
mod umbrella;
mod verify;

pub use scrub::{Scrubbed, Scrubber, Scrubbing};
pub use umbrella::{UmbrellaReport, verify_umbrella};
pub use verify::{Finding, SiteReport, verify_site};
