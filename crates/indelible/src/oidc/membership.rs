//! From the values of a claim to roles.

use std::fmt;
use std::str::FromStr;

use model::{Role, SiteId};
use serde_json::Value as Json;

/// Memberships of one person, at most.
const MEMBERSHIPS_MAX: usize = 200;

/// A role, on one site or on every site that the role reaches. Written `auditor:acme.www`, or `auditor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The role: one of Indelible's own.
    pub role: Role,
    /// The only site that it is for.
    pub site: Option<SiteId>,
}

impl fmt::Display for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.site {
            Some(site) => write!(f, "{}:{site}", self.role),
            None => write!(f, "{}", self.role),
        }
    }
}

/// What is no membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a role such as `super_admin`, `owner`, `admin:acme.www` or `auditor:acme.www`")]
pub struct NoMembership;

impl FromStr for Membership {
    type Err = NoMembership;

    fn from_str(text: &str) -> Result<Self, NoMembership> {
        let (role, site) = text.split_once(':').map_or((text, None), |(role, site)| (role, Some(site)));
        let role = Role::OWN.into_iter().find(|own| own.as_str() == role).ok_or(NoMembership)?;
        let site: Option<SiteId> = site.map(str::parse).transpose().map_err(|_| NoMembership)?;
        // Super admins are so everywhere; nobody else has the installation's own log.
        let fits = site.as_ref().is_none_or(|site| !site.is_system() && !role.sees_all_sites());
        fits.then_some(Self { role, site }).ok_or(NoMembership)
    }
}

/// What somebody is, by the values of a claim: a text, or a list of texts. Providers list other groups there too: what
/// is no membership is passed over.
pub(super) fn memberships(claim: &Json) -> Vec<Membership> {
    let texts: Vec<&str> = match claim {
        Json::String(text) => text.split([' ', ',']).collect(),
        Json::Array(values) => values.iter().filter_map(Json::as_str).collect(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => Vec::new(),
    };
    let mut found: Vec<Membership> = texts.into_iter().filter_map(|text| text.trim().parse().ok()).collect();
    let rank = |role: Role| Role::OWN.iter().position(|own| *own == role);
    found.sort_by_key(|membership| (rank(membership.role), membership.site.as_ref().map(SiteId::to_string)));
    found.dedup();
    found.truncate(MEMBERSHIPS_MAX);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claim: &Json) -> Vec<String> {
        memberships(claim).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn roles_for_all_sites_and_for_one() {
        let claim =
            json!(["auditor:acme.www", "staff", "owner", "admin:acme.docs", "owner", 5, "auditor:blog"]);
        assert_eq!(read(&claim), ["owner", "admin:acme.docs", "auditor:acme.www", "auditor:blog"]);
        assert_eq!(read(&json!("writer:acme.www, super_admin")), ["super_admin", "writer:acme.www"]);
    }

    #[test]
    fn what_is_no_role_gives_none() {
        for text in [
            "",
            "root",
            "Admin",
            "admins",
            "admin:",
            "admin:*",
            "admin:ACME",
            "admin:a:b",
            "admin:_system",
            "super_admin:acme.www",
            "ops",
            "admin acme",
        ] {
            assert_eq!(text.parse::<Membership>(), Err(NoMembership), "{text}");
        }
        for claim in [json!(null), json!(true), json!({"admin": true}), json!([["admin"]]), json!([])] {
            assert!(memberships(&claim).is_empty(), "{claim}");
        }
    }
}
