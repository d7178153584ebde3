//! Who may do what: the contract's table of roles, as code.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
}

impl Role {
    /// All roles, the mightiest first.
    pub const ALL: [Self; 5] = [Self::SuperAdmin, Self::Owner, Self::Admin, Self::Auditor, Self::Writer];

    /// The word in JSON, commands and on screen.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Writer => "writer",
        }
    }

    /// Whether the role gives the permission, on the sites it was given for.
    #[must_use]
    pub const fn may(self, permission: Permission) -> bool {
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
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| {
            format!("`{text}` is not a role: use super_admin, owner, admin, auditor or writer")
        })
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
            Self::Govern => "manage tokens and erasure",
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
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }
}
