//! Witnesses: our witness mode as a log of somebody else sees it, and our server as a log that asks for cosignatures.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use indelible::witness::{Opening, SUBMISSION_BYTES_MAX, Witness, application};
use indelible::witnessing::{Submitter, Unwitnessed};
use indelible::{Indelible, OpenOptions};
use reqwest::StatusCode;
use tempfile::TempDir;
use tlog::{
    Checkpoint, Cosigner, Hash, NodeReader, Note, Policy, RightEdge, SigningKey, Submission, VerifierKey,
    consistency_proof, cosigned_at, leaf_hash,
};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::logs::append;
use crate::outside::Auditor;
use crate::support::Server;

const ORIGIN: &str = "audit.example/logs/news";

/// A log in memory, which its owner may rewrite.
struct Log {
    key: SigningKey,
    edge: RightEdge,
    nodes: HashMap<(u8, u64), Hash>,
}

impl Log {
    fn new(entries: &[&str]) -> Self {
        let key = SigningKey::from_seed(ORIGIN, &[7; 32]).unwrap();
        let mut log = Self { key, edge: RightEdge::new(), nodes: HashMap::new() };
        for entry in entries {
            log.push(entry);
        }
        log
    }

    fn push(&mut self, entry: &str) {
        let nodes = &mut self.nodes;
        self.edge.push_with(leaf_hash(entry.as_bytes()), |level, index, hash| {
            nodes.insert((level, index), hash);
        });
    }

    fn note(&self) -> String {
        Checkpoint::new(ORIGIN, self.edge.size(), self.edge.root()).unwrap().sign(&self.key).unwrap()
    }

    fn submission(&self, old: u64) -> String {
        let proof = consistency_proof(self, old, self.edge.size()).unwrap();
        Submission::new(old, proof, &self.note()).unwrap().to_string()
    }
}

impl NodeReader for Log {
    type Error = std::io::Error;

    fn node(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        self.nodes.get(&(level, index)).copied().ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
}

/// A witness that serves. Dropping it ends it.
struct Serving {
    url: String,
    key: VerifierKey,
    task: JoinHandle<()>,
}

impl Serving {
    async fn start(directory: &Path, logs: &[VerifierKey]) -> Self {
        Self::named(directory, "witness.example", logs).await
    }

    async fn named(directory: &Path, name: &str, logs: &[VerifierKey]) -> Self {
        let opening = Opening { name: Some(name.to_owned()), logs: logs.to_vec() };
        let witness = Witness::open(directory, &opening).unwrap();
        let key = witness.verifier_key().clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task =
            tokio::spawn(async move { axum::serve(listener, application(Arc::new(witness))).await.unwrap() });
        Self { url, key, task }
    }

    async fn submit(&self, body: impl Into<String>) -> (StatusCode, String, String) {
        let url = format!("{}/add-checkpoint", self.url);
        let response = reqwest::Client::new().post(url).body(body.into()).send().await.unwrap();
        let kind = response.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned());
        (response.status(), kind.unwrap_or_default(), response.text().await.unwrap())
    }

