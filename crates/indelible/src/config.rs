//! Settings: one TOML file, overridden by environment variables, overridden by flags.
//!
//! ```toml
//! [server]
//! listen = "127.0.0.1:8080"
//! public_url = "https://audit.example.org"
//!
//! [store]
//! data_dir = "/var/lib/indelible"
//! ```

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat};
use model::Retention;
use model::filter::Network;
use serde::{Deserialize, Deserializer};

/// All settings. A key that is not here is an error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `APP__SERVER__*`
    pub server: Server,
    /// `APP__STORE__*`
    pub store: StoreSettings,
    /// `APP__LOG__*`
    pub log: Log,
    /// `APP__AUDIT__*`
    pub audit: Audit,
    /// `APP__AUTH__*`
    pub auth: Auth,
    /// `APP__LIMITS__*`
    pub limits: Limits,
    /// `APP__CAPTURE__*`
    pub capture: CaptureSettings,
}

/// The HTTP server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// How users reach the server, for absolute links and cookies; by default taken from the request.
    #[serde(deserialize_with = "web_address")]
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-*` headers are believed: addresses and networks such as `10.0.0.0/8`.
    #[serde(deserialize_with = "list")]
    pub trusted_proxies: Vec<String>,
    /// Origins, such as `https://tools.example.org`, from whose pages browsers may use their cookies with the AEM
    /// dialect; `*` for all.
    #[serde(deserialize_with = "list")]
    pub trusted_origins: Vec<String>,
    /// Origins, such as `https://cms.example.org`, whose pages may frame `/embed`.
    #[serde(deserialize_with = "list")]
    pub embed_origins: Vec<String>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            public_url: None,
            trusted_proxies: Vec::new(),
            trusted_origins: Vec::new(),
            embed_origins: Vec::new(),
        }
    }
}

impl Server {
    /// The origins whose pages may frame `/embed`.
    ///
    /// # Errors
    /// The first that is no origin: it would become a part of a content policy.
    pub fn embedders(&self) -> Result<Vec<String>, SettingsError> {
        let origin = |text: &String| {
            let parsed = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
            parsed.map(|url| url.origin().ascii_serialization()).ok_or_else(|| {
                SettingsError(format!(
                    "APP__SERVER__EMBED_ORIGINS: `{text}` is no origin such as https://cms.example.org"
                ))
            })
        };
        self.embed_origins.iter().map(origin).collect()
    }

    /// The proxies whose headers are believed.
    ///
    /// # Errors
    /// The first that is no address and no network.
    pub fn proxies(&self) -> Result<Vec<Network>, SettingsError> {
        let network = |text: &String| {
            let single =
                text.parse::<IpAddr>().map(|ip| format!("{ip}/{}", if ip.is_ipv4() { 32 } else { 128 }));
            single.as_ref().unwrap_or(text).parse().map_err(|_| {
                SettingsError(format!(
                    "APP__SERVER__TRUSTED_PROXIES: `{text}` is neither an address nor a network such as 10.0.0.0/8"
                ))
            })
        };
        self.trusted_proxies.iter().map(network).collect()
    }
}

/// An address that a browser can open; none where the variable is empty.
fn web_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let is_web = url::Url::parse(&text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
    if is_web {
        return Ok(Some(text));
    }
    Err(serde::de::Error::custom(format!(
        "server.public_url: `{text}` is not how a browser reaches this server, such as https://audit.example.org"
    )))
}

/// A list, or a text with its items separated by commas or spaces, as variables have it.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Items(Vec<String>),
        Text(String),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Items(items) => items,
        Written::Text(text) => {
            let items = text.split([',', ' ']).filter(|item| !item.is_empty());
            items.map(ToOwned::to_owned).collect()
        }
    })
}

/// Where the truth lies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// The data directory.
    pub data_dir: PathBuf,
    /// Where the head store is; by default `head/` in the data directory.
    pub head_path: Option<PathBuf>,
    /// The PostgreSQL database, if the truth lies there: `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: Option<Hidden>,
    /// The same database for a user that may remove content, for the process that does.
    pub retention_url: Option<Hidden>,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self { data_dir: PathBuf::from("./indelible-data"), head_path: None, url: None, retention_url: None }
    }
}

