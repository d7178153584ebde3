//! `indelible verify --url`: what an auditor sees who has a key, and a checkpoint from earlier.

use std::fs;
use std::process::Output;

use model::Role;
use tempfile::TempDir;

use crate::logs::append;
use crate::support::Server;
use crate::tampering::Tampering;

/// An auditor with a key, a token, and a place for what they keep.
pub(crate) struct Auditor {
    pub(crate) place: TempDir,
    pub(crate) key: String,
    pub(crate) site: String,
    pub(crate) token: String,
}

/// What the command did.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Auditor {
    pub(crate) fn of(server: &Server, site: &str) -> Self {
        let key = server.indelible.keys().verifier_key(&site.parse().unwrap()).unwrap().to_string();
        let token = server.token(Role::Auditor, Some(site));
        Self { place: tempfile::tempdir().unwrap(), key, site: site.to_owned(), token }
    }

    /// Runs the command against a server, with further arguments parted by spaces.
    pub(crate) async fn verify(&self, url: &str, more: &str) -> Verdict {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_indelible"));
        command
            .args(["verify", "--url", url, "--site", &self.site, "--key", &self.key])
            .args(more.split_whitespace())
            .current_dir(self.place.path())
            .env_clear()
            .env("INDELIBLE_TOKEN", &self.token);
        let Output { status, stdout, stderr } =
            tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Verdict { code: status.code(), out: text(stdout), err: text(stderr) }
    }

    /// Verifies and keeps the checkpoint, both of which must succeed.
    pub(crate) async fn keeps(&self, url: &str, name: &str) {
        let verdict = self.verify(url, &format!("--keep {name}")).await;
        assert_eq!(verdict.code, Some(0), "{verdict:?}");
    }
}

impl Verdict {
    #[track_caller]
    pub(crate) fn finds(&self, words: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.out.contains(words), "`{words}` in {self:?}");
    }

    #[track_caller]
    pub(crate) fn fails_with(&self, words: &str) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(self.out.is_empty() && self.err.contains(words), "`{words}` in {self:?}");
    }
}

#[tokio::test]
async fn a_log_verifies_from_outside_and_extends_what_was_kept() {
    let server = Server::start().await;
    let auditor = Auditor::of(&server, "acme.www");
    let url = server.url("");
    let empty = auditor.verify(&url, "--keep empty").await;
    assert_eq!(empty.code, Some(0), "{empty:?}");
    assert!(empty.out.starts_with("acme.www: 0 leaves verify"), "{empty:?}");
    for (count, name) in [(1, "1"), (255, "256"), (44, "300"), (400, "700")] {
        append(&server, count).await;
        auditor.keeps(&url, name).await;
    }
    let kept = fs::read_to_string(auditor.place.path().join("700")).unwrap();
    for since in ["empty", "1", "256", "300", "700"] {
        let verdict = auditor.verify(&url, &format!("--since {since}")).await;
        assert_eq!(verdict.code, Some(0), "{verdict:?}");
        let size = if since == "empty" { "0" } else { since };
        assert!(verdict.out.contains(&format!("it extends the checkpoint of size {size}")), "{verdict:?}");
        assert!(verdict.out.contains("700 leaves verify"), "{verdict:?}");
    }
    assert!(kept.contains("\n700\n"));

    // Every log of the installation, its own included.
    let system = Auditor::of(&server, "_system");
    let root = server.token(Role::SuperAdmin, None);
    let verdict = system.verify(&url, &format!("--token {root}")).await;
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
}

#[tokio::test]
async fn each_mistake_is_told_with_its_reason() {
    let server = Server::start().await;
    server.create_site("acme.docs");
    append(&server, 3).await;
    let auditor = Auditor::of(&server, "acme.www");
    let url = server.url("");
    auditor.keeps(&url, "kept").await;

    let docs = Auditor::of(&server, "acme.docs");
    docs.keeps(&url, "docs").await;
    let foreign = fs::read_to_string(docs.place.path().join("docs")).unwrap();
    let keep = |name: &str, text: &str| fs::write(auditor.place.path().join(name), text).unwrap();
    let kept = fs::read_to_string(auditor.place.path().join("kept")).unwrap();
    keep("foreign", &foreign);
    keep("malformed", "no note at all\n");
    keep("empty", "");
    keep("changed", &kept.replace("\n3\n", "\n2\n"));
    for (since, words) in [
        ("foreign", "it is of the log `"),
        ("malformed", "it is malformed"),
        ("empty", "it is malformed"),
        ("changed", "it was changed after it was signed"),
        ("absent", "absent: No such file"),
    ] {
        auditor.verify(&url, &format!("--since {since}")).await.fails_with(words);
    }

    // Another log's key; and a key of the same name that is not the log's.
    let wrong = |key: String| Auditor { key, ..Auditor::of(&server, "acme.www") };
    wrong(docs.key.clone()).verify(&url, "").await.fails_with("it is of the log `");
    let origin = server.indelible.keys().origin(&"acme.www".parse().unwrap());
    let imposter = tlog::SigningKey::from_seed(origin, &[9; 32]).unwrap().verifier_key().to_string();
    wrong(imposter).verify(&url, "").await.fails_with("it is not signed with the key");
    let usage = wrong("nonsense".to_owned()).verify(&url, "").await;
    assert_eq!(usage.code, Some(2), "{usage:?}");

    // No server, no token, no site.
    auditor
        .verify("http://127.0.0.1:1", "")
        .await
        .fails_with("http://127.0.0.1:1/logs/acme.www/checkpoint: ");
    auditor.verify("ftp://127.0.0.1", "").await.fails_with("must begin with https:// or http://");
    auditor.verify(&url, "--token wrong").await.fails_with("give a token of a reader");
    let elsewhere = Auditor { site: "acme.none".to_owned(), ..Auditor::of(&server, "acme.www") };
    elsewhere.verify(&url, "").await.fails_with("404: the server has no such log");
}

