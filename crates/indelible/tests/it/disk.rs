//! A disk without room.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use indelible::{Indelible, OpenOptions};
use model::Role;
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::filled::{Filled, SITE, copy_directory, text};
use crate::process::{Process, run};
use crate::support::{json, token};

/// A server, and a token for it.
struct Client {
    runtime: Runtime,
    url: String,
    secret: String,
    /// Number of the next entry.
    next: usize,
}

impl Client {
    fn new(server: &Process, secret: &str) -> Self {
        let url = format!("http://{}/api/v1/sites/{SITE}/entries", server.address);
        Self { runtime: Runtime::new().unwrap(), url, secret: secret.to_owned(), next: 700 }
    }

    /// Appends a hundred entries; the status, and the places if they were taken.
    fn append(&mut self) -> (StatusCode, Value) {
        let lines = (self.next..self.next + 100).map(|number| text(SITE, number).replace('\n', " "));
        let body = lines.collect::<Vec<_>>().join("\n");
        let request = reqwest::Client::new()
            .post(&self.url)
            .header(AUTHORIZATION, format!("Bearer {}", self.secret))
            .header(CONTENT_TYPE, "application/x-ndjson")
            .body(body);
        let answer = self.runtime.block_on(async { json(request.send().await.unwrap()).await });
        if answer.0.is_success() {
            self.next += 100;
        }
        answer
    }

    /// Appends until that fails; how it failed.
    fn append_until_refused(&mut self) -> (StatusCode, Value) {
        loop {
            let (status, answer) = self.append();
            if !status.is_success() {
                return (status, answer);
            }
            let last = &answer["results"][99];
            assert_eq!(last["index"], self.next - 1, "{answer}");
            assert!(self.next < 100_000, "there is room without end");
        }
    }

    fn list(&self) -> StatusCode {
        let request =
            reqwest::Client::new().get(&self.url).header(AUTHORIZATION, format!("Bearer {}", self.secret));
        self.runtime.block_on(async { request.send().await.unwrap().status() })
    }
}

fn filled() -> (Filled, String) {
    let filled = Filled::new();
    let indelible = Indelible::open(filled.path(), &OpenOptions::default()).unwrap();
    let secret = token(&indelible, "admin", Role::Admin, None);
    drop(indelible);
    crate::filled::fold(&filled.data_file());
    crate::filled::fold(&filled.head_file());
    (filled, secret)
}

/// SQLite would resolve the way into the other namespace to a path in this one.
fn copied(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_directory(directory, copy.path());
    copy
}

fn size(directory: &Path) -> usize {
    let indelible = Indelible::open(directory, &OpenOptions::default()).unwrap();
    let site = indelible.sites().find(&SITE.parse().unwrap()).unwrap().unwrap();
    indelible.published().size(site.log).unwrap().try_into().unwrap()
}

/// A file that may not grow, as under a quota: SQLite calls that an input/output error, after which nobody
/// knows what is on disk. So the log stops, and the server ends to be started again.
#[test]
fn a_write_that_fails_stops_the_log_and_loses_nothing() {
    let (filled, secret) = filled();
    let mut command = Command::new("sh");
    // In blocks of 512 bytes: 2 MiB.
    command.args(["-c", r#"trap "" XFSZ; ulimit -f 4096; exec "$0" serve --listen 127.0.0.1:0 --data "$1""#]);
    command.arg(env!("CARGO_BIN_EXE_indelible")).arg(filled.path());
    let server = Process::spawn(command);
    let mut client = Client::new(&server, &secret);
    let (status, answer) = client.append_until_refused();
    assert_eq!((status.as_u16(), &answer["code"]), (503, &Value::from("stopped")), "{answer}");
    assert_eq!(server.wait(), Some(1), "it ends by itself, with an error");

    assert_eq!(size(filled.path()), client.next, "what was acknowledged, and nothing else");
    let verified = run(filled.path(), &["verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let server = Process::serve(filled.path());
    let mut again = Client { next: client.next, ..Client::new(&server, &secret) };
    assert_eq!(again.append().0, 200);
}

/// A file system that is full. Needs one of a few megabytes, which an ordinary user can make where the kernel
/// lets them have a namespace.
#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let namespace = ["--user", "--map-root-user", "--mount"];
    let small = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size=6m tmpfs {}", small.path().display());
    let mut trial = Command::new("unshare");
    trial.args(namespace).args(["sh", "-c", &mount]).stderr(Stdio::null());
    if !trial.status().is_ok_and(|status| status.success()) {
        eprintln!("not tested: this system lets nobody but root mount a small file system");
        return;
    }
    let (filled, secret) = filled();
    let script = format!(
        r#"{mount} && cp -r "$1/." "$2" && head -c 2500000 /dev/zero >"$2/ballast" &&
        exec "$0" serve --listen 127.0.0.1:0 --data "$2""#
    );
    let mut command = Command::new("unshare");
    command.args(namespace).args(["sh", "-c", &script, env!("CARGO_BIN_EXE_indelible")]);
    command.arg(filled.path()).arg(small.path());
    let server = Process::spawn(command);
    // The file system as the server sees it. `unshare` and `sh` became the server: it is their process.
    let inside = server.root().join(small.path().strip_prefix("/").unwrap());

    let mut client = Client::new(&server, &secret);
    let (status, answer) = client.append_until_refused();
    assert_eq!((status.as_u16(), &answer["code"]), (507, &Value::from("disk_full")), "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains(&small.path().display().to_string()), "{answer}");
    for _ in 0..3 {
        assert_eq!(client.append().0.as_u16(), 507, "and again");
    }
    assert_eq!(client.list(), StatusCode::OK, "reading goes on");
    assert_eq!(size(copied(&inside).path()), client.next, "what was acknowledged, and nothing else");

    fs::remove_file(inside.join("ballast")).unwrap();
    let (status, answer) = client.append();
    assert_eq!(status.as_u16(), 200, "writing resumes by itself: {answer}");
    let after = copied(&inside);
    server.kill();
    assert_eq!(size(after.path()), client.next);
    let verified = run(after.path(), &["verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}
