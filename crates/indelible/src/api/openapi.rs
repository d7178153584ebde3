//! The API document, generated from the handlers.

use axum::http::header;
use axum::response::IntoResponse;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, Ref, Response, ResponseBuilder};
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

/// What every route may answer.
fn asked_too_often() -> Response {
    let problem = Ref::from_schema_name("Problem");
    ResponseBuilder::new()
        .description("asked too often: `Retry-After` says when to ask again")
        .content("application/problem+json", ContentBuilder::new().schema(Some(problem)).build())
        .build()
}

/// The API document.
#[must_use]
pub fn document() -> Document {
    let mut document = super::documented().into_openapi();
    let asked_too_often = asked_too_often();
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        for operation in operations.into_iter().flatten().filter(|_| path.starts_with("/api/")) {
            operation.responses.responses.insert("429".to_owned(), asked_too_often.clone().into());
        }
    }
    document
}

pub(super) async fn serve() -> impl IntoResponse {
    let text = document().to_json().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], text)
}