#[tokio::test]
async fn every_bit_that_flips_on_the_way_is_seen() {
    let server = Server::start().await;
    append(&server, 260).await;
    let auditor = Auditor::of(&server, "acme.www");
    let proxy = Tampering::start(&server).await;
    auditor.keeps(&proxy.url(), "kept").await;
    let paths = [
        "checkpoint",
        "tile/0/000",
        "tile/0/001.p/4",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/4",
    ];
    for (number, path) in paths.iter().cycle().take(60).enumerate() {
        proxy.flip(&format!("acme.www/{path}"), number * 7919 + number * number);
        let verdict = auditor.verify(&proxy.url(), "--since kept").await;
        assert_eq!(verdict.code, Some(1), "{path}, {number}: {verdict:?}");
    }
    proxy.honest();
    assert_eq!(auditor.verify(&proxy.url(), "--since kept").await.code, Some(0));
}

#[tokio::test]
async fn a_pruned_log_verifies_from_where_it_begins() {
    let server = Server::start().await;
    append(&server, 300).await;
    let auditor = Auditor::of(&server, "acme.www");
    let proxy = Tampering::start(&server).await;
    auditor.keeps(&proxy.url(), "300").await;
    append(&server, 300).await;
    auditor.keeps(&proxy.url(), "600").await;
    append(&server, 100).await;

    proxy.drop_path("acme.www/tile/0/000");
    proxy.drop_path("acme.www/tile/entries/000");
    auditor.verify(&proxy.url(), "").await.finds("entries 0 to 255: MISSING");

    // The log says that it was pruned up to 400: the tile that ends at 512 must still be there.
    proxy.replace("acme.www/log.v1.json", br#"{"minimum_index": 400}"#);
    let verdict = auditor.verify(&proxy.url(), "--since 600").await;
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
    assert!(verdict.out.contains("700 leaves from 256 on, verify"), "{verdict:?}");
    let verdict = auditor.verify(&proxy.url(), "--since 300").await;
    assert_eq!(verdict.code, Some(0), "300 is not below 256: {verdict:?}");

    proxy.drop_path("acme.www/tile/0/001");
    proxy.drop_path("acme.www/tile/entries/001");
    proxy.replace("acme.www/log.v1.json", br#"{"minimum_index": 512}"#);
    assert_eq!(auditor.verify(&proxy.url(), "--since 600").await.code, Some(0));
    auditor
        .verify(&proxy.url(), "--since 300")
        .await
        .finds("the log was pruned up to 512: it cannot be compared");
}

#[tokio::test]
async fn a_damaged_entry_is_not_served() {
    let server = Server::start().await;
    append(&server, 260).await;
    let auditor = Auditor::of(&server, "acme.www");
    let directory = server.stop().await;
    let data = rusqlite::Connection::open(directory.path().join("indelible.sqlite")).unwrap();
    let hashes: Vec<u8> = data
        .query_row("SELECT hashes FROM tile WHERE log = 1 AND level = 0 AND number = 1", [], |row| row.get(0))
        .unwrap();
    let mut changed = hashes;
    changed[40] ^= 1;
    data.execute(
        "UPDATE tile SET hashes = ?1 WHERE log = 1 AND level = 0 AND number = 0",
        [changed.repeat(64)],
    )
    .unwrap();
    drop(data);
    let server = Server::start_in(directory).await;
    let url = "/logs/acme.www/tile/entries/000";
    let (status, problem) = server.get(url).await;
    assert_eq!(status, 500, "{problem}");
    let (status, _) = server.get("/logs/acme.www/tile/entries/001.p/4").await;
    assert_eq!(status, 200, "what is not damaged is served");
    auditor
        .verify(&server.url(""), "")
        .await
        .finds("entries 0 to 255: the server does not give the leaves: 500");
}
