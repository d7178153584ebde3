//! `/logs/{site}/…`: an outside reader of its own walks the tiles and trusts nothing.

use model::{Leaf, Role};
use reqwest::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use reqwest::{Method, Response, StatusCode};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::support::{Server, entry, refused};

/// Reads a log as the specification says, without our own code for trees, tiles or paths.
pub(crate) struct Reader<'a> {
    pub(crate) server: &'a Server,
    pub(crate) prefix: String,
}

impl Reader<'_> {
    async fn get(&self, path: &str) -> Response {
        self.server.request(Method::GET, &format!("{}/{path}", self.prefix)).send().await.unwrap()
    }

    async fn bytes(&self, path: &str) -> Vec<u8> {
        let response = self.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/octet-stream", "{path}");
        response.bytes().await.unwrap().to_vec()
    }

    /// Size and root, out of the note's second and third line.
    async fn checkpoint(&self) -> (u64, Vec<u8>) {
        use base64::Engine as _;
        let text = self.get("checkpoint").await.text().await.unwrap();
        let mut lines = text.lines().skip(1);
        let size = lines.next().unwrap().parse().unwrap();
        (size, base64::prelude::BASE64_STANDARD.decode(lines.next().unwrap()).unwrap())
    }

    /// Every leaf of the log.
    pub(crate) async fn leaves(&self, size: u64) -> Vec<Vec<u8>> {
        let mut leaves = Vec::new();
        for tile in 0..size.div_ceil(256) {
            let width = (size - tile * 256).min(256);
            let mut rest = self.bytes(&format!("tile/entries/{}", place(tile, width))).await;
            while !rest.is_empty() {
                let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
                leaves.push(rest[2..2 + length].to_vec());
                rest.drain(..2 + length);
            }
        }
        leaves
    }
}

fn place(tile: u64, width: u64) -> String {
    let groups =
        if tile < 1000 { format!("{tile:03}") } else { format!("x{:03}/{:03}", tile / 1000, tile % 1000) };
    if width == 256 { groups } else { format!("{groups}.p/{width}") }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap()
}

fn hash(prefix: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut digest = Sha256::new().chain_update([prefix]);
    for part in parts {
        digest.update(part);
    }
    digest.finalize().to_vec()
}

/// `MTH` of RFC 6962 §2.1, word for word.
fn root(hashes: &[Vec<u8>]) -> Vec<u8> {
    match hashes {
        [] => Sha256::digest([]).to_vec(),
        [one] => one.clone(),
        many => {
            let split = many.len().next_power_of_two() / 2;
            hash(1, &[&root(&many[..split]), &root(&many[split..])])
        }
    }
}

pub(crate) async fn append(server: &Server, count: usize) {
    for part in (0..count).collect::<Vec<_>>().chunks(500) {
        let entries: Vec<String> = part.iter().map(|_| entry("")).collect();
        let (status, _) = server.append(format!("[{}]", entries.join(","))).await;
        assert_eq!(status, StatusCode::OK);
    }
}

#[tokio::test]
async fn whoever_reads_the_tiles_finds_the_root_that_is_signed() {
    let server = Server::start().await;
    let reader = Reader { server: &server, prefix: "/logs/acme.www".to_owned() };
    let mut grown = 0;
    for size in [0, 1, 2, 255, 256, 257, 512, 700] {
        append(&server, size - grown).await;
        grown = size;
        let (told, signed) = reader.checkpoint().await;
        assert_eq!(told, number(size));
        let leaves = reader.leaves(told).await;
        assert_eq!(leaves.len(), size);
        let hashes: Vec<_> = leaves.iter().map(|leaf| hash(0, &[leaf])).collect();
        assert_eq!(root(&hashes), signed, "size {size}");

        // Every tile of level 0 holds these hashes; level 1 the roots over the full ones.
        for (tile, part) in hashes.chunks(256).enumerate() {
            let path = format!("tile/0/{}", place(number(tile), number(part.len())));
            assert_eq!(reader.bytes(&path).await, part.concat(), "{path}");
        }
        let full: Vec<Vec<u8>> = hashes.chunks_exact(256).map(root).collect();
        if !full.is_empty() {
            let path = format!("tile/1/{}", place(0, number(full.len())));
            assert_eq!(reader.bytes(&path).await, full.concat(), "size {size}");
        }
    }
    for leaf in reader.leaves(700).await {
        let read = Leaf::parse(&leaf).unwrap();
        assert_eq!(read.to_bytes(), leaf);
        assert!(!String::from_utf8_lossy(&leaf).contains("page.update"), "a leaf tells nothing of the entry");
    }
}

#[tokio::test]
async fn partial_tiles_of_every_size_are_served_for_ever() {
    let server = Server::start().await;
    append(&server, 300).await;
    let reader = Reader { server: &server, prefix: "/logs/acme.www".to_owned() };
    let (whole, bundle) = (reader.bytes("tile/0/000").await, reader.bytes("tile/entries/000").await);
    for width in 1..=255 {
        let part = reader.bytes(&format!("tile/0/000.p/{width}")).await;
        assert_eq!(part, whole[..width * 32], "a partial tile is a prefix of the full one");
        let part = reader.bytes(&format!("tile/entries/000.p/{width}")).await;
        assert!(bundle.starts_with(&part), "and so is a bundle");
    }
}

