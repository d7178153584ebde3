//! Who did it, and from where.

use std::net::IpAddr;

use serde::Serialize;

/// Who did it. An entry without an actor is the system's.
///
/// ```
/// use client::{Actor, Principal};
///
/// let ana = Actor::user("42").name("Ana").email("ana@example.com").role("editor");
/// let deputy = Actor::user("42").on_behalf_of(Principal::user("7").name("Bea"));
/// let nightly = Actor::service("importer");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Actor {
    #[serde(flatten)]
    principal: Principal,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<Principal>,
}

impl Actor {
    /// A person, by the id in your user table.
    #[must_use]
    pub fn user(id: impl Into<String>) -> Self {
        Self::from(Principal::user(id))
    }

    /// A program with an identity of its own.
    #[must_use]
    pub fn service(id: impl Into<String>) -> Self {
        Self::from(Principal::service(id))
    }

    /// Your system itself: timers, migrations, defaults.
    #[must_use]
    pub fn system() -> Self {
        Self::from(Principal::system())
    }

    /// The name as it is now; the log keeps it when it changes later.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.principal = self.principal.name(name);
        self
    }

    /// The mail address as it is now.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.principal = self.principal.email(email);
        self
    }

    /// One role that the actor holds; call it once for each.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// The name, else the mail address, else the id: what people call the actor. The system has none of them.
    ///
    /// ```
    /// # use client::Actor;
    /// assert_eq!(Actor::user("42").name("Ana").label(), Some("Ana"));
    /// assert_eq!(Actor::system().label(), None);
    /// ```
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        let Principal { name, email, id, .. } = &self.principal;
        name.as_deref().or(email.as_deref()).or(id.as_deref())
    }

    /// The one in whose place the actor acts: impersonation, delegation.
    #[must_use]
    pub fn on_behalf_of(mut self, principal: Principal) -> Self {
        self.on_behalf_of = Some(principal);
        self
    }
}

impl From<Principal> for Actor {
    fn from(principal: Principal) -> Self {
        Self { principal, roles: Vec::new(), on_behalf_of: None }
    }
}

/// Somebody by type, id, name and mail address. A type of its own because the one in whose place an actor
/// acts has no roles and nobody behind it.
///
/// ```
/// use client::Principal;
///
/// let bea = Principal::user("7").name("Bea").email("bea@example.com");
/// assert_eq!(serde_json::to_value(&bea)?["type"], "user");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Principal {
    #[serde(rename = "type")]
    kind: PrincipalType,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum PrincipalType {
    User,
    Service,
    System,
}

impl Principal {
    /// A person, by the id in your user table.
    #[must_use]
    pub fn user(id: impl Into<String>) -> Self {
        Self { kind: PrincipalType::User, id: Some(id.into()), name: None, email: None }
    }

    /// A program with an identity of its own.
    #[must_use]
    pub fn service(id: impl Into<String>) -> Self {
        Self { kind: PrincipalType::Service, id: Some(id.into()), name: None, email: None }
    }

    /// Your system itself.
    #[must_use]
    pub fn system() -> Self {
        Self { kind: PrincipalType::System, id: None, name: None, email: None }
    }

    /// The name as it is now.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The mail address as it is now.
    #[must_use]
    pub fn email(mut self, email: impl Into<String>) -> Self {
        self.email = Some(email.into());
        self
    }
}

/// From where it was done. Give what you know.
///
/// ```
/// use client::Origin;
///
/// let origin = Origin::new().ip([203, 0, 113, 9].into()).method("POST").path("/pages/7").channel("admin");
/// assert_eq!(serde_json::to_value(&origin)?["ip"], "203.0.113.9");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Origin {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    ref_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
}

impl Origin {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Address of whoever asked for it.
    #[must_use]
    pub fn ip(mut self, ip: IpAddr) -> Self {
        self.ip = Some(ip);
        self
    }

    /// Their program.
    #[must_use]
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = Some(user_agent.into());
        self
    }

    /// HTTP method of the operation.
    #[must_use]
    pub fn method(mut self, method: impl Into<String>) -> Self {
        self.method = Some(method.into());
        self
    }

    /// Name of the operation, for example `live`.
    #[must_use]
    pub fn route(mut self, route: impl Into<String>) -> Self {
        self.route = Some(route.into());
        self
    }

    /// Path that the operation was for.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Query string of the request.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = Some(query.into());
        self
    }

    /// Branch or version of what ran: `ref` in the entry.
    #[must_use]
    pub fn ref_name(mut self, ref_name: impl Into<String>) -> Self {
        self.ref_name = Some(ref_name.into());
        self
    }

    /// Your id of the request.
    #[must_use]
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = Some(request_id.into());
        self
    }

    /// Your id of the session. Send a hash: whoever reads the log must not be able to take the session over.
    #[must_use]
    pub fn session_id(mut self, session_id: impl Into<String>) -> Self {
        self.session_id = Some(session_id.into());
        self
    }

    /// Portal, control panel, API, command line and the like.
    #[must_use]
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.channel = Some(channel.into());
        self
    }
}
