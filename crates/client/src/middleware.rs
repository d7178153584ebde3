//! A layer for axum and whatever else is built on tower: every request runs in a [`LogContext`] of its own.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::extract::{ConnectInfo, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request, header};
use ipnet::IpNet;
use tower::{Layer, Service};
use uuid::Uuid;

use crate::context::LogContext;
use crate::logger::Logger;
use crate::who::{Actor, Origin};

/// Characters of a header that are kept.
const HEADER_CHARS_MAX: usize = 1000;

/// Characters of a request id from outside that is believed.
const REQUEST_ID_CHARS_MAX: usize = 128;

type FindActor = dyn Fn(&Parts) -> Option<Actor> + Send + Sync;

/// Has every request run in a [`LogContext`]: its own correlation id, the origin (address, program, method, path, route,
/// request id), and the actor that a function of yours finds.
///
/// ```
/// use axum::{Router, routing::post};
/// use client::{Actor, AuditLayer};
///
/// #[derive(Clone)]
/// struct User { id: u64, name: String }
///
/// let audit = AuditLayer::new()
///     .trusted_proxies(["10.0.0.0/8".parse()?])
///     // What your sign-in layer, which comes before this one, has put into the request.
///     .actor(|request| {
///         let user = request.extensions.get::<User>()?;
///         Some(Actor::user(user.id.to_string()).name(&user.name))
///     });
/// let app: Router = Router::new().route("/pages", post(|| async {})).layer(audit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Whose address
/// That of the connection (serve with `into_make_service_with_connect_info::<SocketAddr>()`). Where that is a trusted proxy's,
/// `X-Forwarded-For` is read from its end: the last address that is no trusted proxy's is the client's, as everything before
/// it is what somebody claims.
///
/// # Request id
/// `X-Request-Id`, where a trusted proxy or a layer of yours has set it; otherwise a new one. Queries and bodies are not
/// kept: they may hold secrets.
#[derive(Clone, Default)]
pub struct AuditLayer(Arc<Rules>);

#[derive(Clone, Default)]
struct Rules {
    proxies: Vec<IpNet>,
    actor: Option<Arc<FindActor>>,
    logger: Option<Logger>,
    channel: Option<String>,
}

impl AuditLayer {
    /// A layer that trusts no proxy, and knows no actors yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The networks of proxies whose `X-Forwarded-For` and `X-Request-Id` are believed.
    #[must_use]
    pub fn trusted_proxies(self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.with(|rules| rules.proxies.extend(networks))
    }

    /// Who acts: from what layers before this one have put into the request's extensions, or from its headers.
    #[must_use]
    pub fn actor(self, find: impl Fn(&Parts) -> Option<Actor> + Send + Sync + 'static) -> Self {
        self.with(|rules| rules.actor = Some(Arc::new(find)))
    }

    /// The logger that [`log`](crate::log()) uses inside, in place of the installed one.
    #[must_use]
    pub fn logger(self, logger: Logger) -> Self {
        self.with(|rules| rules.logger = Some(logger))
    }

    /// What the origin's channel says: portal, control panel, API and the like.
    #[must_use]
    pub fn channel(self, channel: impl Into<String>) -> Self {
        self.with(|rules| rules.channel = Some(channel.into()))
    }

