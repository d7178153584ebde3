//! Errors as RFC 9457 problem details.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{Code, CursorError, FilterError, Violation};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ConfigureError;
use crate::access::{Denied, SignInError};
use crate::entropy::NoEntropy;
use crate::hosts::HostError;
use crate::journal::JournalError;
use crate::refusals::Why;
use crate::revert::RevertError;
use crate::search::SearchError;
use crate::store::{SaveError, StoreError};

/// Seconds after which a sender that was turned away should try again.
const RETRY_AFTER_SECONDS: u64 = 1;

/// An error as told to a client (RFC 9457). What only the operator may know goes to the server's log instead.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Identifies the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem in words.
    title: String,
    /// HTTP status.
    status: u16,
    /// What happened this time, and what to do.
    detail: String,
    /// Machine-readable code.
    code: String,
    /// What is wrong with which field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip)]
    retry: Option<u64>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// Path of the field; empty for the whole.
    pub field: String,
    /// Machine-readable code.
    pub code: String,
    /// What is wrong and what is allowed.
    pub message: String,
    /// Where in a filter's text it is.
    #[serde(flatten)]
    pub place: Option<FilterPlace>,
}

/// Where in a filter's text a mistake is, and the way out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FilterPlace {
    /// Its first character, from 0.
    pub position: usize,
    /// How many characters it covers; 0 at the text's end.
    pub length: usize,
    /// What could stand there.
    pub expected: Vec<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl From<&Violation> for FieldError {
    fn from(violation: &Violation) -> Self {
        Self {
            field: violation.field.clone(),
            code: violation.code.as_str().to_owned(),
            message: violation.message.clone(),
            place: None,
        }
    }
}

impl From<&FieldError> for Why {
    fn from(error: &FieldError) -> Self {
        let FieldError { field, code, message, .. } = error.clone();
        Self { code, field, message }
    }
}

impl Problem {
    /// Why something was refused, for those who look after the sender.
    pub(crate) fn why(&self) -> Why {
        let whole = || Why { code: self.code.clone(), field: String::new(), message: self.detail.clone() };
        self.errors.first().map_or_else(whole, Why::from)
    }

    /// A problem with a status, a code and a sentence.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:indelible:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            code: code.to_owned(),
            errors: Vec::new(),
            retry: matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
                .then_some(RETRY_AFTER_SECONDS),
        }
    }

    /// 404
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Too many requests of a sort: to be sent again after this time.
    #[must_use]
    pub fn too_many(detail: impl Into<String>, wait: Duration) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
        Self { retry: Some(retry_after(wait)), ..problem }
    }

    /// The same, written already.
    pub(super) fn too_many_as(written: Bytes, wait: Duration) -> Response {
        let mut response = (StatusCode::TOO_MANY_REQUESTS, written).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(retry_after(wait)));
        response
    }

    /// 405
    #[must_use]
    pub fn method_not_allowed() -> Self {
        let detail = "this route does not have this method; see /openapi.json";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    /// 413
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// 422 about one field or parameter.
    pub fn invalid(field: &str, code: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let detail = if field.is_empty() { message.clone() } else { format!("`{field}`: {message}") };
        let error = FieldError { field: field.to_owned(), code: code.to_owned(), message, place: None };
        Self { errors: vec![error], ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail) }
    }

    /// 422 about a filter's text in a field or parameter.
    #[must_use]
    pub fn filter(field: &str, error: &FilterError) -> Self {
        let place = FilterPlace {
            position: error.position,
            length: error.length,
            expected: error.expected.clone(),
            hint: error.hint.clone(),
        };
        let mut problem = Self::invalid(field, "filter_syntax", error.to_string());
        for error in &mut problem.errors {
            error.place = Some(place.clone());
        }
        problem
    }

    /// What is wrong with a submitted entry: 409 for a taken id, 413 when it is too long, else 422.
    #[must_use]
    pub fn refused(violations: &[Violation]) -> Self {
        let is = |code| violations.iter().any(|violation| violation.code == code);
        let whole = |violation: &Violation| violation.code == Code::TooLarge && violation.field.is_empty();
        let status = if is(Code::IdConflict) {
            StatusCode::CONFLICT
        } else if violations.iter().any(whole) {
            StatusCode::PAYLOAD_TOO_LARGE
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        let code = violations.first().map_or("invalid", |violation| violation.code.as_str());
        let detail = violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Self {
            errors: violations.iter().map(FieldError::from).collect(),
            ..Self::new(status, code, format!("the entry was refused: {detail}"))
        }
    }

    /// The same problem with the fields that are wrong.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// The same problem, found in a part of what was sent: fields are named as they stand in the whole.
    #[must_use]
    pub(crate) fn within(mut self, part: &str) -> Self {
        for error in &mut self.errors {
            if error.field.is_empty() || error.field == part {
                part.clone_into(&mut error.field);
            } else {
                error.field = format!("{part}.{}", error.field);
            }
        }
        if let Some(error) = self.errors.first() {
            self.detail = format!("`{}`: {}", error.field, error.message);
        }
        self
    }

    /// 500: the cause goes to the server's log, not to the client.
    pub fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed");
        let detail = "something went wrong in the server; its log says what, under this request's id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// 503: it works again by itself.
    fn unavailable(cause: &dyn std::fmt::Display) -> Self {
        tracing::warn!(%cause, "a request has to wait");
        let detail = "the database cannot be reached now, or is busy: send it again in a moment";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }

    /// HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What is wrong with which field.
    #[must_use]
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// What happened, and what to do.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }
}

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Whole seconds to wait, at least one.
fn retry_after(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000).max(1)).unwrap_or(u64::MAX)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status();
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"indelible\""));
        }
        if let Some(seconds) = self.retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<PathRejection> for Problem {
    /// What cannot even be read as text names nothing that there is.
    fn from(_: PathRejection) -> Self {
        Self::not_found("there is nothing at this address: a part of its path is not UTF-8")
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        let detail = denied.to_string();
        match denied {
            Denied::Unauthenticated => Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail),
            Denied::Forbidden { .. }
            | Denied::OneSiteOnly { .. }
            | Denied::Mightier { .. }
            | Denied::NetworkOnly { .. }
            | Denied::Limited { .. } => Self::new(StatusCode::FORBIDDEN, "forbidden", detail),
            Denied::NoSuchSite(_) => Self::new(StatusCode::NOT_FOUND, "unknown_site", detail),
            Denied::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full { .. } => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", error.to_string())
            }
            StoreError::Unavailable(_) => Self::unavailable(&error),
            StoreError::Corrupt(_) | StoreError::Refused(_) | StoreError::Engine { .. } => {
                Self::internal(&error)
            }
        }
    }
}

