//! What an id was found to be, where it is not exactly one thing.

use askama::Template;

use super::{Frame, Link, Time};

/// `/find?id=`, when the id is not exactly one entry or entity (then the answer leads there at once).
#[derive(Clone, Debug, Template)]
#[template(path = "find.html", whitespace = "minimize")]
pub struct FindPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// What was looked for; empty when nothing was asked.
    pub id: String,
    /// What was found.
    pub hits: Vec<Hit>,
}

/// One thing with the id.
#[derive(Clone, Debug)]
pub struct Hit {
    /// What it is: "Entry", "Entity", "Request", "Correlation".
    pub sort: String,
    /// Its title or sentence, leading to its page.
    pub link: Link,
    /// The site it belongs to.
    pub site: String,
    /// When it last happened.
    pub time: Option<Time>,
}
