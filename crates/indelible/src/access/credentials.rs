//! Tokens for programs, sessions for browsers, links for the first sign-in.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::{Origin, Role, SiteId};
use uuid::Uuid;

use super::backoff::Backoff;
use super::limits::{self, BadLimit, Limits, VIEWER_FIELDS};
use super::passwords::{Comparing, PASSWORD_BYTES_MAX};
use super::users::user_name;
use super::uses::Uses;
use super::{Caller, Denied};
use crate::clock;
use crate::entropy::{self, NoEntropy, Secret};
use crate::store::{Session, SessionKind, Store, StoreError, Token, TokenLimits, User};

/// How long a browser stays signed in.
pub const SESSION_LIFETIME: Duration = Duration::from_hours(12);

/// How long a sign-in link can be used.
pub const LINK_LIFETIME: Duration = Duration::from_hours(24);

/// What tokens begin with.
const TOKEN_PREFIX: &str = "idl_";

/// How long tokens are: the prefix, and 256 bits in base64.
const TOKEN_BYTES: usize = TOKEN_PREFIX.len() + 43;

/// Verifies credentials.
#[derive(Clone, Debug)]
pub struct Gate {
    store: Arc<dyn Store>,
    /// Who a caller without a credential is: nobody, except in the demo.
    visitor: Option<Caller>,
    guesses: Arc<Backoff>,
    comparing: Arc<Comparing>,
    uses: Arc<Uses>,
}

/// A fresh sign-in: the session's secret, for the cookie.
#[derive(Debug)]
pub struct SignIn {
    /// The cookie's value.
    pub secret: Secret,
    /// Who signed in.
    pub caller: Caller,
}

/// Somebody who looks at the page for embedding.
#[derive(Debug)]
pub struct Viewer {
    /// What the viewer token lets see.
    pub caller: Caller,
    /// The fields to show.
    pub fields: Vec<String>,
}

/// Somebody whom another vouches for: an identity provider that was asked.
#[derive(Clone, Debug)]
pub struct Vouched {
    /// What people call them.
    pub name: String,
    /// Whose session it is.
    pub account: String,
    /// What they are.
    pub role: Role,
    /// The only site that it is for.
    pub site: Option<SiteId>,
}

