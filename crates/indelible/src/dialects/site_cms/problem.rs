//! Errors as this API tells them: RFC 7807, with the codes of that CMS.

use axum::extract::rejection::PathRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::access::Denied;
use crate::api;
use crate::revert::RevertError;
use crate::search::SearchError;
use crate::store::StoreError;

/// What all types of problems begin with.
const TYPE_BASE: &str = "urn:indelible:problem:";

/// An error.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
}

#[derive(Debug, Serialize)]
struct FieldError {
    field: String,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

impl Problem {
    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let code = code(status);
        Self {
            kind: format!("{TYPE_BASE}{}", code.to_ascii_lowercase()),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            code,
            errors: Vec::new(),
        }
    }

    /// 400 about a parameter or a field.
    pub(super) fn bad(field: &str, message: impl Into<String>) -> Self {
        Self::about(StatusCode::BAD_REQUEST, field, message)
    }

    /// 422 about a field.
    pub(super) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::about(StatusCode::UNPROCESSABLE_ENTITY, field, message)
    }

    /// 404
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "this route does not have this method")
    }

    fn about(status: StatusCode, field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let detail = format!("`{field}`: {message}");
        let error = FieldError { field: field.to_owned(), message, code: None };
        Self { errors: vec![error], ..Self::new(status, detail) }
    }
}

/// The code of a status.
const fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "BAD_REQUEST",
        StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
        StatusCode::FORBIDDEN => "FORBIDDEN",
        StatusCode::NOT_FOUND => "RESOURCE_NOT_FOUND",
        StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
        StatusCode::CONFLICT => "CONFLICT",
        StatusCode::PAYLOAD_TOO_LARGE => "PAYLOAD_TOO_LARGE",
        StatusCode::UNPROCESSABLE_ENTITY => "VALIDATION_ERROR",
        StatusCode::TOO_MANY_REQUESTS => "RATE_LIMIT_EXCEEDED",
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => "HOST_FAILED",
        StatusCode::SERVICE_UNAVAILABLE => "SERVICE_UNAVAILABLE",
        _ => "INTERNAL_ERROR",
    }
}

impl From<api::Problem> for Problem {
    fn from(problem: api::Problem) -> Self {
        let error = |error: &api::FieldError| FieldError {
            field: error.field.clone(),
            message: error.message.clone(),
            code: Some(error.code.clone()),
        };
        let errors = problem.errors().iter().map(error).collect();
        Self { errors, ..Self::new(problem.status(), problem.detail()) }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        api::Problem::from(denied).into()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        api::Problem::from(error).into()
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        api::Problem::from(error).into()
    }
}

impl From<RevertError> for Problem {
    fn from(error: RevertError) -> Self {
        api::Problem::from(error).into()
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        api::Problem::from(rejection).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"indelible\""));
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
