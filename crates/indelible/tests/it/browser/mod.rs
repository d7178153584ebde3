//! The screens as a person sees them, in Chromium.

mod activity;
mod connectors;
mod driver;
mod entry;
mod everywhere;
mod extremes;
mod pages;
mod revert;
mod scripts;
mod settings;
mod sign_in;

use std::sync::Arc;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, Locator};
use model::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};

use self::driver::{Driver, Session};
use crate::support::Server;

/// How long a page may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A browser that no other test uses at the same time.
pub(crate) struct Browser {
    client: Client,
    driver: Arc<Driver>,
    session: Option<Session>,
    /// The server that it looks at: `http://127.0.0.1:…`.
    server: String,
    /// Whether other tests can use it as it is.
    is_plain: bool,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        // What a failed test leaves behind is not for others.
        if self.is_plain && !std::thread::panicking() {
            self.driver.put_back(session);
        } else {
            self.driver.end(&session);
        }
    }
}

impl Browser {
    /// A browser that looks at this server; nobody is signed in.
    pub(crate) async fn open(server: &Server) -> Self {
        let driver = Driver::shared();
        let session = match driver.idle_session() {
            Some(session) => session,
            None => driver.new_session(|profile| capabilities(profile, &json!({}))).await,
        };
        let browser = Self::of(server, driver, session, true);
        browser.cdp("Network.clearBrowserCookies", &json!({})).await;
        browser.complaints().await;
        browser.resize(1440, 900).await;
        browser
    }

    /// A browser in which no page can run scripts.
    pub(crate) async fn open_without_scripts(server: &Server) -> Self {
        let driver = Driver::shared();
        let preferences = json!({"profile.managed_default_content_settings.javascript": 2});
        let session = driver.new_session(|profile| capabilities(profile, &preferences)).await;
        Self::of(server, driver, session, false)
    }

    fn of(server: &Server, driver: Arc<Driver>, session: Session, is_plain: bool) -> Self {
        let client = session.client.clone();
        Self { client, driver, session: Some(session), server: server.url(""), is_plain }
    }

    /// A browser in which a token with this role is signed in.
    pub(crate) async fn signed_in(server: &Server, role: Role, site: Option<&str>) -> Self {
        let browser = Self::open(server).await;
        browser.sign_in(&server.token(role, site)).await;
        browser
    }

    pub(crate) async fn sign_in(&self, token: &str) {
        self.go("/sign-in").await;
        self.fill("token", token).await;
        self.press("form:has(#token) button").await;
    }

    /// Sets the size of the page itself.
    pub(crate) async fn resize(&self, width: u32, height: u32) {
        let parameters = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.cdp("Emulation.setDeviceMetricsOverride", &parameters).await;
    }

    /// A command of the protocol of Chromium's developer tools.
    async fn cdp(&self, command: &str, parameters: &Value) {
        self.command("goog/cdp/execute", &json!({"cmd": command, "params": parameters})).await;
    }

    /// A command of chromedriver's own.
    async fn command(&self, path: &str, body: &Value) -> Value {
        let session = self.session.as_ref().map_or("", |session| session.id.as_str());
        let url = format!("{}/session/{session}/{path}", self.driver.url());
        let answer = reqwest::Client::new().post(url).json(body).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json::<Value>().await.unwrap()["value"].take()
    }

    /// What went wrong while pages were loaded and shown, except that a page was not there.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let messages = self.command("se/log", &json!({"type": "browser"})).await;
        let messages = messages.as_array().unwrap().iter();
        let wrong =
            messages.filter(|message| matches!(message["level"].as_str(), Some("SEVERE" | "WARNING")));
        let text = wrong.map(|message| message["message"].as_str().unwrap_or_default().to_owned());
        text.filter(|text| !text.contains("the server responded with a status of 4")).collect()
    }

    pub(crate) async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.server)).await.unwrap();
    }

    /// Path and query of the page.
    pub(crate) async fn place(&self) -> String {
        let url = self.client.current_url().await.unwrap();
        url.as_str().strip_prefix(&self.server).unwrap().to_owned()
    }

    pub(crate) async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    pub(crate) async fn find(&self, css: &str) -> Element {
        let found = self.client.find(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("`{css}`: {error}"))
    }

    /// Clicks what stays on the page.
    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Clicks what leads to another page.
    pub(crate) async fn press(&self, css: &str) {
        let target = self.find(css).await;
        self.leave(async || target.click().await.unwrap()).await;
    }

    /// Follows the link with this text.
    pub(crate) async fn follow(&self, text: &str) {
        let link = self.client.find(Locator::LinkText(text)).await;
        let link = link.unwrap_or_else(|error| panic!("link “{text}”: {error}"));
        self.leave(async || link.click().await.unwrap()).await;
    }

    /// Does something that leads to another page, and waits for that: the driver does not always.
    pub(crate) async fn leave(&self, action: impl AsyncFnOnce()) {
        let page = self.find("html").await;
        action().await;
        let gone = async {
            while page.tag_name().await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, gone).await.expect("another page");
    }

    /// Types into the field with this id.
    pub(crate) async fn fill(&self, id: &str, text: &str) {
        let field = self.find(&format!("#{id}")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// The texts of all elements, as they are shown, on one line.
    pub(crate) async fn texts(&self, css: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.split(/\\s+/).join(' ').trim())";
        serde_json::from_value(self.run(script, css).await).unwrap()
    }

    /// The text of the first element.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.texts(css).await.into_iter().next().unwrap_or_else(|| panic!("there is no `{css}`"))
    }

    /// An attribute of all elements that have it.
    pub(crate) async fn attributes(&self, css: &str, name: &str) -> Vec<String> {
        let script = format!(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.getAttribute('{name}'))\
             .filter(value => value !== null)"
        );
        serde_json::from_value(self.run(&script, css).await).unwrap()
    }

    pub(crate) async fn count(&self, css: &str) -> u64 {
        self.run("return document.querySelectorAll(arguments[0]).length", css).await.as_u64().unwrap()
    }

    pub(crate) async fn run(&self, script: &str, argument: &str) -> Value {
        self.client.execute(script, vec![json!(argument)]).await.unwrap()
    }
}

fn capabilities(profile: &str, preferences: &Value) -> Capabilities {
    let arguments =
        ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars"];
    let profile = format!("--user-data-dir={profile}");
    let arguments: Vec<&str> = arguments.into_iter().chain([profile.as_str()]).collect();
    let capabilities = json!({
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {"args": arguments, "prefs": preferences},
    });
    serde_json::from_value(capabilities).unwrap()
}

/// A test server with entries in the site `acme.www`.
pub(crate) async fn server_with(entries: &[Value]) -> Server {
    let server = Server::start().await;
    append(&server, "acme.www", entries).await;
    server
}

pub(crate) async fn append(server: &Server, site: &str, entries: &[Value]) {
    let body = serde_json::to_string(entries).unwrap();
    let (status, answer) = server.post(&format!("/api/v1/sites/{site}/entries"), body).await;
    assert_eq!((status, &answer["rejected"]), (StatusCode::OK, &json!(0)), "{answer}");
}
