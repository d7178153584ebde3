//! The scrubber: what it finds is an alarm on the page and in the metrics.

use std::sync::Arc;

use indelible::jobs::Scrubber;
use reqwest::Method;
use reqwest::header::COOKIE;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::filled::data_file;
use crate::logs::append;
use crate::support::Server;

async fn start() -> (Server, Arc<Scrubber>) {
    let scrubber = Scrubber::new(100);
    let given = Arc::clone(&scrubber);
    let server = Server::start_as(TempDir::new().unwrap(), |app| app.scrubbed_by(given)).await;
    server.create_site("acme.www");
    (server, scrubber)
}

async fn pass(server: &Server, scrubber: &Arc<Scrubber>) {
    let (indelible, scrubber) = (server.indelible.clone(), Arc::clone(scrubber));
    tokio::task::spawn_blocking(move || scrubber.pass(&indelible).unwrap()).await.unwrap();
}

async fn text(server: &Server, path: &str) -> String {
    server.request(Method::GET, path).send().await.unwrap().text().await.unwrap()
}

async fn page(server: &Server) -> String {
    let token = server.token(model::Role::Auditor, Some("acme.www"));
    let cookie = crate::erasures::sign_in(server, &token).await;
    let request = server.client.get(server.url("/sites/acme.www/integrity")).header(COOKIE, cookie);
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test]
async fn findings_are_alarms() {
    let (server, scrubber) = start().await;
    append(&server, 300).await;
    let site = server.indelible.sites().find(&"acme.www".parse().unwrap()).unwrap().unwrap();
    assert_eq!(scrubber.of(site.log), None);
    assert!(!page(&server).await.contains("derived again"));

    pass(&server, &scrubber).await;
    let scrubbed = scrubber.of(site.log).unwrap();
    assert_eq!((scrubbed.entries, scrubbed.count), (300, 0));
    let shown = page(&server).await;
    assert!(shown.contains("300 entries derived again, and all of it was as signed."), "{shown}");
    let metrics = text(&server, "/metrics").await;
    assert!(metrics.contains("indelible_verification_findings{site=\"acme.www\"} 0"), "{metrics}");

    let connection = Connection::open(data_file(server.directory())).unwrap();
    let sql = "UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE log = ?1 AND level = 0 AND number = 0";
    connection.execute(sql, [site.log]).unwrap();
    pass(&server, &scrubber).await;
    let scrubbed = scrubber.of(site.log).unwrap();
    assert!(scrubbed.count > 20 && scrubbed.findings.len() == 20, "{}", scrubbed.count);
    let shown = page(&server).await;
    assert!(shown.contains("ALARM: ") && shown.contains("entry 0: CORRUPT"), "{shown}");
    let metrics = text(&server, "/metrics").await;
    assert!(
        metrics.contains(&format!("indelible_verification_findings{{site=\"acme.www\"}} {}", scrubbed.count))
    );
}
