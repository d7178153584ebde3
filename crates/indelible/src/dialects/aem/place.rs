//! The project that a path is about.

use std::collections::HashMap;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use model::SiteId;

use super::answer::Refusal;

/// The ref of records where the path names none.
const REF: &str = "main";

/// Org, site and ref.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) org: String,
    pub(super) site: String,
    pub(super) git_ref: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Place {
    type Rejection = Refusal;

    /// From `{org}` and `{site}`, or from what follows the first word of the path: `{org}/{site}/{ref}`.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let named = Path::<HashMap<String, String>>::from_request_parts(parts, state).await;
        let Path(mut named) = named.map_err(|_| Refusal::nothing_here())?;
        let place = match named.remove("rest") {
            Some(rest) => Self::of_rest(&rest),
            None => {
                named.remove("org").zip(named.remove("site")).and_then(|(org, site)| Self::new(&org, &site))
            }
        };
        place.ok_or_else(Refusal::nothing_here)
    }
}

impl Place {
    /// A project's place; nothing where a name is missing.
    pub(super) fn new(org: &str, site: &str) -> Option<Self> {
        let place = Self { org: org.to_owned(), site: site.to_owned(), git_ref: REF.to_owned() };
        (!org.is_empty() && !site.is_empty()).then_some(place)
    }

    fn of_rest(rest: &str) -> Option<Self> {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        match rest.split('/').collect::<Vec<_>>().as_slice() {
            [org, site] => Self::new(org, site),
            [org, site, git_ref] if !git_ref.is_empty() => {
                Some(Self { git_ref: (*git_ref).to_owned(), ..Self::new(org, site)? })
            }
            _ => None,
        }
    }

    /// Names are written in lower case here.
    pub(super) fn check_case(&self) -> Result<(), Refusal> {
        let has_upper = |name: &str| name.chars().any(char::is_uppercase);
        for (what, name) in [("org", &self.org), ("site", &self.site)] {
            if has_upper(name) {
                return Err(Refusal::bad(format!("{what} must be lowercase")));
            }
        }
        Ok(())
    }

    /// The site of ours, if there can be one of this name.
    pub(super) fn id(&self) -> Option<SiteId> {
        format!("{}.{}", self.org, self.site).parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let read = |rest: &str| Place::of_rest(rest).map(|place| (place.org, place.site, place.git_ref));
        let place = |git_ref: &str| Some(("acme".to_owned(), "www".to_owned(), git_ref.to_owned()));
        for rest in ["acme/www", "acme/www/", "acme/www/main", "acme/www/main/"] {
            assert_eq!(read(rest), place("main"), "{rest}");
        }
        assert_eq!(read("acme/www/stage"), place("stage"));
        for rest in ["", "acme", "acme/", "/www", "acme/www/main/x", "acme/www//", "acme//main"] {
            assert_eq!(read(rest), None, "{rest}");
        }
    }

    #[test]
    fn names() {
        let id = |org: &str, site: &str| Place::new(org, site).unwrap().id().map(String::from);
        assert_eq!(id("acme", "www").as_deref(), Some("acme.www"));
        assert_eq!(id("default", "www").as_deref(), Some("www"));
        assert_eq!(id("acme", "*"), None);
        assert_eq!(id("default", "_system"), None);
    }
}
