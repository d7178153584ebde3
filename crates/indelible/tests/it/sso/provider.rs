//! With a real provider: the certified one of npm, run by Node.js as its own process.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use indelible::oidc::Registration;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Client, Response};

use super::{come_back, server_with, session};
use crate::support::{Server, entry, refused};

const SECRET: &str = "hush hush, 100% secret + more";

/// A running provider. Dropping it ends it.
struct Provider {
    process: Child,
    lines: BufReader<ChildStdout>,
    issuer: String,
}

impl Provider {
    /// Starts one, that does not serve until it knows where people are sent back to.
    fn start(way: &str) -> Self {
        let mut process = Command::new("node")
            .arg(installed().join("provider.mjs"))
            .arg(way)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Node.js; scripts/test installs it");
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let issuer = line(&mut lines);
        Self { process, lines, issuer }
    }

    fn serves(&mut self, redirect: &str) {
        writeln!(self.process.stdin.as_mut().unwrap(), "{redirect}").unwrap();
        assert_eq!(line(&mut self.lines), "ready");
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

fn line(lines: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line.trim().to_owned()
}

/// The directory with the provider's package, which is fetched once.
fn installed() -> &'static Path {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/sso");
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("oidc-provider");
        std::fs::create_dir_all(&directory).unwrap();
        let differs = |file: &str| {
            let there = std::fs::read(directory.join(file)).ok();
            there != Some(std::fs::read(source.join(file)).unwrap())
        };
        let is_old = differs("package-lock.json") || !directory.join("node_modules/oidc-provider").exists();
        for file in ["package.json", "package-lock.json", "provider.mjs"] {
            std::fs::copy(source.join(file), directory.join(file)).unwrap();
        }
        if is_old {
            let npm = Command::new("npm")
                .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                .current_dir(&directory)
                .output()
                .expect("npm; scripts/test installs it");
            assert!(npm.status.success(), "npm ci: {}", String::from_utf8_lossy(&npm.stderr));
        }
        directory
    })
}

/// Somebody's browser, at the provider only.
struct Browser {
    client: Client,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    fn new(client: &Client) -> Self {
        Self { client: client.clone(), cookies: BTreeMap::new() }
    }

    async fn ask(&mut self, url: &str, form: Option<&[(&str, &str)]>) -> Response {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match form {
            None => self.client.get(url),
            Some(form) => self
                .client
                .post(url)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(serde_urlencoded::to_string(form).unwrap()),
        };
        let answer = request.header(COOKIE, cookies.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Signs in and agrees, and says where the provider then leads to.
    async fn signs_in(&mut self, mut url: String, name: &str, back: &str) -> String {
        for _ in 0..20 {
            if url.starts_with(back) {
                return url;
            }
            let mut answer = self.ask(&url, None).await;
            if answer.status() == 200 {
                // A form of the provider's own: first to sign in, then to agree.
                let page = answer.text().await.unwrap();
                let is_consent = page.contains("value=\"consent\"");
                let form: &[(&str, &str)] = if is_consent {
                    &[("prompt", "consent")]
                } else {
                    &[("prompt", "login"), ("login", name), ("password", "any")]
                };
                answer = self.ask(&url, Some(form)).await;
            }
            assert!(answer.status().is_redirection(), "{} at {url}", answer.status());
            let to = answer.headers()[LOCATION].to_str().unwrap();
            url = url::Url::parse(&url).unwrap().join(to).unwrap().into();
        }
        panic!("the provider leads in circles, lastly to {url}");
    }
}

async fn sign_in(server: &Server, name: &str) -> Response {
    let begun = super::begin(server, "?next=%2Faccount").await;
    let callback = server.url("/sign-in/oidc/callback");
    let back = Browser::new(&server.client).signs_in(begun.to, name, &callback).await;
    let pairs: Vec<(String, String)> = url::Url::parse(&back).unwrap().query_pairs().into_owned().collect();
    come_back(server, &begun.cookie, &pairs).await
}

fn registration(issuer: &str, algorithm: &str) -> Registration {
    Registration {
        issuer: issuer.to_owned(),
        client_id: format!("indelible-{algorithm}"),
        client_secret: Some(SECRET.to_owned()),
        role_claim: "roles".to_owned(),
        scopes: vec!["profile".to_owned()],
    }
}

#[tokio::test]
async fn people_sign_in_with_a_real_provider() {
    for (algorithm, way) in [("RS256", "by-the-book"), ("RS256", "in-token")] {
        let mut provider = Provider::start(way);
        let server = server_with(registration(&provider.issuer, algorithm)).await;
        provider.serves(&server.url("/sign-in/oidc/callback"));
        server.appended(entry("")).await;
        let answer = sign_in(&server, "ana").await;
        assert_eq!(answer.status(), 303, "{way}");
        assert_eq!(answer.headers()[LOCATION], "/account");
        let cookie = session(&answer).unwrap();
        let entries = |site: &str| {
            server.client.get(server.url(&format!("/api/v1/sites/{site}/entries"))).header(COOKIE, &cookie)
        };
        assert_eq!(entries("acme.www").send().await.unwrap().status(), 200);
        refused(entries("_system"), 404, "unknown_site", "-").await;
        super::turned_away(sign_in(&server, "eve").await, "eve has no role here").await;
    }
}
