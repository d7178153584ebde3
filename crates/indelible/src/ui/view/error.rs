//! When there is no page to show.

use askama::Template;

use super::{Frame, Link, url};

/// Any failure: what happened, what to do, and an id to ask about.
#[derive(Clone, Debug, Template)]
#[template(path = "error.html", whitespace = "minimize")]
pub struct ErrorPage {
    /// What surrounds the page.
    pub frame: Frame,
    /// The HTTP status.
    pub status: u16,
    /// What happened, in a few words; also the heading.
    pub what: String,
    /// What happened, in a sentence or two.
    pub why: String,
    /// What to do.
    pub advice: String,
    /// Id of the request in the server's own log.
    pub request_id: Option<String>,
    /// Ways out.
    pub links: Vec<Link>,
}

impl ErrorPage {
    /// There is no such page, entry or site, or the caller may not know of it.
    #[must_use]
    pub fn not_found(frame: Frame) -> Self {
        Self::new(
            frame,
            404,
            ("Not found", "There is nothing at this address, or your account may not see it."),
            "Check the address. If you followed a link, the site may have been renamed or your access changed.",
        )
    }

    /// The caller may know of it, but not see or do it.
    #[must_use]
    pub fn no_permission(frame: Frame, why: &str) -> Self {
        Self::new(
            frame,
            403,
            ("No permission", why),
            "Ask an owner of the site for a role that may do this, or sign in with another account.",
        )
    }

    /// The request could not be understood.
    #[must_use]
    pub fn bad_request(frame: Frame, why: &str) -> Self {
        Self::new(frame, 400, ("This request cannot be answered", why), "Go back and correct it.")
    }

    /// The server failed.
    #[must_use]
    pub fn internal(frame: Frame) -> Self {
        Self::new(
            frame,
            500,
            ("Something failed on the server", "The page could not be made. No entry was lost or changed."),
            "Try again in a moment. If it stays, give the request id to whoever runs this server.",
        )
    }

    /// The server has too much to do.
    #[must_use]
    pub fn unavailable(frame: Frame) -> Self {
        Self::new(
            frame,
            503,
            ("The server is busy", "It took too long to answer, or it is just starting."),
            "Try again in a few seconds.",
        )
    }

    /// The same, with the request's id.
    #[must_use]
    pub fn with_request_id(self, id: &str) -> Self {
        Self { request_id: Some(id.to_owned()), ..self }
    }

    fn new(frame: Frame, status: u16, (what, why): (&str, &str), advice: &str) -> Self {
        let home = Link { label: "Go to the start".to_owned(), href: url::SITES.to_owned() };
        Self {
            frame: Frame { title: what.to_owned(), ..frame },
            status,
            what: what.to_owned(),
            why: why.to_owned(),
            advice: advice.to_owned(),
            request_id: None,
            links: vec![home],
        }
    }
}