#[tokio::test]
async fn what_is_no_path_of_the_log_is_not_found() {
    let server = Server::start().await;
    append(&server, 300).await;
    let malformed = [
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/0/000/",
        "tile/0/x000",
        "tile/0/x01/000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/+0/000",
        "tile/a/000",
        "tile//000",
        "tile/0/",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/01",
        "tile/0/000.p/+1",
        "tile/0/000.p/1/",
        "tile/0/000.p1",
        "tile/0/000.p/1.p/1",
        "tile/0/0%300",
        "tile/0/000%2Ep/1",
        "tile/0/000%2F",
        "tile/%30/000",
        "tile/Entries/000",
        "tile/entries/0",
        "tile/entries/000.p/256",
        "tile/data/000",
        "tile/8/0/000",
        "tile/0/x18446744073709551615/000",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
    ];
    let beyond = [
        "tile/0/001.p/45",
        "tile/0/001",
        "tile/0/002",
        "tile/0/002.p/1",
        "tile/1/000",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/63/000",
        "tile/entries/001",
        "tile/entries/001.p/45",
        "tile/entries/002.p/1",
        "tile/0/x018/x446/x744/x073/x709/x551/615",
    ];
    for path in malformed.into_iter().chain(beyond) {
        let request = server.request(Method::GET, &format!("/logs/acme.www/{path}"));
        refused(request, 404, "not_found", "-").await;
    }
    for path in ["tile", "tile/0", "Checkpoint", "checkpoint/", "log.json"] {
        let response = server.request(Method::GET, &format!("/logs/acme.www/{path}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let response = server.request(Method::PUT, "/logs/acme.www/checkpoint").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_log_is_for_the_sites_readers_until_it_is_public() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    append(&server, 300).await;
    let paths = ["checkpoint", "log.v1.json", "tile/0/000", "tile/entries/001.p/44"];
    let anonymous = |site: &str, path: &str| server.client.get(server.url(&format!("/logs/{site}/{path}")));
    for path in paths {
        let url = format!("/logs/acme.www/{path}");
        refused(anonymous("acme.www", path), 401, "unauthenticated", "-").await;
        refused(anonymous("no.such", path), 401, "unauthenticated", "-").await;
        let writer = server.token(Role::Writer, Some("acme.www"));
        refused(server.request_as(&writer, Method::GET, &url), 403, "forbidden", "-").await;
        let other = server.token(Role::Auditor, Some("acme.docs"));
        refused(server.request_as(&other, Method::GET, &url), 404, "unknown_site", "-").await;
        let auditor = server.token(Role::Auditor, Some("acme.www"));
        let answer = server.request_as(&auditor, Method::GET, &url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert!(answer.headers()[CACHE_CONTROL].to_str().unwrap().starts_with("private, max-age="), "{path}");
        assert!(answer.headers().get_all(VARY).iter().any(|vary| vary == "authorization, cookie"), "{path}");
    }

    let settings = server.request(Method::PUT, "/api/v1/sites/acme.www/settings");
    let set = settings.json(&json!({"public_log": true})).send().await.unwrap();
    assert_eq!(set.json::<serde_json::Value>().await.unwrap()["public_log"], true);
    for path in paths {
        let answer = anonymous("acme.www", path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let expected = match path {
            "checkpoint" | "log.v1.json" => "public, max-age=2",
            _ => "public, max-age=31536000, immutable",
        };
        assert_eq!(answer.headers()[CACHE_CONTROL], expected, "{path}");
        refused(anonymous("acme.docs", path), 401, "unauthenticated", "-").await;
        refused(anonymous("_system", path), 401, "unauthenticated", "-").await;
    }
    // The entries themselves are as closed as before.
    refused(server.client.get(server.url("/api/v1/sites/acme.www/entries")), 401, "unauthenticated", "-")
        .await;
    let settings = server.request(Method::PUT, "/api/v1/sites/acme.www/settings");
    refused(settings.json(&json!({"public_log": "yes"})), 422, "invalid_value", "public_log").await;
}

#[tokio::test]
async fn a_log_says_what_is_to_be_known_of_it() {
    let server = Server::start().await;
    let about = server.read("/logs/_system/log.v1.json").await;
    let key = server.indelible.keys().verifier_key(&"_system".parse().unwrap()).unwrap();
    assert_eq!(about["origin"], key.name());
    assert_eq!(about["vkeys"], json!([{"vkey": key.to_string(), "status": "current"}]));
    assert_eq!(about["minimum_index"], 0);
    let checkpoint = server.request(Method::GET, "/logs/_system/checkpoint").send().await.unwrap();
    assert_eq!(checkpoint.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
    let note = checkpoint.text().await.unwrap();
    let verified = tlog::Checkpoint::verify(&note, key.name(), std::slice::from_ref(&key)).unwrap();
    assert!(verified.size() > 0, "what was configured is logged");
}
