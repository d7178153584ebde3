//! Single sign-on: having an OpenID Connect provider say who somebody is, and which roles they have.
//!
//! The authorization code flow with PKCE, as OpenID Connect Core 1.0 §3.1 and RFC 7636 describe it. The browser
//! carries what a sign-in that was begun needs ([`Attempt`]), so that any process of an installation can end it. The
//! provider is asked when it is needed: a server starts without it, and users of its own sign in without it.

mod attempt;
mod id_token;
mod membership;
mod provider;

use std::fmt;

use serde_json::Value as Json;
use subtle::ConstantTimeEq as _;
use url::{Host, Url};
use uuid::{Uuid, uuid};

use crate::entropy::NoEntropy;

pub use attempt::Attempt;
pub use membership::Membership;

use membership::memberships;
use provider::Provider;

/// Namespace of the accounts of people whom a provider vouches for.
const NAMESPACE: Uuid = uuid!("9d1f2e0c-54a7-5c0b-8f3e-0a6f6f1d7c21");

/// Characters of a name that are kept.
const NAME_CHARS_MAX: usize = 100;

/// How this server is known to a provider.
#[derive(Clone)]
pub struct Registration {
    /// The provider's issuer identifier, a URL.
    pub issuer: String,
    /// The name under which the provider knows this server.
    pub client_id: String,
    /// What the provider knows this server by; none for a public client.
    pub client_secret: Option<String>,
    /// Where roles are: the name of a claim, or a JSON pointer such as `/realm_access/roles`.
    pub role_claim: String,
    /// What is asked for; `openid` is always.
    pub scopes: Vec<String>,
}

/// Without the secret.
impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// Somebody whom the provider vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What people call them; another may have the same name.
    pub name: String,
    /// Whose sessions theirs are: the same for the same person, whatever their name.
    pub account: String,
    /// The roles that they have, the mightiest first; at least one.
    pub memberships: Vec<Membership>,
}

/// A sign-in that was begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the browser goes: the provider's sign-in.
    pub url: String,
    /// What the browser keeps until it comes back.
    pub attempt: Attempt,
}

/// What the provider sends the browser back with.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// What is exchanged for tokens.
    pub code: Option<String>,
    /// By what the answer belongs to the question.
    pub state: Option<String>,
    /// Who says to have answered (RFC 9207).
    pub issuer: Option<String>,
    /// Why there is no code.
    pub error: Option<String>,
}

/// Why a registration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistration {
    /// The issuer.
    #[error(
        "`{0}` is no issuer: it must be an https address without query, such as https://login.example.org"
    )]
    Issuer(String),
    /// The name of this server.
    #[error("the client id is empty: use the one under which the provider knows this server")]
    ClientId,
    /// The role claim.
    #[error("the role claim is empty: name the claim in which the provider says which roles somebody has")]
    RoleClaim,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider could not be asked, or answered what it must not. The words are for the operator.
    #[error("the identity provider {0}")]
    Provider(String),
    /// The answer proves nothing about whoever brings it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It is proven who it is, and they have no role here.
    #[error(
        "{name} has no role here: none of the values of the role claim is one, such as `auditor:acme.www`"
    )]
    NoRole {
        /// Their name.
        name: String,
    },
    /// No secret could be made.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// Why an answer proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It belongs to no sign-in of this browser.
    #[error("this answer belongs to no sign-in that was begun in this browser, or to one too long ago")]
    State,
    /// The provider refused, or the user did.
    #[error("the provider did not sign you in: it refused, or the sign-in was cancelled")]
    Declined,
    /// The provider does not know the code, or gave it to somebody else.
    #[error("the provider does not stand by its answer: it was used before, or is too old")]
    Code,
    /// It is no signed token.
    #[error("the provider's ID token does not read")]
    Malformed,
    /// It is signed in a way that proves nothing.
    #[error("the provider's ID token is signed with an algorithm that is not accepted")]
    Algorithm,
    /// It is signed with a key that the provider does not list.
    #[error("the provider's ID token is signed with a key that it does not list")]
    Key,
    /// Its signature is not of that key.
    #[error("the signature of the provider's ID token is wrong")]
    Signature,
    /// Somebody else issued it.
    #[error("the answer or its ID token is of another issuer")]
    Issuer,
    /// It is for another program.
    #[error("the provider's ID token is for somebody else than this server")]
    Audience,
    /// Its time is over.
    #[error("the provider's ID token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the provider's ID token is from the future: the clocks differ")]
    Early,
    /// It answers another question.
    #[error("the provider's ID token answers another sign-in")]
    Nonce,
    /// It and the user's other data are of two people.
    #[error("the provider's ID token and its user information are of two people")]
    Subject,
}

