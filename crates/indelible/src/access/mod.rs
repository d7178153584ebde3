//! The access gate: who is calling, and what that lets them see and do.
//!
//! Nothing is read or written for a caller except through a [`Grant`] or [`Scope`] from here.

mod backoff;
mod credentials;
mod limits;
mod passwords;
mod users;
mod uses;

use model::{Filter, Origin, Permission, Role, SiteId};
use uuid::Uuid;

use crate::settings::SiteSettings;
use crate::sites::Sites;
use crate::store::{Site, StoreError};

pub use limits::{BadLimit, Limits, Part, Parts, VIEWER_FIELDS};

pub use passwords::{BadPassword, PASSWORD_CHARS_MIN};
pub use users::{BadUser, new_user, random_password, user_name, with_password};

pub use credentials::{
    Gate, LINK_LIFETIME, NewToken, SESSION_LIFETIME, SignIn, SignInError, Viewer, Vouched, new_link,
    new_token,
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
    /// The account whose session it is, if it came with one.
    pub account: Option<String>,
    /// What its role would let it do and its token does not.
    pub limits: Limits,
    /// From where it calls, as far as that is known.
    pub from: Option<Origin>,
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
    /// The role has the permission, but the credential is for one site only.
    #[error(
        "this credential is for the site `{site}` only: it may not {permission} beyond it",
        permission = permission.as_str()
    )]
    OneSiteOnly {
        /// The credential's site.
        site: SiteId,
        /// What was asked for.
        permission: Permission,
    },
    /// The caller sees only a part of the log: by its token, or by the site's visibility.
    #[error("only a part of this log is yours to see: you may not {permission} here, where all of it is needed",
        permission = permission.as_str())]
    Limited {
        /// What was asked for.
        permission: Permission,
    },
    /// A role that the caller's own does not reach up to.
    #[error("the role {role} may not make or end tokens of the role {wanted}")]
    Mightier {
        /// The caller's role.
        role: Role,
        /// The token's.
        wanted: Role,
    },
    /// Only super admins read the site.
    #[error("the site `{site}` is read by super admins only (its setting `network_only` is on)")]
    NetworkOnly {
        /// The site.
        site: SiteId,
    },
    /// There is no such site, or none that the caller may know of.
    #[error("there is no site `{0}`")]
    NoSuchSite(String),
    /// The question could not be decided.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a role sees of a site.
enum Sight {
    All,
    /// What this filter finds.
    Part(Filter),
    Nothing,
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
    /// Those that it may read as a whole, in the order of their creation.
    pub sites: Vec<Site>,
    /// Those of which it sees a part only.
    pub partly: Vec<Site>,
}

impl Scope {
    /// All of them, in the order of their creation.
    #[must_use]
    pub fn all(&self) -> Vec<Site> {
        let mut all: Vec<Site> = self.sites.iter().chain(&self.partly).cloned().collect();
        all.sort_by_key(|site| site.log);
        all
    }
}

impl Caller {
    /// The installation itself, and whoever sits at its terminal.
    #[must_use]
    pub fn local(name: &str) -> Self {
        let limits = Limits::default();
        Self {
            name: name.to_owned(),
            role: Role::SuperAdmin,
            site: None,
            token: None,
            account: None,
            limits,
            from: None,
        }
    }

    /// Asks for a permission on a whole site. Who may be content with a part asks
    /// [`Caller::on_part_of_site`].
    ///
    /// # Errors
    /// [`Denied::NoSuchSite`] also for a site that exists but is none of the caller's business;
    /// [`Denied::Limited`] for a caller who is limited to a part of it.
    pub fn on_site(&self, permission: Permission, id: &str, sites: &Sites) -> Result<Grant, Denied> {
        let (site, visible) = self.find_site(permission, id, sites)?;
        self.unlimited(permission)?;
        if visible.is_some() {
            return Err(Denied::Limited { permission });
        }
        Ok(Grant { site })
    }

    /// The site, and the filter of what the caller's role sees of it where the permission shows entries.
    fn find_site(
        &self,
        permission: Permission,
        id: &str,
        sites: &Sites,
    ) -> Result<(Site, Option<Filter>), Denied> {
        let unknown = || Denied::NoSuchSite(id.chars().take(130).collect());
        let parsed: SiteId = id.parse().map_err(|_| unknown())?;
        if !self.reaches(&parsed) {
            return Err(unknown());
        }
        let site = sites.find(&parsed)?.ok_or_else(unknown)?;
        self.may(permission)?;
        // A revert shows the states that it is about.
        let shows_entries = matches!(permission, Permission::Read | Permission::Revert);
        if !shows_entries {
            return Ok((site, None));
        }
        match self.sight(&site, sites)? {
            Sight::Nothing => Err(Denied::NetworkOnly { site: site.id }),
            Sight::Part(filter) => Ok((site, Some(filter))),
            Sight::All => Ok((site, None)),
        }
    }