/// Changes that are captured from a database.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaptureSettings {
    /// The file of rules; the server captures where one is named.
    pub rules: Option<PathBuf>,
    /// The database, as the user that captures.
    pub url: Option<Hidden>,
    /// The same database for a user that may change rows, for reverts.
    pub revert_url: Option<Hidden>,
    /// What applications sign with when they say who acts. Where it is set, nothing unsigned is believed.
    pub context_secret: Option<Hidden>,
}

/// A text that is never shown.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Hides a text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(…)")
    }
}

/// The content of the logs.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Audit {
    /// Days for which content is kept where a site says nothing else; below 1 is 1; or `forever`.
    #[serde(deserialize_with = "retention")]
    pub retention_days: Retention,
}

/// A number in the file, a text in the environment.
fn retention<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Retention, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(i64),
        Text(String),
    }
    let wrong = |reason: &str| serde::de::Error::custom(format!("audit.retention_days {reason}"));
    let written = Written::deserialize(deserializer).map_err(|_| wrong("is neither a number nor a text"))?;
    let read = match written {
        Written::Number(days) => Retention::days(days),
        Written::Text(text) => text.parse(),
    };
    read.map_err(|error| wrong(&error.to_string()))
}

/// How often somebody may ask; 0 for as often as they like. Two seconds' worth may come at once.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Requests a second from one address, or one /64 of IPv6.
    pub requests_per_second_per_address: u32,
    /// Requests a second with one token or session.
    pub requests_per_second_per_token: u32,
    /// Requests a second from one address without a token that works; fifty seconds' worth may come at once.
    pub refusals_per_second_per_address: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_per_second_per_address: 20_000,
            requests_per_second_per_token: 20_000,
            refusals_per_second_per_address: 100,
        }
    }
}

/// Signing in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// `APP__AUTH__OIDC__*`
    pub oidc: OidcSettings,
}

/// The identity provider that signs people in, if there is one.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OidcSettings {
    /// The provider's issuer identifier, such as `https://login.example.org/realms/staff`.
    pub issuer: Option<String>,
    /// The name under which the provider knows this server.
    pub client_id: Option<String>,
    /// What it knows this server by; none for a public client.
    pub client_secret: Option<String>,
    /// The claim in which it says which roles somebody has, or a JSON pointer such as `/realm_access/roles`.
    pub role_claim: Option<String>,
    /// What is asked for.
    #[serde(deserialize_with = "list")]
    pub scopes: Vec<String>,
}

impl Default for OidcSettings {
    fn default() -> Self {
        let scopes = ["openid", "profile", "email"].map(ToOwned::to_owned).to_vec();
        Self { issuer: None, client_id: None, client_secret: None, role_claim: None, scopes }
    }
}

/// Without the secret.
impl std::fmt::Debug for OidcSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OidcSettings")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("role_claim", &self.role_claim)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl OidcSettings {
    /// The issuer, client id and role claim, or that there is no provider.
    ///
    /// # Errors
    /// When one of the three is missing: signing in would silently be off.
    pub fn complete(&self) -> Result<Option<[String; 3]>, SettingsError> {
        let parts =
            [("ISSUER", &self.issuer), ("CLIENT_ID", &self.client_id), ("ROLE_CLAIM", &self.role_claim)];
        if parts.iter().all(|(_, value)| value.is_none()) && self.client_secret.is_none() {
            return Ok(None);
        }
        let wanted = |(name, value): (&str, &Option<String>)| {
            value.clone().ok_or_else(|| {
                SettingsError(format!("APP__AUTH__OIDC__{name} is missing: single sign-on needs it"))
            })
        };
        let [issuer, client_id, role_claim] = parts.map(wanted);
        Ok(Some([issuer?, client_id?, role_claim?]))
    }
}

/// The logs.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// Prefix of every checkpoint's origin line.
    pub origin: Option<String>,
    /// Seconds from one round of the umbrella log to the next; at least 1.
    pub umbrella_seconds: Option<u64>,
    /// Seconds without any change after which the umbrella log grows all the same; at least 1.
    pub heartbeat_seconds: Option<u64>,
    /// Hundredths of one processor that verifying the logs in the background may take; 0 for no verification.
    pub scrub_percent: Option<u32>,
    /// A file that names the witnesses of the umbrella log and says how many make a quorum (C2SP tlog-policy).
    pub witness_policy: Option<PathBuf>,
}