/// A provider, and how this server is known to it.
#[derive(Debug)]
pub struct Oidc {
    registration: Registration,
    provider: Provider,
}

impl Oidc {
    /// Signs people in with the provider where this server is registered so.
    ///
    /// # Errors
    /// When it cannot be: a provider is reached over TLS, or is on this very machine.
    pub fn new(registration: Registration) -> Result<Self, BadRegistration> {
        if !is_issuer(&registration.issuer) {
            return Err(BadRegistration::Issuer(registration.issuer));
        }
        if registration.client_id.is_empty() {
            return Err(BadRegistration::ClientId);
        }
        if registration.role_claim.is_empty() {
            return Err(BadRegistration::RoleClaim);
        }
        Ok(Self { provider: Provider::new(&registration.issuer), registration })
    }

    /// Begins a sign-in that comes back to `redirect_uri` and then leads to `next`, as the one of the memberships that
    /// is wanted.
    ///
    /// # Errors
    /// When the provider cannot be asked.
    pub async fn begin(
        &self,
        redirect_uri: &str,
        next: &str,
        wanted: Option<Membership>,
    ) -> Result<Begun, OidcError> {
        let known = self.provider.known().await?;
        let attempt = Attempt::new(next, wanted)?;
        let mut url = known.metadata.authorization_endpoint.clone();
        let scope = self.scope();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.registration.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &scope)
            .append_pair("state", &attempt.state())
            .append_pair("nonce", &attempt.nonce())
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(Begun { url: url.into(), attempt })
    }

    /// Ends a sign-in: who has come back. The same address as it was begun with must be given.
    ///
    /// # Errors
    /// When the answer does not prove who it is, or when they have no role.
    pub async fn finish(
        &self,
        attempt: &Attempt,
        redirect_uri: &str,
        answer: &Answer,
    ) -> Result<Person, OidcError> {
        let belongs = answer.state.as_deref().is_some_and(|state| same(state, &attempt.state()));
        if !belongs {
            return Err(Refusal::State.into());
        }
        let known = self.provider.known().await?;
        match &answer.issuer {
            Some(issuer) if *issuer != self.registration.issuer => return Err(Refusal::Issuer.into()),
            None if known.metadata.authorization_response_iss_parameter_supported => {
                return Err(Refusal::Issuer.into());
            }
            _ => {}
        }
        let code = answer.code.as_deref().filter(|_| answer.error.is_none()).ok_or(Refusal::Declined)?;
        let tokens =
            self.provider.exchange(&self.registration, code, redirect_uri, &attempt.verifier()).await?;
        let expected = id_token::Expected {
            issuer: &self.registration.issuer,
            client_id: &self.registration.client_id,
            nonce: &attempt.nonce(),
        };
        let keys = self.provider.keys_for(&tokens.id_token).await?;
        let claims = id_token::verified(&tokens.id_token, &keys, &expected)?;
        let more = self.more_claims(&claims, tokens.access_token.as_deref()).await?;
        self.person(&claims, &more)
    }

    /// What the provider says of the user elsewhere, where the ID token does not say which roles they have.
    async fn more_claims(&self, claims: &Json, access_token: Option<&str>) -> Result<Json, OidcError> {
        if self.roles_in(claims).is_some() {
            return Ok(Json::Null);
        }
        let Some(access_token) = access_token else { return Ok(Json::Null) };
        let more = self.provider.user_information(access_token).await?;
        // OpenID Connect Core §5.3.2: it must not be of somebody else.
        if !more.is_null() && more.get("sub") != claims.get("sub") {
            return Err(Refusal::Subject.into());
        }
        Ok(more)
    }

    fn person(&self, claims: &Json, more: &Json) -> Result<Person, OidcError> {
        let subject = claims.get("sub").and_then(Json::as_str).ok_or(Refusal::Malformed)?;
        let text = |name: &str| [claims, more].iter().find_map(|from| from.get(name)?.as_str());
        let name = ["preferred_username", "email", "name"].iter().find_map(|name| text(name).and_then(tidy));
        let name = name.or_else(|| tidy(subject)).ok_or(Refusal::Malformed)?;
        let roles = self.roles_in(claims).or_else(|| self.roles_in(more));
        let memberships = roles.map(memberships).unwrap_or_default();
        if memberships.is_empty() {
            return Err(OidcError::NoRole { name });
        }
        let person = format!("{}\0{subject}", self.registration.issuer);
        let account = format!("oidc/{}", Uuid::new_v5(&NAMESPACE, person.as_bytes()));
        Ok(Person { name, account, memberships })
    }

    fn roles_in<'a>(&self, claims: &'a Json) -> Option<&'a Json> {
        let claim = &self.registration.role_claim;
        if claim.starts_with('/') { claims.pointer(claim) } else { claims.get(claim) }
    }

    fn scope(&self) -> String {
        let others = self.registration.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
        std::iter::once("openid").chain(others).collect::<Vec<_>>().join(" ")
    }
}