    /// What the caller's role sees of a site that it reaches.
    fn sight(&self, site: &Site, sites: &Sites) -> Result<Sight, Denied> {
        if matches!(self.role, Role::SuperAdmin) {
            return Ok(Sight::All);
        }
        let settings = SiteSettings::load(sites.store(), site.log)?;
        if settings.network_only {
            return Ok(Sight::Nothing);
        }
        Ok(settings.visible_to(self.role)?.map_or(Sight::All, Sight::Part))
    }

    /// Asks for a permission that is not about one site.
    ///
    /// # Errors
    /// When the role does not have it, or the credential is for one site only.
    pub fn anywhere(&self, permission: Permission) -> Result<(), Denied> {
        self.may(permission)?;
        self.unlimited(permission)?;
        match &self.site {
            Some(site) => Err(Denied::OneSiteOnly { site: site.clone(), permission }),
            None => Ok(()),
        }
    }

    /// Asks to manage tokens of a role, for a site or for every site that the role reaches: never mightier or
    /// wider than the caller itself.
    ///
    /// # Errors
    /// When they would be.
    pub fn may_manage_tokens(&self, wanted: Role, site: Option<&SiteId>) -> Result<(), Denied> {
        self.may(Permission::Govern)?;
        match (&self.site, site) {
            (Some(own), _) if site != Some(own) => {
                return Err(Denied::OneSiteOnly { site: own.clone(), permission: Permission::Govern });
            }
            (_, Some(site)) if !self.reaches(site) => return Err(Denied::NoSuchSite(site.to_string())),
            _ => {}
        }
        if wanted.sees_all_sites() && !(self.role.sees_all_sites() && self.site.is_none()) {
            return Err(Denied::Mightier { role: self.role, wanted });
        }
        Ok(())
    }

    /// The sites the caller may read, those that it may read as a whole apart from the others.
    ///
    /// # Errors
    /// When the role may not read at all, or the caller's token is limited.
    pub fn scope(&self, sites: &Sites) -> Result<Scope, Denied> {
        let readable = self.readable(sites)?;
        self.unlimited(Permission::Read)?;
        let mut scope = Scope { sites: Vec::new(), partly: Vec::new() };
        for (site, visible) in readable {
            if visible.is_some() { scope.partly.push(site) } else { scope.sites.push(site) }
        }
        Ok(scope)
    }

    /// The sites that the caller reads at all, each with what its role sees of it.
    fn readable(&self, sites: &Sites) -> Result<Vec<(Site, Option<Filter>)>, Denied> {
        self.may(Permission::Read)?;
        let mut readable = Vec::new();
        for site in sites.all()? {
            if !self.reaches(&site.id) {
                continue;
            }
            match self.sight(&site, sites)? {
                Sight::Nothing => {}
                Sight::Part(filter) => readable.push((site, Some(filter))),
                Sight::All => readable.push((site, None)),
            }
        }
        Ok(readable)
    }

    const fn unlimited(&self, permission: Permission) -> Result<(), Denied> {
        if self.limits.is_limited() { Err(Denied::Limited { permission }) } else { Ok(()) }
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
        let site = site.map(|site| site.parse().unwrap());
        Caller {
            name: "t".into(),
            role,
            site,
            token: None,
            account: None,
            limits: Limits::default(),
            from: None,
        }
    }

    #[test]
    fn a_credential_for_one_site_does_nothing_beyond_it() {
        let may = |role, site| caller(role, site).anywhere(Permission::CreateSites).is_ok();
        assert!(may(Role::SuperAdmin, None));
        assert!(!may(Role::SuperAdmin, Some("acme.www")));
        assert!(!may(Role::Owner, None));
    }

    #[test]
    fn whose_tokens_a_caller_manages() {
        let www: SiteId = "acme.www".parse().unwrap();
        let docs: SiteId = "acme.docs".parse().unwrap();
        let system = SiteId::system();
        let may = |role, own, wanted, site| caller(role, own).may_manage_tokens(wanted, site).is_ok();
        assert!(may(Role::SuperAdmin, None, Role::SuperAdmin, None));
        for role in [Role::SuperAdmin, Role::Owner] {
            assert!(may(role, Some("acme.www"), Role::Owner, Some(&www)));
            assert!(!may(role, Some("acme.www"), Role::Owner, Some(&docs)), "no other site");
            assert!(!may(role, Some("acme.www"), Role::Writer, None), "nothing wider");
            assert!(!may(role, Some("acme.www"), Role::SuperAdmin, Some(&www)), "nothing mightier");
        }
        assert!(may(Role::Owner, None, Role::Owner, Some(&docs)), "an owner of all sites");
        assert!(may(Role::Owner, None, Role::Writer, None));
        assert!(!may(Role::Owner, None, Role::SuperAdmin, None));
        assert!(!may(Role::Owner, None, Role::Auditor, Some(&system)));
        for role in [Role::Admin, Role::Auditor, Role::Writer] {
            assert!(!may(role, Some("acme.www"), Role::Writer, Some(&www)));
        }
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