impl Gate {
    /// A gate that lets nobody in without a credential.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        let uses = Arc::new(Uses::of(&store));
        Self { store, visitor: None, guesses: Arc::default(), comparing: Arc::default(), uses }
    }

    /// The demo's gate: whoever comes without a credential is `visitor`.
    #[must_use]
    pub fn with_visitor(store: Arc<dyn Store>, visitor: Caller) -> Self {
        Self { visitor: Some(visitor), ..Self::new(store) }
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
        let token = self.valid(secret)?;
        // What shows some fields only must not answer with whole entries.
        let token = token.filter(|token| token.limits.fields.is_none());
        token.map(caller_with).transpose()
    }

    /// Who looks at the page for embedding with this viewer token; no other token opens it.
    ///
    /// # Errors
    /// [`Denied::Unauthenticated`] when it is none, was revoked or has ended.
    pub fn viewer(&self, secret: &str) -> Result<Viewer, Denied> {
        let token = self.valid(secret)?.filter(|token| token.limits.viewer);
        let token = token.ok_or(Denied::Unauthenticated)?;
        let all = || VIEWER_FIELDS.map(str::to_owned).to_vec();
        let fields = token.limits.fields.clone().unwrap_or_else(all);
        Ok(Viewer { caller: caller_with(token)?, fields })
    }

    /// The token with this secret, if it was neither revoked nor has ended.
    fn valid(&self, secret: &str) -> Result<Option<Token>, StoreError> {
        // Guesses are told apart from tokens without asking the store.
        if secret.len() != TOKEN_BYTES || !secret.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let token = self.store.token(&entropy::sha256(secret))?;
        let ends = |token: &Token| token.limits.expires_at.is_some_and(|end| end <= clock::now());
        let valid = token.filter(|token| token.revoked_at.is_none() && !ends(token));
        if let Some(token) = &valid {
            self.uses.note(token.id);
        }
        Ok(valid)
    }

    /// Whose session this is, if it has not ended.
    pub fn session(&self, secret: &str) -> Result<Option<Caller>, StoreError> {
        self.by_session(secret)
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
            account: session.account,
            limits: Limits::default(),
            from: None,
        }))
    }

    /// Opens a session with a token.
    ///
    /// # Errors
    /// [`SignInError::Refused`] when the token is not valid.
    pub fn sign_in_with_token(&self, secret: &str, from: Option<Origin>) -> Result<SignIn, SignInError> {
        let token = self.valid(secret)?.ok_or(SignInError::Refused)?;
        let end = token.limits.expires_at;
        let mut caller = caller_with(token)?;
        // A session knows nothing of limits, so that it would be wider than the token.
        if caller.limits.is_limited() {
            return Err(SignInError::Refused);
        }
        caller.account = caller.token.map(|id| format!("token/{id}"));
        caller.from = from;
        self.open_session(caller, None, end)
    }

    /// Opens a session with a sign-in link, which is used up by it.
    ///
    /// # Errors
    /// [`SignInError::Refused`] when the link is unknown, used or expired.
    pub fn sign_in_with_link(&self, secret: &str, from: Option<Origin>) -> Result<SignIn, SignInError> {
        let hash = entropy::sha256(secret);
        let link = self.store.session(&hash)?.filter(|found| found.kind == SessionKind::Link);
        let link = link.filter(|link| link.expires_at > clock::now()).ok_or(SignInError::Refused)?;
        if !self.store.end_session(&hash)? {
            return Err(SignInError::Refused);
        }
        let limits = Limits::default();
        let id = hash.first_chunk().copied().map_or(Uuid::nil(), Uuid::from_bytes);
        let account = Some(format!("link/{id}"));
        let caller =
            Caller { name: link.name, role: link.role, site: link.site, token: None, account, limits, from };
        self.open_session(caller, None, None)
    }

    /// Opens a session for somebody whom an identity provider vouches for.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn sign_in_vouched(&self, person: Vouched, from: Option<Origin>) -> Result<SignIn, SignInError> {
        let Vouched { name, account, role, site } = person;
        let limits = Limits::default();
        let caller = Caller { name, role, site, token: None, account: Some(account), limits, from };
        self.open_session(caller, None, None)
    }

    /// Opens a session with a user's name and password. Takes as long whether there is such a user or not.
    ///
    /// # Errors
    /// [`SignInError::Refused`] when they do not belong together, [`SignInError::Wait`] after too many failures.
    pub fn sign_in_with_password(
        &self,
        name: &str,
        password: &str,
        from: Option<Origin>,
    ) -> Result<SignIn, SignInError> {
        let name = user_name(name);
        let user = self.verified(&name, password, from.as_ref().and_then(|origin| origin.ip))?;
        let account = Some(user.account());
        let limits = Limits::default();
        let caller =
            Caller { name, role: user.role, site: user.site.clone(), token: None, account, limits, from };
        self.open_session(caller, Some(&user), None)
    }

    /// The user with this name, if this is its password.
    ///
    /// # Errors
    /// As [`Gate::sign_in_with_password`].
    pub fn verified(&self, name: &str, password: &str, from: Option<IpAddr>) -> Result<User, SignInError> {
        self.guesses.attempt(name, from, Instant::now()).map_err(SignInError::Wait)?;
        let user = self.store.user(name)?;
        let hash = user.as_ref().map(|user| user.password.as_str());
        // One longer than a password can be is not worth hashing.
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(SignInError::Refused);
        }
        match (self.comparing.fits(password, hash), user) {
            (Some(true), Some(user)) => {
                self.guesses.succeeded(name, from);
                Ok(user)
            }
            (Some(_), _) => Err(SignInError::Refused),
            (None, _) => Err(SignInError::Wait(Duration::from_secs(1))),
        }
    }

    /// Opens a session that ends at `end`, if that is earlier than it would end anyway.
    fn open_session(
        &self,
        caller: Caller,
        user: Option<&User>,
        end: Option<Timestamp>,
    ) -> Result<SignIn, SignInError> {
        let secret = Secret::new("")?;
        let now = clock::now();
        let latest = now + SESSION_LIFETIME;
        let session = Session {
            secret_sha256: secret.sha256(),
            kind: SessionKind::Session,
            name: caller.name.clone(),
            role: caller.role,
            site: caller.site.clone(),
            token: caller.token,
            account: caller.account.clone(),
            opened_at: now,
            opened_from: caller.from.as_ref().and_then(place),
            expires_at: end.map_or(latest, |end| end.min(latest)),
        };
        // What it was opened with may have ended since it was looked at.
        if !self.store.put_session(&session, user)? {
            return Err(SignInError::Refused);
        }
        Ok(SignIn { secret, caller })
    }

    /// The sessions of the caller's account that have not ended, the newest first.
    pub fn sessions(&self, caller: &Caller) -> Result<Vec<Session>, StoreError> {
        let Some(account) = &caller.account else { return Ok(Vec::new()) };
        let now = clock::now();
        Ok(self.store.sessions(account)?.into_iter().filter(|session| session.expires_at > now).collect())
    }

    /// Ends every session of the caller's account, this one too, and says how many there were.
    pub fn sign_out_everywhere(&self, caller: &Caller) -> Result<usize, StoreError> {
        caller.account.as_ref().map_or(Ok(0), |account| self.store.end_sessions(account))
    }

    /// Ends a session.
    pub fn sign_out(&self, secret: &str) -> Result<(), StoreError> {
        self.store.end_session(&entropy::sha256(secret)).map(|_| ())
    }
}

/// From where a session was opened, in words that its owner may recognise.
fn place(from: &Origin) -> Option<String> {
    let parts = [from.ip.map(|ip| ip.to_string()), from.user_agent.clone()];
    let known: Vec<String> = parts.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.join(", "))
}

fn caller_with(token: Token) -> Result<Caller, StoreError> {
    let limits = Limits::read(&token.limits)?;
    let (name, role, site) = (token.name, token.role, token.site);
    Ok(Caller { name, role, site, token: Some(token.id), account: None, limits, from: None })
}

/// Why a sign-in did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The token or link is not valid.
    #[error("this is not valid: mistyped, used, expired, revoked, or limited to a part")]
    Refused,
    /// Too many attempts failed, or too many are being looked at.
    #[error("too many attempts failed: try again in {} s", .0.as_secs().max(1))]
    Wait(Duration),
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
        used_at: None,
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
    let link = Session {
        secret_sha256: secret.sha256(),
        kind: SessionKind::Link,
        name: name.to_owned(),
        role: Role::SuperAdmin,
        site: None,
        token: None,
        account: None,
        opened_at: clock::now(),
        opened_from: None,
        expires_at: clock::now() + LINK_LIFETIME,
    };
    store.put_session(&link, None)?;
    Ok(secret)
}