/// Over TLS, or on this very machine; without what would make two addresses of one.
fn is_issuer(issuer: &str) -> bool {
    let Ok(url) = Url::parse(issuer) else { return false };
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    plain && is_safe(&url)
}

/// Whether what is sent there stays between the two.
fn is_safe(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => return false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

/// Whether two texts are the same, in a time that does not tell where they differ.
fn same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// A name as it is shown: one line, not endless.
fn tidy(name: &str) -> Option<String> {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registration(issuer: &str) -> Registration {
        Registration {
            issuer: issuer.to_owned(),
            client_id: "indelible".to_owned(),
            client_secret: Some("hush".to_owned()),
            role_claim: "/realm_access/roles".to_owned(),
            scopes: vec!["openid".to_owned(), "profile".to_owned()],
        }
    }

    #[test]
    fn issuers_are_reached_over_tls_or_are_on_this_machine() {
        for good in ["https://login.example.org", "https://login.example.org/realms/a", "http://127.0.0.1:9/"]
        {
            assert!(Oidc::new(registration(good)).is_ok(), "{good}");
        }
        for bad in [
            "",
            "login.example.org",
            "http://login.example.org",
            "https://a.example/?x=1",
            "ftp://localhost/",
        ] {
            assert!(matches!(Oidc::new(registration(bad)), Err(BadRegistration::Issuer(_))), "{bad}");
        }
    }

    #[test]
    fn the_secret_is_not_in_debug() {
        let oidc = Oidc::new(registration("https://login.example.org")).unwrap();
        assert!(!format!("{oidc:?}").contains("hush"));
    }

    #[test]
    fn roles_are_found_where_the_provider_has_them_and_people_by_their_subject() {
        let oidc = Oidc::new(registration("https://login.example.org")).unwrap();
        assert_eq!(oidc.scope(), "openid profile");
        let claims = serde_json::json!({"sub": "1", "email": "ana@example.org\u{7}",
            "realm_access": {"roles": ["offline_access", "auditor:acme.www"]}});
        let ana = oidc.person(&claims, &Json::Null).unwrap();
        assert_eq!(ana.name, "ana@example.org");
        assert_eq!(ana.memberships.iter().map(ToString::to_string).collect::<Vec<_>>(), ["auditor:acme.www"]);
        let mut renamed = claims.clone();
        renamed["email"] = "ben@example.org".into();
        assert_eq!(oidc.person(&renamed, &Json::Null).unwrap().account, ana.account);
        let other = serde_json::json!({"sub": "2", "realm_access": {"roles": ["offline_access"]}});
        assert!(matches!(oidc.person(&other, &Json::Null), Err(OidcError::NoRole { name }) if name == "2"));
    }
}