    #[track_caller]
    fn cosigned(&self, note: &str, answer: &(StatusCode, String, String)) {
        assert_eq!(answer.0, 200, "{answer:?}");
        let note = Note::parse(format!("{note}{}", answer.2)).unwrap();
        assert!(cosigned_at(&note, &self.key).is_some(), "{answer:?}");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn known() -> Vec<VerifierKey> {
    vec![Log::new(&[]).key.verifier_key()]
}

#[tokio::test]
async fn a_witness_cosigns_what_extends_and_answers_as_the_specification_says() {
    let place = TempDir::new().unwrap();
    let witness = Serving::start(place.path(), &known()).await;
    let mut log = Log::new(&["a", "b", "c"]);
    let first = log.submission(0);
    witness.cosigned(&log.note(), &witness.submit(first.clone()).await);
    log.push("d");
    log.push("e");

    // What it saw last, in the form of the specification.
    for old in [0, 2, 4, 5] {
        let answer = witness.submit(log.submission(old)).await;
        assert_eq!(answer, (StatusCode::CONFLICT, "text/x.tlog.size".to_owned(), "3\n".to_owned()));
    }
    // Above the checkpoint's own size.
    let above = log.submission(3).replacen("old 3", "old 6", 1);
    assert_eq!(witness.submit(above).await.0, StatusCode::BAD_REQUEST);
    // No proof, another proof, one hash too many.
    let proven = log.submission(3);
    let lines: Vec<&str> = proven.split("\n\n").next().unwrap().lines().collect();
    let note = log.note();
    let other = leaf_hash(b"x").to_base64();
    for head in
        ["old 3\n".to_owned(), format!("old 3\n{other}\n"), format!("{}\n{other}\n", lines.join("\n"))]
    {
        let answer = witness.submit(format!("{head}\n{note}")).await;
        assert_eq!(answer.0, StatusCode::UNPROCESSABLE_ENTITY, "{head}: {answer:?}");
    }
    // Another log, another key, no note, too much.
    let stranger = Checkpoint::new("other.example", 5, log.edge.root()).unwrap();
    let stranger = stranger.sign(&SigningKey::from_seed("other.example", &[7; 32]).unwrap()).unwrap();
    assert_eq!(witness.submit(format!("old 0\n\n{stranger}")).await.0, StatusCode::NOT_FOUND);
    let thief = SigningKey::from_seed(ORIGIN, &[8; 32]).unwrap();
    let forged = Checkpoint::new(ORIGIN, 5, log.edge.root()).unwrap().sign(&thief).unwrap();
    assert_eq!(witness.submit(proven.replace(&note, &forged)).await.0, StatusCode::FORBIDDEN);
    let changed = proven.replace(&format!("{ORIGIN}\n5\n"), &format!("{ORIGIN}\n6\n"));
    assert_eq!(witness.submit(changed).await.0, StatusCode::FORBIDDEN);
    assert_eq!(witness.submit("old 3\n\nnothing\n").await.0, StatusCode::BAD_REQUEST);
    assert_eq!(witness.submit("x".repeat(SUBMISSION_BYTES_MAX + 1)).await.0, StatusCode::PAYLOAD_TOO_LARGE);

    // None of that has moved it. The same again is cosigned again.
    witness.cosigned(&note, &witness.submit(proven).await);
    witness.cosigned(&note, &witness.submit(log.submission(5)).await);

    // Anybody reads what it saw.
    let hash = sha256(ORIGIN);
    let seen = reqwest::get(format!("{}/{hash}/checkpoint", witness.url)).await.unwrap();
    let seen = Note::parse(seen.text().await.unwrap()).unwrap();
    assert_eq!(Checkpoint::parse(seen.text()).unwrap().size(), 5);
    assert!(cosigned_at(&seen, &witness.key).is_some());
    let unknown = reqwest::get(format!("{}/{}/checkpoint", witness.url, sha256("x"))).await.unwrap();
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    Hash::from_bytes(sha2::Sha256::digest(text).into()).to_string()
}

#[tokio::test]
async fn whoever_holds_the_key_of_a_log_gets_one_history_cosigned() {
    let place = TempDir::new().unwrap();
    let witness = Serving::start(place.path(), &known()).await;
    let told = Log::new(&["a", "b", "c", "d"]);
    witness.cosigned(&told.note(), &witness.submit(told.submission(0)).await);

    // Split view: another log of the same size, signed by the same key.
    let split = Log::new(&["a", "B", "c", "d"]);
    let answer = witness.submit(split.submission(4)).await;
    assert_eq!(answer.0, StatusCode::UNPROCESSABLE_ENTITY, "{answer:?}");
    let evidence = std::fs::read_to_string(place.path().join("evidence").join(sha256(ORIGIN))).unwrap();
    for note in [&told, &split].map(Log::note) {
        assert!(evidence.contains(note.lines().nth(2).unwrap()), "both roots, to be shown to others");
    }
    // A rewritten log that grew: no proof joins it, whichever old size is claimed.
    let rewritten = Log::new(&["a", "B", "c", "d", "e", "f"]);
    assert_eq!(witness.submit(rewritten.submission(4)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    for old in [0, 1, 3, 5, 6] {
        assert_eq!(witness.submit(rewritten.submission(old)).await.0, StatusCode::CONFLICT);
    }
    // Rolled back: a smaller log under a valid signature.
    let cut = Log::new(&["a", "b"]);
    assert_eq!(witness.submit(cut.submission(0)).await.0, StatusCode::CONFLICT);
    let claimed = cut.submission(2).replacen("old 2", "old 4", 1);
    assert_eq!(witness.submit(claimed).await.0, StatusCode::BAD_REQUEST);

    // Not over a restart either.
    let key = witness.key.clone();
    witness.task.abort();
    drop(witness);
    let witness = reopened(place.path()).await;
    assert_eq!(witness.key, key);
    assert_eq!(witness.submit(rewritten.submission(0)).await.2, "4\n");
    assert_eq!(witness.submit(split.submission(4)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let grown = Log::new(&["a", "b", "c", "d", "e"]);
    witness.cosigned(&grown.note(), &witness.submit(grown.submission(4)).await);
}

/// The witness in a directory, once the process before has let go of it.
async fn reopened(directory: &Path) -> Serving {
    let opening = Opening { name: None, logs: known() };
    while Witness::open(directory, &opening).is_err() {
        tokio::task::yield_now().await;
    }
    Serving::start(directory, &known()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_histories_at_once_one_is_cosigned() {
    let place = TempDir::new().unwrap();
    let witness = Arc::new(Serving::start(place.path(), &known()).await);
    let mut tasks = tokio::task::JoinSet::new();
    for fork in 0..16 {
        let witness = Arc::clone(&witness);
        tasks.spawn(async move {
            let log = Log::new(&["a", &format!("fork {fork}"), "c"]);
            witness.submit(log.submission(0)).await.0
        });
    }
    let statuses: Vec<StatusCode> = tasks.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == StatusCode::OK).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status.as_u16(), 200 | 409)), "{statuses:?}");
}

#[test]
fn directories_that_are_no_witness() {
    let place = TempDir::new().unwrap();
    let open = |name: Option<&str>| {
        let opening = Opening { name: name.map(ToOwned::to_owned), logs: known() };
        Witness::open(place.path(), &opening)
    };
    let error = |name| open(name).unwrap_err().to_string();
    assert!(error(None).contains("Give a name to make one"));
    assert!(error(Some("two words")).contains("cannot be a witness's name"));
    let witness = open(Some("w.example")).unwrap();
    assert!(error(None).contains("another process is the witness"));
    let note = Log::new(&["a"]);
    witness.add_checkpoint(note.submission(0).as_bytes(), 5).unwrap();
    drop(witness);
    assert!(error(Some("v.example")).contains("named `w.example`, not `v.example`"));

    let logs = place.path().join("logs");
    std::fs::write(&logs, "# ours\n\nnonsense\n").unwrap();
    assert!(error(None).contains("line 3: a verifier key has the form"));
    let cosigner = Cosigner::from_seed("w", &[1; 32]).unwrap().verifier_key();
    std::fs::write(&logs, format!("{cosigner}\n")).unwrap();
    assert!(error(None).contains("line 1: this is the key of a witness"));
    std::fs::write(&logs, format!("{}\n", known()[0])).unwrap();
    let witness = Witness::open(place.path(), &Opening::default()).unwrap();
    assert_eq!(witness.origins().collect::<Vec<_>>(), [ORIGIN]);
    drop(witness);

    // A head that somebody changed, so that a rewritten log would fit, is no reason to begin anew.
    let head = place.path().join("heads").join(sha256(ORIGIN));
    let kept = std::fs::read_to_string(&head).unwrap();
    std::fs::write(&head, kept.replace(&format!("{ORIGIN}\n1\n"), &format!("{ORIGIN}\n2\n"))).unwrap();
    assert!(error(None).contains("this witness did not cosign it, or it was changed since"));
    std::fs::write(&head, "").unwrap();
    assert!(error(None).contains("would cosign a rewritten log"));
    std::fs::write(place.path().join("key"), "w.example\nshort\n").unwrap();
    assert!(error(None).contains("does not hold a name and a seed"));
}

/// A server with a policy: two of three witnesses make the quorum.
struct Witnessed {
    server: Server,
    submitter: Submitter,
    policy: std::path::PathBuf,
    witnesses: Vec<Serving>,
    places: Vec<TempDir>,
}

impl Witnessed {
    async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let key = {
            let indelible = Indelible::open(directory.path(), &OpenOptions::default()).unwrap();
            indelible.keys().umbrella_key().unwrap().verifier_key()
        };
        let mut lines = format!("log {key}\n");
        let (mut witnesses, mut places) = (Vec::new(), Vec::new());
        for name in ["w1", "w2", "w3"] {
            let place = TempDir::new().unwrap();
            let witness =
                Serving::named(place.path(), &format!("{name}.example"), std::slice::from_ref(&key)).await;
            for word in ["witness ", name, " ", &witness.key.to_string(), " ", &witness.url, "\n"] {
                lines.push_str(word);
            }
            witnesses.push(witness);
            places.push(place);
        }
        lines.push_str("group all-of-them 2 w1 w2 w3\nquorum all-of-them\n");
        let policy = directory.path().join("policy");
        std::fs::write(&policy, lines).unwrap();
        let options = OpenOptions { witness_policy: Some(policy.clone()), ..OpenOptions::default() };
        let server = Server::start_with(directory, &options).await;
        server.create_site("acme.www");
        let indelible = &server.indelible;
        let submitter = Submitter::new(indelible.witnesses().clone(), indelible.umbrella().clone()).unwrap();
        Self { server, submitter, policy, witnesses, places }
    }

    async fn round(&self, entries: usize) {
        append(&self.server, entries).await;
        let umbrella = self.server.indelible.umbrella().clone();
        tokio::task::spawn_blocking(move || umbrella.round(false).unwrap()).await.unwrap();
    }

    async fn cosigned(&self) -> (StatusCode, String) {
        let request = self.server.request(reqwest::Method::GET, "/logs/_umbrella/cosigned");
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

#[tokio::test]
async fn heads_are_cosigned_and_what_they_cover_verifies_under_the_policy() {
    let it = Witnessed::start().await;
    let none = it.submitter.ask(0).await.unwrap_err();
    assert!(none.to_string().contains("no head yet"), "{none}");
    it.round(3).await;
    let policy = Policy::parse(std::fs::read(&it.policy).unwrap()).unwrap();
    assert_eq!(it.submitter.ask(0).await, Ok(2));
    assert_eq!(it.cosigned().await.0, StatusCode::NOT_FOUND, "one of three is no quorum");
    // Its cosignature is in the newest checkpoint all the same.
    let newest = it.server.request(reqwest::Method::GET, "/logs/_umbrella/checkpoint").send().await.unwrap();
    let newest = Note::parse(newest.text().await.unwrap()).unwrap();
    assert_eq!(policy.cosigned_by(&newest).len(), 1);

    let auditor = Auditor::of(&it.server, "acme.www");
    let more = format!("--policy {}", it.policy.display());
    auditor
        .verify(&it.server.url(""), &more)
        .await
        .fails_with("no checkpoint of the umbrella log has a quorum");
    assert_eq!(it.submitter.ask(2).await, Ok(2));
    let (status, cosigned) = it.cosigned().await;
    assert_eq!(status, 200);
    assert!(policy.is_reached(&Note::parse(&cosigned).unwrap()), "{cosigned}");
    let verdict = auditor.verify(&it.server.url(""), &more).await;
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
    assert!(verdict.out.contains("the quorum of witnesses is reached"), "{verdict:?}");

    // The log goes on, one witness after the other follows, and the quorum with them.
    it.round(2).await;
    let size = it.server.indelible.umbrella().head().unwrap().unwrap().0.size;
    assert_eq!(it.cosigned().await.1, cosigned);
    assert_eq!(it.submitter.ask(1).await, Ok(size));
    assert_eq!(it.submitter.ask(2).await, Ok(size));
    assert!(it.cosigned().await.1.contains(&format!("\n{size}\n")));
    let about = it.server.read("/logs/_umbrella/log.v1.json").await;
    assert_eq!(about["witnesses"][0]["newest"]["size"], 2, "{about}");
    assert_eq!(about["witnesses"][2]["newest"]["size"], size, "{about}");
    let metrics =
        it.server.request(reqwest::Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    assert!(metrics.contains(r#"indelible_witness_lag_heads{witness="w2"} 0"#), "{metrics}");
    assert!(!metrics.contains(r#"indelible_witness_lag_heads{witness="w1"} 0"#), "{metrics}");
    let page = it.server.request(reqwest::Method::GET, "/sites/acme.www/integrity");
    assert!(!page.send().await.unwrap().status().is_server_error());
    evidence_verifies(&it, &auditor, &policy).await;
    restart_keeps(it, size).await;
}

/// An evidence bundle under the policy, and under one whose witnesses never saw it.
async fn evidence_verifies(it: &Witnessed, auditor: &Auditor, policy: &Policy) {
    let tar =
        it.server.request(reqwest::Method::GET, "/api/v1/sites/acme.www/evidence").send().await.unwrap();
    let tar = tar.bytes().await.unwrap();
    let log: VerifierKey = auditor.key.parse().unwrap();
    let umbrella = policy.logs().first().unwrap();
    let verify = |policy: &Policy| {
        indelible::auditor::verify_bundle(tar.as_ref(), &log, Some(umbrella), Some(policy)).unwrap()
    };
    let report = verify(policy);
    assert!(report.findings.is_empty() && report.entries >= 5, "{report:?}");
    let stranger = Cosigner::from_seed("stranger.example", &[1; 32]).unwrap().verifier_key();
    let strangers = Policy::parse(format!("witness s {stranger}\nquorum s\n")).unwrap();
    let report = verify(&strangers);
    assert_eq!(report.entries, 0);
    assert!(report.findings[0].what.contains("NO QUORUM: no witness of the policy"), "{report:?}");
}

async fn restart_keeps(it: Witnessed, size: u64) {
    let options = OpenOptions { witness_policy: Some(it.policy), ..OpenOptions::default() };
    drop(it.submitter);
    let directory = it.server.stop().await;
    let server = Server::start_with(directory, &options).await;
    let (cosigned, _) = server.indelible.witnesses().cosigned().unwrap();
    assert_eq!(cosigned.size(), size);
    drop((it.witnesses, it.places));
}

#[tokio::test]
async fn a_server_that_was_put_back_or_rewritten_hears_it_from_its_witnesses() {
    let it = Witnessed::start().await;
    it.round(3).await;
    // Somebody with our key has shown this witness a log of their own.
    let key = it.server.indelible.keys().umbrella_key().unwrap();
    let mut forged = Log::new(&["a"]);
    let note = |log: &Log| {
        Checkpoint::new(key.name(), log.edge.size(), log.edge.root()).unwrap().sign(&key).unwrap()
    };
    let answer = it.witnesses[0].submit(format!("old 0\n\n{}", note(&forged))).await;
    assert_eq!(answer.0, 200, "{answer:?}");
    let error = it.submitter.ask(0).await.unwrap_err();
    assert!(matches!(error, Unwitnessed::Forked { old: 1, .. }), "{error:?}");
    assert!(error.to_string().starts_with("ALARM: it says that our log does not extend the head of size 1"));

    // Another one has seen more than we have: a backup was put in the place of the data.
    (0..9).for_each(|entry| forged.push(&entry.to_string()));
    let answer = it.witnesses[1].submit(format!("old 0\n\n{}", note(&forged))).await;
    assert_eq!(answer.0, 200, "{answer:?}");
    let error = it.submitter.ask(1).await.unwrap_err();
    assert_eq!(error, Unwitnessed::RolledBack { theirs: 10, ours: 2 });
    let standings = it.server.indelible.witnesses().standings();
    assert!(standings[0].problem.as_ref().unwrap().contains("rewritten"), "{standings:?}");
    assert!(standings[1].problem.as_ref().unwrap().contains("rolled back"), "{standings:?}");
    // One witness alone is no quorum, and writes go on.
    assert_eq!(it.submitter.ask(2).await, Ok(2));
    assert_eq!(it.cosigned().await.0, StatusCode::NOT_FOUND);
    append(&it.server, 1).await;
}

#[tokio::test]
async fn a_witness_that_is_away_or_does_not_know_us_is_told_and_asked_again() {
    let it = Witnessed::start().await;
    it.round(1).await;
    let (first, url) = (&it.witnesses[0], it.witnesses[0].url.clone());
    first.task.abort();
    while reqwest::get(&url).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let error = it.submitter.ask(0).await.unwrap_err();
    assert!(matches!(error, Unwitnessed::Answer(_)), "{error:?}");
    append(&it.server, 1).await;

    // Answers as no witness would give them.
    let address = url.strip_prefix("http://").unwrap().to_owned();
    for (status, kind, body, words) in [
        ("404 Not Found", "text/plain", "who?", "404: it does not know our umbrella log"),
        ("403 Forbidden", "text/plain", "", "403: it knows our umbrella log by another key"),
        ("409 Conflict", "text/plain", "1\n", "409 Conflict"),
        ("409 Conflict", "text/x.tlog.size", "01\n", "a size that is none"),
        ("409 Conflict", "text/x.tlog.size", "0\n", "409 again and again"),
        ("429 Too Many Requests", "text/plain", "later\u{1b}[2J", "429 Too Many Requests (later[2J)"),
        ("200 OK", "text/plain", "nonsense\n", "is not signature lines"),
        ("200 OK", "text/plain", "", "has no cosignature of the key in the policy"),
    ] {
        let listener = bind(&address).await;
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let serving = tokio::spawn(say(listener, answer));
        let error = it.submitter.ask(0).await.unwrap_err().to_string();
        assert!(error.contains(words), "`{words}` in `{error}`");
        serving.abort();
        drop(serving.await);
    }
}

/// The address may still be held by what served there before.
async fn bind(address: &str) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Answers everything that is asked with the same.
async fn say(listener: TcpListener, answer: String) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        // To the end of the checkpoint, so that the connection is not reset under the client.
        while !String::from_utf8_lossy(&asked).split("\r\n\r\n").nth(1).is_some_and(|body| {
            body.contains("\n\n\u{2014}") || (body.contains('\u{2014}') && body.ends_with('\n'))
        }) {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece).await.unwrap();
            asked.extend(&piece[..read]);
            if read == 0 {
                break;
            }
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
    }
}

#[test]
fn policies_that_a_server_does_not_take() {
    let directory = TempDir::new().unwrap();
    let policy = directory.path().join("policy");
    let options = OpenOptions { witness_policy: Some(policy.clone()), ..OpenOptions::default() };
    let data = directory.path().join("data");
    let refused = |text: &str| {
        std::fs::write(&policy, text).unwrap();
        Indelible::open(&data, &options).unwrap_err().to_string()
    };
    let witness = Cosigner::from_seed("w.example", &[1; 32]).unwrap().verifier_key();
    assert!(refused("quorum w\n").contains("line 1 of the policy: `w` is not defined above"));
    let other = format!("log {}\nquorum none\n", known()[0]);
    assert!(refused(&other).contains("is for other logs"));
    let address = format!("witness w {witness} ftp://w.example/\nquorum w\n");
    assert!(refused(&address).contains("`ftp://w.example/` is not an http or https address"));
    std::fs::remove_file(&policy).unwrap();
    assert!(Indelible::open(&data, &options).unwrap_err().to_string().contains("the witness policy"));
}