    fn with(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}

impl Rules {
    fn context(&self, parts: &Parts) -> LogContext {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let by_proxy = peer.is_some_and(|peer| self.is_proxy(peer));
        let mut origin = Origin::new().method(parts.method.as_str()).path(parts.uri.path());
        if let Some(ip) = peer.map(|peer| self.client(peer, &parts.headers)) {
            origin = origin.ip(ip);
        }
        if let Some(agent) = text(&parts.headers, header::USER_AGENT.as_str()) {
            origin = origin.user_agent(agent);
        }
        if let Some(route) = parts.extensions.get::<MatchedPath>() {
            origin = origin.route(route.as_str());
        }
        if let Some(channel) = &self.channel {
            origin = origin.channel(channel);
        }
        let id = Uuid::now_v7();
        // Without a peer there is no connection: the request comes from this process.
        let given = text(&parts.headers, "x-request-id").filter(|_| by_proxy || peer.is_none());
        let given = given.filter(|given| {
            (1..=REQUEST_ID_CHARS_MAX).contains(&given.len())
                && given.bytes().all(|byte| byte.is_ascii_graphic())
        });
        origin = origin.request_id(given.unwrap_or_else(|| id.to_string()));
        let mut context = LogContext::new().correlation_id(id).origin(origin);
        if let Some(actor) = self.actor.as_ref().and_then(|find| find(parts)) {
            context = context.actor(actor);
        }
        match &self.logger {
            Some(logger) => context.logger(logger.clone()),
            None => context,
        }
    }

    fn is_proxy(&self, ip: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&ip))
    }

    /// The address nearest to us that is no trusted proxy's.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let forwarded = headers.get_all("x-forwarded-for").iter().rev();
        let hops = forwarded.flat_map(|value| value.to_str().unwrap_or_default().rsplit(','));
        let mut nearest = peer;
        for hop in hops {
            if !self.is_proxy(nearest) {
                break;
            }
            // What is no address was written by nobody whom we trust.
            let Some(hop) = address(hop.trim()) else { break };
            nearest = hop;
        }
        nearest
    }
}

/// `203.0.113.9`, `203.0.113.9:4711`, `2001:db8::1` or `[2001:db8::1]:4711`.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let ip = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(IpAddr::to_canonical(&ip))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(name)?.as_bytes()).into_owned();
    Some(value.chars().filter(|c| !c.is_control()).take(HEADER_CHARS_MAX).collect())
}

impl fmt::Debug for AuditLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLayer").field("proxies", &self.0.proxies).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = AuditService<S>;

    fn layer(&self, inner: S) -> AuditService<S> {
        AuditService { inner, layer: self.clone() }
    }
}

/// What [`AuditLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct AuditService<S> {
    inner: S,
    layer: AuditLayer,
}

impl<S, B> Service<Request<B>> for AuditService<S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let context = self.layer.0.context(&parts);
        let request = Request::from_parts(parts, body);
        // Also what the service does before its future runs.
        let future = context.sync_scope(|| self.inner.call(request));
        Box::pin(context.scope(future))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip_of(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let layer = AuditLayer::new().trusted_proxies(proxies.iter().map(|network| network.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        layer.0.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let own = &["10.0.0.0/8", "fd00::/8"][..];
        assert_eq!(ip_of("198.51.100.1", &["203.0.113.9"], own), "198.51.100.1", "anybody can say that");
        assert_eq!(ip_of("10.0.0.1", &["203.0.113.9"], &[]), "10.0.0.1", "nobody is trusted");
        assert_eq!(ip_of("10.0.0.1", &["203.0.113.9"], own), "203.0.113.9");
        assert_eq!(
            ip_of("10.0.0.1", &["1.1.1.1, 203.0.113.9, 10.0.0.2"], own),
            "203.0.113.9",
            "1.1.1.1 is a claim"
        );
        assert_eq!(ip_of("10.0.0.1", &["1.1.1.1", "203.0.113.9:4711", "10.9.9.9"], own), "203.0.113.9");
        assert_eq!(ip_of("fd00::1", &["[2001:db8::1]:443"], own), "2001:db8::1");
        assert_eq!(ip_of("10.0.0.1", &["203.0.113.9, nonsense"], own), "10.0.0.1");
        assert_eq!(ip_of("10.0.0.1", &[], own), "10.0.0.1");
        assert_eq!(ip_of("10.0.0.1", &["10.0.0.7"], own), "10.0.0.7", "all are ours: the first of them");
        assert_eq!(ip_of("10.0.0.1", &["::ffff:203.0.113.9"], own), "203.0.113.9");
    }
}
