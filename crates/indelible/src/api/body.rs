//! Request bodies: within their limits, unpacked, and cut into entries.

use std::io::Read;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use model::Code;
use model::limits::{BATCH_BYTES_MAX, BATCH_DECODED_BYTES_MAX, BATCH_ENTRIES_MAX};
use serde_json::value::RawValue;
use tokio_stream::StreamExt as _;

use super::{Problem, blocking};

/// What was sent: one entry, or a batch.
pub(super) enum Submitted {
    One(Bytes),
    /// An array or NDJSON: each entry as its place in the bytes.
    Batch {
        bytes: Bytes,
        places: Vec<std::ops::Range<usize>>,
    },
}

/// Reads a body and cuts it into entries.
pub(super) async fn submitted(headers: &HeaderMap, body: Body) -> Result<Submitted, Problem> {
    let too_large = || {
        Problem::too_large(format!(
            "the body is larger than {BATCH_BYTES_MAX} bytes (32 MiB): send several batches"
        ))
    };
    let packed = collect(body, BATCH_BYTES_MAX, too_large).await?;
    let (encoding, is_ndjson) = (encoding(headers)?, is_ndjson(headers));
    // Unpacking and cutting take long enough, for a large body, to hold up other requests.
    blocking(move || cut(unpack(encoding, packed)?, is_ndjson)).await
}

/// Reads a body of so many bytes at most.
pub(crate) async fn collect(
    body: Body,
    bytes_max: usize,
    too_large: impl FnOnce() -> Problem,
) -> Result<Bytes, Problem> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| {
            let detail = format!("the body did not arrive whole, and nothing of it was taken: {error}");
            Problem::new(StatusCode::BAD_REQUEST, "incomplete_body", detail)
        })?;
        if bytes.len() + chunk.len() > bytes_max {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.into())
}

/// Cuts a body into entries.
fn cut(bytes: Bytes, is_ndjson: bool) -> Result<Submitted, Problem> {
    let places = if is_ndjson {
        lines(&bytes)
    } else if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        items(&bytes)?
    } else {
        return Ok(Submitted::One(bytes));
    };
    if places.len() > BATCH_ENTRIES_MAX {
        let detail = format!("the batch has {} entries; {BATCH_ENTRIES_MAX} are allowed", places.len());
        return Err(Problem::too_large(detail));
    }
    Ok(Submitted::Batch { bytes, places })
}

fn is_ndjson(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    matches!(
        essence.as_str(),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines"
    )
}

/// How a body is packed.
#[derive(Clone, Copy)]
enum Encoding {
    Plain,
    Gzip,
    Zstd,
}

/// Names of encodings are read in any case, and `x-gzip` is gzip (RFC 9110 §8.4.1).
fn encoding(headers: &HeaderMap) -> Result<Encoding, Problem> {
    let value = headers.get(header::CONTENT_ENCODING).map_or("", |value| value.to_str().unwrap_or("?"));
    match value.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => Ok(Encoding::Plain),
        "gzip" | "x-gzip" => Ok(Encoding::Gzip),
        "zstd" => Ok(Encoding::Zstd),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_encoding",
            format!("the Content-Encoding `{value}` is not supported: use gzip or zstd"),
        )),
    }
}

fn unpack(encoding: Encoding, packed: Bytes) -> Result<Bytes, Problem> {
    match encoding {
        Encoding::Plain => Ok(packed),
        Encoding::Gzip => read_bounded(flate2::read::MultiGzDecoder::new(packed.as_ref()), "gzip"),
        Encoding::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(packed.as_ref())
                .map_err(|error| not_packed("zstd", &error))?;
            read_bounded(decoder, "zstd")
        }
    }
}

/// Unpacks, but no more than an honest body has: a small body must not become unbounded memory.
fn read_bounded(reader: impl Read, encoding: &str) -> Result<Bytes, Problem> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(BATCH_DECODED_BYTES_MAX).unwrap_or(u64::MAX);
    reader.take(limit + 1).read_to_end(&mut bytes).map_err(|error| not_packed(encoding, &error))?;
    if bytes.len() > BATCH_DECODED_BYTES_MAX {
        let detail = format!("the body unpacks to more than {BATCH_DECODED_BYTES_MAX} bytes");
        return Err(Problem::too_large(detail));
    }
    Ok(bytes.into())
}

fn not_packed(encoding: &str, error: &std::io::Error) -> Problem {
    let detail = format!("the body is not valid {encoding}, as its Content-Encoding says: {error}");
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_encoding", detail)
}

/// The lines of NDJSON, empty ones left out.
fn lines(bytes: &Bytes) -> Vec<std::ops::Range<usize>> {
    let mut start = 0;
    let mut places = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let end = start + line.len();
        if !line.trim_ascii().is_empty() {
            places.push(start..end);
        }
        start = end;
    }
    places
}

/// The items of a JSON array. What is wrong inside an item is for the item to answer; what is wrong between
/// them leaves no items to tell apart.
fn items(bytes: &Bytes) -> Result<Vec<std::ops::Range<usize>>, Problem> {
    let refused = |code: Code, message: String| Problem::invalid("", code.as_str(), message);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        refused(Code::NotUtf8, format!("the body is not UTF-8 at byte {}", error.valid_up_to()))
    })?;
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| {
        refused(Code::JsonSyntax, format!("the body is not a JSON array of entries: {error}"))
    })?;
    let start_of = |item: &RawValue| item.get().as_ptr().addr() - text.as_ptr().addr();
    Ok(items.into_iter().map(|item| start_of(item)..start_of(item) + item.get().len()).collect())
}
