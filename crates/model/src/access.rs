//! Who may do what: the contract's table of roles, as code.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Role {
    /// Runs the installation: all sites, the network view, `_system`.
    SuperAdmin,
    /// Owns sites: everything about them, erasure included.
    Owner,
    /// Administers sites: reads, reverts, configures.
    Admin,
    /// Reads and proves, changes nothing.
    Auditor,
    /// Appends, and reads nothing: what an application holds.
    Writer,
    /// A role of the AEM dialect. AEM's `admin` is [`Role::Admin`].
    Aem(AemRole),
}

/// The role names of the AEM audit log API, apart from `admin`, for tokens that are used with its dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AemRole {
    /// Reads and appends.
    Ops,
    /// Reads and appends.
    ConfigAdmin,
    /// Reads and appends.
    Publish,
    /// Reads.
    Author,
    /// Reads.
    Develop,
    /// Has no right on a log.
    BasicAuthor,
    /// Has no right on a log.
    BasicPublish,
    /// Has no right on a log.
    Index,
    /// Has no right on a log.
    Code,
    /// Has no right on a log.
    Config,
    /// Has no right on a log.
    MediaAuthor,
}

impl AemRole {
    /// All of them, the mightiest first.
    pub const ALL: [Self; 11] = [
        Self::Ops,
        Self::ConfigAdmin,
        Self::Publish,
        Self::Author,
        Self::Develop,
        Self::BasicAuthor,
        Self::BasicPublish,
        Self::Index,
        Self::Code,
        Self::Config,
        Self::MediaAuthor,
    ];

    /// AEM's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ops => "ops",
            Self::ConfigAdmin => "config_admin",
            Self::Publish => "publish",
            Self::Author => "author",
            Self::Develop => "develop",
            Self::BasicAuthor => "basic_author",
            Self::BasicPublish => "basic_publish",
            Self::Index => "index",
            Self::Code => "code",
            Self::Config => "config",
            Self::MediaAuthor => "media_author",
        }
    }

    /// AEM's `log:read`.
    const fn reads(self) -> bool {
        self.appends() || matches!(self, Self::Author | Self::Develop)
    }

    /// AEM's `log:write`.
    const fn appends(self) -> bool {
        matches!(self, Self::Ops | Self::ConfigAdmin | Self::Publish)
    }
}

impl Role {
    /// Indelible's own roles, the mightiest first.
    pub const OWN: [Self; 5] = [Self::SuperAdmin, Self::Owner, Self::Admin, Self::Auditor, Self::Writer];

    /// All roles: Indelible's own, and those of the AEM dialect.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::OWN.into_iter().chain(AemRole::ALL.map(Self::Aem))
    }

    /// The word in JSON, commands and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Writer => "writer",
            Self::Aem(role) => role.as_str(),
        }
    }

    /// Whether the role gives the permission, on the sites it was given for.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
        if let Self::Aem(role) = self {
            return match permission {
                Permission::Read => role.reads(),
                Permission::Append => role.appends(),
                Permission::Revert | Permission::Configure | Permission::Govern | Permission::CreateSites => {
                    false
                }
            };
        }
        match permission {
            Permission::Read => matches!(self, Self::SuperAdmin | Self::Owner | Self::Admin | Self::Auditor),
            Permission::Append => matches!(self, Self::SuperAdmin | Self::Owner | Self::Admin | Self::Writer),
            Permission::Revert | Permission::Configure => {
                matches!(self, Self::SuperAdmin | Self::Owner | Self::Admin)
            }
            Permission::Govern => matches!(self, Self::SuperAdmin | Self::Owner),
            Permission::CreateSites => matches!(self, Self::SuperAdmin),
        }
    }

    /// Whether the role reaches every site, `_system` included, rather than the sites it was given for.
    #[must_use]
    pub const fn sees_all_sites(self) -> bool {
        matches!(self, Self::SuperAdmin)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::all().find(|role| role.as_str() == text).ok_or_else(|| {
            let aem = AemRole::ALL.map(AemRole::as_str).join(", ");
            format!(
                "`{text}` is not a role: use super_admin, owner, admin, auditor or writer, or with the AEM \
                 dialect {aem}"
            )
        })
    }
}

impl From<Role> for &'static str {
    fn from(role: Role) -> Self {
        role.as_str()
    }
}

impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// What may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// List, details, history, facets, export, proofs.
    Read,
    /// Append entries.
    Append,
    /// Revert a change.
    Revert,
    /// Settings and retention.
    Configure,
    /// Erasure, hold, users and tokens of the site.
    Govern,
    /// Create sites.
    CreateSites,
}

impl Permission {
    /// All permissions.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Append, Self::Revert, Self::Configure, Self::Govern, Self::CreateSites];

    /// What it lets one do, to complete "may not …".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read entries",
            Self::Append => "append entries",
            Self::Revert => "revert changes",
            Self::Configure => "change settings",
            Self::Govern => "erase, set a hold or visibility, or manage users and tokens",
            Self::CreateSites => "create sites",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_contract() {
        //                     read  append revert config govern create
        let table = [
            (Role::SuperAdmin, [true, true, true, true, true, true]),
            (Role::Owner, [true, true, true, true, true, false]),
            (Role::Admin, [true, true, true, true, false, false]),
            (Role::Auditor, [true, false, false, false, false, false]),
            (Role::Writer, [false, true, false, false, false, false]),
        ];
        for (role, expected) in table {
            assert_eq!(Permission::ALL.map(|permission| role.may(permission)), expected, "{role}");
        }
        for role in Role::all() {
            assert_eq!(role.as_str().parse(), Ok(role));
            let json = serde_json::to_string(&role).unwrap();
            assert_eq!(json, format!("\"{role}\""));
            assert_eq!(serde_json::from_str::<Role>(&json).unwrap(), role);
        }
        assert!("root".parse::<Role>().is_err());
    }

    #[test]
    fn the_table_of_the_aem_dialect() {
        let expected = |name: &str| match name {
            "ops" | "config_admin" | "publish" => [true, true],
            "author" | "develop" => [true, false],
            _ => [false, false],
        };
        for role in AemRole::ALL {
            let [read, append] = expected(role.as_str());
            let may = Permission::ALL.map(|permission| Role::Aem(role).may(permission));
            assert_eq!(may, [read, append, false, false, false, false], "{}", role.as_str());
        }
    }
}
