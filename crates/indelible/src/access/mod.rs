//! The access gate: who is calling, and what that lets them see and do.
//!
//! Nothing is read or written for a caller except through a [`Grant`] or [`Scope`] from here.

mod credentials;

use model::{Permission, Role, SiteId};
use uuid::Uuid;

use crate::sites::Sites;
use crate::store::{Site, StoreError};

pub use credentials::{
    Gate, LINK_LIFETIME, NewToken, SESSION_COOKIE, SESSION_LIFETIME, SignIn, SignInError, new_link, new_token,
};

/// Somebody whose credential was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Name of the credential: the `source` of what is appended with it.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The only site it is for, if it is not for all that its role reaches.
    pub site: Option<SiteId>,
    /// The token it came with, if it came with one.
    pub token: Option<Uuid>,
}

/// Why a caller may not.
#[derive(Debug, thiserror::Error)]
pub enum Denied {
    /// No valid credential.
    #[error("a valid access token is required: send `Authorization: Bearer TOKEN`")]
    Unauthenticated,
    /// The role does not have the permission.
    #[error("the role {role} may not {permission}", permission = permission.as_str())]
    Forbidden {
        /// The caller's role.
        role: Role,
        /// What it would need.
        permission: Permission,
    },
    /// There is no such site, or none that the caller may know of.
    #[error("there is no site `{0}`")]
    NoSuchSite(String),
    /// The question could not be decided.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A site on which the caller has the permission that was asked for.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The site.
    pub site: Site,
}

/// The sites that the caller may read.
#[derive(Clone, Debug)]
pub struct Scope {
    /// In the order of their creation.
    pub sites: Vec<Site>,
}

impl Caller {
    /// The installation itself, and whoever sits at its terminal.
    #[must_use]
    pub fn local(name: &str) -> Self {
        Self { name: name.to_owned(), role: Role::SuperAdmin, site: None, token: None }
    }

    /// Asks for a permission on a site.
    ///
    /// # Errors
    /// [`Denied::NoSuchSite`] also for a site that exists but is none of the caller's business.
    pub fn on_site(&self, permission: Permission, id: &str, sites: &Sites) -> Result<Grant, Denied> {
        let unknown = || Denied::NoSuchSite(id.chars().take(130).collect());
        let parsed: SiteId = id.parse().map_err(|_| unknown())?;
        if !self.reaches(&parsed) {
            return Err(unknown());
        }
        let site = sites.find(&parsed)?.ok_or_else(unknown)?;
        self.may(permission)?;
        Ok(Grant { site })
    }

    /// Asks for a permission that is not about one site.
    ///
    /// # Errors
    /// When the role does not have it, or the credential is for one site only.
    pub fn anywhere(&self, permission: Permission) -> Result<(), Denied> {
        self.may(permission)?;
        if self.site.is_some() && !self.role.sees_all_sites() {
            return Err(Denied::Forbidden { role: self.role, permission });
        }
        Ok(())
    }

    /// The sites the caller may read.
    ///
    /// # Errors
    /// When the role may not read at all.
    pub fn scope(&self, sites: &Sites) -> Result<Scope, Denied> {
        self.may(Permission::Read)?;
        let sites = sites.all()?.into_iter().filter(|site| self.reaches(&site.id)).collect();
        Ok(Scope { sites })
    }

    /// Whether the role has a permission, wherever.
    ///
    /// # Errors
    /// When it has not.
    pub fn may(&self, permission: Permission) -> Result<(), Denied> {
        if self.role.may(permission) {
            Ok(())
        } else {
            Err(Denied::Forbidden { role: self.role, permission })
        }
    }

    fn reaches(&self, site: &SiteId) -> bool {
        if self.role.sees_all_sites() && self.site.is_none() {
            return true;
        }
        !site.is_system() && self.site.as_ref().is_none_or(|own| own == site)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(role: Role, site: Option<&str>) -> Caller {
        Caller { name: "t".into(), role, site: site.map(|site| site.parse().unwrap()), token: None }
    }

    #[test]
    fn who_reaches_which_site() {
        let reaches = |role, own, site: &str| caller(role, own).reaches(&site.parse().unwrap());
        assert!(reaches(Role::SuperAdmin, None, "_system"));
        assert!(reaches(Role::SuperAdmin, None, "acme.www"));
        assert!(!reaches(Role::SuperAdmin, Some("acme.www"), "_system"));
        for role in [Role::Owner, Role::Admin, Role::Auditor, Role::Writer] {
            assert!(reaches(role, Some("acme.www"), "acme.www"));
            assert!(!reaches(role, Some("acme.www"), "acme.docs"));
            assert!(!reaches(role, Some("acme.www"), "_system"));
            assert!(!reaches(role, None, "_system"), "only super admins see the system's log");
        }
    }
}
