//! Several processes on one data directory: one log for all of them.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;

use indelible::{Indelible, OpenOptions};
use model::Role;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::filled::{Filled, SITE};
use crate::process::{Process, run};
use crate::support::token;

/// Entries of each of two importing processes, in several commits.
const IMPORTED: usize = 2500;
/// Requests to the server meanwhile, of ten entries each.
const REQUESTS: usize = 60;

#[test]
fn a_server_and_two_imports_share_a_log() {
    let filled = Filled::new();
    let directory = filled.path();
    let indelible = Indelible::open(directory, &OpenOptions::default()).unwrap();
    let secret = token(&indelible, "writer", Role::Writer, None);
    let server = Process::serve(directory);
    let files = ["one", "two"].map(|name| {
        let file = directory.join(name);
        fs::write(&file, entries(name, IMPORTED)).unwrap();
        file
    });
    let posted = std::thread::scope(|scope| {
        // The first file twice at the same time: what is in both is taken once.
        let imports = [&files[0], &files[1], &files[0]].map(|file| {
            let arguments = ["import", "--site", SITE, "--format", "ndjson", file.to_str().unwrap()];
            scope.spawn(move || run(directory, &arguments))
        });
        // What arrives while a verification runs is not damage.
        let verifications = scope.spawn(|| [(); 3].map(|()| run(directory, &["verify"])));
        let url = format!("http://{}/api/v1/sites/{SITE}/entries", server.address);
        let posted = Runtime::new().unwrap().block_on(post(&url, &secret));
        let said: Vec<String> = imports
            .into_iter()
            .map(|import| import.join().unwrap())
            .inspect(|ran| assert_eq!(ran.code, 0, "{ran:?}"))
            .map(|ran| ran.stderr)
            .collect();
        for verified in verifications.join().unwrap() {
            assert_eq!(verified.code, 0, "{verified:?}");
        }
        let numbers = |text: &str| -> Vec<usize> {
            text.split(|c: char| !c.is_ascii_digit()).filter_map(|word| word.parse().ok()).collect()
        };
        let (one, two, again) = (numbers(&said[0]), numbers(&said[1]), numbers(&said[2]));
        assert_eq!(two[..1], [IMPORTED], "{said:?}");
        assert_eq!(one[0] + again[0], IMPORTED, "{said:?}");
        posted
    });

    let size = 700 + 2 * IMPORTED + 10 * REQUESTS;
    let site = indelible.sites().find(&SITE.parse().unwrap()).unwrap().unwrap();
    assert_eq!(usize::try_from(indelible.published().size(site.log).unwrap()).unwrap(), size);
    let stored = indelible.store().entries(site.log, 0..size.try_into().unwrap()).unwrap();
    let ids: Vec<Uuid> =
        stored.iter().map(|bytes| model::StoredEntry::decode(bytes).unwrap().header().id).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), size, "no id is there twice");
    for (id, index) in posted {
        assert_eq!(ids[usize::try_from(index).unwrap()], id, "acknowledged at {index}");
    }
    let verified = run(directory, &["verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

fn entries(name: &str, count: usize) -> String {
    (0..count).fold(String::new(), |mut all, number| {
        let id = id(name, number);
        writeln!(all, r#"{{"id":"{id}","occurred_at":"2026-11-21T04:15:15Z","action":"page.update","entity":{{"type":"page","id":"{number}"}}}}"#).unwrap();
        all
    })
}

fn id(name: &str, number: usize) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{name} {number}").as_bytes())
}

/// Appends through the server; where each entry is.
async fn post(url: &str, secret: &str) -> Vec<(Uuid, u64)> {
    let client = reqwest::Client::new();
    let mut places = Vec::new();
    for request in 0..REQUESTS {
        let name = format!("posted {request}");
        let sending = client
            .post(url)
            .header(AUTHORIZATION, format!("Bearer {secret}"))
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(entries(&name, 10));
        let answer: Value = sending.send().await.unwrap().json().await.unwrap();
        for (number, result) in answer["results"].as_array().unwrap().iter().enumerate() {
            assert_eq!(result["id"], id(&name, number).to_string());
            places.push((id(&name, number), result["index"].as_u64().unwrap()));
        }
    }
    places
}

/// What one process publishes, the very next read of another sees.
#[test]
fn a_server_reads_what_an_import_has_just_written() {
    let filled = Filled::new();
    let indelible = Indelible::open(filled.path(), &OpenOptions::default()).unwrap();
    let secret = token(&indelible, "reader", Role::Auditor, None);
    drop(indelible);
    let server = Process::serve(filled.path());
    let runtime = Runtime::new().unwrap();
    let file = filled.path().join("new");
    for round in 0..3 {
        let name = format!("round {round}");
        fs::write(&file, entries(&name, 3)).unwrap();
        let ran =
            run(filled.path(), &["import", "--site", SITE, "--format", "ndjson", file.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let url = format!("http://{}/api/v1/sites/{SITE}/entries/{}", server.address, id(&name, 2));
        let asking = reqwest::Client::new().get(url).header(AUTHORIZATION, format!("Bearer {secret}"));
        let answer = runtime.block_on(async { crate::support::json(asking.send().await.unwrap()).await });
        assert_eq!((answer.0.as_u16(), &answer.1["index"]), (200, &Value::from(702 + 3 * round)));
    }
}
