//! The stylesheet, the script and the icon, from inside the binary.

use std::sync::LazyLock;

use axum::extract::{Path, RawQuery};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::Embed;

use super::view::Assets;

#[derive(Embed)]
#[folder = "assets/"]
struct Files;

/// Addresses of the assets, with their content's hash: a new version has a new address.
static ADDRESSES: LazyLock<Assets> = LazyLock::new(|| {
    let address = |file: &str| match version(file) {
        Some(version) => format!("/assets/{file}?v={version}"),
        None => format!("/assets/{file}"),
    };
    Assets { stylesheet: address("app.css"), script: address("app.js"), favicon: address("favicon.svg") }
});

/// Where pages find their assets.
pub(super) fn addresses() -> Assets {
    ADDRESSES.clone()
}

fn version(file: &str) -> Option<String> {
    let hash = Files::get(file)?.metadata.sha256_hash();
    Some(tlog::Hash::from_bytes(hash).to_string().chars().take(12).collect())
}

pub(super) async fn serve(
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let (Some(content), Some(version)) = (Files::get(&file), version(&file)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let tag = format!("\"{version}\"");
    let is_pinned = query.as_deref() == Some(format!("v={version}").as_str());
    let cache = if is_pinned { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known == Some(tag.as_str()) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        content.data.into_owned().into_response()
    };
    let kind = match file.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}
