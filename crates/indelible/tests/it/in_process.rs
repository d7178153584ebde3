//! The installation inside another program: the example CMS, run as it is.

#[path = "../../examples/small_cms/cms.rs"]
mod cms;

use std::net::SocketAddr;
use std::time::Duration;

use client::outbox::{Outbox, OutboxSettings};
use client::{Entry, Logger, Outgoing, Sink as _};
use indelible::access::Caller;
use indelible::{Indelible, OpenOptions};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::process::command;

struct Running {
    address: SocketAddr,
    cms: cms::Cms,
    http: Client,
    _directory: TempDir,
}

impl Running {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let cms = tokio::task::spawn_blocking(move || cms::Cms::open(&path)).await.unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = cms.router().into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, cms, http: Client::new(), _directory: directory }
    }

    async fn ask(&self, method: Method, path: &str, user: Option<&str>, body: Value) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("http://{}{path}", self.address)).json(&body);
        if let Some(user) = user {
            request = request.header("x-user", user);
        }
        crate::support::json(request.send().await.unwrap()).await
    }

    async fn ana(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, Some("ana"), body).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    async fn fields(&self, path: &str) -> Value {
        self.ana(Method::GET, path, json!(null)).await["fields"].clone()
    }

    async fn history(&self, path: &str) -> Vec<Value> {
        self.ana(Method::GET, &format!("{path}/history"), json!(null)).await.as_array().unwrap().clone()
    }

    async fn audit(&self, path: &str) -> (StatusCode, Value) {
        let request = self
            .http
            .get(format!("http://{}/audit{path}", self.address))
            .header("authorization", format!("Bearer {}", self.cms.auditor_token()));
        crate::support::json(request.send().await.unwrap()).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_cms_logs_shows_and_takes_back() {
    let running = Running::start().await;
    let post = json!({"id": "1", "title": "Hello", "body": "text"});
    running.ana(Method::POST, "/admin/posts", post).await;
    running.ana(Method::POST, "/admin/pages", json!({"id": "7", "title": "Home", "slug": "/"})).await;
    running.ana(Method::POST, "/admin/media", json!({"id": "m", "file": "cat.jpg"})).await;
    let user =
        json!({"id": "bob", "name": "Bob", "email": "bob@example.com", "password_hash": "$argon2id$1"});
    running.ana(Method::POST, "/admin/users", user).await;
    running.ana(Method::PATCH, "/admin/posts/1", json!({"title": "Good morning"})).await;
    running.ana(Method::PATCH, "/admin/users/bob", json!({"password_hash": "$argon2id$2"})).await;
    running.ana(Method::PATCH, "/admin/settings/site", json!({"language": "de"})).await;
    running.ana(Method::DELETE, "/admin/pages/7", json!(null)).await;

    // An edit is taken back from the CMS's own admin, and that again.
    let history = running.history("/admin/posts/1").await;
    assert_eq!((history.len(), &history[0]["actor"]), (2, &json!("ana")));
    assert_eq!(history[0]["summary"], "Edited 'Good morning'");
    let revert = |id: &Value| format!("/admin/entries/{}/revert", id.as_str().unwrap());
    let back = running.ana(Method::POST, &revert(&history[0]["id"]), json!({"reason": "a slip"})).await;
    assert_eq!(running.fields("/admin/posts/1").await["title"], "Hello");
    running.ana(Method::POST, &revert(&back["id"]), json!({})).await;
    assert_eq!(running.fields("/admin/posts/1").await["title"], "Good morning");

    // What was deleted comes back.
    let deleted = running.history("/admin/pages/7").await[0].clone();
    assert_eq!(deleted["action"], "page.delete");
    running.ana(Method::POST, &revert(&deleted["id"]), json!({})).await;
    assert_eq!(running.fields("/admin/pages/7").await["slug"], "/");

    // A password does not, and nobody has seen it.
    let changed = running.history("/admin/users/bob").await[0].clone();
    assert_eq!(changed["after"]["password_hash"], "[masked 2]");
    let (status, why) = running.ask(Method::POST, &revert(&changed["id"]), Some("ana"), json!({})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
    // Nobody does anything anonymously.
    let (status, why) = running.ask(Method::PATCH, "/admin/posts/1", None, json!({"title": "x"})).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{why}");
    assert_eq!(running.fields("/admin/posts/1").await["title"], "Good morning");

    // The log's own API, under a prefix of the CMS.
    let (status, page) = running.audit("/api/v1/sites/cms/entries?limit=100").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let entries = page["data"].as_array().unwrap();
    assert_eq!(entries.len(), 12, "one of the system, eight of Ana, three reverts");
    let by = |name: &str| entries.iter().filter(|entry| entry["actor"]["name"] == name).count();
    assert_eq!(by("ana"), 11);
    let edit = entries.iter().find(|entry| entry["action"] == "settings.edit").unwrap();
    assert_eq!((&edit["origin"]["ip"], &edit["origin"]["channel"]), (&json!("127.0.0.1"), &json!("admin")));
    assert_eq!((&edit["connector"], &edit["source"]), (&json!("small-cms"), &json!("small-cms")));
    let (status, _) =
        running.audit(&format!("/api/v1/sites/cms/entries/{}/proof", edit["id"].as_str().unwrap())).await;
    assert_eq!(status, StatusCode::OK);
    let (status, _) = crate::support::json(
        running
            .http
            .get(format!("http://{}/audit/api/v1/sites/cms/entries", running.address))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);

    let cms = running.cms.clone();
    tokio::task::spawn_blocking(move || cms.close(Duration::from_secs(30))).await.unwrap().unwrap();
    let (status, why) =
        running.ask(Method::PATCH, "/admin/posts/1", Some("ana"), json!({"title": "x"})).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "what cannot be logged is not done: {why}");
}

/// What the log refuses is set aside with the reason, the rest arrives, and `doctor` shows it.
#[test]
fn the_outbox_sets_aside_what_the_log_refuses_and_doctor_shows_it() {
    let directory = tempfile::tempdir().unwrap();
    let indelible = Indelible::open(&directory.path().join("data"), &OpenOptions::default()).unwrap();
    let site = indelible.create_site("www".parse().unwrap(), "W", &Caller::local("test")).unwrap();
    let path = directory.path().join("outbox");
    let outbox = Outbox::open(&path, indelible.transport("cms"), OutboxSettings::default()).unwrap();
    let accept = |site: &str, entry: Entry| {
        let json = serde_json::to_value(&entry).unwrap();
        let id = json["id"].as_str().unwrap().parse().unwrap();
        outbox.accept(Outgoing { id, site: site.to_owned(), entry: json.to_string().into_bytes() }).unwrap();
    };
    accept("www", Entry::new("page.edit", "page", "1"));
    accept("www", Entry::new("page.edit", "page", ""));
    accept("nowhere", Entry::new("page.edit", "page", "1"));
    accept("_system", Entry::new("page.edit", "page", "1"));
    let same = Entry::new("page.edit", "page", "1");
    accept("www", same.clone());
    accept("www", same.clone());
    accept("www", same.title("another content"));
    accept("www", Entry::new("page.edit", "page", "2"));
    outbox.close(Duration::from_secs(30)).unwrap();
    assert_eq!(indelible.published().size(site.log).unwrap(), 3);

    let codes: Vec<_> =
        client::outbox::inspect(&path).unwrap().set_aside.into_iter().map(|kept| kept.code).collect();
    assert_eq!(codes.len(), 4);
    for code in ["invalid_value", "unknown_site", "id_conflict"] {
        assert!(codes.iter().any(|found| found == code), "{codes:?}");
    }
    let ran = command().arg("doctor").arg("--outbox").arg(&path).output().unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    assert_eq!(ran.status.code(), Some(1), "{text}");
    assert!(text.contains("set aside     4 entries") && text.contains("`entity.id`"), "{text}");
    let ran = command().arg("doctor").arg("--outbox").arg(directory.path().join("data")).output().unwrap();
    assert!(String::from_utf8(ran.stderr).unwrap().contains("there is no outbox"));
    // Nothing to look after in a new one.
    let fresh = directory.path().join("fresh");
    Logger::with_outbox(
        "www",
        client::Registry::any(),
        Outbox::open(&fresh, indelible.transport("cms"), OutboxSettings::default()).unwrap(),
    )
    .close(Duration::from_secs(30))
    .unwrap();
    assert!(command().arg("doctor").arg("--outbox").arg(&fresh).status().unwrap().success());
}

/// A page of the CMS under `/audit` for whoever is signed in by this cookie; the text and where it leads.
async fn page(running: &Running, path: &str, cookie: &str) -> (StatusCode, String, String) {
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer =
        http.get(format!("http://{}{path}", running.address)).header("cookie", cookie).send().await.unwrap();
    let location = answer.headers().get("location").map_or("", |at| at.to_str().unwrap()).to_owned();
    (answer.status(), answer.text().await.unwrap(), location)
}

/// The addresses of a page that lead to the same server.
fn addresses(page: &str) -> Vec<&str> {
    let parts = page.split("=\"/").skip(1);
    let own = page.split("=\"/").zip(parts).filter(|(before, _)| {
        ["href", "src", "action", "formaction", "data-tail", "data-completions"]
            .iter()
            .any(|name| before.ends_with(name))
    });
    own.filter_map(|(_, after)| after.split_once('"').map(|(address, _)| address)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_screens_are_at_home_under_the_prefix() {
    let running = Running::start().await;
    let post = json!({"id": "1", "title": "Hello", "body": "text"});
    running.ana(Method::POST, "/admin/posts", post).await;
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();

    // Strangers are led to the sign-in and back, within the prefix all the way.
    let (status, _, to) = page(&running, "/audit/sites/cms?kind=create", "").await;
    assert_eq!((status, &*to), (StatusCode::SEE_OTHER, "/audit/sign-in?next=%2Fsites%2Fcms%3Fkind%3Dcreate"));
    let form = [("token", running.cms.auditor_token()), ("next", "/sites/cms?kind=create")];
    let form = serde_urlencoded::to_string(form).unwrap();
    let sign_in =
        http.post(format!("http://{}/audit/sign-in", running.address)).body(form).send().await.unwrap();
    assert_eq!(sign_in.headers()["location"], "/audit/sites/cms?kind=create");
    let cookie = sign_in.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("; Path=/audit;"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();

    // Every page that can be reached from the start by links, all of them under the prefix.
    let mut waiting = vec!["/audit".to_owned()];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(path) = waiting.pop() {
        if seen.len() > 60 || !seen.insert(path.clone()) {
            continue;
        }
        let (status, text, to) = page(&running, &path, cookie).await;
        assert!(status.is_success() || status == StatusCode::SEE_OTHER, "{path}: {status}");
        let found = addresses(&text).into_iter().map(|address| format!("/{address}"));
        for address in found.chain(Some(to).filter(|to| !to.is_empty())) {
            let address = address.replace("&#38;", "&").replace("&amp;", "&");
            assert!(address == "/audit" || address.starts_with("/audit/"), "{path} leads to {address}");
            // Lists with filters lead to ever more filters.
            let is_page =
                !["?", "/sign-", "/export", "/evidence", "/columns"].iter().any(|not| address.contains(not));
            if is_page {
                waiting.push(address);
            }
        }
    }
    let reached = |end: &str| seen.iter().any(|path| path.contains(end));
    for page in ["/sites/cms", "/entries/", "/entities/", "/integrity", "/proof"] {
        assert!(reached(page), "{page} in {seen:?}");
    }
    // With a slash at its end it is the start all the same, and what is not there is said by a page.
    let (status, _, to) = page(&running, "/audit/", cookie).await;
    assert_eq!((status, &*to), (StatusCode::SEE_OTHER, "/audit/sites/cms"));
    let (status, text, _) = page(&running, "/audit/nothing", cookie).await;
    assert!(status == StatusCode::NOT_FOUND && text.contains("href=\"/audit\""), "{status} {text}");
}
