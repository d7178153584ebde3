//! The umbrella log over all sites' logs, and receipts that are chained to it.

use indelible::OpenOptions;
use indelible::auditor::verify_receipt;
use indelible::jobs::verify_umbrella;
use indelible::store::{Head, SiteHead};
use model::{HeadLeaf, Leaf, Role};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tlog::{Hash, Receipt, VerifierKey};

use crate::logs::{Reader, append};
use crate::outside::Auditor;
use crate::support::{Server, entry, refused};
use crate::tampering::Tampering;

/// The auditor of the umbrella, with the token of some site's reader.
fn auditor(server: &Server) -> Auditor {
    let key = umbrella_key(server).to_string();
    Auditor { key, site: "_umbrella".to_owned(), ..Auditor::of(server, "acme.www") }
}

fn umbrella_key(server: &Server) -> VerifierKey {
    server.indelible.keys().umbrella_key().unwrap().verifier_key()
}

fn site_key(server: &Server) -> VerifierKey {
    server.indelible.keys().verifier_key(&"acme.www".parse().unwrap()).unwrap()
}

fn size(server: &Server) -> u64 {
    server.indelible.umbrella().head().unwrap().map_or(0, |(head, _)| head.size)
}

async fn receipt(server: &Server, id: &str) -> String {
    let path = format!("/api/v1/sites/acme.www/entries/{id}/proof");
    server.request(Method::GET, &path).send().await.unwrap().text().await.unwrap()
}