impl From<SaveError> for Problem {
    fn from(error: SaveError) -> Self {
        let detail = error.to_string();
        match error {
            SaveError::NameTaken { id } => {
                let detail = format!("{detail} (PUT or DELETE /api/v1/searches/{id})");
                Self::new(StatusCode::CONFLICT, "exists", detail)
            }
            SaveError::TooMany => Self::new(StatusCode::CONFLICT, "too_many", detail),
            SaveError::Store(error) => error.into(),
        }
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        let detail = error.to_string();
        match error {
            JournalError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail),
            JournalError::Unavailable(_) => Self::unavailable(&error),
            JournalError::Full(_) => Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", detail),
            JournalError::Stopped(_) => {
                tracing::error!(detail, "a write was refused");
                let detail = "the log has stopped and takes nothing until the server was restarted";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", detail)
            }
        }
    }
}

impl From<ConfigureError> for Problem {
    fn from(error: ConfigureError) -> Self {
        let detail = error.to_string();
        match error {
            ConfigureError::Exists(_) | ConfigureError::UserExists(_) => {
                Self::new(StatusCode::CONFLICT, "exists", detail)
            }
            ConfigureError::NoUser(_) => Self::not_found(detail),
            ConfigureError::Entry(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail),
            ConfigureError::Denied(denied) => denied.into(),
            ConfigureError::Setting(error) => Self::invalid(&error.key, "invalid_value", error.message),
            ConfigureError::Journal(error) => error.into(),
            ConfigureError::Store(error) => error.into(),
            ConfigureError::Entropy(error) => error.into(),
        }
    }
}

impl From<SearchError> for Problem {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Store(error) => error.into(),
            SearchError::TooLong => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "search_too_long", error.to_string())
            }
            SearchError::TooManyBuckets => Self::invalid("histogram", "too_many_buckets", error.to_string()),
            SearchError::Removed => Self::internal(&error),
            SearchError::Index(error) => Self::internal(&error),
        }
    }
}

impl From<RevertError> for Problem {
    fn from(error: RevertError) -> Self {
        let detail = error.to_string();
        match error {
            RevertError::Impossible(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not_revertible", detail)
            }
            RevertError::ReasonMissing => Self::invalid("reason", "missing_field", detail),
            RevertError::NotPlanned(_) => Self::invalid("overwrite", "invalid_value", detail),
            RevertError::Conflict(fields, _) => {
                let conflict = |field: &String| FieldError {
                    field: field.clone(),
                    code: "changed_since".to_owned(),
                    message: "was changed since; name it in `overwrite` to put it back all the same"
                        .to_owned(),
                    place: None,
                };
                let errors = fields.iter().map(conflict).collect();
                Self::new(StatusCode::CONFLICT, "conflict", detail).with_errors(errors)
            }
            RevertError::Host(HostError::Slow) => Self::new(StatusCode::GATEWAY_TIMEOUT, "host_slow", detail),
            RevertError::Host(_) => Self::new(StatusCode::BAD_GATEWAY, "host_failed", detail),
            RevertError::Unrecorded(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "unrecorded", detail),
            RevertError::Journal(error) => error.into(),
            RevertError::Search(error) => error.into(),
            RevertError::Store(error) => error.into(),
            RevertError::Entropy(error) => error.into(),
        }
    }
}

impl From<CursorError> for Problem {
    fn from(error: CursorError) -> Self {
        let code = match error {
            CursorError::Foreign => "cursor_invalid",
            CursorError::Mismatch => "cursor_mismatch",
        };
        Self::invalid("cursor", code, error.to_string())
    }
}

impl From<SignInError> for Problem {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Refused => Self::new(StatusCode::UNAUTHORIZED, "sign_in_refused", error.to_string()),
            SignInError::Wait(wait) => Self::too_many(error.to_string(), wait),
            SignInError::Store(error) => error.into(),
            SignInError::Entropy(error) => error.into(),
        }
    }
}

impl From<NoEntropy> for Problem {
    fn from(error: NoEntropy) -> Self {
        Self::internal(&error)
    }
}
