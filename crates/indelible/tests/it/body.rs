//! Bodies: limits, encodings, and what breaks on the way.

use std::io::Write as _;

use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Server, entry, json, refused};

const ROUTE: &str = "/api/v1/sites/acme.www/entries";
const MIB: usize = 1024 * 1024;

fn packed(server: &Server, encoding: &str, body: Vec<u8>) -> RequestBuilder {
    server
        .request(Method::POST, ROUTE)
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_ENCODING, encoding)
        .body(body)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    zstd::encode_all(plain, 1).unwrap()
}

#[tokio::test]
async fn packed_bodies_are_unpacked() {
    let server = Server::start().await;
    let batch = format!("[{},{}]", entry(""), entry(""));
    let (first, second) = batch.split_at(10);
    let members = [gzip(first.as_bytes()), gzip(second.as_bytes())].concat();
    let frames = [zstd(first.as_bytes()), zstd(second.as_bytes())].concat();
    for (encoding, body) in [
        ("gzip", gzip(batch.as_bytes())),
        ("gzip", members),
        ("GZIP", gzip(batch.as_bytes())),
        ("x-gzip", gzip(batch.as_bytes())),
        ("zstd", zstd(batch.as_bytes())),
        ("zstd", frames),
        ("identity", batch.clone().into_bytes()),
    ] {
        let (status, answer) = json(packed(&server, encoding, body).send().await.unwrap()).await;
        assert_eq!((status.as_u16(), &answer["accepted"]), (200, &json!(2)), "{encoding}: {answer}");
    }
    assert_eq!(server.size("acme.www").await, 14);
}

#[tokio::test]
async fn broken_packing_is_told_as_such() {
    let server = Server::start().await;
    let plain = entry("").into_bytes();
    for (encoding, whole) in [("gzip", gzip(&plain)), ("zstd", zstd(&plain))] {
        let cut = whole[..whole.len() - 3].to_vec();
        let with_garbage = [whole.clone(), b"garbage".to_vec()].concat();
        for body in [cut, with_garbage, plain.clone()] {
            let problem = refused(packed(&server, encoding, body), 422, "bad_encoding", "-").await;
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(&format!("not valid {encoding}")), "{detail}");
        }
    }
    for encoding in ["br", "deflate", "gzip, gzip"] {
        let problem =
            refused(packed(&server, encoding, plain.clone()), 415, "unsupported_encoding", "-").await;
        assert!(problem["detail"].as_str().unwrap().contains("use gzip or zstd"));
    }
    assert_eq!(server.size("acme.www").await, 0);
}

#[tokio::test]
async fn a_small_body_does_not_become_unbounded_memory() {
    let server = Server::start().await;
    // A little more than the largest body that is unpacked.
    let zeros = std::io::Read::take(std::io::repeat(b' '), 8 * 32 * 1024 * 1024 + 1);
    let bomb = zstd::encode_all(zeros, 1).unwrap();
    assert!(bomb.len() < MIB, "{}", bomb.len());
    let problem = refused(packed(&server, "zstd", bomb), 413, "too_large", "-").await;
    assert!(problem["detail"].as_str().unwrap().contains("unpacks to more than"), "{problem}");
}

#[tokio::test]
async fn limits_of_a_batch() {
    let server = Server::start().await;
    let ndjson = |body: String| {
        server.request(Method::POST, ROUTE).header(CONTENT_TYPE, "application/x-ndjson").body(body)
    };
    // What is in the lines does not matter for the count, so the lines are short.
    let problem = refused(ndjson("0\n".repeat(10_001)), 413, "too_large", "-").await;
    assert!(problem["detail"].as_str().unwrap().contains("10001 entries; 10000 are allowed"), "{problem}");
    let (status, answer) = json(ndjson("0\n".repeat(10_000)).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &answer["rejected"]), (207, &json!(10_000)));

    let mut body = entry("").into_bytes();
    body.resize(32 * MIB, b' ');
    let request = || server.request(Method::POST, ROUTE).header(CONTENT_TYPE, "application/x-ndjson");
    // The line is too long for an entry, but the body is not too long for a batch.
    let (status, answer) = json(request().body(body.clone()).send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &answer["results"][0]["error"]["code"]), (207, &json!("too_large")));
    body.push(b' ');
    let problem = refused(request().body(body), 413, "too_large", "-").await;
    assert!(problem["detail"].as_str().unwrap().contains("32 MiB"), "{problem}");
    assert_eq!(server.size("acme.www").await, 0);
}

#[tokio::test]
async fn bytes_that_are_no_text() {
    let server = Server::start().await;
    let bad = [entry("").as_bytes(), b"\xff"].concat();
    refused(server.request(Method::POST, ROUTE).body(bad.clone()), 422, "not_utf8", "").await;
    refused(
        server.request(Method::POST, ROUTE).body([b"[", bad.as_slice(), b"]"].concat()),
        422,
        "not_utf8",
        "",
    )
    .await;
    let lines = [bad.as_slice(), b"\n", entry("").as_bytes()].concat();
    let request =
        server.request(Method::POST, ROUTE).header(CONTENT_TYPE, "application/x-ndjson").body(lines);
    let (status, answer) = json(request.send().await.unwrap()).await;
    assert_eq!((status.as_u16(), &answer["accepted"]), (207, &json!(1)), "one line's bytes cost one line");
    assert_eq!(answer["results"][0]["error"]["code"], "not_utf8");
}

/// Sends bytes as they are and reads the answer until the server closes.
async fn raw(server: &Server, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let text = format!(
        "POST {ROUTE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n{head}\r\n\r\n{body}",
        server.root
    );
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_called_too_large() {
    let server = Server::start().await;
    let answer = raw(&server, "Transfer-Encoding: chunked", "zz\r\n{}\r\n0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("application/problem+json") && answer.contains("incomplete_body"), "{answer}");
    assert!(!answer.contains("too_large"), "{answer}");
    assert_eq!(server.size("acme.www").await, 0);
}