fn hash(appended: &Value) -> Hash {
    appended["leaf_hash"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_round_takes_in_what_moved_and_a_heartbeat_what_did_not() {
    let server = Server::start().await;
    let umbrella = server.indelible.umbrella();
    let (url, auditor) = (server.url(""), auditor(&server));
    auditor.verify(&url, "").await.fails_with("404");
    append(&server, 3).await;
    assert_eq!(umbrella.round(false).unwrap(), 2, "the site's head and the installation's own");
    assert_eq!(umbrella.round(false).unwrap(), 0);
    auditor.keeps(&url, "2").await;
    append(&server, 1).await;
    assert_eq!(umbrella.round(false).unwrap(), 1);
    assert_eq!(umbrella.round(true).unwrap(), 1, "nothing moved, but it shows that somebody is there");
    let verdict = auditor.verify(&url, "--since 2").await;
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
    assert!(verdict.out.contains("_umbrella: 4 leaves verify"), "{verdict:?}");

    // Its leaves are heads under tags that only the sites' readers can make.
    let reader = Reader { server: &server, prefix: "/logs/_umbrella".to_owned() };
    let leaves: Vec<_> = reader.leaves(4).await.iter().map(|leaf| HeadLeaf::parse(leaf).unwrap()).collect();
    let about = server.read("/logs/acme.www/log.v1.json").await;
    let tag: Hash = about["umbrella"]["tag"].as_str().unwrap().parse().unwrap();
    let blinding: Hash = about["umbrella"]["blinding"].as_str().unwrap().parse().unwrap();
    assert_eq!(model::site_tag(blinding.as_bytes(), about["origin"].as_str().unwrap()), *tag.as_bytes());
    let sizes: Vec<u64> =
        leaves.iter().filter(|leaf| leaf.tag == *tag.as_bytes()).map(|leaf| leaf.size).collect();
    assert_eq!(sizes, [3, 4]);
    assert_eq!(about["umbrella"]["vkey"], umbrella_key(&server).to_string());

    // Over more than one tile, and over a restart.
    for _ in 0..300 {
        assert_eq!(umbrella.round(true).unwrap(), 1);
    }
    let server = Server::start_in(server.stop().await).await;
    append(&server, 1).await;
    server.indelible.umbrella().round(false).unwrap();
    let verdict = auditor.verify(&server.url(""), "--since 2").await;
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
    assert!(size(&server) >= 305, "{verdict:?}");
}

#[tokio::test]
async fn what_a_crash_left_staged_is_written_over() {
    let server = Server::start().await;
    append(&server, 3).await;
    let umbrella = server.indelible.umbrella();
    umbrella.round(false).unwrap();
    let (store, before) = (server.indelible.store(), size(&server));
    let wrong = SiteHead { log: 1, head: Head { size: 999, root: Hash::from_bytes([1; 32]) } };
    store.stage_umbrella(before, &[wrong, wrong], &[]).unwrap();
    assert_eq!(size(&server), before, "nobody sees it");
    let reader = server.request(Method::GET, "/logs/_umbrella/tile/entries/000.p/3").send().await.unwrap();
    assert_eq!(reader.status(), StatusCode::NOT_FOUND);
    append(&server, 1).await;
    umbrella.round(false).unwrap();
    let auditor = auditor(&server);
    assert_eq!(auditor.verify(&server.url(""), "").await.code, Some(0));
    let wrong_base = store.publish_umbrella(Head::empty(), Head::empty(), "").unwrap_err().to_string();
    assert!(wrong_base.contains("is not the one the round stands on"), "{wrong_base}");
}

#[tokio::test]
async fn a_log_that_was_put_back_is_not_signed_over() {
    let server = Server::start().await;
    append(&server, 3).await;
    server.indelible.umbrella().round(false).unwrap();
    let (before, directory) = (size(&server), server.stop().await);
    let data = rusqlite::Connection::open(directory.path().join("indelible.sqlite")).unwrap();
    data.execute("UPDATE umbrella_leaf SET size = 4 WHERE log = 1", []).unwrap();
    drop(data);
    let server = Server::start_in(directory).await;
    let error = server.indelible.umbrella().round(true).unwrap_err().to_string();
    assert!(error.contains("the log was put back or rewritten. Nothing more is signed"), "{error}");
    assert_eq!(size(&server), before);
    let (status, _) = server.get(&format!("/logs/_umbrella/tile/entries/000.p/{before}")).await;
    assert_eq!(status, 500, "its leaves are not those of its tree");
}

#[tokio::test]
async fn the_umbrella_convicts_an_operator_without_anything_kept() {
    let server = Server::start().await;
    let operator = Tampering::start(&server).await;
    for count in [300, 300, 100] {
        append(&server, count).await;
        server.indelible.umbrella().round(false).unwrap();
    }
    let auditor = Auditor::of(&server, "acme.www");
    let with_umbrella = format!("--umbrella-key {}", umbrella_key(&server));
    let verdict = auditor.verify(&operator.url(), &with_umbrella).await;
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
    assert!(verdict.out.contains("it has all 3 heads that the umbrella log has of it"), "{verdict:?}");

    let leaves = Reader { server: &server, prefix: "/logs/acme.www".to_owned() }.leaves(700).await;
    let key = server.indelible.keys().signing_key(&"acme.www".parse().unwrap()).unwrap();
    let mut rewritten = leaves.clone();
    let mut leaf = Leaf::parse(&rewritten[400]).unwrap();
    leaf.commitments[0].1[0] ^= 1;
    rewritten[400] = leaf.to_bytes();
    operator.forge_site("acme.www", &rewritten, &key);
    let verdict = auditor.verify(&operator.url(), &with_umbrella).await;
    verdict.finds("the umbrella log has a head of size 600 with the root");
    assert!(!verdict.out.contains("size 300"), "what came before was left alone: {verdict:?}");
    operator.forge_site("acme.www", &leaves[..650], &key);
    let verdict = auditor.verify(&operator.url(), &with_umbrella).await;
    verdict.finds("entries 650 to 699: MISSING: the umbrella log has a head with them");

    // Leaving a site out of the umbrella shows as well; so does another installation's umbrella.
    operator.honest();
    operator.forge_site("_umbrella", &[], &server.indelible.keys().umbrella_key().unwrap());
    let verdict = auditor.verify(&operator.url(), &with_umbrella).await;
    assert!(verdict.out.contains("it has all 0 heads"), "an empty umbrella vouches for nothing: {verdict:?}");
    let site = server.indelible.keys().verifier_key(&"acme.www".parse().unwrap()).unwrap();
    auditor
        .verify(&server.url(""), &format!("--umbrella-key {site}"))
        .await
        .fails_with("the newest checkpoint of the umbrella log: it is of the log `");
}

#[tokio::test]
async fn a_receipt_goes_on_to_the_umbrella_once_that_covers_it() {
    let server = Server::start().await;
    append(&server, 300).await;
    let appended = server.appended(entry("")).await;
    let (id, leaf) = (appended["id"].as_str().unwrap(), hash(&appended));
    let (log, upper) = (site_key(&server), umbrella_key(&server));
    let early = receipt(&server, id).await;
    let proven = verify_receipt(&early, &leaf, &log, Some(&upper)).unwrap();
    assert_eq!((proven.site.size(), proven.umbrella), (301, None));

    server.indelible.umbrella().round(false).unwrap();
    append(&server, 50).await;
    let mut chained = Vec::new();
    for _ in 0..3 {
        chained.push(receipt(&server, id).await);
        server.indelible.umbrella().round(true).unwrap();
    }
    for receipt in chained.iter().chain([&early]) {
        let proven = verify_receipt(receipt, &leaf, &log, Some(&upper)).unwrap();
        assert_eq!(proven.site.size(), 301, "the smallest head that covers it");
    }
    assert_eq!(verify_receipt(&chained[2], &leaf, &log, Some(&upper)).unwrap().umbrella.unwrap().size(), 4);
    // It is a receipt of the specification for those who know nothing of umbrellas.
    let plain =
        Receipt::parse(&chained[0]).unwrap().verify(&leaf, log.name(), std::slice::from_ref(&log)).unwrap();
    assert_eq!(plain.size(), 301);

    // Of another leaf, another log, with another key, and with any bit changed it proves nothing.
    let error = |receipt: &str, leaf: &Hash, log: &VerifierKey, upper: &VerifierKey| {
        verify_receipt(receipt, leaf, log, Some(upper)).unwrap_err().to_string()
    };
    let other = Hash::from_bytes([7; 32]);
    assert!(error(&chained[0], &other, &log, &upper).contains("the proof in the receipt does not hold"));
    let system = server.indelible.keys().verifier_key(&"_system".parse().unwrap()).unwrap();
    assert!(error(&chained[0], &leaf, &system, &upper).starts_with("the receipt: "));
    assert!(error(&chained[0], &leaf, &log, &system).starts_with("its second part, in the umbrella log: "));
    for bit in (0..chained[0].len() * 8).step_by(11) {
        let mut flipped = chained[0].clone().into_bytes();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let Ok(flipped) = String::from_utf8(flipped) else { continue };
        assert!(verify_receipt(&flipped, &leaf, &log, Some(&upper)).is_err(), "bit {bit}");
    }
}

#[tokio::test]
async fn every_write_can_answer_its_receipt() {
    let server = Server::start().await;
    let (log, upper) = (site_key(&server), umbrella_key(&server));
    let url = "/api/v1/sites/acme.www/entries";
    let (status, one) = server.post(&format!("{url}?receipt=true"), entry("")).await;
    assert_eq!(status, StatusCode::CREATED);
    let proven = verify_receipt(one["receipt"].as_str().unwrap(), &hash(&one), &log, Some(&upper)).unwrap();
    assert_eq!(proven.site.size(), 1);
    assert!(server.appended(entry("")).await.get("receipt").is_none(), "only who asks is given one");

    let bad = r#"{"action":""}"#;
    let batch = format!("[{},{bad},{}]", entry(""), entry(""));
    let (status, batch) = server.post(&format!("{url}?receipt=1&atomic=false"), batch).await;
    assert_eq!(status, StatusCode::MULTI_STATUS);
    for place in [0, 2] {
        let result = &batch["results"][place];
        verify_receipt(result["receipt"].as_str().unwrap(), &hash(result), &log, Some(&upper)).unwrap();
    }
    assert!(batch["results"][1].get("receipt").is_none());
    for (query, code, field) in
        [("receipt=yes", "invalid_value", "receipt"), ("proof=1", "unknown_parameter", "proof")]
    {
        let request = server.request(Method::POST, &format!("{url}?{query}")).body(entry(""));
        refused(request.header(CONTENT_TYPE, "application/json"), 422, code, field).await;
    }
}

#[tokio::test]
async fn the_umbrella_is_for_every_auditor() {
    let server = Server::start().await;
    append(&server, 3).await;
    server.indelible.umbrella().round(false).unwrap();
    for path in ["checkpoint", "log.v1.json", "tile/0/000.p/2", "tile/entries/000.p/2"] {
        let url = format!("/logs/_umbrella/{path}");
        let anonymous = || server.client.get(server.url(&url));
        refused(anonymous(), 401, "unauthenticated", "-").await;
        let writer = server.token(Role::Writer, Some("acme.www"));
        refused(server.request_as(&writer, Method::GET, &url), 403, "forbidden", "-").await;
        let auditor = server.token(Role::Auditor, Some("acme.www"));
        let answer = server.request_as(&auditor, Method::GET, &url).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    let about = server.read("/logs/_umbrella/log.v1.json").await;
    assert_eq!(about["cadence"], json!({"checkpoint": "round"}), "this process makes no rounds of its own");
    let set =
        server.request(Method::PUT, "/api/v1/sites/_system/settings").json(&json!({"public_log": true}));
    assert_eq!(set.send().await.unwrap().status(), StatusCode::OK);
    let answer = server.client.get(server.url("/logs/_umbrella/checkpoint")).send().await.unwrap();
    assert_eq!(
        answer.status(),
        StatusCode::OK,
        "and for everybody where the installation's own log is public"
    );
}

#[tokio::test]
async fn a_server_keeps_it_up() {
    let server = Server::start().await;
    append(&server, 3).await;
    let cadence = indelible::umbrella::Cadence {
        round: std::time::Duration::from_millis(1),
        heartbeat: std::time::Duration::from_millis(1),
    };
    let rounds = server.indelible.umbrella().keep_up(cadence);
    // Two heads, then heartbeats.
    while size(&server) < 5 {
        tokio::task::yield_now().await;
    }
    drop(rounds);
    let ended = size(&server);
    assert_eq!(auditor(&server).verify(&server.url(""), "").await.code, Some(0));
    assert_eq!(size(&server), ended, "no round after its end");
}

#[tokio::test]
async fn the_operators_own_verification_looks_at_the_umbrella() {
    let server = Server::start().await;
    append(&server, 3).await;
    server.indelible.umbrella().round(false).unwrap();
    for _ in 0..260 {
        server.indelible.umbrella().round(true).unwrap();
    }
    let report = verify_umbrella(&server.indelible).unwrap().unwrap();
    assert_eq!((report.head.size, report.findings.as_slice()), (262, &[][..]));
    let directory = server.stop().await;
    let damages = [
        ("UPDATE umbrella_leaf SET size = 1 WHERE position = 100", "does not have the hashes that follow"),
        (
            "UPDATE umbrella_leaf SET root = zeroblob(32) WHERE position = 261",
            "the leaves do not have the root",
        ),
        ("DELETE FROM umbrella_leaf WHERE position = 7", "CORRUPT: the umbrella has 255 heads"),
        (
            "UPDATE umbrella_tile SET hashes = zeroblob(8192) WHERE level = 0 AND number = 0",
            "tile 0 of level 0",
        ),
        ("UPDATE umbrella_tile SET hashes = zeroblob(32) WHERE level = 1", "tile 0 of level 1"),
        ("DELETE FROM umbrella_tile WHERE number = 1", "tile 1 of level 0"),
        ("UPDATE umbrella_leaf SET log = 77 WHERE position = 0", "log 77"),
        (
            "UPDATE umbrella_leaf SET size = 4 WHERE log = 1",
            "MISSING: it has a head of `acme.www` with 4 entries",
        ),
        ("UPDATE umbrella_leaf SET root = zeroblob(32) WHERE log = 1", "that the site's log does not have"),
    ];
    for (damage, words) in damages {
        let data = directory.path().join("indelible.sqlite");
        let kept = rusqlite::Connection::open(&data).unwrap();
        kept.execute("VACUUM INTO ?1", [directory.path().join("kept").to_str().unwrap()]).unwrap();
        kept.execute(damage, []).unwrap();
        drop(kept);
        let indelible = indelible::Indelible::open(directory.path(), &OpenOptions::default()).unwrap();
        let findings = verify_umbrella(&indelible).unwrap().unwrap().findings;
        assert!(findings.iter().any(|finding| finding.what.contains(words)), "{damage}: {findings:?}");
        drop(indelible);
        for suffix in ["-wal", "-shm"] {
            drop(std::fs::remove_file(directory.path().join(format!("indelible.sqlite{suffix}"))));
        }
        std::fs::rename(directory.path().join("kept"), &data).unwrap();
    }
}
