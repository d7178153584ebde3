//! A server of the test's own: a real one, on a free port, over a directory that goes with it.

use std::net::SocketAddr;
use std::path::Path;

use indelible::access::{Caller, Gate, new_token};
use indelible::api::App;
use indelible::{Indelible, OpenOptions, server};
use model::Role;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A running server. Dropping it stops it.
pub(crate) struct Server {
    pub(crate) indelible: Indelible,
    pub(crate) address: SocketAddr,
    /// A super admin's token.
    pub(crate) root: String,
    directory: TempDir,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Server {
    /// A server of a new installation with the site `acme.www`.
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Self::start_in(directory).await;
        server.create_site("acme.www");
        server
    }

    /// A server of the installation in a directory.
    pub(crate) async fn start_in(directory: TempDir) -> Self {
        let indelible = Indelible::open(directory.path(), &OpenOptions::default()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = App::new(indelible.clone(), Gate::new(indelible.store().clone()), None);
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let stop = async { drop(stopped.await) };
            server::serve(listener, app, stop).await.unwrap();
        });
        let root = token(&indelible, "root", Role::SuperAdmin, None);
        Self { indelible, address, root, directory, stop: Some(stop), serving }
    }

    /// Stops the server and keeps its directory.
    pub(crate) async fn stop(mut self) -> TempDir {
        drop(self.stop.take());
        self.serving.await.unwrap();
        self.directory
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn create_site(&self, id: &str) {
        let indelible = self.indelible.clone();
        let id: model::SiteId = id.parse().unwrap();
        std::thread::spawn(move || indelible.create_site(id.clone(), id.as_str(), &Caller::local("test")))
            .join()
            .unwrap()
            .unwrap();
    }

    /// A token with this role, for one site or all.
    pub(crate) fn token(&self, role: Role, site: Option<&str>) -> String {
        token(&self.indelible, role.as_str(), role, site)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request with a super admin's token.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        reqwest::Client::new()
            .request(method, self.url(path))
            .header(AUTHORIZATION, format!("Bearer {}", self.root))
    }

    /// GET, as JSON.
    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        json(self.request(Method::GET, path).send().await.unwrap()).await
    }

    /// POST of a JSON text, as it is.
    pub(crate) async fn post(&self, path: &str, body: impl Into<String>) -> (StatusCode, Value) {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, "application/json");
        json(request.body(body.into()).send().await.unwrap()).await
    }
}

/// Makes a token.
pub(crate) fn token(indelible: &Indelible, name: &str, role: Role, site: Option<&str>) -> String {
    let made = new_token(name, role, site.map(|site| site.parse().unwrap())).unwrap();
    let (indelible, kept) = (indelible.clone(), made.token);
    // The journal's blocking calls must not run on a thread of the async runtime.
    std::thread::spawn(move || indelible.create_token(&kept, &Caller::local("test")))
        .join()
        .unwrap()
        .unwrap();
    made.secret.reveal().to_owned()
}

/// Status and body; a body that is no JSON is a text.
pub(crate) async fn json(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
    (status, body)
}

/// An entry's JSON with these further fields, `,"a":1`.
pub(crate) fn entry(fields: &str) -> String {
    format!(r#"{{"action":"page.update","entity":{{"type":"page","id":"1","title":"Home"}}{fields}}}"#)
}
