//! Addresses of the screens. Every name, id and value is percent-encoded here, so that templates can put
//! an address into an attribute as it is.

use std::fmt::Write;

/// The list of all sites.
pub const SITES: &str = "/";
/// The activity of all sites.
pub const ACTIVITY: &str = "/activity";
/// Where an id is looked up; takes `id`.
pub const FIND: &str = "/find";
/// Where people sign in; GET shows the form, POST takes `token` and `next`.
pub const SIGN_IN: &str = "/sign-in";
/// Where people sign in with the identity provider; takes `next` and `as`.
pub const SIGN_IN_OIDC: &str = "/sign-in/oidc";
/// Where the identity provider sends them back to.
pub const SIGN_IN_OIDC_CALLBACK: &str = "/sign-in/oidc/callback";
/// Where people sign out; POST.
pub const SIGN_OUT: &str = "/sign-out";

/// The sessions and the password of whoever is signed in.
pub const ACCOUNT: &str = "/account";
/// A part of a log within a page of somebody else; takes `token`.
pub const EMBED: &str = "/embed";
/// Users and tokens.
pub const ACCESS: &str = "/access";

/// One site's activity.
#[must_use]
pub fn site(site: &str) -> String {
    format!("/sites/{}", encode(site))
}

/// One site's integrity page.
#[must_use]
pub fn integrity(site: &str) -> String {
    format!("/sites/{}/integrity", encode(site))
}

/// One site's settings.
#[must_use]
pub fn settings(site: &str) -> String {
    format!("/sites/{}/settings", encode(site))
}

/// What sends one site its entries.
#[must_use]
pub fn connectors(site: &str) -> String {
    format!("/sites/{}/connectors", encode(site))
}

/// One actor of a site.
#[must_use]
pub fn actor(site: &str, actor_type: &str, id: &str) -> String {
    format!("/sites/{}/actors/{}/{}", encode(site), encode(actor_type), encode(id))
}

/// One entry.
#[must_use]
pub fn entry(site: &str, id: &str) -> String {
    format!("/sites/{}/entries/{}", encode(site), encode(id))
}

/// The history of one entity.
#[must_use]
pub fn entity(site: &str, entity_type: &str, id: &str) -> String {
    format!("/sites/{}/entities/{}/{}", encode(site), encode(entity_type), encode(id))
}

/// One saved search: leads to the list that it stands for.
#[must_use]
pub fn saved_search(id: &str) -> String {
    format!("/searches/{}", encode(id))
}

/// The path with these parameters, in their order; pairs with an empty value are left out.
#[must_use]
pub fn with_query<N: AsRef<str>, V: AsRef<str>>(path: &str, pairs: &[(N, V)]) -> String {
    let mut address = path.to_owned();
    let mut mark = '?';
    for (name, value) in pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())) {
        if !value.is_empty() {
            address.push(mark);
            push_encoded(&mut address, name);
            address.push('=');
            push_encoded(&mut address, value);
            mark = '&';
        }
    }
    address
}

/// An address that an entry brought along, if a page may link to it: http and https only, so that no
/// `javascript:` gets into a link.
#[must_use]
pub fn external(address: &str) -> Option<String> {
    let scheme = address.split_once("://")?.0;
    let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    is_web.then(|| address.to_owned())
}

/// Where to go after signing in, if it is a path of this server; else the start. Browsers read `\` as `/`
/// and drop control characters, so that either could lead to another server.
#[must_use]
pub fn local(path: &str) -> &str {
    let is_odd = |c: char| c == '\\' || c.is_control();
    if path.starts_with('/') && !path.starts_with("//") && !path.contains(is_odd) { path } else { SITES }
}

/// The text with every byte but RFC 3986's unreserved ones percent-encoded.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    push_encoded(&mut encoded, text);
    encoded
}

fn push_encoded(address: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            address.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(address, "%{byte:02X}").unwrap_or_default();
        }
    }
}
