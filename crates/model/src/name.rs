use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The site of entries that belong to no site: the installation's own configuration, above all.
pub const SYSTEM_SITE: &str = "_system";

/// The name, in place of a site's, of the log over all sites' logs. No site can have it.
pub const UMBRELLA: &str = "_umbrella";

const ORG_DEFAULT: &str = "default";
const NAME_BYTES_MAX: usize = 63;

/// A site's id: `name` for a site of the org `default`, else `org.name`, for example `acme.www`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteId(String);

impl SiteId {
    /// The id of the site for entries that belong to none.
    #[must_use]
    pub fn system() -> Self {
        Self(SYSTEM_SITE.to_owned())
    }

    /// Whether this is [`SYSTEM_SITE`].
    #[must_use]
    pub fn is_system(&self) -> bool {
        self.0 == SYSTEM_SITE
    }

    /// The id as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The org the site belongs to.
    #[must_use]
    pub fn org(&self) -> &str {
        self.0.split_once('.').map_or(ORG_DEFAULT, |(org, _)| org)
    }

    /// The site's name within its org.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.split_once('.').map_or(self.0.as_str(), |(_, name)| name)
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl FromStr for SiteId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text == SYSTEM_SITE {
            return Ok(Self::system());
        }
        let (org, name) = text.split_once('.').unwrap_or((ORG_DEFAULT, text));
        if !is_name(org) || !is_name(name) {
            return Err(NameError { given: text.chars().take(80).collect() });
        }
        // `default.www` and `www` are one site and must not become two.
        if org == ORG_DEFAULT { Ok(Self(name.to_owned())) } else { Ok(Self(text.to_owned())) }
    }
}

impl TryFrom<String> for SiteId {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<SiteId> for String {
    fn from(site: SiteId) -> Self {
        site.0
    }
}

/// `[a-z0-9][a-z0-9-]{0,62}`
fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    let starts_well = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    starts_well
        && text.len() <= NAME_BYTES_MAX
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// A text that is no site id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is not a site id: use `name` or `org.name`, each 1 to 63 of a-z, 0-9 and `-`, not starting with `-`"
)]
pub struct NameError {
    given: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_contract() {
        for id in ["www", "acme.www", "a", "0", "a-b-", "_system"] {
            assert_eq!(id.parse::<SiteId>().unwrap().as_str(), id);
        }
        assert_eq!("default.www".parse::<SiteId>().unwrap().as_str(), "www");
        assert_eq!("acme.www".parse::<SiteId>().unwrap().org(), "acme");
        assert_eq!("www".parse::<SiteId>().unwrap().org(), "default");
    }

    #[test]
    fn bad_ids() {
        let long = "a".repeat(64);
        for id in ["", ".", "a.", ".a", "a.b.c", "-a", "A", "a_b", "é", "a b", "_other", &long] {
            assert!(id.parse::<SiteId>().is_err(), "{id}");
        }
    }
}
