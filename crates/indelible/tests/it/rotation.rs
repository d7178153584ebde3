//! Other signing keys: beside the old ones, then alone; told in every log, and followed by whoever knows either.

use indelible::access::Caller;
use indelible::rotation::{RotationError, past_keys, retire, rotate};
use reqwest::Method;
use serde_json::Value;
use tlog::Note;

use crate::logs::append;
use crate::outside::Auditor;
use crate::process::run;
use crate::support::Server;

async fn blocking<T: Send + 'static>(
    server: &Server,
    work: impl FnOnce(&indelible::Indelible) -> T + Send + 'static,
) -> T {
    let indelible = server.indelible.clone();
    tokio::task::spawn_blocking(move || work(&indelible)).await.unwrap()
}

async fn description(server: &Server, log: &str) -> Value {
    let response = server.request(Method::GET, &format!("/logs/{log}/log.v1.json")).send().await.unwrap();
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

async fn signatures(server: &Server, log: &str) -> usize {
    let response = server.request(Method::GET, &format!("/logs/{log}/checkpoint")).send().await.unwrap();
    Note::parse(response.text().await.unwrap()).unwrap().signatures().len()
}

#[tokio::test]
async fn both_keys_sign_while_they_overlap_and_each_reader_follows() {
    let server = Server::start().await;
    append(&server, 40).await;
    let old = Auditor::of(&server, "acme.www");
    old.keeps(&server.url(""), "kept").await;
    blocking(&server, |indelible| indelible.umbrella().round(false)).await.unwrap();

    let generations =
        blocking(&server, |indelible| rotate(indelible, Some("yearly"), &Caller::local("test"))).await;
    assert_eq!(generations.unwrap().signing, [2, 1]);
    let new = Auditor::of(&server, "acme.www");
    assert_ne!(old.key, new.key);
    for log in ["acme.www", "_system", "_umbrella"] {
        assert_eq!(signatures(&server, log).await, 2, "{log}");
        let keys = description(&server, log).await["vkeys"].clone();
        let states: Vec<&str> =
            keys.as_array().unwrap().iter().map(|key| key["status"].as_str().unwrap()).collect();
        assert_eq!(states, ["current", "previous"], "{log}");
    }
    append(&server, 5).await;
    for (auditor, more) in [(&old, "--since kept"), (&new, "")] {
        let verdict = auditor.verify(&server.url(""), more).await;
        assert_eq!(verdict.code, Some(0), "{verdict:?}");
    }
    let told = server.read("/api/v1/sites/acme.www/entries?action=indelible.key.rotate").await;
    let entry = &told["data"][0];
    assert_eq!((&entry["reason"], &entry["entity"]["type"]), (&"yearly".into(), &"log".into()));
    let detail =
        server.read(&format!("/api/v1/sites/acme.www/entries/{}", entry["id"].as_str().unwrap())).await;
    assert_eq!(detail["before"]["vkeys"], serde_json::json!([old.key]));
    let mut both = [new.key.clone(), old.key.clone()];
    both.sort();
    assert_eq!(detail["after"]["vkeys"], serde_json::json!(both));

    // Too early, and once too often.
    let again = blocking(&server, |indelible| rotate(indelible, None, &Caller::local("test"))).await;
    assert!(matches!(again, Err(RotationError::Overlapping { .. })), "{again:?}");
    let early = blocking(&server, |indelible| retire(indelible, false, None, &Caller::local("test"))).await;
    assert!(matches!(early, Err(RotationError::TooEarly { .. })), "{early:?}");

    let retired = blocking(&server, |indelible| retire(indelible, true, None, &Caller::local("test"))).await;
    assert_eq!(retired.unwrap().signing, [2]);
    for log in ["acme.www", "_system", "_umbrella"] {
        assert_eq!(signatures(&server, log).await, 1, "{log}");
        let keys = description(&server, log).await["vkeys"].clone();
        let states: Vec<&str> =
            keys.as_array().unwrap().iter().map(|key| key["status"].as_str().unwrap()).collect();
        assert_eq!(states, ["current", "retired"], "{log}");
    }
    append(&server, 5).await;
    let verdict = new.verify(&server.url(""), "").await;
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
    let verdict = old.verify(&server.url(""), "--since kept").await;
    assert!(
        verdict.code == Some(1) && verdict.err.contains("its key history is in log.v1.json"),
        "{verdict:?}"
    );
    let again = blocking(&server, |indelible| retire(indelible, true, None, &Caller::local("test"))).await;
    assert!(matches!(again, Err(RotationError::Single)), "{again:?}");
}

/// A rotation at the terminal reaches the server that runs beside it with its next commit.
#[tokio::test]
async fn a_running_server_signs_with_keys_that_were_rotated_beside_it() {
    let server = Server::start().await;
    append(&server, 3).await;
    let directory = server.directory().to_owned();
    let ran = tokio::task::spawn_blocking(move || run(&directory, &["key", "rotate"])).await.unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout.contains("signs, to be retired") && ran.stderr.contains("indelible key retire"),
        "{ran:?}"
    );
    append(&server, 3).await;
    assert_eq!(signatures(&server, "acme.www").await, 2);
    let directory = server.directory().to_owned();
    let ran =
        tokio::task::spawn_blocking(move || run(&directory, &["key", "retire", "--now"])).await.unwrap();
    assert!(ran.code == 0 && ran.stdout.contains("retired 20"), "{ran:?}");
    append(&server, 3).await;
    assert_eq!(signatures(&server, "acme.www").await, 1);
    let site = server.indelible.sites().find(&"acme.www".parse().unwrap()).unwrap().unwrap();
    assert_eq!(past_keys(server.indelible.store().as_ref(), site.log).unwrap().len(), 1);
}

#[tokio::test]
async fn receipts_of_before_stay_valid_with_the_key_of_before() {
    let server = Server::start().await;
    let appended = server.appended(crate::support::entry("")).await;
    let path = format!("/api/v1/sites/acme.www/entries/{}/proof", appended["id"].as_str().unwrap());
    let receipt = server.request(Method::GET, &path).send().await.unwrap().text().await.unwrap();
    let key = server.indelible.keys().verifier_key(&"acme.www".parse().unwrap()).unwrap();
    blocking(&server, |indelible| {
        rotate(indelible, None, &Caller::local("test")).unwrap();
        retire(indelible, true, None, &Caller::local("test")).unwrap();
    })
    .await;
    let leaf = appended["leaf_hash"].as_str().unwrap().parse().unwrap();
    tlog::Receipt::parse(&receipt).unwrap().verify(&leaf, key.name(), std::slice::from_ref(&key)).unwrap();
}
