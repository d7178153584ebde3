//! The API document, generated from the handlers.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// What the document says beside its routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Indelible",
        description = "The audit log for content platforms: who changed what, when, provably.",
        license(name = "MIT OR Apache-2.0")
    ),
    modifiers(&Bearer),
    security(("token" = [])),
    components(schemas(super::problem::Problem, super::problem::FieldError))
)]
pub(super) struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        if let Some(components) = document.components.as_mut() {
            let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
            components.add_security_scheme("token", scheme);
        }
    }
}

/// The API document.
#[must_use]
pub fn document() -> Document {
    super::documented().into_openapi()
}

pub(super) async fn serve() -> impl IntoResponse {
    let text = document().to_json().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], text)
}
