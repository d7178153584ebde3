//! Evidence bundles: what is in them, and what of a changed one is seen.

use std::io::Read as _;

use indelible::auditor::{BundleReport, verify_bundle};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tlog::{Hash, VerifierKey};

use crate::logs::append;
use crate::program::Place;
use crate::support::{Server, entry, refused};

type Files = Vec<(String, Vec<u8>)>;

/// What is done to a bundle.
type Forgery = fn(&mut Files);

async fn bundle(server: &Server, query: &str) -> Vec<u8> {
    let request = server.request(Method::GET, &format!("/api/v1/sites/acme.www/evidence{query}"));
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[CONTENT_TYPE]),
        (200, &"application/x-tar".parse().unwrap())
    );
    answer.bytes().await.unwrap().to_vec()
}

fn unpack(tar: &[u8]) -> Files {
    let mut archive = tar::Archive::new(tar);
    let read = |file: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut file = file.unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.path().unwrap().to_string_lossy().into_owned(), bytes)
    };
    archive.entries().unwrap().map(read).collect()
}

fn pack(files: &Files) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(u64::try_from(bytes.len()).unwrap());
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn keys(server: &Server) -> (VerifierKey, VerifierKey) {
    let keys = server.indelible.keys();
    (keys.verifier_key(&"acme.www".parse().unwrap()).unwrap(), keys.umbrella_key().unwrap().verifier_key())
}

/// Five entries, of which the umbrella covers all but one, and their bundle.
async fn staged() -> (Server, Files, VerifierKey, VerifierKey) {
    let server = Server::start().await;
    append(&server, 3).await;
    let told = r#","origin":{"ip":"203.0.113.9"},"summary":"Straße \"9\"\n""#;
    server.appended(entry(told)).await;
    server.indelible.umbrella().round(false).unwrap();
    append(&server, 1).await;
    let files = unpack(&bundle(&server, "").await);
    let (log, umbrella) = keys(&server);
    (server, files, log, umbrella)
}

fn judged(files: &Files, log: &VerifierKey, umbrella: &VerifierKey) -> BundleReport {
    verify_bundle(pack(files).as_slice(), log, Some(umbrella), None).unwrap()
}

