//! What a sender remembers of its log: over HTTP, against a log that goes on, and one that was put back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use client::outbox::{Outbox, OutboxSettings, inspect};
use client::{Checked, Client, EntityRef, LogWatch, Logger, Registry, WatchError};
use model::Role;

use crate::filled::copy_directory;
use crate::support::Server;

const SITE: &str = "acme.www";
const PATIENCE: Duration = Duration::from_mins(1);

/// Sends entries through the outbox in a directory.
async fn send(server: &Server, outbox: &Path, entries: usize) {
    let token = server.token(Role::Writer, Some(SITE));
    let (url, outbox) = (server.url(""), outbox.to_owned());
    let sending = move || {
        let transport = Arc::new(client::Server::new(&url, &token).unwrap());
        let outbox = Outbox::open(outbox, transport, OutboxSettings::default()).unwrap();
        let logger = Logger::with_outbox(SITE, Registry::any(), outbox);
        for n in 0..entries {
            let page = EntityRef::new("page", n.to_string());
            logger.log(&page, "page.edit").user("42").record().unwrap();
        }
        logger.close(PATIENCE).unwrap();
    };
    tokio::task::spawn_blocking(sending).await.unwrap();
}

fn watch(server: &Server, outbox: &Path) -> LogWatch {
    let token = server.token(Role::Auditor, Some(SITE));
    let key = server.indelible.keys().verifier_key(&SITE.parse().unwrap()).unwrap().to_string();
    LogWatch::new(Client::new(&server.url(""), &token).unwrap(), SITE, &key, outbox).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_put_back_does_not_pass() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = directory.path().join("outbox");
    let server = Server::start().await;
    send(&server, &outbox, 0).await;
    assert_eq!(watch(&server, &outbox).check().await.unwrap(), Checked::Nothing);
    send(&server, &outbox, 5).await;
    let checked = watch(&server, &outbox).check().await.unwrap();
    assert_eq!(checked, Checked::Holds { size: 5, before: None });

    // A copy of the whole installation, heads and all, as somebody could take it.
    let installation = server.stop().await;
    let copy = tempfile::tempdir().unwrap();
    copy_directory(installation.path(), copy.path());

    let server = Server::start_in(installation).await;
    send(&server, &outbox, 3).await;
    let checked = watch(&server, &outbox).check().await.unwrap();
    assert_eq!(checked, Checked::Holds { size: 8, before: Some(5) });
    assert!(inspect(&outbox).unwrap().contradictions.is_empty());
    drop(server.stop().await);

    // The copy takes its place, and nobody but the sender can tell.
    let server = Server::start_in(copy).await;
    let error = watch(&server, &outbox).check().await.unwrap_err();
    assert!(matches!(error, WatchError::NoReceipt { .. }), "{error}");
    send(&server, &outbox, 4).await;
    let report = inspect(&outbox).unwrap();
    assert!(report.contradictions[SITE].contains("put back to an earlier moment"), "{report}");
    assert!(report.has_findings() && report.to_string().contains("contradiction acme.www"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_key_or_nonsense_does_not_pass() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = directory.path().join("outbox");
    let server = Server::start().await;
    send(&server, &outbox, 1).await;
    let other = Server::start().await;
    let key = other.indelible.keys().verifier_key(&SITE.parse().unwrap()).unwrap().to_string();
    let client = || Client::new(&server.url(""), &server.token(Role::Auditor, Some(SITE))).unwrap();
    let watch = LogWatch::new(client(), SITE, &key, &outbox).unwrap();
    let error = watch.check().await.unwrap_err();
    assert!(matches!(error, WatchError::Broken(_)), "{error}");
    assert!(matches!(LogWatch::new(client(), SITE, "nonsense", &outbox), Err(WatchError::Key(_))));
}
