//! Tokens for programs, sessions for browsers, links for the first sign-in.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use model::{Role, SiteId};
use uuid::Uuid;

use super::limits::{self, BadLimit, Limits};
use super::{Caller, Denied};
use crate::clock;
use crate::entropy::{self, NoEntropy, Secret};
use crate::store::{Session, SessionKind, Store, StoreError, Token, TokenLimits};

/// Name of the session cookie.
pub const SESSION_COOKIE: &str = "indelible_session";

/// How long a browser stays signed in.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(12);

/// How long a sign-in link can be used.
pub const LINK_LIFETIME: Duration = Duration::from_hours(24);

/// What tokens begin with.
const TOKEN_PREFIX: &str = "idl_";

/// Verifies credentials.
#[derive(Clone, Debug)]
pub struct Gate {
    store: Arc<dyn Store>,
    /// Who a caller without a credential is: nobody, except in the demo.
    visitor: Option<Caller>,
}

/// A fresh sign-in: the session's secret, for the cookie.
#[derive(Debug)]
pub struct SignIn {
    /// The cookie's value.
    pub secret: Secret,
    /// Who signed in.
    pub caller: Caller,
}

impl Gate {
    /// A gate that lets nobody in without a credential.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, visitor: None }
    }

    /// The demo's gate: whoever comes without a credential is `visitor`.
    #[must_use]
    pub fn with_visitor(store: Arc<dyn Store>, visitor: Caller) -> Self {
        Self { store, visitor: Some(visitor) }
    }

    /// Who comes without a credential, if anybody may.
    #[must_use]
    pub const fn visitor(&self) -> Option<&Caller> {
        self.visitor.as_ref()
    }

    /// The caller of a request with this token or this session, the token going first.
    ///
    /// # Errors
    /// [`Denied::Unauthenticated`] for a wrong token even where visitors are let in: who shows a credential
    /// wants to know that it does not work.
    pub fn caller(&self, token: Option<&str>, session: Option<&str>) -> Result<Caller, Denied> {
        if let Some(secret) = token {
            return self.by_token(secret)?.ok_or(Denied::Unauthenticated);
        }
        if let Some(caller) = session.map(|secret| self.by_session(secret)).transpose()?.flatten() {
            return Ok(caller);
        }
        self.visitor.clone().ok_or(Denied::Unauthenticated)
    }

    fn by_token(&self, secret: &str) -> Result<Option<Caller>, StoreError> {
        self.valid(secret)?.map(caller_with).transpose()
    }

    /// The token with this secret, if it was neither revoked nor has ended.
    fn valid(&self, secret: &str) -> Result<Option<Token>, StoreError> {
        let token = self.store.token(&entropy::sha256(secret))?;
        let ends = |token: &Token| token.limits.expires_at.is_some_and(|end| end <= clock::now());
        Ok(token.filter(|token| token.revoked_at.is_none() && !ends(token)))
    }

    fn by_session(&self, secret: &str) -> Result<Option<Caller>, StoreError> {
        let session = self.store.session(&entropy::sha256(secret))?;
        let valid =
            session.filter(|found| found.kind == SessionKind::Session && found.expires_at > clock::now());
        Ok(valid.map(|session| Caller {
            name: session.name,
            role: session.role,
            site: session.site,
            token: session.token,
            limits: Limits::default(),
            from: None,
        }))
    }

    /// Opens a session with a token.
    ///
    /// # Errors
    /// [`Denied::Unauthenticated`] when the token is not valid.
    pub fn sign_in_with_token(&self, secret: &str) -> Result<SignIn, SignInError> {
        let token = self.valid(secret)?.ok_or(SignInError::Refused)?;
        let end = token.limits.expires_at;
        let caller = caller_with(token)?;
        // A session knows nothing of limits, so that it would be wider than the token.
        if caller.limits.is_limited() {
            return Err(SignInError::Refused);
        }
        self.open_session(caller, end)
    }

    /// Opens a session with a sign-in link, which is used up by it.
    ///
    /// # Errors
    /// [`SignInError::Refused`] when the link is unknown, used or expired.
    pub fn sign_in_with_link(&self, secret: &str) -> Result<SignIn, SignInError> {
        let hash = entropy::sha256(secret);
        let link = self.store.session(&hash)?.filter(|found| found.kind == SessionKind::Link);
        let link = link.filter(|link| link.expires_at > clock::now()).ok_or(SignInError::Refused)?;
        if !self.store.end_session(&hash)? {
            return Err(SignInError::Refused);
        }
        let limits = Limits::default();
        let caller =
            Caller { name: link.name, role: link.role, site: link.site, token: None, limits, from: None };
        self.open_session(caller, None)
    }

    /// Opens a session that ends at `end`, if that is earlier than it would end anyway.
    fn open_session(&self, caller: Caller, end: Option<Timestamp>) -> Result<SignIn, SignInError> {
        let secret = Secret::new("")?;
        let latest = clock::now() + SESSION_LIFETIME;
        self.store.put_session(&Session {
            secret_sha256: secret.sha256(),
            kind: SessionKind::Session,
            name: caller.name.clone(),
            role: caller.role,
            site: caller.site.clone(),
            token: caller.token,
            expires_at: end.map_or(latest, |end| end.min(latest)),
        })?;
        Ok(SignIn { secret, caller })
    }

    /// Ends a session.
    pub fn sign_out(&self, secret: &str) -> Result<(), StoreError> {
        self.store.end_session(&entropy::sha256(secret)).map(|_| ())
    }
}

fn caller_with(token: Token) -> Result<Caller, StoreError> {
    let limits = Limits::read(&token.limits)?;
    let (name, role, site) = (token.name, token.role, token.site);
    Ok(Caller { name, role, site, token: Some(token.id), limits, from: None })
}

/// Why a sign-in did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The token or link is not valid.
    #[error("this token or link is not valid: it is mistyped, used, expired, revoked, or limited to a part")]
    Refused,
    /// The session could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No secret could be made.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
}

/// A token just made: the only moment at which its secret is known.
#[derive(Debug)]
pub struct NewToken {
    /// What is kept of it.
    pub token: Token,
    /// What its owner gets, once.
    pub secret: Secret,
}

/// Makes a token; it works once its [`Change`](crate::store::Change) is committed.
pub fn new_token(name: &str, role: Role, site: Option<SiteId>) -> Result<NewToken, NoEntropy> {
    let secret = Secret::new(TOKEN_PREFIX)?;
    let now = clock::now();
    let id: Uuid = entropy::uuid_v7(clock::now_ms(), &entropy::bytes()?);
    let token = Token {
        id,
        name: name.to_owned(),
        role,
        site,
        secret_sha256: secret.sha256(),
        created_at: now,
        revoked_at: None,
        limits: TokenLimits::default(),
    };
    Ok(NewToken { token, secret })
}

impl NewToken {
    /// The same token with limits.
    ///
    /// # Errors
    /// When a token of its role cannot have them.
    pub fn limited(mut self, limits: TokenLimits) -> Result<Self, BadLimit> {
        limits::check(&limits, self.token.role)?;
        self.token.limits = limits;
        Ok(self)
    }
}

/// Makes a one-time sign-in link for a super admin and returns its secret.
pub fn new_link(store: &dyn Store, name: &str) -> Result<Secret, SignInError> {
    let secret = Secret::new("")?;
    store.put_session(&Session {
        secret_sha256: secret.sha256(),
        kind: SessionKind::Link,
        name: name.to_owned(),
        role: Role::SuperAdmin,
        site: None,
        token: None,
        expires_at: clock::now() + LINK_LIFETIME,
    })?;
    Ok(secret)
}