impl Settings {
    /// Reads the file, if one is named, and the environment.
    ///
    /// # Errors
    /// When a value does not fit or a key is unknown; the message names it.
    pub fn load(file: Option<&Path>) -> Result<Self, SettingsError> {
        let mut builder = Config::builder();
        if let Some(path) = file {
            let path_text =
                path.to_str().ok_or_else(|| SettingsError("the file's path is not UTF-8".to_owned()))?;
            builder = builder.add_source(File::new(path_text, FileFormat::Toml));
        }
        builder
            .add_source(Environment::with_prefix("APP").prefix_separator("__").separator("__"))
            .build()
            .and_then(Config::try_deserialize)
            .map_err(|error| SettingsError(format!("{error} (read: {})", sources(file))))
    }
}

/// Where settings were read from, to look for a wrong one there: names only, because values may be secrets.
fn sources(file: Option<&Path>) -> String {
    let variables = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = variables.filter(|name| name.starts_with("APP__")).collect();
    names.sort();
    let variables = match names.as_slice() {
        [] => "no variable APP__… is set".to_owned(),
        names => format!("the variables {}", names.join(", ")),
    };
    match file {
        Some(file) => format!("the file {}; {variables}", file.display()),
        None => variables,
    }
}

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("settings: {0}")]
pub struct SettingsError(pub(crate) String);

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Settings, SettingsError> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("indelible.toml");
        std::fs::write(&file, text).unwrap();
        Settings::load(Some(&file))
    }

    #[test]
    fn a_provider_is_set_whole_or_not_at_all() {
        assert_eq!(load("").unwrap().auth.oidc.complete().unwrap(), None);
        let text = "[auth.oidc]\nissuer = \"https://a.example\"\nclient_id = \"c\"\nclient_secret = \"hush\"";
        let partly = load(text).unwrap().auth.oidc;
        assert!(
            partly.complete().unwrap_err().to_string().contains("APP__AUTH__OIDC__ROLE_CLAIM is missing")
        );
        assert!(!format!("{partly:?}").contains("hush"));
        let whole =
            load(&format!("{text}\nrole_claim = \"roles\"\nscopes = \"openid groups\"")).unwrap().auth.oidc;
        assert_eq!(whole.complete().unwrap().unwrap()[2], "roles");
        assert_eq!(whole.scopes, ["openid", "groups"]);
    }

    #[test]
    fn the_public_address_is_one() {
        let public = |value: &str| load(&format!("[server]\npublic_url = \"{value}\""));
        for right in ["https://audit.example.org", "http://127.0.0.1:8080/audit"] {
            assert_eq!(public(right).unwrap().server.public_url.as_deref(), Some(right));
        }
        assert_eq!(public("").unwrap().server.public_url, None);
        for wrong in ["nonsense", "audit.example.org", "ftp://audit.example.org", "https://"] {
            let error = public(wrong).unwrap_err().to_string();
            assert!(error.contains("server.public_url") && error.contains("such as https://"), "{error}");
        }
    }

    #[test]
    fn lists_are_arrays_or_texts() {
        for text in [r#"["10.0.0.0/8", "127.0.0.1", "::1"]"#, r#""10.0.0.0/8, 127.0.0.1 ::1""#] {
            let settings = load(&format!("[server]\ntrusted_proxies = {text}")).unwrap();
            assert_eq!(settings.server.trusted_proxies, ["10.0.0.0/8", "127.0.0.1", "::1"]);
            let proxies = settings.server.proxies().unwrap();
            let trusts =
                |address: &str| proxies.iter().any(|network| network.contains(address.parse().unwrap()));
            assert!(trusts("10.1.2.3") && trusts("127.0.0.1") && trusts("::1"));
            assert!(!trusts("127.0.0.2") && !trusts("11.0.0.1"));
        }
        let wrong = load("[server]\ntrusted_proxies = \"proxy.example.org\"").unwrap().server.proxies();
        assert!(
            wrong
                .unwrap_err()
                .to_string()
                .contains("`proxy.example.org` is neither an address nor a network")
        );
        assert!(load("[server]\ntrusted_origins = 5").is_err());
    }
}
