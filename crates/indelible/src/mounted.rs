//! API and screens under a prefix of another application: `.nest_service("/audit", server::application(app))`.
//!
//! Within, every address begins at `/`, as if there were no other application. This layer puts the prefix in front of those
//! that leave: links and forms of pages, redirects, the paths of cookies. So no page can forget it.

use std::fmt::Write as _;

use axum::body::{Body, to_bytes};
use axum::extract::{OriginalUri, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

/// The attributes of pages whose values are addresses.
const ADDRESSES: [&str; 6] = ["href", "src", "action", "formaction", "data-tail", "data-completions"];

/// Where this application is mounted: `/audit`, or nothing at the root.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefix(pub(crate) String);

impl Prefix {
    /// What stands in front of the path that the routes of this application see.
    fn of(request: &Request) -> Self {
        let asked =
            request.extensions().get::<OriginalUri>().map_or_else(|| request.uri().path(), |uri| uri.path());
        let seen = request.uri().path();
        // The root is seen as `/` where the prefix alone was asked for.
        let prefix = asked.strip_suffix(seen).or_else(|| (seen == "/").then_some(asked)).unwrap_or_default();
        let prefix = prefix.trim_matches('/');
        Self(if prefix.is_empty() { String::new() } else { format!("/{}", encoded(prefix)) })
    }

    /// The address in front of which the prefix belongs, with it.
    fn before(&self, address: &str) -> Option<String> {
        let is_own = address.starts_with('/') && !address.starts_with("//");
        let rest = address.strip_prefix('/').filter(|_| is_own)?;
        let is_root = rest.is_empty() || rest.starts_with(['?', '#']);
        Some(format!("{}{}{rest}", self.0, if is_root { "" } else { "/" }))
    }

    /// The page with the prefix in all its own addresses. Quotes occur only around attributes: templates escape them in text.
    fn within(&self, page: &str) -> String {
        let mut prefixed = String::with_capacity(page.len() + page.len() / 16);
        let mut rest = page;
        while let Some((before, after)) = rest.split_once("=\"/") {
            let name = before.rsplit(char::is_whitespace).next().unwrap_or_default();
            let is_address = ADDRESSES.contains(&name) && !after.starts_with('/');
            let is_root = after.starts_with(['"', '?', '#']);
            prefixed.push_str(before);
            prefixed.push_str("=\"");
            if is_address {
                prefixed.push_str(&self.0);
            }
            if !is_address || !is_root {
                prefixed.push('/');
            }
            rest = after;
        }
        prefixed.push_str(rest);
        prefixed
    }
}

/// A path of which nothing can end an attribute or a header, whatever was asked for.
fn encoded(path: &str) -> String {
    let mut safe = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/%".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(safe, "%{byte:02X}").unwrap_or_default();
        }
    }
    safe
}

/// Tells the handlers where they are mounted, and puts the prefix in front of the addresses that they answer with.
pub(crate) async fn put_prefix(mut request: Request, next: Next) -> Response {
    let prefix = Prefix::of(&request);
    request.extensions_mut().insert(prefix.clone());
    let response = next.run(request).await;
    if prefix.0.is_empty() {
        return response;
    }
    let (mut head, body) = response.into_parts();
    put_in_headers(&prefix, &mut head.headers);
    let is_page =
        head.headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return Response::from_parts(head, body);
    }
    head.headers.remove(CONTENT_LENGTH);
    // A page was made whole before it is sent.
    match to_bytes(body, usize::MAX).await {
        Ok(page) => Response::from_parts(head, Body::from(prefix.within(&String::from_utf8_lossy(&page)))),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn put_in_headers(prefix: &Prefix, headers: &mut HeaderMap) {
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    if let Some(Ok(location)) = location.and_then(|at| prefix.before(at)).map(|at| HeaderValue::from_str(&at))
    {
        headers.insert(LOCATION, location);
    }
    let narrowed = |cookie: &HeaderValue| {
        let text = cookie.to_str().ok()?;
        // Browsers refuse a cookie of this name with another path.
        let may = !text.starts_with("__Host-") && text.contains("; Path=/;");
        may.then(|| HeaderValue::from_str(&text.replace("; Path=/;", &format!("; Path={};", prefix.0))).ok())
            .flatten()
    };
    let cookies: Vec<HeaderValue> = headers
        .get_all(SET_COOKIE)
        .iter()
        .map(|cookie| narrowed(cookie).unwrap_or_else(|| cookie.clone()))
        .collect();
    headers.remove(SET_COOKIE);
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_addresses_of_a_page_get_the_prefix() {
        let prefix = Prefix("/audit".to_owned());
        let page = "<a class=\"x\" href=\"/\">a</a><a href=\"/?a=1\"><a href=\"/sites/a\"><form action=\"/find\">\
                    <input value=\"/sites/a\"><a href=\"#x\"><a href=\"https://e.example/\"><a href=\"//e.example\">\
                    text href=&#34;/x&#34;<script src=\"/assets/app.js\">";
        let prefixed = "<a class=\"x\" href=\"/audit\">a</a><a href=\"/audit?a=1\"><a href=\"/audit/sites/a\">\
                        <form action=\"/audit/find\"><input value=\"/sites/a\"><a href=\"#x\">\
                        <a href=\"https://e.example/\"><a href=\"//e.example\">text href=&#34;/x&#34;\
                        <script src=\"/audit/assets/app.js\">";
        assert_eq!(prefix.within(page), prefixed);
    }

    #[test]
    fn a_prefix_cannot_end_an_attribute() {
        assert_eq!(encoded("a\"><b>&'\\é%20"), "a%22%3E%3Cb%3E%26%27%5C%C3%A9%20");
    }
}
