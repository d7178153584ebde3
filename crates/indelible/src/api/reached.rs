//! How a request reached the server: from which address, through which proxies, and from whose pages.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use model::Origin;
use model::filter::Network;

/// Characters of a `User-Agent` that are recorded: all that an honest one has.
const USER_AGENT_CHARS_MAX: usize = 512;

/// Headers in which proxies say how they were reached.
const FORWARDED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"];

/// The proxies whose `X-Forwarded-*` headers are believed.
pub(crate) type TrustedProxies = Arc<[Network]>;

/// The client's address, past the proxies that are trusted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(IpAddr);

/// The pages elsewhere from which a browser may use what it carries by itself, its cookies, with this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedOrigins {
    all: bool,
    listed: Vec<String>,
}

impl TrustedOrigins {
    /// These origins, such as `https://tools.example.org`; `*` for all.
    #[must_use]
    pub fn new(origins: impl IntoIterator<Item = String>) -> Self {
        let listed: Vec<String> =
            origins.into_iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect();
        Self { all: listed.iter().any(|origin| origin == "*"), listed }
    }

    /// Whether pages of an origin are among them.
    #[must_use]
    pub(crate) fn hold(&self, origin: &str) -> bool {
        self.all || self.listed.iter().any(|listed| listed.eq_ignore_ascii_case(origin))
    }
}

/// Finds out the client's address. What a stranger says of how it was forwarded is taken away, so that whatever comes
/// after this can believe what is left.
pub(crate) async fn find_client(
    State(proxies): State<TrustedProxies>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical());
    if !peer.is_some_and(|peer| is_trusted(&proxies, peer)) {
        for name in FORWARDED {
            request.headers_mut().remove(name);
        }
    }
    if let Some(peer) = peer {
        let client = client_of(&proxies, peer, request.headers());
        request.extensions_mut().insert(ClientAddress(client));
    }
    next.run(request).await
}

fn is_trusted(proxies: &TrustedProxies, address: IpAddr) -> bool {
    proxies.iter().any(|network| network.contains(address))
}

/// Who is behind a peer: itself, or whoever a trusted proxy says.
pub(super) fn client_of(proxies: &TrustedProxies, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_trusted(proxies, peer) {
        return peer;
    }
    let hops = forwarded_for(headers);
    // Each proxy adds whom it was reached by at the end; the first that is no proxy of ours is the client.
    let first = hops.iter().rev().copied().find(|hop| !is_trusted(proxies, *hop));
    first.or(hops.first().copied()).unwrap_or(peer)
}

fn forwarded_for(headers: &HeaderMap) -> Vec<IpAddr> {
    let values = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map_while(|hop| address(hop.trim())).collect()
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let parsed: Option<IpAddr> = text.trim_matches(['[', ']']).parse().ok();
    parsed.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip())).map(|ip| ip.to_canonical())
}

/// The client's address, as [`find_client`] found it.
pub(crate) fn client_address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ClientAddress>().map(|client| client.0)
}

/// From where a request came, for the entry that tells of it.
pub(crate) fn origin_of(parts: &Parts) -> Origin {
    let text = |name: header::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let agent = text(header::USER_AGENT).map(|agent| agent.chars().take(USER_AGENT_CHARS_MAX).collect());
    Origin {
        ip: client_address(&parts.extensions),
        user_agent: agent,
        request_id: text(header::HeaderName::from_static("x-request-id")).map(ToOwned::to_owned),
        ..Origin::default()
    }
}

/// The address that a trusted proxy says it was reached at, such as `https://audit.example.org`.
pub(super) fn forwarded_url(headers: &HeaderMap) -> Option<String> {
    let first = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        value.split(',').next().map(str::trim).filter(|value| !value.is_empty())
    };
    let is_host = |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b));
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let protocol = first("x-forwarded-proto").filter(|name| matches!(*name, "http" | "https"));
    let host = first("x-forwarded-host").filter(is_host);
    if protocol.is_none() && host.is_none() {
        return None;
    }
    Some(format!("{}://{}", protocol.unwrap_or("http"), host.or(own)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_pages_are_trusted() {
        let origins = TrustedOrigins::new(["https://Tools.example.org/".to_owned()]);
        assert!(origins.hold("https://tools.example.org"));
        assert!(!origins.hold("http://tools.example.org"));
        assert!(!TrustedOrigins::default().hold("https://tools.example.org"));
        assert!(TrustedOrigins::new(["*".to_owned()]).hold("null"));
    }

    #[test]
    fn addresses_with_and_without_port() {
        for (text, ip) in [("203.0.113.9", "203.0.113.9"), ("203.0.113.9:80", "203.0.113.9")] {
            assert_eq!(address(text), ip.parse().ok(), "{text}");
        }
        for (text, ip) in [("[2001:db8::1]:80", "2001:db8::1"), ("::ffff:10.0.0.1", "10.0.0.1")] {
            assert_eq!(address(text), ip.parse().ok(), "{text}");
        }
        assert_eq!(address("unknown"), None);
    }
}
