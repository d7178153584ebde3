//! How this API says no: an empty body, and the text in a header.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::access::Denied;
use crate::api::Problem;

/// Where the text of an error is.
const X_ERROR: HeaderName = HeaderName::from_static("x-error");

/// Characters of such a text, at most.
const TEXT_CHARS_MAX: usize = 1024;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// An answer that is none.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    text: Option<String>,
    retry: bool,
}

impl Refusal {
    /// With a text.
    pub(super) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: Some(text.into()), retry: status == StatusCode::SERVICE_UNAVAILABLE }
    }

    /// 400
    pub(super) fn bad(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// No credential that is valid: told without a text.
    pub(super) const fn unauthenticated() -> Self {
        Self { status: StatusCode::UNAUTHORIZED, text: None, retry: false }
    }

    /// A credential that is valid elsewhere.
    pub(super) fn not_authenticated_here() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not authenticated")
    }

    /// Whether it asks for a credential.
    pub(super) fn is_unauthenticated(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// 403
    pub(super) fn not_authorized() -> Self {
        Self::new(StatusCode::FORBIDDEN, "not authorized")
    }

    /// No such route.
    pub(super) const fn nothing_here() -> Self {
        Self { status: StatusCode::NOT_FOUND, text: None, retry: false }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Unauthenticated => Self::unauthenticated(),
            Denied::Forbidden { .. }
            | Denied::OneSiteOnly { .. }
            | Denied::Limited { .. }
            | Denied::Mightier { .. }
            | Denied::NetworkOnly { .. } => Self::not_authorized(),
            Denied::NoSuchSite(_) => Self::new(StatusCode::NOT_FOUND, denied.to_string()),
            Denied::Store(error) => Problem::from(error).into(),
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::new(problem.status(), problem.detail())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, TEXT);
        if let Some(text) = self.text.as_deref().and_then(header_text) {
            headers.insert(X_ERROR, text);
        }
        if self.retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// What of a text can stand in a header: Latin-1 without control characters but the tab.
fn header_text(text: &str) -> Option<HeaderValue> {
    let fits = |c: char| matches!(c, '\t' | ' '..='~' | '\u{80}'..='\u{ff}');
    let bytes: Vec<u8> =
        text.chars().filter(|c| fits(*c)).take(TEXT_CHARS_MAX).filter_map(|c| u8::try_from(c).ok()).collect();
    HeaderValue::from_bytes(&bytes).ok()
}

/// The answer to a method that a route does not have.
pub(super) fn method_not_allowed() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::CONTENT_TYPE, TEXT)], "method not allowed").into_response()
}

/// 401 with the address at which to sign in.
pub(super) fn sign_in(address: &str) -> Response {
    let body = serde_json::json!({"status": 401, "error": "unauthorized", "links": {"login": address}});
    let mut response = json(StatusCode::UNAUTHORIZED, body.to_string());
    response.headers_mut().insert(X_ERROR, HeaderValue::from_static("not authenticated."));
    response
}

/// 201, without a word.
pub(super) fn created() -> Response {
    (StatusCode::CREATED, [(header::CONTENT_TYPE, TEXT)]).into_response()
}

/// JSON that nobody may keep.
pub(super) fn json(status: StatusCode, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store, private, must-revalidate"),
    ];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cleaned_and_cut() {
        let header = |text: &str| header_text(text).unwrap().as_bytes().to_vec();
        assert_eq!(header("a\r\nx-evil: 1\u{1}\u{7f}\tb"), b"ax-evil: 1\tb");
        assert_eq!(header("é€ÿ"), [0xe9, 0xff]);
        assert_eq!(header(&"é".repeat(2000)).len(), 1024);
    }
}