#[tokio::test]
async fn a_bundle_verifies_without_the_server_and_holds_what_was_asked_for() {
    let server = Server::start().await;
    append(&server, 300).await;
    let wanted = server.appended(entry(r#","summary":"wanted","origin":{"ip":"203.0.113.9"}"#)).await;
    server.indelible.umbrella().round(false).unwrap();
    append(&server, 10).await;
    let (log, umbrella) = keys(&server);

    let all = bundle(&server, "").await;
    let report = verify_bundle(all.as_slice(), &log, Some(&umbrella), None).unwrap();
    assert_eq!((report.entries, report.withheld, report.findings.as_slice()), (311, 0, &[][..]));
    assert!(report.description.umbrella_checkpoint.is_some());

    let one = bundle(&server, "?q=summary%3Awanted").await;
    let files = unpack(&one);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["README.txt", "bundle.json", "entries/000000000300.json", "end.json"]);
    let exhibit: Value = serde_json::from_slice(&files[2].1).unwrap();
    assert_eq!((&exhibit["index"], &exhibit["id"]), (&json!(300), &wanted["id"]));
    assert!(exhibit["receipt"].as_str().unwrap().contains("\nextra "), "it goes on to the umbrella");
    let contents: String = exhibit["sections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|section| section["content"].as_str().unwrap())
        .collect();
    assert!(contents.contains("203.0.113.9") && contents.contains("wanted"), "{contents}");
    let about: Value = serde_json::from_slice(&files[1].1).unwrap();
    assert_eq!(
        (&about["filter"], &about["vkeys"]),
        (&json!("q=summary%3Awanted"), &json!([log.to_string()]))
    );

    // Salts are given away, the secret they derive from is not.
    let stored = server.indelible.store().entries(1, 300..301).unwrap();
    let secret = Hash::try_from(&stored[0][27..59]).unwrap().to_string();
    assert!(!String::from_utf8_lossy(&one).contains(&secret));

    let none =
        verify_bundle(bundle(&server, "?q=summary%3Anothing").await.as_slice(), &log, None, None).unwrap();
    assert_eq!((none.entries, none.findings.len()), (0, 0));
    let wrong = server.request(Method::GET, "/api/v1/sites/acme.www/evidence?q=kind%3A%28");
    refused(wrong, 422, "filter_syntax", "q").await;
}

#[tokio::test]
async fn every_change_to_a_bundle_is_told_with_its_place() {
    let (_server, files, log, umbrella) = staged().await;
    assert_eq!(judged(&files, &log, &umbrella).entries, 5);
    let edit = |files: &mut Files, place: usize, change: &dyn Fn(&mut Value)| {
        let mut json: Value = serde_json::from_slice(&files[place].1).unwrap();
        change(&mut json);
        files[place].1 = serde_json::to_vec(&json).unwrap();
    };
    let told = |files: &Files, words: &str| {
        let report = judged(files, &log, &umbrella);
        let found = report.findings.iter().any(|finding| finding.what.contains(words));
        assert!(found, "`{words}` in {:?}", report.findings);
    };
    let edits: [(&str, &str, Value); 8] = [
        ("/sections/0/content", "entries/000000000003.json: CHANGED: the section `actor`", json!("{}")),
        ("/sections/0/salt", "entries/000000000003.json: CHANGED", json!("00".repeat(32))),
        ("/sections/0/salt", "the salt of `actor`: ", json!("XY")),
        ("/sections/0/name", "the section `origin` has a wrong number", json!("origin")),
        ("/leaf", "the leaf does not begin with INDELOG", json!("AAAA")),
        ("/id", "the leaf is that of the entry", json!("01a0c450-6c00-7000-8000-00000000002a")),
        ("/receipt", "the receipt: ", json!("c2sp.org/tlog-proof@v1\n")),
        ("/index", "it is the entry at index 4", json!(4)),
    ];
    for (pointer, words, value) in edits {
        let mut changed = files.clone();
        edit(&mut changed, 5, &|json| *json.pointer_mut(pointer).unwrap() = value.clone());
        told(&changed, words);
    }
    let forgeries: [(&str, Forgery); 7] = [
        ("end.json: 5 entries were put in, 4 are there", |files| drop(files.remove(4))),
        ("end.json is missing: the bundle was cut", |files| drop(files.pop())),
        ("stands behind the end", |files| {
            let file = files[3].clone();
            files.push(file);
        }),
        ("it is not in the order of the log, or there twice", |files| {
            let file = files[3].clone();
            files.insert(4, file);
        }),
        ("it is not in the order of the log", |files| files.swap(3, 4)),
        ("notes.txt: it does not read", |files| files.insert(3, ("notes.txt".to_owned(), b"hello".to_vec()))),
        ("entries/000000000001.json: it is the entry at index 2", |files| files[4].0 = files[3].0.clone()),
    ];
    for (words, change) in forgeries {
        let mut changed = files.clone();
        change(&mut changed);
        told(&changed, words);
    }

    // Another entry's receipt, with its own leaf left as it was.
    let mut swapped = files.clone();
    let other: Value = serde_json::from_slice(&files[4].1).unwrap();
    edit(&mut swapped, 5, &|json| json["receipt"] = other["receipt"].clone());
    told(&swapped, "the proof in the receipt does not hold");

    // Other keys.
    let imposter = tlog::SigningKey::from_seed(log.name(), &[9; 32]).unwrap().verifier_key();
    assert_eq!(judged(&files, &imposter, &umbrella).findings.len(), 5);
    assert_eq!(judged(&files, &log, &imposter).findings.len(), 4, "the last one is not chained yet");
    let report = judged(&files, &umbrella, &umbrella);
    assert!(report.findings[0].what.starts_with("the bundle is of the log `"), "{:?}", report.findings);
}

#[tokio::test]
async fn every_bit_of_an_entry_counts() {
    let (_server, files, log, umbrella) = staged().await;
    for bit in (0..files[5].1.len() * 8).step_by(17) {
        let mut flipped = files.clone();
        flipped[5].1[bit / 8] ^= 1 << (bit % 8);
        assert!(!judged(&flipped, &log, &umbrella).findings.is_empty(), "bit {bit}");
    }
    let whole = pack(&files);
    for end in (0..whole.len() - 1024).step_by(509) {
        let cut = verify_bundle(&whole[..end], &log, Some(&umbrella), None);
        assert!(cut.is_err() || cut.is_ok_and(|report| !report.findings.is_empty()), "cut at {end}");
    }
}

#[test]
fn bundles_from_the_terminal() {
    let place = Place::new();
    let line = entry(r#","id":"01a0c450-6c00-7000-8000-00000000002a""#);
    place.write("in.ndjson", format!("{line}\n{}\n", entry("")));
    place.does("import --site acme.www --format ndjson in.ndjson");
    let key = |site: &str| {
        let keys = indelible::keys::Keys::load(&place.data(), "audit.test", 1).unwrap();
        keys.verifier_key(&site.parse().unwrap()).unwrap().to_string()
    };
    place.does("evidence --site acme.www --out case.tar id:01a0c450-6c00-7000-8000-00000000002a");
    let verified = place.does(&format!("verify --bundle case.tar --key {}", key("acme.www")));
    assert_eq!(verified, "acme.www: 1 entries verify\n");
    for (line, code, words) in [
        ("evidence --site acme.www --out case.tar", 1, "case.tar: File exists"),
        ("evidence --site acme.none --out other.tar", 1, "there is no site `acme.none`"),
        ("evidence --site acme.www", 2, "--out <FILE>"),
        ("verify --bundle case.tar", 2, "--key <VKEY>"),
        (&format!("verify --key {}", key("acme.www")), 2, "--key is for --url or --bundle"),
        (&format!("verify --bundle none.tar --key {}", key("acme.www")), 1, "none.tar: No such file"),
        (&format!("verify --bundle in.ndjson --key {}", key("acme.www")), 1, "not an evidence bundle"),
    ] {
        let said = place.fails(line, code);
        assert!(said.contains(words), "{line}: {said}");
    }
    let wrong = place.run(&format!("verify --bundle case.tar --key {}", key("_system")));
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.out.contains("the bundle is of the log `audit.test/logs/acme.www/1`"), "{wrong:?}");
}
