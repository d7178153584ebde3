//! What is set for a connector of a site.

use std::net::IpAddr;

use reqwest::Url;
use serde::{Deserialize, Serialize};
use url::Host;

use crate::store::{LogNumber, Store, StoreError};

/// Bytes of a name, an address and a secret, at most.
const NAME_BYTES_MAX: usize = 64;
const URL_BYTES_MAX: usize = 2_048;
const SECRET_BYTES_MAX: usize = 512;

/// A connector of a site.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// Its name, as entries carry it.
    pub name: String,
    /// Where it takes reverts.
    pub revert_url: Option<String>,
    /// What orders to it are signed with.
    pub(super) revert_secret: Option<String>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, revert_url, .. } = self;
        f.debug_struct("Connector")
            .field("name", name)
            .field("revert_url", revert_url)
            .finish_non_exhaustive()
    }
}

/// What is wrong with what was to be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadConnector {
    /// Which part.
    pub field: &'static str,
    /// What is wrong with it, and what it may be.
    pub message: String,
}

impl Connector {
    /// A connector with an endpoint that orders go to. A secret that is not given stays as `old` has it.
    ///
    /// # Errors
    /// When one of the parts cannot be.
    pub fn new(
        name: &str,
        revert_url: Option<&str>,
        revert_secret: Option<&str>,
        old: Option<&Self>,
    ) -> Result<Self, BadConnector> {
        let bad = |field, message: &str| BadConnector { field, message: message.to_owned() };
        let is_visible = |c: char| !c.is_control() && !c.is_whitespace();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.chars().all(is_visible) {
            return Err(bad("name", "must be the name that its entries carry: up to 64 bytes, no spaces"));
        }
        if let Some(url) = revert_url {
            check_url(url).map_err(|message| bad("revert_url", &message))?;
        }
        let secret = match revert_secret {
            Some("") => return Err(bad("revert_secret", "must not be empty")),
            Some(secret) if secret.len() > SECRET_BYTES_MAX => {
                return Err(bad("revert_secret", "is too long: up to 512 bytes"));
            }
            Some(secret) => Some(secret.to_owned()),
            None => old.and_then(|old| old.revert_secret.clone()),
        };
        if revert_url.is_some() && secret.is_none() {
            return Err(bad("revert_secret", "is required with revert_url: orders are signed with it"));
        }
        Ok(Self {
            name: name.to_owned(),
            revert_url: revert_url.map(ToOwned::to_owned),
            revert_secret: secret,
        })
    }

    /// Whether orders to it are signed.
    #[must_use]
    pub const fn has_secret(&self) -> bool {
        self.revert_secret.is_some()
    }

    /// The name under which a store keeps it.
    pub(crate) fn key(name: &str) -> String {
        format!("connector/{name}")
    }

    /// Its form in a store.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The connector of this name.
    ///
    /// # Errors
    /// When the store fails.
    pub fn load(store: &dyn Store, log: LogNumber, name: &str) -> Result<Option<Self>, StoreError> {
        store.configuration(log, &Self::key(name))?.map(|json| read(&json)).transpose()
    }

    /// Every connector of a log.
    ///
    /// # Errors
    /// When the store fails.
    pub fn all(store: &dyn Store, log: LogNumber) -> Result<Vec<Self>, StoreError> {
        let all = store.configurations(log)?;
        all.iter().filter(|(name, _)| name.starts_with("connector/")).map(|(_, json)| read(json)).collect()
    }
}

fn read(json: &str) -> Result<Connector, StoreError> {
    // The message of the reader could repeat the secret.
    serde_json::from_str(json)
        .map_err(|_| StoreError::Corrupt("a connector's settings do not read".to_owned()))
}

/// An order carries states of entities, so it goes over TLS, or stays within a network of one's own. Addresses of
/// the link are nobody's host: cloud machines have their credentials there.
fn check_url(text: &str) -> Result<(), String> {
    if text.len() > URL_BYTES_MAX {
        return Err(format!("is too long: up to {URL_BYTES_MAX} bytes"));
    }
    let url = Url::parse(text)
        .map_err(|error| format!("is not an address such as https://www.example.com/revert: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or password: orders are signed".to_owned());
    }
    let host = url.host().ok_or_else(|| "has no host".to_owned())?;
    let (is_own, is_link) = match host {
        Host::Ipv4(ip) => (ip.is_loopback() || ip.is_private(), is_link(ip.into())),
        Host::Ipv6(ip) => (ip.is_loopback() || ip.is_unique_local(), is_link(ip.into())),
        // A name without a dot is of one's own network: `localhost`, a container's.
        Host::Domain(name) => (!name.contains('.') || name.ends_with(".localhost"), false),
    };
    match url.scheme() {
        _ if is_link => Err("is an address of the link, where no host can be".to_owned()),
        "https" => Ok(()),
        "http" if is_own => Ok(()),
        "http" => Err("must begin with https:// unless the host is in a network of your own".to_owned()),
        _ => Err("must begin with https://".to_owned()),
    }
}

pub(super) fn is_link(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_unspecified() || ip.is_broadcast(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_link(ip.into()),
            None => ip.is_unicast_link_local() || ip.is_unspecified(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_go_to_hosts_over_tls_or_to_ones_own() {
        for url in [
            "https://www.example.com/revert",
            "http://127.0.0.1:8000/",
            "http://[::1]:8000/",
            "http://localhost/x",
            "http://10.1.2.3/",
            "http://wordpress:80/",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        for url in [
            "",
            "revert",
            "ftp://www.example.com/",
            "http://www.example.com/",
            "https://169.254.169.254/latest",
            "http://169.254.169.254/latest",
            "https://[fe80::1]/",
            "https://[::ffff:169.254.169.254]/",
            "http://0.0.0.0/",
            "https://user:pass@www.example.com/",
            "file:///etc/passwd",
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_secret_is_needed_kept_and_never_shown() {
        let url = Some("https://www.example.com/");
        assert_eq!(Connector::new("cms", url, None, None).unwrap_err().field, "revert_secret");
        let connector = Connector::new("cms", url, Some("hush"), None).unwrap();
        let kept = Connector::new("cms", Some("https://new.example.com/"), None, Some(&connector)).unwrap();
        assert_eq!(kept.revert_secret.as_deref(), Some("hush"));
        assert!(!format!("{connector:?}").contains("hush"));
        assert_eq!(Connector::new("a b", None, None, None).unwrap_err().field, "name");
    }
}
